"""A design of any height, standardised a block of rows at a time, so that a million people need no second copy of it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from pipelines.models.folded_matrix import FoldedMatrix, Matrix

#: of a block: what a processor keeps at hand
ROWS = 8_192
#: so many are standardised once and kept
KEPT = 65_536


def location(x: Matrix) -> tuple[np.ndarray, np.ndarray]:
    """[p] mean and SD of the columns of x [n, p]; the SD of a constant column is 0.

    Raises:
        ValueError: a value is not finite.
    """
    mean = x.mean(axis=0) if x.size else np.zeros(x.shape[1])
    squares = np.zeros(x.shape[1])
    for start in range(0, x.shape[0], KEPT):
        squares += ((x[start : start + KEPT] - mean) ** 2).sum(axis=0)
    sd = np.sqrt(squares / max(x.shape[0], 1))
    if not (np.all(np.isfinite(mean)) and np.all(np.isfinite(sd))):
        raise ValueError("covariates must be finite: give missing values an indicator first")
    return mean, np.where(sd > 1e-12 * np.maximum(np.abs(mean), 1.0), sd, 0.0)


@dataclass(frozen=True, slots=True, eq=False)
class Blocks:
    """Rows of x [n, p] with their places, standardised, intercept first; `whole` where they are few enough to be kept."""

    x: Matrix
    center: np.ndarray
    scale: np.ndarray
    whole: np.ndarray | None

    def __iter__(self) -> Iterator[tuple[slice, np.ndarray]]:
        for start in range(0, self.x.shape[0], ROWS):
            rows = slice(start, min(start + ROWS, self.x.shape[0]))
            yield rows, self.whole[rows] if self.whole is not None else _standardised(self, rows)


def blocks(x: Matrix, center: np.ndarray, scale: np.ndarray) -> Blocks:
    """Blocks of a design, by its means and SDs."""
    found = Blocks(x, center, scale, None)
    return replace(found, whole=_standardised(found, slice(0, x.shape[0]))) if x.shape[0] <= KEPT else found


def _standardised(given: Blocks, rows: slice) -> np.ndarray:
    """[m, 1 + p]."""
    x, block = given.x, np.empty((rows.stop - rows.start, 1 + given.x.shape[1]))
    block[:, 0] = 1.0
    if isinstance(x, FoldedMatrix):
        x.standardise(rows, given.center, given.scale, block[:, 1:])
    else:
        np.subtract(x[rows], given.center, out=block[:, 1:])
        block[:, 1:] /= given.scale
    return block
