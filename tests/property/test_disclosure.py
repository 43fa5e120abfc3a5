"""An adversary who knows the total, what is shown, the threshold and the program learns no small count."""

from collections.abc import Iterator
from itertools import pairwise

import polars as pl
from hypothesis import example, given
from hypothesis import strategies as st

from pipelines.disclosure import hidden_parts, hidden_steps, told_count

MIN_CELLS = st.integers(2, 5)
PARTS = st.lists(st.integers(0, 12), min_size=1, max_size=5)
MANY_PARTS = st.lists(st.one_of(st.integers(0, 12), st.integers(0, 500)), min_size=1, max_size=20)
CHAINS = st.lists(st.integers(0, 40), min_size=1, max_size=9).map(
    lambda drops: [sum(drops[i:]) for i in range(len(drops))]
)


NIGHTLY = st.tuples(st.integers(0, 80), st.lists(st.integers(-1, 1), min_size=1, max_size=80))


def told_each_night(counts, min_cell):
    """What the ledger lets be told of one cell, night after night."""
    told, is_known, found = None, False, []
    for n in counts:
        row = pl.DataFrame({"n": [n], "before": [told], "is_known": [is_known]}, schema_overrides={"before": pl.Int64})
        told = row.select(told_count(pl.col("n"), pl.col("before"), pl.col("is_known"), min_cell)).item()
        is_known = True
        found.append(told)
    return found


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


@given(st.lists(st.one_of(st.integers(0, 60), st.integers(0, 500)), min_size=1, max_size=12), st.integers(2, 30))
def test_what_is_told_of_any_two_nights_differs_by_nobody_or_by_enough(counts, min_cell):
    found = told_each_night(counts, min_cell)
    shown = [told for told in found if told is not None]
    assert all(told % min_cell == 0 for told in shown)
    assert all(abs(told - n) < min_cell for n, told in zip(counts, found, strict=True) if told is not None)
    assert all(told in (None, 0) for n, told in zip(counts, found, strict=True) if n < min_cell)
    repeated = told_each_night([n for n in counts for _ in range(2)], min_cell)
    assert repeated == [told for told in found for _ in range(2)], "the same people, the same answer"


@given(NIGHTLY, st.integers(4, 15))
@example((38, [1] * 8 + [-1] * 8 + [1] * 8), 11)
def test_not_even_who_knows_of_each_arrival_tells_two_counts_that_are_close(walk, min_cell):
    """At most one person comes or goes a night: when the answer changes, that person tipped it, and the count is known."""
    start, moves = walk
    counts = [start]
    for move in moves:
        counts.append(max(counts[-1] + move, 0))
    found = told_each_night(counts, min_cell)
    known = {
        n
        for n, (before, now) in zip(counts[1:], pairwise(found), strict=True)
        if before is not None and now is not None and before != now
    }
    assert all(abs(one - other) >= min_cell for one in known for other in known if one != other)
