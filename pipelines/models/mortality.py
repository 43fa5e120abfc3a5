"""Association of estradiol, or of the femoral neck's T-score, with death from any cause in a complex survey.

`diagnose` judges whether the data can carry the question, without looking at the association; `estimate` answers it by hazard
ratio and risk difference. Choices and shapes are in `mortality_spec`, arrays in `mortality_sample`, the regression in
`survey_hazard`; draws of censored estradiol are those of `e2_bmd_exposure`.
"""

from math import floor

import numpy as np
import polars as pl

from pipelines.errors import BadInput
from pipelines.models.e2_bmd_exposure import draw_log2_e2, fit_exposure
from pipelines.models.e2_bmd_sample import survey_design
from pipelines.models.errors import NotEstimable
from pipelines.models.imputation import PooledEstimate, complete_estimate, pool, pooled_estimate
from pipelines.models.mortality_sample import MortalitySample, checked_mortality_frame, mortality_sample
from pipelines.models.mortality_spec import (
    Exposure,
    Method,
    MortalityComparison,
    MortalityDiagnostic,
    MortalityResult,
    MortalitySpec,
)
from pipelines.models.survey import kish_effective_n, survey_quantile
from pipelines.models.survey_hazard import (
    SurveyHazardFit,
    domain_risk,
    fit_survey_hazard,
    standardised_survey_risks,
)
from pipelines.models.survival_curve import FollowUp

_AT_LEAST, _AT_MOST = "at least", "at most"
_NONE_CENSORED = "not asked: a T-score has no limit"


def diagnose(
    frame: pl.DataFrame, spec: MortalitySpec, exposure: Exposure, population: str
) -> tuple[MortalityDiagnostic, ...]:
    """The gate of one exposure and population: sizes, df, deaths a parameter, follow-up, precision of the risk, censored share.

    Never looks at the association: of the imputation model only whether it converged leaves this function.

    Args:
        frame: one row per examined respondent of the exposure's cycles, columns as in docs/methods/nhanes_mortality.md.

    Raises:
        BadInput: the frame or the survey design is malformed.
    """
    sample = _sample(frame, spec, exposure, population)
    n, horizon = sample.person_id.size, exposure.horizon_months
    risk_error = censored = converged = followed = None
    per_parameter, why = 0.0, {}
    if n:
        # Whole numbers: a fraction would tell how many died where they are few.
        per_parameter = float(floor(sample.n_events / sample.n_parameters))
        followed = float(((sample.rows.event > 0) | (sample.rows.exit >= horizon)).mean())
        risk_error = _relative_error(sample, horizon)
    if n and exposure.code == "estradiol":
        is_censored = sample.is_censored
        censored = max(float(np.average(is_censored, weights=sample.weight)), float(is_censored.mean()))
        try:
            converged = float(fit_exposure(sample).converged)
        except NotEstimable as reason:
            converged, why["imputation_model_converged"] = 0.0, str(reason)
    df = sample.design.domain_df(sample.domain)
    found = [
        _judged("unweighted_n", n, spec.minimum_n, _AT_LEAST),
        _judged("kish_effective_n", kish_effective_n(sample.weight), spec.minimum_effective_n, _AT_LEAST),
        _judged("design_df", df, spec.minimum_design_df, _AT_LEAST),
        _judged("events_per_parameter", per_parameter, spec.minimum_events_per_parameter, _AT_LEAST),
        _judged("followed_share", followed, spec.minimum_followed_share, _AT_LEAST),
        _judged("relative_standard_error", risk_error, spec.maximum_relative_standard_error, _AT_MOST),
    ]
    if exposure.code != "estradiol":
        asked = (("censored_share", spec.maximum_censored_share), ("imputation_model_converged", 1.0))
        skipped = [MortalityDiagnostic(name, None, bound, _NONE_CENSORED, "not_applicable") for name, bound in asked]
        return (*found, *skipped)
    model = _judged("imputation_model_converged", converged, 1.0, why.get("imputation_model_converged", _AT_LEAST))
    return (*found, _judged("censored_share", censored, spec.maximum_censored_share, _AT_MOST), model)


