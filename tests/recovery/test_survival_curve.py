"""Known truth: weighted curves give back five-year risks with death competing and informative leaving; naive ones do not."""

import runpy
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from pipelines.models.arm_risk import risk_contrasts
from pipelines.models.logistic import fit_logistic
from pipelines.models.survival_curve import follow_up, only_cause
from pipelines.models.weighting import treatment_weights

HERE = Path(__file__).parent
world = runpy.run_path(str(HERE / "event_world.py"))
judged = runpy.run_path(str(HERE / "replication.py"))
people = cache(world["people"])
YEARS, STEP = world["YEARS"], world["STEP"]
TRUTH = world["true_risk"](True) - world["true_risk"](False)
LIVED = world["true_time_lived"](True) - world["true_time_lived"](False)


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    with threadpool_limits(1):
        yield


def contrast(seed: int, *, staying=True, death_competes=True, treatment=True, counts_people=True):
    """Rows of half-years, weighted for arm and for having stayed; weights taken as known."""
    seen = people(seed) if counts_people else world["doubled"](people(seed))
    row, period = world["in_periods"](seen)
    arm, x = seen.treated.astype(float), seen.covariates
    start, stop = period * STEP, np.minimum((period + 1) * STEP, seen.years[row])
    last = np.r_[row[1:] != row[:-1], True]
    event = np.where(last, seen.event[row], 0)
    weights = np.ones(row.size)
    if treatment:
        weights = treatment_weights(seen.treated, fit_logistic(x, arm).probabilities, "ate").values[row]
    if staying:
        asked = (event == 0) & (stop < YEARS - 1e-9)
        terms = np.column_stack([arm, x[:, 0], arm * x[:, 0]])[row]
        stayed = fit_logistic(terms[asked], (~last[asked]).astype(float))
        term = np.zeros(row.size)
        term[asked] = -np.log(stayed.probabilities)
        total = np.cumsum(term) - term
        weights = weights * np.exp(total - total[np.flatnonzero(period == 0)][row])
    rows = follow_up(stop, event, start, weights)
    rows = rows if death_competes else only_cause(rows, 1)
    return risk_contrasts(rows, seen.treated[row], [YEARS], person_id=row)[0]


def replicated(n: int, truth: float = TRUTH, which: str = "difference", **how):
    found = [getattr(contrast(seed, **how), which) for seed in range(n)]
    return judged["summarised"]([f.estimate for f in found], [f.standard_error for f in found], truth)


#: taking the propensity as known makes errors too wide, never too narrow
FEW = judged["FEW"]._replace(ratio=(0.85, 1.45))


@pytest.mark.parametrize(("which", "truth"), [("difference", TRUTH), ("time_lived", LIVED)])
def test_truth_is_given_back(which, truth) -> None:
    found = replicated(100, truth, which)
    assert found.lies_within(FEW), found


@pytest.mark.parametrize(
    "how",
    [{"death_competes": False}, {"staying": False}, {"treatment": False}, {"counts_people": False}],
    ids=["one less Kaplan-Meier", "leaving taken as by chance", "arms as they are", "rows taken as people"],
)
def test_the_naive_form_fails_the_same_test(how) -> None:
    found = replicated(100, **how)
    assert not found.lies_within(FEW), found


def test_death_as_censoring_overstates_both_risks() -> None:
    right, wrong = contrast(1), contrast(1, death_competes=False)
    assert wrong.target.value > right.target.value + 0.02
    assert wrong.comparator.value > right.comparator.value + 0.02
