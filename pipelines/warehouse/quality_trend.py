"""The trend of data checks over published runs: one small file a run in `HOME/state/trend`, which outlives the builds.

Each holds the verdicts of its run and hashes of what they rest on, so that a change has a cause: `new rows`, `code`,
`reference table`, `setting`, `threshold`. Files are never released; `mart.quality_trend` is made from them here.
"""

from collections.abc import Iterable
from functools import cache, partial
from hashlib import sha256
from pathlib import Path

import numpy as np
import polars as pl

from pipelines.run_facts import RunFacts
from pipelines.settings import Settings
from pipelines.tables import CONTRACTS
from pipelines.warehouse.parquet import facts_of, fingerprint_of, row_count, write_frame
from pipelines.warehouse.released_quality import hidden
from pipelines.warehouse.step import CsvProducer, Step
from pipelines.warehouse.store import Store

TABLE = "mart.quality_trend"
RESULTS = "mart.quality_result"
KEPT_RUNS = 14
# What whoever judges writes in the footer of a file of verdicts: hash of the suite, of the judge, and the tables it reads.
SUITE, JUDGE, READS = "trabecula.suite", "trabecula.judge", "trabecula.reads"
# The hash of a record that differs, and the cause that it means.
CAUSES = {
    "input_version": "new rows",
    "code_version": "code",
    "reference_version": "reference table",
    "setting_version": "setting",
    "suite_version": "threshold",
}
_COUNTS = ("n_evaluated", "n_violated")
_VERDICT = ("check_id", "table_name", "stratum", *_COUNTS, "threshold", "status")
_RECORD: dict[str, type[pl.DataType]] = {
    **dict.fromkeys(("build_id", "built_at", "check_id", "table_name", "stratum", "status", *CAUSES), pl.String),
    **dict.fromkeys(_COUNTS, pl.Int64),
    "threshold": pl.Float64,
}
_SERIES = ["check_id", "stratum"]


def versions(store: Store, steps: Iterable[Step], run: RunFacts) -> pl.DataFrame:
    """What the verdicts on each judged table rest on: `table_name` and one hash a column of `CAUSES`.

    A table rests on everything that it, and the tables its suite reads, are computed from: raw files by fingerprint and
    number of rows, code by its text, code lists by theirs, and what the run was asked.
    """
    by_table = {step.table: step for step in steps}
    code_of = {name: step.code_version() for name, step in by_table.items()}
    files = cache(partial(files_of, store))
    rows = []
    for path in store.files(RESULTS):
        facts = facts_of(path)
        tables = behind({path.stem, *facts.get(READS, "").split()}, by_table)
        made = [by_table[name] for name in tables if name in by_table]
        code = [code_of[step.table] for step in made if not isinstance(step.producer, CsvProducer)]
        rows.append(
            {
                "table_name": path.stem,
                "input_version": hash_of(files(name) for name in tables if name not in by_table),
                "code_version": hash_of([*code, facts.get(JUDGE, "")]),
                "reference_version": hash_of(
                    code_of[step.table]
                    for step in made
                    if step.table.startswith("ref.") and isinstance(step.producer, CsvProducer)
                ),
                "setting_version": hash_of(sorted(step.facts(run).items()) for step in made),
                "suite_version": facts.get(SUITE),
            }
        )
    return pl.DataFrame(rows, schema=dict.fromkeys(("table_name", *CAUSES), pl.String))


def record(results: pl.DataFrame, on: pl.DataFrame | None, build_id: str, built_at: str) -> pl.DataFrame:
    """The verdicts of a run as they are kept: rows of `mart.quality_result`, with the `versions` they rest on."""
    signed = results.select(_VERDICT).with_columns(
        pl.lit(build_id).alias("build_id"), pl.lit(built_at).alias("built_at"), pl.col("status").cast(pl.String)
    )
    on = pl.DataFrame(schema=dict.fromkeys(("table_name", *CAUSES), pl.String)) if on is None else on
    return signed.join(on, on="table_name", how="left").select(*_RECORD).cast(_RECORD)  # ty: ignore[invalid-argument-type]


def keep(settings: Settings, record: pl.DataFrame, build_id: str) -> None:
    """Keep the record of a published run, and the latest `KEPT_RUNS` in all."""
    write_frame(record.lazy(), _folder(settings) / f"{build_id}.parquet", build_id)
    for path in _kept(settings)[:-KEPT_RUNS]:
        path.unlink()


def forget(settings: Settings) -> None:
    """Delete every record: people who withdrew are counted in them, and a difference of two runs would tell of them."""
    for path in _kept(settings):
        path.unlink()


