"""Curves at their edges: nobody left, no event, events at the origin, late entry, weights of 0, persons in many rows."""

import numpy as np
import pytest

from pipelines.models.arm_risk import risk_contrasts
from pipelines.models.errors import NotEstimable
from pipelines.models.inference import clustered_standard_error
from pipelines.models.inverse_weighting import weighted_contrast
from pipelines.models.propensity import estimate_propensity
from pipelines.models.survival_curve import curve_point, cut_rows, fit_curve, follow_up, only_cause, step_values
from pipelines.models.weighting import treatment_weights

QUANTITIES = ("survival", "risk", "hazard", "time_lived", "time_lost")


def value(rows, quantity, horizon, cause=1) -> float:
    return curve_point(rows, fit_curve(rows), quantity, horizon, cause).value


def untidy(seed: int = 0, n: int = 80):
    """Late entry, ties, two causes, weights."""
    rng = np.random.default_rng(seed)
    stop = rng.integers(1, 12, n).astype(float)
    start = np.where(rng.random(n) < 0.5, 0.0, np.floor(stop * rng.random(n)))
    return stop, rng.integers(0, 3, n), start, rng.uniform(0.2, 3.0, n)


def test_by_hand() -> None:
    """Times 1 (cause 1), 2 (cause 2), 2 (censored, after the event), 3 (censored): S = 3/4, then 3/4 x 2/3 = 1/2."""
    rows = follow_up(np.array([1.0, 2.0, 2.0, 3.0]), np.array([1, 2, 0, 0]))
    curve = fit_curve(rows)
    assert curve.at_risk.tolist() == [4, 3]
    assert curve.survival == pytest.approx([0.75, 0.5])
    assert curve.incidence == pytest.approx(np.array([[0.25, 0.0], [0.25, 0.25]]))
    assert value(rows, "time_lived", 3.0) == pytest.approx(1 + 0.75 + 0.5)
    assert value(rows, "time_lost", 3.0, 1) == pytest.approx(0.5)
    assert value(rows, "time_lost", 3.0, 2) == pytest.approx(0.25)
    assert value(rows, "hazard", 3.0, 2) == pytest.approx(1 / 3)
    # Were death abolished, the risk of cause 1 would be 1/4 as well; that of cause 2, 1/3 and not 1/4.
    assert 1 - value(only_cause(rows, 2), "survival", 3.0) == pytest.approx(1 / 3)
    survival, incidence = step_values(curve, [0.5, 1.0, 2.5, 3.5])
    assert survival == pytest.approx([1.0, 0.75, 0.5, np.nan], nan_ok=True)
    assert incidence[:, 0] == pytest.approx([0.0, 0.25, 0.25, np.nan], nan_ok=True)


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_influence_is_the_derivative_by_the_weight(quantity) -> None:
    stop, event, start, weights = untidy()
    rows = follow_up(stop, event, start, weights)
    point = curve_point(rows, fit_curve(rows), quantity, 6.5, 2)
    moved = []
    for place in range(0, stop.size, 5):
        other = weights.copy()
        other[place] += 1e-5
        moved.append((value(follow_up(stop, event, start, other), quantity, 6.5, 2) - point.value) / 1e-5)
    assert (point.influence / weights)[::5] == pytest.approx(moved, abs=1e-5)
    assert point.influence.sum() == pytest.approx(0.0, abs=1e-12)


def test_without_weights_or_late_entry_the_error_is_greenwoods() -> None:
    rows = follow_up(*untidy()[:2])
    curve = fit_curve(rows)
    inside = curve.times <= 6.5
    d, y = curve.events.sum(axis=1)[inside], curve.at_risk[inside]
    greenwood = curve.survival[inside][-1] * np.sqrt(np.sum(d / (y * (y - d))))
    influence = curve_point(rows, curve, "survival", 6.5).influence
    assert np.sqrt(np.sum(influence**2)) == pytest.approx(greenwood)


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_nobody_at_risk_at_the_horizon_is_refused(quantity) -> None:
    rows = follow_up(np.array([1.0, 2.0, 3.0]), np.array([1, 0, 0]))
    assert np.isfinite(value(rows, quantity, 3.0))
    with pytest.raises(NotEstimable, match=r"nobody is at risk at 3\.1"):
        value(rows, quantity, 3.1)


