"""Hazards in a complex survey: Cox's regression under its weights, and risks standardised from it, with design-based errors.

Influences of people are summed in clusters and strata (Taylor). Here one complete data set; what is drawn for censored values
is pooled in `mortality`, the regression itself is `cox`, the design `survey`.
"""

from dataclasses import dataclass

import numpy as np

from pipelines.models.cox import CoxFit, Ties, baseline_hazard, fit_cox
from pipelines.models.errors import NotEstimable
from pipelines.models.survey import SurveyDesign, kish_effective_n
from pipelines.models.survival_curve import FollowUp, curve_point, fit_curve


@dataclass(frozen=True, slots=True, eq=False)
class SurveyHazardFit:
    """Log hazard ratios of a domain under the weights of a survey.

    Attributes:
        coefficients: [p]; `covariance` [p, p] linearised over strata and clusters.
        df: clusters less strata that hold people of the domain.
        n: people with weight; `n_events` of them with the event; `n_effective_kish` by their weights.
        rows: follow-up of the n; `matrix` [n, p] covariates; `places` [n] in the design; `cox` the fit behind it all.
    """

    coefficients: np.ndarray
    covariance: np.ndarray
    df: int
    n: int
    n_events: int
    n_effective_kish: float
    rows: FollowUp
    matrix: np.ndarray
    places: np.ndarray
    cox: CoxFit
    ties: Ties

    @property
    def standard_errors(self) -> np.ndarray:
        """[p]"""
        return np.sqrt(np.diag(self.covariance))


@dataclass(frozen=True, slots=True, eq=False)
class SurveyRisks:
    """Risks [k] by a time, had everybody each of k values of one covariate; `covariance` [k, k] by the design."""

    risks: np.ndarray
    covariance: np.ndarray


@dataclass(frozen=True, slots=True)
class DomainRisk:
    """Risk of a domain by a time without a model, with its standard error by the design."""

    risk: float
    standard_error: float


def fit_survey_hazard(
    design: SurveyDesign, rows: FollowUp, matrix: np.ndarray, domain: np.ndarray, ties: Ties = "efron"
) -> SurveyHazardFit:
    """Maximum pseudo-likelihood of Cox's regression in a domain of the full design.

    Args:
        design: the whole sample, N people.
        rows: [n] follow-up of the domain, in its order, without weights of its own (1 each): the design gives them.
        matrix: [n, p] finite covariates, no intercept.
        domain: [N] bool, n true.
        ties: Efron's, as R's svycoxph, or Breslow's.

    Raises:
        NotEstimable: as `fit_cox`, nobody with weight, or no degree of freedom.
        ValueError: lengths that differ.

    Source: Binder (1992), Biometrika 79:139; Lin (2000), Biometrika 87:37; equals svycoxph of R survey on a subset design.
    """
    places = np.flatnonzero(domain)
    if not places.size == rows.exit.size == matrix.shape[0]:
        raise ValueError("one row of follow-up and of covariates is needed for each of the domain")
    used = design.weights[places] > 0
    places, matrix = places[used], matrix[used]
    if not places.size:
        raise NotEstimable("no respondent with a positive weight in this domain")
    df = design.domain_df(domain)
    if df < 1:
        raise NotEstimable("the domain leaves no design degree of freedom: it must hold two PSUs of one stratum")
    weights = design.weights[places]
    # Weights of mean 1: a ratio does not know their scale, and sums stay near numbers of people.
    rows = FollowUp(rows.entry[used], rows.exit[used], rows.event[used], weights / weights.mean(), rows.n_causes)
    fit = fit_cox(rows, matrix, ties=ties)
    covariance = design.total_covariance(fit.influence, places)
    if not np.all(np.diag(covariance) > 0):
        raise NotEstimable("a log hazard ratio has no variance between the clusters of its strata")
    effective = kish_effective_n(weights)
    return SurveyHazardFit(
        fit.coefficients, covariance, df, places.size, fit.n_events, effective, rows, matrix, places, fit, ties
    )


def standardised_survey_risks(
    design: SurveyDesign, fit: SurveyHazardFit, column: int, values: np.ndarray, horizon: float
) -> SurveyRisks:
    """Risk by a time, averaged over the domain with its weights, had everybody each value of a covariate.

    g-computation on the fit: 1 - exp(-H(t) exp(x b)), x with `column` set to the value, all else as it is. The error counts
    coefficients, baseline hazard, and who is averaged over; the values are taken as known.

    Args:
        values: [k] of column `column` of the fit's matrix.
        horizon: time since the origin, unit of the rows.

    Raises:
        NotEstimable: nobody is under observation at the horizon.

    Source: Hernan and Robins (2020), What If, chapter 17; linearised after Binder (1983) and Lin (2000).
    """
    if not np.any((fit.rows.exit >= horizon) & (fit.rows.entry < horizon)):
        raise NotEstimable(f"nobody is at risk at {horizon:g}")
    base = baseline_hazard(fit.rows, fit.matrix, fit.cox, horizon, ties=fit.ties)
    share = fit.rows.weights / fit.rows.weights.sum()
    risks, influences = [], []
    for value in values:
        moved = fit.matrix - base.center
        moved[:, column] = value - base.center[column]
        relative = np.exp(moved @ fit.coefficients)
        survival = np.exp(-base.value * relative)
        risk = float(share @ (1 - survival))
        pull = share * survival * relative
        by_model = base.influence * pull.sum() + fit.cox.influence @ (base.value * (pull @ moved))
        risks.append(risk)
        influences.append(share * (1 - survival - risk) + by_model)
    return SurveyRisks(np.array(risks), design.total_covariance(np.stack(influences, axis=1), fit.places))


def domain_risk(design: SurveyDesign, rows: FollowUp, domain: np.ndarray, horizon: float) -> DomainRisk:
    """Kaplan-Meier risk of a domain by a time; arguments as `fit_survey_hazard`.

    Raises:
        NotEstimable: nobody with weight, or nobody under observation at the horizon.
    """
    places = np.flatnonzero(domain)
    weighted = FollowUp(rows.entry, rows.exit, rows.event, design.weights[places], rows.n_causes)
    point = curve_point(weighted, fit_curve(weighted), "risk", horizon)
    variance = design.total_covariance(point.influence[:, None], places)[0, 0]
    return DomainRisk(point.value, float(np.sqrt(variance)))
