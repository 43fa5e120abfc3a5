"""What a release says of data checks: counts of few rows are hidden, and what would tell them by subtraction.

Pure rules on tables of verdicts. Which verdicts there are is no matter of this module, nor how they came about.
"""

import polars as pl

from pipelines.disclosure import hidden_parts

# The stratum of all rows that a check was asked of.
WHOLE_STRATUM = "all"
# Checks of what a table is made of count its columns, which the contract tells everybody; all others may count people.
OF_COLUMNS = r"\.(columns|types)$"
_MARKS = {"check_id": pl.String, "stratum": pl.String, "is_small": pl.Boolean, "is_told": pl.Boolean}


def hidden(found: pl.DataFrame, min_cell: int) -> pl.DataFrame:
    """Verdicts of one run with the counts that may be shown; the others are NULL.

    Strata of a check part its rows: small strata are hidden with what would give them away. The whole is shown unless
    it is as small itself.

    Args:
        found: columns check_id, stratum, n_violated and n_evaluated, and any others, which stay as they are.
    """
    counted = found.with_columns(kept=pl.col("n_evaluated") - pl.col("n_violated"))
    few = pl.any_horizontal(pl.col("n_violated", "kept").is_between(1, min_cell - 1))
    parts = counted.filter(pl.col("stratum") != WHOLE_STRATUM, pl.col("n_evaluated").is_not_null())
    marks = [_marks(part, min_cell) for _, part in parts.group_by("check_id", maintain_order=True)]
    told = counted.join(
        pl.concat([pl.DataFrame(schema=_MARKS), *marks]), on=("check_id", "stratum"), how="left", maintain_order="left"
    )
    is_told = pl.col("is_told").fill_null(value=False)
    is_few = pl.col("n_evaluated").is_between(1, min_cell - 1) & ~pl.col("check_id").str.contains(OF_COLUMNS)
    is_small = pl.col("is_small").fill_null(value=False) | is_few.fill_null(value=False)
    return told.with_columns(
        n_violated=pl.when(~(few | is_small | is_told)).then("n_violated"),
        n_evaluated=pl.when(~is_small).then("n_evaluated"),
    ).select(found.columns)


def _marks(strata: pl.DataFrame, min_cell: int) -> pl.DataFrame:
    """Of the strata of one check: `is_small`, all counts are hidden; `is_told`, those of broken and kept rows are."""
    small, broken, kept = (
        hidden_parts(strata[name].to_list(), min_cell) for name in ("n_evaluated", "n_violated", "kept")
    )
    told = [one or other for one, other in zip(broken, kept, strict=True)]
    return strata.select("check_id", "stratum", is_small=pl.Series(small), is_told=pl.Series(told))
