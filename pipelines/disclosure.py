"""Disclosure control: which cells of an aggregate may be shown. Pure arithmetic on counts; the tables are in `mart`.

A cell of 1 to `min_cell - 1` people is hidden, and so is whatever would give it away by subtraction.
"""

from collections.abc import Sequence


def hidden_parts(counts: Sequence[int], min_cell: int) -> list[bool]:
    """Which parts of a partition with a published total must be hidden.

    Small parts are hidden first; then, smallest first, others (complementary suppression) until the hidden parts
    together hold at least `min_cell` people, more than there are hidden parts (as many would mean one each), and are at
    least two, so that total minus shown tells no small cell. Empty parts stay shown: nobody is in them.

    Args:
        counts: people in each part; the parts do not overlap and add up to a total that may be known.
    """
    hidden = [0 < n < min_cell for n in counts]
    while any(hidden):
        together = sum(n for n, h in zip(counts, hidden, strict=True) if h)
        if sum(hidden) >= 2 and together >= min_cell and together > sum(hidden):
            break
        others = [(n, i) for i, (n, h) in enumerate(zip(counts, hidden, strict=True)) if not h and n > 0]
        if not others:
            break
        hidden[min(others)[1]] = True
    return hidden


def hidden_steps(counts: Sequence[int], min_cell: int) -> list[bool]:
    """Which counts of a falling chain (attrition) must be hidden.

    A count is shown if it is 0 or at least `min_cell`, and if what was lost since the last shown count, and until the
    next shown one, is 0 or at least `min_cell`. The last count that can be shown is kept: readers need the end.
    """
    hidden = [True] * len(counts)
    next_shown: int | None = None
    for i in range(len(counts) - 1, -1, -1):
        gap = 0 if next_shown is None else counts[i] - next_shown
        if not 0 < counts[i] < min_cell and not 0 < gap < min_cell:
            hidden[i] = False
            next_shown = counts[i]
    return hidden


def hide_small(n: int | None, min_cell: int) -> int | None:
    """A stand-alone count, or None where it is small."""
    return None if n is not None and 0 < n < min_cell else n
