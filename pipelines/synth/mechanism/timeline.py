"""Runs of a constant regimen in the step tracks, as arrays: the common first half of orders and exposures.

Here: where runs begin and end, splitting and repeating. Not here: which drug a run is.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Runs:
    """Maximal runs of one non-zero key; arrays [r], sorted by person row, then step."""

    row: np.ndarray  # person row
    start: np.ndarray  # first step
    stop: np.ndarray  # step after the last
    key: np.ndarray

    def take(self, which: np.ndarray) -> "Runs":
        """The runs of these indices."""
        return Runs(self.row[which], self.start[which], self.stop[which], self.key[which])


def runs_of(key: np.ndarray) -> Runs:
    """Runs of [steps, n] keys; zero means nothing."""
    steps, n = key.shape
    padded = np.zeros((n, steps + 2), dtype=key.dtype)
    padded[:, 1:-1] = key.T
    change = padded[:, 1:] != padded[:, :-1]
    row, at = np.nonzero(change & (padded[:, 1:] != 0))
    _, end = np.nonzero(change & (padded[:, :-1] != 0))
    return Runs(row, at, end, padded[row, at + 1])


def repeat_counts(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each item repeated `counts` times: index of the item and position 0, 1, … within it."""
    index = np.repeat(np.arange(counts.size), counts)
    first = np.concatenate([[0], np.cumsum(counts)[:-1]]) if counts.size else np.zeros(0, dtype=np.int64)
    return index, np.arange(index.size) - first[index]


def renewals(runs: Runs, every: int) -> tuple[Runs, np.ndarray]:
    """Runs cut into pieces of at most `every` steps, and the piece number within its run."""
    index, part = repeat_counts(-(-(runs.stop - runs.start) // every))
    start = runs.start[index] + part * every
    return Runs(runs.row[index], start, np.minimum(start + every, runs.stop[index]), runs.key[index]), part


def days_until(cumulative: np.ndarray, row: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Fractional step at which each row's cumulative amount reaches a target.

    Integers, because an offset per row makes one sorted array of all: floating point would round by place in the batch.

    Args:
        cumulative: [n, steps + 1] int64, rising along steps from 0.
        row: [q] row of each question.
        target: [q] int64 amount, at most the row's total.

    Returns:
        [q] steps (float).
    """
    n, columns = cumulative.shape
    span = np.int64(2**36)
    flat = (cumulative + span * np.arange(n)[:, None]).ravel()
    wanted = target + span * row
    at = np.searchsorted(flat, wanted, side="left")
    at = np.clip(at, row * columns + 1, row * columns + columns - 1)
    low, high = flat[at - 1], flat[at]
    share = np.divide(wanted - low, high - low, out=np.zeros(at.size), where=high > low)
    return (at - 1 - row * columns) + np.clip(share, 0.0, 1.0)
