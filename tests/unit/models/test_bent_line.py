"""The bent line at its edges: no answer, a flat answer, an interval without an end, none at all; and a data set of the past."""

import numpy as np
import pytest

from pipelines.models.bent_line import BentLineSpec, accepted_hull, fit_bent_line
from pipelines.models.errors import NotEstimable

SPEC = BentLineSpec(seed=1, n_places=21, n_draws=1000)
# Log flow and log height of a stagnant layer: Bacon and Watts (1971), Biometrika 58:525, table 1 as reprinted in BUGS.
FLOW = [
    *(-1.39, -1.39, -1.08, -1.08, -0.94, -0.80, -0.63, -0.63, -0.25, -0.25, -0.12, -0.12, 0.01, 0.11, 0.11),
    *(0.11, 0.25, 0.25, 0.34, 0.34, 0.44, 0.59, 0.70, 0.70, 0.85, 0.85, 0.99, 0.99, 1.19),
]
HEIGHT = [
    *(1.12, 1.12, 0.99, 1.03, 0.92, 0.90, 0.81, 0.83, 0.65, 0.67, 0.60, 0.59, 0.51, 0.44, 0.43),
    *(0.43, 0.33, 0.30, 0.25, 0.24, 0.13, -0.01, -0.13, -0.14, -0.30, -0.33, -0.46, -0.43, -0.65),
]


def line(shape, n: int = 1000, noise: float = 0.5, seed: int = 1):
    rng = np.random.default_rng(seed)
    exposure = rng.normal(size=n)
    return shape(exposure) + noise * rng.normal(size=n), exposure, np.zeros((n, 0))


def test_least_squares_of_the_stagnant_layer() -> None:
    """Place and slopes are those of an exhaustive search by plain regressions."""
    x, y = np.array(FLOW), np.array(HEIGHT)
    found = fit_bent_line(y, x, np.zeros((29, 0)), BentLineSpec(seed=1, least_people=5))
    tried = np.linspace(-0.9, 0.8, 3_401)
    terms = [np.column_stack([np.ones(29), x, np.maximum(x - c, 0)]) for c in tried]
    best = int(np.argmin([np.linalg.lstsq(each, y, rcond=None)[1][0] for each in terms]))
    _, below, bend = np.linalg.lstsq(terms[best], y, rcond=None)[0]
    assert found.verdict == "kink"
    assert found.place == pytest.approx(tried[best], abs=5e-4)
    assert [found.slope_below, found.slope_above] == pytest.approx([below, below + bend], abs=5e-4)


def test_half_not_measured_has_no_answer() -> None:
    y, x, none = line(lambda z: np.minimum(z, 0))
    found = fit_bent_line(y, x, none, SPEC, is_measured=x > np.quantile(x, 0.51))
    assert found.verdict == "not_answerable" and "not measured" in found.reason
    assert np.isnan(found.p_value) and np.isnan(found.slope_below)


def test_fewer_than_fifty_on_a_side_have_no_answer() -> None:
    y, x, none = line(lambda z: np.minimum(z, 0), n=90)
    assert fit_bent_line(y, x, none, SPEC).verdict == "not_answerable"
    # A thousand readings of ninety people are ninety people.
    twelve = np.repeat(np.arange(90), 12)
    found = fit_bent_line(y[twelve], x[twelve], none[twelve], SPEC, person_id=twelve)
    assert found.verdict == "not_answerable" and "50 people" in found.reason


def test_a_flat_line_is_an_answer() -> None:
    found = fit_bent_line(*line(lambda z: 0 * z), SPEC)
    assert found.verdict == "no_kink"
    assert found.slope_below == found.slope_above == pytest.approx(0.0, abs=3 * found.slope_below_se)
    assert np.isnan(found.place) and np.isnan(found.ci_low) and not found.is_empty


def test_a_kink_near_the_edge_has_an_interval_without_an_end() -> None:
    found = fit_bent_line(*line(lambda z: np.minimum(z + 1.2, 0), noise=0.4), SPEC)
    assert found.verdict == "kink"
    assert found.ci_low == -np.inf and found.ci_high < 0


def test_two_kinks_are_no_kink_anywhere() -> None:
    found = fit_bent_line(*line(lambda z: 3 * np.clip(np.abs(z), 0.4, 0.9), n=3000, noise=0.2), SPEC)
    assert found.verdict == "kink" and found.is_empty
    assert np.isnan(found.ci_low) and np.isnan(found.ci_high)


def test_the_hull_is_straight_between_places() -> None:
    places = np.array([0.0, 1.0, 2.0, 3.0])
    assert accepted_hull(places, np.array([1.0, -1.0, -1.0, 3.0])) == pytest.approx((0.5, 2.25))
    assert accepted_hull(places, np.array([-1.0, 1.0, 1.0, 1.0])) == pytest.approx((-np.inf, 0.5))
    assert accepted_hull(places, -np.ones(4)) == (-np.inf, np.inf)
    assert all(np.isnan(accepted_hull(places, np.ones(4))))


def test_order_units_and_copies_of_readings_change_nothing() -> None:
    y, x, none = line(lambda z: np.minimum(z, 0))
    one = fit_bent_line(y, x, none, SPEC)
    shuffled = np.random.default_rng(3).permutation(y.size)
    other = fit_bent_line(10 * y[shuffled], x[shuffled], none, SPEC)
    assert [other.statistic, other.place, other.ci_low] == pytest.approx(
        [one.statistic, one.place, one.ci_low], rel=1e-5
    )
    twice = np.repeat(np.arange(y.size), 2)
    both = fit_bent_line(y[twice], x[twice], none[twice], SPEC, person_id=twice)
    assert both.statistic == pytest.approx(one.statistic, rel=0.01)
    assert both.slope_below_se == pytest.approx(one.slope_below_se, rel=1e-3)


def test_an_exposure_told_by_covariates_is_refused() -> None:
    y, x, _ = line(lambda z: np.minimum(z, 0))
    with pytest.raises(NotEstimable, match="tell each other"):
        fit_bent_line(y, x, 2 * x[:, None], SPEC)
