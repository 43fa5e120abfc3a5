"""Whole trajectories of a value known only between bounds, drawn person by person: normal regression with a random intercept.

Serves log estradiol of people drawn several times, part of it below the limit of quantification. A person's other draws
tell what a censored one may have been. Pooling over the trajectories is `imputation`; one draw a person is `censored`.
"""

from dataclasses import dataclass

import numpy as np
from scipy import linalg

from pipelines.domain.randomness import generator
from pipelines.errors import BadInput
from pipelines.models.errors import NotEstimable
from pipelines.models.truncated_normal import draw_between

CHAINS = 2
MOST_R_HAT = 1.1
# With a flat prior for the deviation between people, fewer leave its posterior improper (Gelman 2006, section 2.1).
LEAST_PEOPLE = 3


@dataclass(frozen=True, slots=True, eq=False)
class Trajectories:
    """Completed values and the parameters behind each: rows alike of all four.

    `completed` [m, n]; `coefficients` [m, p]; `sigma` [m] within a person; `tau` [m] between people; `r_hat` is the largest
    potential scale reduction of any parameter over the chains (Gelman and Rubin 1992, Stat Sci 7:457), 1 at best.
    """

    completed: np.ndarray
    coefficients: np.ndarray
    sigma: np.ndarray
    tau: np.ndarray
    r_hat: float


@dataclass(frozen=True, slots=True, eq=False)
class _Data:
    """What does not change from draw to draw; `mean_x` [k, p] are the columns' means by person."""

    x: np.ndarray
    person: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    open_rows: np.ndarray
    counts: np.ndarray
    mean_x: np.ndarray
    cross: np.ndarray


