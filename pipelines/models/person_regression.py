"""Weighted least squares with errors that count persons, the rows of a person being one.

Here: one linear fit. Not here: pooling (`imputation`), where it bends (`bent_line`), what weighs it (`marginal_structural`).
"""

import numpy as np

from pipelines.models.errors import NotEstimable
from pipelines.models.least_squares import coefficients, triangle

_COLLINEAR = 1e-10


def person_regression(
    outcome: np.ndarray, design: np.ndarray, person: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients [p] and their covariance [p, p], sandwich over persons times k / (k - 1).

    Args:
        outcome: [n]; design: [n, p] with its intercept; person: [n] codes 0 to k - 1; weights: [n] positive, as known.

    Raises:
        NotEstimable: columns that tell each other, or fewer than two people more than columns.
    """
    k = int(person.max()) + 1 if person.size else 0
    if k < design.shape[1] + 2:
        raise NotEstimable(f"{k} people are too few for {design.shape[1]} coefficients")
    scale = np.abs(design).max(axis=0)
    if not np.all(scale > 0):
        raise NotEstimable("a column of the line is 0 for everybody", np.flatnonzero(scale == 0).tolist())
    x, root = design / scale, np.sqrt(weights)
    weighted = x * root[:, None]
    r = triangle(weighted)
    size = np.abs(np.diag(r))
    if size.min() <= _COLLINEAR * size.max():
        raise NotEstimable("columns of the line tell each other")
    inverse = np.linalg.inv(r)
    beta = coefficients(weighted, outcome * root, inverse)
    rows = x * (weights * (outcome - x @ beta))[:, None]
    scores = np.zeros((k, x.shape[1]))
    np.add.at(scores, person, rows)
    bread = inverse @ inverse.T
    covariance = bread @ (scores.T @ scores) @ bread * k / (k - 1)
    return beta / scale, covariance / np.outer(scale, scale)
