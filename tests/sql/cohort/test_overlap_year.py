"""Years that a rule on overlap lets in."""

import pytest


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
