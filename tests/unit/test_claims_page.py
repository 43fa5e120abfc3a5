"""The page of claims shows the frozen ledgers; a survey finds what was expected; no ledger rests on rules of another day."""

import json
import runpy
from pathlib import Path
from typing import Any

import pytest

from pipelines.trials.claim_rule import CLAIM_IDS, claim_rules


@pytest.fixture(scope="module")
def script(root: Path) -> dict[str, Any]:
    return runpy.run_path(str(root / "docs" / "claims.py"))


@pytest.fixture(scope="module")
def told(root: Path) -> dict[str, Any]:
    return json.loads((root / "docs" / "claims.json").read_text())


def test_the_page_holds_the_frozen_ledgers(root: Path, script: dict[str, Any], told: dict[str, Any]) -> None:
    text = (root / "docs" / "claims.md").read_text()
    assert script["with_table"](text, told) == text


def test_every_ledger_has_every_rule_as_it_stands(told: dict[str, Any]) -> None:
    parts = {(claim.id, part.code) for claim in claim_rules().claims for part in claim.part}
    for found in told.values():
        assert found["rules_hash"] == claim_rules().rules_hash, (
            "the rules changed: run docs/claims.py on each home again"
        )
        assert {(row["claim_id"], row["part_code"]) for row in found["parts"]} == parts


def test_a_survey_finds_what_was_expected_of_it(script: dict[str, Any], told: dict[str, Any]) -> None:
    surveys = [found for found in told.values() if found["evidence_source"] == "public_survey"]
    assert surveys
    expected = {name: script["EXPECTED_OF_SURVEY"].get(name, "not_answerable") for name in CLAIM_IDS}
    for found in surveys:
        assert {row["claim_id"]: row["claim_verdict"] for row in found["parts"]} == expected
        assert {row["recovery"] for row in found["parts"]} == {None}


def test_simulated_people_have_recovery_and_no_verdict(told: dict[str, Any]) -> None:
    for found in (each for each in told.values() if each["evidence_source"] == "simulated"):
        assert {row["verdict"] for row in found["parts"]} == {None}
        assert any(row["recovery"] for row in found["parts"])
        for row in found["parts"]:
            assert (row["truth"] is None) <= (row["recovery"] is None)
