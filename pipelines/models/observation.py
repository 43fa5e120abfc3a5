"""The chance of being seen: still followed, then measured. Its inverse weighs those seen for those not (IPCW, visits).

A chain of stages, each a logistic model among those who passed the stages before: loss to follow-up first, then whether a
scan or a draw fell into the window (inverse intensity of visits). Covariates are those of time zero and the arm.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipelines.models.errors import NotEstimable
from pipelines.models.logistic import LogisticFit, fit_logistic


@dataclass(frozen=True, slots=True)
class Stage:
    """One step to being observed: its name, who came to it [n], and who passed [n]; nobody passes uninvited."""

    name: str
    asked: np.ndarray
    passed: np.ndarray


@dataclass(frozen=True, slots=True)
class FittedStage:
    """A stage with its model: rows asked, their design and the fit; none where everybody passes."""

    stage: Stage
    design: np.ndarray
    fit: LogisticFit | None
    probabilities: np.ndarray

    @property
    def slope(self) -> np.ndarray:
        """[n] derivative of log 1/p by the linear predictor; 0 where not asked."""
        return np.where(self.stage.asked, self.probabilities - 1.0, 0.0)

    def correction(self, gradient: np.ndarray) -> np.ndarray:
        """[n] what estimating this stage adds to an influence function with this derivative by its predictor."""
        added = np.zeros(self.stage.asked.size)
        if self.fit is None:
            return added
        asked = self.stage.asked
        added[asked] = self.fit.correction(self.design, self.stage.passed[asked].astype(np.float64), gradient[asked])
        return added


def fit_stages(
    stages: Sequence[Stage],
    treated: np.ndarray,
    design: np.ndarray,
    penalty: float,
    train: np.ndarray | None = None,
    minimum: float = 0.0,
) -> tuple[FittedStage, ...]:
    """A logistic model a stage, on arm, covariates and their products; everybody gets a probability of every stage.

    The products matter: who is scanned for what reason differs by drug.

    Args:
        stages: in order.
        treated: [n] true for the target arm.
        design: [n, p].
        penalty: of `fit_logistic`.
        train: [n] rows to fit on; all where None.
        minimum: probabilities are not let below this.

    Raises:
        NotEstimable: nobody came to, or passed, a stage.
        ValueError: somebody passed a stage without having come to it.
    """
    arm = treated.astype(np.float64)[:, None]
    full = np.hstack([arm, design, (arm - 0.5) * design])
    found = []
    for stage in stages:
        if np.any(stage.passed & ~stage.asked):
            raise ValueError(f"{stage.name}: somebody passed who was not asked")
        rows = stage.asked if train is None else stage.asked & train
        if not np.any(stage.passed & rows):
            raise NotEstimable(f"nobody was {stage.name}")
        if np.all(stage.passed[rows]):
            found.append(FittedStage(stage, full[:0], None, np.ones(treated.size)))
            continue
        fit = fit_logistic(full[rows], stage.passed[rows].astype(np.float64), penalty)
        chance = np.maximum(fit.predict(full), minimum)
        found.append(FittedStage(stage, full[stage.asked], fit, chance))
    return tuple(found)


def observed(stages: Sequence[Stage], n: int) -> np.ndarray:
    """[n] who passed every stage."""
    seen = np.ones(n, dtype=bool)
    for stage in stages:
        seen &= stage.passed
    return seen


def inverse_probability(fitted: Sequence[FittedStage], n: int) -> np.ndarray:
    """[n] product of 1/p over the stages."""
    weights = np.ones(n)
    for each in fitted:
        weights /= each.probabilities
    return weights
