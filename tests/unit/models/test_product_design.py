"""Sums over products of period and person against the matrix of all rows, either way of adding up information."""

import numpy as np
import pytest

from pipelines.models.product_design import Information, ProductTerm, constant, everybody, product_design, row_terms

PERIODS, PEOPLE = 7, 9


def cells(period):
    return (period[:, None] == np.arange(1, PERIODS)).astype(float)


TERMS = (
    ProductTerm(constant, lambda arm, x: np.column_stack([arm, x])),
    ProductTerm(
        lambda period: np.column_stack([period, period**2]), lambda arm, x: np.column_stack([np.ones(arm.size), x])
    ),
    ProductTerm(cells, lambda arm, x: arm[:, None]),
)


@pytest.fixture
def made():
    """Arm, covariates, a cell a person and period, and the matrix [people, periods, columns] of all rows."""
    rng = np.random.default_rng(1)
    arm, x = (np.arange(PEOPLE) % 2).astype(float), rng.normal(size=(PEOPLE, 3))
    row, period = np.repeat(np.arange(PEOPLE), PERIODS), np.tile(np.arange(PERIODS), PEOPLE)
    columns = row_terms(TERMS)(period, arm[row], x[row])
    matrix = np.column_stack([np.ones(row.size), columns]).reshape(PEOPLE, PERIODS, -1)
    return arm, x, rng.uniform(size=(PEOPLE, PERIODS)), matrix


@pytest.mark.parametrize("seen", [PERIODS, 3])
def test_sums_are_those_of_the_matrix_of_rows(made, seen) -> None:
    """Blocks may stop before the last period."""
    arm, x, cell, matrix = made
    design = product_design(TERMS, PERIODS, x[:1])
    people, rng = design.people(arm, x), np.random.default_rng(2)
    cell, matrix = cell[:, :seen], matrix[:, :seen]
    beta, directions = rng.normal(size=design.size), rng.normal(size=(design.size, 4))
    assert design.size == matrix.shape[2]
    assert design.predictor(people, beta, seen) == pytest.approx(matrix @ beta)
    assert design.total(people, cell) == pytest.approx(np.einsum("it,itp->p", cell, matrix))
    assert design.along(people, cell, directions) == pytest.approx(np.einsum("it,itp,ps->is", cell, matrix, directions))


@pytest.mark.parametrize("by_period", [True, False, None])
def test_information_is_that_of_the_matrix_of_rows_either_way(made, by_period, monkeypatch) -> None:
    if by_period is not None:
        monkeypatch.setattr(Information, "_is_by_period", lambda *_: by_period)
    arm, x, cell, matrix = made
    design = product_design(TERMS, PERIODS, x[:1])
    found = Information(design)
    for people, seen in ((slice(0, 4), 4), (slice(4, PEOPLE), PERIODS)):
        found.add(design.people(arm[people], x[people]), cell[people, :seen])
    cell[:4, 4:] = 0
    assert found.matrix() == pytest.approx(np.einsum("it,itp,itq->pq", cell, matrix, matrix))


def test_both_ways_of_adding_up_are_taken() -> None:
    design = product_design(TERMS, PERIODS, np.zeros((1, 3)))
    found = Information(design)
    assert {found._is_by_period(a, b) for a, b in found._pairs} == {True, False}


@pytest.mark.parametrize("over_time", [lambda t: t, lambda t: np.ones((1, 1)), lambda t: np.log(t * 1.0 - 1)[:, None]])
def test_a_function_of_the_period_that_is_none_is_refused(over_time) -> None:
    with np.errstate(all="ignore"), pytest.raises(ValueError, match="function of the period"):
        product_design([ProductTerm(over_time, everybody)], PERIODS, np.zeros((1, 0)))
