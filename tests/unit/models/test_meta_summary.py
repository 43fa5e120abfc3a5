"""Summary over sites: closed forms, edges and refusals."""

import numpy as np
import pytest
from scipy import stats

from pipelines.models.errors import NotEstimable
from pipelines.models.meta_summary import PRIMARY, summarise


def test_equal_errors_have_a_closed_form() -> None:
    """Weights are equal, tau^2 is the variance between less that of chance; both methods agree; the interval is Student's."""
    y = np.array([0.1, 0.5, -0.2, 0.9, 0.4])
    for method in ("reml", "paule_mandel"):
        found = summarise(y, np.full(5, 0.2), method)
        assert found.tau_squared == pytest.approx(y.var(ddof=1) - 0.04, abs=1e-8)
        assert found.estimate == pytest.approx(y.mean())
        assert found.weight == pytest.approx(np.full(5, 0.2))
        assert found.standard_error == pytest.approx(y.std(ddof=1) / np.sqrt(5), abs=1e-8)
        interval = stats.t.interval(0.95, 4, y.mean(), y.std(ddof=1) / np.sqrt(5))
        assert [found.ci_low, found.ci_high] == pytest.approx(interval, abs=1e-7)
        assert found.p_value == pytest.approx(stats.ttest_1samp(y, 0).pvalue, abs=1e-7)
        reach = stats.t.ppf(0.975, 3) * np.sqrt(found.tau_squared + found.standard_error**2)
        assert [found.prediction_low, found.prediction_high] == pytest.approx([y.mean() - reach, y.mean() + reach])
        assert found.i_squared == pytest.approx(found.tau_squared / (found.tau_squared + 0.04))
        assert found.q == pytest.approx(4 * y.var(ddof=1) / 0.04)
        assert found.method == method
    assert PRIMARY == "reml"


def test_sites_alike_have_no_variance_between_and_no_interval_too_short() -> None:
    y, error = np.array([0.30, 0.31, 0.29]), np.array([0.2, 0.1, 0.3])
    for method in ("reml", "paule_mandel"):
        found = summarise(y, error, method)
        assert (found.tau_squared, found.tau, found.i_squared) == (0.0, 0.0, 0.0)
        assert found.standard_error == pytest.approx(np.sqrt(1 / (1 / error**2).sum()))
        assert summarise(y, error, method, is_floored=False).standard_error < 0.1 * found.standard_error


def test_the_floor_changes_nothing_where_sites_differ() -> None:
    y, error = np.array([0.0, 1.0, -0.8, 0.6]), np.array([0.3, 0.05, 0.1, 0.2])
    found, original = summarise(y, error), summarise(y, error, is_floored=False)
    assert found.standard_error >= original.standard_error
    assert found.estimate == original.estimate


def test_two_sites_give_a_wide_interval_and_no_prediction() -> None:
    found = summarise(np.array([0.1, 0.5]), np.array([0.1, 0.1]))
    assert found.ci_high - found.ci_low > 5
    assert np.isnan(found.prediction_low)
    assert np.isnan(found.prediction_high)
    assert found.n_sites == 2


def test_unit_does_not_matter() -> None:
    y, error = np.array([0.1, 0.5, -0.2, 0.9]), np.array([0.1, 0.2, 0.3, 0.15])
    for method in ("reml", "paule_mandel"):
        plain, small = summarise(y, error, method), summarise(y / 1000, error / 1000, method)
        assert small.tau * 1000 == pytest.approx(plain.tau, rel=1e-5)
        assert small.ci_high * 1000 == pytest.approx(plain.ci_high, rel=1e-5)
        assert small.i_squared == pytest.approx(plain.i_squared, rel=1e-5)


@pytest.mark.parametrize("n", [0, 1])
def test_fewer_than_two_sites_are_refused(n: int) -> None:
    with pytest.raises(NotEstimable, match=f"{n} site"):
        summarise(np.ones(n), np.ones(n))


@pytest.mark.parametrize(
    ("estimate", "error"), [([0.1, np.nan], [0.1, 0.1]), ([0.1, 0.2], [0.1, 0.0]), ([0.1, 0.2], [0.1, 0.1, 0.1])]
)
def test_nonsense_is_refused(estimate, error) -> None:
    with pytest.raises(ValueError, match=r"needs|must"):
        summarise(np.array(estimate), np.array(error))
