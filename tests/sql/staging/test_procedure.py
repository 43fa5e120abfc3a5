"""Procedures by code, those that matter by name: contrast before a scan, pellets, oophorectomy (domain rows 9, 15, 16)."""

import pytest

TABLE = "staging.procedure"
PERSON = "person_id | sex_code\n1 | female"
FLAT = "person_id | record_number | record_id | code | code_system | performed_on"
OMOP = "person_id | procedure_occurrence_id | procedure_concept_id | procedure_source_value | procedure_date"


def flat(run_sql, *rows: str) -> list[dict]:
    text = "\n".join((FLAT, *(f"1 | 1 | r{n} | {row} | 2020-01-05" for n, row in enumerate(rows))))
    return run_sql(TABLE, {"staging.person": PERSON, "raw.flat_procedure": text})


@pytest.mark.parametrize(
    ("code", "system", "vocabulary", "name"),
    [
        ("77080", "CPT", "cpt4", "dxa_scan"),
        ("74177", "CPT-4", "cpt4", "contrast_imaging"),
        ("11980", "", None, "pellet_implant"),
        ("s0189", "HCPCS", "hcpcs", "pellet_implant"),
        ("0UT20ZZ", "ICD-10-PCS", "icd10pcs", "oophorectomy"),
        ("65.51", "ICD-9", "icd9proc", "oophorectomy"),
        ("6551", "ICD-9", "icd9proc", "oophorectomy"),
        ("65.1", "ICD-9", "icd9proc", None),
        ("0UT20ZZ", "", None, None),
        ("77080", "ICD-10-PCS", "icd10pcs", None),
    ],
)
def test_codes_and_their_names(run_sql, only, code, system, vocabulary, name):
    row = only(flat(run_sql, f"{code} | {system}"))
    assert (row["source_code"], row["vocabulary_code"], row["procedure_code"]) == (code.upper(), vocabulary, name)


def test_the_code_the_source_recorded_says_more_than_the_concept(run_sql, only):
    concept = "concept_id | vocabulary_id | concept_code\n4000 | SNOMED | 312681000"
    omop = f"{OMOP}\n1 | 9 | 4000 | 77080 | 2020-01-05"
    row = only(
        run_sql(TABLE, {"staging.person": PERSON, "raw.omop_procedure_occurrence": omop, "raw.omop_concept": concept})
    )
    assert (row["source_code"], row["procedure_code"]) == ("77080", None)  # 77080 as SNOMED is no DXA
    omop = f"{OMOP}\n1 | 9 | 4000 | | 2020-01-05"
    row = only(
        run_sql(TABLE, {"staging.person": PERSON, "raw.omop_procedure_occurrence": omop, "raw.omop_concept": concept})
    )
    assert (row["source_code"], row["vocabulary_code"], row["procedure_code"]) == ("312681000", "snomed", "dxa_scan")


def test_a_row_stays_one_row_whatever_lists_it(run_sql):
    assert len(flat(run_sql, "77080 | CPT", "77080 | CPT", "99999 | CPT")) == 3
