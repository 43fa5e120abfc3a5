"""Means over windows as weights of draws: straight lines, gaps, carrying, class of assay; the windows of features agree."""

import datetime as dt

import numpy as np
import polars as pl
import polars.selectors as cs
import pytest

from pipelines.features.e2_exposure import e2_exposure
from pipelines.models.window_mean import WindowWeights, window_weights
from pipelines.run_facts import RunFacts
from pipelines.settings import sql_root
from pipelines.tables import CONTRACTS
from pipelines.warehouse.step import read_csv

FACTS = RunFacts("run", "omop", (), "white_female", 11, "simulated")


def weighed(days: list[int], start: int, end: int, series: list[int] | None = None) -> WindowWeights:
    draws = pl.DataFrame({"person": 0, "series": series or [1] * len(days), "day": days})
    return window_weights(draws, pl.DataFrame({"person": [0], "start_day": [start], "end_day": [end]}), 180, 90)


@pytest.mark.parametrize(
    ("days", "window", "values", "mean", "covered"),
    [
        ([0, 100], (0, 100), [10, 20], 15.0, 1.0),
        # The middle of the part from day 50 to day 100 is day 75.
        ([0, 100], (50, 100), [10, 20], 17.5, 1.0),
        # 100 days of the line and 90 days of the last value, of 200.
        ([0, 100], (0, 200), [10, 20], (100 * 15 + 90 * 20) / 190, 0.95),
        # A gap above 180 days: each value is carried for 90 days.
        ([0, 181], (0, 362), [10, 20], 15.0, 180 / 362),
        # A line to a draw after the window counts that draw.
        ([0, 100], (0, 50), [10, 20], 12.5, 1.0),
        ([500], (0, 100), [10], 0.0, 0.0),
    ],
)
def test_means_by_hand(days, window, values, mean, covered) -> None:
    found = weighed(days, *window)
    assert found.mean(np.array(values, dtype=float))[0] == pytest.approx(mean)
    assert found.covered_share[0] == pytest.approx(covered)


def test_no_line_is_drawn_from_one_class_of_assay_to_another() -> None:
    found = weighed([0, 60], 0, 120, series=[1, 2])
    assert found.mean(np.array([10.0, 20.0]))[0] == pytest.approx(15.0)
    assert found.weights.toarray().tolist() == [[0.5, 0.5]]


def test_equal_draws_count_as_many_as_they_are() -> None:
    assert weighed([0, 200, 400], 0, 600).effective_draws[0] == pytest.approx(3.0)
    assert weighed([900], 0, 600).effective_draws[0] == 0.0


def test_windows_of_features_have_the_same_bounds() -> None:
    """Two hundred people, some draws below the limit: `features.e2_exposure`, made another way, says the same of a series."""
    rng = np.random.default_rng(3)
    n = 1000
    draws = pl.DataFrame(
        {
            "person_id": rng.integers(0, 200, n),
            "day": rng.integers(0, 1500, n),
            "value": np.exp(rng.normal(3, 0.6, n)).round(1),
            "operator": np.where(rng.random(n) < 0.2, "<", "="),
        }
    ).unique(["person_id", "day"], keep="first", maintain_order=True)
    results = draws.select(
        "person_id",
        specimen_id=pl.int_range(pl.len()).cast(pl.String),
        analyte_code=pl.lit("estradiol"),
        assay_class=pl.lit("lc_ms_ms"),
        drawn_on=pl.lit(dt.date(1970, 1, 1)) + pl.duration(days="day"),
        value="value",
        operator="operator",
        is_censored=pl.col("operator") == "<",
        lloq=pl.lit(5.0),
    )
    given = {name: CONTRACTS[name].empty().lazy() for name in ("staging.death", "features.dosing_episode")}
    given |= {name: CONTRACTS[name].empty().lazy() for name in ("staging.person", "features.menopausal_status")}
    for name in ("e2_band", "clinical_limit"):
        given[f"ref.{name}"] = read_csv(sql_root() / "ref" / f"{name}.csv", CONTRACTS[f"ref.{name}"])
    people = results["person_id"].unique().sort()
    given["staging.person"] = pl.DataFrame({"person_id": people, "sex_code": "male"}).lazy()
    # As read from a file: codes are text.
    given = {name: rows.with_columns(cs.enum().cast(pl.String)) for name, rows in given.items()}
    made = e2_exposure(given | {"staging.lab_result": results.lazy()}, FACTS).collect()
    made = made.filter(pl.col("window_code") == "days_365", pl.col("e2_lo_pg_ml").is_not_null())
    windows = made.select(
        person="person_id",
        start_day=pl.col("starts_on").to_physical().cast(pl.Int64),
        end_day=pl.col("ends_on").to_physical().cast(pl.Int64) + 1,
    )
    ours = draws.select(
        person=pl.col("person_id"),
        series=pl.lit(1),
        day="day",
        lo=pl.when(pl.col("operator") == "<").then(0.0).otherwise("value"),
        hi="value",
    ).sort("person", "day")
    found = window_weights(ours, windows, 180, 90)
    assert windows.height > 100
    assert found.mean(ours["lo"].to_numpy()) == pytest.approx(made["e2_lo_pg_ml"].to_numpy())
    assert found.mean(ours["hi"].to_numpy()) == pytest.approx(made["e2_hi_pg_ml"].to_numpy())
    assert 100 * found.covered_share == pytest.approx(made["covered_pct"].to_numpy())