def test_a_curve_that_has_come_to_its_end_is_known_for_ever() -> None:
    rows = follow_up(np.array([1.0, 2.0, 2.0]), np.array([1, 1, 2]))
    assert value(rows, "survival", 10.0) == 0
    assert [value(rows, "risk", 10.0, cause) for cause in (1, 2)] == pytest.approx([2 / 3, 1 / 3])
    assert value(rows, "time_lived", 10.0) == pytest.approx((1 + 2 + 2) / 3)


def test_events_at_the_origin_count_where_everybody_is_seen_from_it() -> None:
    rows = follow_up(np.array([0.0, 0.0, 5.0, 5.0]), np.array([1, 0, 1, 0]))
    assert value(rows, "risk", 0.0) == pytest.approx(0.25)
    assert value(rows, "time_lived", 5.0) == pytest.approx(0.75 * 5)
    with pytest.raises(ValueError, match="end after it begins"):
        follow_up(np.array([0.0, 5.0]), np.array([1, 0]), np.array([0.0, 0.0]))


def test_no_event_is_a_risk_of_0_whose_error_is_not_told() -> None:
    rows = follow_up(np.array([5.0, 6.0, 5.0, 6.0]), np.zeros(4, dtype=int))
    assert (value(rows, "risk", 5.0), value(rows, "survival", 5.0), value(rows, "time_lived", 5.0)) == (0.0, 1.0, 5.0)
    with pytest.raises(NotEstimable, match="no event of cause 1"):
        risk_contrasts(rows, np.array([True, True, False, False]), [5.0])


def test_no_event_in_one_arm_leaves_no_ratio() -> None:
    rows = follow_up(np.array([5.0, 6.0, 4.0, 6.0]), np.array([0, 0, 1, 0]))
    found = risk_contrasts(rows, np.array([True, True, False, False]), [5.0])[0]
    assert (found.difference.estimate, found.ratio) == (pytest.approx(-0.5), None)
    assert np.isnan(found.target.ci_high)


def test_rows_without_weight_are_nobody() -> None:
    stop, event, start, weights = untidy()
    weights[::3] = 0.0
    kept = weights > 0
    whole, part = follow_up(stop, event, start, weights), follow_up(*(a[kept] for a in (stop, event, start, weights)))
    assert value(whole, "risk", 6.5) == pytest.approx(value(part, "risk", 6.5))
    assert fit_curve(whole).n_at_risk.tolist() == fit_curve(part).n_at_risk.tolist()
    with pytest.raises(NotEstimable, match="no row has weight"):
        fit_curve(follow_up(stop, event, start, np.zeros(stop.size)))
    with pytest.raises(NotEstimable, match="an arm has nobody"):
        risk_contrasts(whole, ~kept, [6.5])


def test_a_time_at_which_nobody_was_seen_is_refused() -> None:
    with pytest.raises(NotEstimable, match="between 0 and 1"):
        fit_curve(follow_up(np.array([4.0, 5.0]), np.array([1, 0]), np.array([1.0, 2.0])))
    with pytest.raises(NotEstimable, match="between 2 and 3"):
        fit_curve(follow_up(np.array([2.0, 5.0]), np.array([0, 1]), np.array([0.0, 3.0])))
    with pytest.raises(NotEstimable, match="before others came"):
        fit_curve(follow_up(np.array([2.0, 5.0]), np.array([1, 1]), np.array([0.0, 2.0])))


def test_a_person_cut_into_rows_is_one_person() -> None:
    stop, event, _, weights = untidy()
    whole = follow_up(stop, event, None, weights)
    cut = stop > 3
    pieces = follow_up(
        np.r_[np.minimum(stop, 3.0), stop[cut]],
        np.r_[np.where(cut, 0, event), event[cut]],
        np.r_[np.zeros(stop.size), np.full(cut.sum(), 3.0)],
        np.r_[weights, weights[cut]],
    )
    person = np.r_[np.arange(stop.size), np.flatnonzero(cut)]
    for quantity in QUANTITIES:
        one, other = (curve_point(rows, fit_curve(rows), quantity, 8.0) for rows in (whole, pieces))
        assert other.value == pytest.approx(one.value)
        errors = [
            clustered_standard_error(p.influence * p.influence.size, w) for p, w in ((one, None), (other, person))
        ]
        assert errors[0] == pytest.approx(errors[1])


