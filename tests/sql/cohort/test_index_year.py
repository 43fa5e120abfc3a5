"""Years in which every arm was in use."""

import pytest

TABLE = "cohort.index_year"
ZERO = "study_id | person_id | trial_number | cohort_code | index_on | arm_code"


def test_share_of_the_rarest_arm_is_0_where_it_does_not_occur(run_sql):
    """2010: one of four is b. 2011: none. Starts of both at once count for neither, but count."""
    rows = run_sql(
        TABLE,
        {
            "ref.study_arm": "study_id | cohort_code | arm_code\ns | c | a\ns | c | b",
            "cohort.time_zero": f"""{ZERO}
                s | 1 | 1 | c | 2010-01-01 | a
                s | 2 | 1 | c | 2010-06-01 | a
                s | 3 | 1 | c | 2010-12-31 | more_than_one_arm
                s | 4 | 1 | c | 2010-03-01 | b
                s | 5 | 1 | c | 2011-01-01 | a""",
        },
    )
    assert [(r["index_year"], r["n"], r["smallest_share"]) for r in rows] == [(2010, 4, 0.25), (2011, 1, 0.0)]


@pytest.mark.parametrize(("share", "years"), [("0.05", [2020]), ("0.049", []), ("0.0", [])])
def test_a_rule_lets_in_years_in_which_the_rarest_arm_has_the_share_it_asks_for(run_sql, share, years):
    """Another rule of the cohort with a minimum, and the rule of another cohort, let nothing in."""
    rows = run_sql(
        "cohort.overlap_year",
        {
            "ref.study_criterion": """study_id | cohort_code | step_number | criterion_code | minimum
                s | c | 2 | minimum_age | 0
                s | c | 3 | overlap_years | 0.05
                s | d | 1 | overlap_years | 0.05""",
            "cohort.index_year": f"study_id | cohort_code | index_year | n | smallest_share\ns | c | 2020 | 9 | {share}",
        },
    )
    assert [(r["cohort_code"], r["step_number"], r["index_year"]) for r in rows] == [("c", 3, year) for year in years]
