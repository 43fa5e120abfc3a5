"""Columns of a hazard that are products of a function of the period and one of the person, and sums over both without rows.

A column's predictor is a matrix product, its score a number a person, and an information matrix has a row a person: nothing
here is as long as people times periods times columns. Not here: links, weights, what is fitted (`person_time`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

#: from periods [t] to [t, k]
OverTime = Callable[[np.ndarray], np.ndarray]
#: from arm [m] (1 target, 0 comparator) and covariates [m, q] to [m, d]
OfPeople = Callable[[np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True, slots=True)
class ProductTerm:
    """Columns [k d] of a hazard: every function of the period with every one of the person, those of the person fastest."""

    over_time: OverTime
    of_people: OfPeople


def constant(periods: np.ndarray) -> np.ndarray:
    """The function of the period that is 1: terms that do not change in time."""
    return np.ones((periods.size, 1))


def everybody(arm: np.ndarray, covariates: np.ndarray) -> np.ndarray:
    """The function of the person that is 1: terms that are everybody's."""
    return np.ones((arm.size, 1))


def row_terms(terms: Sequence[ProductTerm]) -> Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]:
    """The same columns a row a person-period, as `discrete_hazard` takes them."""

    def columns(period: np.ndarray, arm: np.ndarray, covariates: np.ndarray) -> np.ndarray:
        parts = [
            (t.over_time(period)[:, :, None] * t.of_people(arm, covariates)[:, None, :]).reshape(arm.size, -1)
            for t in terms
        ]
        return np.column_stack(parts)

    return columns


@dataclass(frozen=True)
class ProductDesign:
    """Terms of one hazard at periods 0 to T - 1, intercept first; columns [p] in order of term, period, person.

    Attributes:
        time: for each term [T, k].
        widths: for each term, functions of the person d.
        of_people: for each term.
    """

    time: tuple[np.ndarray, ...]
    widths: tuple[int, ...]
    of_people: tuple[OfPeople, ...]

    @cached_property
    def size(self) -> int:
        """Columns p."""
        return sum(t.shape[1] * d for t, d in zip(self.time, self.widths, strict=True))

    @cached_property
    def _all_time(self) -> np.ndarray:
        return np.column_stack(self.time)

    @cached_property
    def slices(self) -> tuple[slice, ...]:
        ends = np.cumsum([t.shape[1] * d for t, d in zip(self.time, self.widths, strict=True)])
        return tuple(
            slice(int(end) - t.shape[1] * d, int(end)) for end, t, d in zip(ends, self.time, self.widths, strict=True)
        )

    def people(self, arm: np.ndarray, covariates: np.ndarray) -> list[np.ndarray]:
        """For each term [m, d]."""
        return [of(arm, covariates) for of in self.of_people]

    def predictor(self, people: Sequence[np.ndarray], beta: np.ndarray, n_periods: int) -> np.ndarray:
        """[m, n_periods] at coefficients [p]."""
        along = [z @ b for z, b in zip(people, self._by_person(beta), strict=True)]
        return np.column_stack(along) @ self._all_time[:n_periods].T

    def total(self, people: Sequence[np.ndarray], cells: np.ndarray) -> np.ndarray:
        """[p] sum of cells [m, t] times columns."""
        summed = self._over_time(cells)
        return np.concatenate([(s.T @ z).ravel() for z, s in zip(people, summed, strict=True)])

    def along(self, people: Sequence[np.ndarray], cells: np.ndarray, directions: np.ndarray) -> np.ndarray:
        """[m, s] sum over periods of cells [m, t] times columns times directions [p, s]."""
        found = np.zeros((cells.shape[0], directions.shape[1]))
        for z, summed, at in zip(people, self._over_time(cells), self.slices, strict=True):
            d, k = z.shape[1], summed.shape[1]
            by_time = directions[at].reshape(k, d, -1)
            for place in range(k):
                found += summed[:, [place]] * (z @ by_time[place])
        return found

    def information(self) -> "Information":
        """An empty sum of information."""
        return Information(self)

    def _by_person(self, beta: np.ndarray) -> list[np.ndarray]:
        """Coefficients of each term [d, k]."""
        return [beta[at].reshape(-1, d).T for at, d in zip(self.slices, self.widths, strict=True)]

    def _over_time(self, cells: np.ndarray) -> list[np.ndarray]:
        """For each term [m, k]: cells summed over periods, times its functions of the period."""
        summed = cells @ self._all_time[: cells.shape[1]]
        return np.split(summed, np.cumsum([t.shape[1] for t in self.time])[:-1], axis=1)


