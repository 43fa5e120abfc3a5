"""Markers of blood: kidney function by hand, every edge of every band, limits, mornings and drugs that disturb."""

import datetime as dt
import math

import pytest

from pipelines import plan
from pipelines.features.marker import marker

DAY = dt.date(2020, 1, 1)


def lab(
    analyte: str, value: float | None, operator="=", day: dt.date | None = DAY, *, morning: bool | None = None
) -> dict:
    return {
        "person_id": 1, "specimen_id": "s", "analyte_code": analyte, "value": value, "operator": operator, "drawn_on": day,
        "is_morning": morning, "unit_code": "u",
    }  # fmt: skip


@pytest.fixture
def markers(step_inputs):
    """Rows by marker."""

    def run(*labs, sex="male", age: float | None = 50, entered: dt.date | None = DAY, episodes=()):
        step = plan.step("features.marker")
        person = {"person_id": 1, "sex_code": sex, "age_years": age, "entered_on": entered}
        inputs = step_inputs(
            step.inputs,
            staging__lab_result=list(labs),
            staging__person=[person],
            features__dosing_episode=list(episodes),
        )
        rows = marker(inputs, None).collect().sort("drawn_on", "marker_code").to_dicts()
        assert not rows or set(rows[0]) == {column.name for column in step.contract.columns}
        assert len({(row["marker_code"], row["drawn_on"]) for row in rows}) == len(rows)
        return {row["marker_code"]: row for row in rows}

    return run


@pytest.mark.parametrize(
    ("sex", "age", "creatinine", "egfr", "band"),
    [("male", 50, 1.0, 91.69, "g1"), ("female", 50, 0.7, 105.30, "g1"), ("female", 70, 1.0, 60.61, "g2")],
)
def test_kidney_function(markers, sex, age, creatinine, egfr, band):
    """Inker 2021. Man of 50, 1.0 mg/dL: 142 * (1/0.9)^-1.2 * 0.9938^50. Woman of 50 at kappa: 142 * 0.9938^50 * 1.012.

    Woman of 70, 1.0 mg/dL: 142 * (1/0.7)^-1.2 * 0.9938^70 * 1.012.
    """
    row = markers(lab("creatinine", creatinine), sex=sex, age=age)["egfr"]
    assert row["value_lo"] == row["value_hi"] == pytest.approx(egfr, abs=0.01)
    assert (row["band_code"], row["unit_code"], row["system_code"]) == (band, "mL/min/{1.73_m2}", "kidney")


def test_kidney_function_is_at_the_age_of_the_day(markers):
    """Ten years of 365.25 days later the man is 60: 91.69 * 0.9938^10 = 86.16."""
    later = markers(lab("creatinine", 1.0), entered=DAY - dt.timedelta(3652))["egfr"]
    assert later["value_lo"] == pytest.approx(86.16, abs=0.02)


@pytest.mark.parametrize("operator", ["<", ">"])
def test_a_limit_of_creatinine_gives_no_rate(markers, operator):
    """Below a limit it would have no upper bound, above one no lower."""
    assert markers(lab("creatinine", 1.0, operator)) == {}
    assert set(markers(lab("creatinine", 1.0))) == {"egfr"}


@pytest.mark.parametrize("missing", [{"age": None}, {"entered": None}])
def test_without_an_age_there_is_no_rate(markers, missing):
    assert markers(lab("creatinine", 1.0), **missing) == {}


@pytest.mark.parametrize(
    ("code", "sex", "value", "band", "aside"),
    [
        ("crp", "male", 0.9, "low", False), ("crp", "male", 1, "average", False), ("crp", "male", 2.9, "average", False),
        ("crp", "male", 3, "high", False), ("crp", "male", 9.9, "high", False), ("crp", "male", 10, "acute", True),
        ("tsh", "male", 0.09, "suppressed", False), ("tsh", "male", 0.1, "low", False), ("tsh", "male", 0.44, "low", False),
        ("tsh", "male", 0.45, "normal", False), ("tsh", "male", 4.5, "raised", False), ("tsh", "male", 10, "high", False),
        ("free_t4", "male", 0.79, "low", False), ("free_t4", "male", 0.8, "normal", False),
        ("free_t4", "male", 1.8, "high", False), ("vitamin_d_25oh", "male", 29, "deficient", False),
        ("vitamin_d_25oh", "male", 30, "inadequate", False), ("vitamin_d_25oh", "male", 50, "adequate", False),
        ("vitamin_d_25oh", "male", 125, "high", False), ("pth", "male", 14, "low", False), ("pth", "male", 15, "normal", False),
        ("pth", "male", 65, "high", False), ("calcium", "male", 8.4, "low", False), ("calcium", "male", 8.5, "normal", False),
        ("calcium", "male", 10.5, "high", False), ("prolactin", "male", 19, "normal", False),
        ("prolactin", "male", 20, "high", True), ("prolactin", "female", 20, "normal", False),
        ("prolactin", "female", 25, "high", True), ("dhea_s", "female", 699, "usual", False),
        ("dhea_s", "female", 700, "high", True), ("dhea_s", "male", 900, None, None), ("nt_probnp", "male", 124, "low", False),
        ("nt_probnp", "male", 125, "raised", False), ("hba1c", "male", 5.6, "normal", False),
        ("hba1c", "male", 5.7, "prediabetes", False), ("hba1c", "male", 6.5, "diabetes", False),
        ("lipoprotein_a", "male", 49, "usual", False), ("lipoprotein_a", "male", 50, "high", False),
        ("lipoprotein_a_molar", "male", 124, "usual", False), ("lipoprotein_a_molar", "male", 125, "high", False),
        ("igf_1", "male", 200, None, None), ("interleukin_6", "male", 2, None, None),
    ],
)  # fmt: skip
def test_bands_at_their_edges(markers, code, sex, value, band, aside):
    """Sources stand beside each edge in sql/ref/marker_band.csv."""
    row = markers(lab(code, value), sex=sex)[code]
    assert (row["band_code"], row["is_set_aside"]) == (band, aside)
    assert (row["value_lo"], row["log_value"]) == (value, pytest.approx(math.log(value)))


