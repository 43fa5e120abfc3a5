"""Years in which every arm was in use."""

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