def estimate(frame: pl.DataFrame, spec: MortalitySpec, exposure: Exposure, population: str) -> MortalityResult:
    """The association of one exposure and population; to be called only where `diagnose` passes.

    Each completed data set: Cox's regression under the survey's weights on the exposure, age, age squared, age at its ceiling,
    BMI, BMI squared, race/ethnicity and smoking; then risks by the horizon, standardised over everybody, with the exposure at
    its two percentiles (weighted, averaged over the imputations and taken as known). Pooled by Rubin's rules with Barnard-Rubin
    df; a T-score, which is never below a limit, needs one data set and has the df of the design.

    Raises:
        BadInput: the frame or design is malformed, or the population or exposure is not of the study.
        NotEstimable: a fit does not exist in these data.
    """
    sample = _sample(frame, spec, exposure, population)
    if not sample.person_id.size:
        raise NotEstimable(f"no complete respondent in {population} for {exposure.code}")
    completed = _completed(sample, spec, exposure, population)
    fits = [_fit(sample, values) for values in completed]
    df = fits[0].df
    low, high = _percentiles(sample, completed, spec.risk_percentiles)
    risks = [
        standardised_survey_risks(sample.design, fit, 0, np.array([low, high]), exposure.horizon_months) for fit in fits
    ]
    contrast = np.array([-1.0, 1.0])
    difference = _pooled([(float(contrast @ r.risks), float(contrast @ r.covariance @ contrast)) for r in risks], df)
    is_e2 = exposure.code == "estradiol"
    # The same base in every draw where measured: the exposure is a power of 2 for estradiol, itself for a T-score.
    told = (lambda value: float(2**value)) if is_e2 else float
    limits = sample.log_e2_upper[sample.is_censored] / np.log(2)
    return MortalityResult(
        exposure=exposure.code,
        population=population,
        log_hazard_ratio=_pooled_ratio(fits),
        low=told(low),
        high=told(high),
        is_low_below_lloq=bool(limits.size and low < limits.max()),
        risk_low=float(np.mean([r.risks[0] for r in risks])),
        risk_high=float(np.mean([r.risks[1] for r in risks])),
        risk_difference=difference,
        n=sample.person_id.size,
        n_events=sample.n_events,
        n_censored=int(sample.is_censored.sum()),
        n_effective=kish_effective_n(sample.weight),
        n_parameters=sample.n_parameters,
        design_df=df,
        n_imputations=len(completed) if is_e2 else 0,
        comparisons=_comparisons(sample, spec, completed, is_e2),
        notes=sample.notes,
    )


def _sample(frame: pl.DataFrame, spec: MortalitySpec, exposure: Exposure, population: str) -> MortalitySample:
    if population not in spec.populations or exposure not in spec.exposures:
        raise BadInput(f"the study has no population {population!r} with exposure {exposure.code!r}; see its spec")
    ordered = checked_mortality_frame(frame)
    return mortality_sample(ordered, survey_design(ordered), spec, exposure, population)


def _judged(name: str, value: float | None, threshold: float, rule: str) -> MortalityDiagnostic:
    if value is None or not np.isfinite(value):
        return MortalityDiagnostic(name, None, threshold, rule, "not_evaluated")
    passed = value <= threshold if rule == _AT_MOST else value >= threshold
    return MortalityDiagnostic(name, float(value), threshold, rule, "pass" if passed else "fail")


def _relative_error(sample: MortalitySample, horizon: float) -> float | None:
    """Of the risk of death by the horizon, without a model; None where nobody died or nobody is seen so long."""
    try:
        found = domain_risk(sample.design, sample.rows, sample.domain, horizon)
    except NotEstimable:
        return None
    return found.standard_error / found.risk if found.risk > 0 else None


def _completed(sample: MortalitySample, spec: MortalitySpec, exposure: Exposure, population: str) -> list[np.ndarray]:
    """[n] of the exposure, once for each imputation; once where nothing can be censored."""
    if exposure.code != "estradiol":
        return [sample.exposure]
    model = fit_exposure(sample)
    purpose = f"{spec.study_id}/{population}"
    return [draw_log2_e2(sample, model, spec.seed, purpose, draw) for draw in range(spec.n_imputations)]


