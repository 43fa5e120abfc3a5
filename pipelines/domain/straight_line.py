"""Straight lines between two measurements: their integral, and for how long they lie below, above or between levels.

Each function takes columns, one element a piece of a curve, `first` and `last` the values at its ends. Where bounds of a censored
value make two curves (lower, upper), both are straight over the same piece. Not here: which measurements are joined.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Values = NDArray[np.float64]


def value_at(first: ArrayLike, last: ArrayLike, share: ArrayLike) -> Values:
    """Value where `share` (0 to 1) of the piece has passed."""
    first, share = _column(first), _column(share)
    with np.errstate(invalid="ignore"):
        inside = first + share * (_column(last) - first)
    # An unbounded end makes the whole piece unbounded; inf - inf must not become NaN.
    return np.where(np.isinf(first) | np.isinf(_column(last)), np.inf, inside)


def mean(first: ArrayLike, last: ArrayLike) -> Values:
    """Mean over the piece: the trapezoid."""
    return (_column(first) + _column(last)) / 2.0


def share_below(first: ArrayLike, last: ArrayLike, level: ArrayLike) -> Values:
    """Share of the piece (0 to 1) on which the line lies below the level; a flat line at the level does not."""
    start, end = _below(first, last, level)
    return end - start


def share_above(first: ArrayLike, last: ArrayLike, level: ArrayLike) -> Values:
    """Share of the piece on which the line lies above the level; a flat line at the level does not."""
    start, end = _below(-_column(first), -_column(last), -_column(level))
    return end - start


def share_within(
    lower_first: ArrayLike, lower_last: ArrayLike, upper_first: ArrayLike, upper_last: ArrayLike,
    at_least: ArrayLike, at_most: ArrayLike,
) -> Values:  # fmt: skip
    """Share of the piece on which the lower line is at or above one level and the upper line at or below another."""
    below, above = (
        _below(lower_first, lower_last, at_least),
        _below(-_column(upper_first), -_column(upper_last), -_column(at_most)),
    )
    # What is left of [0, 1] after two stretches, each of which touches an end, are taken away.
    return np.maximum(1.0 - _union(below, above), 0.0)


def _below(first: ArrayLike, last: ArrayLike, level: ArrayLike) -> tuple[Values, Values]:
    """Start and end of the stretch below the level; it touches an end of the piece, or is empty."""
    first, last, level = _column(first), _column(last), _column(level)
    with np.errstate(divide="ignore", invalid="ignore"):
        crossing = np.clip(np.where(np.isinf(first) | np.isinf(last), 0.0, (level - first) / (last - first)), 0.0, 1.0)
    starts_below, ends_below = first < level, last < level
    start = np.where(starts_below | ~ends_below, 0.0, crossing)
    end = np.where(ends_below, 1.0, np.where(starts_below, crossing, 0.0))
    return start, end


def _union(one: tuple[Values, Values], other: tuple[Values, Values]) -> Values:
    """Length of the union of two stretches."""
    overlap = np.maximum(np.minimum(one[1], other[1]) - np.maximum(one[0], other[0]), 0.0)
    return (one[1] - one[0]) + (other[1] - other[0]) - overlap


def _column(values: ArrayLike) -> Values:
    return np.asarray(values, dtype=np.float64)
