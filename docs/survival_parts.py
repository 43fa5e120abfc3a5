"""What the examples of time to event share: rows of arms, risks and ratios as they are frozen, and what is drawn.

Not here: the data sets (`survival_cohorts`, `survival_nhanes`), the page and the pictures (`survival_examples`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from pipelines.models.arm_risk import RiskContrast, risk_contrasts
from pipelines.models.cox import CoxFit, fit_cox, proportionality
from pipelines.models.inference import Z975
from pipelines.models.logistic import fit_logistic
from pipelines.models.survival_curve import FollowUp, curve_point, fit_curve, follow_up
from pipelines.models.weighting import Estimand, treatment_weights
from pipelines.report.figure import BLUE, VERMILLION

YEAR, SMALLEST = 365.25, 11
Row = dict[str, Any]
#: from an influence function [n] of a total to its standard error
Error = Callable[[np.ndarray], float]


class Line(NamedTuple):
    """A curve to draw: name, rows (without weight where they are not of it), color, style, and the cause."""

    name: str
    rows: FollowUp
    color: str
    style: str = "-"
    cause: int = 1


class Panel(NamedTuple):
    """Curves in one pair of axes, to the last of `ticks` (years); `error` counts their uncertainty, `top` ends the axis."""

    title: str
    lines: Sequence[Line]
    ticks: Sequence[float]
    error: Error
    top: float | None = None
    bottom: str = "Years since the origin"


@dataclass(frozen=True)
class Told:
    """One data set: what is frozen, and what may be drawn."""

    numbers: Row
    panels: Sequence[Panel]


def by_person(influence: np.ndarray) -> float:
    return float(np.sqrt(np.sum((influence - influence.mean()) ** 2)))


def interval(risk: float, error: float) -> tuple[float, float, float]:
    """A risk with 95 % limits on the scale of log(-log(1 - risk)); NaN where it is 0 or 1."""
    if not 0 < risk < 1:
        return risk, np.nan, np.nan
    lived = -np.log1p(-risk)
    width = Z975 * error / ((1 - risk) * lived)
    low, high = (float(-np.expm1(-lived * np.exp(side * width))) for side in (-1, 1))
    return risk, low, high


def arm(rows: FollowUp, chosen: np.ndarray) -> FollowUp:
    return replace(rows, weights=np.where(chosen, rows.weights, 0.0))


def risk_at(rows: FollowUp, horizon: float, error: Error = by_person, cause: int = 1) -> tuple[float, float, float]:
    point = curve_point(rows, fit_curve(rows), "risk", horizon, cause)
    return interval(point.value, error(point.influence))


def contrast_row(found: RiskContrast | Any, horizon: float, unit: float = 1.0) -> Row:
    ends = {"target": found.target, "comparator": found.comparator}
    told: Row = {name: [each.value, each.ci_low, each.ci_high] for name, each in ends.items()}
    gap, ratio = found.difference, found.ratio
    told |= {"difference": [gap.estimate, gap.ci_low, gap.ci_high]}
    told |= {"ratio": [ratio.estimate, ratio.ci_low, ratio.ci_high]}
    lived = found.time_lived
    return told | {
        "horizon": horizon,
        "time_lived": [part / unit for part in (lived.estimate, lived.ci_low, lived.ci_high)],
    }


def ratio_row(name: str, fit: CoxFit, column: int, p_drift: float | None = None) -> Row:
    middle, error = float(fit.coefficients[column]), float(fit.standard_errors[column])
    ratio = [float(np.exp(middle + side * Z975 * error)) for side in (0, -1, 1)]
    return {"name": name, "ratio": ratio, "p_drift": p_drift}


def drift(rows: FollowUp, design: np.ndarray, fit: CoxFit) -> list[float]:
    """P values that each log hazard ratio does not drift, along 1 - survival as R's cox.zph; the last is for all."""
    single = replace(rows, event=(rows.event == 1).astype(np.int64), n_causes=1)
    curve = fit_curve(single)
    before = np.r_[1.0, curve.survival][np.searchsorted(curve.times, fit.times, side="left")]
    return [float(test.p_value) for test in proportionality(single, design, fit, 1 - before)]


def ratios(rows: FollowUp, design: np.ndarray, names: Sequence[str], shown: Sequence[str], said: str = "") -> list[Row]:
    """Hazard ratios of the columns shown, sandwich by person, each with its test of proportionality."""
    fit = fit_cox(rows, design)
    tests = drift(rows, design, fit)
    return [ratio_row(name + said, fit, names.index(name), tests[names.index(name)]) for name in shown]


def ratios_in_parts(rows: FollowUp, treated: np.ndarray, others: np.ndarray, cut: float, name: str) -> list[Row]:
    """Hazard ratio of the target arm before and after a time, by rows cut at it."""
    late = rows.exit > cut
    start = np.r_[np.zeros(rows.exit.size), np.full(int(late.sum()), cut)]
    stop = np.r_[np.minimum(rows.exit, cut), rows.exit[late]]
    event = np.r_[np.where(late, 0, rows.event), rows.event[late]]
    origin = np.r_[np.arange(rows.exit.size), np.flatnonzero(late)]
    early = np.arange(origin.size) < rows.exit.size
    on = treated[origin].astype(float)
    design = np.column_stack([on * early, on * ~early, others[origin]])
    fit = fit_cox(follow_up(stop, event, start, rows.weights[origin], rows.n_causes), design, person_id=origin)
    years = f"{cut / YEAR:g}"
    return [ratio_row(f"{name}, first {years} years", fit, 0), ratio_row(f"{name}, later", fit, 1)]


def weighted(
    rows: FollowUp, treated: np.ndarray, x: np.ndarray, horizons: Sequence[float], estimand: Estimand
) -> tuple[FollowUp, list[Row], Row]:
    """Rows weighted by their propensity, contrasts whose errors know that it was estimated, and the weighted ratio."""
    on = treated.astype(float)
    fit = fit_logistic(x, on)
    weights = treatment_weights(treated, fit.probabilities, estimand)
    whole = replace(rows, weights=weights.values)
    found = risk_contrasts(
        whole,
        treated,
        [YEAR * horizon for horizon in horizons],
        correction=lambda by_weight: fit.correction(x, on, by_weight * weights.slope),
    )
    told = [contrast_row(each, years, YEAR) for each, years in zip(found, horizons, strict=True)]
    return whole, told, ratios(whole, on[:, None], ["arm"], ["arm"])[0]


def crude(rows: FollowUp, treated: np.ndarray, horizons: Sequence[float]) -> list[Row]:
    found = risk_contrasts(rows, treated, [YEAR * horizon for horizon in horizons])
    return [contrast_row(each, years, YEAR) for each, years in zip(found, horizons, strict=True)]


def in_years(rows: FollowUp) -> FollowUp:
    return replace(rows, entry=rows.entry / YEAR, exit=rows.exit / YEAR)


def arms_of(rows: FollowUp, treated: np.ndarray, names: tuple[str, str], style: str = "-") -> list[Line]:
    return [
        Line(names[0], arm(in_years(rows), treated), BLUE, style),
        Line(names[1], arm(in_years(rows), ~treated), VERMILLION, style),
    ]
