"""The rows that were set aside: counted by reason, named by file and row, and compared before and after a change of rules.

Never a value, never a person id: a row is named by its file and number, and whoever may see the drop finds it there. Rules
themselves are SQL, lists in `sql/ref`, and landing.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

import polars as pl

from pipelines.settings import Settings
from pipelines.warehouse import ledger
from pipelines.warehouse.quarantine_remedy import remedy_of
from pipelines.warehouse.store import Store

ROW = ("source_file", "source_row")
SUMMARY = ("source_file", "table_name", "rule_code", "reason", "remedy", "n")


@dataclass(frozen=True, slots=True)
class Filter:
    """Which rows: of a source table (`measurement` or `raw.omop_measurement`), a rule, a file (a pattern with * and ?)."""

    table: str | None = None
    rule: str | None = None
    file: str | None = None

    def matches(self, table: str | None, rule: str | None, file: str) -> bool:
        """Whether a row of such a table, rule and file is meant; what is not asked matches everything."""
        named = (table or "").removeprefix("raw.")
        return (
            (self.table is None or self.table.removeprefix("raw.") in (named, named.partition("_")[2]))
            and (self.rule is None or rule is None or self.rule == rule)
            and (self.file is None or file == self.file or fnmatchcase(file, self.file))
        )


def set_aside(settings: Settings, wanted: Filter = Filter()) -> pl.DataFrame:
    """Every row in quarantine: source_file, source_row, table_name, rule_code, reason; sorted, without people."""
    store = Store(settings)
    rows = store.scan("staging.quarantine").select(*ROW, "rule_code", "reason").unique().collect()
    tables = store.scan("raw.manifest").select("source_file", "table_name").unique("source_file").collect()
    found = rows.join(tables, on="source_file", how="left")
    kinds = found.select("source_file", "table_name", "rule_code").unique()
    meant = [(file, rule) for file, table, rule in kinds.iter_rows() if wanted.matches(table, rule, file)]
    kept = pl.DataFrame(meant, schema={"source_file": pl.String, "rule_code": pl.String}, orient="row")
    held = found.join(kept, on=["source_file", "rule_code"], how="semi")
    return held.select(*ROW, "table_name", "rule_code", "reason").sort(*ROW, "rule_code")


def summary(rows: pl.DataFrame) -> pl.DataFrame:
    """How many rows of each file were set aside for which reason, and what to do: columns as in `SUMMARY`."""
    counted = rows.group_by("source_file", "table_name", "rule_code", "reason").agg(pl.len().alias("n"))
    told = [remedy_of(rule, reason) for rule, reason in counted.select("rule_code", "reason").iter_rows()]
    return (
        counted.with_columns(
            pl.Series("reason", [reason for reason, _ in told], dtype=pl.String),
            pl.Series("remedy", [remedy for _, remedy in told], dtype=pl.String),
        )
        .select(SUMMARY)
        .sort("n", "source_file", "rule_code", descending=[True, False, False])
    )


@dataclass(frozen=True, slots=True)
class Readmitted:
    """What a change of rules did. Each frame: rule_code and n; `left` also what became of the rows (`now`)."""

    left: pl.DataFrame
    still: pl.DataFrame
    new: pl.DataFrame

    @property
    def rows_left(self) -> int:
        return int(self.left["n"].sum())

    @property
    def rows_still(self) -> int:
        return int(self.still["n"].sum())


def compare(settings: Settings, before: pl.DataFrame, wanted: Filter = Filter()) -> Readmitted:
    """What became of rows that were set aside, now that staging was run again: by the rule that held them.

    `now`: staged, duplicate or out_of_scope; `withdrawn or no longer delivered` where the row is not there any more.
    """
    after = set_aside(settings)
    fate = (
        Store(settings)
        .scan("staging.source_row")
        .filter(pl.col("record_number") == 1)
        .select(*ROW, pl.col("disposition").cast(pl.String).alias("now"))
        .join(before.lazy().select(ROW).unique(), on=ROW, how="semi")
        .collect()
    )
    gone = before.join(after, on=ROW, how="anti").join(fate, on=ROW, how="left")
    gone = gone.with_columns(pl.col("now").fill_null("withdrawn or no longer delivered"))
    fresh = after.join(before, on=ROW, how="anti")
    fresh = fresh.join(set_aside(settings, wanted), on=[*ROW, "rule_code"], how="semi")
    return Readmitted(
        left=_counted(gone, "rule_code", "now"),
        still=_counted(before.join(after, on=ROW, how="semi"), "rule_code"),
        new=_counted(fresh, "rule_code"),
    )


def forget_rejecting_parts(settings: Settings, wanted: Filter = Filter()) -> tuple[str, ...]:
    """Have every part with rows that landing rejected landed again by the next landing; returns their files."""
    files = []
    for entry in ledger.entries(settings):
        rules: Iterable[str] = (said.partition(": ")[0] for said in entry.rejected)
        if any(wanted.matches(entry.table, rule, entry.source_file) for rule in rules):
            ledger.forget(settings, entry)
            files.append(entry.source_file)
    return tuple(sorted(files))


def _counted(rows: pl.DataFrame, *by: str) -> pl.DataFrame:
    return rows.group_by(by).agg(pl.len().alias("n")).sort("n", *by, descending=[True, *[False] * len(by)])
