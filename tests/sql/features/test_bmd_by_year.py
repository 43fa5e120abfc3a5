"""Bone density at whole years before a horizon: which scan stands for which year, against which baseline, and of whom."""

import datetime as dt
import math

import pytest

TABLE = "features.bmd_by_year"
ZERO = dt.date(2018, 1, 1)
SCAN = "person_id | scan_id | site_code | side_code | imputation_number | is_valid | bmd_g_cm2 | series_id | scanned_on"
VALUE = "study_id | contrast_number | person_id | trial_number | index_on | followed_days"
CONTRAST = "study_id | contrast_number | cohort_code | target_code | comparator_code | outcome_code | horizon_days | window_days"
ARM = "study_id | cohort_code | arm_number | arm_code"


def on(days: int) -> dt.date:
    return ZERO + dt.timedelta(days)


def scan(days: int, bmd: float, series: str = "s", valid: str = "true", side: str = "left") -> str:
    return f"1 | {days} {series} {bmd} | total_hip | {side} | 0 | {valid} | {bmd} | {series} | {on(days)}"


@pytest.fixture
def by_year(run_sql):
    def run(*scans, horizon=1826, window=90, followed="1900", target="drug", outcome="total_hip_bmd_change_pct"):
        return run_sql(TABLE, {
            "features.outcome_value": f"{VALUE}\ns | 1 | 1 | 1 | {ZERO} | {followed}",
            "ref.study_contrast": f"{CONTRAST}\ns | 1 | c | {target} | other | {outcome} | {horizon} | {window}",
            "ref.study_arm": f"{ARM}\ns | c | 1 | drug\ns | c | 2 | other",
            "staging.dxa_scan": "\n".join((SCAN, *scans)),
        })  # fmt: skip

    return run


def test_of_each_year_the_scan_nearest_to_its_end_against_the_last_baseline(by_year):
    found = by_year(scan(-300, 0.7), scan(0, 1.0), scan(300, 0.5), scan(360, 0.98), scan(400, 0.5), scan(1461, 0.94))
    assert [(row["year_number"], row["year_days"], row["scan_days"]) for row in found] == [
        (1, 365, 360),
        (4, 1461, 1461),
    ]
    assert [row["change_pct"] for row in found] == pytest.approx([100 * math.log(0.98), 100 * math.log(0.94)])
    assert {row["baseline_on"] for row in found} == {ZERO}


@pytest.mark.parametrize(
    ("days", "year"), [(274, None), (275, 1), (455, 1), (456, None), (641, 2), (821, 2), (822, None)]
)
def test_a_window_has_two_ends(by_year, days, year):
    found = by_year(scan(-1, 1.0), scan(days, 0.9))
    assert [row["year_number"] for row in found] == ([] if year is None else [year])


def test_a_wide_window_counts_no_scan_twice(by_year):
    found = by_year(scan(-1, 1.0), scan(547, 0.9), scan(548, 0.8), scan(549, 0.7), window=400)
    assert [(row["year_number"], row["scan_days"]) for row in found] == [(1, 547), (2, 549)]
    assert by_year(scan(-1, 1.0), scan(183, 0.9), window=182) != [], (
        "182 days before the end of a year is in its window"
    )
    assert by_year(scan(-1, 1.0), scan(182, 0.9), window=400) == []


@pytest.mark.parametrize(("horizon", "years"), [(730, [1]), (380, []), (381, [1]), (1826, [1, 2, 3, 4])])
def test_what_is_the_horizon_is_no_year_before_it(by_year, horizon, years):
    scans = [scan(round(365.25 * k), 1 - 0.01 * k) for k in range(6)]
    assert [row["year_number"] for row in by_year(*scans, horizon=horizon)] == years


def test_after_the_end_of_follow_up_nothing_counts_and_without_an_end_nothing_either(by_year):
    scans = (scan(-1, 1.0), scan(360, 0.98), scan(700, 0.96))
    assert [row["year_number"] for row in by_year(*scans, followed="400")] == [1]
    assert by_year(*scans, followed="") == []


def test_another_device_side_or_site_is_no_follow_up(by_year):
    scans = (scan(-1, 1.0), scan(365, 0.9, series="t"), scan(366, 0.9, side="right"))
    assert by_year(*scans) == []
    assert by_year(scan(-1, 1.0), scan(365, 0.9), outcome="lumbar_spine_bmd_change_pct") == []
    assert by_year(scan(-366, 1.0), scan(365, 0.9)) == [], "a baseline of more than a year ago is none"
    assert by_year(scan(-1, 1.0), scan(365, 0.9, valid="false")) == []


def test_of_two_series_the_one_measured_nearest_to_the_year(by_year, only):
    both = (scan(-1, 1.0, series="new"), scan(-50, 0.8, series="old"))
    row = only(by_year(*both, scan(370, 0.76, series="old"), scan(390, 0.5, series="new")))
    assert (row["scan_days"], row["baseline_on"]) == (370, on(-50))
    assert row["change_pct"] == pytest.approx(100 * math.log(0.76 / 0.8))


def test_scans_of_a_day_are_averaged(by_year, only):
    assert only(by_year(scan(-1, 1.0), scan(365, 0.94), scan(365, 0.98)))["change_pct"] == pytest.approx(
        100 * math.log(0.96)
    )


def test_doses_and_results_of_laboratories_have_no_years(by_year):
    scans = (scan(-1, 1.0), scan(365, 0.9))
    assert by_year(*scans) != []
    assert by_year(*scans, target="any") == []
    assert by_year(*scans, outcome="lh_iu_l") == []
