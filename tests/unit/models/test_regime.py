"""What each regime does from test to test, by hand; who follows it; what a censored test becomes."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from pipelines.models.dosing_rule import course, dose_levels, followers, last_known, rule_of
from pipelines.models.errors import NotEstimable
from pipelines.models.g_formula import History
from pipelines.models.regime import RegimeMeans, completed, contrast
from pipelines.models.regime_frame import RegimeFrame


def history(e2: list[float], tests: list[list[float]], doses: list[list[float]], period: int) -> History:
    """pg/mL at time zero and of tests; doses in steps; later entries are NaN."""
    return History({"e2": np.log(e2)}, {"e2": np.log(np.array(tests)), "dose": np.array(doses)}, period)


def frame(mg: list[list[float]], tests: list[list[float]], **more) -> RegimeFrame:
    """People with these weekly doses and tests (pg/mL), three periods, all before the scan."""
    doses, e2 = np.array(mg), np.log(np.array(tests))
    n = len(doses)
    found = RegimeFrame(
        ("bone",), pl.DataFrame({"x": np.zeros(n)}), np.zeros((n, 0)), np.log(np.full(n, 40.0)), doses, e2, e2,
        np.isfinite(doses), np.zeros(n), np.zeros((n, 3, 0), dtype=bool), np.zeros((n, 3, 0), dtype=bool), 3,
    )  # fmt: skip
    return replace(found, **more)


NAN = float("nan")


def test_titration_moves_a_step_by_the_last_test() -> None:
    asked = history([40, 40, 40, 40], [[35, 25], [25, 30], [15, 19.9], [15, 15]], [[2, 3], [2, 2], [2, 1], [2, 0]], 2)
    assert rule_of("titrate_to_20_30", None)(asked).tolist() == [3, 2, 0, 0]


def test_titration_ends_at_two_milligrams_a_dose() -> None:
    assert rule_of("titrate_to_20_30", None)(history([40], [[50, NAN]], [[8, NAN]], 1)).tolist() == [8]


def test_every_regime_but_none_begins_as_its_name_says() -> None:
    first = history([40], [[NAN]], [[NAN]], 0)
    begun = {
        code: rule_of(code, 16.0)(first).tolist()
        for code in (
            "no_inhibitor", "fixed_0.5_mg_twice_weekly", "fixed_1_mg_daily", "titrate_to_20_30",
            "titrate_above_change_point", "stop_below_20",
        )
    }  # fmt: skip
    assert begun == {
        "no_inhibitor": [0],
        "fixed_0.5_mg_twice_weekly": [2],
        "fixed_1_mg_daily": [14],
        "titrate_to_20_30": [2],
        "titrate_above_change_point": [2],
        "stop_below_20": [2],
    }


def test_stopped_is_stopped_for_good() -> None:
    asked = history([40, 40], [[19, 50], [21, 50]], [[2, 0], [2, 2]], 2)
    assert rule_of("stop_below_20", None)(asked).tolist() == [0, 2]


def test_above_the_change_point_the_dose_only_falls() -> None:
    asked = history([40, 40], [[15, NAN], [90, NAN]], [[2, NAN], [2, NAN]], 1)
    assert rule_of("titrate_above_change_point", 16.0)(asked).tolist() == [1, 2]


def test_without_a_change_point_there_is_no_such_rule() -> None:
    assert rule_of("titrate_above_change_point", None) is None


def test_a_missing_test_changes_nothing() -> None:
    asked = history([40], [[25, NAN, NAN]], [[2, 2, NAN]], 2)
    assert np.exp(last_known(asked)).round(6).tolist() == [25]
    assert rule_of("titrate_to_20_30", None)(asked).tolist() == [2]


def test_a_later_test_is_not_read() -> None:
    known = [last_known(history([40], [[25, later]], [[2, 2]], 1))[0] for later in (1.0, 500.0)]
    assert known[0] == known[1]


def test_doses_are_whole_steps_and_a_little_is_not_none() -> None:
    found = dose_levels(frame([[0, 0.1, 0.9], [6.9, 20, NAN]], [[25, 25, 25]] * 2))
    assert found.tolist() == [[0, 1, 2], [14, 14, 0]]


def test_followers_keep_to_the_rule_given_their_own_tests() -> None:
    fixed = rule_of("fixed_0.5_mg_twice_weekly", None)
    doses = [[1, 1, 1], [1, 1.5, 0.5], [1, 1, 0], [1, 1, NAN], [0, 0, 0], [1, 2.5, 1]]
    assert followers(frame(doses, [[25, 25, 25]] * 6), fixed).tolist() == [True, True, False, False, False, False]
    daily = rule_of("fixed_1_mg_daily", None)
    doses = [[7, 6, 7], [7, 5.5, 7]]  # a fifth of the dose is 1.4 mg a week
    assert followers(frame(doses, [[25, 25, 25]] * 2), daily).tolist() == [True, False]
    stop = rule_of("stop_below_20", None)
    tests = [[15, 25, 25], [15, 25, 25], [25, 25, 25]]
    assert followers(frame([[1, 0, 0], [1, 1, 1], [1, 1, 1]], tests), stop).tolist() == [True, False, True]


def test_a_course_tells_in_which_period_the_regime_is_left() -> None:
    """Tests of 15, 35 and 25: one step less, then one step more; a step off is forgiven, in the person's own dose alone."""
    doses = [[1, 0.5, 1], [1, 1, 1.5], [1, 1.5, 1], [1, NAN, NAN], [0.5, 0.5, 0]]
    found = course(frame(doses, [[15, 35, 25]] * 5), rule_of("titrate_to_20_30", None))
    assert found.asked.tolist() == [[2, 1, 2]] * 5
    assert (found.tolerated == 1).all()
    assert found.is_kept.tolist() == [
        [True] * 3,
        [True] * 3,
        [True, False, False],
        [True, False, False],
        [True, True, False],
    ]


