"""Association of serum estradiol with BMD in a complex survey, estradiol left-censored at the limit of quantification.

`diagnose` judges whether the data can carry the question, without looking at the association; `estimate` answers it.
Choices and result shapes are in `e2_bmd_spec`, the arrays in `e2_bmd_sample`, the imputation in `e2_bmd_exposure`.
"""

import numpy as np
import polars as pl

from pipelines.errors import BadInput
from pipelines.models.e2_bmd_exposure import fit_exposure, impute_log2_e2
from pipelines.models.e2_bmd_sample import AnalysisSample, analysis_sample, checked_frame, survey_design
from pipelines.models.e2_bmd_spec import (
    Comparison,
    CurvePoint,
    Diagnostic,
    E2BmdResult,
    E2BmdSpec,
)
from pipelines.models.errors import NotEstimable
from pipelines.models.imputation import PooledEstimate, complete_estimate, pool, pooled_estimate, wald_d1
from pipelines.models.spline import restricted_cubic_spline
from pipelines.models.survey import SurveyFit, kish_effective_n, survey_mean, survey_quantile, survey_regression


def diagnose(frame: pl.DataFrame, spec: E2BmdSpec) -> tuple[Diagnostic, ...]:
    """The gate of each population and outcome: sizes, df, precision of mean BMD, censored share, imputation model.

    Never looks at the association: of the imputation model only whether it converged leaves this function.

    Args:
        frame: one row per examined respondent of the cycle, columns as in docs/methods/nhanes_e2_bmd.md.

    Raises:
        BadInput: the frame or the survey design is malformed.
    """
    ordered = checked_frame(frame, spec)
    design = survey_design(ordered)
    diagnostics: list[Diagnostic] = []
    for population in spec.populations:
        for outcome in spec.outcomes:
            sample = analysis_sample(ordered, design, spec, population, outcome)
            diagnostics += _diagnose(sample, spec, population, outcome)
    return tuple(diagnostics)


def estimate(frame: pl.DataFrame, spec: E2BmdSpec, population: str, outcome: str) -> E2BmdResult:
    """The association of one population and outcome; to be called only where `diagnose` passes.

    Each imputation is analyzed by survey regression on age, age squared, BMI, race/ethnicity and smoking with log2 E2
    (a) linear and (b) as a restricted cubic spline; results are pooled by Rubin's rules with Barnard-Rubin df.
    Knots, curve range and reference are weighted percentiles of log E2, averaged over the imputations.

    Raises:
        BadInput: the frame or design is malformed, or the population or outcome is not of the study.
        NotEstimable: a fit does not exist in these data.
    """
    sample = _sample(frame, spec, population, outcome)
    fit = fit_exposure(sample)
    log2_e2 = [impute_log2_e2(sample, fit, spec, population, outcome, draw) for draw in range(spec.n_imputations)]
    linear = [_regress(sample, values[:, None]) for values in log2_e2]
    df = linear[0].df
    doubling = pool(*_block(linear, 1), df)
    knots = _mean_quantiles(sample, log2_e2, spec.knot_percentiles)
    if not np.all(np.diff(knots) > 1e-6):
        raise NotEstimable("percentiles of estradiol coincide: choose fewer or wider knots")
    low, high, reference = _mean_quantiles(sample, log2_e2, (*spec.curve_percentiles, 50.0))
    splined = [_regress(sample, restricted_cubic_spline(values, knots)) for values in log2_e2]
    coefficients, covariances = _block(splined, knots.size - 1)
    curve_at = np.linspace(low, high, spec.n_curve_points)
    marks_at = np.log2(np.array(spec.reference_marks_pg_ml))
    shown = (marks_at >= low) & (marks_at <= high)
    notes = [f"no contrast at {2**mark:g} pg/mL: outside the curve's percentiles" for mark in marks_at[~shown]]
    points = _contrasts(sample, np.append(curve_at, marks_at[shown]), reference, knots, coefficients, covariances, df)
    return E2BmdResult(
        population=population,
        outcome=outcome,
        per_doubling=pooled_estimate(doubling),
        reference_e2_pg_ml=float(2**reference),
        knots_e2_pg_ml=tuple(float(2**knot) for knot in knots),
        curve=points[: spec.n_curve_points],
        marks=points[spec.n_curve_points :],
        association=wald_d1(coefficients, covariances, df),
        nonlinearity=wald_d1(coefficients[:, 1:], covariances[:, 1:, 1:], df),
        n=sample.outcome.size,
        n_censored=int(sample.is_censored.sum()),
        n_effective=kish_effective_n(sample.weight),
        design_df=df,
        n_imputations=spec.n_imputations,
        fraction_missing_information=float(doubling.fraction_missing_information[0]),
        attrition=sample.attrition,
        comparisons=(_substitution(sample), _complete_case(sample)),
        notes=(*sample.notes, *notes),
    )


def _sample(frame: pl.DataFrame, spec: E2BmdSpec, population: str, outcome: str) -> AnalysisSample:
    if population not in spec.populations or outcome not in spec.outcomes:
        raise BadInput(f"the study has no population {population!r} with outcome {outcome!r}; see its spec")
    ordered = checked_frame(frame, spec)
    sample = analysis_sample(ordered, survey_design(ordered), spec, population, outcome)
    if sample.outcome.size == 0:
        raise NotEstimable(f"no complete respondent in {population} for {outcome}")
    return sample


