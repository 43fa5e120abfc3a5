"""A confounder nobody recorded, and twelve measured controls: from tables to calibrated intervals of a change in bone.

The figures of 200 studies of each world are frozen in `measured_controls.json`; `measured_world.py`, run as a script, makes them.
"""

import json
import runpy
from pathlib import Path

import polars as pl
import pytest
from scipy.stats import binom

from pipelines.models import measured_controls
from pipelines.models.control_null import TABLE
from pipelines.tables import CONTRACTS

_world = runpy.run_path(str(Path(__file__).with_name("measured_world.py")))
found, figures, EXCHANGEABLE = _world["found"], _world["figures"], _world["EXCHANGEABLE"]
FROZEN = json.loads(_world["FROZEN"].read_text())


def test_controls_left_out_are_held_at_95_percent_and_as_they_are_missed() -> None:
    """2,400 controls of 200 studies; a little more than 95 %: the spread of eleven others is uncertain, and counted so."""
    told = FROZEN["exchangeable"]
    low = binom.ppf(0.001, told["controls"], 0.95) / told["controls"]
    assert low <= told["controls_covered_left_out"] <= 0.98
    assert told["controls_covered"] < 0.6


def test_the_truth_is_held_where_controls_are_like_the_outcome() -> None:
    told = FROZEN["exchangeable"]
    low, _ = binom.ppf([0.001, 0.999], told["studies"], 0.95) / told["studies"]
    assert told["covered"] < 0.4
    assert told["covered_calibrated"] >= low
    assert abs(told["bias_calibrated"]) < 0.05 < 0.2 < told["bias"]


def test_without_a_confounder_calibration_does_no_harm() -> None:
    told = FROZEN["clean"]
    assert told["covered_calibrated"] >= told["covered"] >= 0.91
    assert abs(told["bias_calibrated"]) < 0.05


def test_controls_unlike_the_outcome_mend_nothing_and_do_not_say_so() -> None:
    """They hardly share the confounder: each is held by the others, and the truth is missed as before."""
    told = FROZEN["apart"]
    assert told["controls_covered_left_out"] > 0.93
    assert told["covered_calibrated"] < 0.2
    assert told["bias_calibrated"] > 0.3


def test_the_figures_are_those_of_this_code() -> None:
    """Four studies made again: their controls are missed as they are, and held when left out."""
    told = figures(EXCHANGEABLE, range(4))
    assert told["controls"] == 48
    assert told["controls_covered"] < 0.75
    assert told["controls_covered_left_out"] >= 0.85
    assert abs(told["bias_calibrated"]) < told["bias"]


@pytest.fixture(scope="module")
def one():
    return found(EXCHANGEABLE, 3)


def test_error_is_told_in_sds_and_in_the_unit_of_the_outcome(one) -> None:
    study = _world["study"]()
    known = measured_controls.known_controls(one.inputs, study, study.contrast[0])
    told = {each.diagnostic: each for each in measured_controls.findings(known, one.prepared, study)}
    assert told["negative_controls"].value == 12
    assert 0.1 < told["ease"].value < 0.4 and told["ease"].threshold == measured_controls.MOST_EASE
    assert told["ease"].status == ("pass" if told["ease"].value <= measured_controls.MOST_EASE else "fail")
    spread = measured_controls.spread(one.prepared)
    assert spread == pytest.approx(3.2, abs=0.4)
    assert told["ease_in_unit_of_outcome"].value == pytest.approx(told["ease"].value * spread)
    CONTRACTS[TABLE].schema.validate(one.controls, cast=True)


def test_with_nine_controls_nothing_is_calibrated_and_nothing_closed(one) -> None:
    study = _world["study"]()
    nine = one.controls.with_columns(
        pl.when(pl.int_range(pl.len()) < 9).then(pl.col(name)).alias(name) for name in ("estimate", "se")
    )
    known = measured_controls.known_controls({TABLE: nine.lazy()}, study, study.contrast[0])
    first, second = measured_controls.findings(known, one.prepared, study)
    assert (first.value, first.status, second.status) == (9, "not_applicable", "not_applicable")
    assert "shown uncalibrated" in second.rule
    assert measured_controls.calibrated_columns(known, one.prepared, None) == {}


def test_a_control_that_few_have_tells_why(one) -> None:
    study = _world["study"]()
    number = study.contrast_number(study.control_contrasts[0])
    values = one.inputs["features.outcome_value"]
    few = (pl.col("contrast_number") == number) & (pl.col("person_id") > 100)
    again = {**one.inputs, "features.outcome_value": values.with_columns(
        change=pl.when(~few).then("change")
    )}  # fmt: skip
    (rows,) = measured_controls.control_rows(again, study, _world["FACTS"])
    assert "estimate" not in rows[0] and rows[0]["why"].startswith("fewer than 50 people of an arm")
    assert all("calibrated_estimate" in row for row in rows[1:])
