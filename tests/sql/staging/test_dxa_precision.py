"""Precision of a densitometer from scans repeated on one day, else the limit of ISCD.

RMS-SD by hand: pairs 1.000/1.010 and 0.800/0.820 have variances 5e-5 and 2e-4, so the root of their mean is 0.01118.
"""

import pytest

TABLE = "staging.dxa_precision"
HEADER = (
    "person_id | scan_id | site_code | side_code | imputation_number | is_valid | device_id | software | manufacturer"
    " | vertebrae_code | scanned_on | bmd_g_cm2 | source_id"
)


def scan(person, scan_id, bmd, day="2020-01-05", **changed: str) -> str:
    cells = {
        "site": "total_hip", "side": "left", "imputation": 0, "valid": "true", "device": "D1", "software": "13.4",
        "maker": "hologic", "vertebrae": "",
    } | changed  # fmt: skip
    return " | ".join(str(cell) for cell in (person, scan_id, *cells.values(), day, bmd, "flat"))


def precision(run_sql, *rows: str) -> list[dict]:
    return run_sql(TABLE, {"staging.dxa_scan": "\n".join((HEADER, *rows))})


PAIRS = [
    scan(1, "a", 1.000), scan(1, "b", 1.010), scan(2, "a", 0.800), scan(2, "b", 0.820),
    scan(3, "a", 0.900), scan(3, "b", 0.950, day="2021-01-05"),
]  # fmt: skip


def test_two_pairs_give_a_precision_but_no_limit_of_its_own(run_sql, only):
    row = only(precision(run_sql, *PAIRS))
    assert (row["n_pairs"], row["basis_code"], row["lsc_g_cm2"], row["lsc_pct"]) == (2, "iscd", None, 5)
    assert row["rms_sd"] == pytest.approx((1.25e-4) ** 0.5)
    assert row["cv_pct"] == pytest.approx(100 * ((5e-5 / 1.005**2 + 2e-4 / 0.81**2) / 2) ** 0.5)


def test_thirty_pairs_are_the_device_s_own(run_sql, only):
    rows = [scan(n, letter, bmd) for n in range(30) for letter, bmd in (("a", 1.0), ("b", 1.01))]
    row = only(precision(run_sql, *rows))
    assert (row["n_pairs"], row["basis_code"]) == (30, "device")
    assert row["lsc_g_cm2"] == pytest.approx(2.77 * 0.01 / 2**0.5)
    assert row["lsc_pct"] == pytest.approx(2.77 * 100 * 0.01 / 2**0.5 / 1.005)


@pytest.mark.parametrize(("site", "limit"), [("lumbar_spine", 5.3), ("total_hip", 5.0), ("femoral_neck", 6.9)])
def test_limits_of_iscd(run_sql, only, site, limit):
    assert only(precision(run_sql, scan(1, "a", 1.0, site=site)))["lsc_pct"] == pytest.approx(limit)


def test_a_site_without_a_limit_and_without_pairs_has_none(run_sql):
    assert precision(run_sql, scan(1, "a", 1.0, site="forearm")) == []


@pytest.mark.parametrize(
    "changed",
    [{"device": "D2"}, {"software": "14"}, {"side": "right"}, {"valid": "false"}, {"day": "2020-01-06"}],
)
def test_only_scans_alike_in_everything_are_a_repeat(run_sql, changed):
    rows = precision(run_sql, scan(1, "a", 1.0), scan(1, "b", 1.01, **changed))
    assert {row["n_pairs"] for row in rows} == {0}


def test_other_vertebrae_are_no_repeat(run_sql, only):
    spine = {"site": "lumbar_spine", "side": "not_applicable"}
    rows = (scan(1, "a", 1.0, vertebrae="L1-L4", **spine), scan(1, "b", 1.1, vertebrae="L2-L4", **spine))
    assert only(precision(run_sql, *rows))["n_pairs"] == 0


def test_a_scan_without_a_device_says_nothing_of_one(run_sql):
    assert precision(run_sql, scan(1, "a", 1.0, device=""), scan(1, "b", 1.01, device="")) == []


def test_the_repeat_examination_of_a_survey_is_one_pair(run_sql, only):
    rows = [scan(1, name, bmd, day="", device="", site="lumbar_spine", side="not_applicable", vertebrae="L1-L4")
            for name, bmd in (("B.spine", 1.0), ("B.spine_repeat", 1.01))]  # fmt: skip
    row = only(precision(run_sql, *rows))
    assert (row["device_id"], row["n_pairs"], row["basis_code"]) == ("not_released", 1, "iscd")
