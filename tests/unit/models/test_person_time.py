"""Risks of people walked through in blocks: the numbers of a row a person-period, whatever weights, follow-up and terms."""

import numpy as np
import pytest

import pipelines.models.person_time as engine
from pipelines.models.discrete_hazard import standardised_risks
from pipelines.models.errors import NotEstimable
from pipelines.models.logistic import fit_logistic
from pipelines.models.person_time import fit_products, person_time, standardise
from pipelines.models.product_design import ProductTerm, constant, everybody, product_design, row_terms
from pipelines.models.spline import restricted_cubic_spline
from pipelines.models.weighting import treatment_weights

PERIODS = 12
HORIZONS = [4, 9]


def people(n: int = 1500, seed: int = 3):
    """Last period, event (death 2 before event 1), arm and covariates [n, 3]; some leave, the sicker the sooner."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 3))
    arm = rng.random(n) < 1 / (1 + np.exp(-x[:, 0]))
    chance = 1 / (1 + np.exp(3.2 - 0.6 * x[:, [0]] - 0.4 * arm[:, None] - 0.05 * np.arange(PERIODS)))
    event = np.where(rng.random((n, PERIODS)) < 0.03, 2, rng.random((n, PERIODS)) < chance)
    stops = (event > 0) | (rng.random((n, PERIODS)) < 0.04 * np.exp(0.3 * x[:, [1]]))
    last = np.where(stops.any(axis=1), stops.argmax(axis=1), PERIODS - 1)
    return last, event[np.arange(n), last].astype(int), arm, x


def with_arm(arm, x):
    return np.column_stack([np.ones(arm.size), arm])


def spline(period):
    return restricted_cubic_spline(period, [1, 4, 8, 10])


def cells(period):
    return (period[:, None] == np.arange(1, PERIODS)).astype(float)


MAIN = ProductTerm(constant, lambda arm, x: np.column_stack([arm, x, arm * x[:, 0]]))
SMOOTH = (MAIN, ProductTerm(spline, with_arm), ProductTerm(lambda t: t[:, None] / 10.0, lambda arm, x: x[:, :2]))
SATURATED = (MAIN, ProductTerm(cells, with_arm))


def in_rows(last, event):
    row = np.repeat(np.arange(last.size), last + 1)
    period = np.arange(row.size) - np.repeat(np.cumsum(last + 1) - last - 1, last + 1)
    return row, period, np.where(period == last[row], event[row], 0)


def same(ours, theirs) -> None:
    for one, other in zip(ours, theirs, strict=True):
        for which in ("difference", "time_lived", "time_lost"):
            left, right = getattr(one, which), getattr(other, which)
            assert left.influence == pytest.approx(right.influence, rel=1e-8, abs=1e-8)
            for name in ("estimate", "standard_error", "p_value", "mean_target", "mean_comparator", "n_effective"):
                assert getattr(left, name) == pytest.approx(getattr(right, name), rel=1e-8, abs=1e-10)
            assert (left.n_target, left.n_comparator) == (right.n_target, right.n_comparator)
        for which in ("target", "comparator", "ratio"):
            left, right = getattr(one, which), getattr(other, which)
            assert [getattr(left, s) for s in left.__slots__] == pytest.approx(
                [getattr(right, s) for s in left.__slots__]
            )
        assert (one.horizon, one.cause) == (other.horizon, other.cause)


@pytest.mark.parametrize("block", [64, 5000])
@pytest.mark.parametrize("terms", [SMOOTH, SATURATED], ids=["spline", "a term a period"])
@pytest.mark.parametrize(("cause", "link"), [(1, "logit"), (2, "logit"), (1, "cloglog")])
def test_numbers_are_those_of_a_row_a_period(cause, link, terms, block, monkeypatch) -> None:
    """Weights of people and of periods, late entry, people without weight; propensity estimated."""
    monkeypatch.setattr(engine, "_BLOCK", block)
    last, event, arm, x = people()
    rng = np.random.default_rng(9)
    by_period = rng.uniform(0.5, 2.0, size=(arm.size, PERIODS)) * (
        np.arange(PERIODS) >= rng.integers(0, 3, arm.size)[:, None]
    )
    fit = fit_logistic(x, arm.astype(float))
    weights = treatment_weights(arm, fit.probabilities, "ate")
    own = weights.values * (np.arange(arm.size) % 50 > 0)

    def corrected(by_own):
        return fit.correction(x, arm.astype(float), by_own * weights.slope)

    row, period, happens = in_rows(last, event)
    both = row_terms(terms), row_terms(SMOOTH)
    theirs = standardised_risks(
        row, period, happens, arm, x, both, HORIZONS, cause, own[row] * by_period[row, period], link,
        lambda by: corrected(np.bincount(row, by * by_period[row, period], arm.size)),
    )  # fmt: skip
    shown = np.where(np.arange(PERIODS) <= last[:, None], by_period, np.nan)
    seen = person_time(last, event, arm, x, own, lambda rows, t: shown[rows, :t])
    ours = standardise(seen, (terms, SMOOTH), HORIZONS, cause, link, corrected)
    same(ours, theirs)