def _fit(
    sample: MortalitySample, exposure: np.ndarray, among: np.ndarray | None = None, since: float | None = None
) -> SurveyHazardFit:
    """Hazard on [exposure, covariates]; `among` [n] narrows the domain, `since` leaves out what came before, in months."""
    inside = np.ones(exposure.size, dtype=bool) if among is None else among.copy()
    rows = sample.rows
    if since is not None:
        inside &= rows.exit > since
        rows = FollowUp(np.full(rows.exit.size, since), rows.exit, rows.event, rows.weights, rows.n_causes)
    domain = sample.domain.copy()
    domain[sample.domain] = inside
    narrowed = FollowUp(rows.entry[inside], rows.exit[inside], rows.event[inside], rows.weights[inside], rows.n_causes)
    matrix = np.column_stack([exposure, sample.covariates])[inside]
    # A term that only those left out had is no term any more.
    varies = np.r_[True, np.ptp(matrix[:, 1:], axis=0) > 0] if matrix.shape[0] else np.ones(matrix.shape[1], dtype=bool)
    return fit_survey_hazard(sample.design, narrowed, matrix[:, varies], domain)


def _percentiles(
    sample: MortalitySample, completed: list[np.ndarray], percentiles: tuple[float, float]
) -> tuple[float, float]:
    """Weighted percentiles of the exposure in the analysed people, averaged over imputations."""
    shares = [percentile / 100 for percentile in percentiles]
    found = []
    for values in completed:
        full = np.full(sample.domain.size, np.nan)
        full[sample.domain] = values
        found.append(survey_quantile(sample.design, full, shares, sample.domain))
    low, high = np.mean(found, axis=0)
    if not high - low > 1e-6:
        raise NotEstimable("the percentiles of the exposure coincide: choose wider ones")
    return float(low), float(high)


def _pooled_ratio(fits: list[SurveyHazardFit]) -> PooledEstimate:
    return _pooled([(float(fit.coefficients[0]), float(fit.covariance[0, 0])) for fit in fits], fits[0].df)


def _pooled(found: list[tuple[float, float]], df: float) -> PooledEstimate:
    """Of estimates and variances of one or more completed data sets."""
    if len(found) == 1:
        return complete_estimate(found[0][0], float(np.sqrt(found[0][1])), df)
    values, variances = (np.array([pair[place] for pair in found]) for place in (0, 1))
    return pooled_estimate(pool(values[:, None], variances[:, None, None], df))


def _comparisons(
    sample: MortalitySample, spec: MortalitySpec, completed: list[np.ndarray], is_e2: bool
) -> tuple[MortalityComparison, ...]:
    """Later deaths alone; people whose age is known exactly; and for estradiol what the usual shortcuts would have given."""
    late = sample.rows.exit > spec.late_from_months
    everybody = np.ones(late.size, dtype=bool)
    found = [
        _compared("after_late_from_months", sample, spec, completed, late, spec.late_from_months),
        _compared("below_top_age", sample, spec, completed, ~sample.is_top_age, None),
    ]
    if is_e2:
        half = np.where(np.isneginf(sample.log_e2_lower), sample.log_e2_upper - np.log(2), sample.log_e2_lower)
        filled = (half + sample.log_e2_upper) / 2 / np.log(2)
        measured = ~sample.is_censored
        found += [
            _compared("lloq_over_sqrt2", sample, spec, [filled], everybody, None),
            _compared("measured_only", sample, spec, [filled], measured, None),
        ]
    return tuple(found)


def _compared(
    method: Method,
    sample: MortalitySample,
    spec: MortalitySpec,
    completed: list[np.ndarray],
    among: np.ndarray,
    since: float | None,
) -> MortalityComparison:
    n = int((among & (sample.weight > 0)).sum())
    deaths = int((sample.rows.event[among] > 0).sum())
    if deaths < spec.minimum_events_per_parameter * sample.n_parameters:
        wanted = f"fewer than {spec.minimum_events_per_parameter:g} deaths a parameter"
        return MortalityComparison(method, None, n, wanted)
    try:
        fits = [_fit(sample, values, among, since) for values in completed]
    except NotEstimable as reason:
        return MortalityComparison(method, None, n, f"not estimable: {reason}")
    return MortalityComparison(method, _pooled_ratio(fits), n)
