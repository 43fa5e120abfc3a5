"""Normal regression of a value known only between bounds (Tobit), and proper imputation of such values from the fit.

Serves log estradiol below the limit of quantification; any interval works. Pooling over imputations is `imputation`.
"""

from dataclasses import dataclass

import numpy as np
from scipy import linalg

from pipelines.errors import BadInput
from pipelines.models.errors import NotEstimable
from pipelines.models.truncated_normal import draw_between, interval_probability

MAXIMUM_ITERATIONS = 100
DECREMENT_TOLERANCE = 1e-18
_LOG_SQRT_2PI = 0.5 * np.log(2 * np.pi)


@dataclass(frozen=True, slots=True, eq=False)
class CensoredFit:
    """Maximum-likelihood fit of y ~ N(X beta, sigma^2).

    `coefficients` [p]; `log_sigma`; `covariance` [p + 1, p + 1] of (beta, log sigma) from the observed information;
    `n` informative rows, `n_censored` of them not measured exactly; `newton_decrement` is twice the log likelihood
    still to be gained at the last step.
    """

    coefficients: np.ndarray
    log_sigma: float
    covariance: np.ndarray
    log_likelihood: float
    n: int
    n_censored: int
    n_iterations: int
    newton_decrement: float

    @property
    def converged(self) -> bool:
        """The last Newton step had nothing left to gain, up to rounding."""
        return self.newton_decrement <= DECREMENT_TOLERANCE * max(1.0, abs(self.log_likelihood)) * 1e6


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """Informative rows with an orthonormalized design matrix: exact ones and those between bounds."""

    exact_x: np.ndarray
    exact_y: np.ndarray
    exact_weight: np.ndarray
    bounded_x: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    bounded_weight: np.ndarray


def fit_censored(
    design_matrix: np.ndarray, lower: np.ndarray, upper: np.ndarray, weights: np.ndarray | None = None
) -> CensoredFit:
    """Censored-normal regression by Newton's method in Olsen's parameters (beta / sigma, 1 / sigma).

    The log likelihood is concave in these, so any maximum is the maximum; whether one exists is checked first.

    Args:
        design_matrix: [n, p] with its own intercept column.
        lower, upper: [n] bounds of the outcome: equal where measured; -inf and the limit where left-censored; any
            interval else. A row with both bounds infinite says nothing and is left out of the fit.
        weights: [n] positive frequency weights. Sampling weights do not belong here (the information would be wrong
            by the survey design): put their logarithm and the strata into `design_matrix`.

    Raises:
        BadInput: shapes differ, a covariate, bound or weight is not a number, lower > upper, a weight <= 0.
        NotEstimable: no maximum exists (all rows censored, a column that only censored rows can move, dependent
            columns, a perfect fit) or Newton did not converge.

    Source: Tobin (1958), Econometrica 26:24; Olsen (1978), Econometrica 46:1211. Equals
    survival::survreg(Surv(lower, upper, type = "interval2"), dist = "gaussian").
    """
    x = np.asarray(design_matrix, dtype=np.float64)
    case_weights = np.ones(lower.size) if weights is None else np.asarray(weights, dtype=np.float64)
    _check(x, lower, upper, case_weights)
    informative = np.isfinite(lower) | np.isfinite(upper)
    x, lo, hi, w = x[informative], lower[informative], upper[informative], case_weights[informative]
    exact = lo == hi
    if not np.any(exact) and not np.any(np.isfinite(lo) & np.isfinite(hi)):
        raise NotEstimable(f"all {lo.size} rows are censored on one side: nothing locates the distribution")
    scale = np.sqrt(np.mean(x**2, axis=0))
    scale[scale == 0] = 1.0
    q, r, pivots = linalg.qr(x / scale, mode="economic", pivoting=True)
    diagonal = np.abs(np.diag(r))
    if x.shape[0] < x.shape[1] or np.any(diagonal <= 1e-9 * diagonal[0]):
        dependent = pivots[np.flatnonzero(diagonal <= 1e-9 * diagonal[0])].tolist()
        raise NotEstimable(f"imputation columns {dependent} depend on the others in these rows", dependent)
    size = np.sqrt(x.shape[0])
    q, back = q * size, np.empty((x.shape[1], x.shape[1]))
    back[pivots] = linalg.solve_triangular(r, np.eye(x.shape[1])) * size
    back /= scale[:, None]
    rows = _Rows(q[exact], lo[exact], w[exact], q[~exact], lo[~exact], hi[~exact], w[~exact])
    _require_maximum(rows, back * scale[:, None])
    parameters, information, log_likelihood, iterations, decrement = _newton(rows, _start(q, lo, hi, exact))
    gamma, theta = parameters[:-1], parameters[-1]
    beta = back @ gamma / theta
    jacobian = np.zeros((beta.size + 1, beta.size + 1))
    jacobian[:-1, :-1] = back / theta
    jacobian[:-1, -1] = -beta / theta
    jacobian[-1, -1] = -1 / theta
    covariance = jacobian @ linalg.solve(information, jacobian.T, assume_a="pos")
    fit = CensoredFit(
        coefficients=beta,
        log_sigma=float(-np.log(theta)),
        covariance=(covariance + covariance.T) / 2,
        log_likelihood=log_likelihood,
        n=int(lo.size),
        n_censored=int(np.sum(~exact)),
        n_iterations=iterations,
        newton_decrement=decrement,
    )
    if not fit.converged:
        raise NotEstimable(f"the censored regression did not converge in {iterations} Newton steps")
    return fit


