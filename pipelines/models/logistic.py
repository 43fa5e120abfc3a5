"""Logistic regression: the one fit behind propensities and chances of being observed, with what its uncertainty costs.

Newton steps over blocks of rows, so that a million people need no second copy of their covariates. Which covariates, and
what the probabilities are for, belongs to the callers.
"""

from dataclasses import dataclass

import numpy as np

from pipelines.models.errors import NotEstimable
from pipelines.models.standardised import Blocks, blocks, location

_MOST_STEPS = 60
_MOST_HALVINGS = 30
#: half the squared Newton decrement, in units of log-likelihood, at which a fit has converged
_TOLERANCE = 1e-13
#: a linear predictor beyond this, without a penalty, is a probability of 0 or 1: there is no finite fit
_SEPARATED = 25.0
#: reciprocal condition (1-norm) above which no column tells another
_SURELY_APART = 1e-9
#: of a million people one covariate is wild enough for a chance of 1, whose odds and weights are no numbers
_LEAST_CHANCE, _MOST_CHANCE = np.finfo(np.float64).tiny, 1.0 - np.finfo(np.float64).epsneg


@dataclass(frozen=True, slots=True)
class LogisticFit:
    """A converged fit. Coefficients are per unit of the covariates; `information` is that of the standardised ones.

    Attributes:
        intercept: log odds at covariates of 0.
        coefficients: [p] log odds per unit.
        probabilities: [n] fitted.
        center, scale: [p] mean and SD by which covariates were standardised; a constant column has scale 1.
        information: [p + 1, p + 1] negative Hessian at the fit, penalty included, intercept first.
        penalty: ridge penalty on the standardised coefficients, lambda of lambda/2 |b|^2; 0 is maximum likelihood.
        n_steps: Newton steps taken.
    """

    intercept: float
    coefficients: np.ndarray
    probabilities: np.ndarray
    center: np.ndarray
    scale: np.ndarray
    information: np.ndarray
    penalty: float
    n_steps: int

    def predict(self, design: np.ndarray) -> np.ndarray:
        """[m] probabilities of other people; `design` [m, p]."""
        return expit(self.intercept + design @ self.coefficients)

    def standard_errors(self) -> np.ndarray:
        """[p] model-based standard errors of the coefficients, meant for a fit without penalty."""
        return np.sqrt(np.diag(np.linalg.inv(self.information)))[1:] / self.scale

    def correction(self, design: np.ndarray, outcome: np.ndarray, gradient: np.ndarray) -> np.ndarray:
        """What estimating the coefficients adds to the influence function of a sum that depends on them.

        Args:
            design: [n, p] of the people of the fit.
            outcome: [n] 0 or 1, as fitted.
            gradient: [n] derivative of each person's term by the person's linear predictor.

        Returns:
            [n] (sum_j g_j z_j)' I^-1 z_i (y_i - p_i), which sums to 0 without a penalty.

        Source: Lunceford and Davidian (2004), Stat Med 23:2937, section 3; Stefanski and Boos (2002), Am Stat 56:29.
        """
        sum_of_gradients = float(gradient.sum())
        slopes = (design.T @ gradient - self.center * sum_of_gradients) / self.scale
        direction = np.linalg.solve(self.information, np.concatenate(([sum_of_gradients], slopes)))
        per_unit = direction[1:] / self.scale
        along = direction[0] - self.center @ per_unit + design @ per_unit
        return along * (outcome - self.probabilities)


def expit(log_odds: np.ndarray) -> np.ndarray:
    """Probability of log odds, without overflow, and inside (0, 1): one that rounds to 1 is the number before it."""
    from scipy.special import expit as logistic

    return np.clip(logistic(log_odds), _LEAST_CHANCE, _MOST_CHANCE)


def fit_logistic(design: np.ndarray, outcome: np.ndarray, penalty: float = 0.0) -> LogisticFit:
    """Maximum likelihood, or ridge, logistic regression with an intercept that is never penalised.

    Args:
        design: [n, p] finite covariates, without intercept.
        outcome: [n] 0 or 1.
        penalty: lambda of lambda/2 |b|^2 on the standardised coefficients (scikit-learn's 1/C after scaling).

    Raises:
        NotEstimable: one outcome only, outcomes that a covariate tells without error (separation), collinear columns
            without a penalty, or no convergence.
        ValueError: shapes that differ, values that are not finite, or a negative penalty.
    """
    x, y = np.asarray(design, dtype=np.float64), np.asarray(outcome, dtype=np.float64)
    if x.ndim != 2 or x.shape[0] != y.size or penalty < 0:
        raise ValueError("design must be [n, p] with one row an outcome, and the penalty not negative")
    center, scale = _location(x)
    share = float(y.mean()) if y.size else 0.0
    if not 0.0 < share < 1.0:
        raise NotEstimable("everybody, or nobody, has the outcome of a logistic model: an arm is empty")
    beta = np.zeros(x.shape[1] + 1)
    beta[0] = np.log(share / (1.0 - share))
    standardised = blocks(x, center, scale)
    loss = np.inf
    n_steps = 0
    while n_steps < _MOST_STEPS:
        n_steps += 1
        loss, gradient, information = _derivatives(standardised, y, beta, penalty)
        move = newton_step(information, gradient)
        decrement = float(gradient @ move)
        if decrement / 2 < _TOLERANCE:
            break
        beta = _shortened(x, y, beta, move, center, scale, penalty, loss, decrement)
        _require_no_separation(x, beta, center, scale, penalty)
    else:
        raise NotEstimable(f"a logistic model did not converge in {_MOST_STEPS} steps")
    coefficients = beta[1:] / scale
    intercept = float(beta[0] - center @ coefficients)
    probabilities = expit(intercept + x @ coefficients)
    return LogisticFit(intercept, coefficients, probabilities, center, scale, information, penalty, n_steps)


