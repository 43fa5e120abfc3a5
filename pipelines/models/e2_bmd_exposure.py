"""The imputation model of survey studies of estradiol: what log E2 below the limit is drawn from.

The censored regression itself is `censored`; here is which columns enter it and how each draw is keyed. The outcome's terms
come with the sample: BMD, or death and its cumulative hazard.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from pipelines.domain.randomness import generator, uniforms
from pipelines.models.censored import CensoredFit, draw_censored, fit_censored
from pipelines.models.e2_bmd_spec import E2BmdSpec
from pipelines.models.errors import NotEstimable


class CensoredSample(Protocol):
    """What the imputation needs of a sample of n people; E2 bounds are natural logs of pg/mL."""

    @property
    def person_id(self) -> np.ndarray: ...
    @property
    def weight(self) -> np.ndarray: ...
    @property
    def stratum(self) -> np.ndarray: ...
    @property
    def log_e2_lower(self) -> np.ndarray: ...
    @property
    def log_e2_upper(self) -> np.ndarray: ...
    @property
    def outcome_terms(self) -> dict[str, np.ndarray]: ...
    @property
    def covariates(self) -> np.ndarray: ...
    @property
    def covariate_names(self) -> tuple[str, ...]: ...
    @property
    def log_testosterone(self) -> np.ndarray | None: ...


@dataclass(frozen=True, slots=True, eq=False)
class ExposureModel:
    """Names of the columns of the imputation model, and the matrix [n, p]."""

    names: tuple[str, ...]
    matrix: np.ndarray


def exposure_model(sample: CensoredSample) -> ExposureModel:
    """Intercept, analyzed outcome, all covariates of the analysis, log exam weight, strata, log testosterone if complete.

    It holds everything the analysis holds, the outcome too, and the design (weight, strata): otherwise the imputed
    association is pulled toward zero and the survey variance is wrong (Reiter, Raghunathan, Kinney 2006, Survey
    Methodology 32:143; White and Royston 2009, Stat Med 28:1982, on keeping the outcome).
    """
    strata = np.unique(sample.stratum)[1:]
    columns = {"intercept": np.ones(sample.person_id.size)} | sample.outcome_terms
    columns |= dict(zip(sample.covariate_names, sample.covariates.T, strict=True))
    log_weight = np.log(sample.weight)
    if np.ptp(log_weight) > 0:
        columns["log_exam_weight"] = log_weight
    columns |= {f"stratum_{code}": (sample.stratum == code) * 1.0 for code in strata}
    if sample.log_testosterone is not None:
        columns["log_testosterone"] = sample.log_testosterone
    return ExposureModel(tuple(columns), np.column_stack(list(columns.values())))


def fit_exposure(sample: CensoredSample) -> CensoredFit:
    """Censored-normal fit of natural-log E2 (pg/mL) on `exposure_model`.

    Raises:
        NotEstimable: as `fit_censored`, with the names of the columns at fault.
    """
    model = exposure_model(sample)
    try:
        return fit_censored(model.matrix, sample.log_e2_lower, sample.log_e2_upper)
    except NotEstimable as reason:
        if not reason.columns:
            raise
        names = ", ".join(model.names[column] for column in reason.columns)
        raise NotEstimable(f"{reason} (imputation model: {names})", reason.columns) from reason


def impute_log2_e2(
    sample: CensoredSample, fit: CensoredFit, spec: E2BmdSpec, population: str, outcome: str, draw: int
) -> np.ndarray:
    """[n] log2 E2 (pg/mL), complete; draw number `draw`, keyed by seed, person, population and outcome."""
    return draw_log2_e2(sample, fit, spec.seed, f"nhanes_e2_bmd/{population}/{outcome}", draw)


def draw_log2_e2(sample: CensoredSample, fit: CensoredFit, seed: int, purpose: str, draw: int) -> np.ndarray:
    """[n] log2 E2 (pg/mL), complete; draw number `draw`, keyed by seed, person and purpose."""
    normals = generator(seed, f"{purpose}/parameters", draw).standard_normal(fit.coefficients.size + 1)
    row_uniforms = uniforms(seed, sample.person_id, f"{purpose}/e2", draw)
    matrix = exposure_model(sample).matrix
    completed = draw_censored(fit, matrix, sample.log_e2_lower, sample.log_e2_upper, normals, row_uniforms)
    return completed / np.log(2)
