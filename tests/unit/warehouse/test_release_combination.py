"""Combinations of released cells: what three and more tell is found, what they do not tell is not, against every combination."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.warehouse.release_combination import cells_that_tell_few

LEAST = 11


def hidden(cells: list[list[int]], people: list[int], n_told: int, least: int = LEAST) -> list[int]:
    return cells_that_tell_few(np.array(cells, dtype=bool), np.array(people), n_told, least)


def reckoned(cells: list[list[int]], people: list[int], most: int = 2) -> set[int]:
    """Attack: people left by every sum of multiples from -most to most of the cells."""
    member, n = np.array(cells), np.array(people)
    sums = (np.array(times) @ member for times in product(range(-most, most + 1), repeat=len(cells)))
    return {int(n[left != 0].sum()) for left in sums if (left != 0).any()}


@pytest.mark.parametrize(
    ("cells", "people", "n_told", "found"),
    [
        # everybody, then all but five
        ([[1, 1], [1, 0]], [100, 5], 1, [1]),
        # a total less two parts, of which few are in neither
        ([[1, 1, 1], [1, 0, 0], [0, 1, 0]], [60, 70, 4], 2, [2]),
        # three parts
        ([[1, 1, 1, 1], [1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]], [60, 70, 80, 10], 3, [3]),
        # enough are left
        ([[1, 1, 1], [1, 0, 0], [0, 1, 0]], [60, 70, 11], 2, []),
        # two parts that overlap in few, and their union
        ([[1, 1, 0], [0, 1, 1], [1, 1, 1]], [60, 5, 70], 2, [2]),
        # two partitions of the same people, whose crossing has small cells: nothing tells those
        ([[1, 1, 0, 0], [0, 0, 1, 1], [1, 0, 1, 0], [0, 1, 0, 1]], [40, 9, 8, 50], 2, []),
        # twice the few are the few
        ([[1, 1, 0], [1, 0, 1], [0, 1, 1]], [5, 60, 70], 2, [2]),
        # twelve single people, told only all at once
        ([[1] * 13, [1] + [0] * 12], [50] + [1] * 12, 1, []),
        # and in halves: two equations, each of six of them
        ([[1] * 13, [1] + [0] * 12, [1] * 7 + [0] * 6], [50] + [1] * 12, 2, [2]),
    ],
)
def test_known_combinations(cells, people, n_told, found) -> None:
    assert hidden(cells, people, n_told) == found
    kept = [cell for number, cell in enumerate(cells) if number not in found]
    assert not any(n < LEAST for n in reckoned(kept, people))
    assert not found or any(n < LEAST for n in reckoned(cells, people))


def test_of_new_cells_the_first_are_kept() -> None:
    cells = [[1, 1, 1], [1, 0, 0], [0, 1, 0], [0, 1, 1]]
    assert hidden(cells, [60, 50, 4], 1) == [2], "the second part; the third is all less the first, told already"


def test_a_hole_of_before_does_not_close_everything() -> None:
    assert hidden([[1, 1, 0], [1, 0, 0], [0, 0, 1]], [60, 5, 70], 2) == []


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.lists(st.integers(0, 1), min_size=5, max_size=5), min_size=2, max_size=4),
    st.lists(st.integers(1, 30), min_size=5, max_size=5),
)
def test_no_sum_of_multiples_of_what_is_kept_stands_for_few(cells, people) -> None:
    member, n = np.array(cells), np.array(people)
    cells = [cell for cell in cells if int(n[np.array(cell) > 0].sum()) >= LEAST]
    if not cells or member.size == 0:
        return
    gone = hidden(cells, people, 0)
    kept = [cell for number, cell in enumerate(cells) if number not in gone]
    assert not any(left < LEAST for left in reckoned(kept, people))
