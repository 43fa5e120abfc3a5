"""An adversary who knows the total, what is shown, the threshold and the program learns no small count."""

from collections.abc import Iterator
from itertools import pairwise

from hypothesis import example, given
from hypothesis import strategies as st

from pipelines.disclosure import hidden_parts, hidden_steps

MIN_CELLS = st.integers(2, 5)
PARTS = st.lists(st.integers(0, 12), min_size=1, max_size=5)
MANY_PARTS = st.lists(st.one_of(st.integers(0, 12), st.integers(0, 500)), min_size=1, max_size=20)
CHAINS = st.lists(st.integers(0, 40), min_size=1, max_size=9).map(
    lambda drops: [sum(drops[i:]) for i in range(len(drops))]
)


def positive_splits(total: int, parts: int) -> Iterator[tuple[int, ...]]:
    """Every way in which `parts` non-empty parts add up to `total`."""
    if parts == 1:
        yield (total,)
        return
    for first in range(1, total - parts + 2):
        for rest in positive_splits(total - first, parts - 1):
            yield (first, *rest)


@given(MANY_PARTS, st.integers(2, 30))
def test_small_parts_are_hidden_and_nothing_where_there_are_none(counts, min_cell):
    hidden = hidden_parts(counts, min_cell)
    assert all(h for n, h in zip(counts, hidden, strict=True) if 0 < n < min_cell)
    if all(n == 0 or n >= min_cell for n in counts):
        assert not any(hidden)


@given(MANY_PARTS, st.integers(2, 30))
def test_hidden_parts_together_are_no_small_group(counts, min_cell):
    together = [n for n, h in zip(counts, hidden_parts(counts, min_cell), strict=True) if h]
    if together and sum(counts) >= min_cell:
        assert sum(together) >= min_cell
    if together and sum(n > 0 for n in counts) > 1:
        assert len(together) >= 2


@given(PARTS, MIN_CELLS)
@example([1, 1, 1, 9], 3)
@example([1, 2, 7, 7], 3)
def test_no_hidden_part_can_be_derived(counts, min_cell):
    """The sum of the hidden parts is known, that none is empty and that one at least is small: each keeps two readings.

    Not asked where everybody together are fewer than the threshold, or nobody is left to hide behind.
    """
    hidden = hidden_parts(counts, min_cell)
    together = sum(n for n, h in zip(counts, hidden, strict=True) if h)
    nobody_is_shown = all(h for n, h in zip(counts, hidden, strict=True) if n > 0)
    if not any(hidden) or sum(counts) < min_cell or nobody_is_shown:
        return
    possible = [split for split in positive_splits(together, sum(hidden)) if min(split) < min_cell]
    for readings in zip(*possible, strict=True):
        assert len(set(readings)) >= 2


@given(CHAINS, st.integers(2, 20))
@example([100, 95, 5], 11)
@example([100, 95, 0], 11)
def test_shown_steps_differ_by_nobody_or_by_enough(counts, min_cell):
    hidden = hidden_steps(counts, min_cell)
    shown = [n for n, h in zip(counts, hidden, strict=True) if not h]
    assert all(n == 0 or n >= min_cell for n in shown)
    gaps = [before - after for before, after in pairwise(shown)]
    assert all(gap == 0 or gap >= min_cell for gap in gaps)


@given(CHAINS, st.integers(2, 20))
def test_steps_without_small_losses_are_all_shown(counts, min_cell):
    losses = [before - after for before, after in pairwise(counts)]
    if all(n == 0 or n >= min_cell for n in (*counts, *losses)):
        assert not any(hidden_steps(counts, min_cell))
