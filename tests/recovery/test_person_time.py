"""Known truth: a risk weighted for baseline confounding, death competing; only errors that know the weights are of its size.

One normal covariate drives treatment and, strongly, the event: weights by the true propensity would vary the more, so that
errors that take the estimated ones as known are wide.
"""

import runpy
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from pipelines.models.logistic import fit_logistic
from pipelines.models.person_time import person_time, standardise
from pipelines.models.product_design import ProductTerm, everybody
from pipelines.models.weighting import treatment_weights

judged = runpy.run_path(str(Path(__file__).with_name("replication.py")))
PERIODS, DEATH = 5, 0.05
POINTS, MASS = np.polynomial.hermite_e.hermegauss(60)


def hazard(arm, x):
    return 1 / (1 + np.exp(2.2 - 1.2 * x - 0.5 * arm))


def true_risk(arm: float) -> float:
    """Death first in a period; integrated over the covariate."""
    h = hazard(arm, POINTS)
    goes = 1 - (1 - h) * (1 - DEATH)
    return float(MASS @ (h * (1 - DEATH) / goes * (1 - (1 - goes) ** PERIODS)) / MASS.sum())


TRUTH = true_risk(1.0) - true_risk(0.0)


def cells(period):
    return (period[:, None] == np.arange(PERIODS)).astype(float)


TERMS = (
    ProductTerm(lambda period: cells(period)[:, 1:], everybody),
    ProductTerm(cells, lambda arm, x: arm[:, None]),
)


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    with threadpool_limits(1):
        yield


def contrast(seed: int, *, is_weighted=True, is_corrected=True, n=800):
    rng = np.random.default_rng([seed, 31])
    x = rng.normal(size=(n, 1))
    arm = rng.random(n) < 1 / (1 + np.exp(-0.7 * x[:, 0]))
    dies = rng.random((n, PERIODS)) < DEATH
    event = np.where(dies, 2, rng.random((n, PERIODS)) < hazard(arm, x[:, 0])[:, None])
    last = np.where((event > 0).any(axis=1), (event > 0).argmax(axis=1), PERIODS - 1)
    on = arm.astype(float)
    fit = fit_logistic(x, on)
    weights = treatment_weights(arm, fit.probabilities, "ate")
    people = person_time(last, event[np.arange(n), last].astype(int), arm, x, weights.values if is_weighted else None)

    def correction(by_weight):
        return fit.correction(x, on, by_weight * weights.slope)

    return standardise(people, (TERMS, TERMS), [PERIODS], correction=correction if is_corrected else None)[0].difference


def replicated(n: int, **how):
    found = [contrast(seed, **how) for seed in range(n)]
    return judged["summarised"]([f.estimate for f in found], [f.standard_error for f in found], TRUTH)


def test_truth_is_given_back_with_an_error_of_its_size() -> None:
    knowing = replicated(100)
    assert knowing.lies_within(judged["FEW"]), knowing
    # The same people: only the errors differ.
    taken_as_known = replicated(100, is_corrected=False)
    assert taken_as_known.ratio > 1.12 * knowing.ratio, taken_as_known


def test_arms_as_they_are_fail() -> None:
    found = replicated(100, is_weighted=False, is_corrected=False)
    assert not found.lies_within(judged["FEW"]), found


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_truth_is_given_back_a_thousand_times() -> None:
    found = replicated(1000)
    assert found.lies_within(judged["MANY"]), found


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_errors_that_take_weights_as_known_are_too_wide_a_thousand_times() -> None:
    found = replicated(1000, is_corrected=False)
    assert found.ratio > judged["MANY"].ratio[1] and found.coverage > judged["MANY"].coverage[1], found
