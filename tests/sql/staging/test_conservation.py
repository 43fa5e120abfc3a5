"""Rows in equal rows staged, duplicate, quarantined and out of scope; a row that went missing shows."""

TABLE = "staging.conservation"
MANIFEST = "source_file | table_name | status_code | rows_in\ntst | nhanes_tst | landed | 5"
SOURCE_ROWS = """
person_id | source_file | source_row | disposition
1         | tst         | 1          | staged
2         | tst         | 2          | staged
3         | tst         | 3          | quarantined
4         | tst         | 4          | out_of_scope
"""
RESULTS = "person_id | source_file | source_row\n1 | tst | 1\n1 | tst | 1\n2 | tst | 2"
REJECTED = "source_file | source_row | rule_code\ntst | 5 | no_seqn"
INPUTS = {
    "raw.manifest": MANIFEST,
    "raw.rejected_row": REJECTED,
    "staging.source_row": SOURCE_ROWS,
    "staging.lab_result": RESULTS,
}
PARTS = ("rows_staged", "rows_duplicate", "rows_quarantined", "rows_out_of_scope")


def test_balanced(run_sql, only):
    account = only(run_sql(TABLE, INPUTS))
    assert tuple(account[part] for part in PARTS) == (2, 0, 2, 1)
    assert account["is_balanced"] is True


def test_a_staged_row_that_went_missing_unbalances(run_sql, only):
    lost = INPUTS | {"staging.lab_result": "person_id | source_file | source_row\n1 | tst | 1"}
    account = only(run_sql(TABLE, lost))
    assert (account["rows_staged"], account["is_balanced"]) == (1, False)


def test_a_quarantined_row_that_is_staged_all_the_same_unbalances(run_sql, only):
    leaked = INPUTS | {"staging.observation": "person_id | source_file | source_row\n3 | tst | 3"}
    assert only(run_sql(TABLE, leaked))["is_balanced"] is False


def test_a_row_staged_in_two_tables_counts_once(run_sql, only):
    both = INPUTS | {"staging.observation": "person_id | source_file | source_row\n1 | tst | 1"}
    assert only(run_sql(TABLE, both))["is_balanced"] is True


def test_a_table_that_staging_does_not_read_is_out_of_scope_but_its_rejected_rows_are_not(run_sql, only):
    manifest = "source_file | table_name | status_code | rows_in\nalq | nhanes_alq | landed | 10"
    rejected = "source_file | source_row | rule_code\nalq | 3 | no_seqn"
    account = only(run_sql(TABLE, {"raw.manifest": manifest, "raw.rejected_row": rejected}))
    assert tuple(account[part] for part in PARTS) == (0, 0, 1, 9)
    assert account["is_balanced"] is True


def test_a_duplicate_file_is_duplicate_rows(run_sql, only):
    manifest = "source_file | table_name | status_code | rows_in\ntst.xpt | nhanes_tst | duplicate | 5"
    account = only(run_sql(TABLE, {"raw.manifest": manifest}))
    assert (account["rows_duplicate"], account["is_balanced"]) == (5, True)


def test_files_that_were_not_read_have_no_account(run_sql):
    manifest = "source_file | status_code | rows_in\nreadme.txt | out_of_scope |"
    assert run_sql(TABLE, {"raw.manifest": manifest}) == []