def _diagnose(sample: AnalysisSample, spec: E2BmdSpec, population: str, outcome: str) -> list[Diagnostic]:
    def judged(name: str, value: float | None, threshold: float, at_least: bool, note: str = "") -> Diagnostic:
        if value is None:
            return Diagnostic(population, outcome, name, None, threshold, "not_evaluated", note)
        passed = value >= threshold if at_least else value <= threshold
        return Diagnostic(population, outcome, name, float(value), threshold, "pass" if passed else "fail", note)

    n = sample.outcome.size
    df = sample.design.domain_df(sample.domain)
    relative_error, censored, converged = None, None, None
    why_error = why_model = "no respondent to evaluate"
    if n:
        censored = max(float(np.average(sample.is_censored, weights=sample.weight)), float(sample.is_censored.mean()))
        try:
            mean = survey_mean(sample.design, _on_design(sample, sample.outcome), sample.domain)
            relative_error, why_error = mean.relative_standard_error, "of mean BMD"
        except NotEstimable as reason:
            why_error = str(reason)
        try:
            converged, why_model = float(fit_exposure(sample).converged), ""
        except NotEstimable as reason:
            converged, why_model = 0.0, str(reason)
    return [
        judged("unweighted_n", n, spec.minimum_n, at_least=True),
        judged("kish_effective_n", kish_effective_n(sample.weight), spec.minimum_effective_n, at_least=True),
        judged("design_df", df, spec.minimum_design_df, at_least=True),
        judged("relative_standard_error", relative_error, spec.maximum_relative_standard_error, False, why_error),
        judged(
            "censored_share",
            censored,
            spec.maximum_censored_share,
            False,
            "the larger of the weighted and the unweighted share" if n else "no respondent to evaluate",
        ),
        judged("imputation_model_converged", converged, 1.0, True, why_model),
    ]


def _on_design(sample: AnalysisSample, values: np.ndarray) -> np.ndarray:
    """Values of the analyzed rows laid out over the whole design, NaN elsewhere."""
    full = np.full((sample.domain.size, *values.shape[1:]), np.nan)
    full[sample.domain] = values
    return full


def _regress(sample: AnalysisSample, exposure: np.ndarray, among: np.ndarray | None = None) -> SurveyFit:
    """BMD on [exposure terms, intercept, covariates]; `among` [n] narrows the domain further."""
    matrix = np.column_stack([exposure, np.ones(sample.outcome.size), sample.covariates])
    domain = sample.domain.copy()
    if among is not None:
        domain[sample.domain] = among
    return survey_regression(sample.design, _on_design(sample, matrix), _on_design(sample, sample.outcome), domain)


def _block(fits: list[SurveyFit], size: int) -> tuple[np.ndarray, np.ndarray]:
    """The leading exposure terms of each fit: [m, size] and [m, size, size]."""
    return np.stack([f.coefficients[:size] for f in fits]), np.stack([f.covariance[:size, :size] for f in fits])


def _mean_quantiles(sample: AnalysisSample, imputed: list[np.ndarray], percentiles: tuple[float, ...]) -> np.ndarray:
    """[len(percentiles)] weighted percentiles of log2 E2 in the analyzed rows, averaged over imputations."""
    shares = [percentile / 100 for percentile in percentiles]
    return np.mean(
        [survey_quantile(sample.design, _on_design(sample, v), shares, sample.domain) for v in imputed], axis=0
    )


def _contrasts(
    sample: AnalysisSample,
    log2_e2: np.ndarray,
    reference: float,
    knots: np.ndarray,
    coefficients: np.ndarray,
    covariances: np.ndarray,
    df: float,
) -> tuple[CurvePoint, ...]:
    """BMD at each log2 E2 minus BMD at the reference, each pooled with its own degrees of freedom."""
    basis = restricted_cubic_spline(log2_e2, knots) - restricted_cubic_spline(np.array([reference]), knots)
    pooled = pool(coefficients @ basis.T, basis @ covariances @ basis.T, df)
    interval = pooled.confidence_interval()
    limits = sample.log_e2_upper[sample.is_censored]
    lloq = limits.max() / np.log(2) if limits.size else -np.inf
    return tuple(
        CurvePoint(
            e2_pg_ml=float(2**x),
            difference_g_cm2=float(pooled.estimates[i]),
            standard_error=float(pooled.standard_errors[i]),
            ci_low=float(interval[i, 0]),
            ci_high=float(interval[i, 1]),
            df=float(pooled.df[i]),
            is_below_lloq=bool(x < lloq),
        )
        for i, x in enumerate(log2_e2)
    )


def _single_estimate(fit: SurveyFit) -> PooledEstimate:
    return complete_estimate(float(fit.coefficients[0]), float(fit.standard_errors[0]), float(fit.df))


def _substitution(sample: AnalysisSample) -> Comparison:
    """Every censored value replaced by its limit / sqrt 2 (an interval by its geometric middle)."""
    half = np.where(np.isneginf(sample.log_e2_lower), sample.log_e2_upper - np.log(2), sample.log_e2_lower)
    filled = (half + sample.log_e2_upper) / 2 / np.log(2)
    fit = _regress(sample, filled[:, None])
    return Comparison("substitution_lloq_over_sqrt2", _single_estimate(fit), fit.n, note="biased: shown for comparison")


def _complete_case(sample: AnalysisSample) -> Comparison:
    """Measured values alone; censored respondents are dropped."""
    measured = ~sample.is_censored
    log2_e2 = sample.log_e2_upper / np.log(2)
    try:
        fit = _regress(sample, log2_e2[:, None], measured)
    except NotEstimable as reason:
        return Comparison("complete_case_measured_only", None, int(measured.sum()), note=str(reason))
    return Comparison(
        "complete_case_measured_only",
        _single_estimate(fit),
        fit.n,
        note="drops the lowest values: shown for comparison",
    )
