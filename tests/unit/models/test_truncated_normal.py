"""The normal between two bounds: derivatives against differences, draws against theory, both tails."""

import numpy as np
import pytest
from scipy import stats

from pipelines.models.truncated_normal import draw_between, interval_probability, log_interval_probability

BOUNDS = [
    (-np.inf, -1.0),
    (-np.inf, 2.0),
    (0.5, np.inf),
    (-1.0, 0.3),
    (1.0, 1.2),
    (-6.0, -5.5),
    (5.0, 9.0),
    (-2.0, 2.0),
]


@pytest.mark.parametrize(("a", "b"), BOUNDS)
def test_derivatives_equal_central_differences(a, b):
    def log_p(lower, upper):
        return log_interval_probability(np.array([lower]), np.array([upper]))[0]

    p = interval_probability(np.array([a]), np.array([b]))
    h = 1e-4
    assert p.log_probability[0] == log_p(a, b)
    if np.isfinite(a):
        slope = (log_p(a + h, b) - log_p(a - h, b)) / (2 * h)
        curvature = (log_p(a + h, b) - 2 * log_p(a, b) + log_p(a - h, b)) / h**2
        assert p.slope_lower[0] == pytest.approx(slope, rel=1e-5, abs=1e-8)
        assert p.curvature_lower[0] == pytest.approx(curvature, rel=1e-4, abs=1e-5)
    else:
        assert p.slope_lower[0] == p.curvature_lower[0] == p.curvature_mixed[0] == 0
    if np.isfinite(b):
        slope = (log_p(a, b + h) - log_p(a, b - h)) / (2 * h)
        curvature = (log_p(a, b + h) - 2 * log_p(a, b) + log_p(a, b - h)) / h**2
        assert p.slope_upper[0] == pytest.approx(slope, rel=1e-5, abs=1e-8)
        assert p.curvature_upper[0] == pytest.approx(curvature, rel=1e-4, abs=1e-5)
    if np.isfinite(a) and np.isfinite(b):
        corners = log_p(a + h, b + h) - log_p(a + h, b - h) - log_p(a - h, b + h) + log_p(a - h, b - h)
        assert p.curvature_mixed[0] == pytest.approx(corners / (4 * h**2), rel=1e-4, abs=1e-5)


@pytest.mark.parametrize(
    ("a", "b"), [(-np.inf, -40.0), (40.0, np.inf), (40.0, 40.1), (-40.1, -40.0), (-np.inf, np.inf)]
)
def test_far_tails_stay_finite_and_symmetric(a, b):
    p = interval_probability(np.array([a]), np.array([b]))
    for values in (p.log_probability, p.slope_lower, p.slope_upper, p.curvature_lower, p.curvature_upper):
        assert np.all(np.isfinite(values))
    assert p.log_probability[0] == log_interval_probability(np.array([-b]), np.array([-a]))[0]


@pytest.mark.parametrize(("a", "b"), [*BOUNDS, (-np.inf, np.inf)])
def test_draws_follow_the_truncated_distribution(a, b):
    u = (np.arange(2000) + 0.5) / 2000
    drawn = draw_between(np.full(2000, a), np.full(2000, b), u)
    assert np.all((drawn > a) & (drawn < b))
    assert np.all(np.diff(drawn) > 0)
    assert np.allclose(drawn, stats.truncnorm.ppf(u, a, b), rtol=1e-6, atol=1e-8)


def test_draws_far_out_have_the_exponential_tail():
    """Beyond b, Z given Z < -b is about -b - Exponential(b): mean -b - 1/b + 2/b^3, and its mirror image."""
    u = (np.arange(20_000) + 0.5) / 20_000
    for b in (10.0, 40.0, 200.0):
        low = draw_between(np.full(u.size, -np.inf), np.full(u.size, -b), u)
        high = draw_between(np.full(u.size, b), np.full(u.size, np.inf), u)
        assert low.mean() == pytest.approx(-b - 1 / b + 2 / b**3, rel=1e-4)
        assert np.allclose(np.sort(high), np.sort(-low), rtol=1e-12)
        assert np.all(np.isfinite(low))


def test_extreme_uniforms_stay_inside_the_bounds():
    u = np.array([2.0**-53, 1 - 2.0**-53])
    for a, b in [*BOUNDS, (-np.inf, -300.0), (300.0, 300.5)]:
        drawn = draw_between(np.full(2, a), np.full(2, b), u)
        assert np.all(np.isfinite(drawn))
        assert np.all((drawn >= a) & (drawn <= b))
