"""Simulation-extrapolation: what an estimate would be had the exposure been measured without error.

Error is added on top, in known amounts, and the estimates are followed back to none. For any estimate that is a function of
the exposure, as place and slopes of a bent line. The SD of the error comes from replicates (`error_sd_of_replicates`), on the
scale of the exposure. Not here: censored exposures, and errors that depend on the outcome.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pipelines.domain.randomness import generator
from pipelines.models.errors import NotEstimable

#: added error variance, in multiples of that which is there (Cook and Stefanski 1994; Carroll et al. 2006, section 5.3)
LEVELS = (0.5, 1.0, 1.5, 2.0)


@dataclass(frozen=True, slots=True, eq=False)
class Extrapolated:
    """Estimates [k] without error by the quadratic, as they are, and [levels + 1, k] by level of added error, 0 first."""

    corrected: np.ndarray
    naive: np.ndarray
    by_level: np.ndarray


def error_sd_of_replicates(values: np.ndarray, person: np.ndarray) -> float:
    """SD of one reading about its person's mean, from people read twice or more.

    Args:
        values: [n] readings of one occasion each; person: [n] integers.

    Raises:
        NotEstimable: nobody was read twice.
    """
    _, codes = np.unique(person, return_inverse=True)
    counts = np.bincount(codes)
    means = np.bincount(codes, values) / counts
    free = values.size - counts.size
    if free < 1:
        raise NotEstimable("nobody was read twice: the error of a reading cannot be told")
    return float(np.sqrt(np.sum((values - means[codes]) ** 2) / free))


def simulation_extrapolation(
    estimate: Callable[[np.ndarray], np.ndarray],
    exposure: np.ndarray,
    error_sd: float,
    seed: int,
    n_draws: int = 20,
    levels: tuple[float, ...] = LEVELS,
) -> Extrapolated:
    """Add error at each level, average over draws, fit a quadratic in the level, read it at -1.

    Args:
        estimate: [k] numbers from an exposure [n].
        exposure: [n] as measured.
        error_sd: of the error in it; 0 leaves everything as it is.
        seed: of the added error; draws are common to all levels.
        n_draws: a level.
        levels: at least two, positive.

    Raises:
        ValueError: a negative SD, or fewer than two levels.

    Source: Cook and Stefanski (1994), JASA 89:1314. The quadratic undercorrects large errors (Carroll et al. 2006, 5.3.2).
    """
    if error_sd < 0 or len(levels) < 2 or min(levels) <= 0:
        raise ValueError("simulation-extrapolation needs an error SD of 0 or more and two positive levels")
    naive = np.asarray(estimate(exposure), dtype=np.float64)
    normals = [
        generator(seed, "simulation_extrapolation", draw).standard_normal(exposure.size) for draw in range(n_draws)
    ]
    rows = [naive]
    for level in levels:
        size = np.sqrt(level) * error_sd
        rows.append(np.mean([estimate(exposure + size * added) for added in normals], axis=0))
    by_level = np.array(rows)
    at = np.array([0.0, *levels])
    powers = np.column_stack([np.ones(at.size), at, at**2])
    curve = np.linalg.lstsq(powers, by_level, rcond=None)[0]
    return Extrapolated(np.array([1.0, -1.0, 1.0]) @ curve, naive, by_level)
