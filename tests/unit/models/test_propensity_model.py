"""A propensity is fitted once: what is read back is what was fitted, and nothing fits it again."""

import runpy
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from pipelines.models import contrast_tables, point_treatment, propensity_model
from pipelines.models.contrast_frame import contrast_frame
from pipelines.models.logistic import fit_logistic, restored_fit
from pipelines.models.point_treatment import Prepared, prepare
from pipelines.tables import CONTRACTS
from pipelines.trials.study import catalogue

made = runpy.run_path(str(Path(__file__).with_name("test_contrast_tables.py")))
FACTS, STUDY, inputs = made["FACTS"], made["STUDY"], made["inputs"]


def test_a_fit_read_back_has_the_same_probabilities_information_and_correction() -> None:
    rng = np.random.default_rng(5)
    design = rng.normal(3, 2, (400, 4))
    outcome = (rng.random(400) < 1 / (1 + np.exp(-(design[:, 0] - 3)))).astype(np.float64)
    fit = fit_logistic(design, outcome, 10.0)
    again = restored_fit(design, fit.intercept, fit.coefficients, fit.penalty, fit.n_steps)
    assert again.probabilities == pytest.approx(fit.probabilities, rel=1e-12)
    assert again.information == pytest.approx(fit.information, rel=1e-7, abs=1e-7)
    gradient = rng.normal(size=400)
    assert again.correction(design, outcome, gradient) == pytest.approx(
        fit.correction(design, outcome, gradient), rel=1e-6, abs=1e-9
    )
    with pytest.raises(ValueError, match="one coefficient a column"):
        restored_fit(design, fit.intercept, fit.coefficients[:3], fit.penalty, fit.n_steps)


def test_what_is_read_back_gives_the_weights_balance_and_errors_of_the_fit() -> None:
    given, study = inputs(800), catalogue()[STUDY]
    contrast = study.contrast[0]
    fitted = prepare(contrast_frame(given, study, contrast))
    read = propensity_model.prepared(given, study, contrast)
    assert isinstance(read, Prepared)
    assert read.weights.values == pytest.approx(fitted.weights.values, rel=1e-12)
    assert read.balance.smd_after == pytest.approx(fitted.balance.smd_after, rel=1e-9, abs=1e-12)
    assert read.propensity.fit.penalty == fitted.propensity.fit.penalty
    assert read.propensity.auc == pytest.approx(fitted.propensity.auc, rel=1e-12)
    answers = [point_treatment.estimate(each, seed=1)[1].estimate.standard_error for each in (fitted, read)]
    assert answers[0] == pytest.approx(answers[1], rel=1e-7)


def test_a_contrast_without_a_model_tells_why_in_one_row() -> None:
    table = inputs(800)[propensity_model.TABLE].collect()
    CONTRACTS[propensity_model.TABLE].schema.validate(table, cast=True)
    spine = table.filter(pl.col("outcome") == "lumbar_spine_bmd_change_pct", pl.col("problem").is_null())
    assert spine["term"][:2].to_list() == ["intercept", "baseline_log"]
    assert spine["n_people"].unique().to_list() == [800]
    hip = table.filter(
        pl.col("outcome") == "total_hip_bmd_change_pct", pl.col("contrast").str.contains(", 24 months, cohort active")
    )
    assert hip.select("term", "coefficient", "n_people", "problem").rows() == [("none", None, 0, "an arm is empty")]


def test_no_other_step_fits_a_propensity(monkeypatch: pytest.MonkeyPatch) -> None:
    given = inputs(800)
    monkeypatch.setattr(point_treatment, "estimate_propensity", None)
    assert contrast_tables.covariate_balance(given, FACTS).collect().height == 3
    judged = contrast_tables.diagnostics(given, FACTS)
    found = contrast_tables.effect_estimates(given | {"models.diagnostic": judged}, FACTS).collect()
    assert "open" in found["gate_status"].to_list()
    with pytest.raises(TypeError):
        propensity_model.propensity_model(given, FACTS)


def test_a_model_of_other_covariates_is_refused() -> None:
    given, study = inputs(800), catalogue()[STUDY]
    fewer = given["features.covariate"].filter(pl.col("covariate_code") != "smoker")
    with pytest.raises(ValueError, match="not of these covariates"):
        propensity_model.prepared(given | {"features.covariate": fewer}, study, study.contrast[0])
