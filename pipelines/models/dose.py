"""What keeping up a dose does to an outcome at a horizon: weights and diagnostics first, then the contrasts.

Marginal structural model on person-periods (`dose_frame`): the outcome is linear in the shares of time spent in each category,
so a coefficient is the whole time in a category less the whole time in the reference. Rows of tables are `dose_tables`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipelines.models.design_matrix import design_matrix
from pipelines.models.dose_frame import DoseFrame
from pipelines.models.errors import NotEstimable
from pipelines.models.marginal_structural import (
    PENALTY,
    Contrast,
    HistoryWeights,
    MarginalFit,
    WeightStage,
    fit_marginal,
    history_weights,
)
from pipelines.models.point_treatment import Finding, asked, told
from pipelines.models.weighting import kish_effective_number

NOMINAL = ("race_ethnicity",)
#: weights are cut at these quantiles of their own
TRUNCATION = (0.001, 0.999)
#: share of the periods that count in one category, from which a person is said to have kept it up
KEPT_UP = 2 / 3
_LEAST_CHANCE = 0.05
#: the stages that tell whether a dose moves
MOVES = ("rise", "fall")
#: after a dose from which fewer than this moved, or stayed, what happened is taken as certain
_LEAST_EACH = 5
_DEPENDENT = 1e-7


@dataclass(frozen=True, slots=True, eq=False)
class PreparedDose:
    """Weights and histories, without any outcome but whether there is one.

    Attributes:
        shares: [r, K] of the periods that count, spent in each category so far.
        amounts: [r] mean amount over them so far.
        is_last: [r] rows that reach the window of the outcome.
        is_seen: [r] of them, those with an outcome.
        weights: of the rows.
        chances: [r] fitted of going on with the dose before; NaN in the first period and where the dose does not count.
        before: [r] category of the period before; the reference in the first.
    """

    frame: DoseFrame
    shares: np.ndarray
    amounts: np.ndarray
    is_last: np.ndarray
    is_seen: np.ndarray
    weights: HistoryWeights
    chances: np.ndarray
    before: np.ndarray

    def keeps(self, category: int) -> np.ndarray:
        """[r] rows with an outcome of people who kept a category up."""
        return self.is_seen & (self.shares[:, category] >= KEPT_UP)


@dataclass(frozen=True, slots=True)
class DoseEstimate:
    """One contrast: `n_target`, `n_comparator` people with an outcome who kept either up; `n_effective` of all (Kish)."""

    contrast: Contrast
    n_target: int
    n_comparator: int
    n_effective: float


def prepare(frame: DoseFrame, truncation: tuple[float, float] | None = TRUNCATION) -> PreparedDose:
    """Fit the chances of dose, of staying and of being measured, and weigh; no truncation leaves weights as they are.

    Raises:
        NotEstimable: nobody reaches the outcome, or a model cannot be fitted.
    """
    n_categories = len(frame.categories)
    counts = frame.period < frame.n_exposed
    taken = (frame.category[:, None] == np.arange(n_categories)) & counts[:, None]
    first = np.flatnonzero(np.r_[True, np.diff(frame.person) > 0]) if frame.person.size else np.empty(0, dtype=int)
    shares = _running(taken.astype(np.float64), first) / frame.n_exposed
    amounts = _running((frame.amount * counts)[:, None], first)[:, 0] / frame.n_exposed
    before = np.r_[frame.reference, frame.category[:-1]] if frame.person.size else frame.category
    before[first] = frame.reference
    is_last = (frame.period == frame.n_periods - 1) & frame.stayed
    is_seen = is_last & np.isfinite(frame.outcome[frame.person])
    if not is_seen.any():
        raise NotEstimable("nobody has an outcome")
    stages = _stages(frame, counts, before, shares, is_last, is_seen)
    weights = history_weights(frame.person, stages, truncation=truncation, among=is_seen, penalty=PENALTY)
    chances = np.where(counts & (frame.period > 0), 1.0, np.nan)
    for stage, fit in zip(weights.stages, weights.denominators, strict=True):
        if stage.name in MOVES:
            chances[stage.at_risk] *= fit.predict(stage.denominator[stage.at_risk])[:, 0]
    return PreparedDose(frame, shares, amounts, is_last, is_seen, weights, chances, before)


def _stages(
    frame: DoseFrame,
    counts: np.ndarray,
    before: np.ndarray,
    shares: np.ndarray,
    is_last: np.ndarray,
    is_seen: np.ndarray,
) -> list[WeightStage]:
    """First dose; then whether it rises, and if not, falls; staying; being measured. Each denominator knows the history.

    How far a dose moves, given its direction and the dose before, is taken to hang on nothing else: a table of every dose by
    every dose before has empty cells that no model of chances survives.
    """
    nominal = tuple(name for name in NOMINAL if name in frame.covariates.columns)
    own = design_matrix(frame.covariates, nominal, splines=False).values[frame.person]
    history = np.column_stack([frame.estradiol, own])
    time = frame.period[:, None].astype(np.float64)
    others = [number for number in range(len(frame.categories)) if number != frame.reference]
    later = counts & (frame.period > 0)
    present = np.unique(frame.category[counts & (frame.period == 0)])
    rises, falls = frame.category > before, frame.category < before
    stays = later & ~rises
    everybody = np.ones(frame.person.size, dtype=bool)
    now = np.column_stack([time, _indicators(frame.category, others)])
    past = np.column_stack([time, _indicators(before, others)])
    offered = (
        ("first dose", counts & (frame.period == 0), np.searchsorted(present, frame.category), time, True),
        (MOVES[0], later & _both_happen(before, rises, later), rises.astype(np.int64), past, True),
        (MOVES[1], stays & _both_happen(before, falls, stays), falls.astype(np.int64), past, True),
        ("staying", everybody, frame.stayed.astype(np.int64), now, True),
        ("scan", is_last, is_seen.astype(np.int64), shares[:, others], False),
    )
    return [
        WeightStage(name, at_risk, happened, top, _independent(np.column_stack([top, history]), at_risk), is_carried)
        for name, at_risk, happened, numerator, is_carried in offered
        if np.unique(happened[at_risk]).size > 1
        for top in (_independent(numerator, at_risk),)
    ]


def _indicators(values: np.ndarray, others: list[int]) -> np.ndarray:
    return (values[:, None] == others).astype(np.float64)


def _both_happen(before: np.ndarray, happened: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """[r] whether, of rows after the same dose, it happened in some and not in others; else it is taken as certain."""
    n = int(before.max()) + 1
    some, others = (np.bincount(before[rows & each], minlength=n) for each in (happened, ~happened))
    return ((some >= _LEAST_EACH) & (others >= _LEAST_EACH))[before]


def _independent(columns: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """[r, p] columns that vary among the rows and are not told by those before them."""
    part = columns[rows]
    spread = part.std(axis=0)
    varying = np.flatnonzero(spread > 1e-12)
    z = (part[:, varying] - part[:, varying].mean(axis=0)) / spread[varying]
    size = np.abs(np.diag(np.linalg.qr(z, mode="r"))) if varying.size else np.empty(0)
    kept = varying[: size.size][size > _DEPENDENT * np.sqrt(max(part.shape[0], 1))]
    return columns[:, kept]


def _running(values: np.ndarray, first: np.ndarray) -> np.ndarray:
    """[r, q] sum of a person's values up to and with each row; `first` are the first rows of people."""
    total = np.cumsum(values, axis=0)
    before = np.vstack([np.zeros((1, values.shape[1])), total])[first]
    return total - np.repeat(before, np.diff(np.r_[first, values.shape[0]]), axis=0)


