"""Intervals of exposure on hand-made regimens: concentrations by hand, unknown doses, what a survey tells."""

import datetime as dt

import numpy as np
import pytest

from pipelines import plan
from pipelines.features.ai_exposure import ai_exposure

FIRST = dt.date(2020, 1, 1)
K = 24 * 1.9 / 122  # central parameters of anastrozole, per day


def regimen(number: int, start: int, days: int, dose: float | None = 7.0, **other) -> dict:
    return {
        "person_id": 1, "ingredient": "anastrozole", "regimen_number": number, "starts_on": FIRST + dt.timedelta(start),
        "ends_on": FIRST + dt.timedelta(start + days - 1), "covered_days": days,
        "dose_changed_on": FIRST + dt.timedelta(start), "dose_mg_per_week": dose, "times_per_week": 7.0, "dose_source": "sig",
    } | other  # fmt: skip


@pytest.fixture
def exposure(step_inputs):
    def run(*regimens, sex="male", **tables):
        step = plan.step("features.ai_exposure")
        people = [{"person_id": p, "sex_code": sex} for p in {1, *(r["person_id"] for r in regimens)}]
        inputs = step_inputs(step.inputs, features__ai_regimen=list(regimens), staging__person=people, **tables)
        rows = ai_exposure(inputs, None).collect().sort("person_id", "ingredient", "interval_number").to_dicts()
        assert not rows or set(rows[0]) == {column.name for column in step.contract.columns}
        return rows

    return run


def test_a_month_of_1_mg_daily_by_hand(exposure, only):
    """Css = 7 mg / (168 h * 1.9 L/h) = 21.93 ng/mL; after 30 days all but exp(-11.2) of it."""
    row = only(exposure(regimen(1, 0, 30)))
    assert row["steady_state_ng_ml"] == pytest.approx(21.93, abs=0.005)
    assert row["concentration_end_ng_ml"] == pytest.approx(21.93 * (1 - np.exp(-30 * K)), abs=0.005)
    mean = 21.93 * (1 - (1 - np.exp(-30 * K)) / (30 * K))
    assert row["concentration_mean_ng_ml"] == pytest.approx(mean, abs=0.005)
    assert row["half_life_h"] == pytest.approx(44.5, abs=0.05)
    assert row["t90_days"] == pytest.approx(np.log(10) / K)
    assert row["accumulation_ratio"] == pytest.approx(1 / (1 - np.exp(-K)))
    assert (row["days_on"], row["cumulative_mg"], row["label_dose_pct"]) == (30, 30, 100)
    assert (row["days_since_dose_change"], row["at_steady_state"]) == (30, True)
    assert row["inhibition_end_pct"] == pytest.approx(65 * 7 / 7.5, abs=0.01)
    assert row["washout_days"] == pytest.approx(np.log(100) / K, abs=1e-3)


def test_nine_days_are_no_steady_state_ten_are(exposure):
    assert [exposure(regimen(1, 0, days))[0]["at_steady_state"] for days in (9, 10)] == [False, True]


def test_a_change_of_dose_starts_from_what_is_there(exposure):
    first, second = exposure(regimen(1, 0, 60), regimen(2, 60, 3, 1.0, times_per_week=2.0))
    high, low = first["steady_state_ng_ml"], second["steady_state_ng_ml"]
    assert second["concentration_end_ng_ml"] == pytest.approx(low + (high - low) * np.exp(-3 * K), rel=1e-6)
    assert (second["at_steady_state"], second["label_dose_pct"]) == (False, pytest.approx(100 / 7))
    assert second["cumulative_mg"] == pytest.approx(60 + 3 / 7)


