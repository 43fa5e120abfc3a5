"""Time-weighted means over windows as weights of single draws: the same weights serve bounds and every imputation.

Between two draws of a series at most so many days apart the level follows a straight line; after a draw it is carried for
at most so many days, not beyond the next draw of any series. The rule of `features.e2_exposure`, whose windows are fixed; here
they are the caller's, such as the time between two scans.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy import sparse


@dataclass(frozen=True, slots=True, eq=False)
class WindowWeights:
    """What each draw counts in each window.

    `weights` [w, d], rows that sum to 1, or to 0 where nothing is covered; `covered_share` [w] of the days of the window.
    """

    weights: sparse.csr_matrix
    covered_share: np.ndarray

    def mean(self, values: np.ndarray) -> np.ndarray:
        """[w] means of values [d]."""
        return np.asarray(self.weights @ values)

    @property
    def effective_draws(self) -> np.ndarray:
        """[w] as many draws of equal weight as would leave the mean as uncertain; 0 where nothing is covered."""
        squares = np.asarray(self.weights.multiply(self.weights).sum(axis=1)).ravel()
        return np.divide(1.0, squares, out=np.zeros_like(squares), where=squares > 0)


def window_weights(draws: pl.DataFrame, windows: pl.DataFrame, join_days: int, carry_days: int) -> WindowWeights:
    """Weights of draws in windows.

    Args:
        draws: [d rows] person, series, day; one draw a person, series and day.
        windows: [w rows] person, start_day, end_day (not included).
        join_days: longest gap over which a straight line is drawn.
        carry_days: for how long a draw without a next one near stands.
    """
    pieces = draws.with_row_index("draw").sort("person", "day", "series")
    pieces = pieces.with_columns(
        next_draw=pl.col("draw").shift(-1).over("person", "series"),
        next_day=pl.col("day").shift(-1).over("person", "series"),
        any_next_day=pl.col("day").shift(-1).over("person"),
    ).with_columns(joined=(pl.col("next_day") - pl.col("day") <= join_days).fill_null(value=False))
    pieces = pieces.with_columns(
        until=pl.when("joined")
        .then("next_day")
        .otherwise(pl.min_horizontal(pl.col("day") + carry_days, "any_next_day"))
    )
    met = (
        windows.with_row_index("window")
        .join(pieces, on="person")
        .with_columns(from_day=pl.max_horizontal("start_day", "day"), to_day=pl.min_horizontal("end_day", "until"))
    )
    met = met.filter(pl.col("to_day") > pl.col("from_day"))
    length = (met["until"] - met["day"]).to_numpy().astype(np.float64)
    days = (met["to_day"] - met["from_day"]).to_numpy().astype(np.float64)
    middle = ((met["from_day"] + met["to_day"]) / 2 - met["day"]).to_numpy()
    joined = met["joined"].to_numpy()
    # The mean of a straight line over part of it is its value in the middle of the part.
    later = np.where(joined, days * middle / length, 0.0)
    window, draw = met["window"].to_numpy().astype(np.int64), met["draw"].to_numpy().astype(np.int64)
    following = met["next_draw"].fill_null(0).to_numpy().astype(np.int64)
    rows = np.concatenate([window, window[joined]])
    columns = np.concatenate([draw, following[joined]])
    counted = np.concatenate([days - later, later[joined]])
    shape = windows.height, draws.height
    raw = sparse.csr_matrix((counted, (rows, columns)), shape=shape)
    covered = np.asarray(raw.sum(axis=1)).ravel()
    scale = np.divide(1.0, covered, out=np.zeros_like(covered), where=covered > 0)
    span = (windows["end_day"] - windows["start_day"]).to_numpy().astype(np.float64)
    return WindowWeights(sparse.csr_matrix(sparse.diags(scale) @ raw), covered / span)
