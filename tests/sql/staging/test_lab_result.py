"""Laboratory values in canonical units, the censored with their limit and never with a substitute."""

import pytest

TABLE = "staging.lab_result"
PERSON = "person_id | sex_code\n1 | female\n2 | male"
LIMITS = "cycle_code | family | analyte_code | lloq\nH | tst | estradiol | 2.994\nA | sschl | estradiol | 5"


def results(run_sql, **raw: str) -> dict[str, dict]:
    inputs = {f"raw.nhanes_{family}": text for family, text in raw.items()}
    rows = run_sql(TABLE, {"staging.person": PERSON, "staging.assay_limit": LIMITS, **inputs})
    return {row["analyte_code"]: row for row in rows}


def test_estradiol_below_the_limit_is_the_limit_and_less_than(run_sql):
    e2 = results(run_sql, tst="person_id | cycle_code | LBXEST | LBDESTLC\n1 | H | 2.117 | 1")["estradiol"]
    assert (e2["value"], e2["operator"], e2["is_censored"], e2["lloq"]) == (2.994, "<", True, 2.994)
    assert (e2["source_value"], e2["assay_class"], e2["unit_code"]) == (2.117, "lc_ms_ms", "pg/mL")


def test_estradiol_above_the_limit_is_itself(run_sql):
    e2 = results(run_sql, tst="person_id | cycle_code | LBXEST | LBDESTLC\n1 | H | 24.6 | 0")["estradiol"]
    assert (e2["value"], e2["operator"], e2["is_censored"]) == (24.6, "=", False)
    assert (e2["drawn_on"], e2["date_reason"]) == (None, "not_released")


def test_surplus_serum(run_sql):
    found = results(run_sql, sschl="person_id | cycle_code | SSSE2 | SSTESTO\n2 | A | -5 | 4.5")
    e2, testosterone = found["estradiol"], found["testosterone"]
    assert (e2["value"], e2["operator"], e2["source_value"], e2["assay_class"]) == (5, "<", -5, "immunoassay")
    assert (testosterone["value"], testosterone["unit_code"], testosterone["operator"]) == (450, "ng/dL", "=")


def test_censored_without_a_known_limit_has_no_value(run_sql):
    shbg = results(run_sql, tst="person_id | cycle_code | LBXSHBG | LBDSHGLC\n1 | H | 0.6 | 1")["shbg"]
    assert (shbg["value"], shbg["operator"], shbg["lloq"]) == (None, "<", None)


@pytest.mark.parametrize("family", ["crp", "lab11"])
def test_crp_is_published_in_mg_dl_and_staged_in_mg_l(run_sql, family):
    crp = results(run_sql, **{family: "person_id | cycle_code | LBXCRP\n1 | D | 0.35"})["crp"]
    assert crp["value"] == pytest.approx(3.5)
    assert (crp["unit_code"], crp["source_value"]) == ("mg/L", 0.35)


def test_value_without_a_comment_column_is_no_censored_value(run_sql):
    assert results(run_sql, ghb="person_id | cycle_code | LBXGH\n1 | H | 5.4")["hba1c"]["operator"] == "="


def test_missing_value_and_unknown_person_are_no_rows(run_sql):
    found = results(run_sql, tst="person_id | cycle_code | LBXEST | LBDESTLC\n1 | H | | \n99 | H | 24.6 | 0")
    assert found == {}


def test_two_files_of_a_cycle_are_two_specimens(run_sql):
    tst = "person_id | cycle_code | LBXEST | LBDESTLC\n1 | H | 24.6 | 0"
    ghb = "person_id | cycle_code | LBXGH\n1 | H | 5.4"
    found = results(run_sql, tst=tst, ghb=ghb)
    assert {row["specimen_id"] for row in found.values()} == {"H.tst", "H.ghb"}
