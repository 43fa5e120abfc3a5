"""Each measurement row belongs to one record view: by standard concept, source concept, code, or form of the text."""

import pytest

VIEW = "source.omop_measurement_route"
HEADER = (
    "person_id | measurement_id | measurement_concept_id | measurement_source_concept_id | measurement_source_value"
)


@pytest.mark.parametrize(
    ("concept", "source_concept", "written", "family", "code"),
    [
        ("3051938", "", "", "dxa", "3051938"),
        ("3025315", "", "", "observation", "3025315"),
        ("0", "3051938", "", "dxa", "3051938"),
        ("0", "0", "46278-8", "dxa", "46278-8"),
        ("0", "0", "2243-4", "lab", "2243-4"),
        ("0", "0", "DXA|FN||BMD|F", "dxa", None),
        ("0", "0", "shoe size", "none", None),
        ("", "", "", "none", None),
    ],
)
def test_routes(run_sql, only, concept, source_concept, written, family, code):
    row = [{"person_id": 1, "measurement_id": 1, "source_file": "m", "source_row": 1, "source_id": "omop", "drop_id": "d",
            "drop_sequence": 1, "measurement_concept_id": concept or None,
            "measurement_source_concept_id": source_concept or None, "measurement_source_value": written or None}]  # fmt: skip
    found = only(run_sql(VIEW, {"raw.omop_measurement": row}))
    assert (found["family"], found["code"]) == (family, code)


def test_a_delivered_vocabulary_tells_concepts_of_listed_codes(run_sql, only):
    concept = "concept_id | vocabulary_id | concept_code\n999 | LOINC | 46278-8"
    text = f"{HEADER}\n1 | 1 | 999 | |"
    found = only(run_sql(VIEW, {"raw.omop_measurement": text, "raw.omop_concept": concept}))
    assert (found["family"], found["vocabulary_code"], found["code"]) == ("dxa", "loinc", "46278-8")
