"""Risks of people walked through in blocks: the numbers of a row a person-period, whatever weights, follow-up and terms."""

import tracemalloc

import numpy as np
import pytest

import pipelines.models.person_time as engine
from pipelines.models.discrete_hazard import fit_hazard, standardised_risks
from pipelines.models.errors import NotEstimable
from pipelines.models.inverse_weighting import weighted_contrast
from pipelines.models.logistic import fit_logistic
from pipelines.models.person_time import fit_products, person_time, standardise
from pipelines.models.product_design import ProductTerm, constant, row_terms
from pipelines.models.propensity import estimate_propensity
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
    seen = person_time(last.astype(np.int8), event.astype(np.uint8), arm, x, own, lambda rows, t: shown[rows, :t])
    ours = standardise(seen, (terms, SMOOTH), HORIZONS, cause, link, corrected)
    same(ours, theirs)


def test_with_all_followed_it_is_the_weighted_difference_of_means() -> None:
    """Nobody leaves, a term a period and arm, propensity estimated: estimate and error are those of two weighted means."""
    last, event, arm, x = people()
    followed = (event > 0) | (last == PERIODS - 1)
    last, event, arm, x = (part[followed] for part in (last, event, arm, x))
    propensity = estimate_propensity(arm, x, 0.0)
    weights = treatment_weights(arm, propensity.values, "ate")
    terms = (ProductTerm(lambda t: cells(t), with_arm), ProductTerm(constant, lambda a, _: a[:, None]))

    def correction(by_own):
        return propensity.fit.correction(x, arm.astype(float), by_own * weights.slope)

    seen = person_time(last, event, arm, x, weights.values)
    found = standardise(seen, (terms, terms), [5], correction=correction)[0].difference
    means = weighted_contrast(((event == 1) & (last < 5)).astype(float), arm, weights, x, propensity.fit)
    assert found.estimate == pytest.approx(means.estimate)
    assert found.standard_error == pytest.approx(means.standard_error)
    known = standardise(seen, (terms, terms), [5])[0].difference
    assert known.standard_error > 1.02 * found.standard_error


def test_people_are_never_a_row_a_period() -> None:
    n, months, q = 20_000, 60, 40
    rng = np.random.default_rng(1)
    x, arm = rng.normal(size=(n, q)), rng.random(n) < 0.5
    last = rng.integers(30, months, n)
    seen = person_time(last, (rng.random(n) < 0.2).astype(int), arm, x)
    terms = (
        ProductTerm(constant, lambda a, z: np.column_stack([a, z])),
        ProductTerm(lambda t: t[:, None] / 60, with_arm),
    )
    tracemalloc.start()
    standardise(seen, (terms,), [months])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    one_column = 8 * int((last + 1).sum())
    assert peak < 4 * one_column, "the matrix of rows would be 43 columns"


def test_a_curve_that_runs_off_after_a_persons_last_period_is_no_separation() -> None:
    """One person's value would be a thousand times the others' in periods that are not theirs."""
    last, event, arm, x = people()
    x = x.copy()
    x[np.flatnonzero(last == 0)[0], 0] = 1e5
    terms = (ProductTerm(lambda t: t[:, None] / 10.0, lambda a, z: z[:, :1]),)
    seen = person_time(last, event, arm, x)
    row, period, happens = in_rows(last, event)
    kept = happens <= 1
    design = row_terms(terms)(period[kept], arm[row[kept]], x[row[kept]])
    theirs = fit_hazard(happens[kept] == 1, design, np.ones(kept.sum()), row[kept], arm.size, "logit")
    ours = fit_products(seen, terms)
    assert ours.coefficients == pytest.approx(theirs.coefficients)
    assert np.abs(ours.coefficients[1] * 1e5) > 40


def changed(**what):
    last, event, arm, x = people()
    given = {"last_period": last, "event": event, "is_target": arm, "covariates": x}
    return person_time(**(given | {name: change(given.get(name)) for name, change in what.items()}))


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ({"covariates": lambda x: np.where(x > 3, np.nan, x)}, "finite"),
        ({"covariates": lambda x: x[1:]}, "one row each"),
        ({"event": lambda e: e / 2}, "whole numbers"),
        ({"last_period": lambda last: last - 1}, "whole numbers"),
        ({"weights": lambda _: np.full(1500, -1.0)}, "not negative"),
        ({"weights": lambda _: np.full(1500, np.nan)}, "finite"),
        ({"period_weights": lambda _: lambda rows, t: np.ones((rows.size, 1))}, r"\[m, t\]"),
        ({"period_weights": lambda _: lambda rows, t: np.full((rows.size, t), np.nan)}, "finite"),
        ({"event": lambda e: e * 2}, "every cause"),
    ],
)
def test_bad_people_are_refused(what, words) -> None:
    with pytest.raises(ValueError, match=words):
        standardise(changed(**what), (SMOOTH, SMOOTH), HORIZONS)


@pytest.mark.parametrize(
    ("what", "terms", "words"),
    [
        ({"event": lambda e: 0 * e}, SMOOTH, "no event"),
        ({"is_target": lambda a: a | True}, SMOOTH, "nobody of an arm"),
        ({"weights": lambda _: np.zeros(1500)}, SMOOTH, "nobody of an arm"),
        ({"last_period": lambda last: np.minimum(last, 7)}, SMOOTH, "at risk in period 9"),
        (
            {"period_weights": lambda _: lambda rows, t: np.ones((rows.size, t)) * (np.arange(t) < 8)},
            SMOOTH,
            "in period 9",
        ),
        ({"covariates": lambda x: x * 0}, SMOOTH, "is 0 for everybody"),
        ({}, (MAIN, MAIN), "tell each other"),
        ({"event": lambda e: e * people()[2]}, (MAIN,), "separation|tell each other"),
    ],
)
def test_what_cannot_be_told_is_refused(what, terms, words) -> None:
    with pytest.raises(NotEstimable, match=words):
        standardise(changed(**what), (terms, terms), HORIZONS)


def test_terms_that_are_not_finite_are_refused() -> None:
    terms = (ProductTerm(constant, lambda a, x: np.where(x[:, :1] > 2, np.nan, x[:, :1])),)
    with pytest.raises(ValueError, match="must be finite"):
        standardise(changed(), (terms, terms), HORIZONS)