def impute_trajectories(
    design_matrix: np.ndarray,
    person: np.ndarray,
    lower: np.ndarray,
    upper: np.ndarray,
    *,
    m: int = 20,
    burn_in: int = 200,
    draws: int = 300,
    longest: int = 0,
    seed: int = 1,
) -> Trajectories:
    """Draw `m` completed data sets by data augmentation.

    In turn: values between their bounds; coefficients with the intercepts of people integrated out; those intercepts;
    both standard deviations. Priors are flat in the coefficients, log sigma and tau.

    Args:
        design_matrix: [n, p] with its own intercept column; the outcome of the analysis belongs into it.
        person: [n] codes 0 to k - 1, each occurring.
        lower, upper: [n] bounds: equal where measured; -inf and the limit where left-censored.
        m: trajectories, taken evenly from the `draws` that each of two chains makes after its `burn_in`.
        longest: chains that did not come together are made anew with twice the burn-in and draws, up to so many draws.
        seed: of the random numbers; the same rows in the same order give the same trajectories.

    Raises:
        BadInput: shapes differ, a covariate or bound is not a number, lower > upper, codes with a gap.
        NotEstimable: nothing is measured or all alike, fewer than three people, nobody drawn twice, columns that depend
            on each other, or chains that did not come together.

    Source: Chib (1992), J Econometrics 51:79 (Tobit by augmentation); Gelman (2006), Bayesian Anal 1:515 (flat in tau).
    """
    data = _data(np.asarray(design_matrix, dtype=np.float64), np.asarray(person), lower, upper)
    each = -(-m // CHAINS)
    if draws < each:
        raise BadInput(f"trajectories: {m} cannot be taken from {CHAINS} chains of {draws} draws")
    while True:
        thin = draws // each
        chains = [_chain(data, each, burn_in, thin, seed, chain) for chain in range(CHAINS)]
        values, parameters = (np.stack(parts) for parts in zip(*chains, strict=True))
        r_hat = _r_hat(parameters)
        if r_hat <= MOST_R_HAT or 2 * draws > longest:
            break
        burn_in, draws = 2 * burn_in, 2 * draws
    if not r_hat <= MOST_R_HAT:
        raise NotEstimable(f"the chains of trajectories did not come together: R-hat {r_hat:.2f} is above {MOST_R_HAT}")
    drawn = parameters[:, ::thin].swapaxes(0, 1).reshape(-1, parameters.shape[2])[:m]
    completed = values.swapaxes(0, 1).reshape(-1, data.person.size)[:m]
    return Trajectories(completed, drawn[:, :-2], np.exp(drawn[:, -2]), np.exp(drawn[:, -1]), r_hat)


def _chain(data: _Data, each: int, burn_in: int, thin: int, seed: int, chain: int) -> tuple[np.ndarray, np.ndarray]:
    """[each, n] completed values, and [each * thin, p + 2] coefficients, log sigma and log tau after the burn-in."""
    rng = generator(seed, "e2_trajectory", chain)
    n, p = data.x.shape
    y = np.where(np.isfinite(data.lower), data.lower, data.upper)
    # Chains start apart: one with, one without a shift of what is not known.
    y[data.open_rows] -= chain * np.std(y)
    effect, beta = np.zeros(data.counts.size), linalg.lstsq(data.x, y)[0]
    sigma = tau = max(float(np.std(y - data.x @ beta)), 1e-6)
    values, parameters = np.empty((each, n)), np.empty((each * thin, p + 2))
    for step in range(burn_in + each * thin):
        mean = (data.x @ beta + effect[data.person])[data.open_rows]
        low, high = data.lower[data.open_rows], data.upper[data.open_rows]
        drawn = draw_between((low - mean) / sigma, (high - mean) / sigma, rng.random(mean.size))
        y[data.open_rows] = np.clip(mean + sigma * drawn, low, high)
        beta = _coefficients(data, y, sigma, tau, rng)
        rest = y - data.x @ beta
        precision = data.counts / sigma**2 + 1 / tau**2
        sums = np.bincount(data.person, rest, data.counts.size)
        effect = sums / sigma**2 / precision + rng.standard_normal(precision.size) / np.sqrt(precision)
        within = rest - effect[data.person]
        sigma = float(np.sqrt(within @ within / rng.chisquare(n)))
        tau = float(np.sqrt(effect @ effect / rng.chisquare(effect.size - 1)))
        after = step - burn_in
        if after >= 0:
            parameters[after] = (*beta, np.log(sigma), np.log(tau))
            if after % thin == 0:
                values[after // thin] = y
    return values, parameters


def _coefficients(data: _Data, y: np.ndarray, sigma: float, tau: float, rng: np.random.Generator) -> np.ndarray:
    """[p] a draw of the coefficients given the values, whatever the intercepts of people: generalised least squares."""
    share = data.counts * tau**2 / (sigma**2 + data.counts * tau**2)
    weight = share * data.counts
    mean_y = np.bincount(data.person, y, data.counts.size) / data.counts
    information = (data.cross - (data.mean_x * weight[:, None]).T @ data.mean_x) / sigma**2
    score = (data.x.T @ y - data.mean_x.T @ (weight * mean_y)) / sigma**2
    factor = linalg.cholesky(information, lower=True)
    best = linalg.cho_solve((factor, True), score)
    return best + linalg.solve_triangular(factor.T, rng.standard_normal(best.size))


def _r_hat(chains: np.ndarray) -> float:
    """Largest potential scale reduction of [chains, draws, parameters]."""
    draws = chains.shape[1]
    within = chains.var(axis=1, ddof=1).mean(axis=0)
    between = chains.mean(axis=1).var(axis=0, ddof=1)
    return float(np.sqrt((draws - 1) / draws + between / within).max())


def _data(x: np.ndarray, person: np.ndarray, lower: np.ndarray, upper: np.ndarray) -> _Data:
    n = lower.size
    if x.ndim != 2 or x.shape[0] != n or person.shape != (n,) or upper.shape != (n,):
        raise BadInput("trajectories: design matrix, people and bounds must have one row a draw")
    if not np.all(np.isfinite(x)) or np.any(np.isnan(lower)) or np.any(np.isnan(upper)) or np.any(lower > upper):
        raise BadInput("trajectories: a covariate or bound is not a number, or a lower bound lies above its upper")
    counts = np.bincount(person)
    if np.any(counts == 0):
        raise BadInput("trajectories: people must be numbered from 0 without a gap")
    if np.any(~np.isfinite(lower) & ~np.isfinite(upper)):
        raise BadInput("trajectories: a row without any bound says nothing; leave it out")
    exact = lower == upper
    if not np.any(exact):
        raise NotEstimable(f"none of {n} values is measured: nothing locates the distribution")
    if counts.size < LEAST_PEOPLE:
        raise NotEstimable(f"{counts.size} people are too few to tell how people differ: at least {LEAST_PEOPLE}")
    if np.unique(lower[exact]).size == 1:
        raise NotEstimable("all measured values are the same: nothing tells how they vary")
    if np.all(counts == 1):
        raise NotEstimable("nobody has two draws: what people have in common with themselves cannot be told")
    if np.linalg.matrix_rank(x) < x.shape[1]:
        raise NotEstimable("columns of the trajectories' model depend on each other")
    mean_x = np.stack([np.bincount(person, column) for column in x.T], axis=1) / counts[:, None]
    return _Data(x, person, lower, upper, np.flatnonzero(~exact), counts, mean_x, x.T @ x)
