"""Drugs that are named but not read here are out of scope; codes nobody can read are set aside; what is no fill is kept."""

import pytest

VIEW = "source.drug_record"
PERSON = "person_id | sex_code | birth_year\n1 | female | 1950"
OMOP = "person_id | drug_exposure_id | drug_concept_id | drug_source_value | drug_type_concept_id | drug_exposure_start_date"


def keyed(run_sql, text: str) -> str:
    (row,) = run_sql("source.omop_drug_keyed", {"raw.omop_drug_exposure": text})
    return row["product_id"]


@pytest.mark.parametrize(
    ("resolution", "ingredient", "disposition", "reason"),
    [
        ("not_listed", "", "out_of_scope", "drug_not_listed"),
        ("unread_code", "", "quarantined", "drug_code_unknown"),
        ("no_drug", "", "quarantined", "no_drug"),
        ("code", "anastrozole", "staged", None),
    ],
)
def test_what_a_product_is_decides(run_sql, only, resolution, ingredient, disposition, reason):
    text = f"{OMOP}\n1 | 5 | 77 | x | 32825 | 2020-03-01"
    product = [{"product_id": keyed(run_sql, text), "ingredient": ingredient, "resolution_code": resolution}]
    inputs = {"staging.person": PERSON, "raw.omop_drug_exposure": text, "staging.drug_product": product}
    row = only(run_sql(VIEW, inputs))
    assert (row["disposition"], row["reason"]) == (disposition, reason)


@pytest.mark.parametrize(
    ("type_concept", "kind"),
    [
        ("32838", "order"),
        ("32825", "fill"),
        ("38000175", "fill"),
        ("38000177", "order"),
        ("1", "unknown"),
        ("", "unknown"),
    ],
)
def test_an_order_is_no_fill(run_sql, only, type_concept, kind):
    """Domain row 20."""
    text = f"{OMOP}\n1 | 5 | 77 | x | {type_concept} | 2020-03-01"
    row = only(run_sql(VIEW, {"staging.person": PERSON, "raw.omop_drug_exposure": text}))
    assert (row["record_type"], row["disposition"]) == (kind, "staged")


def test_two_steps_of_a_titration_are_two_rows(run_sql):
    """Domain row 17: where a source writes each step as a row of its own, each is staged with its own instruction."""
    header = "person_id | record_number | record_id | drug_text | sig_text | started_on"
    text = (
        f"{header}\n1 | 1 | a | anastrozole 1 mg | 1 tab weekly | 2020-03-01\n"
        "1 | 1 | b | anastrozole 1 mg | 1 tab twice weekly | 2020-04-01"
    )
    rows = run_sql(VIEW, {"staging.person": PERSON, "raw.flat_prescription": text})
    assert {(row["sig_text"], row["disposition"]) for row in rows} == {
        ("1 tab weekly", "staged"), ("1 tab twice weekly", "staged"),
    }  # fmt: skip


def test_early_refills_stay_rows_of_their_own(run_sql):
    """Domain row 19: stock is carried over later, never by dropping a fill."""
    text = f"{OMOP}\n1 | 5 | 77 | x | 32825 | 2020-03-01\n1 | 6 | 77 | x | 32825 | 2020-03-08"
    rows = run_sql(VIEW, {"staging.person": PERSON, "raw.omop_drug_exposure": text})
    assert [row["disposition"] for row in rows] == ["staged", "staged"]