def draw_censored(
    fit: CensoredFit,
    design_matrix: np.ndarray,
    lower: np.ndarray,
    upper: np.ndarray,
    parameter_normals: np.ndarray,
    row_uniforms: np.ndarray,
) -> np.ndarray:
    """One proper imputation: a parameter draw from N(estimate, covariance), then each value between its bounds.

    Args:
        fit: of `fit_censored`.
        design_matrix: [n, p]; lower, upper: [n], as in the fit. Exact rows come back as measured.
        parameter_normals: [p + 1] standard normals, one draw for the whole population.
        row_uniforms: [n] in (0, 1), keyed by person.

    Returns:
        [n] completed outcomes.

    Source: Rubin (1987), section 5.3; Lubin et al. (2004), Environ Health Perspect 112:1691.
    """
    p = fit.coefficients.size
    if parameter_normals.shape != (p + 1,) or row_uniforms.shape != lower.shape:
        raise ValueError(f"need {p + 1} parameter normals and one uniform per row")
    center = np.append(fit.coefficients, fit.log_sigma)
    spread = np.sqrt(np.diag(fit.covariance))
    factor = np.linalg.cholesky(fit.covariance / np.outer(spread, spread)) * spread[:, None]
    drawn = center + factor @ parameter_normals
    mean, sigma = design_matrix @ drawn[:-1], np.exp(drawn[-1])
    completed = np.array(lower, dtype=np.float64)
    rows = np.flatnonzero(lower != upper)
    a, b = (lower[rows] - mean[rows]) / sigma, (upper[rows] - mean[rows]) / sigma
    values = mean[rows] + sigma * draw_between(a, b, row_uniforms[rows])
    completed[rows] = np.clip(values, lower[rows], upper[rows])
    return completed


def _check(x: np.ndarray, lower: np.ndarray, upper: np.ndarray, weights: np.ndarray) -> None:
    if not x.shape[0] == lower.size == upper.size == weights.size:
        raise BadInput("censored regression: design matrix, bounds and weights need the same number of rows")
    problems = []
    if not np.all(np.isfinite(x)):
        columns = np.flatnonzero(~np.all(np.isfinite(x), axis=0)).tolist()
        problems.append(f"censored regression: design-matrix columns {columns} hold missing values; drop these rows")
    if np.any(np.isnan(lower) | np.isnan(upper)):
        problems.append("censored regression: a bound is missing; give -inf or +inf where there is none")
    elif np.any(lower > upper) or np.any(np.isposinf(lower)) or np.any(np.isneginf(upper)):
        problems.append("censored regression: a lower bound exceeds its upper bound; swap or quarantine the row")
    if not np.all(np.isfinite(weights) & (weights > 0)):
        problems.append("censored regression: a weight is not positive; drop these rows")
    if problems:
        raise BadInput(problems)


def _start(x: np.ndarray, lower: np.ndarray, upper: np.ndarray, exact: np.ndarray) -> np.ndarray:
    """Least squares on measured values and the finite end of intervals, as Olsen parameters [p + 1]."""
    y = np.where(np.isfinite(upper), upper, lower)
    gamma = x.T @ y / x.shape[0]
    residual = y - x @ gamma
    sigma = max(float(np.std(residual)), 1e-3 * float(np.std(y)), 1e-8)
    return np.append(gamma / sigma, 1 / sigma)


