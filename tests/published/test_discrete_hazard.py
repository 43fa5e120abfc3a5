"""Discrete hazards against 'Causal Inference: What If', chapter 17: NHEFS, ten-year survival, each with its population."""

import runpy
from pathlib import Path

import numpy as np
import pytest

from pipelines.models.discrete_hazard import standardised_risks
from pipelines.models.propensity import estimate_propensity
from pipelines.models.weighting import treatment_weights

nhefs = runpy.run_path(str(Path(__file__).with_name("nhefs.py")))


def terms(month: np.ndarray, arm: np.ndarray, _: np.ndarray) -> np.ndarray:
    return np.column_stack([arm, arm * month, arm * month**2, month, month**2])


@pytest.mark.parametrize(
    ("row", "is_weighted", "tolerance"),
    [("N18", False, 1e-5), ("N19", False, 1e-6), ("N20", True, 1e-6), ("N22", True, 1e-3)],
)
def test_ten_year_survival(everybody, weighed, value_of, row, is_weighted, tolerance) -> None:
    people = everybody if row in ("N18", "N22") else weighed
    person, month, died = nhefs["months"](people)
    quits = people["qsmk"].to_numpy() == 1
    weights = None
    if is_weighted:
        propensity = estimate_propensity(quits, nhefs["confounders"](people), 0.0)
        weights = treatment_weights(quits, propensity.values, "ate", is_stabilised=True).values[person]
    nothing = np.zeros((people.height, 0))
    found = standardised_risks(person, month, died.astype(int), quits, nothing, [terms], [120], weights=weights)[0]
    survival = [1 - found.comparator.value, 1 - found.target.value]
    assert survival == pytest.approx(value_of(row), abs=tolerance)
