"""One linear fit: least squares, and with a level of each person's own the truth of a simulation."""

import numpy as np
import pytest

from pipelines.models.errors import NotEstimable
from pipelines.models.steady_linear import fit_linear, fit_ridge


def rows(seed: int, n_people: int, own_sd: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Terms, values and people: one to five rows each, a term that differs by row and one that does not."""
    rng = np.random.default_rng(seed)
    person = np.repeat(np.arange(n_people), rng.integers(1, 6, n_people))
    terms = np.column_stack([rng.normal(size=person.size), rng.normal(size=n_people)[person]])
    own = own_sd * rng.normal(size=n_people)
    return terms, 1.0 + terms @ [0.5, -0.3] + own[person] + 0.4 * rng.normal(size=person.size), person


def test_the_truth_is_given_back() -> None:
    found = fit_linear(*rows(1, 20_000, 0.3))
    np.testing.assert_allclose(found.coefficients, [1.0, 0.5, -0.3], atol=0.01)
    assert (found.residual_sd, found.person_sd) == (pytest.approx(0.4, abs=0.01), pytest.approx(0.3, abs=0.01))


def test_without_levels_of_their_own_it_is_least_squares() -> None:
    terms, values, person = rows(2, 400, 0.0)
    plain, found = fit_linear(terms, values), fit_linear(terms, values, person)
    assert plain.person_sd == 0.0 and found.person_sd < 0.1
    np.testing.assert_allclose(found.coefficients, plain.coefficients, atol=0.02)
    alone = fit_linear(terms, values, np.arange(values.size))
    assert alone.person_sd == 0.0
    np.testing.assert_array_equal(alone.coefficients, plain.coefficients)


def test_what_cannot_be_fitted_is_refused() -> None:
    terms, values, person = rows(3, 50, 0.3)
    with pytest.raises(NotEstimable, match="tell each other"):
        fit_linear(np.column_stack([terms, terms[:, 0]]), values, person)
    with pytest.raises(NotEstimable, match="too few rows"):
        fit_linear(terms[:2], values[:2], person[:2])


def test_a_ridge_bears_terms_that_nobody_has_or_that_tell_each_other() -> None:
    terms, values, _ = rows(4, 400, 0.0)
    plain, found = fit_linear(terms, values), fit_ridge(terms, values, 1e-9)
    np.testing.assert_allclose(found.coefficients, plain.coefficients, atol=1e-9)
    assert found.residual_sd == pytest.approx(plain.residual_sd)
    more = np.column_stack([terms, np.full(values.size, 3.0), terms[:, 0]])
    again = fit_ridge(more, values, 0.1)
    assert again.coefficients[3] == 0.0
    assert again.coefficients[[1, 4]].sum() == pytest.approx(plain.coefficients[1], rel=1e-3)
    with pytest.raises(NotEstimable, match="too few rows"):
        fit_ridge(more[:5], values[:5], 0.1)
