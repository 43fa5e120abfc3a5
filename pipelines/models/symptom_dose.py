"""The weekly dose of anastrozole before a draw, by band, as its supplies told it by then.

Here: which band of dose a draw has, or that it is not known. Not here: doses that are kept up (`dose_frame`), and what comes of
the dose (`symptom_risk`).
"""

import numpy as np
import polars as pl

from pipelines.run_facts import Inputs
from pipelines.trials.symptom import BANDS, DOSE_EDGES

_DRUG = "anastrozole"


def dose_bands(inputs: Inputs, draws: pl.DataFrame) -> pl.Series:
    """[n] band of the mg a week in stock on the eve of each draw; NULL where that is not known.

    What is supplied on the day of the draw may answer to it, and an episode of use is known only by the supplies that follow:
    neither is asked. Nobody is without an inhibitor (`none`) until their stock has been out for the primary gap of an episode.
    Until then, within that gap of a supply of unknown length, without a dose, or with another inhibitor, the dose is not known.

    Args:
        inputs: `features.drug_supply` and `ref.episode_rule` among them.
        draws: `draw` from 0 to n - 1, in order; person_id, index_on.
    """
    met = draws.select("draw", "person_id", eve=pl.col("index_on") - pl.duration(days=1)).join(
        _supplies(inputs), on="person_id"
    )
    met = met.filter(pl.col("supplied_on") <= pl.col("eve"))
    is_within = (pl.col("cover_from_on") <= pl.col("eve")) & (pl.col("eve") < pl.col("until_on"))
    out_days = (pl.col("eve") - pl.col("until_on")).dt.total_days()
    since_days = (pl.col("eve") - pl.col("supplied_on")).dt.total_days()
    is_recent = out_days.is_between(0, pl.col("gap_days") - 1)
    is_unknown = (pl.col("n_unknown_supply") > 0) & (since_days < pl.col("gap_days"))
    is_other = pl.col("ingredient") != _DRUG
    told = met.group_by("draw").agg(
        is_out=(is_unknown | (is_other & (is_within | is_recent))).any(),
        is_late=is_recent.any(),
        is_within=is_within.any(),
        # Stock of one drug is used one supply after the other: there is one at most.
        dose=pl.col("dose_mg_per_week").filter(is_within & ~is_other).min().round(6),
    )
    found = draws.select("draw").join(told, on="draw", how="left", maintain_order="left")
    dose = found["dose"].fill_null(0.0).to_numpy()
    band = pl.Series(np.array(BANDS["dose"])[np.searchsorted(np.array(DOSE_EDGES), dose, side="left")])
    with_stock, late, out = (found[name].fill_null(value=False) for name in ("is_within", "is_late", "is_out"))
    is_known = ~out & ((with_stock & (found["dose"] > 0).fill_null(value=False)) | (~with_stock & ~late))
    return pl.select(band=pl.when(is_known).then(band)).to_series()


def _supplies(inputs: Inputs) -> pl.DataFrame:
    """Dated supplies of inhibitors: first day of their cover, the day after its last, and the gap that ends an episode."""
    rule = (
        inputs["ref.episode_rule"]
        .filter(pl.col("is_primary").cast(pl.String) == "yes")
        .select(pl.col("ingredient").cast(pl.String), "gap_days")
        .collect()
    )
    gaps = dict(rule.iter_rows())
    return (
        inputs["features.drug_supply"]
        .filter(pl.col("drug_class").cast(pl.String) == "aromatase_inhibitor", pl.col("supplied_on").is_not_null())
        .select(
            *("person_id", "supplied_on", "cover_from_on", "dose_mg_per_week", "n_unknown_supply"),
            ingredient=pl.col("ingredient").cast(pl.String),
            until_on=pl.col("cover_from_on") + pl.duration(days=pl.col("cover_days")),
        )
        .collect()
        .with_columns(gap_days=pl.col("ingredient").replace_strict(gaps, default=gaps["*"], return_dtype=pl.Int64))
    )
