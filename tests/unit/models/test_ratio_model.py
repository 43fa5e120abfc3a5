"""The ratio against both hormones: the restriction in closed form, known truths either way, and a silent gate."""

import datetime as dt
import runpy
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from pipelines import mart
from pipelines.models import ratio_tables, threshold_tables
from pipelines.models.errors import NotEstimable
from pipelines.models.ratio_model import RatioAgainstBoth, ratio_against_both
from pipelines.models.scan_pair_frame import scan_pair_frame
from pipelines.run_facts import RunFacts
from pipelines.tables import CONTRACTS
from pipelines.trials.study import catalogue
from pipelines.trials.waiver import REQUIRED

beside = runpy.run_path(str(Path(__file__).with_name("test_threshold_tables.py")))
RATIO = catalogue()["modifiers"].ratio[0]
FACTS = RunFacts("run", "omop", ("e2_threshold", "modifiers"), "white_female", 11, "simulated")
OUTCOME = RATIO.outcomes[0]


def sample(n: int, seed: int, by_testosterone: float, by_estradiol: float) -> tuple[np.ndarray, ...]:
    """Outcome, logs of both, a covariate, and weights; slopes per doubling as given."""
    rng = np.random.default_rng([seed, 3])
    x = rng.normal(size=(n, 1))
    t = 6.0 + 0.4 * rng.normal(size=n)
    e = 3.0 + 0.5 * (t - 6.0) + 0.4 * rng.normal(size=n) + 0.2 * x[:, 0]
    y = (by_testosterone * t + by_estradiol * e) / np.log(2) - 0.3 * x[:, 0] + rng.normal(size=n)
    return y, t, e, x, rng.uniform(0.5, 1.5, n)


def fitted(*given: np.ndarray) -> RatioAgainstBoth:
    """Two completed data sets that are the same: nothing was censored."""
    y, t, e, x, weights = given
    return ratio_against_both(y, t, np.stack([e, e]), x, np.arange(y.size), weights)


def least_squares(
    y: np.ndarray, columns: list[np.ndarray], weights: np.ndarray
) -> tuple[np.ndarray, float, np.ndarray]:
    """Coefficients, AIC from the normal likelihood, and robust covariance without a small-sample factor."""
    x = np.column_stack([np.ones(y.size), *columns])
    root = np.sqrt(weights)
    beta = np.linalg.lstsq(x * root[:, None], y * root, rcond=None)[0]
    residual = y - x @ beta
    variance = weights @ residual**2 / y.size
    log_likelihood = -y.size / 2 * (np.log(2 * np.pi * variance) + 1) + np.log(weights).sum() / 2
    bread = np.linalg.inv((x * weights[:, None]).T @ x)
    scores = x * (weights * residual)[:, None]
    return beta, 2 * x.shape[1] - 2 * log_likelihood, bread @ scores.T @ scores @ bread


def test_slopes_and_aic_are_those_of_least_squares() -> None:
    """The additive model in its own terms, and the ratio model: fitted apart, by another route."""
    y, t, e, x, weights = sample(300, 1, 0.2, 0.7)
    found = fitted(y, t, e, x, weights)
    beta, aic, robust = least_squares(y, [t / np.log(2), e / np.log(2), x[:, 0]], weights)
    alone, aic_of_ratio, _ = least_squares(y, [(t - e) / np.log(2), x[:, 0]], weights)
    assert [found.numerator.estimate, found.denominator.estimate] == pytest.approx(beta[1:3], rel=1e-9)
    assert found.both.estimate == pytest.approx(beta[1] + beta[2], rel=1e-9)
    assert found.ratio.estimate == pytest.approx(alone[1], rel=1e-9)
    assert found.aic == pytest.approx(aic_of_ratio - aic, rel=1e-9)
    # Persons count by k / (k - 1).
    expected = np.sqrt(robust[1:3, 1:3].sum() * 300 / 299)
    assert found.both.standard_error == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("slopes", "is_ratio_enough"), [((-0.6, 0.6), True), ((0.0, 0.6), False), ((0.0, 0.0), True)])
def test_the_restriction_is_refused_where_it_is_false_and_rarely_else(
    slopes: tuple[float, float], is_ratio_enough: bool
) -> None:
    found = [fitted(*sample(400, seed, *slopes)) for seed in range(100)]
    covered = np.mean([each.both.ci_low <= sum(slopes) <= each.both.ci_high for each in found])
    refused = np.mean([each.both.p_value < 0.05 for each in found])
    additive_wins = np.mean([each.aic > 0 for each in found])
    # 99.8 % binomial band of 95 %; AIC takes a superfluous term in 15.7 % of samples: chi-square of 1 above 2.
    assert 0.87 <= covered <= 1.0
    assert (refused <= 0.13 and additive_wins <= 0.29) if is_ratio_enough else (refused == additive_wins == 1.0)


def test_a_slope_on_the_ratio_alone_does_not_show_that_it_is_enough() -> None:
    """Naive: estradiol alone counts, and the ratio is still far from 0 where nothing stands beside it."""
    found = fitted(*sample(2000, 1, 0.0, 0.6))
    assert found.ratio.ci_high < 0 < found.both.ci_low
    assert found.aic > 100


