"""Two generators for risks by five years: twenty quarters, fifteen covariates, informative loss. They know no estimator.

`lives`: ours; events and deaths at constant hazards, death competing, by covariates of which some are skewed or rare.
`published`: the process of Havercroft and Didelez (2012), death the only event, treated at the first check-up or not, later
as it comes; its covariate CD4, fourteen that do nothing, and loss by quarter are put beside it. Truth is a large population made
to be in either arm, with nobody lost.
"""

from dataclasses import dataclass

import numpy as np

from pipelines.synth.havercroft import Setting, simulate

PEOPLE, COVARIATES, QUARTERS = 4000, 15, 20
QUARTER_DAYS = 91.3125
HORIZON = QUARTERS * QUARTER_DAYS
TRUTH_PEOPLE = 3_000_000
#: a check-up a year; half the published slope on CD4: by that one in a hundred of the healthiest is treated: no weight helps
PROCESS = Setting(steps=QUARTERS - 1, check_up=4, treatment=(-0.405, 0.0205, -0.002))


@dataclass(frozen=True, slots=True)
class People:
    """[n] each: covariates [n, 15], arm, days followed, event (0 none, 1 event, 2 death)."""

    covariates: np.ndarray
    treated: np.ndarray
    days: np.ndarray
    event: np.ndarray


def lives(seed: int, n: int = PEOPLE) -> People:
    """One draw of ours."""
    rng = np.random.default_rng([seed, 51])
    x = _covariates(rng, n)
    log_odds = -0.2 + 0.6 * x[:, 0] + 0.4 * x[:, 1] - 0.4 * x[:, 2] + 0.7 * (x[:, 10] - 0.3)
    treated = rng.random(n) < _logistic(log_odds)
    time, cause = _first_event(rng, x, treated)
    lost = _lost(rng, -3.9 + 0.7 * x[:, 0] * treated + 0.4 * x[:, 1] + 0.5 * treated)
    return People(x, treated, np.minimum(time, lost), np.where(time <= lost, cause, 0))


def published(seed: int, n: int = PEOPLE) -> People:
    """One draw of the published process."""
    rng = np.random.default_rng([seed, 52])
    seen = simulate(n, seed, PROCESS)
    first = seen.time == 0
    x = np.column_stack([seen.cd4[first] / 250 - 2, rng.normal(size=(n, COVARIATES - 1))])
    treated = seen.treated[first] == 1
    lost = _lost(rng, -3.7 - 0.6 * x[:, 0] + 0.4 * treated)
    died = _death_days(seen, n)
    return People(x, treated, np.minimum(died, lost), (died <= lost).astype(np.int64))


def true_difference_of_lives(n: int = TRUTH_PEOPLE) -> float:
    """Risk of the event by five years, everybody treated less nobody."""
    rng = np.random.default_rng(53)
    x = _covariates(rng, n)
    risks = []
    for arm in (True, False):
        time, cause = _first_event(np.random.default_rng(54), x, np.full(n, arm))
        risks.append(float(((time <= HORIZON) & (cause == 1)).mean()))
    return risks[0] - risks[1]


def true_difference_of_published(n: int = TRUTH_PEOPLE, parts: int = 30) -> float:
    """Risk of death by five years, everybody treated at the first check-up less nobody then."""
    risks = {True: 0.0, False: 0.0}
    for part in range(parts):
        for arm in risks:
            seen = simulate(n // parts, 10_000 + part, PROCESS, at_once=arm)
            risks[arm] += float(seen.died.sum()) / n
    return risks[True] - risks[False]


def _logistic(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def _covariates(rng: np.random.Generator, n: int) -> np.ndarray:
    """Ten normal, one of them made skewed; five of presence."""
    x = rng.normal(size=(n, COVARIATES))
    x[:, 3] = np.exp(0.6 * x[:, 3])
    x[:, 10:] = rng.random((n, 5)) < 0.3
    return x


def _first_event(rng: np.random.Generator, x: np.ndarray, treated: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Days to event or death, and which."""
    of_event = 0.011 * np.exp(0.6 * x[:, 0] + 0.3 * x[:, 1] - 0.3 * x[:, 2] + 0.4 * x[:, 10] + 0.3 * treated)
    of_death = 0.014 * np.exp(0.5 * x[:, 0] + 0.2 * x[:, 3] + 0.3 * x[:, 11] - 0.9 * treated)
    whole = of_event + of_death
    time = rng.exponential(size=treated.size) / whole * QUARTER_DAYS
    return time, np.where(rng.random(treated.size) < of_event / whole, 1, 2)


def _lost(rng: np.random.Generator, log_odds: np.ndarray) -> np.ndarray:
    """Days followed if nothing happened: people leave at the ends of quarters, the last one after five years."""
    leaves = rng.random((QUARTERS, log_odds.size)) < _logistic(log_odds)
    quarter = np.where(leaves.any(axis=0), np.argmax(leaves, axis=0) + 1, QUARTERS)
    return quarter * QUARTER_DAYS


def _death_days(seen, n: int) -> np.ndarray:
    """[n] in the middle of the quarter in which they die; infinite: not by five years."""
    died = seen.died == 1
    days = np.full(n, np.inf)
    days[seen.person[died]] = (seen.time[died] + 0.5) * QUARTER_DAYS
    return days
