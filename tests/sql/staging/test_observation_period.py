"""Follow-up as a length without dates."""

import pytest

TABLE = "staging.observation_period"
HEADER = "person_id | ELIGSTAT | PERMTH_EXM | PERMTH_INT"


def spans(run_sql, row: str) -> list[dict]:
    inputs = {"staging.person": "person_id | sex_code\n1 | male", "raw.nhanes_mortality": f"{HEADER}\n{row}"}
    return run_sql(TABLE, inputs)


@pytest.mark.parametrize(
    ("row", "basis", "days"),
    [
        ("1 | 1 | 24 | 25", "examination", 730.5),
        ("1 | 1 | | 12", "interview", 365.25),
        ("1 | 1 | 0 | 1", "examination", 0),
    ],
)
def test_length_counts_from_the_examination_where_there_was_one(run_sql, only, row, basis, days):
    span = only(spans(run_sql, row))
    assert (span["basis_code"], span["length_days"]) == (basis, pytest.approx(days))
    assert (span["starts_on"], span["ends_on"]) == (None, None)


@pytest.mark.parametrize("row", ["1 | 2 | | ", "1 | 3 | 24 | 25", "1 | 1 | | ", "9 | 1 | 24 | 25"])
def test_who_is_not_followed_has_no_span(run_sql, row):
    assert spans(run_sql, row) == []
