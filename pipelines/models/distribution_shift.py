"""Change of distributions between nights and between places: the population stability index over deciles of the reference.

Arithmetic on `models.value_histogram`. No limit stands here: what is too much, and what too few to judge, says the suite.
"""

import polars as pl

from pipelines.run_facts import Inputs, RunFacts
from pipelines.tables import CONTRACTS

TABLE = "models.distribution_shift"
_ITEM = ["quantity", "item_code"]
_PLACE = [*_ITEM, "place_code"]
_SPLITS = 10
_HALF = 0.5  # added to each bin, so that an empty one has a logarithm


def distribution_shift(inputs: Inputs, facts: RunFacts) -> pl.LazyFrame:
    """`models.distribution_shift`: each place against the rest, and against itself in the publication before."""
    columns = [*_PLACE, "bin_number", "n"]
    now = inputs["models.value_histogram"].select(columns).collect()
    before = inputs["raw.previous_histogram"].select(columns).collect()
    everywhere = now.group_by(*_ITEM, "bin_number").agg(pl.col("n").sum().alias("n_all"))
    # A bin that only others have belongs to the rest as well.
    places = now.select(_PLACE).unique().join(everywhere, on=_ITEM)
    own = places.join(now, on=[*_PLACE, "bin_number"], how="left").with_columns(pl.col("n").fill_null(0))
    rest = own.with_columns((pl.col("n_all") - pl.col("n")).alias("n_reference"))
    night = now.join(
        before.rename({"n": "n_reference"}), on=[*_PLACE, "bin_number"], how="full", coalesce=True
    ).with_columns(pl.col("n", "n_reference").fill_null(0))
    shown = [*_PLACE, "comparison", "n", "n_reference", "n_bins", "psi"]
    found = [
        stability(part.select([*_PLACE, "bin_number", "n", "n_reference"]))
        .with_columns(pl.lit(comparison).alias("comparison"))
        .select(shown)
        for comparison, part in (("rest", rest), ("previous_publication", night))
    ]
    return CONTRACTS[TABLE].schema.cast(pl.concat(found)).lazy()


def stability(bins: pl.DataFrame) -> pl.DataFrame:
    """The population stability index of each place: sum of (p - q) ln(p / q) over bins.

    Bins are the deciles of the reference as far as the grid tells them apart: a value that makes up two tenths of the
    reference is one bin. Half a row is added to each bin of either side.

    Args:
        bins: quantity, item_code, place_code, bin_number, n and n_reference; one row a bin of the grid.

    Returns:
        One row a place with rows on both sides: n, n_reference, n_bins and psi. Source: Siddiqi 2006, Credit risk
        scorecards, Wiley; distribution under no change: Yurdakul and Naranjo 2020, J Risk Model Valid 14(4).
    """
    total = pl.col("n_reference").sum().over(_PLACE)
    until = pl.col("n_reference").cum_sum().over(_PLACE, order_by="bin_number")
    # Whole numbers, so that no rounding decides on which side of an edge a bin lies.
    decile = ((_SPLITS * until - 1).clip(lower_bound=0) // total).alias("decile")
    both = bins.filter(total > 0, pl.col("n").sum().over(_PLACE) > 0)
    grouped = both.with_columns(decile).group_by(*_PLACE, "decile").agg(pl.col("n", "n_reference").sum())
    p, q = ((pl.col(name) + _HALF) / (pl.col(name).sum() + _HALF * pl.len()) for name in ("n", "n_reference"))
    return (
        grouped.group_by(_PLACE)
        .agg(
            pl.col("n", "n_reference").sum(),
            pl.len().cast(pl.Int64).alias("n_bins"),
            ((p - q) * (p / q).log()).sum().alias("psi"),
        )
        .sort(_PLACE)
    )
