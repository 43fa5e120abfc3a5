"""Limits of detection, found in the data themselves."""

import pytest

TABLE = "staging.assay_limit"


def test_limit_is_the_fill_times_root_two(run_sql, only):
    tst = "person_id | cycle_code | LBXEST | LBDESTLC\n1 | H | 2.117 | 1\n2 | H | 2.117 | 1\n3 | H | 25.0 | 0"
    limit = only(run_sql(TABLE, {"raw.nhanes_tst": tst}))
    assert (limit["cycle_code"], limit["family"], limit["analyte_code"]) == ("H", "tst", "estradiol")
    assert limit["lloq"] == pytest.approx(2.994, abs=1e-12)
    assert (limit["fill_values"], limit["n_censored"]) == (1, 2)


def test_surplus_serum_writes_minus_the_limit_in_its_own_unit(run_sql):
    sschl = "person_id | cycle_code | SSSE2 | SSTESTO\n1 | A | -5 | -0.02\n2 | A | 31 | 4.5\n3 | C | -5 |"
    limits = {
        (row["cycle_code"], row["analyte_code"]): row["lloq"] for row in run_sql(TABLE, {"raw.nhanes_sschl": sschl})
    }
    assert limits == {("A", "estradiol"): 5, ("A", "testosterone"): pytest.approx(2), ("C", "estradiol"): 5}


def test_two_fills_in_one_file_are_counted(run_sql, only):
    tst = "person_id | cycle_code | LBXTST | LBDTSTLC\n1 | H | 0.53 | 1\n2 | H | 0.6 | 1"
    limit = only(run_sql(TABLE, {"raw.nhanes_tst": tst}))
    assert limit["fill_values"] == 2
    assert limit["lloq"] == pytest.approx(0.849, abs=1e-12)


def test_nothing_censored_no_limit(run_sql):
    assert run_sql(TABLE, {"raw.nhanes_tst": "person_id | cycle_code | LBXEST | LBDESTLC\n1 | H | 25 | 0"}) == []
