"""What several released cells tell together: sums that can be added and taken away until only few people are left.

A cell told is an equation: the sum over its people. Whoever has several can form any sum of multiples of them; people who are in
the same cells are told together, or not at all. Here: whether some combination stands for fewer people than may be told, and
which new cells would make one. Not here: who is in which cell (`release_output`).
"""

from itertools import combinations
from math import comb

import numpy as np

#: of combinations that would have to be looked at one by one; beyond it the answer is taken to be yes
MOST_LOOKED_AT = 20_000
#: lengths, and eigenvalues against the largest, below which there is nothing: members are ones and noughts
_NOTHING, _SQUARE = 1e-6, 1e-11


def cells_that_tell_few(member: np.ndarray, people: np.ndarray, n_told: int, least: int) -> list[int]:
    """Which new cells, with those told and those before them, can be combined to stand for 1 to `least` - 1 people.

    Args:
        member: [cells, groups] whether the people of a group are in a cell; cells told come first, then new ones, the most
            welcome first.
        people: [groups] how many people are in exactly these cells.
        n_told: cells told before.
        least: people who may be told.

    Returns:
        Row numbers of cells to be hidden. What was told before is taken as it is: a new cell is hidden for what it adds.
    """
    rows = list(range(member.shape[0]))
    if not _adds(member, people, rows[:n_told], rows[n_told:], least):
        return []
    kept, hidden = rows[:n_told], []
    for row in rows[n_told:]:
        if _adds(member, people, kept, [row], least):
            hidden.append(row)
        else:
            kept.append(row)
    return hidden


def _adds(member: np.ndarray, people: np.ndarray, kept: list[int], new: list[int], least: int) -> bool:
    """Whether new cells make combinations of small groups alone that the cells kept do not, one of them of few people."""
    is_small = people < least
    before = _small_combinations(member[kept].astype(np.float64), is_small)
    after = _small_combinations(member[kept + new].astype(np.float64), is_small)
    return after.shape[0] > before.shape[0] and _has_few(after, people[is_small], least)


def _small_combinations(member: np.ndarray, is_small: np.ndarray) -> np.ndarray:
    """[d, small groups] a basis of the combinations of cells in which no group of enough people is left."""
    if not member.shape[0] or not is_small.any():
        return np.zeros((0, int(is_small.sum())))
    large = member[:, ~is_small]
    size, left = np.linalg.eigh(large @ large.T)
    vanish = left[:, size < _SQUARE * max(float(size.max()), 1.0)].T
    if not vanish.shape[0]:
        return np.zeros((0, int(is_small.sum())))
    _, length, right = np.linalg.svd(vanish @ member[:, is_small], full_matrices=False)
    return right[length > _NOTHING]


def _has_few(basis: np.ndarray, people: np.ndarray, least: int) -> bool:
    """Whether a combination, not nothing, of the rows of a basis [d, groups] stands for fewer people than `least`.

    The one of fewest people vanishes on as many independent groups as it can: each choice of d - 1 of them leaves one.
    """
    directions, sizes = _alike(basis, people)
    d = basis.shape[0]
    if comb(directions.shape[1], d - 1) > MOST_LOOKED_AT:
        return True
    for chosen in combinations(range(directions.shape[1]), d - 1):
        if d == 1:
            return bool(sizes.sum() < least)
        fixed = directions[:, list(chosen)]
        _, size, right = np.linalg.svd(fixed.T, full_matrices=True)
        if int((size > _NOTHING).sum()) < d - 1:
            continue
        left_over = np.abs(right[d - 1] @ directions) > _NOTHING
        if sizes[left_over].sum() < least:
            return True
    return False


def _alike(basis: np.ndarray, people: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Directions [d, m] of length 1 and the people of each: groups that are only told together are one."""
    length = np.linalg.norm(basis, axis=0)
    there = length > _NOTHING
    unit = basis[:, there] / length[there]
    first = np.argmax(np.abs(unit) > _NOTHING**0.5, axis=0)
    unit = unit * np.sign(unit[first, np.arange(unit.shape[1])])
    directions, place = np.unique(np.round(unit, 6).T, axis=0, return_inverse=True)
    return directions.T, np.bincount(place.ravel(), weights=people[there], minlength=directions.shape[0])
