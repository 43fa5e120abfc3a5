"""Disclosure control: which cells of an aggregate may be shown, and how. Pure arithmetic; the tables are in `mart`.

A cell of 1 to `min_cell - 1` people is hidden, and so is whatever would give it away by subtraction. What was told before is
kept by `warehouse.release_ledger`; here is what follows from it.
"""

from collections.abc import Sequence

import polars as pl


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
    return hidden_together([counts], min_cell)


def hidden_together(chains: Sequence[Sequence[int]], min_cell: int) -> list[bool]:
    """Which points of several chains over the same days must be hidden: where one of the counts must, all are.

    Each chain only falls or only rises, such as people at risk and events until then. From the last point back one is shown if
    every count is 0 or at least `min_cell`, and differs from the next one shown by 0 or at least as many.
    """
    hidden = [True] * len(chains[0])
    next_shown: tuple[int, ...] | None = None
    for i, counts in reversed(list(enumerate(zip(*chains, strict=True)))):
        gaps = [] if next_shown is None else [abs(n - other) for n, other in zip(counts, next_shown, strict=True)]
        if not any(0 < n < min_cell for n in (*counts, *gaps)):
            hidden[i] = False
            next_shown = counts
    return hidden


def hide_small(n: int | None, min_cell: int) -> int | None:
    """A stand-alone count, or None where it is small."""
    return None if n is not None and 0 < n < min_cell else n


def rounded(n: pl.Expr, min_cell: int) -> pl.Expr:
    """A count of at least `min_cell` to the nearest multiple of it, so that two of them differ by nobody or by enough."""
    return ((n / min_cell).round() * min_cell).clip(lower_bound=min_cell).cast(pl.Int64)


def told_count(n: pl.Expr, before: pl.Expr, is_known: pl.Expr, min_cell: int) -> pl.Expr:
    """A count as it is told tonight: rounded to `min_cell`, and the same as before until it moved by as many.

    What was hidden stays hidden until it holds twice the threshold: neither that the first few came nor that the last few
    left is told. The value at which a count is told anew lies `min_cell` from every such value next to it, so that not even
    who knows of each single arrival can tell two counts that are closer.

    Args:
        n: people tonight; NULL where the rules of one night hide them.
        before: what was told last; NULL: it was hidden.
        is_known: whether anything was told, or hidden, before.
    """
    was_hidden = is_known & before.is_null()
    fresh = rounded(n, min_cell)
    return (
        pl.when(n.is_null() | n.is_between(1, min_cell, closed="left"))
        .then(None)
        .when(was_hidden & (n < 2 * min_cell))
        .then(None)
        .when(n == 0)
        .then(pl.lit(0, pl.Int64))
        .when(is_known & (before > 0) & ((n - before).abs() < min_cell))
        .then(before)
        .otherwise(fresh)
    )


#: shares of people are told to one of these, in percent
SHARE_STEPS_PCT = (1, 2, 5, 10)


def told_share(share: pl.Expr, people: pl.Expr, min_cell: int) -> pl.Expr:
    """A share of so many people to the finest step that is at least `min_cell` of them; NULL where none is.

    Shares as they are would tell the number of people by multiplication.
    """
    step = pl.lit(None, pl.Float64)
    for pct in reversed(SHARE_STEPS_PCT):
        step = pl.when(pct * people >= 100 * min_cell).then(pct / 100).otherwise(step)
    return (share / step).round() * step


def to_figures(value: pl.Expr, scale: pl.Expr, figures: int = 2) -> pl.Expr:
    """A number to so many figures of another: an estimate to two figures of its standard error tells no count of people.

    Exact digits do: a share to sixteen digits is one fraction alone, whose denominator is the number of people.
    """
    usable = (scale.abs() > 0) & scale.is_finite()
    place = scale.abs().log10().floor() - (figures - 1)
    large, small = pl.lit(10.0).pow(place), pl.lit(10.0).pow(-place)  # a power of ten below 1 is no exact number
    told = pl.when(place >= 0).then((value / large).round() * large).otherwise((value * small).round() / small)
    return pl.when(usable).then(told).otherwise(value)
