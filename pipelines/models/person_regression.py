"""Weighted least squares with errors that count persons, the rows of a person being one.

Here: one linear fit. Not here: pooling (`imputation`), where it bends (`bent_line`), what weighs it (`marginal_structural`).
"""

import numpy as np

from pipelines.models.errors import NotEstimable
from pipelines.models.least_squares import coefficients, triangle
from pipelines.models.standardised import ROWS

_COLLINEAR = 1e-10


def person_regression(
    outcome: np.ndarray, design: np.ndarray, person: np.ndarray, weights: np.ndarray, *, overwrite_design: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients [p] and their covariance [p, p], sandwich over persons times k / (k - 1).

    Args:
        outcome: [n]; design: [n, p] with its intercept; person: [n] codes 0 to k - 1; weights: [n] positive, as known.
        overwrite_design: whether the design may be weighted in its place, without a copy.

    Raises:
        NotEstimable: columns that tell each other, or fewer than two people more than columns.
    """
    k = int(person.max()) + 1 if person.size else 0
    if k < design.shape[1] + 2:
        raise NotEstimable(f"{k} people are too few for {design.shape[1]} coefficients")
    scale = np.maximum(design.max(axis=0), -design.min(axis=0))
    if not np.all(scale > 0):
        raise NotEstimable("a column of the line is 0 for everybody", np.flatnonzero(scale == 0).tolist())
    root = np.sqrt(weights)
    weighted = design if overwrite_design else design.copy()
    weighted /= scale
    weighted *= root[:, None]
    r = triangle(weighted)
    size = np.abs(np.diag(r))
    if size.min() <= _COLLINEAR * size.max():
        raise NotEstimable("columns of the line tell each other")
    inverse = np.linalg.inv(r)
    beta = coefficients(weighted, outcome * root, inverse)
    bread = inverse @ inverse.T
    squares = _score_squares(weighted, outcome * root - weighted @ beta, person, k)
    covariance = bread @ squares @ bread * k / (k - 1)
    return beta / scale, covariance / np.outer(scale, scale)


def _score_squares(weighted: np.ndarray, residual: np.ndarray, person: np.ndarray, k: int) -> np.ndarray:
    """[p, p] sum over people of the products of their scores, some people at a time."""
    from scipy import sparse

    order = np.argsort(person, kind="stable")
    first = np.concatenate([[0], np.cumsum(np.bincount(person, minlength=k))])
    of_people = sparse.csr_array((residual[order], order, first), shape=(k, residual.size))
    found = np.zeros((weighted.shape[1], weighted.shape[1]))
    for start in range(0, k, ROWS):
        scores = of_people[start : start + ROWS] @ weighted
        found += scores.T @ scores
    return found
