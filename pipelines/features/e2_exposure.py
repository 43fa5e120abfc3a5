"""`features.e2_exposure`: estradiol by window as bounds, from straight lines between the draws of one assay class.

Between two draws at most 180 days apart the level follows a straight line; after a draw it is carried for at most 90 days, not
beyond the next draw by another class, nor death. Each draw has a lower and an upper bound, so there are two curves, and every
share of time is told as `least` (surely) and `most` (possibly). Imputation is a model's task, not a feature's.
Source: the protocol's rules for censored estradiol (`ref.clinical_limit`, `e2_*`).
"""

import math
from dataclasses import dataclass

import numpy as np
import polars as pl

from pipelines.domain.straight_line import mean, share_above, share_below, share_within, value_at
from pipelines.features.clinical_limit import limit
from pipelines.features.e2_draw import e2_draws, in_series
from pipelines.features.menopause import status_periods, status_within
from pipelines.run_facts import Inputs, RunFacts

TILES = {"days_90": 90, "days_180": 180, "days_365": 365}
DAYS_PER_MONTH = 365.25 / 12
PEOPLE_AT_ONCE = 2_000
WINDOW = ("person_id", "assay_class", "window_code", "window_number")
_LEVELS = (10, 16, 20)
_UPPER_LEVELS = (30, 40)
#: more days than lie between any two dates, so that the days of one line come before those of the next
_EVER = 4_000_000


@dataclass(frozen=True, slots=True)
class _Beside:
    """What windows need beside draws, of everybody, read once: death, sex, episodes of inhibitors, menopause, bands, limits."""

    died: pl.DataFrame
    people: pl.DataFrame
    episodes: pl.DataFrame
    menopause: pl.DataFrame
    bands: pl.DataFrame
    longest_gap: float
    carry_days: int
    least_coverage: float
    least_draws: int


