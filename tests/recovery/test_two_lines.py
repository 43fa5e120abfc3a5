"""Two lines against known truth: a U is found, what only flattens is not taken for one, where a quadratic term is."""

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from pipelines.models.two_lines import two_lines

REPEATS, N = 200, 800
SHAPES = {
    "u": lambda x: 0.12 + 0.10 * x**2,
    "flattens": lambda x: 0.08 + 0.35 * np.maximum(-0.3 - x, 0.0),
    "monotone": lambda x: 0.25 - 0.08 * x,
    "none": lambda x: np.full(x.size, 0.2),
}


def repeats(shape: str) -> tuple[np.ndarray, np.ndarray]:
    """Whether a U (either way up) was found, and the same by a quadratic term with an extreme inside the data."""
    found, naive = np.zeros(REPEATS, dtype=bool), np.zeros(REPEATS, dtype=bool)
    for number in range(REPEATS):
        rng = np.random.default_rng([number, 62])
        x = rng.normal(size=N)
        y = (rng.random(N) < np.clip(SHAPES[shape](x), 0.02, 0.95)).astype(np.float64)
        found[number] = two_lines(x, y).shape != "none"
        design = np.column_stack([np.ones(x.size), x, x**2])
        beta = np.linalg.lstsq(design, y)[0]
        inverse = np.linalg.inv(design.T @ design)
        meat = (design * (y - design @ beta)[:, None] ** 2).T @ design
        error = np.sqrt((inverse @ meat @ inverse)[2, 2])
        turn = -beta[1] / (2 * beta[2])
        naive[number] = abs(beta[2] / error) > 1.96 and x.min() < turn < x.max()
    return found, naive


@pytest.fixture(scope="module")
def shares() -> dict[str, tuple[float, float]]:
    with threadpool_limits(1):
        return {name: tuple(float(each.mean()) for each in repeats(name)) for name in SHAPES}


def test_a_u_is_found(shares: dict[str, tuple[float, float]]) -> None:
    assert shares["u"][0] > 0.9


@pytest.mark.parametrize("shape", ["flattens", "monotone", "none"])
def test_what_does_not_turn_is_called_a_u_in_at_most_one_of_twenty(shares, shape: str) -> None:
    # 5 % and two standard errors of 200 repeats.
    assert shares[shape][0] <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / REPEATS)


def test_a_quadratic_term_takes_what_flattens_for_a_u(shares: dict[str, tuple[float, float]]) -> None:
    assert shares["flattens"][1] > 0.5 > shares["flattens"][0]


def test_rows_as_people_find_lines_that_persons_do_not() -> None:
    """Everybody twice: counted as people, lines of nothing are steep too often."""
    with threadpool_limits(1):
        p_person, p_row = [], []
        for number in range(100):
            rng = np.random.default_rng([number, 63])
            x, y = rng.normal(size=400), (rng.random(400) < 0.2).astype(np.float64)
            twice = np.repeat(x, 2), np.repeat(y, 2)
            p_person.append(two_lines(*twice, person_id=np.repeat(np.arange(400), 2)).above.p_value)
            p_row.append(two_lines(*twice).above.p_value)
    assert np.mean(np.array(p_row) < 0.05) > 0.1 > np.mean(np.array(p_person) < 0.05)
