"""The people of a contrast by clones: the frame of the contrast, and what each did in the grace period. Computes nothing else."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from pipelines.models.clone_weighting import NOTHING, SEVERAL, GraceCourse
from pipelines.models.contrast_frame import ContrastFrame, contrast_frame
from pipelines.run_facts import Inputs
from pipelines.trials.cohort import Cohort
from pipelines.trials.contrast import Contrast
from pipelines.trials.study import Study

# Strategies of beginning nothing: the person goes on as at time zero.
_PASSIVE = frozenset({"starts_none", "continues"})


@dataclass(frozen=True, slots=True)
class CloneFrame:
    """Everybody at time zero, whatever was begun later; and the numbers of the two strategies in the course.

    `strategy_days` [n] are days from time zero to what was begun, NaN where nothing was; `grace_days` the length of the period.
    """

    frame: ContrastFrame
    course: GraceCourse
    target: int
    comparator: int
    strategy_days: np.ndarray
    grace_days: int


def clone_frame(inputs: Inputs, study: Study, contrast: Contrast) -> CloneFrame:
    """The frame of a contrast by clones.

    Raises:
        ValueError: the contrast names no intervals, or its cohort has no grace period.
    """
    cohort = next(each for each in study.cohort if each.code == contrast.cohort)
    if contrast.grace_intervals is None or cohort.grace_days is None:
        raise ValueError(f"{contrast.words}: is no contrast by clones")
    rows = (
        inputs["features.outcome_value"]
        .filter(
            (pl.col("study_id") == study.id) & (pl.col("contrast_number") == study.contrast_number(contrast)),
        )
        .sort("person_id", "trial_number")
        .select("strategy_code", "strategy_days", "followed_days")
        .collect()
    )
    numbers = strategy_numbers(cohort)
    course = grace_course(rows, numbers, cohort.grace_days, contrast.grace_intervals)
    frame = contrast_frame(inputs, study, contrast)
    days = strategy_days(rows)
    return CloneFrame(frame, course, numbers[contrast.target], numbers[contrast.comparator], days, cohort.grace_days)


def strategy_days(rows: pl.DataFrame) -> np.ndarray:
    """[n] days from time zero to what was begun; NaN where nothing was."""
    return rows["strategy_days"].cast(pl.Float64).fill_null(float("nan")).to_numpy()


def strategy_numbers(cohort: Cohort) -> dict[str, int]:
    """A number for each arm of a cohort; NOTHING for those who begin nothing."""
    return {arm.code: NOTHING if arm.rule in _PASSIVE else place for place, arm in enumerate(cohort.arms)}


def grace_course(rows: pl.DataFrame, numbers: dict[str, int], grace_days: int, n_intervals: int) -> GraceCourse:
    """What people did, from days: the grace period is cut into intervals of equal length.

    Args:
        rows: [n] `strategy_code`, `strategy_days` and `followed_days` of `features.outcome_value`.
        numbers: of strategies.
        grace_days: after time zero, the last of them included.
        n_intervals: of the period.
    """
    days = rows["strategy_days"]
    is_begun = days.is_not_null().to_numpy()
    codes = rows["strategy_code"].replace_strict(numbers, default=SEVERAL, return_dtype=pl.Int64).to_numpy()
    begun = np.where(is_begun, codes, NOTHING)
    width = (grace_days + 1) / n_intervals
    interval = np.floor(np.clip(days.fill_null(0).to_numpy(), 0, grace_days) / width).astype(np.int64)
    followed = rows["followed_days"].to_numpy()
    ended = np.where(followed < grace_days, np.floor(np.maximum(followed, 0) / width).astype(np.int64), n_intervals)
    begun_at = np.where(is_begun, np.minimum(interval, ended), n_intervals)
    return GraceCourse(n_intervals, begun, begun_at, ended, np.zeros(begun.size, dtype=bool))
