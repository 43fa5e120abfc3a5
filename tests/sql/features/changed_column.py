"""Changes a column of a feature table as its step makes it, runs the tests of the table, and tells the columns none holds.

`python tests/sql/features/changed_column.py features.bmd_change` prints the columns whose change went unnoticed, as JSON. NULL
stays NULL. Columns that say where a row was read (`source_id`, `source_file` …) are not asked, nor `person_id`. It is no test.
"""

import importlib
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import replace
from io import StringIO
from pathlib import Path
from unittest import mock

import polars as pl
import pytest

from pipelines.settings import sql_root
from pipelines.tables import CONTRACTS
from pipelines.tables.contract import Column
from pipelines.warehouse import sqlfile

FOLDERS = (Path(__file__).parent, Path(__file__).parents[2] / "unit" / "features")
NOT_ASKED = {"person_id", "source_id", "drop_id", "source_file", "source_row", "date_reason"}


def tables() -> tuple[str, ...]:
    """All tables of the layer that have tests of their own."""
    return tuple(table for table in CONTRACTS if table.startswith("features.") and tests_of(table))


def tests_of(table: str) -> list[str]:
    """Test files named after a table, or after it and what part of it they show."""
    name = table.split(".")[1]
    others = {other.split(".")[1] for other in CONTRACTS if other.startswith(f"features.{name}_")}
    found = (path for folder in FOLDERS for path in sorted(folder.glob(f"test_{name}*.py")))
    return [str(path) for path in found if not any(path.stem.startswith(f"test_{other}") for other in others)]


@contextmanager
def changed_in_sql(table: str, column: Column) -> Iterator[None]:
    """The query with the column changed, for whoever reads the file."""
    read, name, kind = sqlfile.read, f'"{column.name}"', column.duckdb_type
    by_type = {"VARCHAR": f"{name} || 'x'", "BOOLEAN": f"not {name}", "DOUBLE": f"{name} * 1.02 + 0.02"}
    other = by_type.get(kind, f"cast({name} + {'interval 1 day' if kind == 'TIMESTAMP' else '1'} as {kind})")

    def changed(path: Path) -> sqlfile.SqlFile:
        file = read(path)
        text = f"select * replace ({other} as {name}) from (\n{file.text}\n)"
        return replace(file, text=text) if file.table == table else file

    with mock.patch.object(sqlfile, "read", changed):
        yield


@contextmanager
def changed_in_python(table: str, column: Column) -> Iterator[None]:
    """The function of the step with the column of its frame changed, for whoever imports it."""
    name = table.split(".")[1]
    module = importlib.import_module(f"pipelines.features.{name}")
    made, here = getattr(module, name), pl.col(column.name)
    by_type = {"VARCHAR": here.cast(pl.String) + "x", "BOOLEAN": ~here, "DOUBLE": here * 1.02 + 0.02}
    other = by_type.get(column.duckdb_type, here + (pl.duration(days=1) if column.duckdb_type == "DATE" else 1))
    with mock.patch.object(module, name, lambda *given: made(*given).with_columns(other.alias(column.name))):
        yield


def noticed(table: str, column: Column) -> bool:
    """Whether a test of the table fails where this column is changed."""
    is_sql = (sql_root() / f"{table.replace('.', '/')}.sql").exists()
    with (changed_in_sql if is_sql else changed_in_python)(table, column):
        return _outcome(table) == pytest.ExitCode.TESTS_FAILED


def _outcome(table: str) -> int:
    # A test module already imported would keep the function as it was.
    for name in [name for name, module in sys.modules.items() if getattr(module, "__file__", None) in tests_of(table)]:
        del sys.modules[name]
    with redirect_stdout(StringIO()):
        return pytest.main(
            [*tests_of(table), "-x", "-p", "no:cacheprovider", "-p", "no:xdist", "--tb=no", "-W", "ignore"]
        )


def unheld(table: str) -> list[str]:
    """Columns of a table that may change and no test of the table fails.

    Raises:
        AssertionError: the tests fail where nothing is changed.
    """
    assert _outcome(table) == pytest.ExitCode.OK, f"the tests of {table} fail by themselves"
    columns = (column for column in CONTRACTS[table].columns if column.name not in NOT_ASKED)
    return [column.name for column in columns if not noticed(table, column)]


if __name__ == "__main__":
    print(json.dumps(unheld(sys.argv[1])))