@pytest.mark.parametrize(
    ("egfr", "band"),
    [
        (14.9, "g5"),
        (15, "g4"),
        (29.9, "g4"),
        (30, "g3b"),
        (45, "g3a"),
        (59.9, "g3a"),
        (60, "g2"),
        (89.9, "g2"),
        (90, "g1"),
    ],
)
def test_stages_of_the_kidney(markers, egfr, band):
    """KDIGO 2012. The creatinine of a man of 50 that gives the rate, from the formula solved for it (above kappa)."""
    at_kappa = 142 * 0.9938**50
    assert egfr < at_kappa
    creatinine = 0.9 * ((egfr + 1e-9) / at_kappa) ** (-1 / 1.2)
    assert markers(lab("creatinine", creatinine))["egfr"]["band_code"] == band


@pytest.mark.parametrize(
    ("value", "operator", "bounds", "band"),
    [
        (1, "<", (0, 1), "low"), (2, "<", (0, 2), None), (10, ">", (10, None), "acute"), (5, ">", (5, None), None),
    ],
)  # fmt: skip
def test_a_band_stands_where_both_bounds_lie_in_it(markers, value, operator, bounds, band):
    row = markers(lab("crp", value, operator))["crp"]
    assert ((row["value_lo"], row["value_hi"]), row["band_code"], row["log_value"]) == (bounds, band, None)


@pytest.mark.parametrize(
    ("value", "morning", "band", "aside"),
    [
        (4.9, True, "low", True), (5, True, "usual", False), (25, True, "high", True), (4.9, None, None, None),
        (4.9, False, None, None),
    ],
)  # fmt: skip
def test_cortisol_is_judged_in_the_morning_only(markers, value, morning, band, aside):
    """Bornstein 2016: below 5 ug/dL in the morning suggests adrenal insufficiency."""
    row = markers(lab("cortisol", value, morning=morning))["cortisol"]
    assert (row["band_code"], row["is_set_aside"]) == (band, aside)


def test_one_draw_of_the_day_that_is_not_of_the_morning_is_enough(markers):
    labs = (lab("cortisol", 12, morning=True), {**lab("cortisol", 4, morning=False), "specimen_id": "t"})
    row = markers(*labs)["cortisol"]
    assert (row["value_lo"], row["band_code"]) == (8, None)


def test_ligand_over_its_decoy(markers):
    row = markers(lab("srankl", 0.4), lab("osteoprotegerin", 5))["srankl_opg_ratio"]
    assert (row["value_lo"], row["system_code"], row["is_on_drug"]) == (pytest.approx(0.08), "bone_signal", None)
    assert "srankl_opg_ratio" not in markers(lab("srankl", 0.4, "<"), lab("osteoprotegerin", 5))
    assert "srankl_opg_ratio" not in markers(lab("srankl", 0.4), lab("osteoprotegerin", 5, day=DAY + dt.timedelta(1)))


@pytest.mark.parametrize(
    ("code", "drug_class", "ends", "is_on"),
    [
        ("tsh", "thyroid_hormone", DAY, True), ("tsh", "thyroid_hormone", DAY - dt.timedelta(1), False),
        ("tsh", "glucocorticoid", DAY, False), ("crp", "glucocorticoid", DAY, True), ("igf_1", "growth_hormone", DAY, True),
        ("vitamin_d_25oh", "vitamin_d", DAY, True), ("hba1c", "antidiabetic", DAY, True), ("srankl", "denosumab", DAY, True),
        ("prolactin", "glucocorticoid", DAY, None),
    ],
)  # fmt: skip
def test_on_a_drug_that_changes_the_marker(markers, code, drug_class, ends, is_on):
    episode = {
        "person_id": 1, "ingredient": "x", "drug_class": drug_class, "is_primary": True, "starts_on": dt.date(2019, 1, 1),
        "supply_ends_on": ends,
    }  # fmt: skip
    assert markers(lab(code, 5), episodes=[episode])[code]["is_on_drug"] is is_on
    assert markers(lab(code, 5), episodes=[{**episode, "is_primary": False}])[code]["is_on_drug"] is (
        None if is_on is None else False
    )


def test_no_value_or_no_day_no_row(markers):
    assert markers(lab("crp", None), lab("tsh", 2, day=None), lab("ldl_cholesterol_direct", 100)) == {}


def test_it_says_on_which_day(markers):
    assert markers(lab("creatinine", 1.0))["egfr"]["drawn_on"] == DAY
