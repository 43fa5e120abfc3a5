"""Bone along estradiol, what comes before the answer: diagnostics, weights of scans, completed exposures.

Arrays in (`scan_pair_frame`). Censored draws are imputed as whole trajectories with the outcome in the model, so nothing is
imputed before the diagnostics pass. The answers are `threshold_answer`, rows of tables `threshold_tables`.
"""

from dataclasses import dataclass

import numpy as np

from pipelines.models.design_matrix import design_matrix
from pipelines.models.e2_trajectory import Trajectories, impute_trajectories
from pipelines.models.errors import NotEstimable
from pipelines.models.marginal_structural import PENALTY, HistoryWeights, WeightStage, history_weights
from pipelines.models.multinomial import fit_multinomial
from pipelines.models.point_treatment import Finding, asked, told
from pipelines.models.scan_pair_frame import ScanPairFrame

NOMINAL = ("race_ethnicity",)
#: weights of scans are cut at these quantiles of their own
TRUNCATION = (0.01, 0.99)
_THIRDS, _LEAST_CHANCE = 3, 0.05
_LEAST_PEOPLE = 11


@dataclass(frozen=True, slots=True)
class ThresholdSpec:
    """How the analysis goes; `knot_percentiles`, `curve_percentiles` are of measured exposure; `longest_chain` is in draws."""

    seed: int
    n_imputations: int = 20
    knot_percentiles: tuple[float, ...] = (5, 35, 65, 95)
    curve_percentiles: tuple[float, float] = (5, 95)
    least_people: int = 50
    most_censored: float = 0.5
    longest_chain: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Completed:
    """Log of mean estradiol [m, n] of completed trajectories, its error SD [n], weights [n] of scans, covariates [n, p]."""

    exposure: np.ndarray
    weights: np.ndarray
    covariates: np.ndarray
    error_sd: np.ndarray


def diagnose(frame: ScanPairFrame, thresholds: dict[str, float]) -> tuple[Finding, ...]:
    """Support, censoring, overlap and scans; none looks at the outcome."""
    measured = frame.is_measured
    exposure = frame.upper_mean[measured]
    enough = np.unique(frame.person[measured]).size >= _LEAST_PEOPLE
    either_side, ratio = _support(exposure, frame.person[measured]) if enough else (None, None)
    # Of fewer people nothing is told at all: a share of them would be their values.
    are_some = frame.n_people >= _LEAST_PEOPLE
    censored = 1.0 - float(measured.mean()) if are_some else None
    share = frame.n_people / frame.n_cohort if frame.n_cohort else None
    return (
        asked("people_either_side", either_side, thresholds["minimum_people_either_side"]),
        asked("support_ratio", ratio, thresholds["minimum_support_ratio"]),
        asked("overlap_share", _overlap(frame) if enough else None, thresholds["minimum_overlap_share"]),
        asked("observed_share", share, thresholds["minimum_observed_share"]),
        asked("censored_share", censored, thresholds["maximum_censored_share"], is_most=True),
        told("largest_weight", _largest_weight(frame) if are_some else float("nan")),
        Finding("ease", None, 0.25, "an association: no negative controls are asked", "not_applicable"),
    )


def _support(exposure: np.ndarray, person: np.ndarray) -> tuple[float, float]:
    """People on the thinner side of the median exposure, each once a side; 90th over 10th percentile."""
    middle = np.median(exposure)
    sides = [np.unique(person[side]).size for side in (exposure <= middle, exposure >= middle)]
    low, high = np.quantile(exposure, (0.1, 0.9))
    return float(min(sides)), float(np.exp(high - low))


def _overlap(frame: ScanPairFrame) -> float | None:
    """Share of people whose covariates leave every third of exposure a chance of 5 %; None without a model."""
    rows = np.flatnonzero(frame.is_measured)
    first = rows[np.unique(frame.person[rows], return_index=True)[1]]
    exposure = frame.upper_mean[first]
    third = np.searchsorted(np.quantile(exposure, [1 / 3, 2 / 3]), exposure)
    design = design_matrix(frame.covariates[frame.person[first]], _nominal(frame), splines=False).values
    try:
        chances = fit_multinomial(design, third, _THIRDS, penalty=PENALTY).probabilities
    except NotEstimable:
        return None
    return float((chances.min(axis=1) >= _LEAST_CHANCE).mean())