def _likelihood(rows: _Rows, parameters: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """Log likelihood, score [p + 1] and observed information [p + 1, p + 1] in Olsen's parameters."""
    gamma, theta = parameters[:-1], parameters[-1]
    z = theta * rows.exact_y - rows.exact_x @ gamma
    design = np.column_stack([-rows.exact_x, rows.exact_y])
    n_exact = float(rows.exact_weight.sum())
    value = n_exact * (np.log(theta) - _LOG_SQRT_2PI) - 0.5 * float(rows.exact_weight @ z**2)
    score = -design.T @ (rows.exact_weight * z)
    information = (design * rows.exact_weight[:, None]).T @ design
    score[-1] += n_exact / theta
    information[-1, -1] += n_exact / theta**2
    if rows.lower.size:
        center = rows.bounded_x @ gamma
        p = interval_probability(theta * rows.lower - center, theta * rows.upper - center)
        w = rows.bounded_weight
        at_lower = np.column_stack([-rows.bounded_x, np.where(np.isfinite(rows.lower), rows.lower, 0.0)])
        at_upper = np.column_stack([-rows.bounded_x, np.where(np.isfinite(rows.upper), rows.upper, 0.0)])
        value += float(w @ p.log_probability)
        score += at_lower.T @ (w * p.slope_lower) + at_upper.T @ (w * p.slope_upper)
        mixed = (at_lower * (w * p.curvature_mixed)[:, None]).T @ at_upper
        information -= (at_lower * (w * p.curvature_lower)[:, None]).T @ at_lower
        information -= (at_upper * (w * p.curvature_upper)[:, None]).T @ at_upper
        information -= mixed + mixed.T
    return value, score, information


def _newton(rows: _Rows, parameters: np.ndarray) -> tuple[np.ndarray, np.ndarray, float, int, float]:
    """Newton with step halving; returns parameters, information, log likelihood, iterations, last decrement."""
    value, score, information = _likelihood(rows, parameters)
    decrement = np.inf
    for iteration in range(1, MAXIMUM_ITERATIONS + 1):
        try:
            step = linalg.solve(information, score, assume_a="pos")
        except (linalg.LinAlgError, ValueError) as error:
            raise NotEstimable("the information of the censored regression became singular") from error
        decrement = float(score @ step)
        if decrement <= DECREMENT_TOLERANCE * max(1.0, abs(value)):
            return parameters, information, value, iteration, abs(decrement)
        size = 1.0
        while size > 1e-10:
            candidate = parameters + size * step
            if candidate[-1] > 0:
                trial = _likelihood(rows, candidate)
                if trial[0] >= value + 1e-4 * size * decrement - 1e-12 * max(1.0, abs(value)):
                    break
            size /= 2
        else:
            return parameters, information, value, iteration, abs(decrement)
        parameters, (value, score, information) = candidate, trial
    return parameters, information, value, MAXIMUM_ITERATIONS, abs(decrement)


def _require_maximum(rows: _Rows, to_columns: np.ndarray) -> None:
    """Refuse data whose likelihood has no maximum: a direction of (gamma, theta) that no row ever pays for.

    Along a direction d an exact row costs (y d_theta - x d_gamma)^2, so d must lie in the null space of the exact
    rows; a bounded row is free where its bounds move outward. A linear program looks for such a d (Rockafellar's
    recession cone; the analogue of separation in logistic regression, Albert and Anderson 1984, Biometrika 71:1).
    """
    p = rows.exact_x.shape[1]
    pinned = np.column_stack([-rows.exact_x, rows.exact_y])
    # R of a QR decomposition has the null space of the rows, and is small however many they are.
    small = (
        linalg.qr(pinned / max(1.0, np.abs(pinned).max(initial=0.0)), mode="r")[0][: p + 1] if len(pinned) else pinned
    )
    null = linalg.null_space(small, rcond=1e-10) if len(pinned) else np.eye(p + 1)
    if null.shape[1] == 0:
        return
    from scipy.optimize import linprog

    above, below = np.isfinite(rows.upper), np.isfinite(rows.lower)
    outward = np.vstack(
        [
            np.column_stack([-rows.bounded_x[above], rows.upper[above]]),
            np.column_stack([rows.bounded_x[below], -rows.lower[below]]),
            np.eye(p + 1)[[p]],
        ]
    )
    gain = outward @ null
    found = linprog(-gain.sum(axis=0), A_ub=-gain, b_ub=np.zeros(len(gain)), bounds=(-1, 1), method="highs")
    if found.status != 0:
        raise NotEstimable("could not decide whether the censored regression has a maximum")
    if -found.fun <= 1e-7:
        return
    direction = null @ found.x
    if direction[-1] > 1e-7:
        raise NotEstimable("the covariates fit every row perfectly: no residual spread is left to estimate")
    moved = np.abs(to_columns @ direction[:-1])
    columns = np.flatnonzero(moved > 1e-6 * moved.max()).tolist()
    raise NotEstimable(f"only censored rows inform columns {columns}: drop or merge these categories", columns)
