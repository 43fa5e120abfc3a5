"""Verdicts on claims from estimates, by rules set down before: arrays in, frozen results out.

Which estimate belongs to which claim is looked up in `claim_table`; the rules stand in `trials/claims.toml`.

Every hypothesis is tested two-sided against 0 (equivalence: two one-sided tests, Schuirmann 1987, J Pharmacokinet Biopharm
15:657), and Holm's step-down (1979, Scand J Stat 6:65) is made over each family. The adjusted interval of a hypothesis is the
ordinary one at the level at which Holm tests it: alpha / (m - k) for the one with k smaller p-values, and from the first that
is not rejected on the level of that one. So it excludes 0 exactly where Holm rejects, and is never narrower than the 95 %
interval. It is not simultaneous: intervals that are and that agree with Holm end at 0 and tell no size (Strassburger and
Bretz 2008, Stat Med 27:4914; Guilbaud 2008, Biom J 50:678).
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import ndtr, ndtri, stdtr, stdtrit

from pipelines.models.inference import Z975

ALPHA = 0.05
#: a change-point or level within this share of the value named is the value named
TOLERANCE = 0.25

Verdict = Literal["supported", "contradicted", "inconclusive", "not_answerable"]
Recovery = Literal["recovered", "missed", "false_alarm"]
Answer = Literal["kink", "no_kink", "not_answerable"]


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """Estimates to be judged; arrays [n].

    Attributes:
        estimate, standard_error: finite, the latter above 0, in the unit of the outcome.
        df: degrees of freedom; infinite: normal.
        side: +1 or -1 as the claim says the effect is; 0 where it says there is none (equivalence).
        delta: smallest effect of interest, above 0, in the unit of the outcome.
        family: integers; Holm is made over each.
    """

    estimate: np.ndarray
    standard_error: np.ndarray
    df: np.ndarray
    side: np.ndarray
    delta: np.ndarray
    family: np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """What was found of each hypothesis; arrays [n].

    Attributes:
        p_value: two-sided against 0; of equivalence the larger of the two one-sided.
        level: at which Holm tests it.
        ci_low, ci_high: at 1 - level; of equivalence at 1 - 2 level, as its two tests ask.
        is_supported, is_contradicted: neither is inconclusive; never both.
    """

    p_value: np.ndarray
    level: np.ndarray
    ci_low: np.ndarray
    ci_high: np.ndarray
    is_supported: np.ndarray
    is_contradicted: np.ndarray

    def verdict(self, place: int) -> Verdict:
        """The verdict on one of them."""
        if self.is_supported[place]:
            return "supported"
        return "contradicted" if self.is_contradicted[place] else "inconclusive"


def judge(evidence: Evidence, alpha: float = ALPHA) -> Judged:
    """Verdict on each hypothesis, whatever the others are but for their family's p-values.

    Raises:
        ValueError: an estimate without a standard error, or a rule without a smallest effect: neither can be judged.
    """
    e = evidence
    if not (np.all(np.isfinite(e.estimate)) and np.all(np.isfinite(e.standard_error)) and np.all(e.standard_error > 0)):
        raise ValueError("every estimate needs a standard error above 0")
    if not np.all(e.delta > 0) or not np.all(e.df > 0):
        raise ValueError("every claim needs a smallest effect above 0, every estimate degrees of freedom above 0")
    is_none = e.side == 0
    size = np.abs(e.estimate)
    # Of no effect the test against the nearer bound decides; its p-value is one-sided.
    score = np.where(is_none, size - e.delta, -size) / e.standard_error
    p_value = _below(score, e.df) * np.where(is_none, 1.0, 2.0)
    level = holm_levels(p_value, e.family, alpha)
    reach = -_quantile(np.where(is_none, level, level / 2), e.df) * e.standard_error
    low, high = e.estimate - reach, e.estimate + reach
    claimed = np.where(e.side < 0, -1.0, 1.0)
    near, far = np.where(e.side < 0, -high, low), np.where(e.side < 0, -low, high)
    is_effect = (near > 0) & (claimed * e.estimate >= e.delta)
    is_within = (low > -e.delta) & (high < e.delta)
    is_beyond = (low >= e.delta) | (high <= -e.delta)
    return Judged(
        p_value=p_value,
        level=level,
        ci_low=low,
        ci_high=high,
        is_supported=np.where(is_none, is_within, is_effect),
        is_contradicted=np.where(is_none, is_beyond, far < e.delta),
    )


def holm_levels(p_value: np.ndarray, family: np.ndarray, alpha: float = ALPHA) -> np.ndarray:
    """[n] level at which Holm tests each hypothesis in its family; a p-value at or below it is rejected.

    Equal p-values are tested on the strictest of their levels, so that no order of rows decides.
    """
    n = p_value.size
    if n == 0:
        return np.zeros(0)
    order = np.lexsort((p_value, family))
    p, group = p_value[order], family[order]
    starts = np.flatnonzero(np.r_[True, group[1:] != group[:-1]])
    sizes = np.diff(np.r_[starts, n])
    first = np.repeat(starts, sizes)
    is_new = np.r_[True, (p[1:] != p[:-1]) | (group[1:] != group[:-1])]
    # Place among the family of the first with this p-value.
    rank = np.maximum.accumulate(np.where(is_new, np.arange(n), 0)) - first
    level = alpha / (np.repeat(sizes, sizes) - rank)
    # From the first that is not rejected on, its level holds for all that follow.
    failed = np.where(p > level, np.arange(n), n)
    stop = np.repeat(np.minimum.reduceat(failed, starts), sizes)
    level = np.where(np.arange(n) > stop, level[np.minimum(stop, n - 1)], level)
    found = np.empty(n)
    found[order] = level
    return found


def holm_adjusted(p_value: np.ndarray) -> np.ndarray:
    """[n] Holm's adjusted p-values of one family: at or below alpha exactly where his step-down rejects."""
    order = np.argsort(p_value, kind="stable")
    stepped = np.minimum(np.maximum.accumulate(p_value[order] * (p_value.size - np.arange(p_value.size))), 1.0)
    found = np.empty(p_value.size)
    found[order] = stepped
    return found


