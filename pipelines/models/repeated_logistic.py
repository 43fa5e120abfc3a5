"""Logistic regression of decisions that the same people face again and again: their covariates are looked at once a person.

The numbers of `logistic.fit_logistic` on the stacked rows, to rounding, at the price of as many rows as there are people. Not
here: what is decided (`clone_weighting`, `risk_weighting`).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from pipelines.models.errors import NotEstimable
from pipelines.models.folded_matrix import Matrix
from pipelines.models.logistic import expit, newton_step
from pipelines.models.standardised import ROWS, Blocks, blocks

_MOST_STEPS, _MOST_HALVINGS = 60, 30
_TOLERANCE = 1e-13
#: log odds beyond this without a penalty: a covariate tells who decides what
_SEPARATED = 25.0
#: so few further columns are faster as they are than sparse
_FEW_TERMS = 8


@dataclass(frozen=True, slots=True, eq=False)
class Decided:
    """Rows [m] of people [n]: `person` [m], covariates of people [n, p], further columns of rows [m, k], outcome [m] 0 or 1."""

    person: np.ndarray
    base: Matrix
    terms: np.ndarray
    outcome: np.ndarray

    def summed(self, values: np.ndarray) -> np.ndarray:
        """[n] sums of values [m] over the rows of each person."""
        return np.bincount(self.person, values, self.base.shape[0])


@dataclass(frozen=True, slots=True, eq=False)
class RepeatedFit:
    """A fit: coefficients [1 + p + k] of standardised columns, intercept first, and the chance of each row [m].

    `center` and `scale` [p + k] are those of the rows, `factor` that of the information at the fit, penalty included, as
    `scipy.linalg.cho_factor` tells it: corrections are asked of a fit by the thousand.
    """

    rows: Decided
    coefficients: np.ndarray
    probabilities: np.ndarray
    center: np.ndarray
    scale: np.ndarray
    factor: tuple[np.ndarray, bool]
    n_steps: int

    def correction(self, gradient: np.ndarray) -> np.ndarray:
        """[n] what estimating the fit adds to each person's influence.

        Args:
            gradient: [m] derivative of the estimate by each row's linear predictor.
        """
        return self.corrections(gradient[:, None])[:, 0]

    def corrections(self, gradients: np.ndarray) -> np.ndarray:
        """[n, q] the same of several estimates, of gradients [m, q]: covariates are read once for all of them.

        Source: as `LogisticFit.correction`.
        """
        from scipy.linalg import cho_solve

        rows = self.rows
        of_people = np.stack([rows.summed(each) for each in gradients.T], axis=1)
        moments = np.concatenate([(of_people.T @ rows.base).T, rows.terms.T @ gradients])
        whole = gradients.sum(axis=0)
        total = np.concatenate([whole[None], (moments - np.outer(self.center, whole)) / self.scale[:, None]])
        direction = cho_solve(self.factor, total)
        slope = direction[1:] / self.scale[:, None]
        p = rows.base.shape[1]
        residual = rows.outcome - self.probabilities
        # Of a person's covariates first: they are the same in all rows.
        alike = (direction[0] - self.center @ slope + rows.base @ slope[:p]) * rows.summed(residual)[:, None]
        further = residual[:, None] * (rows.terms @ slope[p:])
        return alike + np.stack([rows.summed(each) for each in further.T], axis=1)


def fit_repeated(rows: Decided, penalty: float = 0.0) -> RepeatedFit:
    """Maximum likelihood, or ridge on standardised columns, as `fit_logistic`.

    Raises:
        NotEstimable: one outcome only, separation or collinear columns without a penalty, or no convergence.
    """
    from scipy.linalg import cho_factor

    y, m = rows.outcome, rows.person.size
    share = float(y.mean()) if m else 0.0
    if not 0.0 < share < 1.0:
        raise NotEstimable("everybody, or nobody, has the outcome of a logistic model: an arm is empty")
    columns = _columns(rows)
    ridge = np.full(1 + columns.center.size, penalty)
    ridge[0] = 0.0

    def loss_at(beta: np.ndarray, eta: np.ndarray) -> float:
        return 0.5 * float(ridge @ beta**2) + float(np.sum(np.logaddexp(0.0, eta) - y * eta))

    beta = np.zeros(ridge.size)
    beta[0] = np.log(share / (1 - share))
    eta = columns.predictor(beta)
    loss = loss_at(beta, eta)
    for step in range(1, _MOST_STEPS + 1):
        chance = expit(eta)
        gradient = columns.total(y - chance) - ridge * beta
        information = columns.information(chance * (1 - chance)) + np.diag(ridge)
        move = newton_step(information, gradient)
        decrement = float(gradient @ move)
        if decrement / 2 < _TOLERANCE:
            return RepeatedFit(rows, beta, chance, columns.center, columns.scale, cho_factor(information), step)
        along = columns.predictor(move)
        length = 1.0
        for _ in range(_MOST_HALVINGS):
            tried = loss_at(beta + length * move, eta + length * along)
            if tried <= loss - 1e-4 * length * decrement + 1e-12 * abs(loss):
                break
            length /= 2
        else:
            raise NotEstimable("a logistic model did not converge: no step lowers its loss")
        beta, eta, loss = beta + length * move, eta + length * along, tried
        if penalty == 0 and np.abs(eta).max() > _SEPARATED:
            raise NotEstimable("separation: covariates tell the outcome of a logistic model without error")
    raise NotEstimable(f"a logistic model did not converge in {_MOST_STEPS} steps")


@dataclass(frozen=True, slots=True, eq=False)
class _Columns:
    """Standardised columns: of people block by block, further ones of rows [m, k] dense, or sparse where they are many.

    `whose` [n, m] sums rows of people where columns are sparse, else None. `center` and `scale` [p + k] are means and SDs
    over rows.
    """

    rows: Decided
    people: Blocks
    terms: Any
    whose: Any
    center: np.ndarray
    scale: np.ndarray

    def predictor(self, beta: np.ndarray) -> np.ndarray:
        """[m]."""
        p, slope = self.rows.base.shape[1], beta[1:] / self.scale
        of_people = self.rows.base @ slope[:p] - self.center[:p] @ slope[:p]
        return of_people[self.rows.person] + self.terms @ slope[p:] + beta[0] - self.center[p:] @ slope[p:]

    def total(self, pull: np.ndarray) -> np.ndarray:
        """[1 + p + k] sums of columns times `pull` [m], intercept first."""
        whole = float(pull.sum())
        moments = np.concatenate([self.rows.summed(pull) @ self.rows.base, self.terms.T @ pull])
        return np.concatenate([[whole], (moments - self.center * whole) / self.scale])

    def information(self, weight: np.ndarray) -> np.ndarray:
        """[1 + p + k, same] weighted sums of products of columns."""
        p, k, whole = self.rows.base.shape[1], self.terms.shape[1], float(weight.sum())
        center, scale = self.center[p:], self.scale[p:]
        of_person, of_term = self.rows.summed(weight), self.terms.T @ weight
        by_person, squares = self._crossed(weight)
        found = np.zeros((1 + p + k, 1 + p + k))
        rooted = np.sqrt(of_person)
        crossed = by_person - of_person[:, None] * center
        for rows, block in self.people:
            weighted = block * rooted[rows, None]
            found[: 1 + p, : 1 + p] += weighted.T @ weighted
            found[1 : 1 + p, 1 + p :] += block[:, 1:].T @ crossed[rows]
        found[1 : 1 + p, 1 + p :] /= scale
        found[0, 1 + p :] = (of_term - center * whole) / scale
        moved = np.outer(center, of_term)
        found[1 + p :, 1 + p :] = (squares - moved - moved.T + whole * np.outer(center, center)) / np.outer(
            scale, scale
        )
        found[1 + p :, : 1 + p] = found[: 1 + p, 1 + p :].T
        return found

    def _crossed(self, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Weighted sums of the further columns over the rows of each person [n, k], and of their products [k, k]."""
        if self.whose is None:
            weighed = self.terms * weight[:, None]
            summed = [self.rows.summed(column) for column in weighed.T]
            by_person = np.stack(summed, axis=1) if summed else np.zeros((self.rows.base.shape[0], 0))
            return by_person, self.terms.T @ weighed
        from scipy import sparse

        weighed = sparse.diags_array(weight) @ self.terms
        return (self.whose @ weighed).toarray(), (self.terms.T @ weighed).toarray()


