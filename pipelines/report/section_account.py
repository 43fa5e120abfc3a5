"""What came in and what is not there: the account of source files, who has which measurement, and missing pieces."""

from dataclasses import replace
from typing import Any

import polars as pl

from pipelines.report.labels import capitalized, cycle, label, readable
from pipelines.report.numerals import NONE, count
from pipelines.report.order import ordered
from pipelines.report.views import Cell, Column, Row, Table, Tone, hidden_cell, number, tagged, text

_COUNTS = ("rows_in", "rows_staged", "rows_duplicate", "rows_quarantined", "rows_out_of_scope")


def account_table(frame: pl.DataFrame, threshold: int) -> Table:
    """Every source file: rows in against what became of them; files that were refused come first, folded away."""
    unusual = frame.filter(pl.col("status_code") == "rejected")
    rest = frame.filter(pl.col("status_code") != "rejected")
    rows = [_file(row, threshold) for row in (*unusual.iter_rows(named=True), *rest.iter_rows(named=True))]
    columns = (
        Column("File"),
        Column("What became of it", "raw table"),
        Column("Rows in", is_number=True),
        Column("Staged", is_number=True),
        Column("Duplicate", is_number=True),
        Column("Set aside", is_number=True),
        Column("Out of scope", is_number=True),
        Column("Account"),
    )
    caption = f"{count(frame.height)} source files, row by row accounted for"
    note = "Rows in = staged + duplicate + set aside + out of scope. Set aside: rejected with a reason, and counted."
    return Table(
        caption, "mart.source_file", columns, tuple(rows), note=note, is_folded=True, is_sortable=True, filters=(1, 7)
    )


def account_sentence(frame: pl.DataFrame) -> str:
    """How many files there were, and whether every account that can be checked adds up."""
    verdicts = [_balance(row)[0] for row in frame.iter_rows(named=True)]
    adding, off = verdicts.count("adds up"), verdicts.count("does not add up")
    hidden = verdicts.count("has hidden counts")
    rows_in = int(frame["rows_in"].sum())
    said = (
        f"{count(frame.height)} files with {count(rows_in)} rows in all. The account of {count(adding)} files adds up"
    )
    said += f"; {count(hidden)} have counts hidden by disclosure control and cannot be checked here" if hidden else ""
    return said + (f"; {count(off)} do not add up: do not rely on this build before that is explained." if off else ".")


def _file(row: dict[str, Any], threshold: int) -> Row:
    words, tone = _balance(row)
    cells = (
        _became(row),
        *(_count(row, column, threshold) for column in _COUNTS),
        tagged(words, tone),
    )
    return Row(row["source_file"], cells)


def _became(row: dict[str, Any]) -> Cell:
    words, table = label(row["status_code"]), row["table_name"] or ""
    return tagged(words, "bad", note=table) if row["status_code"] == "rejected" else text(words, table)


def _count(row: dict[str, Any], column: str, threshold: int) -> Cell:
    if row[column] is not None:
        return Cell(count(row[column]), is_number=True, sort=row[column])
    return hidden_cell(threshold) if row["is_suppressed"] else number(NONE)


def _balance(row: dict[str, Any]) -> tuple[str, Tone]:
    values = [row[column] for column in _COUNTS]
    if row["is_suppressed"]:
        return "has hidden counts", "plain"
    if all(value is None for value in values):
        return "not read", "plain"
    if any(value is None for value in values):
        return "incomplete", "unsure"
    return ("adds up", "good") if values[0] == sum(values[1:]) else ("does not add up", "bad")


def coverage_tables(frame: pl.DataFrame, threshold: int) -> tuple[Table, ...]:
    """How many people have which measurement, cycles across: everybody, then women and men folded away."""
    everybody = _coverage("People with each measurement", frame.filter(pl.col("sex_code") == "all"), threshold)
    by_sex = _coverage("People with each measurement, by sex", frame.filter(pl.col("sex_code") != "all"), threshold)
    return tuple(table for table in (everybody, replace(by_sex, is_folded=bool(everybody.rows))) if table.rows)


def _coverage(caption: str, frame: pl.DataFrame, threshold: int) -> Table:
    cycles = frame["cycle_label"].unique().sort().to_list()
    keyed = {(row["measurement"], row["sex_code"], row["cycle_label"]): row for row in frame.iter_rows(named=True)}
    rows: list[Row] = []
    for measurement in ordered(frame["measurement"], "measurement"):
        name = capitalized(readable(label(measurement)))
        sexes = ordered(frame.filter(pl.col("measurement") == measurement)["sex_code"], "sex_code")
        if sexes != ["all"]:
            rows.append(Row(name))
        for sex in sexes:
            found = tuple(_people(keyed.get((measurement, sex, each)), threshold) for each in cycles)
            rows.append(Row(name if sexes == ["all"] else capitalized(label(sex)), found, is_indented=sex != "all"))
    columns = (Column("Measurement"), *(Column(cycle(each), is_number=True) for each in cycles))
    return Table(caption, "mart.measurement_count", columns, tuple(rows))


def _people(row: dict[str, Any] | None, threshold: int) -> Cell:
    if row is None:
        return Cell(NONE, is_number=True, is_muted=True)
    if row["is_suppressed"] or row["n"] is None:
        return hidden_cell(threshold)
    return Cell(count(row["n"]), is_number=True, is_muted=row["n"] == 0)


def missing_table(frame: pl.DataFrame) -> Table:
    """What cannot be computed: one row per group of files and consequence, with the cycles it holds for."""
    said: dict[tuple[str, str], list[str]] = {}
    for row in frame.iter_rows(named=True):
        consequence = row["consequence"].removeprefix(f"{row['cycle_label']}: ").removeprefix("all cycles: ")
        said.setdefault((row["file_group"], capitalized(consequence)), []).append(cycle(row["cycle_label"]))
    rows = tuple(
        Row(consequence, (text(", ".join(cycles)), text(_files(group))))
        for (group, consequence), cycles in said.items()
    )
    columns = (Column("What cannot be computed"), Column("Cycles"), Column("Files that would give it"))
    return Table("Missing pieces", "mart.missing_piece", columns, rows)


def _files(group: str) -> str:
    """The files of a group without what they give, which the consequence says."""
    files = group.split(":")[0]
    return files.upper() if files.islower() else files