def test_a_gap_washes_out(exposure):
    first, second = exposure(regimen(1, 0, 60), regimen(2, 70, 30))
    left = first["concentration_end_ng_ml"] * np.exp(-10 * K)
    steady = second["steady_state_ng_ml"]
    assert second["concentration_end_ng_ml"] == pytest.approx(steady + (left - steady) * np.exp(-30 * K), rel=1e-6)
    alone = first["cumulative_inhibition_days"]
    assert second["cumulative_inhibition_days"] > 2 * alone * 0.45
    assert second["days_on"] == 90


def test_cumulative_inhibition_by_numbers(exposure):
    """Two regimens with a gap, integrated day by thousandth of a day."""
    rows = exposure(regimen(1, 0, 20), regimen(2, 30, 20, 1.0))
    step, css = 1e-3, 1000 / (24 * 1.9)
    level, total = 0.0, 0.0
    for day in np.arange(0, 50, step):
        dose = 7.0 if day < 20 else 0.0 if day < 30 else 1.0
        target = dose / 7 * css
        sustained = level / css * 7
        total += 0.65 * sustained / (0.5 + sustained) * step
        level += (target - level) * -np.expm1(-K * step)
    assert rows[1]["cumulative_inhibition_days"] == pytest.approx(total, rel=1e-3)


def test_an_unknown_dose_hides_what_follows_until_washed_out(exposure):
    rows = exposure(regimen(1, 0, 30, None), regimen(2, 30, 30), regimen(3, 400, 30))
    assert [row["dose_mg_per_week"] for row in rows] == [None, 7, 7]
    assert [row["concentration_end_ng_ml"] is None for row in rows] == [True, True, False]
    assert [row["cumulative_mg"] for row in rows] == [None, None, None]
    assert rows[0]["inhibition_end_pct"] is None


def test_without_a_rhythm_no_accumulation_but_a_concentration(exposure, only):
    row = only(exposure(regimen(1, 0, 30, times_per_week=None)))
    assert (row["accumulation_ratio"], row["times_per_week"]) == (None, None)
    assert row["concentration_mean_ng_ml"] > 0


def test_women_after_menopause_have_a_stronger_fall_and_those_before_none(exposure, only):
    after = [{"person_id": 1, "status_code": "postmenopausal", "rule_code": "age_60"}]
    row = only(exposure(regimen(1, 0, 60), sex="female", features__menopausal_status=after))
    assert row["inhibition_end_pct"] == pytest.approx(85.0, abs=0.05)
    before = [{"person_id": 1, "status_code": "premenopausal", "rule_code": "menses_past_year"}]
    unknown = [{"person_id": 1, "status_code": "unknown", "rule_code": "no_answer"}]
    for status in (before, unknown, []):
        row = only(exposure(regimen(1, 0, 60), sex="female", features__menopausal_status=status))
        assert (row["inhibition_end_pct"], row["cumulative_inhibition_days"]) == (None, None)
        assert row["concentration_end_ng_ml"] > 20


@pytest.mark.parametrize(("known", "is_predicted"), [(59, True), (60, False)])
def test_menopause_must_be_known_by_the_last_day_of_the_interval(exposure, only, known, is_predicted):
    periods = [
        {"person_id": 1, "period_number": 1, "status_code": "unknown"},
        {"person_id": 1, "period_number": 2, "known_on": FIRST + dt.timedelta(known), "status_code": "suppressed"},
    ]
    row = only(exposure(regimen(1, 0, 60), sex="female", features__menopausal_status=periods))
    assert (row["inhibition_end_pct"] is not None) is is_predicted


def test_a_supply_of_unknown_length_hides_what_follows_for_90_days(exposure):
    def unknown(day: int) -> list[dict]:
        return [{
            "person_id": 1, "ingredient": "anastrozole", "drug_class": "aromatase_inhibitor", "n_unknown_supply": 1,
            "supplied_on": FIRST + dt.timedelta(day),
        }]  # fmt: skip

    two = (regimen(1, 100, 30), regimen(2, 300, 30))
    assert [r["concentration_end_ng_ml"] is None for r in exposure(*two, features__drug_supply=unknown(10))] == [
        True,
        False,
    ]
    assert [r["concentration_end_ng_ml"] is None for r in exposure(*two, features__drug_supply=unknown(9))] == [
        False,
        False,
    ]
    assert [r["concentration_end_ng_ml"] is None for r in exposure(*two, features__drug_supply=unknown(110))] == [
        True,
        False,
    ]
    assert [r["cumulative_mg"] for r in exposure(*two, features__drug_supply=unknown(9))] == [None, None]
    assert [r["cumulative_mg"] for r in exposure(*two, features__drug_supply=unknown(200))] == [30, None]


