"""Change-points by hand: size, interval and p-value of a step, what cannot be judged, which quarter counts, and its cause."""

import datetime as dt
import math
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from scipy import stats

from pipelines.models.change_point import LEAST_PAIRS, change_point
from pipelines.run import Run
from pipelines.settings import Settings

FIRST = 4 * 2015 + 1
NOTHING = dict.fromkeys((f"n_other_{what}" for what in ("place", "method", "code", "unit", "limit")), 0)


def quarter(number: int, change: float = 0.0, n: int = 25, sd: float = 0.1, **other: Any) -> dict[str, Any]:
    """Sums of n pairs two quarters apart with this mean change and standard deviation."""
    named = {"quantity": "lab", "item_code": "estradiol", "place_kind": "laboratory", "place_code": "one"}
    sums = {
        "quarter_number": FIRST + number,
        "n_pairs": n,
        "sum_log_change": n * change,
        "sum_square": (n - 1) * sd**2 + n * change**2,
        "sum_quarters_apart": 2 * n,
    }
    return named | sums | NOTHING | other


def judged(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    facts = Run(Settings(home=Path("none"), source="omop")).facts
    return change_point({"models.level_change": pl.DataFrame(rows).lazy()}, facts).collect().to_dicts()


def test_a_step_by_hand() -> None:
    """Of 12 quarters all others are still: usual change 0, restlessness 1, standard error 0.1 over the root of 25."""
    found = judged([quarter(k, 0.2 if k == 5 else 0.0) for k in range(12)])
    step = found[5]
    assert (step["is_peak"], step["status"], step["starts_on"]) == (True, "evaluated", dt.date(2016, 7, 1))
    assert step["change_pct"] == pytest.approx(100 * (math.exp(0.2) - 1))
    assert step["z"] == pytest.approx(0.2 / 0.02)
    assert step["p_adjusted"] == pytest.approx(12 * 2 * stats.t.sf(10, 24))
    reach = stats.t.ppf(0.975, 24) * 0.02
    assert step["ci_low_pct"] == pytest.approx(100 * (math.exp(0.2 - reach) - 1))
    assert step["ci_high_pct"] == pytest.approx(100 * (math.exp(0.2 + reach) - 1))
    assert all(row["change_pct"] == 0 and row["p_adjusted"] == 1 for row in found if row is not step)


def test_what_changes_with_time_anyway_is_taken_off_by_the_time_between() -> None:
    """Everybody falls by 0.02 a quarter; pairs of the last quarter are twice as far apart."""
    rows = [quarter(k, -0.04) for k in range(12)] + [quarter(12, -0.08, sum_quarters_apart=100)]
    assert all(row["change_pct"] == pytest.approx(0, abs=1e-9) for row in judged(rows))


def test_a_restless_item_widens_every_interval() -> None:
    """Quarters that swing by five standard errors either way: restlessness 25 over the median of chi-squared."""
    rows = [quarter(k, 0.1 if k % 2 else -0.1) for k in range(12)]
    for row in judged(rows):
        assert abs(row["z"]) == pytest.approx(math.sqrt(stats.chi2.median(1)))
        assert row["p_adjusted"] == 1


def test_a_step_counts_once_where_it_stands_out_most() -> None:
    heights = {4: 0.1, 5: 0.2, 6: 0.1, 9: 0.15}
    found = judged([quarter(k, heights.get(k, 0.0)) for k in range(16)])
    assert [k for k, row in enumerate(found) if row["is_peak"] and row["p_adjusted"] < 0.05] == [5, 9]


@pytest.mark.parametrize(
    ("rows", "status"),
    [
        ([quarter(k, n=LEAST_PAIRS - 1) for k in range(12)], "too_few_pairs"),
        ([quarter(k) for k in range(7)], "too_few_quarters"),
        ([quarter(k, sd=0.0) for k in range(12)], "no_spread"),
        ([quarter(k, n=1, sd=0.0) for k in range(12)], "too_few_pairs"),
        ([quarter(k, n=LEAST_PAIRS) for k in range(8)], "evaluated"),
    ],
)
def test_what_cannot_be_judged_says_why_and_has_no_numbers(rows: list[dict[str, Any]], status: str) -> None:
    found = judged(rows)
    assert {row["status"] for row in found} == {status}
    is_judged = status == "evaluated"
    names = ("change_pct", "ci_low_pct", "ci_high_pct", "z", "p_adjusted")
    assert all((row[name] is not None) == is_judged for row in found for name in names)
    assert is_judged or not any(row["is_peak"] for row in found)


def test_nothing_counted_is_nothing_found() -> None:
    assert judged([quarter(k, n=3) for k in range(2)])[0]["status"] == "too_few_pairs"


def test_the_cause_is_what_half_of_the_pairs_differ_in_and_others_do_not() -> None:
    quiet = [quarter(k, n_other_code=20) for k in range(12)]
    moved = quarter(20, 0.3, n_other_place=25, n_other_method=13, n_other_unit=12, n_other_code=20)
    found = judged([*quiet, moved])
    assert found[-1]["cause_code"] == "laboratory,assay_class"
    assert {row["cause_code"] for row in found[:-1]} == {"no_recorded_change"}


def test_of_scans_it_is_named_by_what_it_is_there() -> None:
    scans = {"quantity": "bmd", "item_code": "total_hip", "place_kind": "care_site"}
    found = judged(
        [quarter(k, **scans) for k in range(12)] + [quarter(20, 0.1, **scans, n_other_place=25, n_other_code=25)]
    )
    assert found[-1]["cause_code"] == "device,software"
