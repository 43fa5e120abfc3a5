"""What the stored controls of a comparison say together: its empirical null, or why there is none, and the findings from it.

Here: `models.negative_control` read back. Not here: how the rows come about (`control_tables`, `measured_controls`), the fit of
the null (`empirical_null`), what an estimate becomes by it (`risk_tables`, `contrast_tables`).
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from pipelines.models.empirical_null import EmpiricalNull, LeftOut, fit_null, leave_one_out
from pipelines.models.errors import NotEstimable
from pipelines.models.point_treatment import Finding, asked, told
from pipelines.run_facts import Inputs

TABLE = "models.negative_control"


@dataclass(frozen=True, slots=True, eq=False)
class Controls:
    """Estimates and errors [k] of the controls of one comparison, NaN where there is none; `least` have to have one.

    `null` is None where they say nothing, as `why` tells.
    """

    estimate: np.ndarray
    standard_error: np.ndarray
    null: EmpiricalNull | None
    why: str
    least: int

    @property
    def n_estimated(self) -> int:
        """How many have an estimate."""
        return int(np.isfinite(self.estimate).sum())

    def left_out(self) -> LeftOut:
        """Each calibrated by all others; asked where there is a null."""
        return leave_one_out(self.estimate, self.standard_error, self.least)


def controls(inputs: Inputs, study_id: str, words: str, population: str, scale: str, least: int) -> Controls:
    """The controls of one comparison on one scale.

    Fewer than `least`, or a null that cannot be fitted, leave it None: nothing is then calibrated.
    """
    rows = (
        inputs[TABLE]
        .filter(
            pl.col("study_id") == study_id,
            pl.col("contrast") == words,
            pl.col("population") == population,
            pl.col("scale") == scale,
        )
        .sort("control_code")
        .select("estimate", "se")
        .collect()
    )
    estimate, error = (rows[name].cast(pl.Float64).fill_null(np.nan).to_numpy() for name in ("estimate", "se"))
    try:
        return Controls(estimate, error, fit_null(estimate, error, least), "", least)
    except NotEstimable as problem:
        return Controls(estimate, error, None, str(problem), least)


def null_findings(known: Controls, most_ease: float) -> tuple[Finding, ...]:
    """Systematic error, and whether the controls are alike; not evaluated, which closes, where there is no null."""
    if known.null is None:
        return (
            Finding("ease", None, most_ease, known.why, "not_evaluated"),
            Finding("controls_covered_left_out", None, None, known.why, "not_evaluated"),
        )
    left_out = known.left_out()
    is_low = left_out.coverage < left_out.coverage_low
    return (
        asked("ease", known.null.expected_absolute_error, most_ease, is_most=True),
        Finding(
            "controls_covered_left_out",
            left_out.coverage,
            left_out.coverage_low,
            "at least; below it chance would not explain that controls are not covered: they are not alike",
            "fail" if is_low else "pass",
        ),
        told("controls_covered_uncalibrated", left_out.coverage_uncalibrated),
    )


def left_out_rows(estimates: dict[str, tuple[float, float]], least: int) -> dict[str, dict[str, object]]:
    """By control the columns of its estimate calibrated by all others; none where they are fewer than `least`.

    Args:
        estimates: by control its estimate and standard error.
    """
    y, error = (np.array([pair[place] for pair in estimates.values()]) for place in (0, 1))
    try:
        found = leave_one_out(y, error, least).calibrated
    except NotEstimable:
        return {}
    return {
        code: {
            "calibrated_estimate": float(found.estimate[place]),
            "calibrated_ci_low": float(found.ci_low[place]),
            "calibrated_ci_high": float(found.ci_high[place]),
        }
        for place, code in enumerate(estimates)
    }
