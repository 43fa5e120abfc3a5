"""Known truth: log subdistribution hazard ratios of a world made to have them; naive forms fail the same test."""

import runpy
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from pipelines.models.cox import fit_cox
from pipelines.models.fine_gray import expanded, fit_fine_gray
from pipelines.models.survival_curve import FollowUp, follow_up

judged = runpy.run_path(str(Path(__file__).parent / "replication.py"))
TRUTH = 1.0
#: chance of the event without end, where covariates are 0
SHARE = 0.5


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    with threadpool_limits(1):
        yield


@cache
def people(seed: int, n: int = 600) -> tuple[FollowUp, np.ndarray]:
    """Risk of event 1 by t is 1 - (1 - SHARE (1 - e^-t))^exp(TRUTH arm - 0.4 x), as Fine and Gray (1999), section 5.

    Others have event 2, and soon, the sooner outside the arm; people leave by chance within two years.
    """
    rng = np.random.default_rng([seed, 21])
    design = np.column_stack([rng.random(n) < 0.5, rng.normal(size=n)]).astype(float)
    ratio = np.exp(design @ [TRUTH, -0.4])
    draw = rng.random(n)
    has_event = draw < 1 - (1 - SHARE) ** ratio
    part = (1 - (1 - np.where(has_event, draw, 0.0)) ** (1 / ratio)) / SHARE
    other = rng.exponential(0.3 * np.exp(0.8 * design[:, 0] - 0.3 * design[:, 1]))
    time, left = np.where(has_event, -np.log1p(-part), other), rng.uniform(0.0, 2.0, n)
    return follow_up(
        np.minimum(time, left), np.where(time <= left, np.where(has_event, 1, 2), 0), None, None, 2
    ), design


def subdistribution(rows: FollowUp, design: np.ndarray):
    return fit_fine_gray(rows, design)


def death_as_censoring(rows: FollowUp, design: np.ndarray):
    return fit_cox(rows, design)


def dead_followed_without_end(rows: FollowUp, design: np.ndarray):
    """Those of the other cause stay whole for ever, while the living leave."""
    found = expanded(rows)
    whole = FollowUp(found.rows.entry, found.rows.exit, found.rows.event, np.ones(found.origin.size), 1)
    return fit_cox(whole, design[found.origin], person_id=found.origin)


def rows_taken_as_people(rows: FollowUp, design: np.ndarray):
    """Everybody twice: the two rows of a person are taken as two people."""
    n = design.shape[0]
    twice = np.repeat(np.arange(n), 2)
    doubled = FollowUp(*(part[twice] for part in (rows.entry, rows.exit, rows.event, rows.weights)), rows.n_causes)
    return fit_fine_gray(doubled, design[twice])


def replicated(n: int, form):
    fits = [form(*people(seed)) for seed in range(n)]
    return judged["summarised"](
        [float(fit.coefficients[0]) for fit in fits], [float(fit.standard_errors[0]) for fit in fits], TRUTH
    )


def test_truth_is_given_back() -> None:
    found = replicated(100, subdistribution)
    assert found.lies_within(judged["FEW"]), found


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_truth_is_given_back_a_thousand_times() -> None:
    found = replicated(1000, subdistribution)
    assert found.lies_within(judged["MANY"]), found


@pytest.mark.parametrize("form", [death_as_censoring, dead_followed_without_end, rows_taken_as_people])
def test_the_naive_form_fails_the_same_test(form) -> None:
    found = replicated(100, form)
    assert not found.lies_within(judged["FEW"]), found
