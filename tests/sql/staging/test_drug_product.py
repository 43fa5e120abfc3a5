"""What a product holds: by concept, code, vocabulary or the words of its name; and how strong it is."""

import pytest

TABLE = "staging.drug_product"
FLAT = "person_id | drug_text | strength_text | form_text | code_system | code | ingredient_text"
OMOP = "person_id | drug_concept_id | drug_source_concept_id | drug_source_value"


def flat(run_sql, name: str = "", strength="", form="", system="", code="", ingredient="") -> dict[str, dict]:
    text = f"{FLAT}\n1 | {name} | {strength} | {form} | {system} | {code} | {ingredient}"
    return {row["ingredient"]: row for row in run_sql(TABLE, {"raw.flat_prescription": text})}


def omop(run_sql, row: str, **more: str) -> dict[str, dict]:
    inputs = {"raw.omop_drug_exposure": f"{OMOP}\n1 | {row}"} | {f"raw.omop_{k}": v for k, v in more.items()}
    return {found["ingredient"]: found for found in run_sql(TABLE, inputs)}


@pytest.mark.parametrize(
    ("name", "ingredient", "strength", "concentration", "form", "compounded"),
    [
        ("anastrozole 1 MG Oral Tablet", "anastrozole", 1, None, "tablet", False),
        ("ARIMIDEX 1MG TAB", "anastrozole", 1, None, "tablet", False),
        ("Anastrozole 0.25 mg capsule", "anastrozole", 0.25, None, "capsule", True),
        ("ANASTROZOLE 0.5 MG CAPSULE (COMPOUNDED)", "anastrozole", 0.5, None, "capsule", True),
        ("anastrozole 1 mg troche", "anastrozole", 1, None, "troche", True),
        ("letrozol 2,5 mg comprimé", "letrozole", 2.5, None, "tablet", False),
        ("testosterone cypionate 200 MG/ML Injectable Solution", "testosterone", None, 200, "injection", False),
        ("1 ML testosterone cypionate 200 MG/ML Injection", "testosterone", None, 200, "injection", False),
        ("Test Cyp 1000 mg/10 mL vial", "testosterone", None, 100, "injection", False),
        ("TESTOSTERONE 1.62 % GEL", "testosterone", None, 16.2, "gel", False),
        ("Testopel 75 mg pellet", "testosterone", 75, None, "pellet", False),
        ("Levothyroxine 75 mcg tablet", "levothyroxine", 0.075, None, "tablet", False),
        ("Climara 0.1 mg/24 hr patch", "estradiol", None, None, "patch", False),
        ("methyltestosterone 10 mg capsule", "methyltestosterone", 10, None, "capsule", False),
        ("ethinyl estradiol 0.02 mg tablet", "ethinyl estradiol", 0.02, None, "tablet", False),
    ],
)
def test_names(run_sql, name, ingredient, strength, concentration, form, compounded):
    found = flat(run_sql, name)
    assert list(found) == [ingredient]
    row = found[ingredient]
    assert row["resolution_code"] == "name"
    assert row["strength_mg"] == (pytest.approx(strength) if strength else None)
    assert row["concentration_mg_per_ml"] == (pytest.approx(concentration) if concentration else None)
    assert (row["form_code"], row["is_compounded"]) == (form, compounded)


def test_a_combined_product_is_a_row_an_ingredient_with_its_own_strength(run_sql):
    found = flat(run_sql, "TESTOSTERONE 200 MG/ML / ANASTROZOLE 1 MG/ML SOLUTION (COMPOUNDED)")
    assert {name: row["concentration_mg_per_ml"] for name, row in found.items()} == {
        "testosterone": 200,
        "anastrozole": 1,
    }
    assert all(row["n_ingredients"] == 2 and row["is_compounded"] for row in found.values())


def test_shorthand_for_both_says_no_strength_where_it_cannot_be_told_apart(run_sql):
    found = flat(run_sql, "T/ANA pellet 100/4 mg")
    assert {name: (row["strength_mg"], row["is_compounded"]) for name, row in found.items()} == {
        "testosterone": (None, True),
        "anastrozole": (None, True),
    }


def test_strength_text_goes_before_the_name(run_sql):
    row = flat(run_sql, "anastrozole", strength="1 mg")["anastrozole"]
    assert (row["strength_mg"], row["strength_text"]) == (1, "1 mg")