def product_design(terms: Sequence[ProductTerm], n_periods: int, someone: np.ndarray) -> ProductDesign:
    """The terms at periods 0 to n_periods - 1, with the intercept; `someone` [1, q] are covariates by which they are counted.

    Raises:
        ValueError: a function of the period that is not [t, k] or not finite.
    """
    periods = np.arange(n_periods)
    every = (ProductTerm(constant, everybody), *terms)
    time = tuple(np.asarray(term.over_time(periods), dtype=np.float64) for term in every)
    if any(t.ndim != 2 or t.shape[0] != n_periods or not np.all(np.isfinite(t)) for t in time):
        raise ValueError("a function of the period must give finite [t, k]")
    of_people = tuple(term.of_people for term in every)
    widths = tuple(of(np.zeros(1), someone).shape[1] for of in of_people)
    return ProductDesign(time, widths, of_people)


class Information:
    """Sum over people and periods of weight times column times column, block of people by block."""

    def __init__(self, design: ProductDesign) -> None:
        self._design = design
        n_terms = len(design.time)
        self._pairs = [(a, b) for a in range(n_terms) for b in range(a, n_terms)]
        self._sums = [np.zeros(self._shape(a, b)) for a, b in self._pairs]

    def add(self, people: Sequence[np.ndarray], weight: np.ndarray) -> None:
        """People of a block, for each term [m, d], and weight [m, t]."""
        m, n_periods = weight.shape
        for (a, b), total in zip(self._pairs, self._sums, strict=True):
            one, other = people[a], people[b]
            if self._is_by_period(a, b):
                both = (one[:, :, None] * other[:, None, :]).reshape(m, -1)
                total[:, :n_periods] += both.T @ weight
                continue
            time_a, time_b = (self._design.time[place][:n_periods] for place in (a, b))
            for place in range(time_a.shape[1]):
                summed = weight @ (time_a[:, [place]] * time_b)
                total[place] += one.T @ (summed[:, :, None] * other[:, None, :]).reshape(m, -1)

    def matrix(self) -> np.ndarray:
        """[p, p]."""
        design, found = self._design, np.empty((self._design.size, self._design.size))
        for (a, b), total in zip(self._pairs, self._sums, strict=True):
            (k_a, d_a), (k_b, d_b) = ((design.time[place].shape[1], design.widths[place]) for place in (a, b))
            if self._is_by_period(a, b):
                time = (design.time[a][:, :, None] * design.time[b][:, None, :]).reshape(total.shape[1], -1)
                block = (total @ time).reshape(d_a, d_b, k_a, k_b).transpose(2, 0, 3, 1)
            else:
                block = total.reshape(k_a, d_a, k_b, d_b)
            block = block.reshape(k_a * d_a, k_b * d_b)
            at_a, at_b = design.slices[a], design.slices[b]
            found[at_a, at_b], found[at_b, at_a] = block, block.T
        return found

    def _is_by_period(self, a: int, b: int) -> bool:
        """Whether a sum a period is cheaper than one a pair of functions of the period."""
        time, widths = self._design.time, self._design.widths
        pairs, products = time[a].shape[1] * time[b].shape[1], widths[a] * widths[b]
        return time[a].shape[0] * products < pairs * (time[a].shape[0] + products)

    def _shape(self, a: int, b: int) -> tuple[int, ...]:
        time, widths = self._design.time, self._design.widths
        if self._is_by_period(a, b):
            return widths[a] * widths[b], time[a].shape[0]
        return time[a].shape[1], widths[a], time[b].shape[1] * widths[b]