def test_rows_are_cut_and_what_happens_at_a_cut_ends_the_part_before_it() -> None:
    rows = follow_up(np.array([5.0, 2.0, 9.0, 0.0]), np.array([1, 2, 0, 1]), None, np.array([1.0, 2.0, 3.0, 4.0]))
    cut = cut_rows(rows, [2.0, 5.0])
    assert cut.origin.tolist() == [0, 0, 1, 2, 2, 2, 3]
    assert cut.part.tolist() == [0, 1, 0, 0, 1, 2, 0]
    assert cut.rows.entry.tolist() == [-np.inf, 2, -np.inf, -np.inf, 2, 5, -np.inf]
    assert cut.rows.exit.tolist() == [2, 5, 2, 2, 5, 9, 0]
    assert cut.rows.event.tolist() == [0, 1, 2, 0, 0, 0, 1]
    assert cut.rows.weights.tolist() == [1, 1, 2, 3, 3, 3, 4]
    # A row that begins at a cut, or between cuts, is not of the parts before.
    late = cut_rows(follow_up(np.array([6.0, 4.0]), np.array([1, 1]), np.array([2.0, 3.0])), [2.0, 5.0])
    assert (late.part.tolist(), late.rows.entry.tolist()) == ([1, 2, 1], [2, 5, 3])


def test_cutting_leaves_curves_and_their_errors_alone() -> None:
    stop, event, start, weights = untidy()
    rows = follow_up(stop, event, start, weights)
    cut = cut_rows(rows, [1.0, 2.5, 7.0, 40.0])
    for quantity in QUANTITIES:
        whole, pieces = (curve_point(r, fit_curve(r), quantity, 8.0) for r in (rows, cut.rows))
        assert pieces.value == pytest.approx(whole.value)
        assert np.bincount(cut.origin, pieces.influence) == pytest.approx(whole.influence, abs=1e-12)
    assert cut_rows(rows, []).rows.exit.tolist() == stop.tolist()


@pytest.mark.parametrize("at", [[0.0], [2.0, 2.0], [3.0, 1.0], [np.nan], [np.inf], [[1.0]]])
def test_cuts_out_of_order_are_refused(at) -> None:
    with pytest.raises(ValueError, match="cuts must be"):
        cut_rows(follow_up(np.array([1.0, 2.0]), np.array([1, 0])), at)


def test_everybody_twice_leaves_the_error_alone() -> None:
    stop, event, _, weights = untidy()
    arm = np.arange(stop.size) % 2 == 0
    once = risk_contrasts(follow_up(stop, event, None, weights), arm, [8.0])[0]
    twice = [np.r_[part, part] for part in (stop, event, weights, arm, np.arange(stop.size))]
    both = risk_contrasts(follow_up(twice[0], twice[1], None, twice[2]), twice[3], [8.0], person_id=twice[4])[0]
    for name in ("difference", "time_lost", "time_lived"):
        assert getattr(both, name).standard_error == pytest.approx(getattr(once, name).standard_error)
    assert both.ratio.log_standard_error == pytest.approx(once.ratio.log_standard_error)


def test_with_all_followed_to_the_end_it_is_the_weighted_difference_of_means() -> None:
    """Estimated propensity included: the correction through the curve equals that of two weighted means."""
    rng = np.random.default_rng(5)
    x = rng.normal(size=(400, 2))
    treated = rng.random(400) < 1 / (1 + np.exp(-x[:, 0]))
    time = rng.exponential(4.0 * np.exp(-0.5 * x[:, 0]))
    propensity = estimate_propensity(treated, x, 0.0)
    weights = treatment_weights(treated, propensity.values, "ate")
    rows = follow_up(np.minimum(time, 5.0), (time < 5.0).astype(int), None, weights.values)

    def correction(by_weight: np.ndarray) -> np.ndarray:
        return propensity.fit.correction(x, treated.astype(float), by_weight * weights.slope)

    found = risk_contrasts(rows, treated, [3.0], correction=correction)[0]
    means = weighted_contrast((time <= 3.0).astype(float), treated, weights, x, propensity.fit)
    assert found.difference.estimate == pytest.approx(means.estimate)
    assert found.difference.standard_error == pytest.approx(means.standard_error)
    known = risk_contrasts(rows, treated, [3.0])[0]
    assert known.difference.standard_error > 1.02 * found.difference.standard_error


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda a: (a[0] * np.nan, *a[1:]), "finite"),
        (lambda a: (-a[0], *a[1:]), "not negative"),
        (lambda a: (*a[:3], -a[3]), "weights"),
        (lambda a: (a[0], a[1] + 0.5, *a[2:]), "number of a cause"),
        (lambda a: (a[0][1:], *a[1:]), "one row each"),
    ],
)
def test_bad_rows_are_refused(change, words) -> None:
    with pytest.raises(ValueError, match=words):
        follow_up(*change(untidy()))
