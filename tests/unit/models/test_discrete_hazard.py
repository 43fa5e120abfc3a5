"""Standardised risks at the edges, and their influence against the curves without a model and against resampled people."""

import numpy as np
import pytest

from pipelines.models.discrete_hazard import fit_hazard, standardised_risks
from pipelines.models.errors import NotEstimable
from pipelines.models.spline import restricted_cubic_spline

PERIODS = 4


def people(n: int = 400, seed: int = 2, n_causes: int = 2):
    """[r] person, period, event; [n] arm and covariates [n, 1]: hazards of 0.08 to 0.2 a period, death before event."""
    rng = np.random.default_rng(seed)
    x, arm = rng.normal(size=(n, 1)), rng.random(n) < 0.5
    chance = 1 / (1 + np.exp(-(-2.2 + 0.5 * x + 0.4 * arm[:, None]))) * np.ones(PERIODS)
    death = (rng.random((n, PERIODS)) < 0.1) & (n_causes == 2)
    event = np.where(death, 2, rng.random((n, PERIODS)) < chance)
    before = np.cumsum(event > 0, axis=1) - (event > 0)
    there = before == 0
    row, period = np.nonzero(there)
    return row, period, event[there].astype(int), arm, x


def saturated(period, arm, x):
    cells = [(period == p).astype(float) for p in range(1, PERIODS)]
    return np.column_stack([arm, *cells, *(arm * cell for cell in cells)])


def linear(period, arm, x):
    return np.column_stack([arm, period, x[:, 0]])


@pytest.mark.parametrize("link", ["logit", "cloglog"])
def test_a_saturated_model_is_the_share_of_people(link) -> None:
    """Nobody leaves: risks are shares of people, errors those of shares, whatever the link."""
    row, period, event, arm, x = people()
    found = standardised_risks(row, period, event, arm, x, [saturated] * 2, [PERIODS], 1, link=link)[0]
    had = np.bincount(row, event == 1, arm.size) > 0
    shares = had[arm].mean(), had[~arm].mean()
    assert [found.target.value, found.comparator.value] == pytest.approx(shares)
    errors = [np.sqrt(s * (1 - s) / size) for s, size in zip(shares, (arm.sum(), (~arm).sum()), strict=True)]
    assert [found.target.standard_error, found.comparator.standard_error] == pytest.approx(errors, rel=1e-6)
    assert found.difference.standard_error == pytest.approx(np.hypot(*errors), rel=1e-6)
    alive = np.array([(np.bincount(row, (event > 0) & (period <= p), arm.size) == 0) for p in range(PERIODS)])
    steps = np.vstack([np.ones(arm.size), alive])
    lived = ((steps[1:] + steps[:-1]) / 2).sum(axis=0)
    assert found.time_lived.estimate == pytest.approx(lived[arm].mean() - lived[~arm].mean())
    # An event in the middle of its period takes what is left to the horizon.
    lost = np.bincount(row, (event == 1) * (PERIODS - period - 0.5), arm.size)
    assert found.time_lost.estimate == pytest.approx(lost[arm].mean() - lost[~arm].mean())
    spread = np.hypot(*(lost[group].std() / np.sqrt(group.sum()) for group in (arm, ~arm)))
    assert found.time_lost.standard_error == pytest.approx(spread, rel=1e-6)


def test_time_lost_to_all_causes_and_time_lived_are_the_horizon() -> None:
    row, period, event, arm, x = people()
    found = [standardised_risks(row, period, event, arm, x, [linear] * 2, [3], cause)[0] for cause in (1, 2)]
    for side in ("mean_target", "mean_comparator"):
        lived, *lost = (getattr(part, side) for part in (found[0].time_lived, *(f.time_lost for f in found)))
        assert lived + sum(lost) == pytest.approx(3)
    total = found[0].time_lived.influence + found[0].time_lost.influence + found[1].time_lost.influence
    assert total == pytest.approx(np.zeros(arm.size), abs=1e-9)


@pytest.mark.parametrize("link", ["logit", "cloglog"])
def test_a_spline_of_time_with_a_knot_a_period_is_the_saturated_model(link) -> None:
    row, period, event, arm, x = people()

    def spline(moment, a, _):
        curve = restricted_cubic_spline(moment, np.arange(PERIODS))
        return np.column_stack([a, curve, a[:, None] * curve])

    one, other = (
        standardised_risks(row, period, event, arm, x, [terms] * 2, [2, PERIODS], link=link)
        for terms in (spline, saturated)
    )
    for left, right in zip(one, other, strict=True):
        for which in ("difference", "time_lived", "time_lost"):
            ours, theirs = getattr(left, which), getattr(right, which)
            assert (ours.estimate, ours.standard_error) == pytest.approx((theirs.estimate, theirs.standard_error))


def test_a_hazard_that_rises_and_falls_needs_a_spline_of_time() -> None:
    """A hump in the eighth of 24 periods that the arm lowers: a spline gives the risks on its slopes, a line does not.

    Columns of the spline all but tell each other: the fit must stop by its distance in errors, not by each coefficient.
    """
    last, n, rng = 24, 12_000, np.random.default_rng(6)
    arm = rng.random(n) < 0.5
    hump = np.exp(-((np.arange(last) - 8.0) ** 2) / 10)
    chance = np.array([0.01 + 0.09 * hump, 0.01 + 0.03 * hump])
    happens = rng.random((n, last)) < chance[arm.astype(int)]
    there = np.cumsum(happens, axis=1) - happens == 0
    row, period = np.nonzero(there)
    event = happens[there].astype(int)

    def curved(moment, a, _):
        curve = restricted_cubic_spline(moment, [2, 5, 7, 9, 11, 14])
        return np.column_stack([a, curve, a[:, None] * curve])

    def straight(moment, a, _):
        return np.column_stack([a, moment, a * moment])

    truth = np.array([-np.diff(np.prod(1 - chance[:, :horizon], axis=1))[0] for horizon in (6, 12)])
    off = []
    for terms in (curved, straight):
        found = standardised_risks(row, period, event, arm, np.zeros((n, 0)), [terms], [6, 12])
        differences = [part.difference for part in found]
        off.append([abs(d.estimate - t) / d.standard_error for d, t in zip(differences, truth, strict=True)])
    assert max(off[0]) < 3 and min(off[1]) > 6, off


