"""Markers of bone turnover: which draws compare, and what change is more than noise."""

import pytest

TABLE = "features.bone_turnover"
LAB = "person_id | specimen_id | analyte_code | value | unit_code | is_censored | drawn_on | is_fasting | is_morning"
SUPPLY = "person_id | inhibitor_from_on | baseline_from_on\n1 | 2020-06-01 | 2019-06-02"
CONDITION = "person_id | condition_code | vocabulary_code | is_present | is_history | recorded_on"


def turnover(run_sql, *labs: str, condition: str = ""):
    inputs = {"staging.lab_result": "\n".join((LAB, *labs)), "features.first_inhibitor": SUPPLY}
    return run_sql(TABLE, inputs | ({"staging.condition": f"{CONDITION}\n{condition}"} if condition else {}))


def lab(day: str, value: float, marker="ctx", fasting="true", morning="true", censored="false") -> str:
    return f"1 | {day} | {marker} | {value} | pg/mL | {censored} | {day} | {fasting} | {morning}"


@pytest.mark.parametrize(
    ("after", "change", "real"), [(390, 30, True), (389, 29.6667, False), (210, -30, True), (211, -29.667, False)]
)
def test_change_since_before_the_inhibitor(run_sql, after, change, real):
    row = turnover(run_sql, lab("2020-03-01", 300), lab("2020-09-01", after))[1]
    assert row["change_pct"] == pytest.approx(change, abs=1e-3)
    assert (row["is_real_change"], row["days_since_inhibitor_start"], row["process_code"]) == (real, 92, "resorption")


@pytest.mark.parametrize(("fasting", "morning"), [("false", "true"), ("true", "false"), ("", "true"), ("true", "")])
def test_ctx_compares_fasting_in_the_morning_only(run_sql, fasting, morning):
    row = turnover(run_sql, lab("2020-03-01", 300), lab("2020-09-01", 600, fasting=fasting, morning=morning))[1]
    assert (row["is_comparable"], row["change_pct"], row["is_real_change"]) == (False, None, None)


def test_p1np_compares_at_any_hour(run_sql):
    row = turnover(run_sql, lab("2020-03-01", 50, "p1np", "", ""), lab("2020-09-01", 60, "p1np", "false", ""))[1]
    assert (row["is_comparable"], row["change_pct"], row["is_real_change"]) == (True, pytest.approx(20), True)


@pytest.mark.parametrize(
    ("condition", "healing", "compared"),
    [
        ("1 | S52.501A | icd10cm | true | false | 2020-01-15", True, False),
        ("1 | S52.501A | icd10cm | true | false | 2019-08-31", False, False),
        ("1 | S52.501A | icd10cm | true | false | 2020-09-02", False, True),
        ("1 | S52.501A | icd10cm | true | true | 2020-01-15", False, True),
        ("1 | I10 | icd10cm | true | false | 2020-01-15", False, True),
    ],
)
def test_a_year_after_a_fracture_nothing_compares(run_sql, condition, healing, compared):
    """The draw before is of December 2019, that after of September 2020: either may be the one within a year."""
    row = turnover(run_sql, lab("2019-12-01", 300), lab("2020-09-01", 600), condition=condition)[1]
    assert (row["is_after_fracture"], row["change_pct"] is not None) == (healing, compared)


def test_a_censored_draw_and_one_more_than_a_year_before_are_no_baseline(run_sql):
    assert turnover(run_sql, lab("2020-03-01", 300, censored="true"), lab("2020-09-01", 600))[1]["change_pct"] is None
    assert turnover(run_sql, lab("2019-05-01", 300), lab("2020-09-01", 600))[1]["change_pct"] is None


def test_other_analytes_are_no_markers(run_sql):
    assert turnover(run_sql, lab("2020-03-01", 100, "glucose")) == []


def test_it_says_what_was_drawn(run_sql, only):
    row = only(turnover(run_sql, lab("2020-03-01", 300, fasting="false", censored="true")))
    assert (row["analyte_code"], row["value"], row["unit_code"], str(row["drawn_on"])) == (
        "ctx",
        300,
        "pg/mL",
        "2020-03-01",
    )
    assert (row["is_censored"], row["is_fasting"], row["is_morning"]) == (True, False, True)
