"""Estradiol draws beside regimens: predicted concentration and fall, and whether what was measured agrees."""

import datetime as dt

import numpy as np
import pytest

from pipelines import plan
from pipelines.features.ai_at_draw import ai_at_draw
from pipelines.features.ai_kinetics import PHASES

FIRST = dt.date(2020, 1, 1)
STEADY = 1000 / (24 * 1.9)


def on(day: int) -> dt.date:
    return FIRST + dt.timedelta(day)


def draw(day: int, e2: float, t: float | None = 500.0, *, censored=False, assay="immunoassay") -> list[dict]:
    common = {"person_id": 1, "specimen_id": f"s{day}", "drawn_on": on(day), "assay_class": assay}
    rows = [
        common
        | {"analyte_code": "estradiol", "value": e2, "is_censored": censored, "operator": "<" if censored else "="}
    ]
    if t is not None:
        rows.append(common | {"analyte_code": "testosterone", "value": t, "is_censored": False, "operator": "="})
    return rows


def regimen(number: int, start: int, days: int, dose: float | None = 1.0, times: float | None = 2.0) -> dict:
    return {
        "person_id": 1, "ingredient": "anastrozole", "regimen_number": number, "starts_on": on(start),
        "ends_on": on(start + days - 1), "covered_days": days, "dose_changed_on": on(start), "dose_mg_per_week": dose,
        "times_per_week": times, "dose_source": "sig",
    }  # fmt: skip


def supply(day: int, days: int, unknown: int = 0) -> dict:
    return {
        "person_id": 1, "ingredient": "anastrozole", "supplied_on": on(day), "drug_class": "aromatase_inhibitor",
        "cover_from_on": on(day), "cover_days": days, "n_unknown_supply": unknown,
    }  # fmt: skip


AFTER = [{"person_id": 1, "status_code": "postmenopausal", "rule_code": "age_60"}]


def period(number: int, day: int | None, status: str) -> dict:
    known_on = None if day is None else on(day)
    return {"person_id": 1, "period_number": number, "known_on": known_on, "status_code": status}


@pytest.fixture
def at_draw(step_inputs):
    def run(*draws, regimens=None, supplies=None, sex="male", menopause=AFTER):
        step = plan.step("features.ai_at_draw")
        inputs = step_inputs(
            step.inputs,
            features__ai_regimen=[regimen(1, 0, 90)] if regimens is None else regimens,
            features__drug_supply=[supply(0, 90)] if supplies is None else supplies,
            staging__person=[{"person_id": 1, "sex_code": sex}],
            features__menopausal_status=menopause,
            staging__lab_result=[row for rows in draws for row in rows],
        )
        rows = ai_at_draw(inputs, None).collect().sort("drawn_on").to_dicts()
        assert not rows or set(rows[0]) == {column.name for column in step.contract.columns}
        return rows

    return run


def test_half_a_milligram_twice_weekly_for_two_months(at_draw, only):
    """Steady state 1/7 of 21.93 ng/mL; the man's prior: 65 * 1 / 1.5 = 43.3 % of E2/T."""
    row = only(at_draw(draw(-10, 40), draw(60, 23)))
    assert row["concentration_ng_ml"] == pytest.approx(STEADY / 7, rel=1e-6)
    assert row["concentration_low_ng_ml"] < STEADY / 7 < row["concentration_high_ng_ml"]
    assert row["inhibition_pct"] == pytest.approx(43.3, abs=0.05)
    assert row["inhibition_low_pct"] < 43.3 < row["inhibition_high_pct"]
    assert (row["days_since_start"], row["days_since_dose_change"], row["at_steady_state"]) == (60, 60, True)
    assert (row["is_covered"], row["dose_mg_per_week"], row["comparison_code"]) == (True, 1.0, "e2_over_t")
    assert row["remaining_lo_pct"] == row["remaining_hi_pct"] == pytest.approx(57.5)
    assert (row["agreement_code"], row["reason_code"], row["baseline_on"]) == ("as_predicted", None, on(-10))


