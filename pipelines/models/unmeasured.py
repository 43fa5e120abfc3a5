"""How strong an unmeasured confounder must be to explain an estimate away: E-values, bounding factor, tipping points.

No data are read and no bias is estimated: these are statements about what would have to be true. What negative controls say
of bias that is there is `empirical_null`; events wrongly recorded are `misclassified_outcome`.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from pipelines.models.errors import NotEstimable

Scale = Literal["risk_ratio", "hazard_ratio_rare", "hazard_ratio_common", "odds_ratio_rare", "odds_ratio_common"]
#: log risk ratio per SD of the outcome, and per standard error for its 95 % limits (VanderWeele and Ding 2017, table 2)
_LOG_RATIO_PER_SD = 0.91
_LOG_RATIO_PER_SE = 1.78


@dataclass(frozen=True, slots=True)
class EValue:
    """Least strength, on the risk-ratio scale, that a confounder must have with both treatment and outcome.

    Attributes:
        risk_ratio, limit: the estimate, and the 95 % limit nearer to the target, as risk ratios; `limit` is NaN where the
            interval holds the target.
        target: risk ratio to which they are moved; 1 is no effect.
        of_estimate, of_limit: the E-values; 1 where nothing has to be moved.
    """

    risk_ratio: float
    limit: float
    target: float
    of_estimate: float
    of_limit: float


def as_risk_ratio(ratio: float, scale: Scale) -> float:
    """A ratio as an (approximate) risk ratio; common is an outcome that more than 15 % have at the end.

    Raises:
        ValueError: a ratio that is not positive and finite.

    Source: VanderWeele and Ding (2017), Ann Intern Med 167:268, table 2; square root: VanderWeele (2017), Stat Med 36:1823.
    """
    _checked(ratio)
    if scale == "odds_ratio_common":
        return float(np.sqrt(ratio))
    if scale == "hazard_ratio_common":
        return float((1 - 0.5 ** np.sqrt(ratio)) / (1 - 0.5 ** np.sqrt(1 / ratio)))
    return float(ratio)


def required_strength(risk_ratio: float, target: float = 1.0) -> float:
    """E-value of one number: R + sqrt(R (R - 1)) with R the ratio to the target, or its inverse, whichever is above 1.

    Raises:
        ValueError: a ratio that is not positive and finite.

    Source: VanderWeele and Ding (2017), Ann Intern Med 167:268; Ding and VanderWeele (2016), Epidemiology 27:368.
    """
    _checked(risk_ratio, target)
    apart = max(risk_ratio / target, target / risk_ratio)
    return apart + float(np.sqrt(apart * (apart - 1)))


def e_value(estimate: float, ci_low: float, ci_high: float, scale: Scale = "risk_ratio", target: float = 1.0) -> EValue:
    """E-values of an estimate and of its interval.

    Args:
        estimate, ci_low, ci_high: on `scale`.
        scale: of estimate, limits and target.
        target: to which they are moved; 1 is no effect.

    Raises:
        ValueError: a ratio that is not positive and finite, or an estimate outside its interval.
    """
    _ordered(estimate, ci_low, ci_high)
    return _e_value(*(as_risk_ratio(each, scale) for each in (estimate, ci_low, ci_high, target)))


def e_value_of_difference(difference: float, standard_error: float, outcome_sd: float, target: float = 0.0) -> EValue:
    """E-values of a difference of means, by way of the standardised difference d: risk ratio exp(0.91 d).

    Assumes that the outcome is about normal with the same SD in both arms; limits are exp(0.91 d -/+ 1.78 se), as published.

    Args:
        difference, standard_error, target: in the unit of the outcome.
        outcome_sd: SD of the outcome within an arm, same unit.

    Raises:
        ValueError: an SD that is not positive, or a negative standard error.

    Source: VanderWeele and Ding (2017), table 2, after Hasselblad and Hedges (1995), Psychol Bull 117:167.
    """
    if not (outcome_sd > 0 and standard_error >= 0):
        raise ValueError("an E-value of a difference needs an SD above 0 and a standard error of 0 or more")
    middle, reach = _LOG_RATIO_PER_SD * difference / outcome_sd, _LOG_RATIO_PER_SE * standard_error / outcome_sd
    aim = _LOG_RATIO_PER_SD * target / outcome_sd
    return _e_value(*(float(np.exp(each)) for each in (middle, middle - reach, middle + reach, aim)))


def bounding_factor(with_treatment: float, with_outcome: float) -> float:
    """The most by which a confounder can multiply a risk ratio.

    Args:
        with_treatment: largest ratio of the chance of a level of the confounder between the arms, 1 or more.
        with_outcome: largest ratio of the outcome's risk between levels of the confounder within an arm, 1 or more.

    Raises:
        ValueError: a strength below 1.

    Source: Ding and VanderWeele (2016), Epidemiology 27:368, result 1.
    """
    _strengths(with_treatment, with_outcome)
    return with_treatment * with_outcome / (with_treatment + with_outcome - 1)


def strength_needed(risk_ratio: float, other: float, target: float = 1.0) -> float:
    """What one strength must be where the other is `other`, for the bounding factor to reach from ratio to target.

    Raises:
        ValueError: a ratio that is not positive, or a strength below 1.
        NotEstimable: however strong, it does not reach: the bounding factor stays below either strength.
    """
    _checked(risk_ratio, target)
    _strengths(other)
    apart = max(risk_ratio / target, target / risk_ratio)
    if apart == 1.0:
        return 1.0
    if other <= apart:
        raise NotEstimable(f"with a strength of {other:g} no confounder explains a ratio of {apart:g}")
    return apart * (other - 1) / (other - apart)


def confounding_ratio(prevalence_target: float, prevalence_comparator: float, with_outcome: float) -> float:
    """By how much a binary confounder multiplies the risk ratio: observed over true.

    Args:
        prevalence_target, prevalence_comparator: of the confounder in either arm, 0 to 1.
        with_outcome: risk ratio of the outcome with it against without it, in both arms, above 0.

    Raises:
        ValueError: a prevalence outside 0 to 1, or a ratio that is not positive.

    Source: Bross (1966), J Chronic Dis 19:637; Schneeweiss (2006), Pharmacoepidemiol Drug Saf 15:291.
    """
    _shares(prevalence_target, prevalence_comparator)
    _checked(with_outcome)
    excess = with_outcome - 1
    return (1 + prevalence_target * excess) / (1 + prevalence_comparator * excess)


def tipping_strength(risk_ratio: float, prevalence_target: float, prevalence_comparator: float) -> float:
    """Risk ratio of outcome with a binary confounder that would explain `risk_ratio` (estimate or limit) wholly.

    Raises:
        ValueError: a prevalence outside 0 to 1, or a ratio that is not positive.
        NotEstimable: these prevalences are too alike for any strength to do it.
    """
    _shares(prevalence_target, prevalence_comparator)
    _checked(risk_ratio)
    if risk_ratio == 1.0:
        return 1.0
    lever = prevalence_target - risk_ratio * prevalence_comparator
    found = 1 + (risk_ratio - 1) / lever if lever != 0 else 0.0
    if not found > 0:
        raise NotEstimable(
            f"no strength of a confounder of prevalence {prevalence_target:g} and {prevalence_comparator:g} explains a ratio of "
            f"{risk_ratio:g}"
        )
    return found


def tipping_prevalence(risk_ratio: float, with_outcome: float, prevalence_comparator: float) -> float:
    """Prevalence in the target arm at which a confounder of this strength would explain `risk_ratio` wholly.

    Raises:
        ValueError: a prevalence outside 0 to 1, or a ratio that is not positive.
        NotEstimable: no prevalence from 0 to 1 does it.
    """
    _shares(prevalence_comparator)
    _checked(risk_ratio, with_outcome)
    excess = with_outcome - 1
    if risk_ratio == 1.0:
        return prevalence_comparator
    found = (risk_ratio * (1 + prevalence_comparator * excess) - 1) / excess if excess != 0 else -1.0
    if not 0 <= found <= 1:
        raise NotEstimable(
            f"at no prevalence does a confounder of strength {with_outcome:g} explain a ratio of {risk_ratio:g}"
        )
    return found


def tipping_difference(difference: float, confounder_gap: float) -> float:
    """Effect on the outcome of one unit of a confounder that would explain a difference of means wholly.

    Args:
        difference: estimate or limit, in the unit of the outcome.
        confounder_gap: mean of the confounder in the target arm less that in the comparator (of a binary one: prevalences).

    Raises:
        NotEstimable: the arms do not differ in the confounder.

    Source: the bias of a linear model with a variable left out, as in Lin, Psaty and Kronmal (1998), Biometrics 54:948.
    """
    if confounder_gap == 0:
        raise NotEstimable("a confounder in which the arms do not differ explains no difference")
    return difference / confounder_gap


def _e_value(estimate: float, low: float, high: float, target: float) -> EValue:
    if low <= target <= high:
        return EValue(estimate, float("nan"), target, required_strength(estimate, target), 1.0)
    limit = low if target < low else high
    return EValue(estimate, limit, target, required_strength(estimate, target), required_strength(limit, target))


def _checked(*ratios: float) -> None:
    if not all(np.isfinite(each) and each > 0 for each in ratios):
        raise ValueError("ratios must be positive and finite")


def _ordered(estimate: float, low: float, high: float) -> None:
    if not low <= estimate <= high:
        raise ValueError("an estimate must lie within its interval")


def _strengths(*strengths: float) -> None:
    if not all(np.isfinite(each) and each >= 1 for each in strengths):
        raise ValueError("strengths of a confounder are ratios of 1 or more: invert those below")


def _shares(*shares: float) -> None:
    if not all(0 <= each <= 1 for each in shares):
        raise ValueError("prevalences must lie from 0 to 1")
