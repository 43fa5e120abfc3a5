"""Measured negative controls: changes of results that no arm changes, estimated as the outcomes are, and what they say.

Here: rows of the controls of each comparison, in SDs of their change within an arm, and the findings and intervals that follow
for its outcomes. Not here: controls that are events (`control_tables`), the null (`empirical_null`).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from pipelines.models.clone_frame import clone_frame
from pipelines.models.clone_treatment import PreparedClones, estimate_clones, prepare_clones
from pipelines.models.contrast_frame import ContrastFrame, contrast_frame
from pipelines.models.control_null import Controls, controls, left_out_rows, null_findings
from pipelines.models.design_matrix import design_matrix
from pipelines.models.empirical_null import calibrate
from pipelines.models.errors import NotEstimable
from pipelines.models.inference import Z975, ContrastEstimate
from pipelines.models.matching import MatchedEstimate
from pipelines.models.observation import observed
from pipelines.models.point_treatment import Finding, Prepared, nominal, primary_contrast, told
from pipelines.models.propensity_model import Row, contrast_key, fitted_penalty
from pipelines.run_facts import Inputs, RunFacts
from pipelines.trials.contrast import Contrast
from pipelines.trials.study import Study

#: `scale` of the rows of measured controls
SCALE = "SD of the change within an arm"
#: fewest controls with an estimate; below it nothing is calibrated and the result is shown as it is
LEAST_CONTROLS = 10
#: greatest expected absolute systematic error, in SDs of the change. Source: CohortMethod's limit of EASE
MOST_EASE = 0.25


@dataclass(frozen=True, slots=True)
class _Control:
    """Estimate and standard error of a control in SDs of its change, and the people of either arm behind it."""

    estimate: float
    error: float
    n_target: int
    n_comparator: int


def control_rows(inputs: Inputs, study: Study, facts: RunFacts) -> Iterator[list[Row]]:
    """The rows of each comparison of a study that names measured controls, one a control, each calibrated by the others."""
    compared: dict[tuple[str, str], list[Contrast]] = {}
    for contrast in study.control_contrasts:
        compared.setdefault((contrast.words, contrast.population), []).append(contrast)
    measured = _measured(inputs, study) if compared else {}
    least = int(study.diagnostics["minimum_n_per_arm"]) if compared else 0
    for asked_of in compared.values():
        # Most sources draw few of them: who has one is counted before its covariates are laid out.
        found = {
            contrast.outcome: _found(inputs, study, contrast, least)
            if measured.get(study.contrast_number(contrast), 0) >= least
            else _few(least)
            for contrast in asked_of
        }
        known = {code: (each.estimate, each.error) for code, each in found.items() if isinstance(each, _Control)}
        left_out = left_out_rows(known, LEAST_CONTROLS)
        yield [
            _row(study, contrast, found[contrast.outcome], facts) | left_out.get(contrast.outcome, {})
            for contrast in asked_of
        ]


def _measured(inputs: Inputs, study: Study) -> dict[int, int]:
    """People measured, whatever the arm, by number of the contrast."""
    counted = (
        inputs["features.outcome_value"]
        .filter((pl.col("study_id") == study.id) & pl.col("change").is_not_null())
        .group_by("contrast_number")
        .len()
        .collect()
    )
    return dict(counted.iter_rows())


def _found(inputs: Inputs, study: Study, contrast: Contrast, least: int) -> _Control | str:
    """One control, or why it has no estimate."""
    try:
        found, spread = _estimated(inputs, study, contrast, least)
    except NotEstimable as problem:
        return str(problem)
    control = _Control(found.estimate / spread, found.standard_error / spread, found.n_target, found.n_comparator)
    return control if np.isfinite(control.estimate) and control.error > 0 else "it has no standard error"


def _row(study: Study, contrast: Contrast, found: _Control | str, facts: RunFacts) -> Row:
    row: Row = {name: value for name, value in contrast_key(study, contrast).items() if name != "outcome"}
    row |= {"control_code": contrast.outcome, "scale": SCALE, "evidence_source": facts.evidence_source}
    if isinstance(found, str):
        return row | {"why": found}
    return row | {
        "n_target": found.n_target,
        "n_comparator": found.n_comparator,
        "estimate": found.estimate,
        "se": found.error,
        "ci_low": found.estimate - Z975 * found.error,
        "ci_high": found.estimate + Z975 * found.error,
    }


def _estimated(inputs: Inputs, study: Study, contrast: Contrast, least: int) -> tuple[ContrastEstimate, float]:
    """The primary estimate of a control and the SD of its change within an arm.

    Raises:
        NotEstimable: too few people measured, no model of its comparison, no spread, or none of its own.
    """
    penalty = _penalty_of_comparison(inputs, study, contrast)
    if contrast.grace_intervals is None:
        frame = contrast_frame(inputs, study, contrast)
        _enough(frame, frame.treated, ~frame.treated, least)
        design = design_matrix(frame.covariates, nominal(frame)).values
        return primary_contrast(frame, design, penalty, study.seed).contrast, spread_of(frame)
    clones = clone_frame(inputs, study, contrast)
    everybody = np.ones(clones.frame.treated.size, dtype=bool)
    _enough(clones.frame, everybody, everybody, least)
    prepared = prepare_clones(clones, penalty)
    if min(int(arm.is_seen.sum()) for arm in prepared.arms) < least:
        raise NotEstimable(_few(least))
    found, *_ = estimate_clones(prepared)
    assert isinstance(found.estimate, ContrastEstimate)
    return found.estimate, spread_of_clones(prepared)


def _enough(frame: ContrastFrame, target: np.ndarray, comparator: np.ndarray, least: int) -> None:
    seen = observed(frame.stages, frame.treated.size)
    if min(int((seen & target).sum()), int((seen & comparator).sum())) < least:
        raise NotEstimable(_few(least))


def _few(least: int) -> str:
    return f"fewer than {least} people of an arm have it measured before and in the window"


def _penalty_of_comparison(inputs: Inputs, study: Study, control: Contrast) -> float:
    """The penalty taken for the first outcome of the comparison that has one.

    Raises:
        NotEstimable: none has.
    """
    for contrast in study.contrast:
        if (contrast.words, contrast.population) == (control.words, control.population):
            penalty = fitted_penalty(inputs, contrast_key(study, contrast))
            if not isinstance(penalty, str):
                return penalty
    raise NotEstimable("no outcome of its comparison has a model of the arms")


def spread_of(frame: ContrastFrame) -> float:
    """SD of the change within the arms, pooled, of those measured.

    Raises:
        NotEstimable: fewer than two measured in an arm, or no spread.
    """
    seen = observed(frame.stages, frame.treated.size)
    return _pooled_sd([frame.outcome[seen & arm] for arm in (frame.treated, ~frame.treated)])


def spread_of_clones(prepared: PreparedClones) -> float:
    """The same of clones, each within its strategy.

    Raises:
        NotEstimable: as `spread_of`.
    """
    return _pooled_sd([prepared.frame.frame.outcome[arm.is_seen] for arm in prepared.arms])


def _pooled_sd(values: list[np.ndarray]) -> float:
    if min(each.size for each in values) < 2:
        raise NotEstimable("fewer than two people of an arm are measured: no spread")
    squares = sum(float(((each - each.mean()) ** 2).sum()) for each in values)
    found = float(np.sqrt(squares / (sum(each.size for each in values) - len(values))))
    if not found > 0:
        raise NotEstimable("it does not vary within the arms")
    return found


def known_controls(inputs: Inputs, study: Study, contrast: Contrast) -> Controls:
    """The measured controls of the comparison of a contrast."""
    return controls(inputs, study.id, contrast.words, contrast.population, SCALE, LEAST_CONTROLS)


def findings(known: Controls, found: Prepared | PreparedClones, study: Study) -> tuple[Finding, ...]:
    """What the controls say of the error of a contrast; below ten with an estimate it is not judged, and closes nothing."""
    why = "the study names no measured negative control"
    if study.negative_controls:
        why = f"calibration needs {LEAST_CONTROLS} measured negative controls with an estimate: shown uncalibrated"
    if known.null is None:
        n = told("negative_controls", float(known.n_estimated))
        return (*((n,) if study.negative_controls else ()), Finding("ease", None, MOST_EASE, why, "not_applicable"))
    try:
        in_unit = known.null.expected_absolute_error * spread(found)
    except NotEstimable:
        in_unit = float("nan")  # who has no outcome measured is told by other diagnostics
    return (
        told("negative_controls", float(known.n_estimated)),
        *null_findings(known, MOST_EASE),
        told("ease_in_unit_of_outcome", in_unit),
    )


def calibrated_columns(
    known: Controls, found: Prepared | PreparedClones, estimate: ContrastEstimate | MatchedEstimate
) -> Row:
    """Columns of the calibrated estimate, in the unit of the outcome; none without a null."""
    if known.null is None:
        return {}
    one = calibrate(known.null, np.array([estimate.estimate]), np.array([estimate.standard_error]), unit=spread(found))
    return {
        "calibrated_estimate": float(one.estimate[0]),
        "calibrated_ci_low": float(one.ci_low[0]),
        "calibrated_ci_high": float(one.ci_high[0]),
    }


def spread(found: Prepared | PreparedClones) -> float:
    """SD of the change within an arm, or strategy, of those measured: what 1 on the scale of the controls is.

    Raises:
        NotEstimable: fewer than two measured in an arm, or no spread.
    """
    return spread_of_clones(found) if isinstance(found, PreparedClones) else spread_of(found.frame)