def diagnose(
    prepared: PreparedDose | str, category: int | None, reference: int, thresholds: dict[str, float]
) -> tuple[Finding, ...]:
    """Of one category against the reference, or of the slope (None): people, weights, chances; no difference in outcome.

    `prepared` may be why there are no weights: then nothing was evaluated.
    """
    if isinstance(prepared, str):
        names = ("pairs_in_category", "pairs_in_reference", "effective_n", "kept_share", "observed_share")
        bounds = [thresholds[f"minimum_{name}"] for name in ("pairs_per_category", "pairs_per_category", "effective_n")]
        bounds += [thresholds["minimum_kept_share"], thresholds["minimum_observed_share"]]
        found = [
            Finding(name, None, bound, prepared, "not_evaluated") for name, bound in zip(names, bounds, strict=True)
        ]
        off = thresholds["maximum_weight_mean_off"]
        return (*found, Finding("weight_mean_off", None, off, prepared, "not_evaluated"))
    kept, against = in_category(prepared, category), prepared.keeps(reference)
    least = thresholds["minimum_pairs_per_category"]
    values = prepared.weights.values
    effective = min(kish_effective_number(values[rows]) if rows.any() else 0.0 for rows in (kept, against))
    categories = [reference] if category is None else [category, reference]
    shares = [_kept_share(prepared, each) for each in categories]
    chance = None if any(share is None for share in shares) else min(share for share in shares if share is not None)
    seen = int(prepared.is_seen.sum())
    return (
        asked("pairs_in_category", float(kept.sum()), least),
        asked("pairs_in_reference", float(against.sum()), least),
        asked("effective_n", float(effective), thresholds["minimum_effective_n"]),
        asked("kept_share", chance, thresholds["minimum_kept_share"]),
        asked("observed_share", seen / prepared.frame.covariates.height, thresholds["minimum_observed_share"]),
        asked("weight_mean_off", abs(prepared.weights.mean - 1.0), thresholds["maximum_weight_mean_off"], is_most=True),
        told("largest_weight", prepared.weights.largest),
        told("truncated_share", float((prepared.weights.is_truncated & prepared.is_seen).sum() / seen)),
        Finding("ease", None, 0.25, "calibration needs 10 continuous negative controls", "not_applicable"),
    )


