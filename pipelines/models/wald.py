"""Wald tests of several parameters at once, with the finite degrees of freedom of a survey design.

Holds the test result and the complete-data test; how tests are pooled over imputations is `imputation`.
"""

from dataclasses import dataclass

import numpy as np
from scipy import special

from pipelines.models.errors import NotEstimable


@dataclass(frozen=True, slots=True)
class WaldTest:
    """An F test that a parameter vector is zero.

    `statistic` ~ F(`df_numerator`, `df_denominator`) under the null; `relative_increase` is the average relative
    increase in variance due to missing data (0 for complete data).
    """

    statistic: float
    df_numerator: int
    df_denominator: float
    p_value: float
    relative_increase: float = 0.0


def quadratic_form(coefficients: np.ndarray, covariance: np.ndarray) -> float:
    """W = b' V^-1 b. Raises NotEstimable where V [k, k] is singular or not positive definite."""
    if coefficients.size == 0:
        raise NotEstimable("a Wald test needs at least one parameter")
    scale = np.sqrt(np.diag(covariance))
    if not (np.all(np.isfinite(covariance)) and np.all(scale > 0)):
        raise NotEstimable("a tested parameter has no positive finite variance")
    correlation = covariance / np.outer(scale, scale)
    if np.linalg.eigvalsh(correlation)[0] <= 1e-12:
        raise NotEstimable("the covariance of the tested parameters is singular: test fewer terms at once")
    standardized = coefficients / scale
    return float(standardized @ np.linalg.solve(correlation, standardized))


def f_test(statistic: float, df_numerator: int, df_denominator: float, relative_increase: float = 0.0) -> WaldTest:
    """Upper-tail F test; an infinite denominator is the chi-square limit."""
    if np.isinf(df_denominator):
        p_value = float(special.chdtrc(df_numerator, df_numerator * statistic))
    else:
        p_value = float(special.fdtrc(df_numerator, df_denominator, statistic))
    return WaldTest(statistic, df_numerator, float(df_denominator), p_value, relative_increase)


def design_adjusted_wald(coefficients: np.ndarray, covariance: np.ndarray, df: float) -> WaldTest:
    """Design-adjusted Wald F: (df - k + 1) / (df k) W ~ F(k, df - k + 1).

    Args:
        coefficients: [k], tested against 0.
        covariance: [k, k], linearized.
        df: design degrees of freedom (PSUs minus strata), may be infinite.

    Raises:
        NotEstimable: df - k + 1 is not positive, or the covariance is singular.

    Source: Korn and Graubard (1990), American Statistician 44:270; Hotelling's T-squared with df error degrees.
    """
    k = int(coefficients.size)
    wald = quadratic_form(coefficients, covariance)
    if np.isinf(df):
        return f_test(wald / k, k, np.inf)
    if df - k + 1 <= 0:
        raise NotEstimable(f"{k} parameters cannot be tested jointly with {df:g} design degrees of freedom")
    return f_test((df - k + 1) / (df * k) * wald, k, df - k + 1)