def restored_fit(
    design: np.ndarray, intercept: float, coefficients: np.ndarray, penalty: float, n_steps: int
) -> LogisticFit:
    """A fit from what was kept of it and the design it was made on: one pass over the rows, nothing is fitted.

    Raises:
        ValueError: not one coefficient a column.
    """
    x = np.asarray(design, dtype=np.float64)
    if x.ndim != 2 or x.shape[1] != coefficients.size:
        raise ValueError("a fit has one coefficient a column of its design")
    center, scale = _location(x)
    beta = np.concatenate(([intercept + center @ coefficients], coefficients * scale))
    probabilities = expit(intercept + x @ coefficients)
    # Gradient and Hessian come together; the Hessian asks for no outcome.
    _, _, information = _derivatives(blocks(x, center, scale), probabilities, beta, penalty)
    return LogisticFit(intercept, coefficients, probabilities, center, scale, information, penalty, n_steps)


def _location(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    center, scale = location(x)
    return center, np.where(scale > 0, scale, 1.0)


def _derivatives(
    rows_of: Blocks, y: np.ndarray, beta: np.ndarray, penalty: float
) -> tuple[float, np.ndarray, np.ndarray]:
    """Penalised negative log-likelihood, its downhill direction [p + 1] and its Hessian [p + 1, p + 1]."""
    ridge = np.full(beta.size, penalty)
    ridge[0] = 0.0
    loss, gradient, information = 0.5 * float(ridge @ beta**2), -ridge * beta, np.diag(ridge)
    for rows, block in rows_of:
        predictor = block @ beta
        probability = expit(predictor)
        loss += float(np.sum(np.logaddexp(0.0, predictor) - y[rows] * predictor))
        gradient = gradient + block.T @ (y[rows] - probability)
        weighted = block * np.sqrt(probability * (1.0 - probability))[:, None]
        information = information + weighted.T @ weighted
    return loss, gradient, information


def _loss(
    x: np.ndarray, y: np.ndarray, beta: np.ndarray, center: np.ndarray, scale: np.ndarray, penalty: float
) -> float:
    slope = beta[1:] / scale
    predictor = beta[0] - center @ slope + x @ slope
    return 0.5 * penalty * float(beta[1:] @ beta[1:]) + float(np.sum(np.logaddexp(0.0, predictor) - y * predictor))


def newton_step(information: np.ndarray, gradient: np.ndarray) -> np.ndarray:
    """The step that makes the gradient 0, were the loss quadratic; columns that tell each other are refused.

    Raises:
        NotEstimable: a constant or collinear column.
    """
    from scipy.linalg import get_lapack_funcs

    spread = np.sqrt(np.diag(information))
    if not np.all(spread > 0):
        fault = np.flatnonzero(~(spread > 0))
        raise NotEstimable("a covariate of a logistic model is constant: leave it out", (fault - 1).tolist())
    scaled = information / np.outer(spread, spread)
    condition, factorised, solved = get_lapack_funcs(("pocon", "potrf", "potrs"), (scaled,))
    factor, not_definite = factorised(scaled, lower=1)
    # Eigenvalues tell which columns are at fault, at ten times the price: asked where a bound on their spread is not enough.
    if not_definite == 0 and condition(factor, np.abs(scaled).sum(axis=0).max(), uplo="L")[0] > _SURELY_APART:
        return solved(factor, gradient / spread, lower=1)[0] / spread
    values, vectors = np.linalg.eigh(scaled)
    if values[0] <= 1e-12 * values[-1]:
        fault = np.flatnonzero(np.abs(vectors[1:, 0]) > 0.1)
        raise NotEstimable("covariates of a logistic model tell each other (collinear, or separation)", fault.tolist())
    return vectors @ ((vectors.T @ (gradient / spread)) / values) / spread


def _shortened(
    x: np.ndarray,
    y: np.ndarray,
    beta: np.ndarray,
    move: np.ndarray,
    center: np.ndarray,
    scale: np.ndarray,
    penalty: float,
    loss: float,
    decrement: float,
) -> np.ndarray:
    """The Newton step, halved until the loss falls (Armijo); a full step is nearly always taken."""
    length = 1.0
    noise = 1e-12 * abs(loss)
    for _ in range(_MOST_HALVINGS):
        tried = beta + length * move
        if _loss(x, y, tried, center, scale, penalty) <= loss - 1e-4 * length * decrement + noise:
            return tried
        length /= 2
    raise NotEstimable("a logistic model did not converge: no step lowers its loss")


def _require_no_separation(
    x: np.ndarray, beta: np.ndarray, center: np.ndarray, scale: np.ndarray, penalty: float
) -> None:
    if penalty > 0:
        return
    slope = beta[1:] / scale
    predictor = beta[0] - center @ slope + x @ slope
    if np.abs(predictor).max() > _SEPARATED:
        fault = np.flatnonzero(np.abs(beta[1:]) > 5.0)
        raise NotEstimable("separation: covariates tell the outcome of a logistic model without error", fault.tolist())
