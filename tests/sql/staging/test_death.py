"""Deaths of those followed up, with days instead of dates."""

import pytest

TABLE = "staging.death"
HEADER = "person_id | ELIGSTAT | MORTSTAT | UCOD_LEADING | PERMTH_EXM | PERMTH_INT"


def deaths(run_sql, row: str) -> list[dict]:
    inputs = {"staging.person": "person_id | sex_code\n1 | male", "raw.nhanes_mortality": f"{HEADER}\n{row}"}
    return run_sql(TABLE, inputs)


def test_months_become_days(run_sql, only):
    death = only(deaths(run_sql, "1 | 1 | 1 | 1 | 12 | 13"))
    assert death["days_from_examination"] == pytest.approx(365.25)
    assert death["days_from_interview"] == pytest.approx(13 * 30.4375)
    assert (death["cause_code"], death["died_on"], death["date_reason"]) == ("heart_disease", None, "not_released")


def test_interviewed_only_has_no_days_from_examination(run_sql, only):
    assert only(deaths(run_sql, "1 | 1 | 1 | 2 | | 13"))["days_from_examination"] is None


def test_cause_not_released_is_null(run_sql, only):
    assert only(deaths(run_sql, "1 | 1 | 1 | | 12 | 13"))["cause_code"] is None


@pytest.mark.parametrize(
    "row", ["1 | 1 | 0 | | 12 | 13", "1 | 2 | | | | ", "1 | 3 | 1 | 1 | 12 | 13", "9 | 1 | 1 | 1 | 12 | 13"]
)
def test_alive_ineligible_or_unknown_is_no_death(run_sql, row):
    assert deaths(run_sql, row) == []
