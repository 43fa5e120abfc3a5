"""How much of a source's sigs the grammar reads: shares by confidence and the reasons for refusal. Counts of texts only."""

import polars as pl

_CODES = ("high", "medium", "low", "none")


def coverage(frame: pl.DataFrame) -> pl.DataFrame:
    """Counts and shares of parsed sigs by confidence, by blank dose and by reason code.

    Args:
        frame: rows of `parse_table`, one a distinct sig.

    Returns:
        Columns measure ('confidence', 'dose', 'flag'), code, n_sigs, share (of all rows, 0 to 1): the four confidences
        (zero included), 'mg_per_week' and 'blank', then the flags, most frequent first.
    """
    total = frame.height
    by_confidence = dict.fromkeys(_CODES, 0) | dict(frame["confidence_code"].value_counts().iter_rows())
    known = total - frame["mg_per_week"].null_count()
    flags = (
        frame.select(pl.col("flags").str.split(",").alias("code"))
        .explode("code")
        .filter(pl.col("code").is_not_null() & (pl.col("code") != ""))
        .group_by("code")
        .len("n")
        .sort("n", "code", descending=[True, False])
    )
    rows = [
        *(("confidence", code, by_confidence[code]) for code in _CODES),
        ("dose", "mg_per_week", known),
        ("dose", "blank", total - known),
        *(("flag", code, n) for code, n in flags.iter_rows()),
    ]
    schema = {"measure": pl.String, "code": pl.String, "n_sigs": pl.Int64}
    share = pl.col("n_sigs") / total if total else pl.lit(None, dtype=pl.Float64)
    return pl.DataFrame(rows, schema=schema, orient="row").with_columns(share=share)
