"""Rejected rows with file, row and a reason in words."""

TABLE = "staging.quarantine"
ROWS = """
person_id | source_file | source_row | disposition  | reason
1         | rxq         | 4          | quarantined  | drug_name_unknown
2         | demo        | 9          | quarantined  | no_sex
3         | tst         | 2          | quarantined  | respondent_not_in_demo
4         | dxx         | 2          | duplicate    | repeats_first_imputation
5         | tst         | 3          | out_of_scope | no_value
6         | tst         | 4          | staged       |
"""


def test_only_the_quarantined_and_each_with_a_reason(run_sql):
    rows = run_sql(TABLE, {"staging.source_row": ROWS})
    assert [(r["source_file"], r["source_row"], r["rule_code"]) for r in rows] == [
        ("demo", 9, "no_sex"),
        ("rxq", 4, "drug_name_unknown"),
        ("tst", 2, "respondent_not_in_demo"),
    ]
    assert all(r["reason"] for r in rows)


def test_rows_without_a_person_come_from_landing(run_sql, only):
    rejected = "source_file | source_row | rule_code | reason\nbmx | 12 | no_seqn | SEQN is empty"
    row = only(run_sql(TABLE, {"raw.rejected_row": rejected}))
    assert (row["person_id"], row["source_row"], row["rule_code"], row["reason"]) == (
        None,
        12,
        "no_seqn",
        "SEQN is empty",
    )
