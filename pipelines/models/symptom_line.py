"""Incidence of a symptom along measured estradiol: a line, a curve, and whether both tails rise (two lines).

Linear in chances, covariates at the draw beside it, weighted for follow-up: association along a scale, where bands
(`symptom_risk`) are weighted for covariates. Draws beyond a limit are left out here, which selects by exposure alone.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np

from pipelines.models.design_matrix import KNOT_QUANTILES, Terms
from pipelines.models.errors import NotEstimable
from pipelines.models.inference import Z975
from pipelines.models.person_regression import person_regression
from pipelines.models.point_treatment import Finding, asked, told
from pipelines.models.spline import restricted_cubic_spline
from pipelines.models.symptom_follow_up import FollowedSymptom, covariate_columns, covariate_terms, window
from pipelines.models.symptom_risk import shares_set_apart
from pipelines.models.two_lines import TwoLines, two_lines
from pipelines.models.wald import WaldTest, design_adjusted_wald
from pipelines.models.weighting import kish_effective_number

#: the curve is told between these percentiles of measured estradiol
_TOLD = (0.05, 0.95)
_N_POINTS = 25


@dataclass(frozen=True, slots=True, eq=False)
class Along:
    """What is told along estradiol; risks as shares.

    Attributes:
        slope, standard_error, ci_low, ci_high, p_value: of the risk per doubling.
        joint, nonlinearity: Wald tests of the curve.
        exposure: [q] pg/mL, the median among them; `reference` the median.
        difference, low, high: [q] of the risk against it, with 95 % limits.
        knots: of the curve, pg/mL.
        lines: the two lines on log2 pg/mL, or why there are none.
        n_people, n_events, n_effective: with a known window and a measured draw.
    """

    slope: float
    standard_error: float
    ci_low: float
    ci_high: float
    p_value: float
    joint: WaldTest
    nonlinearity: WaldTest
    exposure: np.ndarray
    difference: np.ndarray
    low: np.ndarray
    high: np.ndarray
    reference: float
    knots: np.ndarray
    lines: TwoLines | str
    n_people: int
    n_events: int
    n_effective: float


def diagnose_line(prepared: FollowedSymptom | str, outcome: int, thresholds: dict[str, float]) -> tuple[Finding, ...]:
    """Whether estradiol can be told along a scale: people on either side of its median, events, draws beyond a limit.

    `prepared` may be why there are no weights: then nothing was evaluated.
    """
    if isinstance(prepared, str):
        named = {
            "people_either_side": "minimum_people_per_band",
            "effective_n": "minimum_effective_n",
            "events": "minimum_events",
            "censored_share": "maximum_censored_share",
            "followed_share": "minimum_followed_share",
        }
        return tuple(Finding(name, None, thresholds[bound], prepared, "not_evaluated") for name, bound in named.items())
    risk, x = window(prepared, outcome), prepared.frame.log2_e2[prepared.kept]
    free, rows = risk.at_risk, risk.is_seen & np.isfinite(x)
    person = prepared.person_id
    middle = np.median(x[rows]) if rows.any() else np.nan
    sides = [np.unique(person[rows & side]).size for side in (x <= middle, x > middle)]
    events = np.unique(person[rows & (risk.event > 0)]).size
    censored = float(np.isnan(x[free]).mean()) if free.any() else None
    followed = float(risk.is_seen[free].mean()) if free.any() else None
    return (
        asked("people_either_side", float(min(sides)), thresholds["minimum_people_per_band"]),
        asked("effective_n", kish_effective_number(risk.by_follow_up[rows]), thresholds["minimum_effective_n"]),
        asked("events", float(events), thresholds["minimum_events"]),
        asked("censored_share", censored, thresholds["maximum_censored_share"], is_most=True),
        asked("followed_share", followed, thresholds["minimum_followed_share"]),
        told("n_target", float(np.unique(person[rows]).size)),
        *shares_set_apart(prepared.frame, outcome),
        Finding("ease", None, 0.25, "calibration needs 10 continuous negative controls", "not_applicable"),
    )


def along(prepared: FollowedSymptom, outcome: int, *, is_curve_only: bool = False) -> Along:
    """Line, curve and two lines of an outcome on log2 estradiol; without the two lines where the curve alone is asked for.

    Errors count persons and take the weights of follow-up as known.

    Raises:
        NotEstimable: too few people for the covariates, or estradiol that they tell.
    """
    risk = window(prepared, outcome)
    kept = prepared.kept
    rows = np.flatnonzero(risk.is_seen & np.isfinite(prepared.frame.log2_e2[kept]))
    x, y, w = prepared.frame.log2_e2[kept][rows], risk.event[rows], risk.by_follow_up[rows]
    # Flags take a byte here; each fit lays its own design out, and overwrites it.
    covariates = covariate_terms(prepared.frame.covariates[kept[rows]])
    person = np.unique(prepared.person_id[rows], return_inverse=True)[1]
    if np.ptp(y) == 0 if y.size else True:
        raise NotEstimable("everybody, or nobody, has the outcome")
    beta, covariance = _regression(y, x[:, None], covariates, person, w)
    slope, error = float(beta[1]), float(np.sqrt(covariance[1, 1]))
    knots = np.quantile(x, KNOT_QUANTILES)
    if not np.all(np.diff(knots) > 0):
        raise NotEstimable("measured estradiol has too few different values for a curve")
    basis = restricted_cubic_spline(x, knots)
    fitted, covariance_of_all = _regression(y, basis, covariates, person, w)
    terms = slice(1, 1 + basis.shape[1])
    curve, spread = fitted[terms], covariance_of_all[terms, terms]
    joint = design_adjusted_wald(curve, spread, np.inf)
    nonlinearity = design_adjusted_wald(curve[1:], spread[1:, 1:], np.inf)
    middle = float(np.median(x))
    grid = np.unique(np.r_[np.linspace(*np.quantile(x, _TOLD), _N_POINTS), middle])
    step = restricted_cubic_spline(grid, knots) - restricted_cubic_spline(np.array([middle]), knots)
    difference = step @ curve
    width = Z975 * np.sqrt(np.maximum(np.einsum("ij,jk,ik->i", step, spread, step), 0.0))
    lines: TwoLines | str = "not asked for"
    if not is_curve_only:
        try:
            lines = two_lines(x, y, partial(covariate_columns, covariates), w, person)
        except NotEstimable as reason:
            lines = str(reason)
    return Along(
        slope, error, slope - Z975 * error, slope + Z975 * error, _two_sided(slope / error), joint, nonlinearity,
        2.0**grid, difference, difference - width, difference + width, 2.0**middle, 2.0**knots, lines,
        int(person.max()) + 1, int(np.unique(person[y > 0]).size), kish_effective_number(w),
    )  # fmt: skip


def _regression(
    outcome: np.ndarray, exposure: np.ndarray, covariates: Terms, person: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """On intercept, terms of the exposure [n, q] and covariates, in this order."""
    n_before = 1 + exposure.shape[1]
    design = covariate_columns(covariates, n_before)
    design[:, 0], design[:, 1:n_before] = 1.0, exposure
    return person_regression(outcome, design, person, weights, overwrite_design=True)


def _two_sided(score: float) -> float:
    from scipy.special import ndtr

    return float(2 * ndtr(-abs(score)))
