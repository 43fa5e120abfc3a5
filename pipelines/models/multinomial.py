"""Multinomial logistic regression: chances of doses or of staying, and how much each row tells about the coefficients.

Two categories make it the logistic model. For tables of person-periods, with a ridge where rare histories would separate;
propensities of a million people are `logistic`.
"""

from dataclasses import dataclass

import numpy as np
from scipy import linalg

from pipelines.models.errors import NotEstimable
from pipelines.models.folded_matrix import FoldedMatrix, Matrix
from pipelines.models.standardised import Blocks, blocks, location

_MOST_STEPS = 60
#: half the squared Newton decrement at which a fit has converged; a share of the loss, its rounding noise, is added
_TOLERANCE, _NOISE = 1e-13, 1e-15
#: a log odds beyond this is a chance of 0 or 1: there is no finite fit
_SEPARATED = 30.0


@dataclass(frozen=True, slots=True, eq=False)
class MultinomialFit:
    """A converged fit of K categories, the first of which is the reference.

    Attributes:
        coefficients: [K - 1, p + 1] log odds against category 0, intercept first, per unit of the covariates.
        probabilities: [n, K] of the rows of the fit.
        inverse_information: [(K - 1)(p + 1), same] of the coefficients, category by category.
    """

    coefficients: np.ndarray
    probabilities: np.ndarray
    inverse_information: np.ndarray

    def predict(self, design: Matrix) -> np.ndarray:
        """[m, K] chances at `design` [m, p]."""
        return _softmax(design @ self.coefficients[:, 1:].T + self.coefficients[:, 0])

    def gathered(self, design: Matrix, category: np.ndarray, along: np.ndarray) -> np.ndarray:
        """[(K - 1)(p + 1), q] sum over rows of score times `along` [n, q]; rows and design as fitted."""
        residual = _indicators(category, self.probabilities.shape[1]) - self.probabilities[:, 1:]
        told = residual[:, :, None] * along[:, None, :]
        # One product of all categories and columns: each by itself would read the whole design again.
        n, k, q = told.shape
        by_column = (told.reshape(n, k * q).T @ design).T.reshape(design.shape[1], k, q)
        whole = np.concatenate([told.sum(axis=0)[None], by_column])
        return whole.swapaxes(0, 1).reshape(k * whole.shape[0], q)

    def spread(self, design: Matrix, category: np.ndarray, direction: np.ndarray) -> np.ndarray:
        """[n, q] every row's score times `direction` [(K - 1)(p + 1), q]."""
        residual = _indicators(category, self.probabilities.shape[1]) - self.probabilities[:, 1:]
        (n, p), k, q = design.shape, residual.shape[1], direction.shape[1]
        parts = direction.reshape(k, p + 1, q)
        told = (design @ parts[:, 1:].swapaxes(0, 1).reshape(p, k * q)).reshape(n, k, q) + parts[:, 0]
        return np.einsum("nk,nkq->nq", residual, told)


def fit_multinomial(
    design: Matrix,
    category: np.ndarray,
    n_categories: int,
    weights: np.ndarray | None = None,
    penalty: float = 0.0,
) -> MultinomialFit:
    """Maximum likelihood, or with a penalty its mode under a normal prior, by Newton steps.

    Args:
        design: [n, p] without intercept; p may be 0.
        category: [n] integers 0 to n_categories - 1, each occurring.
        n_categories: K, at least 2.
        weights: [n] not negative; None: ones.
        penalty: half of it times the squares of the coefficients per SD of the covariates, intercepts not, joins the loss:
            a prior of SD 1 / sqrt(penalty). The inverse information has it, too.

    Raises:
        ValueError: shapes that differ, values that are not finite, or a category out of range.
        NotEstimable: a category nobody has, collinear columns, separation, or no convergence.
    """
    x = design if isinstance(design, FoldedMatrix) else np.asarray(design, dtype=np.float64)
    c = np.asarray(category)
    if len(x.shape) != 2 or x.shape[0] != c.size:
        raise ValueError("design must be [n, p] with one row a category")
    if c.size and (c.min() < 0 or c.max() >= n_categories):
        raise ValueError(f"categories must lie between 0 and {n_categories - 1}")
    w = np.ones(c.size) if weights is None else np.asarray(weights, dtype=np.float64)
    counts = np.bincount(c, w, n_categories)
    if not np.all(counts > 0):
        raise NotEstimable(f"nobody is in category {int(np.flatnonzero(counts <= 0)[0])} of a multinomial model")
    center, scale = location(x)
    if not np.all(scale > 0):
        raise NotEstimable("a covariate of a multinomial model is constant: leave it out")
    rows_of = blocks(x, center, scale)
    beta = np.zeros((n_categories - 1, x.shape[1] + 1))
    beta[:, 0] = np.log(counts[1:] / counts[0])
    ridge = np.full(beta.shape, penalty)
    ridge[:, 0] = 0.0
    loss = _loss(rows_of, c, w, beta, ridge)[0]
    for _ in range(_MOST_STEPS):
        gradient, information = _derivatives(rows_of, c, w, beta, ridge)
        try:
            factor = linalg.cho_factor(information)
        except linalg.LinAlgError as error:
            raise NotEstimable(
                "covariates of a multinomial model tell each other, or separate the categories"
            ) from error
        move = linalg.cho_solve(factor, gradient)
        decrement = float(gradient @ move)
        if decrement / 2 < _TOLERANCE + _NOISE * abs(loss):
            break
        beta, loss, largest = _shortened(rows_of, c, w, beta, move.reshape(beta.shape), loss, decrement, ridge)
        if largest > _SEPARATED:
            raise NotEstimable("separation: covariates tell a category of a multinomial model without error")
    else:
        raise NotEstimable(f"a multinomial model did not converge in {_MOST_STEPS} steps")
    back = np.eye(x.shape[1] + 1)
    back[1:, 1:] = np.diag(1 / scale)
    back[0, 1:] = -center / scale
    turned = np.kron(np.eye(n_categories - 1), back)
    inverse = turned @ linalg.cho_solve(factor, np.eye(beta.size)) @ turned.T
    coefficients = beta @ back.T
    return MultinomialFit(coefficients, _softmax(x @ coefficients[:, 1:].T + coefficients[:, 0]), inverse)


