"""Exported files as base R reads them: what R said is frozen beside its script, and has to be what is in the files.

Files are those of the made-up marts of the two formats. After a change of them: `Rscript read_exports.R`, as the slow test runs
it, into `read_exports.txt`.
"""

import runpy
import shutil
import subprocess
from pathlib import Path

import polars as pl
import pytest

from pipelines.export.cohort_method import cohort_method
from pipelines.export.summarised_result import SHAPES, summarised_result
from pipelines.export_files import _write

HERE = Path(__file__).parent
SCRIPT, FROZEN = HERE / "read_exports.R", HERE / "read_exports.txt"
darwin = runpy.run_path(str(HERE / "test_summarised_result.py"))
ohdsi = runpy.run_path(str(HERE / "test_cohort_method.py"))
NUMBERS = ("numeric", "integer", "percentage", "proportion")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both formats, written as the command writes them."""
    base = tmp_path_factory.mktemp("exports")
    mart = {shape.table: darwin["frame"](shape.table, *darwin["GIVEN"].get(shape.table, ())) for shape in SHAPES}
    _write(base / "summarised_result.csv", summarised_result(mart, "site", "0.1.0", 11, "real"), is_private=False)
    (base / "ohdsi").mkdir()
    given = {f"mart.{name}": ohdsi["frame"](name, *ohdsi["GIVEN"][name]) for name in ohdsi["READ"]}
    for name, table in cohort_method(given, "site").items():
        _write(base / "ohdsi" / f"{name}.csv", table, is_private=False)
    return base


def facts() -> dict[tuple[str, ...], list[str]]:
    """What R said, by its name and, where there are several, by what it is of."""
    found = {}
    for line in FROZEN.read_text().splitlines():
        name, *rest = line.split("\t")
        several = name in ("missing", "type", "uneven", "table")
        found[(name, rest[0]) if several else (name,)] = rest[1:] if several else rest
    return found


def test_r_reads_thirteen_columns_and_every_number(files: Path) -> None:
    said = facts()
    result = pl.read_csv(files / "summarised_result.csv", infer_schema=False, null_values="NA")
    assert said["columns",][0].split(",") == result.columns and len(result.columns) == 13
    assert said["rows",] == [str(result.height)] and said["result_id",] == ["integer", "0"]
    for column in result.columns[1:]:
        assert said["missing", column] == ["character", str(result[column].null_count())], column
    shown = result.filter(pl.col("estimate_value") != "-")
    assert said["hidden",] == [str(result.height - shown.height)] != ["0"]
    for kind in NUMBERS:
        values = shown.filter(estimate_type=kind)["estimate_value"].cast(pl.Float64)
        n, unread, total = said["type", kind]
        assert (n, unread) == (str(values.len()), "0"), kind
        assert float(total) == pytest.approx(values.sum(), rel=1e-12), kind
    assert said["fractions among integers",] == ["0"]
    assert all(said["uneven", pair] == ["0"] for pair in ("group", "strata", "additional"))


def test_r_loses_no_figure_of_an_identifier_and_takes_no_number_for_a_text(files: Path) -> None:
    said = facts()
    tables = {path.name: pl.read_csv(path, infer_schema_length=None) for path in (files / "ohdsi").glob("*.csv")}
    assert {of for name, of in (key for key in said if len(key) == 2) if name == "table"} == set(tables)
    for name, table in tables.items():
        rows, columns, total, broken, _ = said["table", name]
        ids = [column for column in table.columns if column.endswith("_id") and table[column].dtype.is_numeric()]
        assert (rows, columns, broken) == (str(table.height), str(table.width), "0"), name
        assert int(total) == sum(int((table[column].drop_nulls() % 1_000_003).sum()) for column in ids), name


def test_texts_are_texts_in_r(files: Path) -> None:
    for path in (files / "ohdsi").glob("*.csv"):
        table = pl.read_csv(path, infer_schema_length=None)
        texts = {
            column for column in table.columns if table[column].dtype == pl.String and table[column].drop_nulls().len()
        }
        assert set(facts()["table", path.name][4].split(",")) - {""} == texts - _logical(table), path.name


def _logical(table: pl.DataFrame) -> set[str]:
    return {name for name in table.columns if set(table[name].cast(pl.String).drop_nulls()) <= {"true", "false"}}


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("Rscript") is None, reason="no R: apt-get install r-base-core")
def test_the_frozen_lines_are_what_r_says(files: Path) -> None:
    asked = ["Rscript", "--vanilla", str(SCRIPT), str(files / "summarised_result.csv"), str(files / "ohdsi")]
    said = subprocess.run(asked, capture_output=True, text=True, check=True, timeout=120)
    assert said.stdout == FROZEN.read_text()
