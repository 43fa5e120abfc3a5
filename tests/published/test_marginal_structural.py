"""Marginal structural models against 'Causal Inference: What If': NHEFS, chapters 12 and 17, each with its population."""

import runpy
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from pipelines.models.inverse_weighting import weighted_contrast
from pipelines.models.logistic import expit, fit_logistic
from pipelines.models.marginal_structural import HistoryWeights, WeightStage, fit_marginal, history_weights
from pipelines.models.propensity import estimate_propensity
from pipelines.models.weighting import treatment_weights

nhefs = runpy.run_path(str(Path(__file__).with_name("nhefs.py")))
confounders, change, months, MONTHS = (nhefs[name] for name in ("confounders", "change", "months", "MONTHS"))


def quits(people: pl.DataFrame) -> np.ndarray:
    return people["qsmk"].to_numpy().astype(np.int64)


def treatment_stage(people: pl.DataFrame) -> WeightStage:
    n = people.height
    return WeightStage("quitting", np.ones(n, dtype=bool), quits(people), np.zeros((n, 0)), confounders(people))


def no_weights(n: int) -> HistoryWeights:
    return HistoryWeights(np.ones(n), np.zeros(n, dtype=bool), 1.0, 1.0, (0.0, np.inf), (), (), ())


def test_stabilised_weights_and_their_mean_difference(weighed, value_of) -> None:
    person = np.arange(weighed.height)
    weights = history_weights(person, [treatment_stage(weighed)])
    assert [weights.mean, weights.largest] == pytest.approx(value_of("N05"), abs=1e-3)
    seen, design = np.ones(person.size, dtype=bool), quits(weighed)[:, None].astype(float)
    known = fit_marginal(change(weighed), design, person, weights, seen, are_weights_known=True, leaves_out=False)
    assert known.coefficients[1] == pytest.approx(value_of("N04")[0], abs=1e-4)
    assert known.standard_errors[1] == pytest.approx(0.5255, abs=1e-4)
    stacked = fit_marginal(change(weighed), design, person, weights, seen, leaves_out=False)
    # Arrived at apart, by influence functions of two weighted means.
    treated, terms = quits(weighed) == 1, confounders(weighed)
    propensity = estimate_propensity(treated, terms, 0.0)
    other = weighted_contrast(
        change(weighed), treated, treatment_weights(treated, propensity.values, "ate"), terms, propensity.fit
    )
    assert stacked.coefficients[1] == pytest.approx(other.estimate, abs=1e-7)
    assert stacked.standard_errors[1] == pytest.approx(other.standard_error, rel=1e-3)


def test_logistic_model_of_death(weighed, value_of) -> None:
    person = np.arange(weighed.height)
    weights = history_weights(person, [treatment_stage(weighed)])
    seen, design = np.ones(person.size, dtype=bool), quits(weighed)[:, None].astype(float)
    outcome = weighed["death"].to_numpy().astype(float)
    found = fit_marginal(outcome, design, person, weights, seen, "logit", are_weights_known=True, leaves_out=False)
    assert found.coefficients[1] == pytest.approx(value_of("N07")[0], abs=1e-4)
    assert found.standard_errors[1] == pytest.approx(0.1573, abs=1e-4)


def test_weights_of_treatment_and_of_staying(everybody, value_of) -> None:
    person, quit = np.arange(everybody.height), quits(everybody)[:, None].astype(float)
    seen = np.isfinite(change(everybody))
    staying = WeightStage(
        "staying",
        np.ones(person.size, dtype=bool),
        seen.astype(np.int64),
        quit,
        np.column_stack([quit, confounders(everybody)]),
    )
    weights = history_weights(person, [treatment_stage(everybody), staying], among=seen)
    found = fit_marginal(change(everybody), quit, person, weights, seen, are_weights_known=True, leaves_out=False)
    assert found.coefficients[1] == pytest.approx(value_of("N09")[0], abs=1e-3)
    assert found.standard_errors[1] == pytest.approx(0.526, abs=1e-3)


def hazard_terms(quit: np.ndarray, month: np.ndarray) -> np.ndarray:
    return np.column_stack([quit, quit * month, quit * month**2, month, month**2])


def survival(coefficients: np.ndarray) -> list[float]:
    month = np.arange(MONTHS, dtype=float)
    curves = [hazard_terms(np.full(MONTHS, arm), month) for arm in (0.0, 1.0)]
    return [float(np.prod(1 - expit(coefficients[0] + terms @ coefficients[1:]))) for terms in curves]


@pytest.mark.parametrize(("row", "tolerance"), [("N18", 1e-5), ("N19", 1e-6)])
def test_survival_without_weights(everybody, weighed, value_of, row, tolerance) -> None:
    people = everybody if row == "N18" else weighed
    person, month, died = months(people)
    terms, seen = hazard_terms(quits(people)[person].astype(float), month), np.ones(person.size, dtype=bool)
    found = fit_marginal(died, terms, person, no_weights(person.size), seen, "logit")
    assert survival(found.coefficients) == pytest.approx(value_of(row), abs=tolerance)
    # The same fit by the logistic kernel of propensities.
    assert found.coefficients[1:] == pytest.approx(fit_logistic(terms, died).coefficients, rel=1e-5)


@pytest.mark.parametrize(("row", "tolerance"), [("N20", 1e-6), ("N22", 1e-3)])
def test_weighted_survival(everybody, weighed, value_of, row, tolerance) -> None:
    people = everybody if row == "N22" else weighed
    person, month, died = months(people)
    first = month == 0
    quit = quits(people)[person]
    stage = WeightStage("quitting", first, quit, np.zeros((person.size, 0)), confounders(people)[person])
    weights = history_weights(person, [stage])
    terms, seen = hazard_terms(quit.astype(float), month), np.ones(person.size, dtype=bool)
    found = fit_marginal(died, terms, person, weights, seen, "logit")
    assert survival(found.coefficients) == pytest.approx(value_of(row), abs=tolerance)
    if row == "N22":
        assert found.coefficients[:4] == pytest.approx(value_of("N21"), rel=1e-3)
