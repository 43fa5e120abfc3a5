"""A tall matrix whose columns of two values take a byte a row; a block of rows is laid out when it is asked for.

Of the covariates of millions of draws most are flags; as numbers they would be most of what a fit holds. Here: rows and
products. Not here: which columns (`design_matrix`), how they are standardised in a fit (`standardised`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

#: of a block: what a processor keeps at hand
_ROWS = 1_024


@dataclass(frozen=True, slots=True, eq=False)
class FoldedMatrix:
    """[n, p], columns of two values first.

    Attributes:
        flags: [n, f] 0 or 1, a byte each, of those columns.
        low, high: [f] what they stand for.
        others: [n, p - f] the columns after them.
    """

    flags: np.ndarray
    low: np.ndarray
    high: np.ndarray
    others: np.ndarray

    #: an array times this asks `__rmatmul__`
    __array_ufunc__: ClassVar[None] = None

    @property
    def shape(self) -> tuple[int, int]:
        return self.flags.shape[0], self.flags.shape[1] + self.others.shape[1]

    @property
    def size(self) -> int:
        return self.shape[0] * self.shape[1]

    def __getitem__(self, rows: slice) -> np.ndarray:
        """[m, p] some rows as numbers."""
        n_columns = self.shape[1]
        found = np.empty((self.flags[rows].shape[0], n_columns))
        self.standardise(rows, np.zeros(n_columns), np.ones(n_columns), found)
        return found

    def standardise(self, rows: slice, center: np.ndarray, scale: np.ndarray, into: np.ndarray) -> None:
        """Lay some rows out in `into` [m, p], less `center` [p], over `scale` [p]."""
        flags, n_flags = self.flags[rows], self.flags.shape[1]
        of_two, others = into[:, :n_flags], into[:, n_flags:]
        of_two[:] = flags
        of_two *= (self.high - self.low) / scale[:n_flags]
        of_two += (self.low - center[:n_flags]) / scale[:n_flags]
        np.subtract(self.others[rows], center[n_flags:], out=others)
        others /= scale[n_flags:]

    def __matmul__(self, right: np.ndarray) -> np.ndarray:
        """[n] or [n, q] of `right` [p] or [p, q]."""
        n_flags = self.flags.shape[1]
        found = self.others @ right[n_flags:] + self.low @ right[:n_flags]
        steps = (right[:n_flags].T * (self.high - self.low)).T
        for rows in self._blocks():
            found[rows] += self.flags[rows].astype(np.float64) @ steps
        return found

    def __rmatmul__(self, left: np.ndarray) -> np.ndarray:
        """[p] or [q, p] of `left` [n] or [q, n]."""
        of_flags = np.zeros((*left.shape[:-1], self.flags.shape[1]))
        for rows in self._blocks():
            of_flags += left[..., rows] @ self.flags[rows].astype(np.float64)
        of_flags = of_flags * (self.high - self.low) + np.multiply.outer(left.sum(axis=-1), self.low)
        return np.concatenate([of_flags, left @ self.others], axis=-1)

    def mean(self, axis: int) -> np.ndarray:
        """[p] of the columns.

        Raises:
            ValueError: of any other axis.
        """
        if axis != 0:
            raise ValueError("only columns have a mean")
        return np.ones(self.shape[0]) @ self / max(self.shape[0], 1)

    def without(self, n_columns: int) -> "FoldedMatrix":
        """The matrix after its first columns, all of two values; nothing is copied.

        Raises:
            ValueError: there are not so many.
        """
        if n_columns > self.flags.shape[1]:
            raise ValueError("only columns of two values can be cut off")
        return FoldedMatrix(self.flags[:, n_columns:], self.low[n_columns:], self.high[n_columns:], self.others)

    def _blocks(self) -> Iterator[slice]:
        return (slice(start, min(start + _ROWS, self.shape[0])) for start in range(0, self.shape[0], _ROWS))


Matrix = np.ndarray | FoldedMatrix