def in_category(prepared: PreparedDose, category: int | None) -> np.ndarray:
    """[r] rows with an outcome of people who kept a category up; for the slope of those who kept up none but the reference."""
    if category is not None:
        return prepared.keeps(category)
    return prepared.is_seen & (prepared.shares[:, prepared.frame.reference] <= 1 - KEPT_UP)


def _kept_share(prepared: PreparedDose, category: int) -> float | None:
    """Of periods after one in the category, the share with a chance of 5 % to go on; None where nobody could."""
    rows = (prepared.before == category) & np.isfinite(prepared.chances)
    return float((prepared.chances[rows] >= _LEAST_CHANCE).mean()) if rows.any() else None


def estimate(prepared: PreparedDose) -> dict[int, DoseEstimate]:
    """Every category that somebody was in, against the reference.

    Raises:
        NotEstimable: the outcome model has no solution.
    """
    frame = prepared.frame
    used = [
        number
        for number in range(len(frame.categories))
        if number != frame.reference and prepared.shares[prepared.is_seen, number].any()
    ]
    if not used:
        raise NotEstimable("everybody with an outcome is in the reference")
    fit = _fitted(prepared, prepared.shares[:, used])
    return {number: _estimate(prepared, fit, place, number) for place, number in enumerate(used)}


def trend(prepared: PreparedDose, unit: float = 1.0) -> DoseEstimate:
    """The slope on the mean amount, per `unit` of it.

    Raises:
        NotEstimable: the outcome model has no solution.
    """
    return _estimate(prepared, _fitted(prepared, prepared.amounts[:, None] / unit), 0, None)


def _fitted(prepared: PreparedDose, design: np.ndarray) -> MarginalFit:
    outcome = prepared.frame.outcome[prepared.frame.person]
    return fit_marginal(outcome, design, prepared.frame.person, prepared.weights, prepared.is_seen)


def _estimate(prepared: PreparedDose, fit: MarginalFit, place: int, category: int | None) -> DoseEstimate:
    combination = np.zeros(fit.coefficients.size)
    combination[1 + place] = 1.0
    sizes: Sequence[int] = [
        int(rows.sum()) for rows in (in_category(prepared, category), prepared.keeps(prepared.frame.reference))
    ]
    return DoseEstimate(fit.contrast(combination), sizes[0], sizes[1], fit.n_effective)