def test_ranges_enclose_the_centre(exposure):
    for row in exposure(regimen(1, 0, 5), regimen(2, 5, 40, 1.0)):
        for name in ("concentration_mean_{}_ng_ml", "inhibition_end_{}_pct"):
            low, high = row[name.format("low")], row[name.format("high")]
            assert low < row[name.replace("_{}", "")] < high


def test_current_at_entry(exposure):
    rows = exposure(
        regimen(1, 0, 30), regimen(2, 100, 30),
        staging__observation_period=[{"person_id": 1, "starts_on": FIRST + dt.timedelta(29)}],
    )  # fmt: skip
    assert [row["is_current_at_entry"] for row in rows] == [True, False]
    assert exposure(regimen(1, 0, 30))[0]["is_current_at_entry"] is None


def test_a_survey_tells_use_without_a_dose(exposure, only):
    row = only(exposure(staging__drug_exposure=[
        {"person_id": 7, "ingredient": "letrozole", "source_file": "rxq", "source_row": 3, "days_on": 400.0,
         "dose_source": "not_recorded"},
        {"person_id": 7, "ingredient": "amlodipine", "source_file": "rxq", "source_row": 4, "dose_source": "not_recorded"},
    ]))  # fmt: skip
    assert (row["person_id"], row["days_on"], row["is_current_at_entry"]) == (7, 400, True)
    assert (row["dose_mg_per_week"], row["starts_on"], row["dose_source"]) == (None, None, "not_recorded")


def test_people_and_drugs_do_not_mix(exposure):
    alone = exposure(regimen(1, 0, 30), regimen(2, 40, 30))
    other = [regimen(1, 10, 50, person_id=2), regimen(1, 5, 50, 17.5, ingredient="letrozole")]
    together = exposure(*other, regimen(2, 40, 30), regimen(1, 0, 30))
    assert [r for r in together if r["person_id"] == 1 and r["ingredient"] == "anastrozole"] == alone


def test_ends_of_the_prior_and_of_the_parameters(exposure, only):
    """Man on 7 mg a week: 50 * 7 / (7 + 2) and 80 * 7 / (7 + 0.1); clearance of 2.3 and 1.5 L/h: 18.1 and 27.8 ng/mL."""
    row = only(exposure(regimen(1, 0, 400)))
    assert row["inhibition_end_low_pct"] == pytest.approx(38.9, abs=0.05)
    assert row["inhibition_end_high_pct"] == pytest.approx(78.9, abs=0.05)
    # The mean of 400 days lacks the rise of the first: 1 / (k 400 d) with k of 0.415 and 0.333 a day.
    assert row["concentration_mean_low_ng_ml"] == pytest.approx(1000 / (24 * 2.3) * (1 - 1 / 166), rel=2e-3)
    assert row["concentration_mean_high_ng_ml"] == pytest.approx(1000 / (24 * 1.5) * (1 - 1 / 133), rel=2e-3)


def test_it_says_which_interval_and_rhythm(exposure):
    rows = exposure(regimen(1, 0, 30), regimen(2, 30, 10, times_per_week=2.0))
    assert [(row["interval_number"], row["times_per_week"]) for row in rows] == [(1, 7), (2, 2)]
    assert [((r["starts_on"] - FIRST).days, (r["ends_on"] - FIRST).days) for r in rows] == [(0, 29), (30, 39)]
