"""Survey, censoring, imputation and spline numbers against R, frozen in oracles/*.json by the scripts beside them."""

import json
import math
import runpy
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from pipelines.models.censored import fit_censored
from pipelines.models.e2_bmd import estimate
from pipelines.models.e2_bmd_exposure import fit_exposure
from pipelines.models.e2_bmd_sample import analysis_sample, checked_frame, survey_design
from pipelines.models.e2_bmd_spec import E2BmdSpec
from pipelines.models.imputation import pool, wald_d1
from pipelines.models.spline import restricted_cubic_spline
from pipelines.models.survey import SurveyDesign, survey_mean, survey_quantile, survey_regression, survey_total
from pipelines.models.wald import design_adjusted_wald, quadratic_form

ORACLES = Path(__file__).with_name("oracles")


def oracle(name: str) -> dict:
    return json.loads((ORACLES / f"{name}.json").read_text())


def agrees(ours, theirs, digits: int = 9) -> bool:
    return np.allclose(ours, theirs, rtol=10.0**-digits, atol=1e-12)


@pytest.fixture(scope="module")
def schools() -> pl.DataFrame:
    return pl.read_csv(ORACLES / "survey_input.csv")


@pytest.mark.parametrize("name", ["all", "award", "few_learners", "elementary"])
def test_survey_equals_r_survey(schools, name):
    expected = oracle("survey")["domains"][name]
    design = SurveyDesign(*(schools[c].to_numpy() for c in ("stratum_code", "psu_code", "weight")))
    domain = {
        "all": np.ones(schools.height, dtype=bool),
        "award": (schools["is_award"] == 1).to_numpy(),
        "few_learners": (schools["ell"] < 8).to_numpy(),
        "elementary": (schools["is_elementary"] == 1).to_numpy(),
    }[name]
    api00 = schools["api00"].to_numpy().astype(float)
    # Rows outside the domain may hold anything: R's subset never sees them, ours must not either.
    api00 = np.where(domain, api00, np.nan)
    mean = survey_mean(design, api00, domain)
    assert (mean.n, mean.df) == (expected["n"], expected["df"])
    assert agrees([mean.estimate, mean.standard_error], [expected["mean"], expected["mean_se"]])
    assert agrees(mean.n_effective_kish, expected["kish"])
    share = survey_mean(design, (schools["meals"] > 50).to_numpy().astype(float), domain)
    assert agrees([share.estimate, share.standard_error], [expected["share"], expected["share_se"]])
    total = survey_total(design, api00, domain)
    assert agrees([total.estimate, total.standard_error], [expected["total"], expected["total_se"]])
    quantiles = survey_quantile(design, api00, oracle("survey")["probabilities"], domain)
    assert quantiles.tolist() == expected["quantiles"]
    matrix = np.column_stack([np.ones(schools.height), schools.select("api99", "ell", "meals").to_numpy()])
    fit = survey_regression(design, matrix, api00, domain)
    assert fit.df == expected["df"]
    assert agrees(fit.coefficients, expected["coefficients"], 8)
    assert agrees(fit.covariance, expected["covariance"], 8)
    assert agrees(quadratic_form(fit.coefficients[2:], fit.covariance[2:, 2:]), expected["wald"], 8)
    test = design_adjusted_wald(fit.coefficients[2:], fit.covariance[2:, 2:], fit.df)
    assert agrees([test.statistic, test.p_value], [expected["adjusted_f"], expected["adjusted_p"]], 8)


def test_a_domain_that_empties_psus_keeps_them_in_the_variance(schools):
    """Analyzing the subset as if it were the survey gives another, wrong, standard error (the oracle rules it out)."""
    few = schools.filter(pl.col("ell") < 8)
    counts = few.group_by("stratum_code").agg(pl.col("psu_code").n_unique())
    whole = schools.group_by("stratum_code").agg(pl.col("psu_code").n_unique())
    assert counts["psu_code"].sum() < whole["psu_code"].sum()
    alone = SurveyDesign(*(few[c].to_numpy() for c in ("stratum_code", "psu_code", "weight")))
    wrong = survey_mean(alone, few["api00"].to_numpy().astype(float)).standard_error
    assert abs(wrong / oracle("survey")["domains"]["few_learners"]["mean_se"] - 1) > 1e-3


@pytest.mark.parametrize(("case", "rows"), [("mixed", "mixed"), ("mixed_weighted", "mixed"), ("tobin", "tobin")])
def test_censored_regression_equals_survreg(case, rows):
    expected = oracle("censored")[case]
    frame = pl.read_csv(ORACLES / "censored_input.csv").filter(pl.col("set") == rows)
    matrix = np.column_stack([np.ones(frame.height), frame.select("x1", "x2").to_numpy()])
    lower, upper = frame["lower"].fill_null(-math.inf).to_numpy(), frame["upper"].fill_null(math.inf).to_numpy()
    weights = frame["weight"].to_numpy() if case == "mixed_weighted" else None
    fit = fit_censored(matrix, lower, upper, weights)
    assert agrees(fit.coefficients, expected["coefficients"], 7)
    assert agrees(fit.log_sigma, expected["log_sigma"], 7)
    assert agrees(fit.covariance, expected["covariance"], 6)
    assert agrees(fit.log_likelihood, expected["log_likelihood"], 9)


