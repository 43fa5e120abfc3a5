"""The page that says which feature answers which item: all 88, every column, code and test file real."""

import re
from pathlib import Path

import pytest

from pipelines.settings import sql_root
from pipelines.tables import CONTRACTS
from pipelines.warehouse.step import read_csv

ITEMS = [f"F{number:02}" for number in range(1, 89)]
FEATURE = re.compile(r"`((?:features|staging|ref)\.[a-z0-9_]+)\.([a-z0-9_]+)(?:=([a-z0-9_]+))?`")
TEST = re.compile(r"`(tests/[a-z0-9_/]+\.py)`")
#: Columns whose values are rows of a code list.
LISTS = {
    "phenotype_code": ("ref.phenotype", "phenotype_code"),
    "covariate_code": ("ref.covariate", "covariate_code"),
    "marker_code": ("ref.marker", "marker_code"),
    "observation_code": ("ref.assessment", "observation_code"),
}
COMPUTED = {"srankl_opg_ratio"}


def rows(root: Path) -> dict[str, tuple[str, str]]:
    """Features and tests of each item."""
    lines = (root / "docs" / "methods" / "coverage.md").read_text().splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if re.match(r"\| F\d\d \|", line)]
    return {item: (features, tests) for item, _, features, tests in cells}


def values_of(table: str, column: str) -> set[str]:
    """Codes that may occur in a column, from its contract or the list behind it."""
    allowed = next(c.allowed for c in CONTRACTS[table].columns if c.name == column)
    if allowed:
        return set(allowed)
    name, key = LISTS[column]
    listing = read_csv(sql_root() / "ref" / f"{name.split('.')[1]}.csv", CONTRACTS[name]).collect()
    return set(listing[key].to_list()) | COMPUTED


def test_all_items_are_there_once_and_in_order(root: Path) -> None:
    lines = (root / "docs" / "methods" / "coverage.md").read_text().splitlines()
    assert [line[2:5] for line in lines if line.startswith("| F")] == ITEMS


@pytest.mark.parametrize("item", ITEMS)
def test_columns_codes_and_tests_exist(root: Path, item: str) -> None:
    features, tests = rows(root)[item]
    named = FEATURE.findall(features)
    assert named or "not observable: " in features, "a feature, or why there is none"
    assert features.count("`") == 2 * len(named), "every name in backticks reads table.column or table.column=code"
    for table, column, code in named:
        assert column in {c.name for c in CONTRACTS[table].columns}, f"{table} has no {column}"
        assert not code or code in values_of(table, column), f"{table}.{column} is never {code}"
    files = TEST.findall(tests)
    assert files or not named, "a feature has a test"
    assert tests.count("`") == 2 * len(files)
    assert all((root / file).is_file() for file in files)