def _spread(base: Matrix, center: np.ndarray, times: np.ndarray) -> np.ndarray:
    """[p] sums of squares about the center, each person counted `times`."""
    found = np.zeros(base.shape[1])
    for start in range(0, base.shape[0], ROWS):
        block = slice(start, start + ROWS)
        found += times[block] @ (base[block] - center) ** 2
    return found


def _columns(rows: Decided) -> _Columns:
    m = rows.person.size
    times = rows.summed(np.ones(m))
    center_base = times @ rows.base / m
    spread_base = _spread(rows.base, center_base, times) / m
    center_terms = rows.terms.mean(axis=0)
    spread_terms = ((rows.terms - center_terms) ** 2).mean(axis=0)
    center = np.concatenate([center_base, center_terms])
    scale = np.sqrt(np.concatenate([spread_base, spread_terms]))
    scale = np.where(scale > 1e-12 * np.maximum(np.abs(center), 1.0), scale, 1.0)
    p = rows.base.shape[1]
    people = blocks(rows.base, center_base, scale[:p])
    if rows.terms.shape[1] <= _FEW_TERMS:
        return _Columns(rows, people, rows.terms, None, center, scale)
    from scipy import sparse

    whose = sparse.csr_array((np.ones(m), (rows.person, np.arange(m))), shape=(rows.base.shape[0], m))
    return _Columns(rows, people, sparse.csr_array(rows.terms), whose, center, scale)