def named_bounds(named: tuple[float, float]) -> tuple[float, float]:
    """What counts as the value (or range) that a claim names."""
    return named[0] * (1 - TOLERANCE), named[1] * (1 + TOLERANCE)


def judge_threshold(answer: Answer, interval: tuple[float, float], named: tuple[float, float]) -> tuple[Verdict, str]:
    """Verdict on a claim that names a threshold, and why, from the interval of a change-point in the same unit.

    Args:
        answer: of the change-point.
        interval: may be open (infinite) at either end; NaN where nothing is accepted.
        named: least and greatest value named, equal where it is one.
    """
    low, high = named_bounds(named)
    words = f"{low:g} to {high:g}"
    if answer == "not_answerable":
        return "not_answerable", "the data give no place to look for a change-point"
    if answer == "no_kink":
        return "inconclusive", "no bend was found, which is no proof that there is none"
    if np.isnan(interval[0]) or np.isnan(interval[1]):
        return "inconclusive", "there is a bend, but no single place agrees with the data"
    if low <= interval[0] and interval[1] <= high:
        return "supported", f"the interval of the change-point lies within {words}"
    if interval[1] < low or interval[0] > high:
        return "contradicted", f"the interval of the change-point lies outside {words}"
    return "inconclusive", f"the interval of the change-point lies neither within nor outside {words}"


def judge_level(interval: tuple[float, float], named: tuple[float, float]) -> tuple[Verdict, str]:
    """Verdict on a claim that names a level (a value, or a range of values), and why, from an interval in the same unit."""
    low, high = named_bounds(named)
    words = f"{low:g} to {high:g}"
    if low <= interval[0] and interval[1] <= high:
        return "supported", f"the interval lies within {words}"
    if interval[1] < low or interval[0] > high:
        return "contradicted", f"the interval lies outside {words}"
    return "inconclusive", f"the interval lies neither within nor outside {words}"


def whole(parts: tuple[Verdict, ...]) -> Verdict:
    """Verdict on a claim of which every part must hold.

    A part that fails refutes it; all must be supported to support it (intersection-union, Berger 1982, Technometrics 24:295:
    no further adjustment); without an answer to any part there is none to the whole.
    """
    if "contradicted" in parts:
        return "contradicted"
    if all(part == "supported" for part in parts):
        return "supported"
    return "not_answerable" if all(part == "not_answerable" for part in parts) else "inconclusive"


def holds_in_truth(truth: float, standard_error: float, side: int, delta: float) -> bool | None:
    """Whether a claim of an effect (side +1 or -1) or of none (0) holds in the mechanism; None where its error hides that."""
    value = abs(truth) if side == 0 else side * truth
    # A truth computed from finitely many people does not tell on which side of a bound so near it lies.
    if abs(value - delta) <= Z975 * standard_error:
        return None
    return value < delta if side == 0 else value > delta


def recovery(verdict: Verdict, holds: bool) -> Recovery:
    """Whether a verdict says what is true: recovered; no verdict: missed; the opposite: false alarm."""
    if verdict in ("inconclusive", "not_answerable"):
        return "missed"
    return "recovered" if (verdict == "supported") == holds else "false_alarm"


def _below(score: np.ndarray, df: np.ndarray) -> np.ndarray:
    is_normal = np.isinf(df)
    return np.where(is_normal, ndtr(score), stdtr(np.where(is_normal, 1.0, df), score))


def _quantile(share: np.ndarray, df: np.ndarray) -> np.ndarray:
    is_normal = np.isinf(df)
    found = np.asarray(ndtri(share))
    if not is_normal.all():
        found[~is_normal] = stdtrit(df[~is_normal], share[~is_normal])
    return found
