"""The page of validation is what its script makes of the frozen figures, and every test it names is there."""

import ast
import json
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="module")
def script(root: Path) -> ModuleType:
    sys.path.insert(0, str(root / "docs"))
    try:
        import validation
    finally:
        sys.path.remove(str(root / "docs"))
    return validation


def test_the_page_is_the_one_made_again(root: Path, script: ModuleType) -> None:
    text = (root / "docs" / "validation.md").read_text()
    rows = json.loads((root / "docs" / "validation.json").read_text())
    assert script.with_tables(text, rows) == text, "run make docs"
    assert text.count(": begin -->") == text.count(": end -->") == 6


def test_our_frozen_values_keep_their_tolerances(root: Path) -> None:
    rows = json.loads((root / "docs" / "validation.json").read_text())
    assert len(rows) >= 23 and sum(row["ours"] is None for row in rows) == 1
    for row in rows:
        if row["ours"] is None:
            assert row["why_not"]
            continue
        assert len(row["ours"]) == len(row["published"]), row["id"]
        for ours, theirs in zip(row["ours"], row["published"], strict=True):
            scale = abs(theirs) if row["is_relative"] else 1.0
            assert abs(ours - theirs) <= row["tolerance"] * scale, row["id"]


def functions(path: Path) -> set[str]:
    return {node.name for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)}


def test_every_test_that_is_named_is_there(root: Path, script: ModuleType) -> None:
    recovered = script.recovered
    named = [test for _, test in recovered.FURTHER] + [test for each in recovered.SELF_TESTS for test in each.tests]
    named += [f"recovery/{case.file}::{case.test}" for case in recovered.cases().cases]
    assert len(recovered.SELF_TESTS) == 8
    for node in named:
        file, _, test = node.partition("::")
        assert test.partition("[")[0] in functions(root / "tests" / file), node


def test_every_naive_form_is_one_of_the_tests_it_names(root: Path, script: ModuleType) -> None:
    """The parameter of each case is a word of its file: a mutant renamed there is missed here."""
    for case in script.recovered.cases().cases:
        parameter = re.search(r"\[(.*)\]", case.test)
        if parameter and case.naive:
            text = (root / "tests" / "recovery" / case.file).read_text()
            parts = [parameter[1]] if parameter[1] in text else parameter[1].split("-")
            assert all(part in text for part in parts), case.test


def test_what_is_missing_is_said(script: ModuleType) -> None:
    told = script.recovered.cases()
    empty = told._replace(rows={})
    assert script.recovered.whole(empty).count("| missing |") == sum(not case.naive for case in told.cases)
    assert "fails |" not in script.recovered.kills(empty)
    assert "missing" not in script.recovered.kills(told), "every engine has every naive form that can be asked of it"
    assert "missing" in script.recovered.kills(told._replace(cases=[])), "a form that is gone is told"
