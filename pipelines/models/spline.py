"""Restricted cubic splines: a smooth curve that is linear beyond its outer knots. The caller chooses the knots."""

from collections.abc import Sequence

import numpy as np


def restricted_cubic_spline(values: np.ndarray, knots: Sequence[float] | np.ndarray) -> np.ndarray:
    """Harrell's restricted cubic spline basis, linear term first.

    Args:
        values: [n], any unit.
        knots: k >= 3 strictly increasing finite knots, same unit.

    Returns:
        [n, k - 1]: the values, then the k - 2 non-linear terms divided by (t_k - t_1)^2, so that every term has the
        unit of `values`.

    Raises:
        ValueError: fewer than three knots, or knots not finite and strictly increasing.

    Source: Harrell (2015), Regression Modeling Strategies, 2nd ed., section 2.4.5; equals
    Hmisc::rcspline.eval(x, knots, inclx=TRUE, norm=2).
    """
    points = np.asarray(values, dtype=np.float64)
    t = np.asarray(knots, dtype=np.float64)
    if t.size < 3 or not np.all(np.isfinite(t)) or not np.all(np.diff(t) > 0):
        raise ValueError("knots must be at least three finite, strictly increasing numbers")
    # Scaled to the knot range before cubing: exact where the two outer cubes nearly cancel, and free of overflow.
    span = t[-1] - t[0]
    cubes = np.maximum((points[:, None] - t) / span, 0.0) ** 3
    last, inner = t[-1] - t[:-2], t[-2] - t[:-2]
    terms = cubes[:, :-2] - (last * cubes[:, [-2]] - inner * cubes[:, [-1]]) / (t[-1] - t[-2])
    return np.column_stack([points, terms * span])
