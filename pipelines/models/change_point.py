"""Change-points: calendar quarters in which the level of a place stepped, their size, and the recorded change behind them.

Arithmetic on `models.level_change`. Which step is too large says the suite; how few pairs say nothing is said here, as it
decides how many quarters share the error. Distributions at large are compared in `distribution_shift`.
"""

import numpy as np
import polars as pl
from scipy import stats

from pipelines.run_facts import Inputs, RunFacts
from pipelines.tables import CONTRACTS
from pipelines.tables.models_drift import NO_CAUSE

TABLE = "models.change_point"
LEAST_PAIRS = 15
LEAST_QUARTERS = 8
FAMILY_ERROR = 0.05
_ITEM = ["quantity", "item_code", "place_kind"]
_SERIES = [*_ITEM, "place_code"]
_MEDIAN_CHI_SQUARED = float(stats.chi2.median(1))
# What a difference of the two results is called, by quantity.
_CAUSES = {
    "n_other_place": {"lab": "laboratory", "bmd": "device"},
    "n_other_method": {"lab": "assay_class", "bmd": "model"},
    "n_other_code": {"lab": "result_code", "bmd": "software"},
    "n_other_unit": {"lab": "unit"},
    "n_other_limit": {"lab": "limit"},
}
_MOST_OF_THEM = 0.5


def change_point(inputs: Inputs, facts: RunFacts) -> pl.LazyFrame:
    """`models.change_point`: each place, item and quarter, judged where there are enough pairs."""
    counted = _described(inputs["models.level_change"].collect())
    is_evaluated = pl.col("status") == "evaluated"
    judged = _with_peaks(tested(counted.filter(is_evaluated)))
    rest = counted.filter(~is_evaluated).with_columns(pl.lit(value=False).alias("is_peak"))
    columns = [column.name for column in CONTRACTS[TABLE].columns]
    whole = pl.concat([judged, rest], how="diagonal").select(columns)
    return CONTRACTS[TABLE].schema.cast(whole).sort(CONTRACTS[TABLE].key).lazy()


def tested(pairs: pl.DataFrame) -> pl.DataFrame:
    """Size, interval and p-value of the step of each quarter.

    What changes within persons anyway is the median over all quarters and places of the item, by time between the
    results: most quarters of most places have no step. How restless the item is, is the median of the squared test
    statistics over that of chi-squared, never below 1 (Devlin and Roeder 1999, Biometrics 55:997). The p-value is that of
    Student's t, times the number of quarters (Bonferroni).

    Args:
        pairs: one row a series and quarter: mean_change and variance of log ratios, mean_quarters_apart, n_pairs.

    Returns:
        The rows with change_pct, ci_low_pct, ci_high_pct, z and p_adjusted.
    """
    usual = (pl.col("mean_change") / pl.col("mean_quarters_apart")).median().over(_ITEM)
    step = pl.col("mean_change") - usual * pl.col("mean_quarters_apart")
    found = pairs.with_columns(step.alias("step"), (pl.col("variance") / pl.col("n_pairs")).sqrt().alias("own_se"))
    restless = ((pl.col("step") / pl.col("own_se")) ** 2).median().over(_ITEM) / _MEDIAN_CHI_SQUARED
    found = found.with_columns((pl.col("own_se") * restless.clip(lower_bound=1).sqrt()).alias("se"))
    found = found.with_columns((pl.col("step") / pl.col("se")).alias("z"))
    freedom = found["n_pairs"].to_numpy() - 1
    p = np.minimum(1.0, 2 * stats.t.sf(np.abs(found["z"].to_numpy()), freedom) * found.height)
    reach = pl.Series(stats.t.ppf(0.975, freedom)) * found["se"]
    limits = {"change_pct": found["step"], "ci_low_pct": found["step"] - reach, "ci_high_pct": found["step"] + reach}
    return found.with_columns(
        p_adjusted=pl.Series(p), **{name: 100 * (logs.exp() - 1) for name, logs in limits.items()}
    )


def _described(counted: pl.DataFrame) -> pl.DataFrame:
    """Means and variance of the pairs of each quarter, what else changed, and whether it can be judged."""
    n = pl.col("n_pairs")
    squares = pl.col("sum_square") - pl.col("sum_log_change") ** 2 / n
    year, quarter = pl.col("quarter_number") // 4, pl.col("quarter_number") % 4
    described = counted.with_columns(
        mean_change=pl.col("sum_log_change") / n,
        variance=squares.clip(lower_bound=0) / (n - 1).clip(lower_bound=1),
        mean_quarters_apart=pl.col("sum_quarters_apart") / n,
        starts_on=pl.date(year, 3 * quarter + 1, 1),
        cause_code=_cause(),
    )
    has_spread = pl.col("variance") > 1e-12
    usable = (n >= LEAST_PAIRS) & has_spread
    return described.with_columns(
        status=pl.when(n < LEAST_PAIRS)
        .then(pl.lit("too_few_pairs"))
        .when(~has_spread)
        .then(pl.lit("no_spread"))
        .when(usable.sum().over(_ITEM) < LEAST_QUARTERS)
        .then(pl.lit("too_few_quarters"))
        .otherwise(pl.lit("evaluated"))
    )


def _cause() -> pl.Expr:
    """What at least half of the pairs differ in, beyond what they usually differ in everywhere."""
    found = []
    for column, names in _CAUSES.items():
        share = pl.col(column) / pl.col("n_pairs")
        is_cause = share - share.median().over(_ITEM) >= _MOST_OF_THEM
        word = pl.col("quantity").cast(pl.String).replace_strict(names, default=None, return_dtype=pl.String)
        found.append(pl.when(is_cause).then(word))
    listed = pl.concat_str(found, separator=",", ignore_nulls=True)
    return pl.when(listed == "").then(pl.lit(NO_CAUSE)).otherwise(listed)


def _with_peaks(judged: pl.DataFrame) -> pl.DataFrame:
    """Adds `is_peak`: a step is seen in all quarters that its pairs span, and counts where it stands out most.

    The rule of moving-sum tests (Eichinger and Kirch 2018, Bernoulli 24:526), with the time between results as bandwidth.
    """
    own = judged.select(*_SERIES, "quarter_number", "mean_quarters_apart", pl.col("z").abs().alias("height"))
    other = own.select(*_SERIES, other_quarter="quarter_number", other_height="height")
    apart = (pl.col("quarter_number") - pl.col("other_quarter")).abs()
    # Of two equal ones the earlier.
    is_higher = (pl.col("other_height") > pl.col("height")) | (
        (pl.col("other_height") == pl.col("height")) & (pl.col("other_quarter") < pl.col("quarter_number"))
    )
    lower = own.join(other, on=_SERIES).filter(apart > 0, apart <= pl.col("mean_quarters_apart").ceil(), is_higher)
    lower = lower.select(*_SERIES, "quarter_number", pl.lit(value=False).alias("is_peak")).unique()
    return judged.join(lower, on=[*_SERIES, "quarter_number"], how="left").with_columns(
        pl.col("is_peak").fill_null(value=True)
    )