def trend(settings: Settings, now: pl.DataFrame, min_cell: int, *, is_told: bool = False) -> pl.DataFrame:
    """`mart.quality_trend`: the runs on record and the present one, after disclosure control.

    A count hidden in one run is hidden in all, and so is a count that differs by fewer than `min_cell` from that of a
    later run shown: the difference would be a few rows. Counts on record that are as they were told stay so.

    Args:
        is_told: the record holds counts as the release ledger let them be told (`telling`).
    """
    past = [pl.read_parquet(path) for path in _kept(settings)[-(KEPT_RUNS - 1) :]]
    whole = pl.concat([pl.DataFrame(schema=_RECORD), *past, now]).sort("build_id", "check_id", "stratum")
    if is_told:
        shown = whole.with_columns(pl.col(name).alias(f"{name}_shown") for name in _COUNTS)
    else:
        shown = _without_small_differences(_hidden_in_any(whole, min_cell), whole, min_cell)
    rate = pl.col("n_violated_shown") / pl.col("n_evaluated_shown")
    table = (
        shown.with_columns(_cause(), rate=pl.when(pl.col("n_evaluated_shown") > 0).then(rate))
        .with_columns(
            previous_status=pl.col("status").shift(1).over(_SERIES),
            rate_change=pl.col("rate") - pl.col("rate").shift(1).over(_SERIES),
            n_violated=pl.col("n_violated_shown"),
            n_evaluated=pl.col("n_evaluated_shown"),
        )
        .select(column.name for column in CONTRACTS[TABLE].columns)
    )
    return CONTRACTS[TABLE].schema.cast(table).sort(CONTRACTS[TABLE].key)


def _cause() -> pl.Expr:
    """Why a verdict is another than in the run before: everything it rests on that changed, in the order of `CAUSES`."""

    def differs(name: str) -> pl.Expr:
        return pl.col(name).ne_missing(pl.col(name).shift(1).over(_SERIES))

    causes = [
        pl.when(differs(name) | differs("threshold") if name == "suite_version" else differs(name)).then(pl.lit(cause))
        for name, cause in CAUSES.items()
    ]
    listed = pl.concat_str(causes, separator=", ", ignore_nulls=True)
    is_first = pl.col("build_id").cum_count().over(_SERIES) == 1
    is_changed = pl.any_horizontal([differs(name) for name in (*_COUNTS, "status")])
    return (
        pl.when(is_first)
        .then(pl.lit("first run"))
        .when(~is_changed)
        .then(pl.lit("none"))
        .when(listed == "")
        .then(pl.lit("unexplained"))
        .otherwise(listed)
        .alias("cause")
    )


def _hidden_in_any(whole: pl.DataFrame, min_cell: int) -> pl.DataFrame:
    """Adds `is_hidden_<count>`: hidden by the rules of a single run, in any run."""
    runs = [hidden(part, min_cell) for _, part in whole.group_by("build_id", maintain_order=True)]
    after = pl.concat([whole.clear(), *runs])
    marks = [(after[name].is_null() & whole[name].is_not_null()).alias(f"is_hidden_{name}") for name in _COUNTS]
    return whole.with_columns(marks).with_columns(pl.col(f"is_hidden_{name}").any().over(_SERIES) for name in _COUNTS)


def _without_small_differences(marked: pl.DataFrame, whole: pl.DataFrame, min_cell: int) -> pl.DataFrame:
    """Adds `<count>_shown`; from the latest run back, a count goes that lies close to one shown of a later run."""
    kept = whole["n_evaluated"] - whole["n_violated"]
    series = whole.select(pl.struct(_SERIES).rank("dense").cast(pl.Int64) - 1).to_series().to_numpy()
    run = whole.select(pl.col("build_id").rank("dense").cast(pl.Int64) - 1).to_series().to_numpy()
    shape = (int(series.max(initial=-1)) + 1, int(run.max(initial=-1)) + 1)
    columns = []
    for name, told_by in (("n_evaluated", ("n_evaluated",)), ("n_violated", ("n_violated", "kept"))):
        is_shown = np.ones(shape, dtype=bool)
        for source in told_by:
            counts = np.full(shape, np.nan)
            counts[series, run] = (kept if source == "kept" else whole[source]).cast(pl.Float64).to_numpy()
            is_shown &= _far_from_later(counts, min_cell)
        is_hidden = marked[f"is_hidden_{name}"] | pl.Series(~is_shown[series, run], dtype=pl.Boolean)
        columns.append(pl.select(pl.when(~is_hidden).then(whole[name])).to_series().alias(f"{name}_shown"))
    return marked.with_columns(columns)


def _far_from_later(counts: np.ndarray, min_cell: int) -> np.ndarray:
    """Of counts by series and run: none differs from a shown one of a later run by 1 to `min_cell` - 1."""
    is_shown = np.ones(counts.shape, dtype=bool)
    for run in range(counts.shape[1] - 2, -1, -1):
        gap = np.abs(counts[:, run + 1 :] - counts[:, [run]])
        is_shown[:, run] = ~(((gap > 0) & (gap < min_cell)) & is_shown[:, run + 1 :]).any(axis=1)
    return is_shown


def behind(tables: Iterable[str], by_table: dict[str, Step]) -> list[str]:
    """Tables and everything they are computed from, sorted."""
    found: set[str] = set()
    waiting = list(tables)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(by_table[name].inputs if name in by_table else ())
    return sorted(found)


def files_of(store: Store, table: str) -> tuple[str, tuple[tuple[str, str | None], ...], int]:
    """What a raw table is now: its files with their fingerprints, and how many rows it has."""
    files = store.files(table)
    folder = store.folder(table)
    return table, tuple((str(path.relative_to(folder)), fingerprint_of(path)) for path in files), row_count(files)


def hash_of(parts: Iterable[object]) -> str:
    """One hash of parts in their order."""
    return sha256(repr(list(parts)).encode()).hexdigest()[:16]


def _folder(settings: Settings) -> Path:
    return settings.home / "state" / "trend"


def _kept(settings: Settings) -> list[Path]:
    return sorted(_folder(settings).glob("*.parquet"))
