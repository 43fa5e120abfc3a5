"""No feature without a golden value: each column of a table of `features` is named in the tests of that table."""

import re
from pathlib import Path

import pytest

from pipelines.tables import CONTRACTS

FEATURES = [name for name in CONTRACTS if name.startswith("features.")]


def files_of(root: Path, table: str) -> list[Path]:
    """The test files of a table: by its name, in the folder of SQL or of Python steps."""
    name = table.split(".")[1]
    folders = (root / "tests" / "sql" / "features", root / "tests" / "unit" / "features")
    return [path for folder in folders for path in sorted(folder.glob(f"test_{name}*.py"))]


def untested(table: str, text: str) -> list[str]:
    """Columns of a table, keys apart, whose names do not stand in a text as a whole word."""
    columns = [c.name for c in CONTRACTS[table].columns if c.name not in CONTRACTS[table].key]
    return [name for name in columns if not re.search(rf"\b{name}\b", text)]


@pytest.mark.parametrize("table", FEATURES)
def test_every_column_is_named_in_the_tests_of_its_table(root: Path, table: str) -> None:
    files = files_of(root, table)
    assert files, "a table of features has a test file of its name"
    assert untested(table, "\n".join(path.read_text() for path in files)) == []


def test_a_column_without_a_test_is_found() -> None:
    assert untested("features.lipid_metabolic", "homa_ir, tyg_index_of_another") != []
    assert "homa_ir" not in untested("features.lipid_metabolic", "homa_ir")
    assert "tyg_index" in untested("features.lipid_metabolic", "tyg_index_of_another")