def test_rubin_rules_equal_mitools_and_mice():
    expected = oracle("imputation")
    estimates, covariances = np.array(expected["estimates"]), np.array(expected["covariances"])
    pooled = pool(estimates, covariances, expected["df_complete"])
    assert agrees(pooled.estimates, expected["mitools_coefficients"])
    assert agrees(pooled.covariance, expected["mitools_covariance"])
    for j, scalar in enumerate(expected["mice_scalar"]):
        ours = [pooled.df[j], pooled.relative_increase[j], pooled.fraction_missing_information[j]]
        assert agrees([*ours, pooled.covariance[j, j]], [scalar["df"], scalar["r"], scalar["fmi"], scalar["t"]])
    unlimited = pool(estimates, covariances, np.inf)
    assert agrees(unlimited.df, expected["mitools_df_infinite"])
    assert agrees(unlimited.fraction_missing_information, expected["mitools_missinfo_infinite"])


@pytest.mark.parametrize(("case", "df"), [("d1_15", 15), ("d1_40", 40), ("d1_infinite", np.inf)])
def test_d1_equals_mitml_and_mice(case, df):
    source = oracle("imputation")
    expected = source[case]
    estimates, covariances = np.array(source["estimates"])[:, 2:], np.array(source["covariances"])[:, 2:, 2:]
    test = wald_d1(estimates, covariances, df, design_adjusted=False)
    ours = [test.statistic, test.df_numerator, test.df_denominator, test.p_value, test.relative_increase]
    assert agrees(ours, [expected[key] for key in ("F", "k", "v", "p", "r")])
    if df == source["df_complete"]:
        assert agrees(ours, source["d1_mice"])


@pytest.mark.parametrize("name", ["three", "four"])
def test_spline_basis_equals_hmisc(name):
    expected = oracle("spline")
    basis = restricted_cubic_spline(np.array(expected["x"]), expected[f"{name}_knots"])
    assert agrees(basis, expected[name], 12)


@pytest.fixture(scope="module")
def examined(nhanes) -> pl.DataFrame:
    return runpy.run_path(str(ORACLES / "nhanes_frame.py"))["study_frame"](nhanes)


def test_nhanes_men_equal_r_survey(examined):
    """Femoral neck BMD on age and log2 E2, measured E2 alone, in a domain of the whole examined sample."""
    expected = oracle("nhanes")["men_measured"]
    design = survey_design(examined)
    measured = (pl.col("e2_lo_pg_ml") == pl.col("e2_hi_pg_ml")).fill_null(value=False)
    bmd = pl.col("femoral_neck_bmd_g_cm2")
    is_man = (pl.col("population") == "men").fill_null(value=False)
    domain = examined.select(is_man & measured & bmd.is_not_null()).to_series().to_numpy()
    arrays = examined.select(age=pl.col("age_years"), log2_e2=pl.col("e2_hi_pg_ml").log(2), bmd=bmd)
    outcome = arrays["bmd"].to_numpy()
    matrix = np.column_stack([np.ones(examined.height), arrays.select("age", "log2_e2").to_numpy()])
    fit = survey_regression(design, matrix, outcome, domain)
    assert (fit.n, fit.df) == (expected["n"], expected["df"])
    assert agrees(fit.coefficients, expected["coefficients"], 8)
    assert agrees(fit.standard_errors, expected["se"], 8)
    mean = survey_mean(design, outcome, domain)
    assert agrees([mean.estimate, mean.standard_error], [expected["mean"], expected["mean_se"]], 8)
    assert agrees(quadratic_form(fit.coefficients[1:], fit.covariance[1:, 1:]), expected["wald"], 8)


def test_nhanes_postmenopausal_equal_r_from_the_imputations_on(examined):
    """R fitted the imputation model (survreg) and, on our 20 imputed data sets, svyglm, rcspline.eval, MIcombine."""
    expected = oracle("nhanes")["postmenopausal_imputed"]
    spec = E2BmdSpec(seed=2013, n_imputations=20)
    population, outcome = "postmenopausal_women", "femoral_neck_bmd_g_cm2"
    ordered = checked_frame(examined, spec)
    fit = fit_exposure(analysis_sample(ordered, survey_design(ordered), spec, population, outcome))
    assert agrees(fit.coefficients[1], expected["tobit_outcome"], 6)
    assert agrees(math.sqrt(fit.covariance[1, 1]), expected["tobit_outcome_se"], 6)
    assert agrees(
        [fit.log_sigma, fit.log_likelihood], [expected["tobit_log_sigma"], expected["tobit_log_likelihood"]], 6
    )
    result = estimate(examined, spec, population, outcome)
    doubling = result.per_doubling
    assert result.n == expected["n"]
    assert agrees(doubling.estimate, expected["per_doubling"], 7)
    assert agrees(doubling.standard_error, expected["per_doubling_se"], 7)
    assert agrees(doubling.df, expected["per_doubling_df"], 6)
    for ours, theirs in (
        (result.association, expected["association"]),
        (result.nonlinearity, expected["nonlinearity"]),
    ):
        assert ours.df_numerator == theirs["k"]
        assert agrees(ours.statistic, theirs["statistic"], 6)
        assert agrees(ours.df_denominator, theirs["df_denominator"], 6)
        assert agrees([ours.relative_increase, ours.p_value], [theirs["relative_increase"], theirs["p"]], 6)
    mark = result.marks[0]
    assert mark.e2_pg_ml == pytest.approx(20)
    assert agrees(
        [mark.difference_g_cm2, mark.standard_error], [expected["difference_at_20"], expected["difference_at_20_se"]], 6
    )