def test_draws_of_imputed_estradiol_widen_the_interval() -> None:
    y, t, e, x, weights = sample(300, 1, -0.6, 0.6)
    apart = e + np.random.default_rng(1).normal(0, 0.2, (20, e.size))
    found = ratio_against_both(y, t, apart, x, np.arange(300), weights)
    assert found.both.standard_error > fitted(y, t, e, x, weights).both.standard_error
    assert found.denominator.fraction_missing_information > 0.05


def test_too_few_people_are_refused() -> None:
    with pytest.raises(NotEstimable, match="fewer people"):
        fitted(*sample(4, 1, 0.0, 0.0))


def world(n: int, limit: float = 2.0) -> dict[str, pl.LazyFrame]:
    """The men of the threshold, in whom estradiol counts, with testosterone drawn beside it."""
    given = beside["world"](n, 1, is_bent=True, limit=limit)
    e2 = given["staging.lab_result"].collect()
    rng = np.random.default_rng(8)
    level = rng.normal(6.2, 0.3, n)[e2["person_id"].to_numpy()]
    other = e2.with_columns(
        analyte_code=pl.lit("testosterone"), value=pl.Series(np.exp(level)), operator=pl.lit("="), is_censored=False
    )
    return given | {"staging.lab_result": pl.concat([e2, other.select(e2.columns)]).lazy()}


def told(given: dict[str, pl.LazyFrame], facts: RunFacts = FACTS) -> tuple[pl.DataFrame, pl.DataFrame]:
    own = replace(facts, studies=tuple(name for name in facts.studies if name == "e2_threshold"))
    curves = threshold_tables.diagnostics(given, own).collect()
    judged = ratio_tables.diagnostics(given, facts, curves).collect()
    everything = given | {"models.diagnostic": pl.concat([curves, judged]).lazy()}
    found = ratio_tables.effect_estimates(everything, facts).collect()
    return judged.filter(pl.col("outcome") == OUTCOME), found.filter(pl.col("outcome") == OUTCOME)


def test_an_open_gate_tells_both_questions() -> None:
    judged, found = told(world(400))
    assert found["estimator"].to_list() == [
        "ratio_model", "additive_testosterone", "additive_estradiol", "aic_ratio_less_additive", "ratio_model",
    ]  # fmt: skip
    both, testosterone, estradiol, aic, ratio = found.to_dicts()
    assert (both["contrast"], ratio["contrast"]) == RATIO.contrasts
    # Estradiol alone counts: with both doubled bone changes, and AIC knows it.
    assert both["ci_low"] > 0 and testosterone["ci_low"] < 0 < testosterone["ci_high"] and estradiol["ci_low"] > 0
    assert aic["estimate"] > 2 and aic["ci_low"] is None
    assert ratio["ci_high"] < 0 and set(found["gate_status"]) == {"open"}
    assert set(judged["diagnostic"]) >= set(REQUIRED["ratio"])
    CONTRACTS["models.effect_estimate"].schema.validate(found, cast=True)
    CONTRACTS["models.diagnostic"].schema.validate(judged, cast=True)
    shown = mart.effect_estimate({"models.effect_estimate": found.lazy(), "models.diagnostic": judged.lazy()}, FACTS)
    assert shown.collect()["estimate"].to_list() == found["estimate"].to_list()


@pytest.mark.parametrize(
    ("change", "studies", "why"),
    [
        ("censored", FACTS.studies, "the gate on which it rests is closed: .*censored_share fail"),
        ("no testosterone", FACTS.studies, "people_with_both fail"),
        ("", ("modifiers",), "e2_threshold is not part of this run"),
    ],
)
def test_a_closed_gate_tells_nothing(change: str, studies: tuple[str, ...], why: str) -> None:
    given = world(250, limit=60.0 if change == "censored" else 2.0)
    if change == "no testosterone":
        given["staging.lab_result"] = given["staging.lab_result"].filter(pl.col("analyte_code") == "estradiol")
    judged, found = told(given, replace(FACTS, studies=studies))
    assert set(found["gate_status"]) == {"closed"} and found.height == 2
    assert found.select("estimate", "ci_low", "se", "p_value", "n_target").null_count().row(0) == (2,) * 5
    reasons = found["gate_reason"] if change == "no testosterone" else judged["rule"]
    assert reasons.str.contains(why).all(), reasons


def test_testosterone_of_after_the_second_scan_is_not_read() -> None:
    """The future randomised: what is drawn after the window moves nothing within it."""
    given = world(60)
    study = catalogue()["e2_threshold"]
    results = given["staging.lab_result"].collect()
    is_late = pl.col("drawn_on") > beside["DAY_ZERO"] + dt.timedelta(days=730)
    moved = pl.when(is_late).then(pl.col("value") * 9.0).otherwise("value").alias("value")
    later = results.filter(pl.col("analyte_code") == "testosterone").head(60)
    later = later.with_columns(drawn_on=pl.lit(beside["DAY_ZERO"] + dt.timedelta(days=1000)), value=pl.lit(9999.0))
    changed = pl.concat([results.with_columns(moved), later])
    frames = [
        scan_pair_frame(given | {"staging.lab_result": each.lazy()}, study, study.curve[0], with_testosterone=True)
        for each in (results, changed)
    ]
    assert np.array_equal(frames[0].testosterone, frames[1].testosterone)
    assert np.isfinite(frames[0].testosterone).all()
