"""Risks by quarter: they end at the estimate of their question, stay behind no closed gate, and count people as they are."""

import runpy
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from pipelines.models import risk_curve
from pipelines.models.risk_contrast import contrasts_of, sizes
from pipelines.models.risk_pair import RiskPair
from pipelines.tables import CONTRACTS
from pipelines.trials.study import catalogue

world = runpy.run_path(str(Path(__file__).with_name("test_risk_tables.py")))
FACTS, STUDY, MAIN = world["FACTS"], world["STUDY"], world["MAIN"]
RISK = next(risk for risk in catalogue()[STUDY].risk if risk.cohort == "active_comparator")
ARMS = ["aromatase_inhibitor", "tamoxifen"]


@pytest.fixture(scope="module")
def tables() -> dict[str, pl.LazyFrame]:
    return world["given"](700, controls=0)


def estimates(*months: float, estimator: str = "risk_difference", status: str = "open") -> pl.LazyFrame:
    """Open gates of heart failure at some horizons, and nothing at the others."""
    rows = [
        {
            "study_id": STUDY,
            "contrast": MAIN.replace("60", f"{each:g}"),
            "outcome": "heart_failure",
            "population": RISK.population,
            "estimator": estimator,
            "estimate": None if status == "closed" else 0.01,
            "gate_status": status,
        }
        for each in months
    ]
    schema = CONTRACTS["models.effect_estimate"].empty().schema
    return pl.DataFrame([{n: row.get(n) for n in schema} for row in rows], schema=schema).lazy()


def curves(tables: dict[str, pl.LazyFrame], told: pl.LazyFrame) -> pl.DataFrame:
    found = risk_curve.cumulative_incidence(tables | {"models.effect_estimate": told}, FACTS).collect()
    CONTRACTS["models.cumulative_incidence"].schema.validate(found, cast=True)
    return found


def test_the_last_day_of_a_question_is_its_estimate_and_counts_are_those_of_people(tables) -> None:
    found = curves(tables, estimates(12, 36, 60))
    pair = RiskPair(tables, catalogue()[STUDY], RISK)
    rows = pair.rows("heart_failure")
    for months, days in ((12, 365), (36, 1096), (60, 1826)):
        (truth,) = contrasts_of(rows, [days])
        last = found.filter(pl.col("contrast") == MAIN.replace("60", str(months)), follow_up_days=days).sort("arm_code")
        assert last["arm_code"].to_list() == ARMS
        for row, arm in zip(last.to_dicts(), (truth.target, truth.comparator), strict=True):
            assert row["risk_pct"] == pytest.approx(100 * arm.value)
            assert row["se_pct"] == pytest.approx(100 * arm.standard_error)
            assert (row["ci_low_pct"], row["ci_high_pct"]) == pytest.approx((100 * arm.ci_low, 100 * arm.ci_high))
        assert tuple(last["n_events"]) == sizes(rows, days).events
    start = found.filter(follow_up_days=0).sort("arm_code")
    assert tuple(start["n_at_risk"]) == sizes(rows, 60).at_risk and start["risk_pct"].to_list() == [0.0, 0.0]
    assert start["ci_high_pct"].null_count() == 2


def test_people_at_risk_are_those_whose_follow_up_reaches_the_day(tables) -> None:
    found = curves(tables, estimates(12)).filter(follow_up_days=182)
    trial = tables["cohort.trial_person"].collect().filter(cohort_code="active_comparator")
    events = tables["features.outcome_event"].collect().filter(outcome_code="heart_failure", is_prevalent=False)
    seen = trial.join(events, on=["person_id", "trial_number"]).with_columns(
        until=pl.min_horizontal("event_days", "follow_up_days")
    )
    for arm in ARMS:
        own = seen.filter(arm_code=arm)
        (row,) = found.filter(arm_code=arm).to_dicts()
        assert row["n_at_risk"] == own.filter(pl.col("until") >= 182).height
        assert row["n_events"] == own.filter(pl.col("event_days") <= 182).height > 0


def test_days_of_a_closed_horizon_are_told_by_no_other(tables) -> None:
    found = curves(tables, estimates(36))
    assert set(found["contrast"]) == {MAIN.replace("60", "36")}
    days = sorted(set(found["follow_up_days"]))
    assert days[0] == 0 and min(days[1:]) > 365 + 15 and days[-1] == 1096
    for shut in (estimates(12, status="closed"), estimates(12, estimator="log_risk_ratio"), estimates()):
        assert curves(tables, shut).is_empty()


def test_a_waiver_goes_with_its_curve(tables) -> None:
    told = estimates(12, status="waived").with_columns(gate_reason=pl.lit("a pilot"))
    found = curves(tables, told)
    assert set(found["gate_status"]) == {"waived"} and set(found["gate_reason"]) == {"a pilot"}


def test_quarters_end_at_every_horizon_and_no_day_is_told_twice() -> None:
    horizons = (365, 1096, 1826, 3652)
    days = [day for horizon in horizons for day in risk_curve.owned_days(horizons, horizon)]
    assert days == sorted(set(days)) and len(days) == 40 and set(horizons) < set(days)
    assert np.diff([0, *days]).max() <= 93 and risk_curve.owned_days((60,), 60) == (60,)


def test_risks_rise_and_people_leave(tables) -> None:
    found = curves(tables, estimates(12, 36, 60)).sort("arm_code", "follow_up_days")
    for arm in ARMS:
        own = found.filter(arm_code=arm)
        assert (np.diff(own["risk_pct"]) >= 0).all() and (np.diff(own["n_at_risk"]) < 0).all()