def _indicators(category: np.ndarray, n_categories: int) -> np.ndarray:
    """[n, K - 1] of the categories after the first."""
    return (category[:, None] == np.arange(1, n_categories)).astype(np.float64)


def _softmax(log_odds: np.ndarray) -> np.ndarray:
    full = np.column_stack([np.zeros(log_odds.shape[0]), log_odds])
    full = np.exp(full - full.max(axis=1, keepdims=True))
    return full / full.sum(axis=1, keepdims=True)


def _loss(
    rows_of: Blocks, category: np.ndarray, w: np.ndarray, beta: np.ndarray, ridge: np.ndarray
) -> tuple[float, float]:
    """Penalised negative log likelihood, and the largest log odds of anybody."""
    loss, largest = float((ridge * beta**2).sum() / 2), 0.0
    for rows, block in rows_of:
        log_odds = block @ beta.T
        largest = max(largest, float(np.abs(log_odds).max(initial=0.0)))
        full = np.column_stack([np.zeros(log_odds.shape[0]), log_odds])
        top = full.max(axis=1)
        total = top + np.log(np.exp(full - top[:, None]).sum(axis=1))
        loss += float(w[rows] @ (total - full[np.arange(full.shape[0]), category[rows]]))
    return loss, largest


def _derivatives(
    rows_of: Blocks, category: np.ndarray, w: np.ndarray, beta: np.ndarray, ridge: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Downhill direction [(K - 1)(p + 1)] and Hessian [same, same] of the penalised negative log likelihood."""
    k, p = beta.shape
    gradient, information = -ridge * beta, np.diag(ridge.ravel())
    for rows, block in rows_of:
        probability, own = _softmax(block @ beta.T)[:, 1:], w[rows]
        gradient = gradient + ((_indicators(category[rows], k + 1) - probability) * own[:, None]).T @ block
        for a in range(k):
            for b in range(a, k):
                other = 1.0 - probability[:, a] if a == b else probability[:, b]
                # A matrix times its own transpose takes half the work of a product of two.
                part = block * np.sqrt(own * probability[:, a] * other)[:, None]
                information[a * p : (a + 1) * p, b * p : (b + 1) * p] += part.T @ part * (1.0 if a == b else -1.0)
    for a in range(k):
        for b in range(a):
            information[a * p : (a + 1) * p, b * p : (b + 1) * p] = information[
                b * p : (b + 1) * p, a * p : (a + 1) * p
            ]
    return gradient.ravel(), information


def _shortened(
    rows_of: Blocks,
    category: np.ndarray,
    w: np.ndarray,
    beta: np.ndarray,
    move: np.ndarray,
    loss: float,
    decrement: float,
    ridge: np.ndarray,
) -> tuple[np.ndarray, float, float]:
    """The Newton step, halved until the loss falls; the loss there, and the largest log odds."""
    length = 1.0
    for _ in range(30):
        tried = beta + length * move
        found, largest = _loss(rows_of, category, w, tried, ridge)
        if found <= loss - 1e-4 * length * decrement + 1e-12 * abs(loss):
            return tried, found, largest
        length /= 2
    raise NotEstimable("a multinomial model did not converge: no step lowers its loss")
