"""The people of one pair of arms as arrays: arm or course of the grace period, covariates, and the follow-up of each outcome.

Joins; computes nothing. One frame serves every outcome of the pair, negative controls included: who is at risk of which is told
by outcome.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from pipelines.models.clone_frame import CloneFrame, grace_course, strategy_days, strategy_numbers
from pipelines.models.contrast_frame import ContrastFrame
from pipelines.models.covariates import slim_covariates_of
from pipelines.run_facts import Inputs
from pipelines.trials.cohort import Cohort
from pipelines.trials.risk import Risk
from pipelines.trials.study import Study

#: what a pair of arms is asked of where no outcome is named
ANY_OUTCOME = "any"
_TRIAL = ["person_id", "trial_number"]


@dataclass(frozen=True, slots=True, eq=False)
class EventCourse:
    """Follow-up of n people for one outcome, in days after time zero.

    Attributes:
        is_at_risk: [n] followed, and without the outcome at time zero.
        exit: [n] day of the event, of death, or last day of follow-up; 0 where not followed.
        event: [n] 0 none, 1 the outcome, 2 death without it.
        followed: [n] last day of follow-up, whether or not the event came; 0 where not followed.
        is_dead: [n] follow-up ended by death.
        possible_exit, possible_event: as `exit` and `event`, were possible records counted, too.
    """

    is_at_risk: np.ndarray
    exit: np.ndarray
    event: np.ndarray
    followed: np.ndarray
    is_dead: np.ndarray
    possible_exit: np.ndarray
    possible_event: np.ndarray

    @property
    def with_possible(self) -> "EventCourse":
        """The same, possible records counted."""
        return replace(self, exit=self.possible_exit, event=self.possible_event)


@dataclass(frozen=True, slots=True, eq=False)
class RiskFrame:
    """A pair of arms; `clones` carries the course of the grace period, `None` where arms are told at time zero.

    `pair` holds people [n], covariates and arm (with clones: the strategy seen, which nothing reads); `courses` an
    `EventCourse` an outcome.
    """

    pair: ContrastFrame
    clones: CloneFrame | None
    courses: dict[str, EventCourse]


def risk_frame(inputs: Inputs, study: Study, risk: Risk, outcomes: Sequence[str]) -> RiskFrame:
    """People of the cohort in either arm, or all of them where they are cloned; of nobody where the data have none."""
    cohort = next(each for each in study.cohort if each.code == risk.cohort)
    trial = (
        inputs["cohort.trial_person"]
        .filter((pl.col("study_id") == study.id) & (pl.col("cohort_code") == risk.cohort))
        .select(
            *_TRIAL,
            "arm_code",
            "strategy_code",
            (pl.col("strategy_on") - pl.col("index_on")).dt.total_days().alias("strategy_days"),
            (pl.col("end_on") - pl.col("index_on")).dt.total_days().alias("followed_days"),
            (pl.col("end_reason") == "death").alias("is_dead"),
        )
        .sort(_TRIAL)
        .collect()
    )
    if risk.grace_intervals is None:
        trial = trial.filter(pl.col("arm_code").is_in([risk.target, risk.comparator]))
    pair = ContrastFrame(
        trial["person_id"].to_numpy(),
        (trial["arm_code" if risk.grace_intervals is None else "strategy_code"] == risk.target)
        .fill_null(value=False)
        .to_numpy(),
        slim_covariates_of(inputs, study.id, trial, risk.exclude),
        np.full(trial.height, np.nan),
        (),
        trial["is_dead"].to_numpy(),
        np.zeros(trial.height, dtype=bool),
        "risk",
        float("nan"),
    )
    return RiskFrame(pair, _clones(risk, cohort, trial, pair), _courses(inputs, study, trial, outcomes))


def _clones(risk: Risk, cohort: Cohort, trial: pl.DataFrame, pair: ContrastFrame) -> CloneFrame | None:
    if risk.grace_intervals is None or cohort.grace_days is None:
        return None
    numbers = strategy_numbers(cohort)
    rows = trial.with_columns(pl.col("followed_days").fill_null(0))
    course = grace_course(rows, numbers, cohort.grace_days, risk.grace_intervals)
    died_within = pair.is_dead & (rows["followed_days"].to_numpy() < cohort.grace_days)
    course = replace(course, is_settled=died_within)
    return CloneFrame(
        pair, course, numbers[risk.target], numbers[risk.comparator], strategy_days(rows), cohort.grace_days
    )


def _courses(inputs: Inputs, study: Study, trial: pl.DataFrame, outcomes: Sequence[str]) -> dict[str, EventCourse]:
    def days(name: str) -> pl.Expr:
        return (pl.col(name) - pl.col("index_on")).dt.total_days()

    rows = (
        inputs["features.outcome_event"]
        .filter((pl.col("study_id") == study.id) & pl.col("outcome_code").is_in(list(outcomes)))
        .select(
            *_TRIAL,
            "outcome_code",
            (pl.col("is_prevalent") | pl.col("is_early_event")).alias("had_before"),
            "event_days",
            days("possible_event_on").alias("possible_days"),
            "follow_up_days",
            (pl.col("end_reason") == "death").alias("is_dead"),
        )
        .collect()
    )
    parts = rows.partition_by("outcome_code", as_dict=True)
    return {
        str(code): _course(trial.select(_TRIAL).join(part, on=_TRIAL, how="left", maintain_order="left"))
        for (code,), part in parts.items()
    }


def _course(rows: pl.DataFrame) -> EventCourse:
    followed = rows["follow_up_days"].fill_null(0).to_numpy().astype(np.float64)
    is_dead = rows["is_dead"].fill_null(value=False).to_numpy()
    at_risk = ~rows["had_before"].fill_null(value=True).to_numpy() & (followed > 0)
    exits, events = [], []
    for name in ("event_days", "possible_days"):
        happened = rows[name].is_not_null().to_numpy()
        exits.append(np.where(happened, rows[name].fill_null(0).to_numpy(), followed))
        events.append(np.where(happened, 1, np.where(is_dead, 2, 0)))
    return EventCourse(at_risk, exits[0], events[0], followed, is_dead, exits[1], events[1])
