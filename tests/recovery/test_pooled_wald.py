"""Size of the pooled joint test when a covariance rests on 15 design degrees of freedom, as in NHANES 2013-14."""

import numpy as np
import pytest

from pipelines.models.imputation import wald_d1

DF, REPETITIONS, IMPUTATIONS = 15, 2000, 20


@pytest.mark.parametrize(
    ("k", "missing", "lowest"), [(3, 0.0, 0.035), (3, 0.05, 0.035), (3, 0.3, 0.02), (2, 0.3, 0.025)]
)
def test_design_adjusted_d1_never_rejects_too_often(k, missing, lowest):
    """Null: q ~ N(0, I + missing), each completed estimate q + N(0, missing), covariance Wishart with 15 df.

    Exact without missing information; with 20 to 30 % it is cautious (3 to 4 % instead of 5 %). The plain D1, which
    ignores that the covariance itself is estimated, rejects more often, and too often where little is missing.
    """
    rng = np.random.default_rng(k)
    rejected = np.zeros(2)
    for _ in range(REPETITIONS):
        factor = rng.normal(size=(DF, k))
        covariance = factor.T @ factor / DF
        center = rng.normal(size=k) * np.sqrt(1 + missing)
        estimates = center + np.sqrt(missing) * rng.normal(size=(IMPUTATIONS, k))
        covariances = np.broadcast_to(covariance, (IMPUTATIONS, k, k))
        for column, adjusted in enumerate((True, False)):
            rejected[column] += wald_d1(estimates, covariances, DF, design_adjusted=adjusted).p_value < 0.05
    adjusted_size, plain_size = rejected / REPETITIONS
    assert lowest < adjusted_size < 0.05 + 3 * np.sqrt(0.05 * 0.95 / REPETITIONS)
    assert plain_size > adjusted_size
    if missing == 0:
        assert plain_size > 0.06
