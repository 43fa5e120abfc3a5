"""Known truth: the mixed model gives back how a dose bends the slope of log bone density; naive forms of it do not."""

import runpy
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from pipelines.models.mixed_trajectory import fit_mixed

HERE = Path(__file__).parent
world = runpy.run_path(str(HERE / "mixed_world.py"))
judged = runpy.run_path(str(HERE / "replication.py"))
TRUTH, scans = world["TRUTH"], cache(world["scans"])


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    with threadpool_limits(1):
        yield


def mixed(seen) -> tuple[float, float]:
    fit = fit_mixed(seen.log_bmd, seen.design(), seen.year, seen.person)
    return float(fit.coefficients[3]), float(fit.standard_errors[3])


def least_squares(design: np.ndarray, outcome: np.ndarray, column: int) -> tuple[float, float]:
    inverse = np.linalg.inv(design.T @ design)
    beta = inverse @ design.T @ outcome
    rest = outcome - design @ beta
    variance = rest @ rest / (outcome.size - beta.size)
    return float(beta[column]), float(np.sqrt(variance * inverse[column, column]))


def rows_as_people(seen) -> tuple[float, float]:
    return least_squares(seen.design(), seen.log_bmd, 3)


def slopes_of_people(seen) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Own least-squares slope, its variance without error of one, and dose, of people with two scans or more."""
    k = seen.person.max() + 1
    n = np.bincount(seen.person, minlength=k)
    dose = np.bincount(seen.person, seen.dose, k) / np.maximum(n, 1)
    year = np.bincount(seen.person, seen.year, k) / np.maximum(n, 1)
    value = np.bincount(seen.person, seen.log_bmd, k) / np.maximum(n, 1)
    apart = seen.year - year[seen.person]
    spread = np.bincount(seen.person, apart**2, k)
    slope = np.bincount(seen.person, apart * (seen.log_bmd - value[seen.person]), k) / np.maximum(spread, 1e-12)
    two = n >= 2
    return slope[two], spread[two], dose[two]


def shrunken_slopes(seen) -> tuple[float, float]:
    """Slopes drawn to their mean by their reliability, as predictions of a mixed model without dose are."""
    slope, spread, dose = slopes_of_people(seen)
    reliability = world["SLOPE_SD"] ** 2 / (world["SLOPE_SD"] ** 2 + world["ERROR_SD"] ** 2 / spread)
    shrunken = slope.mean() + reliability * (slope - slope.mean())
    return least_squares(np.column_stack([np.ones(dose.size), dose]), shrunken, 1)


def always_scanned(seen) -> tuple[float, float]:
    """Only those who were scanned every year: whoever lost much at a scan came less often after it."""
    kept = np.bincount(seen.person)[seen.person] == world["VISITS"]
    person = np.unique(seen.person[kept], return_inverse=True)[1]
    fit = fit_mixed(seen.log_bmd[kept], seen.design()[kept], seen.year[kept], person)
    return float(fit.coefficients[3]), float(fit.standard_errors[3])


def knows_the_end(seen) -> tuple[float, float]:
    """The change up to the last scan as a covariate of time zero."""
    first, last = np.zeros((2, seen.person.max() + 1))
    last[seen.person], first[seen.person[::-1]] = seen.log_bmd, seen.log_bmd[::-1]
    change = (last - first)[seen.person]
    design = np.column_stack([seen.design(), change, change * seen.year])
    fit = fit_mixed(seen.log_bmd, design, seen.year, seen.person)
    return float(fit.coefficients[3]), float(fit.standard_errors[3])


NAIVE: dict[str, Callable[..., tuple[float, float]]] = {
    "rows taken as people": rows_as_people,
    "shrunken slopes of people as outcome": shrunken_slopes,
    "people scanned every year alone": always_scanned,
    "a value of after time zero as covariate": knows_the_end,
}
#: people of a replication where another number shows it sooner
PEOPLE = {"people scanned every year alone": 1000}


def replicated(estimator: Callable[..., tuple[float, float]], n: int, people: int = world["PEOPLE"]):
    estimates, errors = zip(*(estimator(scans(seed, people)) for seed in range(n)), strict=True)
    return judged["summarised"](estimates, errors, TRUTH)


def test_truth_is_given_back() -> None:
    found = replicated(mixed, 100)
    assert found.lies_within(judged["FEW"]), found


@pytest.mark.parametrize("name", NAIVE)
def test_the_naive_form_fails_the_same_test(name: str) -> None:
    found = replicated(NAIVE[name], 100, PEOPLE.get(name, world["PEOPLE"]))
    assert not found.lies_within(judged["FEW"]), found


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_truth_is_given_back_a_thousand_times() -> None:
    found = replicated(mixed, 1000)
    assert found.lies_within(judged["MANY"]), found


def test_how_people_differ_is_given_back() -> None:
    fits = [fit_mixed(d.log_bmd, d.design(), d.year, d.person) for d in map(scans, range(20))]
    named = ("intercept_sd", "slope_sd", "residual_sd")
    for name, truth in zip(named, (world["INTERCEPT_SD"], world["SLOPE_SD"], world["ERROR_SD"]), strict=True):
        assert np.mean([getattr(fit, name) for fit in fits]) == pytest.approx(truth, rel=0.05), name
