"""Prescriptions by ingredient, without the source's sentinels."""

import pytest

TABLE = "staging.drug_exposure"
PERSON = "person_id | sex_code\n1 | female"


def exposures(run_sql, raw: str) -> list[dict]:
    return run_sql(TABLE, {"staging.person": PERSON, "raw.nhanes_rxq_rx": raw})


@pytest.mark.parametrize(("days", "staged"), [("365", 365), ("77777", None), ("99999", None), ("", None), ("0", 0)])
def test_days_refused_and_unknown_are_null(run_sql, only, days, staged):
    drug = only(exposures(run_sql, f"person_id | RXDDRUG | RXDDAYS\n1 | ANASTROZOLE | {days}"))
    assert (drug["ingredient"], drug["drug_class"], drug["days_on"]) == ("anastrozole", "aromatase_inhibitor", staged)
    assert (drug["dose_mg_per_day"], drug["dose_source"]) == (None, "not_recorded")


@pytest.mark.parametrize("name", ["55555", "77777", "99999", "", "  "])
def test_a_name_cdc_could_not_code_is_no_exposure(run_sql, name):
    assert exposures(run_sql, f"person_id | RXDDRUG | RXDDAYS\n1 | {name} | 30") == []


def test_a_combination_is_a_row_an_ingredient(run_sql):
    rows = exposures(run_sql, "person_id | RXDDRUG | RXDDAYS\n1 | ESTRADIOL; NORETHINDRONE | 90")
    assert [(r["ingredient"], r["drug_class"], r["days_on"]) for r in rows] == [
        ("estradiol", "estrogen", 90),
        ("norethindrone", "progestin", 90),
    ]
    assert {r["source_row"] for r in rows} == {1}


def test_salts_fold_into_their_ingredient(run_sql, only):
    drug = only(exposures(run_sql, "person_id | RXDDRUG\n1 | TAMOXIFEN CITRATE"))
    assert (drug["ingredient"], drug["drug_name"], drug["drug_class"]) == ("tamoxifen", "TAMOXIFEN CITRATE", "serm")


def test_two_names_of_one_ingredient_in_one_row_are_one_exposure(run_sql, only):
    rows = exposures(run_sql, "person_id | RXDDRUG\n1 | CONJUGATED ESTROGENS; ESTROGENS, CONJUGATED")
    assert only(rows)["ingredient"] == "conjugated estrogens"


def test_a_drug_that_does_not_matter_here_keeps_its_name_and_no_class(run_sql, only):
    drug = only(exposures(run_sql, "person_id | RXDDRUG\n1 | AMOXICILLIN"))
    assert (drug["ingredient"], drug["drug_class"]) == ("amoxicillin", None)


def test_columns_of_1999(run_sql, only):
    drug = only(exposures(run_sql, "person_id | RXD240B | RXD260\n1 | LETROZOLE | 99999"))
    assert (drug["ingredient"], drug["days_on"]) == ("letrozole", None)


def test_respondent_not_in_demo_is_not_staged(run_sql):
    assert exposures(run_sql, "person_id | RXDDRUG\n2 | LETROZOLE") == []


@pytest.mark.parametrize(("code", "staged"), [("C50.9", "C50.9"), ("55555", None), ("99999", None), ("", None)])
def test_reason_for_use_that_could_not_be_coded_is_null(run_sql, only, code, staged):
    drug = only(exposures(run_sql, f"person_id | RXDDRUG | RXDRSC1\n1 | LETROZOLE | {code}"))
    assert drug["indication_code"] == staged