def test_testosterone_that_rose_is_taken_out(at_draw):
    """Estradiol as before on twice the testosterone is half of what it would be."""
    assert at_draw(draw(-1, 40, 400), draw(60, 40, 800))[0]["remaining_lo_pct"] == pytest.approx(50)
    assert at_draw(draw(-1, 40, 400), draw(60, 40, 800), sex="female")[0]["remaining_lo_pct"] == pytest.approx(100)


def test_a_draw_on_the_first_day_is_baseline_and_has_no_drug_yet(at_draw):
    first, second = at_draw(draw(0, 40), draw(1, 35))
    assert (first["concentration_ng_ml"], first["inhibition_pct"], first["baseline_on"]) == (0, 0, on(0))
    assert second["baseline_on"] == on(0)
    assert 0 < second["concentration_ng_ml"] < STEADY / 7 / 2


def test_a_tablet_not_taken_shows(at_draw, only):
    row = only(at_draw(draw(-10, 12, None), draw(60, 12, None), sex="female"))
    assert (row["agreement_code"], row["remaining_lo_pct"]) == ("higher", 100)


def test_lower_than_any_prior(at_draw, only):
    assert only(at_draw(draw(-10, 60), draw(60, 4)))["agreement_code"] == "lower"


def test_a_censored_draw_is_a_bound(at_draw, only):
    """Below 20 on an assay that sees no less, from 40: anything from nothing to half."""
    row = only(at_draw(draw(-10, 40), draw(60, 20, censored=True)))
    assert (row["remaining_lo_pct"], row["remaining_hi_pct"]) == (0, 50)
    assert row["agreement_code"] == "as_predicted"
    row = only(at_draw(draw(-10, 20, censored=True), draw(60, 20)))
    assert (row["agreement_code"], row["reason_code"]) == ("not_evaluable", "baseline_censored")
    assert row["remaining_hi_pct"] is None


@pytest.mark.parametrize(
    ("draws", "changes", "reason"),
    [
        ([draw(60, 23)], {}, "no_baseline"),
        ([draw(-400, 40), draw(60, 23)], {}, "no_baseline"),
        ([draw(-10, 40, assay="lc_ms"), draw(60, 23)], {}, "no_baseline"),
        ([draw(-10, 40, None), draw(60, 23)], {}, "no_testosterone"),
        ([draw(-10, 40), draw(60, 23, None)], {}, "no_testosterone"),
        ([draw(-10, 40), draw(60, 23)], {"regimens": [regimen(1, 0, 90, None)]}, "dose_unknown"),
        ([draw(-10, 40), draw(60, 23)], {"supplies": [supply(0, 0, 1)], "regimens": []}, "supply_unknown"),
    ],
)
def test_why_not(at_draw, only, draws, changes, reason):
    row = only(at_draw(*draws, **changes))
    assert (row["agreement_code"], row["reason_code"]) == ("not_evaluable", reason)
    if reason in ("dose_unknown", "supply_unknown"):
        assert row["concentration_ng_ml"] is None


def test_after_a_stop_the_drug_washes_out_by_its_half_life(at_draw):
    """Three half-lives of 44.5 h after the end: an eighth is left; a month later nothing, and a dose of 0."""
    rows = at_draw(draw(-10, 40), draw(96, 38), draw(130, 40))
    assert rows[0]["concentration_ng_ml"] == pytest.approx(STEADY / 7 * 0.5 ** (6 * 24 / 44.5), rel=1e-3)
    assert [row["is_covered"] for row in rows] == [False, False]
    assert [row["dose_mg_per_week"] for row in rows] == [0, 0]
    assert [row["days_since_dose_change"] for row in rows] == [6, 40]
    assert rows[1]["inhibition_pct"] < 0.01
    assert [row["agreement_code"] for row in rows] == ["as_predicted", "as_predicted"]


