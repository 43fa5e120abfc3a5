"""Lipids and sugar of a day: which LDL, when insulin resistance can be told, who is on a statin."""

import datetime as dt

import pytest

from pipelines import plan
from pipelines.features.lipid_metabolic import lipid_metabolic

DAY = dt.date(2020, 1, 1)


def lab(analyte: str, value: float, *, fasting: bool | None = True, censored=False, day=DAY) -> dict:
    return {
        "person_id": 1, "specimen_id": "s", "analyte_code": analyte, "value": value, "is_censored": censored, "drawn_on": day,
        "is_fasting": fasting,
    }  # fmt: skip


LIPIDS = (lab("total_cholesterol", 200), lab("hdl_cholesterol", 50), lab("triglycerides", 150))


@pytest.fixture
def days(step_inputs):
    def run(*labs, **tables):
        step = plan.step("features.lipid_metabolic")
        inputs = step_inputs(step.inputs, staging__lab_result=list(labs), **tables)
        rows = lipid_metabolic(inputs, None).collect().sort("drawn_on").to_dicts()
        assert not rows or set(rows[0]) == {column.name for column in step.contract.columns}
        return rows

    return run


def test_ldl_by_sampson_where_it_was_not_measured(days, only):
    """200/0.948 - 50/0.971 - (150/8.56 + 150*150/2140 - 150^2/16100) - 9.44 = 123.4 mg/dL."""
    row = only(days(*LIPIDS))
    assert row["ldl_mg_dl"] == pytest.approx(123.4, abs=0.1)
    assert (row["ldl_basis"], row["non_hdl_mg_dl"]) == ("sampson", 150)


def test_the_direct_measurement_wins_and_the_reported_one_never(days, only):
    row = only(days(*LIPIDS, lab("ldl_cholesterol_direct", 118), lab("ldl_cholesterol_reported", 120)))
    assert (row["ldl_mg_dl"], row["ldl_basis"], row["ldl_reported_mg_dl"]) == (118, "direct", 120)
    row = only(days(lab("ldl_cholesterol_reported", 120)))
    assert (row["ldl_mg_dl"], row["ldl_basis"]) == (None, None)


def test_insulin_resistance_needs_a_fast(days, only):
    """100 mg/dL and 10 uIU/mL: 1000/405 = 2.469; ln(150 * 100 / 2) = 8.923."""
    row = only(days(*LIPIDS, lab("glucose", 100), lab("insulin", 10)))
    assert (row["homa_ir"], row["tyg_index"]) == (pytest.approx(2.469, abs=1e-3), pytest.approx(8.9227, abs=1e-4))
    for fasting in (False, None):
        row = only(days(*LIPIDS, lab("glucose", 100, fasting=fasting), lab("insulin", 10)))
        assert (row["homa_ir"], row["tyg_index"], row["is_fasting"]) == (None, None, fasting)


def test_beyond_a_limit_takes_no_part(days):
    assert days(lab("triglycerides", 800, censored=True)) == []
    rows = days(lab("total_cholesterol", 200), lab("hdl_cholesterol", 50), lab("triglycerides", 800, censored=True))
    assert rows[0]["ldl_mg_dl"] is None


def test_days_are_apart_and_two_results_of_one_are_averaged(days):
    rows = days(lab("glucose", 90), lab("glucose", 110), lab("insulin", 10, day=dt.date(2020, 1, 2)))
    assert [(r["glucose_mg_dl"], r["insulin_uiu_ml"], r["homa_ir"]) for r in rows] == [
        (100, None, None),
        (None, 10, None),
    ]


@pytest.mark.parametrize(("end", "is_on"), [(DAY, True), (DAY - dt.timedelta(1), False)])
def test_on_a_statin(days, only, end, is_on):
    episode = {
        "person_id": 1, "ingredient": "atorvastatin", "drug_class": "statin", "is_primary": True,
        "starts_on": dt.date(2019, 1, 1), "supply_ends_on": end,
    }  # fmt: skip
    assert only(days(*LIPIDS, features__dosing_episode=[episode]))["is_on_statin"] is is_on


def test_means_of_what_was_measured(days, only):
    labs = (*LIPIDS, lab("apolipoprotein_b", 80), lab("apolipoprotein_b", 90), lab("hba1c", 5.4))
    row = only(days(*labs))
    names = ("total_cholesterol_mg_dl", "hdl_mg_dl", "triglycerides_mg_dl", "apolipoprotein_b_mg_dl", "hba1c_pct")
    assert [row[name] for name in names] == [200, 50, 150, 85, pytest.approx(5.4)]


def test_it_says_on_which_day(days, only):
    assert only(days(*LIPIDS))["drawn_on"] == DAY