@pytest.mark.parametrize(
    ("system", "code"), [("ATC", "L02BG03"), ("", "L02BG03"), ("RxNorm", "84857"), ("rxnorm", "199224")]
)
def test_codes(run_sql, system, code):
    row = flat(run_sql, system=system, code=code)["anastrozole"]
    assert (row["resolution_code"], row["drug_class"]) == ("code", "aromatase_inhibitor")
    assert row["strength_mg"] == (1 if code == "199224" else None)


def test_a_concept_of_the_code_list_needs_no_vocabulary(run_sql):
    row = omop(run_sql, "1348265 | 0 | ")["anastrozole"]
    assert (row["resolution_code"], row["strength_mg"]) == ("code", None)


def test_a_combined_product_mapped_to_one_ingredient_keeps_both(run_sql):
    found = omop(run_sql, "1636780 | 0 | TESTOSTERONE 200 MG/ML / ANASTROZOLE 1 MG/ML SOLUTION (COMPOUNDED)")
    assert {name: row["concentration_mg_per_ml"] for name, row in found.items()} == {
        "testosterone": 200,
        "anastrozole": 1,
    }


VOCABULARY = {
    "concept": "concept_id | concept_name | domain_id | vocabulary_id | concept_class_id | concept_code\n"
    "1 | Alendronic acid 10 MG Oral Tablet | Drug | RxNorm | Clinical Drug | 904419\n"
    "2 | Alendronic acid | Drug | RxNorm | Ingredient | 46041\n"
    "3 | amoxicillin 250 MG / clavulanate 125 MG Oral Tablet | Drug | RxNorm | Clinical Drug | 562251\n"
    "4 | Amoxicillin | Drug | RxNorm | Ingredient | 723\n5 | Clavulanate | Drug | RxNorm | Ingredient | 48203\n"
    "6 | zoster vaccine, live | Drug | CVX | CVX | 121",
    "concept_ancestor": "ancestor_concept_id | descendant_concept_id\n2 | 1\n4 | 3\n5 | 3\n1 | 1",
}


def test_the_vocabulary_names_ingredients(run_sql):
    alendronate = omop(run_sql, "1 | 0 | 904419", **VOCABULARY)["alendronate"]
    assert (alendronate["resolution_code"], alendronate["drug_class"]) == ("vocabulary", "bisphosphonate")
    assert (alendronate["strength_mg"], alendronate["route_code"]) == (10, "oral")
    both = omop(run_sql, "3 | 0 | 562251", **VOCABULARY)
    assert {name: (row["drug_class"], row["strength_mg"]) for name, row in both.items()} == {
        "amoxicillin": (None, 250),
        "clavulanate": (None, 125),
    }


def test_drug_strength_is_the_strength(run_sql):
    strength = (
        "drug_concept_id | ingredient_concept_id | amount_value | amount_unit_concept_id | numerator_value"
        " | numerator_unit_concept_id | denominator_value | denominator_unit_concept_id\n"
        "1 | 2 | 10000 | 9655 | | | |\n3 | 4 | | | 500 | 8576 | 5 | 8587"
    )
    found = omop(run_sql, "1 | 0 | 904419", drug_strength=strength, **VOCABULARY)
    assert found["alendronate"]["strength_mg"] == 10
    liquid = omop(run_sql, "3 | 0 | 562251", drug_strength=strength, **VOCABULARY)["amoxicillin"]
    assert (liquid["concentration_mg_per_ml"], liquid["volume_ml"]) == (100, 5)


@pytest.mark.parametrize(
    ("row", "resolution"),
    [
        ("0 | 0 | zinc sulfate 220 mg", "not_listed"),
        ("6 | 0 | 121", "not_listed"),
        ("0 | 0 | 00002751001", "unread_code"),
        ("40166274 | 45144375 | 00002751001", "unread_code"),
        ("0 | 0 | ", "no_drug"),
    ],
)
def test_what_no_list_knows_says_so(run_sql, only, row, resolution):
    found = omop(run_sql, row, **VOCABULARY)
    assert list(found) == [""]
    assert (found[""]["resolution_code"], found[""]["drug_class"]) == (resolution, None)