def test_people_without_an_inhibitor_have_no_row(at_draw):
    assert at_draw(draw(60, 23), regimens=[], supplies=[]) == []


@pytest.mark.parametrize(
    ("before", "now", "reason"),
    [
        ("postmenopausal", "postmenopausal", None),
        ("unknown", "postmenopausal", None),
        ("suppressed", "suppressed", None),
        ("premenopausal", "postmenopausal", "menopause_changed"),
        ("unknown", "suppressed", "menopause_changed"),
        ("postmenopausal", "unknown", "no_prediction"),
        ("suppressed", "premenopausal", "no_prediction"),
    ],
)
def test_what_is_known_of_the_ovaries_at_baseline_and_at_the_draw(at_draw, only, before, now, reason):
    """A baseline with working ovaries would lay their end at the inhibitor's door."""
    row = only(
        at_draw(draw(-10, 40), draw(60, 8), sex="female", menopause=[period(1, None, before), period(2, 60, now)])
    )
    assert row["reason_code"] == reason
    assert (row["inhibition_pct"] is None) is (reason == "no_prediction")


def test_what_becomes_known_after_the_draw_does_not_enter(at_draw, only):
    later = [period(1, None, "unknown"), period(2, 61, "postmenopausal")]
    assert only(at_draw(draw(-10, 40), draw(60, 8), sex="female", menopause=later))["reason_code"] == "no_prediction"


def test_long_after_a_stop_the_ends_stay_in_order(at_draw, only):
    """Exemestane: the low parameters (clearance 604, volume 23500) halve in 27 h, the others in 24 h, and leave the most."""
    regimens = [{**regimen(1, 0, 90, 175.0, 7.0), "ingredient": "exemestane"}]
    supplies = [{**supply(0, 90), "ingredient": "exemestane"}]
    row = only(at_draw(draw(116, 23), regimens=regimens, supplies=supplies, sex="female"))
    assert 0 < row["concentration_low_ng_ml"] <= row["concentration_ng_ml"] < row["concentration_high_ng_ml"]
    assert row["inhibition_low_pct"] <= row["inhibition_pct"] <= row["inhibition_high_pct"]


def test_what_remains_is_predicted_as_all_but_the_fall(at_draw, only):
    """65 * 1 / 1.5 = 43.3 % fall: 56.7 % remains."""
    row = only(at_draw(draw(-10, 40), draw(60, 23)))
    assert row["remaining_predicted_pct"] == pytest.approx(100 - 65 / 1.5, abs=0.05)


def test_it_says_of_which_draw_and_drug(at_draw, only):
    row = only(at_draw(draw(60, 23)))
    assert (row["specimen_id"], row["assay_class"], row["ingredient"]) == ("s60", "immunoassay", "anastrozole")
    assert row["drawn_on"] == on(60)


def test_the_highest_level_is_that_of_the_hour_after_an_intake_and_of_slow_clearance(at_draw, only):
    """Half a milligram every 3.5 days summed up; 1.5 L/h, 108 L, 5 per hour; the draw 0 to 3.5 days after an intake."""
    row = only(at_draw(draw(-10, 40), draw(60, 23)))
    k, ka = 1.5 / 108, 5.0
    levels = []
    for hours in 24 * (60 - 3.5 * np.arange(PHASES) / PHASES):
        after = hours - 84 * np.arange(hours // 84 + 1)
        levels.append(np.sum(500 / 108 * ka / (ka - k) * (np.exp(-k * after) - np.exp(-ka * after))))
    assert row["concentration_high_ng_ml"] == pytest.approx(max(levels), rel=1e-6)
    sustaining = max(levels) * 1.9 * 168 / 1000  # mg a week that would hold the level in the average person
    assert row["inhibition_high_pct"] == pytest.approx(80 * sustaining / (sustaining + 0.1), rel=1e-6)
