"""A contrast by clones, diagnostics first: who keeps to which strategy, how alike the clones left are, then the effect.

Here: what the profile `point_treatment` asks where the arm is decided after time zero. Not here: the engine
(`clone_weighting`), the frame (`clone_frame`), rows of tables (`contrast_tables`).
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from pipelines.models.balance import CovariateBalance, covariate_balance
from pipelines.models.clone_frame import CloneFrame
from pipelines.models.clone_weighting import CloneArm, CloneSpec, clone_arm, cloned_contrast, uncut
from pipelines.models.design_matrix import design_matrix
from pipelines.models.errors import NotEstimable
from pipelines.models.point_treatment import (
    LEAST_PROBABILITY,
    MOST_WEIGHT,
    WORTH_SHRINKING,
    Estimated,
    Finding,
    alike,
    apartness,
    asked,
    detectable,
    nominal,
    told,
)
from pipelines.models.propensity import PENALTIES
from pipelines.models.weighting import kish_effective_number

CLONES, UNCUT = "clone_censor_weight", "clone_censor_weight_uncut"
_NO_PROPENSITY = "not asked: the arm is decided after time zero"
_WEIGHTS = (
    "weights for deviation and loss in the grace period, for loss after it, then for being measured in the window"
)
_PROTOCOL_WEIGHTS = (
    "weights for deviation and loss in the grace period, for deviation from the protocol and loss after it, "
    "then for being measured in the window"
)


@dataclass(frozen=True, slots=True)
class PreparedClones:
    """Everything of a contrast by clones that is known before an outcome is compared; the penalty is that of every model."""

    frame: CloneFrame
    target: CloneArm
    comparator: CloneArm
    balance: CovariateBalance
    penalty: float

    @property
    def arms(self) -> tuple[CloneArm, CloneArm]:
        """Target, then comparator."""
        return self.target, self.comparator


def prepare_clones(frame: CloneFrame, penalty: float | None = None, *, is_due_of_all: bool = False) -> PreparedClones:
    """Clones, weights and balance; without a penalty of the penalties tried that which leaves the clones most alike.

    Raises:
        NotEstimable: nobody keeps to a strategy, or a chance of keeping to it cannot be fitted.
    """
    if not frame.course.begun.size:
        raise NotEstimable("an arm is empty")
    covariates = frame.frame.covariates
    names = nominal(frame.frame)
    design = design_matrix(covariates, names).values
    best: PreparedClones | None = None
    for tried_penalty in PENALTIES if penalty is None else (penalty,):
        spec = CloneSpec(tried_penalty, LEAST_PROBABILITY, MOST_WEIGHT, is_due_of_all)
        arms = [
            clone_arm(frame.course, strategy, design, frame.frame.stages, spec)
            for strategy in (frame.target, frame.comparator)
        ]
        tried = PreparedClones(frame, arms[0], arms[1], _balance(covariates, arms[0], arms[1], names), tried_penalty)
        if best is None or apartness(tried.balance) < apartness(best.balance) - WORTH_SHRINKING:
            best = tried
    assert best is not None
    return best


def diagnose_clones(prepared: PreparedClones, thresholds: dict[str, float]) -> tuple[Finding, ...]:
    """The diagnostics of the profile; what asks for a propensity at time zero is not applicable."""
    frame = prepared.frame.frame
    n = prepared.frame.course.begun.size
    n_seen = [int(arm.is_seen.sum()) for arm in prepared.arms]
    kept = [int(arm.is_adherent.sum()) for arm in prepared.arms]
    shares = [seen / stayed for seen, stayed in zip(n_seen, kept, strict=True)]
    seen = prepared.target.is_seen | prepared.comparator.is_seen
    read = int((seen | frame.is_censored).sum())
    censored = float(frame.is_censored.sum()) / read if read else None
    effective = [kish_effective_number(arm.adherence) / arm.is_adherent.sum() for arm in prepared.arms]
    side, weights = _stacked(prepared.target, prepared.comparator)
    outcomes = [(frame.outcome[arm.is_seen], arm.weights[arm.is_seen]) for arm in prepared.arms]
    return (
        asked("outcomes_smaller_arm", float(min(n_seen)), thresholds["minimum_n_per_arm"]),
        Finding("equipoise", None, thresholds["minimum_equipoise"], _NO_PROPENSITY, "not_applicable"),
        alike(prepared.balance, side, weights, thresholds["maximum_standardised_difference"]),
        Finding(
            "largest_covariate_correlation",
            None,
            thresholds["maximum_covariate_correlation"],
            _NO_PROPENSITY,
            "not_applicable",
        ),
        asked("observed_share_smaller", min(shares), thresholds["minimum_observed_share"]),
        asked("censored_share", censored, thresholds["maximum_censored_share"], is_most=True),
        detectable(outcomes, frame.detectable),
        told("observed_share_target", shares[0]),
        told("observed_share_comparator", shares[1]),
        told("kept_share_target", kept[0] / n),
        told("kept_share_comparator", kept[1] / n),
        *_to_protocol(prepared),
        told("effective_share_target", effective[0]),
        told("effective_share_comparator", effective[1]),
        told("largest_weight", float(max(arm.weights.max() for arm in prepared.arms))),
        told("largest_difference_before_weighting", prepared.balance.largest_before),
    )


def estimate_clones(prepared: PreparedClones) -> tuple[Estimated, ...]:
    """The estimate of a contrast by clones and, where a weight was cut, that with weights as they come.

    Raises:
        NotEstimable: a strategy without an outcome.
    """
    found = [(CLONES, prepared.arms)]
    if any(arm.is_cut.any() for arm in prepared.arms):
        found.append((UNCUT, (uncut(prepared.target), uncut(prepared.comparator))))
    frame = prepared.frame.frame
    return tuple(
        Estimated(
            name,
            cloned_contrast(frame.outcome, *arms, frame.person_id),
            "stacked sandwich, clones and trials clustered by person",
            _PROTOCOL_WEIGHTS if frame.is_deviated is not None else _WEIGHTS,
        )
        for name, arms in found
    )


def _to_protocol(prepared: PreparedClones) -> tuple[Finding, ...]:
    """Of the clones left at the end of the grace period, the share that did not deviate before the window, where it is asked."""
    is_deviated = prepared.frame.frame.is_deviated
    if is_deviated is None:
        return ()
    kept = [float((~is_deviated)[arm.is_adherent].mean()) for arm in prepared.arms]
    return told("protocol_share_target", kept[0]), told("protocol_share_comparator", kept[1])


def _stacked(target: CloneArm, comparator: CloneArm) -> tuple[np.ndarray, np.ndarray]:
    """The clones left of both strategies, one after the other: which strategy, and the weight."""
    sizes = (int(target.is_adherent.sum()), int(comparator.is_adherent.sum()))
    weights = [arm.adherence[arm.is_adherent] for arm in (target, comparator)]
    return np.repeat([True, False], sizes), np.concatenate(weights)


def _balance(
    covariates: pl.DataFrame, target: CloneArm, comparator: CloneArm, names: tuple[str, ...]
) -> CovariateBalance:
    side, weights = _stacked(target, comparator)
    rows = pl.concat([covariates.filter(pl.Series(arm.is_adherent)) for arm in (target, comparator)])
    return covariate_balance(rows, side, weights, names)
