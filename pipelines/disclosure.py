"""Disclosure control: which cells of an aggregate may be shown. Pure arithmetic on counts; the tables are in `mart`.

A cell of 1 to `min_cell - 1` people is hidden, and so is whatever would give it away by subtraction.
"""

from collections.abc import Sequence


def hidden_parts(counts: Sequence[int], min_cell: int) -> list[bool]:
    """Which parts of a partition with a published total must be hidden.

    Small parts are hidden first; then, smallest first, others (complementary suppression) until the hidden parts
    together hold at least `min_cell` people and are at least two, so that total minus shown tells no small cell.
    Empty parts stay shown: nobody is in them.

    Args:
        counts: people in each part; the parts do not overlap and add up to a total that may be known.
    """
    hidden = [0 < n < min_cell for n in counts]
    while any(hidden):
        together = sum(n for n, h in zip(counts, hidden, strict=True) if h)
        if sum(hidden) >= 2 and together >= min_cell:
            break
        others = [(n, i) for i, (n, h) in enumerate(zip(counts, hidden, strict=True)) if not h and n > 0]
        if not others:
            break
        hidden[min(others)[1]] = True
    return hidden


def hidden_steps(counts: Sequence[int], min_cell: int) -> list[bool]:
    """Which counts of a falling chain (attrition) must be hidden.

    A count is shown if it is 0 or at least `min_cell`, and if what was lost since the last shown count, and until the
    next shown one, is 0 or at least `min_cell`. First and last are kept where possible, the end being what readers need.
    """
    n = len(counts)
    shown = [c == 0 or c >= min_cell for c in counts]
    if not shown or not shown[-1]:
        return [not s for s in shown]

    def small(gap: int) -> bool:
        return 0 < gap < min_cell

    keep = [False] * n
    keep[n - 1] = True
    next_shown = counts[n - 1]
    for i in range(n - 2, -1, -1):
        if shown[i] and not small(counts[i] - next_shown):
            keep[i] = True
            next_shown = counts[i]
    return [not k for k in keep]


def hide_small(n: int | None, min_cell: int) -> int | None:
    """A stand-alone count, or None where it is small."""
    return None if n is not None and 0 < n < min_cell else n
