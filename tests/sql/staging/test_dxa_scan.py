"""Scans as measured, values imputed by the source as five draws, and no row for a scan that was not made."""

import pytest

TABLE = "staging.dxa_scan"
PERSON = "person_id | sex_code\n1 | female"


def scans(run_sql, **raw: str) -> list[dict]:
    return run_sql(TABLE, {"staging.person": PERSON, **{f"raw.nhanes_{name}": text for name, text in raw.items()}})


@pytest.mark.parametrize("flag", [1, 2])
def test_imputed_whole_body_is_five_draws(run_sql, flag):
    values = [1.01, 1.02, 1.03, 1.04, 1.05]
    text = "person_id | cycle_code | _MULT_ | DXITOT | DXDTOBMD\n" + "\n".join(
        f"1 | D | {number} | {flag} | {value}" for number, value in enumerate(values, start=1)
    )
    rows = scans(run_sql, dxx=text)
    assert [(r["imputation_number"], r["bmd_g_cm2"]) for r in rows] == list(enumerate(values, start=1))
    assert all(r["is_valid"] and r["site_code"] == "whole_body" for r in rows)


def test_measured_whole_body_is_one_scan(run_sql, only):
    text = "person_id | cycle_code | _MULT_ | DXITOT | DXDTOBMD\n" + "\n".join(
        f"1 | D | {n} | 0 | 1.1" for n in range(1, 6)
    )
    scan = only(scans(run_sql, dxx=text))
    assert (scan["imputation_number"], scan["bmd_g_cm2"], scan["source_row"]) == (0, 1.1, 1)


def test_regions_are_imputed_one_by_one(run_sql):
    text = "person_id | cycle_code | _MULT_ | DXITOTBN | DXDTOBMD | DXIPE | DXXPEBMD\n" + "\n".join(
        f"1 | A | {n} | 0 | 1.1 | 1 | 1.{n}" for n in range(1, 6)
    )
    rows = scans(run_sql, dxx=text)
    numbers = {
        site: [r["imputation_number"] for r in rows if r["site_code"] == site]
        for site in ("whole_body", "whole_body_pelvis")
    }
    assert numbers == {"whole_body": [0], "whole_body_pelvis": [1, 2, 3, 4, 5]}


def test_completed_femur_is_a_row_a_site(run_sql):
    text = "person_id | cycle_code | DXAFMRST | DXXNKBMD | DXXOFBMD | DXXTRBMD | DXXINBMD | DXXWDBMD"
    rows = scans(run_sql, dxxfem=f"{text}\n1 | H | 1 | 0.71 | 0.83 | 0.62 | 1.0 | 0.5")
    assert {r["site_code"]: r["bmd_g_cm2"] for r in rows} == {
        "femoral_neck": 0.71, "total_hip": 0.83, "trochanter": 0.62, "intertrochanter": 1.0, "wards_triangle": 0.5,
    }  # fmt: skip
    assert {(r["scan_id"], r["manufacturer"], r["model"], r["is_valid"]) for r in rows} == {
        ("H.femur", "hologic", None, True)
    }


def test_invalid_femur_is_rows_with_their_code_and_no_value(run_sql):
    rows = scans(run_sql, dxxfem="person_id | cycle_code | DXAFMRST | DXXFMBCC\n1 | H | 2 | 3")
    assert len(rows) == 5
    assert {(r["is_valid"], r["invalid_reason"], r["bmd_g_cm2"]) for r in rows} == {
        (False, "cdc_invalidity_code_3", None)
    }


def test_completed_scan_without_a_value_says_so(run_sql):
    rows = scans(run_sql, dxxfem="person_id | cycle_code | DXAFMRST | DXXNKBMD\n1 | H | 1 | 0.7")
    assert {r["invalid_reason"] for r in rows if r["site_code"] != "femoral_neck"} == {"no_value_released"}


@pytest.mark.parametrize("status", [3, 4, 5, ""])
def test_scan_not_made_is_no_row(run_sql, status):
    femur = f"person_id | cycle_code | DXAFMRST | DXXFMBCC\n1 | H | {status} | "
    spine = f"person_id | cycle_code | DXASPNST\n1 | H | {status}"
    assert scans(run_sql, dxxfem=femur, dxxspn=spine) == []


def test_spine_with_one_invalid_vertebra_keeps_the_others(run_sql):
    text = "person_id | cycle_code | DXASPNST | DXXOSBMD | DXXOSBCC | DXXL1BMD | DXXL1BCC | DXXL2BMD | DXXL2BCC"
    rows = scans(run_sql, dxxspn=f"{text}\n1 | H | 2 | | 4 | | 4 | 0.98 | ")
    by_site = {r["site_code"]: (r["is_valid"], r["invalid_reason"]) for r in rows}
    assert by_site["l1"] == (False, "cdc_invalidity_code_4")
    assert by_site["lumbar_spine"] == (False, "cdc_invalidity_code_4")
    assert by_site["l2"] == (True, None)


def test_repeat_scan_is_a_scan_of_its_own(run_sql):
    first = "person_id | cycle_code | _MULT_ | DXITOTBN | DXDTOBMD\n1 | B | 1 | 0 | 1.10"
    rows = scans(run_sql, dxx=first, dxx_repeat="person_id | cycle_code | DX2TOBMD\n1 | B | 1.11")
    assert [(r["scan_id"], r["bmd_g_cm2"]) for r in rows] == [("B.whole_body", 1.10), ("B.whole_body_repeat", 1.11)]
