"""From files: what measured negative controls make of the changes in lipids and pressure, as frozen by `measured_gate.py`."""

import json
import runpy
from pathlib import Path

import pytest

_made = runpy.run_path(str(Path(__file__).with_name("measured_gate.py")))
FOUND = json.loads(_made["FROZEN"].read_text())
WITHIN_A_YEAR = "aromatase_inhibitor vs tamoxifen, 12 months, cohort active_comparator"


def of(study: str, outcome: str, cohort: str = "active_comparator") -> dict:
    """The contrast of inhibitor and tamoxifen at the first horizon."""
    found = [
        each
        for each in FOUND["contrasts"]
        if each["study_id"] == study
        and each["outcome"] == outcome
        and each["contrast"].startswith("aromatase_inhibitor vs tamoxifen")
        and each["contrast"].endswith(cohort)
    ]
    return found[0]


def test_it_is_frozen_of_the_world_the_script_makes() -> None:
    assert (FOUND["persons"], FOUND["seed"], FOUND["world"]) == (_made["PERSONS"], _made["SEED"], _made["WORLD"])
    assert FOUND["times_as_often"] == _made["TIMES_AS_OFTEN"]


def test_controls_that_no_drug_moves_are_held() -> None:
    (told,) = [each for each in FOUND["controls"] if each["contrast"] == WITHIN_A_YEAR]
    assert told["controls"] >= 10
    assert abs(told["mean"]) < 0.1
    assert told["covered_left_out"] >= 0.8


@pytest.mark.parametrize("outcome", ["ldl_mg_dl", "systolic_bp_mm_hg"])
def test_what_is_measured_is_calibrated_and_the_interval_grows(outcome: str) -> None:
    told = of("ai_metabolic", outcome)
    assert told["gate_status"] == "open"
    assert told["findings"]["ease"][1] == told["findings"]["controls_covered_left_out"][1] == "pass"
    plain, wide = (told[f"{prefix}ci_high"] - told[f"{prefix}ci_low"] for prefix in ("", "calibrated_"))
    assert plain < wide < 3 * plain
    assert abs(told["calibrated_estimate"] - told["estimate"]) < plain / 4


def test_pressure_is_where_the_simulator_has_it_before_and_after() -> None:
    told = of("ai_metabolic", "systolic_bp_mm_hg")
    truth = told["truth"]["difference"]["value"]
    assert told["ci_low"] < truth < told["ci_high"]
    assert told["calibrated_ci_low"] < truth < told["calibrated_ci_high"]


def test_with_seven_controls_bone_is_shown_as_it_is() -> None:
    told = of("ai_vs_tamoxifen", "lumbar_spine_bmd_change_pct")
    assert told["gate_status"] == "open" and told["estimate"] < 0
    assert told["findings"]["negative_controls"][0] < 10
    assert told["findings"]["ease"] == [None, "not_applicable"]
    assert told["calibrated_estimate"] is None
