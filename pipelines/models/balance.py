"""How alike two arms are in every covariate, before and after weighting. Judging it belongs to the gate."""

from dataclasses import dataclass

import numpy as np
import polars as pl


@dataclass(frozen=True, slots=True)
class CovariateBalance:
    """Of each of k covariates and indicators of missing values, in the order of the frame.

    Attributes:
        covariates: [k] names; `name: missing` for the indicator of one, `name: level` of a nominal one.
        mean_target, mean_comparator: [k] unweighted means of the known values.
        smd_before, smd_after: [k] standardised mean difference, target less comparator, over the unweighted SD in both
            columns; 0 where nobody differs.
        variance_ratio: [k] of the weighted variances, target over comparator; NaN for indicators and where either is 0.
        n_target, n_comparator: [k] people with a known value.
    """

    covariates: tuple[str, ...]
    mean_target: np.ndarray
    mean_comparator: np.ndarray
    smd_before: np.ndarray
    smd_after: np.ndarray
    variance_ratio: np.ndarray
    n_target: np.ndarray
    n_comparator: np.ndarray

    @property
    def largest_after(self) -> float:
        """Largest absolute standardised difference after weighting; 0 without covariates."""
        return float(np.abs(self.smd_after).max(initial=0.0))

    @property
    def largest_before(self) -> float:
        """The same before weighting."""
        return float(np.abs(self.smd_before).max(initial=0.0))


def covariate_balance(
    covariates: pl.DataFrame, treated: np.ndarray, weights: np.ndarray, nominal: tuple[str, ...] = ()
) -> CovariateBalance:
    """Standardised mean differences and variance ratios of every covariate, in a model or not.

    The denominator is the root of the mean of the two unweighted variances, before and after alike, so that weighting
    cannot make a difference small by making a group wide (Austin 2009, Stat Med 28:3083; cobalt's convention).

    Args:
        covariates: [n rows] numeric, NULL where missing; means are of known values, and being missing is a covariate.
        treated: [n] true for the target arm.
        weights: [n].
        nominal: columns whose numbers are codes: each level is a covariate.

    Raises:
        ValueError: an arm is empty.
    """
    if not treated.any() or treated.all():
        raise ValueError("balance needs two arms")
    names: list[str] = []
    found: list[tuple[float, ...]] = []
    ones = np.ones(treated.size)
    for name in covariates.columns:
        for term, values, is_scale in _terms(name, covariates[name].cast(pl.Float64).to_numpy(), name in nominal):
            known = np.isfinite(values)
            sides = [(treated & known), (~treated & known)]
            names.append(term)
            found.append(_compared(values, sides, ones, weights, is_scale))
    table = np.array(found, dtype=np.float64).reshape(len(names), 7)
    sizes = table[:, 5:].astype(np.int64)
    return CovariateBalance(tuple(names), *(table[:, k] for k in range(5)), sizes[:, 0], sizes[:, 1])


def _terms(name: str, values: np.ndarray, is_nominal: bool) -> list[tuple[str, np.ndarray, bool]]:
    """What a column stands for; `values` are NaN where missing."""
    missing = np.isnan(values)
    known = values[~missing] if (has_missing := bool(missing.any())) else values
    if is_nominal:
        terms = [
            (f"{name}: {level:g}", np.where(missing, np.nan, values == level), False) for level in np.unique(known)
        ]
    else:
        terms = [(name, values, _has_three(known))]
    if has_missing:
        terms.append((f"{name}: missing", missing.astype(np.float64), False))
    return terms


def _has_three(values: np.ndarray) -> bool:
    """Whether there are more than two different values."""
    return values.size > 0 and bool(((values != values.min()) & (values != values.max())).any())


def _compared(
    values: np.ndarray, sides: list[np.ndarray], ones: np.ndarray, weights: np.ndarray, is_scale: bool
) -> tuple[float, ...]:
    """Means, differences before and after over the fixed spread, variance ratio, people known, of one covariate."""
    sizes = [int(side.sum()) for side in sides]
    if not all(sizes):
        return (np.nan, np.nan, 0.0, 0.0, np.nan, *sizes)
    plain = [_moments(values[side], ones[side]) for side in sides]
    weighted = [_moments(values[side], weights[side]) for side in sides]
    spread = np.sqrt((plain[0][1] + plain[1][1]) / 2)
    before, after = ((arms[0][0] - arms[1][0]) for arms in (plain, weighted))
    # Without any spread a difference of means is still one: it is as large as can be.
    smd = [
        0.0 if abs(gap) < 1e-12 else float(gap / spread) if spread > 0 else np.sign(gap) * np.inf
        for gap in (before, after)
    ]
    # Of one value, or of equal ones, rounding may leave a variance of 1e-32: it is none.
    varies = all(variance > (1e-12 * mean) ** 2 for mean, variance in weighted)
    ratio = weighted[0][1] / weighted[1][1] if is_scale and varies else np.nan
    return (plain[0][0], plain[1][0], *smd, ratio, *sizes)


def _moments(values: np.ndarray, weights: np.ndarray) -> tuple[float, float]:
    total = float(weights.sum())
    if total <= 0:
        return float("nan"), 0.0
    mean = float(weights @ values) / total
    return mean, float(weights @ (values - mean) ** 2) / total
