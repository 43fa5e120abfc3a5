"""Each SQL file has tests of its own."""

import pytest

from pipelines.warehouse import sqlfile


@pytest.mark.parametrize("table", [file.table for file in sqlfile.all_files()])
def test_has_a_test_file(table, root):
    layer, name = table.split(".")
    path = root / "tests" / "sql" / layer / f"test_{name}.py"
    assert path.is_file(), f"write {path.relative_to(root)}"
    assert f'"{table}"' in path.read_text()
