"""One code a row, in one way of writing, with its vocabulary where it is stated or plain."""

import pytest

VIEW = "source.condition_code"
FLAT = "person_id | code | code_system | recorded_on\n1 | {} | {} | 2020-01-05"
OMOP = (
    "person_id | condition_concept_id | condition_source_concept_id | condition_source_value | condition_start_date\n"
    "1 | {} | {} | {} | 2020-01-05"
)


def flat(run_sql, code: str, system: str = "") -> tuple[str, str]:
    (row,) = run_sql(VIEW, {"raw.flat_diagnosis": FLAT.format(code, system)})
    return row["vocabulary_code"], row["condition_code"]


@pytest.mark.parametrize(
    ("code", "system", "vocabulary", "written"),
    [
        ("c50.911", "ICD-10-CM", "icd10cm", "C50.911"),
        ("C50911", "http://hl7.org/fhir/sid/icd-10-cm", "icd10cm", "C50.911"),
        ("M81.0 ", "icd10", "icd10cm", "M81.0"),
        ("I10.", "", "icd10cm", "I10"),
        ("N62", "", "icd10cm", "N62"),
        ("S72.001A", "", "icd10cm", "S72.001A"),
        ("E11.9", "", "icd10cm", "E11.9"),
        ("E119", "", "icd10cm", "E11.9"),
        ("Z79811", "", "icd10cm", "Z79.811"),
        ("V58.69", "icd9", "icd9cm", "V58.69"),
        ("V58.69", "", "ambiguous", "V5869"),
        ("E8889", "", "ambiguous", "E8889"),
        ("E888.9", "", "icd9cm", "E888.9"),
        ("78791  ", "", "icd9cm", "787.91"),
        ("733.00", "", "icd9cm", "733.00"),
        ("38.9", "ICD9CM", "icd9cm", "038.9"),
        ("311", "", "icd9cm", "311"),
        ("64859006", "", "snomed", "64859006"),
        ("64859006.0", "", "snomed", "64859006"),
        ("22298006", "http://snomed.info/sct", "snomed", "22298006"),
        ("N245.", "READ", "other", "N245"),
    ],
)
def test_spellings(run_sql, code, system, vocabulary, written):
    assert flat(run_sql, code, system) == (vocabulary, written)


def test_the_source_code_says_more_than_the_standard_concept(run_sql, only):
    row = only(run_sql(VIEW, {"raw.omop_condition_occurrence": OMOP.format(80502, 0, "M81.0")}))
    assert (row["vocabulary_code"], row["condition_code"]) == ("icd10cm", "M81.0")


def test_a_standard_concept_without_vocabulary_tables_is_read_where_the_code_list_has_it(run_sql, only):
    row = only(run_sql(VIEW, {"raw.omop_condition_occurrence": OMOP.format(80502, "", "")}))
    assert (row["vocabulary_code"], row["condition_code"]) == ("snomed", "64859006")


def test_vocabulary_tables_give_the_code_behind_a_source_concept(run_sql, only):
    concept = "concept_id | vocabulary_id | concept_code\n35208414 | ICD10CM | K92.2"
    inputs = {"raw.omop_condition_occurrence": OMOP.format(192671, 35208414, "local 7"), "raw.omop_concept": concept}
    row = only(run_sql(VIEW, inputs))
    assert (row["vocabulary_code"], row["condition_code"], row["source_code"]) == ("icd10cm", "K92.2", "local 7")


def test_an_unknown_concept_stays_a_concept_and_nothing_at_all_is_no_code(run_sql):
    rows = run_sql(VIEW, {"raw.omop_condition_occurrence": OMOP.format(4711, "", "") + "\n1 | 0 | | | 2020-01-06"})
    found = {(row["vocabulary_code"], row["condition_code"]) for row in rows}
    assert found == {("omop", "4711"), (None, None)}


@pytest.mark.parametrize(
    ("status", "is_primary", "is_history"),
    [("PRIMARY", True, False), ("SECONDARY", False, False), ("HISTORY", None, True), ("", None, False)],
)
def test_position_and_history(run_sql, only, status, is_primary, is_history):
    text = "person_id | condition_source_value | condition_status_source_value\n1 | N62 | " + status
    row = only(run_sql(VIEW, {"raw.omop_condition_occurrence": text}))
    assert (row["is_primary"], row["is_history"]) == (is_primary, is_history)


def test_setting_is_that_of_the_visit(run_sql):
    visits = "person_id | visit_occurrence_id | visit_concept_id\n1 | 7 | 9201\n1 | 8 | 9203\n2 | 9 | 9201"
    rows = run_sql(
        VIEW,
        {
            "raw.omop_visit_occurrence": visits,
            "raw.omop_condition_occurrence": "person_id | condition_source_value | visit_occurrence_id\n"
            "1 | I21.9 | 7\n1 | I50.9 | 8\n1 | I10 | 9\n1 | N62 |",
        },
    )
    found = {row["condition_code"]: row["setting_code"] for row in rows}
    assert found == {"I21.9": "inpatient", "I50.9": "emergency", "I10": "unknown", "N62": "unknown"}