def _nominal(frame: ScanPairFrame) -> tuple[str, ...]:
    return tuple(name for name in NOMINAL if name in frame.covariates.columns)


def _largest_weight(frame: ScanPairFrame) -> float:
    try:
        found = scan_weights(frame)
    except NotEstimable:
        return float("nan")
    return 1.0 if found is None else found.largest


def scan_weights(frame: ScanPairFrame) -> HistoryWeights | None:
    """Inverse intensity: chance that a usable pair ends in a year, by period over by period and covariates; None if certain.

    Raises:
        NotEstimable: it cannot be modelled.
    """
    seen = frame.visits["is_seen"].to_numpy()
    if not seen.any():
        raise NotEstimable("nobody has a usable pair of scans")
    if seen.all():
        return None
    period = frame.visits["period"].to_numpy().astype(np.float64)[:, None]
    told_by = design_matrix(frame.visits.drop("person", "period", "is_seen"), _nominal(frame), splines=False).values
    time = period if np.ptp(period) > 0 else period[:, :0]
    everybody = np.ones(seen.size, dtype=bool)
    stage = WeightStage("scan", everybody, seen, time, np.column_stack([time, told_by]), is_carried=False)
    person = frame.visits["person"].to_numpy()
    return history_weights(person, [stage], truncation=TRUNCATION, among=seen.astype(bool), penalty=PENALTY)


def completed(frame: ScanPairFrame, spec: ThresholdSpec) -> Completed:
    """Impute the trajectories, average them between scans, and weigh the pairs.

    Raises:
        NotEstimable: a model cannot be fitted.
    """
    found = impute_trajectories(
        _imputation_design(frame),
        frame.drawer,
        frame.lower,
        frame.upper,
        m=spec.n_imputations,
        longest=spec.longest_chain,
        seed=spec.seed,
    )
    exposure = np.log([frame.windows.mean(np.exp(values)) for values in found.completed])
    weights = scan_weights(frame)
    own = np.ones(frame.person.size) if weights is None else weights.values[frame.pair_visit]
    return Completed(exposure, own, _pair_design(frame), _error_sd(frame, found))


def _error_sd(frame: ScanPairFrame, found: Trajectories) -> np.ndarray:
    """[n] SD of the log mean about the person's own level: of one draw, over the root of the draws that make the mean."""
    return float(found.sigma.mean()) / np.sqrt(frame.windows.effective_draws)


def _imputation_design(frame: ScanPairFrame) -> np.ndarray:
    """[d, q] intercept, class of assay, years, covariates, and the person's own change of bone."""
    mean_change = np.bincount(frame.person, frame.change_per_year) / np.bincount(frame.person)
    covariates = frame.covariates.with_columns(frame.imputed_by)
    told_by = design_matrix(covariates, _nominal(frame), splines=False).values[frame.drawer]
    classes = np.unique(frame.drawn_class)[1:]
    columns = [
        np.ones(frame.drawer.size),
        *((frame.drawn_class == each).astype(np.float64) for each in classes),
        frame.drawn_year,
        mean_change[frame.drawer],
        told_by,
    ]
    return np.column_stack(columns)


def _pair_design(frame: ScanPairFrame) -> np.ndarray:
    """[n, p] covariates of the person, and the share of the mean that each class of assay but the first tells."""
    own = design_matrix(frame.covariates, _nominal(frame)).values[frame.person]
    classes = np.unique(frame.drawn_class)[1:]
    shares = [frame.windows.mean((frame.drawn_class == each).astype(np.float64)) for each in classes]
    return np.column_stack([own, *(share for share in shares if np.ptp(share) > 0)])