@pytest.mark.parametrize("weight", [1.0, 1e-9])
def test_a_hazard_told_without_error_is_refused(weight) -> None:
    """Nobody outside the arm has the event: each step goes on as far as the one before, and is no convergence."""
    x = (np.arange(2000) % 2).astype(float)
    event = x * (np.arange(2000) % 10 == 1)
    with pytest.raises(NotEstimable, match="separation|tell each other"):
        fit_hazard(event, x[:, None], np.full(2000, weight), np.arange(2000), 2000, "logit")


def test_risks_of_causes_and_survival_make_one() -> None:
    row, period, event, arm, x = people()
    one, two = (standardised_risks(row, period, event, arm, x, [linear] * 2, [3], c)[0].target.value for c in (1, 2))
    either = standardised_risks(row, period, (event > 0).astype(int), arm, x, [saturated], [3])[0].target.value
    assert one + two == pytest.approx(either, abs=0.02)
    net = standardised_risks(row, period, np.where(event == 2, 0, event), arm, x, [linear], [3])[0].target.value
    assert net > one + 0.01, "death as censoring overstates the risk"


@pytest.mark.parametrize("cause", [1, 2])
def test_the_error_is_that_of_resampled_people(cause) -> None:
    row, period, event, arm, x = people()

    def estimate(times: np.ndarray):
        return standardised_risks(
            row, period, event, arm, x, [linear] * 2, [3], cause, weights=times[row].astype(float)
        )[0]

    found = estimate(np.ones(arm.size))
    n = arm.size
    # Moving one person's weight moves coefficients as their influence says.
    y, columns = (event == 2).astype(float), linear(period, arm[row].astype(float), x[row])
    fits = [fit_hazard(y, columns, w, row, n, "logit") for w in (np.ones(row.size), 1 + 1e-5 * (row == 7))]
    moved = (fits[1].coefficients - fits[0].coefficients) / 1e-5
    assert moved == pytest.approx(fits[0].influence[7], rel=1e-3, abs=1e-6)
    rng = np.random.default_rng(4)
    draws = [estimate(rng.exponential(size=n)) for _ in range(150)]
    for which in ("difference", "time_lived", "time_lost"):
        spread = np.std([getattr(draw, which).estimate for draw in draws], ddof=1)
        assert getattr(found, which).standard_error == pytest.approx(spread, rel=0.2)


@pytest.mark.parametrize("link", ["logit", "cloglog"])
def test_what_the_correction_is_given_is_the_derivative_by_each_weight(link) -> None:
    """Each estimate moved by a row's weight, fitted anew; a row without weight has none. The correction is added once."""
    row, period, event, arm, x = people(n=150)
    weights = np.random.default_rng(8).uniform(0.5, 2, row.size) * (np.arange(row.size) % 20 > 0)
    given = []

    def remember(by_weight):
        given.append(by_weight)
        return 0.01 * (np.arange(arm.size) - (arm.size - 1) / 2)

    def estimate(mass, correction=None):
        return standardised_risks(row, period, event, arm, x, [linear] * 2, [3], 1, mass, link, correction)[0]

    found, known = estimate(weights, remember), estimate(weights)
    in_arm = {"target": given[:3], "comparator": given[3:]}
    assert len(given) == 6 and all(not part[weights == 0].any() for part in given)
    for place in np.flatnonzero(weights > 0)[::40]:
        step = 1e-5 * (np.arange(row.size) == place)
        more, less = estimate(weights + step), estimate(weights - step)
        for name, by in in_arm.items():
            moved = (getattr(more, name).value - getattr(less, name).value) / 2e-5
            assert by[0][place] == pytest.approx(moved, rel=1e-4, abs=1e-8)
        for which, number in (("time_lived", 1), ("time_lost", 2)):
            moved = (getattr(more, which).estimate - getattr(less, which).estimate) / 2e-5
            assert given[number][place] - given[3 + number][place] == pytest.approx(moved, rel=1e-4, abs=1e-8)
    # The same is added to both arms, and cancels in their difference.
    assert found.difference.standard_error == pytest.approx(known.difference.standard_error)
    assert found.target.standard_error > 1.5 * known.target.standard_error


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda r, p, e, a, x: (r, p, 0 * e, a, x), "no event"),
        (lambda r, p, e, a, x: (r, p, e, a | True, x), "nobody of an arm"),
        (lambda r, p, e, a, x: (r, p, e, a, x * 0), "is 0 for everybody"),
    ],
)
def test_what_cannot_be_told_is_refused(change, words) -> None:
    with pytest.raises(NotEstimable, match=words):
        standardised_risks(*change(*people()), [linear] * 2, [3])


def test_a_horizon_beyond_the_last_period_is_refused() -> None:
    with pytest.raises(NotEstimable, match="at risk in period 5"):
        standardised_risks(*people(), [linear] * 2, [5])
