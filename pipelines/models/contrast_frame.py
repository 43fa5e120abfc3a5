"""The people of one contrast as arrays: arm, covariates, baseline, outcome and the stages to it. Joins; computes nothing."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from pipelines.models.covariates import slim_covariates_of
from pipelines.models.observation import Stage
from pipelines.run_facts import Inputs
from pipelines.trials.contrast import Contrast
from pipelines.trials.study import Study

#: covariates whose numbers are codes
NOMINAL = ("race_ethnicity",)
#: the stage of those who did not deviate
PROTOCOL = "kept to protocol"


@dataclass(frozen=True, slots=True)
class ContrastFrame:
    """People and time zeros [n] of one contrast, in the order of person and time zero.

    Attributes:
        person_id: [n].
        treated: [n] true for the target arm.
        covariates: [n rows] as known at time zero, NULL where missing; the log of the baseline among them.
        outcome: [n] change on the scale of the outcome; NaN where not measured or beyond a limit.
        stages: kept to the protocol where the study asks for one, followed until the window, then measured in it.
        is_dead: [n] died before the window.
        is_censored: [n] measured, but beyond a limit.
        scale: `change_pct` or `log_ratio`.
        detectable: largest difference that may go undetected; NaN of a negative control.
        is_deviated: [n] deviated from the protocol before the window; None where the study asks for none.
    """

    person_id: np.ndarray
    treated: np.ndarray
    covariates: pl.DataFrame
    outcome: np.ndarray
    stages: tuple[Stage, ...]
    is_dead: np.ndarray
    is_censored: np.ndarray
    scale: str
    detectable: float
    is_deviated: np.ndarray | None = None


def contrast_frame(inputs: Inputs, study: Study, contrast: Contrast) -> ContrastFrame:
    """The frame of a contrast; of nobody where the data have none."""
    number = study.contrast_number(contrast)
    rows = (
        inputs["features.outcome_value"]
        .filter((pl.col("study_id") == study.id) & (pl.col("contrast_number") == number))
        .sort("person_id", "trial_number")
        .collect()
    )
    covariates = pl.concat(
        [
            rows.select(pl.col("baseline_value").log().alias("baseline_log")),
            slim_covariates_of(inputs, study.id, rows, contrast.exclude),
        ],
        how="horizontal",
    )
    measured = rows["change"].is_not_null().to_numpy()
    followed = rows["is_followed"].to_numpy()
    cohort = next(each for each in study.cohort if each.code == contrast.cohort)
    is_deviated = rows["is_deviated"].to_numpy() if cohort.deviation else None
    known = inputs["ref.continuous_outcome"].filter(pl.col("outcome_code") == contrast.outcome).collect()
    return ContrastFrame(
        rows["person_id"].to_numpy(),
        rows["is_target"].to_numpy(),
        covariates,
        rows["change"].fill_null(float("nan")).to_numpy(),
        stages_to(followed, measured, is_deviated),
        rows["is_dead"].to_numpy(),
        rows["is_censored"].to_numpy(),
        str(known["scale_code"][0]) if known.height else "",
        float(known["detectable_difference"].fill_null(float("nan"))[0]) if known.height else float("nan"),
        is_deviated,
    )


def stages_to(followed: np.ndarray, measured: np.ndarray, is_deviated: np.ndarray | None = None) -> tuple[Stage, ...]:
    """The stages to a reading [n each]; to keep to the protocol is the first where it is asked for, and no loss.

    Who was lost before deviating kept to it for as long as was seen, and falls to the next stage: the chances multiply to
    that of neither.
    """
    everybody = np.ones(followed.size, dtype=bool)
    if is_deviated is None:
        return Stage("followed", everybody, followed), Stage("measured", followed, measured)
    kept = Stage(PROTOCOL, everybody, ~is_deviated)
    return kept, Stage("followed", ~is_deviated, followed), Stage("measured", followed, measured)
