"""Verdicts from numbers: hand-calculated Holm levels and intervals, every verdict and its edge, thresholds, wholes, recovery."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm, t

from pipelines.models.claim import (
    ALPHA,
    Evidence,
    Judged,
    holds_in_truth,
    holm_levels,
    judge,
    judge_level,
    judge_threshold,
    recovery,
    whole,
)

INF = float("inf")
NAN = float("nan")


def judged(estimate, error, side=1, delta=1.0, df=INF, family=None) -> Judged:
    values = np.atleast_1d(np.asarray(estimate, dtype=np.float64))
    n = values.size
    parts = [np.broadcast_to(np.asarray(part, dtype=np.float64), n).copy() for part in (error, df, side, delta)]
    return judge(Evidence(values, *parts, np.zeros(n, dtype=int) if family is None else np.asarray(family)))


def test_holm_by_hand():
    # Sorted 0.005 0.01 0.03 0.04 against 0.0125 0.0167 0.025 0.05: the third is not rejected, so the fourth is not either.
    # R: p.adjust(c(.01, .04, .03, .005), "holm") is .03 .06 .06 .02.
    levels = holm_levels(np.array([0.01, 0.04, 0.03, 0.005]), np.zeros(4, dtype=int))
    np.testing.assert_allclose(levels, [0.05 / 3, 0.025, 0.025, 0.0125])


def test_holm_is_made_in_each_family_alone():
    p = np.array([0.03, 0.001, 0.04, 0.2])
    levels = holm_levels(p, np.array([7, 2, 7, 2]))
    np.testing.assert_allclose(levels, [0.025, 0.025, 0.025, 0.05])
    assert holm_levels(np.zeros(0), np.zeros(0, dtype=int)).size == 0


def test_equal_p_values_are_tested_alike():
    np.testing.assert_allclose(
        holm_levels(np.array([0.02, 0.001, 0.02]), np.zeros(3, dtype=int)), [0.025, 0.05 / 3, 0.025]
    )


@given(st.lists(st.floats(0.0001, 1), min_size=1, max_size=12), st.randoms())
def test_interval_excludes_zero_exactly_where_holm_rejects(p_values, random):
    p = np.array(p_values)
    order = np.arange(p.size)
    random.shuffle(order)
    found = judged(-norm.ppf(p / 2), 1.0)
    # Adjusted p-values by their definition: running maximum of (m - k) p over the sorted.
    ranks = np.argsort(p, kind="stable")
    adjusted = np.empty(p.size)
    adjusted[ranks] = np.maximum.accumulate((p.size - np.arange(p.size)) * p[ranks])
    clear = np.abs(adjusted - ALPHA) > 1e-9
    assert np.array_equal((found.ci_low > 0)[clear], (adjusted <= ALPHA)[clear])
    again = judged(-norm.ppf(p[order] / 2), 1.0)
    np.testing.assert_allclose(again.level, found.level[order])


def test_interval_by_hand():
    # Two claims: z = 3 (p 0.0027 < 0.025) is tested at 0.025, z = 1.5 at 0.05; normal quantiles 2.2414 and 1.9600.
    found = judged([3.0, 1.5], 1.0)
    np.testing.assert_allclose(found.ci_low, [3 - 2.241402728, 1.5 - 1.959963985], atol=1e-8)
    np.testing.assert_allclose(found.p_value, [0.002699796, 0.133614403], atol=1e-8)
    one = judged(2.0, 1.0, df=15)
    assert one.ci_high[0] == pytest.approx(2 + 2.131449546)
    assert one.p_value[0] == pytest.approx(2 * t.sf(2, 15))


@pytest.mark.parametrize(
    ("estimate", "error", "side", "verdict"),
    [
        (3.0, 0.5, 1, "supported"),
        (-3.0, 0.5, -1, "supported"),
        (-3.0, 0.5, 1, "contradicted"),  # the other way
        (0.0, 0.2, 1, "contradicted"),  # none that matters
        (0.6, 0.1, 1, "contradicted"),  # above 0, and wholly below the smallest of interest
        (0.9, 0.3, 1, "inconclusive"),  # above 0, too small, not surely so
        (3.0, 2.0, 1, "inconclusive"),
        (-1.0, 2.0, 1, "inconclusive"),
    ],
)
def test_verdicts_of_an_effect(estimate, error, side, verdict):
    assert judged(estimate, error, side).verdict(0) == verdict


@pytest.mark.parametrize(
    ("estimate", "error", "verdict"),
    [
        (0.1, 0.2, "supported"),
        (2.0, 0.3, "contradicted"),
        (-2.0, 0.3, "contradicted"),
        (0.1, 0.8, "inconclusive"),
        (1.0, 0.2, "inconclusive"),
    ],
)
def test_verdicts_of_no_effect(estimate, error, verdict):
    assert judged(estimate, error, side=0).verdict(0) == verdict


def test_two_one_sided_tests_by_hand():
    # (1 - 0.4) / 0.3 = 2 standard errors to the nearer bound: one-sided p 0.02275; interval of 90 %: 0.4 -+ 1.644854 * 0.3.
    found = judged(0.4, 0.3, side=0)
    assert found.p_value[0] == pytest.approx(0.022750132)
    assert (found.ci_low[0], found.ci_high[0]) == pytest.approx((0.4 - 0.493456, 0.4 + 0.493456), abs=1e-6)
    assert found.verdict(0) == "supported"


def test_edges():
    z = norm.ppf(0.975)
    # The interval touches 0: not excluded.
    touching = judged(z, 1.0)
    assert touching.ci_low[0] == pytest.approx(0, abs=1e-12)
    assert judged(z * (1 - 1e-12), 1.0).verdict(0) == "inconclusive"
    assert judged(z * (1 + 1e-9), 1.0).verdict(0) == "supported"
    # It touches the smallest effect: not wholly below.
    assert judged(0.0, 1.0, delta=z * (1 - 1e-9)).verdict(0) == "inconclusive"
    assert judged(0.0, 1.0, delta=z * (1 + 1e-9)).verdict(0) == "contradicted"
    # The estimate reaches the smallest effect exactly.
    assert judged(1.0, 0.1, delta=1.0).verdict(0) == "supported"


def test_nothing_is_judged_without_an_error_or_a_smallest_effect():
    for bad in ({"error": 0.0}, {"error": NAN}, {"error": 1.0, "delta": 0.0}, {"error": 1.0, "df": 0.0}):
        with pytest.raises(ValueError, match="needs a"):
            judged(1.0, **bad)


def test_a_family_makes_its_members_wider_and_no_other():
    alone = judged(2.1, 1.0).verdict(0)
    together = judged([2.1, 0.1, 0.2], 1.0)
    apart = judged([2.1, 0.1, 0.2], 1.0, family=[0, 1, 1])
    assert (alone, together.verdict(0), apart.verdict(0)) == ("supported", "inconclusive", "supported")


@pytest.mark.parametrize(
    ("answer", "interval", "verdict"),
    [
        ("kink", (16.0, 24.0), "supported"),
        ("kink", (15.0, 25.0), "supported"),  # a quarter below and above
        ("kink", (14.9, 24.0), "inconclusive"),
        ("kink", (9.0, 14.0), "contradicted"),
        ("kink", (26.0, 40.0), "contradicted"),
        ("kink", (-INF, 14.0), "contradicted"),  # open below, and wholly below
        ("kink", (-INF, 20.0), "inconclusive"),
        ("kink", (-INF, INF), "inconclusive"),
        ("kink", (NAN, NAN), "inconclusive"),
        ("no_kink", (NAN, NAN), "inconclusive"),
        ("not_answerable", (NAN, NAN), "not_answerable"),
    ],
)
def test_verdicts_of_a_threshold_of_20(answer, interval, verdict):
    assert judge_threshold(answer, interval, (20.0, 20.0))[0] == verdict


def test_a_range_named_reaches_from_its_lower_to_its_upper_end():
    assert judge_threshold("kink", (16.0, 37.0), (20.0, 30.0))[0] == "supported"
    assert judge_threshold("kink", (4.0, 6.0), (20.0, 30.0))[0] == "contradicted"


@pytest.mark.parametrize(
    ("interval", "verdict"),
    [
        ((2.3, 4.9), "supported"),
        ((2.25, 5.0), "supported"),
        ((2.2, 4.9), "inconclusive"),
        ((4.0, 5.1), "inconclusive"),
        ((0.9, 2.2), "contradicted"),
        ((5.1, 9.0), "contradicted"),
        ((0.5, 20.0), "inconclusive"),
    ],
)
def test_verdicts_of_a_level_of_3_to_4(interval, verdict):
    """A quarter either way, as of a threshold: 2.25 to 5."""
    assert judge_level(interval, (3.0, 4.0))[0] == verdict


def test_a_claim_stands_only_with_all_its_parts():
    yes, no, open_, none = "supported", "contradicted", "inconclusive", "not_answerable"
    assert whole((yes, yes)) == yes
    assert whole((yes, none, no)) == no
    assert whole((yes, none)) == whole((yes, open_)) == open_
    assert whole((none, none)) == none


def test_recovery():
    assert (recovery("supported", True), recovery("contradicted", False)) == ("recovered", "recovered")
    assert (recovery("supported", False), recovery("contradicted", True)) == ("false_alarm", "false_alarm")
    assert {recovery(word, holds) for word in ("inconclusive", "not_answerable") for holds in (True, False)} == {
        "missed"
    }


def test_truth_of_a_claim():
    assert holds_in_truth(-2.6, 0.1, side=-1, delta=2.0) is True
    assert holds_in_truth(-2.6, 0.1, side=1, delta=2.0) is False
    assert holds_in_truth(-2.6, 0.4, side=-1, delta=2.0) is None  # within 1.96 of its own error
    assert holds_in_truth(0.2, 0.1, side=0, delta=1.0) is True
    assert holds_in_truth(-1.5, 0.1, side=0, delta=1.0) is False
