"""Markers of a day: kidney function by hand, bands at their edges, limits, mornings, and drugs that disturb."""

import datetime as dt
import math

import pytest

from pipelines import plan
from pipelines.features.marker import marker

DAY = dt.date(2020, 1, 1)


def lab(analyte: str, value: float, operator: str = "=", *, unit="u", morning: bool | None = None, day=DAY) -> dict:
    return {
        "person_id": 1, "specimen_id": "s", "analyte_code": analyte, "value": value, "operator": operator, "unit_code": unit,
        "drawn_on": day, "is_morning": morning, "is_censored": operator != "=",
    }  # fmt: skip


@pytest.fixture
def markers(step_inputs):
    def run(*labs, sex="female", age=60.0, entered=DAY, **tables):
        step = plan.step("features.marker")
        person = {"person_id": 1, "sex_code": sex, "age_years": age, "entered_on": entered}
        inputs = step_inputs(step.inputs, staging__lab_result=list(labs), staging__person=[person], **tables)
        rows = marker(inputs, None).collect().sort("drawn_on", "marker_code").to_dicts()
        assert not rows or set(rows[0]) == {column.name for column in step.contract.columns}
        return rows

    return run


@pytest.mark.parametrize(
    ("sex", "creatinine", "rate", "band"),
    [
        # 142 * (0.9/0.7)^-1.2 * 0.9938^60 * 1.012 and 142 * (0.8/0.9)^-0.302 * 0.9938^60, Inker 2021.
        ("female", 0.9, 142 * (0.9 / 0.7) ** -1.2 * 0.9938**60 * 1.012, "g2"),
        ("male", 0.8, 142 * (0.8 / 0.9) ** -0.302 * 0.9938**60, "g1"),
        ("male", 4.0, 142 * (4.0 / 0.9) ** -1.2 * 0.9938**60, "g4"),
    ],
)
def test_kidney_function_from_creatinine(markers, only, sex, creatinine, rate, band):
    row = only(markers(lab("creatinine", creatinine), sex=sex))
    assert (row["marker_code"], row["unit_code"], row["band_code"]) == ("egfr", "mL/min/{1.73_m2}", band)
    assert row["value_lo"] == row["value_hi"] == pytest.approx(rate)


def test_age_is_that_of_the_day_and_unknown_age_gives_no_rate(markers, only):
    later = only(markers(lab("creatinine", 0.9), entered=DAY - dt.timedelta(3653)))
    assert later["value_lo"] == pytest.approx(142 * (0.9 / 0.7) ** -1.2 * 0.9938 ** (60 + 3653 / 365.25) * 1.012)
    assert markers(lab("creatinine", 0.9), age=None) == []
    assert markers(lab("creatinine", 0.9), entered=None) == []


@pytest.mark.parametrize(
    ("analyte", "value", "operator", "band", "aside"),
    [
        ("crp", 0.99, "=", "low", False), ("crp", 1, "=", "average", False), ("crp", 3, "=", "high", False),
        ("crp", 10, "=", "acute", True), ("crp", 1, "<", None, None), ("crp", 0.5, "<", "low", False),
        ("tsh", 0.09, "=", "suppressed", False), ("tsh", 0.1, "=", "low", False), ("tsh", 0.45, "=", "normal", False),
        ("tsh", 4.5, "=", "raised", False), ("tsh", 10, "=", "high", False), ("tsh", 100, ">", "high", False),
        ("vitamin_d_25oh", 29, "=", "deficient", False), ("vitamin_d_25oh", 30, "=", "inadequate", False),
        ("prolactin", 24, "=", "normal", False), ("prolactin", 25, "=", "high", True), ("dhea_s", 700, "=", "high", True),
        ("nt_probnp", 125, "=", "raised", False), ("hba1c", 6.5, "=", "diabetes", False), ("pth", 65, "=", "high", False),
        ("interleukin_6", 3, "=", None, None), ("igf_1", 100, "=", None, None),
    ],
)  # fmt: skip
def test_bands(markers, only, analyte, value, operator, band, aside):
    row = only(markers(lab(analyte, value, operator)))
    assert (row["band_code"], row["is_set_aside"]) == (band, aside)


def test_men_and_women_have_bands_of_their_own(markers, only):
    assert only(markers(lab("prolactin", 22), sex="male"))["band_code"] == "high"
    assert only(markers(lab("prolactin", 22)))["band_code"] == "normal"
    assert only(markers(lab("dhea_s", 900), sex="male"))["band_code"] is None


def test_logarithm_and_bounds(markers, only):
    row = only(markers(lab("crp", 2), lab("crp", 4)))
    assert (row["value_lo"], row["value_hi"], row["log_value"]) == (3, 3, pytest.approx(math.log(3)))
    below = only(markers(lab("crp", 2, "<")))
    assert (below["value_lo"], below["value_hi"], below["log_value"]) == (0, 2, None)
    above = only(markers(lab("tsh", 50, ">")))
    assert (above["value_lo"], above["value_hi"], above["log_value"]) == (50, None, None)


@pytest.mark.parametrize(("morning", "band"), [(True, "low"), (False, None), (None, None)])
def test_cortisol_is_judged_in_the_morning_only(markers, only, morning, band):
    assert only(markers(lab("cortisol", 4, morning=morning)))["band_code"] == band


def test_rank_ligand_over_osteoprotegerin(markers):
    rows = markers(lab("srankl", 0.6), lab("osteoprotegerin", 4))
    ratio = next(row for row in rows if row["marker_code"] == "srankl_opg_ratio")
    assert (ratio["value_lo"], ratio["unit_code"], ratio["band_code"]) == (pytest.approx(0.15), "1", None)
    assert "srankl_opg_ratio" not in {
        r["marker_code"] for r in markers(lab("srankl", 0.6, "<"), lab("osteoprotegerin", 4))
    }
    assert len(markers(lab("srankl", 0.6))) == 1


@pytest.mark.parametrize(("end", "expected"), [(DAY, True), (DAY - dt.timedelta(1), False)])
def test_a_drug_that_disturbs(markers, only, end, expected):
    episode = {
        "person_id": 1, "ingredient": "levothyroxine", "drug_class": "thyroid_hormone", "is_primary": True,
        "starts_on": DAY - dt.timedelta(90), "supply_ends_on": end,
    }  # fmt: skip
    assert only(markers(lab("tsh", 1), features__dosing_episode=[episode]))["is_on_drug"] is expected
    assert only(markers(lab("prolactin", 1), features__dosing_episode=[episode]))["is_on_drug"] is None


def test_other_analytes_and_results_without_a_day_are_none(markers):
    assert markers(lab("sodium", 140), lab("tsh", 1, day=None)) == []