def test_a_censored_test_is_drawn_below_its_limit_and_a_measured_one_is_kept() -> None:
    rng = np.random.default_rng(3)
    mg = rng.integers(0, 4, (200, 3)) / 2
    e2 = np.log(30) - 0.3 * np.log1p(mg) + 0.2 * rng.normal(size=(200, 3))
    limit = np.log(18)
    asked = frame(
        mg.tolist(),
        np.exp(e2).tolist(),
        e2_low=np.where(e2 < limit, -np.inf, e2),
        e2_high=np.maximum(e2, limit),
        e2_at_zero=np.log(30) + 0.3 * rng.normal(size=200),
    )
    found = completed(asked, 1, 0)
    below = e2 < limit
    assert below.sum() > 20
    assert np.all(found[below] < limit)
    assert np.array_equal(found[~below], e2[~below])
    assert abs(found[below].mean() - e2[below].mean()) < 0.05
    assert not np.array_equal(found[below], completed(asked, 1, 1)[below])


def test_a_contrast_is_of_one_resample_at_a_time() -> None:
    target, against = RegimeMeans(3.0, np.array([2.0, 3.0, 4.0])), RegimeMeans(1.0, np.array([1.0, 2.0, 3.0]))
    found = contrast(target, against)
    assert (found.estimate, found.standard_error) == (2.0, 0.0)
    noisy = contrast(target, RegimeMeans(1.0, np.array([1.0, 1.0, 1.0])))
    assert noisy.standard_error == pytest.approx(1.0)
    assert (noisy.ci_low, noisy.ci_high) == pytest.approx((2 - 1.95996, 2 + 1.95996), abs=1e-4)


def test_resamples_without_an_estimate_decline() -> None:
    with pytest.raises(NotEstimable, match="2 of 3 resamples"):
        contrast(RegimeMeans(1.0, np.array([1.0, NAN, NAN])), RegimeMeans(1.0, np.array([1.0, 1.0, 1.0])))
