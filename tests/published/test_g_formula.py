"""The g-formula against 'Causal Inference: What If': NHEFS, standardised means (chapter 13) and survival (17.2)."""

import runpy
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from pipelines.models.g_formula import History, Model, Panel, Step, fit_g_formula, simulate

nhefs = runpy.run_path(str(Path(__file__).with_name("nhefs.py")))
months, MONTHS = nhefs["months"], nhefs["MONTHS"]


def always(category: int):
    return lambda history: np.full(next(iter(history.baseline.values())).size, float(category))


@pytest.mark.parametrize(("row", "is_weighed_only"), [("N11", False), ("N12", True)])
def test_standardised_means(everybody, value_of, row, is_weighed_only) -> None:
    """One period: the simulation has nothing to draw but the arm, so the means are exact."""
    people = everybody.filter(pl.col("wt82_71").is_not_null()) if is_weighed_only else everybody
    covariates, smoked = nhefs["confounders"](people), people["smokeintensity"].to_numpy().astype(float)
    baseline = {f"c{place}": column for place, column in enumerate(covariates.T)} | {"smoked": smoked}
    names = [name for name in baseline if name != "smoked"]

    def told(history: History) -> np.ndarray:
        return np.column_stack([history.baseline[name] for name in names])

    def outcome(history: History) -> np.ndarray:
        quit = history.now("quit")
        return np.column_stack([quit, told(history), quit * history.baseline["smoked"]])

    change = nhefs["change"](people)
    panel = Panel(
        baseline,
        {"quit": people["qsmk"].to_numpy().astype(float)[:, None]},
        np.ones((people.height, 1), dtype=bool),
        change,
        np.isfinite(change),
        np.arange(people.height),
    )
    fit = fit_g_formula(panel, Model((Step("quit", "categorical", told),), "quit", "mean", outcome))
    means = [simulate(fit, baseline, always(arm), seed=1).mean for arm in (0, 1)]
    assert [*means, means[1] - means[0]] == pytest.approx(value_of(row), abs=1e-5)


def test_survival_of_ten_years(everybody, value_of) -> None:
    person, month, died = months(everybody)
    n = everybody.height
    present, events = np.zeros((n, MONTHS), dtype=bool), np.zeros((n, MONTHS))
    present[person, month.astype(int)] = True
    events[person, month.astype(int)] = died
    quit = np.repeat(everybody["qsmk"].to_numpy().astype(float)[:, None], MONTHS, axis=1)

    def hazard(history: History) -> np.ndarray:
        arm = history.now("quit")
        t = np.full(arm.size, float(history.period))
        return np.column_stack([arm, arm * t, arm * t**2, t, t**2])

    def chance(history: History) -> np.ndarray:
        return history.baseline["age"][:, None]

    panel = Panel(
        {"age": everybody["age"].to_numpy().astype(float)}, {"quit": quit}, present, events, present, np.arange(n)
    )
    fit = fit_g_formula(panel, Model((Step("quit", "categorical", chance),), "quit", "hazard", hazard))
    # Without covariates everybody is alike: ten people tell what all do.
    few = {"age": panel.baseline["age"][:10]}
    survival = [1 - simulate(fit, few, always(arm), seed=1).mean for arm in (0, 1)]
    assert survival == pytest.approx(value_of("N18"), abs=1e-5)
