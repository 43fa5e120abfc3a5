"""What must become of each source row, decided from the row alone."""

import pytest

TABLE = "staging.source_row"


def fates(
    run_sql, table: str, text: str, people: str = "person_id | sex_code\n1 | female"
) -> list[tuple[str, str | None]]:
    rows = run_sql(TABLE, {"staging.person": people, f"raw.nhanes_{table}": text})
    return [(row["disposition"], row["reason"]) for row in rows]


def test_demo_row_without_a_sex_is_quarantined(run_sql):
    demo = "person_id | RIAGENDR\n1 | 2\n2 |"
    assert fates(run_sql, "demo", demo) == [("staged", None), ("quarantined", "no_sex")]


def test_respondent_not_in_demo_is_quarantined(run_sql):
    found = fates(run_sql, "tst", "person_id | LBXEST\n1 | 25\n2 | 25\n1 |")
    assert found == [("staged", None), ("quarantined", "respondent_not_in_demo"), ("out_of_scope", "no_value")]


@pytest.mark.parametrize(
    ("row", "fate"),
    [
        ("1 | 1 | LETROZOLE", ("staged", None)),
        ("1 | 1 | 55555", ("quarantined", "drug_name_unknown")),
        ("1 | 1 | 77777", ("quarantined", "drug_name_unknown")),
        ("1 | 2 | ", ("staged", None)),
        ("1 | 9 | ", ("out_of_scope", "no_answer")),
    ],
)
def test_prescriptions(run_sql, row, fate):
    assert fates(run_sql, "rxq_rx", f"person_id | RXDUSE | RXDDRUG\n{row}") == [fate]


@pytest.mark.parametrize(
    ("flag", "last_four"),
    [(0, ("duplicate", "repeats_first_imputation")), (1, ("staged", None)), (2, ("staged", None))],
)
def test_five_rows_of_a_whole_body_scan(run_sql, flag, last_four):
    dxx = "person_id | _MULT_ | DXITOT | DXDTOBMD\n" + "\n".join(f"1 | {n} | {flag} | 1.1" for n in range(1, 6))
    assert fates(run_sql, "dxx", dxx) == [("staged", None), *[last_four] * 4]


def test_whole_body_not_scanned_is_out_of_scope(run_sql):
    assert fates(run_sql, "dxx", "person_id | _MULT_\n1 | 1") == [("out_of_scope", "not_scanned")]


@pytest.mark.parametrize(("table", "column"), [("dxxfem", "DXAFMRST"), ("dxxspn", "DXASPNST")])
def test_scan_statuses(run_sql, table, column):
    rows = "\n".join(f"1 | {status}" for status in (1, 2, 3, 4, 5))
    found = fates(run_sql, table, f"person_id | {column}\n{rows}")
    assert found == [("staged", None)] * 2 + [("out_of_scope", "not_scanned")] * 3


def test_blood_pressure_of_zeros_is_no_value(run_sql):
    assert fates(run_sql, "bpx", "person_id | BPXSY1 | BPXDI1\n1 | | 0\n1 | 120 | 0") == [
        ("out_of_scope", "no_value"),
        ("staged", None),
    ]


@pytest.mark.parametrize(
    "table,columns", [("rhq", "RHQ031 | RHD043"), ("mcq", "MCQ160B | MCQ220"), ("osq", "OSQ060 | OSQ010A")]
)
def test_refused_and_unknown_answers_are_out_of_scope(run_sql, table, columns):
    assert fates(run_sql, table, f"person_id | {columns}\n1 | 9 | 99") == [("out_of_scope", "no_answer")]


def test_mortality_of_the_ineligible_is_out_of_scope(run_sql):
    found = fates(run_sql, "mortality", "person_id | ELIGSTAT | PERMTH_INT\n1 | 1 | 20\n1 | 2 |\n1 | 1 |")
    assert found == [("staged", None), *[("out_of_scope", "not_followed_up")] * 2]
