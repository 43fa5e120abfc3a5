"""Rows in equal rows staged, duplicate, quarantined and out of scope; a row that went missing shows."""

TABLE = "staging.conservation"
MANIFEST = "source_file | table_name | status_code | rows_in\ntst | nhanes_tst | landed | 5"
SOURCE_ROWS = """
person_id | source_file | source_row | record_number | disposition  | is_found
1         | tst         | 1          | 1             | staged       | true
2         | tst         | 2          | 1             | staged       | true
3         | tst         | 3          | 1             | quarantined  | false
4         | tst         | 4          | 1             | out_of_scope | false
"""
REJECTED = "source_file | source_row | rule_code\ntst | 5 | no_seqn"
INPUTS = {"raw.manifest": MANIFEST, "raw.rejected_row": REJECTED, "staging.source_row": SOURCE_ROWS}
PARTS = ("rows_staged", "rows_duplicate", "rows_quarantined", "rows_out_of_scope")


def test_balanced(run_sql, only):
    account = only(run_sql(TABLE, INPUTS))
    assert tuple(account[part] for part in PARTS) == (2, 0, 2, 1)
    assert account["is_balanced"] is True


def test_a_staged_row_that_went_missing_unbalances(run_sql, only):
    lost = SOURCE_ROWS.replace("2          | 1             | staged       | true", "2 | 1 | staged | false")
    account = only(run_sql(TABLE, INPUTS | {"staging.source_row": lost}))
    assert (account["rows_staged"], account["is_balanced"]) == (1, False)


def test_a_quarantined_row_that_is_staged_all_the_same_unbalances(run_sql, only):
    leaked = SOURCE_ROWS.replace("quarantined  | false", "quarantined | true")
    assert only(run_sql(TABLE, INPUTS | {"staging.source_row": leaked}))["is_balanced"] is False


def test_a_row_of_several_records_counts_once(run_sql, only):
    several = SOURCE_ROWS + "1 | tst | 1 | 2 | quarantined | true\n4 | tst | 4 | 2 | duplicate | false"
    account = only(run_sql(TABLE, INPUTS | {"staging.source_row": several}))
    assert tuple(account[part] for part in PARTS) == (2, 0, 2, 1)


def test_a_row_rejected_at_landing_that_gave_another_record_counts_once(run_sql, only):
    twice = REJECTED + "\ntst | 1 | not_a_number"
    account = only(run_sql(TABLE, INPUTS | {"raw.rejected_row": twice}))
    assert (account["rows_quarantined"], account["is_balanced"]) == (2, True)


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
