"""One respondent of DEMO is one person."""

import pytest

TABLE = "staging.person"


def demo(cycle: str, age: float, sex: str = "1", race: str = "3") -> dict[str, str]:
    text = f"person_id | cycle_code | RIAGENDR | RIDAGEYR | RIDRETH1\n7 | {cycle} | {sex} | {age} | {race}"
    return {"raw.nhanes_demo": text}


@pytest.mark.parametrize(
    ("cycle", "age", "is_top_coded"),
    [("D", 84, False), ("D", 85, True), ("A", 80, False), ("E", 80, True), ("H", 79, False), ("P", 80, True)],
)
def test_ceiling_is_85_up_to_2005_and_80_since(run_sql, only, cycle, age, is_top_coded):
    person = only(run_sql(TABLE, demo(cycle, age)))
    assert (person["age_years"], person["is_age_top_coded"]) == (age, is_top_coded)


def test_age_in_parts_of_a_year_becomes_years_completed(run_sql, only):
    assert only(run_sql(TABLE, demo("A", 49.9)))["age_years"] == 49


@pytest.mark.parametrize("sex", ["", "3", "9"])
def test_without_a_sex_there_is_no_person(run_sql, sex):
    assert run_sql(TABLE, demo("H", 50, sex)) == []


def test_unknown_age_is_null_and_not_top_coded(run_sql, only):
    person = only(run_sql(TABLE, {"raw.nhanes_demo": "person_id | cycle_code | RIAGENDR\n7 | H | 2"}))
    assert (person["sex_code"], person["age_years"], person["is_age_top_coded"]) == ("female", None, False)


def test_unknown_race_code_is_null(run_sql, only):
    assert only(run_sql(TABLE, demo("H", 50, race="9")))["race_ethnicity_code"] is None
    assert only(run_sql(TABLE, demo("H", 50, race="4")))["race_ethnicity_code"] == "non_hispanic_black"