def e2_exposure(inputs: Inputs, facts: RunFacts) -> pl.LazyFrame:
    """One row per person, window and assay class; columns of the contract `features.e2_exposure`."""
    draws = e2_draws(inputs)
    dated = draws.filter(pl.col("day").is_not_null()).sort("person_id", maintain_order=True)
    undated = _undated(draws.filter(pl.col("day").is_null()))
    if dated.is_empty():
        return undated.lazy()
    # Pieces of windows take many times the memory of their draws, so only some people are cut up at a time.
    group = (pl.col("person_id").rle_id() // PEOPLE_AT_ONCE).alias("group")
    some_people = dated.with_columns(group).partition_by("group", maintain_order=True, include_key=False)
    beside = _beside(inputs)
    parts = [_in_time(some, beside) for some in some_people]
    return pl.concat([*parts, undated], how="diagonal_relaxed").lazy()


def _beside(inputs: Inputs) -> _Beside:
    def day(name: str) -> pl.Expr:
        return pl.col(name).to_physical().cast(pl.Int64)

    episodes = inputs["features.dosing_episode"].filter(
        pl.col("drug_class") == "aromatase_inhibitor", pl.col("is_primary")
    )
    return _Beside(
        inputs["staging.death"].group_by("person_id").agg(died_day=day("died_on").min()).collect(),
        inputs["staging.person"].select("person_id", "sex_code").collect(),
        episodes.select("person_id", start_day=day("starts_on"), end_day=day("supply_ends_on") + 1).collect(),
        status_periods(inputs),
        inputs["ref.e2_band"].filter(pl.col("band_code") == "severe").collect(),
        limit(inputs, "e2_interpolation_days"),
        int(limit(inputs, "e2_carry_days")),
        limit(inputs, "e2_minimum_coverage"),
        int(limit(inputs, "e2_variability_minimum_draws")),
    )


def _in_time(dated: pl.DataFrame, beside: _Beside) -> pl.DataFrame:
    """Windows of people whose draws have a day. A `line` is one series of one person; they are numbered through."""
    points = in_series(dated).with_columns(line=pl.struct("person_id", "series").rle_id().cast(pl.Int64))
    pieces = _pieces(points, beside)
    windows = _windows(pieces, beside)
    rows = windows.join(_time_weighted(_clipped(pieces, windows), _severe(windows, beside)), on="window", how="left")
    rows = rows.join(_of_draws(_in_windows(dated, points, windows), beside.least_draws), on="window", how="left")
    return _judged(rows, beside.least_coverage)


def _pieces(points: pl.DataFrame, beside: _Beside) -> pl.DataFrame:
    """Straight pieces of the curves: between draws, and carried after one; columns from_day, to_day, and values at both ends."""
    ends = {f"{name}_last": pl.col(name).shift(-1).over("line") for name in ("lo", "hi", "fill")}
    rows = points.with_columns(
        next_day=pl.col("day").shift(-1).over("line"), any_next_day=pl.col("day").shift(-1).over("person_id"), **ends
    )
    rows = rows.join(beside.died, on="person_id", how="left", maintain_order="left")
    joined = (pl.col("next_day") - pl.col("day") <= beside.longest_gap).fill_null(value=False)
    dead = pl.when(pl.col("died_day").is_not_null()).then(pl.max_horizontal("died_day", "day"))
    until = pl.min_horizontal(pl.col("day") + beside.carry_days, "any_next_day", dead)
    carried = {f"{name}_last": pl.when(joined).then(f"{name}_last").otherwise(name) for name in ("lo", "hi", "fill")}
    return rows.select(
        "line", "person_id", "assay_class", from_day="day",
        to_day=pl.when(joined).then("next_day").otherwise(until),
        **{f"{name}_first": pl.col(name) for name in ("lo", "hi", "fill")}, **carried,
    )  # fmt: skip


def _windows(pieces: pl.DataFrame, beside: _Beside) -> pl.DataFrame:
    """Every window: line, person, class, code, number, start_day, end_day (exclusive), and `window`, a number of its own."""
    spans = pieces.group_by("line", "person_id", "assay_class").agg(
        start=pl.col("from_day").min(), stop=pl.col("to_day").max()
    )
    # A single draw on the day of a switch or death still has a day.
    spans = spans.with_columns(stop=pl.max_horizontal("stop", pl.col("start") + 1))
    # The last window of a series ends where the class of assay comes back, or two windows would hold the same days.
    spans = spans.sort("person_id", "assay_class", "start").with_columns(
        back_day=pl.col("start").shift(-1).over("person_id", "assay_class")
    )
    tiles = [
        spans.with_columns(place=pl.int_ranges(0, ((pl.col("stop") - pl.col("start")) / days).ceil().cast(pl.Int64)))
        .explode("place")
        .select(
            *_LINE, window_code=pl.lit(code), start_day=pl.col("start") + pl.col("place") * days,
            end_day=pl.min_horizontal(pl.col("start") + (pl.col("place") + 1) * days, "back_day"),
        )
        for code, days in TILES.items()
    ]  # fmt: skip
    whole = spans.select(*_LINE, window_code=pl.lit("series"), start_day="start", end_day="stop")
    return (
        pl.concat([*tiles, whole, _episodes(spans, beside.episodes)])
        .sort("person_id", "assay_class", "window_code", "start_day", "end_day")
        .with_columns(window_number=pl.int_range(1, pl.len() + 1).over("person_id", "assay_class", "window_code"))
        .with_row_index("window")
    )


def _episodes(spans: pl.DataFrame, episodes: pl.DataFrame) -> pl.DataFrame:
    """Episodes of an aromatase inhibitor, by the drug's own gap, where they meet a series."""
    met = spans.join(episodes, on="person_id").filter(
        pl.col("start_day") < pl.col("stop"), pl.col("end_day") > pl.col("start")
    )
    return met.select(*_LINE, window_code=pl.lit("episode"), start_day="start_day", end_day="end_day")


def _neighbours(windows: pl.DataFrame, rows: pl.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Places of windows and of the rows they meet, or touch, in the order of windows: on a line such rows are neighbours.

    Args:
        windows: line, start_day, end_day (exclusive).
        rows: line, from_day, to_day (exclusive); in the order of all three.
    """

    def place_on_all_lines(frame: pl.DataFrame, day: str) -> np.ndarray:
        return frame.select(pl.col("line") * _EVER + pl.col(day)).to_series().to_numpy()

    first = np.searchsorted(place_on_all_lines(rows, "to_day"), place_on_all_lines(windows, "start_day"), side="right")
    after = np.searchsorted(place_on_all_lines(rows, "from_day"), place_on_all_lines(windows, "end_day"), side="left")
    n_met = np.maximum(after - first, 0)
    window = np.repeat(np.arange(windows.height), n_met)
    place = np.arange(window.size) - np.repeat(np.cumsum(n_met) - n_met - first, n_met)
    return window, place


def _clipped(pieces: pl.DataFrame, windows: pl.DataFrame) -> pl.DataFrame:
    """Pieces cut at the edges of the windows they meet, with the values at the cuts; in the order of windows."""
    window, place = _neighbours(windows, pieces)
    spans = windows.select("window", "start_day", "end_day")[window]
    met = pl.concat([spans, pieces.drop("line", "assay_class")[place]], how="horizontal")
    met = met.with_columns(
        a=pl.max_horizontal("start_day", "from_day"), b=pl.min_horizontal("end_day", "to_day")
    ).filter(pl.col("b") > pl.col("a"))
    length = (met["to_day"] - met["from_day"]).to_numpy().astype(float)
    at = {end: (met[cut] - met["from_day"]).to_numpy() / length for end, cut in (("first", "a"), ("last", "b"))}
    values = {
        f"{name}_{end}": value_at(met[f"{name}_first"].to_numpy(), met[f"{name}_last"].to_numpy(), share)
        for name in ("lo", "hi", "fill")
        for end, share in at.items()
    }
    return met.select("window", days=pl.col("b") - pl.col("a")).with_columns(
        pl.Series(name, column) for name, column in values.items()
    )


def _time_weighted(clipped: pl.DataFrame, severe: pl.DataFrame) -> pl.DataFrame:
    """Days covered, areas and days in bands, by window."""
    clipped = clipped.join(severe, on="window", how="left", maintain_order="left")
    lo, hi, fill = (
        (clipped[f"{name}_first"].to_numpy(), clipped[f"{name}_last"].to_numpy()) for name in ("lo", "hi", "fill")
    )
    days = clipped["days"].to_numpy().astype(float)
    parts = {"auc_lo": mean(*lo), "auc_hi": mean(*hi), "auc_fill": mean(*fill)}
    for level in _LEVELS:
        parts |= {f"below_{level}_least": share_below(*hi, level), f"below_{level}_most": share_below(*lo, level)}
    for level in _UPPER_LEVELS:
        parts |= {f"above_{level}_least": share_above(*lo, level), f"above_{level}_most": share_above(*hi, level)}
    parts["within_20_30_least"] = share_within(*lo, *hi, 20, 30)
    parts["within_20_30_most"] = 1.0 - parts["below_20_least"] - parts["above_30_least"]
    level = clipped["severe"].to_numpy()
    known = np.where(np.isnan(level), np.nan, 1.0)
    parts |= {"severe_least": known * share_below(*hi, level), "severe_most": known * share_below(*lo, level)}
    # Windows follow each other. What is not known of a piece is not known of its window.
    window = clipped["window"].to_numpy()
    begins = np.flatnonzero(np.diff(window, prepend=-1))
    found = {"covered": days} | {name: values * days for name, values in parts.items()}
    if begins.size:
        found = {name: np.add.reduceat(values, begins) for name, values in found.items()}
    columns = [pl.Series(name, values).fill_nan(None) for name, values in found.items()]
    return clipped.select("window")[begins].with_columns(columns)


def _severe(windows: pl.DataFrame, beside: _Beside) -> pl.DataFrame:
    """Level below which estradiol counts as severely low, by window, by what was known of menopause on its last day."""
    last = windows.select("window", "person_id", last_day=pl.col("end_day") - 1)
    known = last.with_columns(status_within(last, beside.menopause, "last_day").alias("known_code"))
    bands = beside.bands.lazy().select("sex_code", "status_code", severe="below_pg_ml")
    return (
        known.lazy()
        .join(beside.people.lazy(), on="person_id")
        .with_columns(status_code=pl.when(pl.col("sex_code") == "male").then(pl.lit("any")).otherwise("known_code"))
        .join(bands, on=("sex_code", "status_code"))
        .select("window", "severe")
        .collect()
    )


def _in_windows(dated: pl.DataFrame, points: pl.DataFrame, windows: pl.DataFrame) -> pl.DataFrame:
    """Draws beside the windows they fall into."""
    key = ("person_id", "day", "assay_class")
    draws = dated.join(points.select(*key, "line"), on=key).sort("line", "day")
    window, place = _neighbours(windows, draws.select("line", from_day="day", to_day=pl.col("day") + 1))
    return draws[place].with_columns(windows["window"].gather(window))


def _of_draws(draws: pl.DataFrame, least_for_spread: int) -> pl.DataFrame:
    return draws.group_by("window").agg(_draw_columns(least_for_spread))


def _draw_columns(minimum_for_spread: float) -> list[pl.Expr]:
    """What a set of draws tells without regard to time."""
    censored, all_measured = pl.col("is_censored"), ~pl.col("is_censored").any()
    return [
        pl.len().cast(pl.Int64).alias("n_draws"),
        (~censored).sum().cast(pl.Int64).alias("n_uncensored"),
        censored.mean().alias("censored_share"),
        pl.col("lo").min().alias("nadir_lo_pg_ml"),
        pl.col("hi").min().alias("nadir_hi_pg_ml"),
        pl.when(all_measured & (pl.len() >= minimum_for_spread) & (pl.col("lo").min() > 0))
        .then(pl.col("lo").log().std()).alias("log_sd"),
        pl.col("lloq").max().alias("lloq_pg_ml"),
        pl.col("testosterone").mean().alias("testosterone_ng_dl"),
        pl.col("shbg").mean().alias("shbg_nmol_l"),
        pl.when(pl.col("ratio").is_not_null().all()).then(pl.col("ratio").mean()).alias("t_e2_ratio"),
        pl.col("free_e2").mean().alias("free_e2_pg_ml"),
        pl.col("bio_e2").mean().alias("bioavailable_e2_pg_ml"),
        pl.col("free_t").mean().alias("free_testosterone_ng_dl"),
        pl.col("bio_t").mean().alias("bioavailable_testosterone_ng_dl"),
    ]  # fmt: skip


def _judged(rows: pl.DataFrame, least: float) -> pl.DataFrame:
    """Columns of the contract; a window of which less than `least` is covered has no mean and no shares."""
    length, covered = pl.col("end_day") - pl.col("start_day"), pl.col("covered").fill_null(0)
    enough = covered >= least * length
    shares = [f"below_{level}" for level in _LEVELS] + [f"above_{level}" for level in _UPPER_LEVELS] + ["within_20_30"]
    names = [f"{share}_{end}" for share in shares for end in ("least", "most")]
    epoch = pl.lit(0).cast(pl.Date)
    return rows.select(
        *WINDOW,
        starts_on=epoch + pl.duration(days="start_day"),
        ends_on=epoch + pl.duration(days=pl.col("end_day") - 1),
        covered_pct=100.0 * covered / length,
        **{f"e2_{name}_pg_ml": pl.when(enough).then(_finite(f"auc_{name}") / covered) for name in ("lo", "hi", "fill")},
        **{f"auc_{name}_pg_d_ml": pl.when(enough).then(_finite(f"auc_{name}")) for name in ("lo", "hi")},
        **{f"{name}_pct": pl.when(enough).then((100.0 * pl.col(name) / covered).clip(0, 100)) for name in names},
        **{f"severe_months_{end}": pl.when(enough).then(f"severe_{end}") / DAYS_PER_MONTH for end in ("least", "most")},
        n_draws=pl.col("n_draws").fill_null(0),
        n_uncensored=pl.col("n_uncensored").fill_null(0),
        **{name: pl.col(name) for name in _DRAW_NAMES if name not in ("n_draws", "n_uncensored", "nadir_hi_pg_ml")},
        nadir_hi_pg_ml=_finite("nadir_hi_pg_ml"),
    )


def _undated(draws: pl.DataFrame) -> pl.DataFrame:
    """Draws of a survey: one window over all of a person and class; means are plain means."""
    rows = draws.group_by("person_id", "assay_class").agg(
        *_draw_columns(minimum_for_spread=math.inf),
        e2_lo_pg_ml=pl.col("lo").mean(), e2_hi_pg_ml=pl.col("hi").mean(), e2_fill_pg_ml=pl.col("fill").mean(),
    )  # fmt: skip
    columns = {
        name: pl.lit(None, pl.Date if name.endswith("_on") else pl.Float64)
        for name in ("starts_on", "ends_on", "covered_pct", "auc_lo_pg_d_ml", "auc_hi_pg_d_ml", *_TIMED)
    }
    code = pl.when(pl.col("n_draws") == 1).then(pl.lit("single_draw")).otherwise(pl.lit("undated"))
    return rows.with_columns(
        window_code=code, window_number=pl.lit(1, pl.Int64), e2_hi_pg_ml=_finite("e2_hi_pg_ml"),
        nadir_hi_pg_ml=_finite("nadir_hi_pg_ml"), **columns,
    )  # fmt: skip


def _finite(name: str) -> pl.Expr:
    return pl.when(pl.col(name).is_finite()).then(pl.col(name))


_LINE = ("line", "person_id", "assay_class")
_DRAW_NAMES = [expression.meta.output_name() for expression in _draw_columns(3)]
_TIMED = [
    *(f"{share}_{end}_pct" for share in ("below_10", "below_16", "below_20", "within_20_30", "above_30", "above_40")
      for end in ("least", "most")),
    "severe_months_least",
    "severe_months_most",
]  # fmt: skip
