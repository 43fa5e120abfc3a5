"""Regimes given by lot, from files: what the g-formula says of each less no inhibitor is what arms were measured to have."""

import json
import runpy
from math import hypot
from pathlib import Path

import pytest

made = runpy.run_path(str(Path(__file__).with_name("regimes_by_lot.py")))
FOUND = json.loads(made["FROZEN"].read_text())
ARMS = {row["regime"]: row for row in FOUND["arms"]}
REFERENCE = made["REFERENCE"]


def test_the_frozen_run_is_that_of_the_script() -> None:
    assert (FOUND["persons"], FOUND["seed"]) == (made["PERSONS"], made["SEED"])
    assert tuple(ARMS) == made["CODES"] and all(row["men"] > 300 for row in ARMS.values())


@pytest.mark.parametrize("code", [code for code in made["CODES"] if code != REFERENCE])
def test_less_no_inhibitor_the_model_says_what_was_measured(code: str) -> None:
    """Within 2.5 standard errors of arms and model together, and no arm alike to none."""
    own, none = ARMS[code], ARMS[REFERENCE]
    measured, modelled = own["observed"] - none["observed"], own["modelled"] - none["modelled"]
    error = hypot(own["observed_se"], none["observed_se"], own["modelled_se"])
    assert abs(modelled - measured) < 2.5 * error
    assert measured > 5 * hypot(own["observed_se"], none["observed_se"])


def test_titration_keeps_more_in_the_window_than_a_fixed_dose() -> None:
    for told in ("observed", "modelled"):
        assert ARMS["titrate_to_20_30"][told] > ARMS["fixed_0.5_mg_twice_weekly"][told] + 5
