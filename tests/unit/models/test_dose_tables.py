"""From supplies to gate to estimates by dose: known losses are given back, thin categories close, the future is not looked at."""

import datetime as dt

import numpy as np
import polars as pl
import pytest
from threadpoolctl import threadpool_limits

from pipelines.models import dose_tables
from pipelines.models.dose import estimate, prepare
from pipelines.models.dose_frame import DoseFrame, dose_frame
from pipelines.run_facts import RunFacts
from pipelines.tables import CONTRACTS
from pipelines.trials.study import catalogue

STUDY = catalogue()["ai_dose_response"]
MEN, WOMEN = STUDY.dose
FACTS = RunFacts("run", "omop", (STUDY.id,), "white_female", 11, "simulated")
DAY_ZERO = np.datetime64("2015-01-01")
QUARTERS, DAYS = 8, 91
#: mg a week of each category, and what the whole time in it costs against none, % in two years
MG, COST = np.array([0.0, 0.75, 1.5, 3.0, 7.0]), np.array([0.0, -0.5, -1.0, -2.0, -3.5])
ANSWERS = ("estimate", "ci_low", "ci_high", "se", "p_value", "n_target", "n_comparator", "n_effective")
Inputs = dict[str, pl.LazyFrame]


def on(days: np.ndarray) -> pl.Series:
    return pl.Series(DAY_ZERO + days.astype("timedelta64[D]")).cast(pl.Date)


def world(n: int, seed: int, highest: int = 4) -> Inputs:
    """n men; estradiol raises the dose, keeps bone, brings men back and to the scanner, and falls with the dose."""
    rng = np.random.default_rng([seed, 51])
    trait = rng.normal(size=n)
    e2 = np.empty((n, QUARTERS))
    category = np.empty((n, QUARTERS), dtype=np.int64)
    odds = 0.2 * np.arange(highest + 1) * trait[:, None] + rng.gumbel(size=(n, highest + 1))
    now = odds.argmax(axis=1)
    for quarter in range(QUARTERS):
        e2[:, quarter] = np.log(30) + 0.3 * trait - 0.1 * (now if quarter else 0) + 0.2 * rng.normal(size=n)
        up = rng.random(n) < 1 / (1 + np.exp(-4 * (e2[:, quarter] - np.log(30))))
        step = np.where(up, 1, -1) * (rng.random(n) < 0.08)
        now = np.clip(now + step, 0, highest) if quarter else now
        category[:, quarter] = now
    shares = np.stack([(category[:, :6] == each).mean(axis=1) for each in range(5)], axis=1)
    change = -1.0 + shares @ COST + 1.2 * trait + 1.5 * rng.normal(size=n)
    leaves = rng.random((n, QUARTERS)) < 0.04 * np.exp(-0.8 * trait)[:, None]
    followed = np.where(leaves.any(axis=1), leaves.argmax(axis=1) * DAYS + 45, 820)
    seen = (followed > 640) & (rng.random(n) < 1 / (1 + np.exp(-0.8 - 0.8 * trait)))
    people = pl.DataFrame({"study_id": STUDY.id, "person_id": np.arange(n), "trial_number": 1})
    values = people.with_columns(
        contrast_number=pl.lit(1),
        index_on=on(np.zeros(n)),
        followed_days=followed,
        baseline_value=np.exp(0.1 * rng.normal(size=n)),
        change=pl.when(pl.Series(seen)).then(pl.Series(change)),
    )
    person, quarter = np.repeat(np.arange(n), QUARTERS), np.tile(np.arange(QUARTERS), n)
    flat = category.ravel()
    supply = pl.DataFrame(
        {
            "person_id": person,
            "ingredient": "anastrozole",
            "dose_mg_per_week": MG[flat],
            "cover_from_on": on(quarter * DAYS),
            "cover_days": DAYS,
        }
    )
    value = np.exp(e2.ravel())
    draws = pl.DataFrame(
        {
            "person_id": person,
            "analyte_code": "estradiol",
            "value": np.maximum(value, 15.0),
            "is_censored": value < 15.0,
            "drawn_on": on(quarter * DAYS),
        }
    )
    known = people.with_columns(age_years=50 + 10 * rng.normal(size=n), testosterone_ng_dl=500 + 100 * trait)
    return {
        "features.outcome_value": values.lazy(),
        "features.drug_supply": supply.filter(pl.col("dose_mg_per_week") > 0).lazy(),
        "staging.lab_result": draws.filter(pl.Series(rng.random(person.size) < 0.8)).lazy(),
        "features.covariate": known.unpivot(
            ["age_years", "testosterone_ng_dl"],
            index=["study_id", "person_id", "trial_number"],
            variable_name="covariate_code",
        ).lazy(),
    }


def told(given: Inputs) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Diagnostics and estimates of the men."""
    with threadpool_limits(1):
        judged = dose_tables.diagnostics(given, FACTS)
        found = dose_tables.effect_estimates(given | {"models.diagnostic": judged}, FACTS).collect()
    population = MEN.population
    return judged.collect().filter(population=population), found.filter(population=population)


@pytest.fixture(scope="module")
def whole() -> Inputs:
    return world(3000, 1)


def test_known_losses_are_given_back(whole: Inputs) -> None:
    judged, found = told(whole)
    assert judged.filter(~pl.col("status").is_in(["pass", "not_applicable"])).is_empty(), judged
    assert found["gate_status"].unique().to_list() == ["open"]
    uncut = found.filter(pl.col("estimator") == "marginal_structural_model_uncut")
    found = found.filter(pl.col("estimator") == "marginal_structural_model")
    assert found["contrast"].to_list() == uncut["contrast"].to_list() == list(MEN.contrasts)
    assert (found["n_effective"] >= uncut["n_effective"]).all()
    off = (found["estimate"][:4].to_numpy() - COST[1:]) / found["se"][:4].to_numpy()
    assert np.abs(off).max() < 3
    assert found["se"][:4].max() < 0.5
    # Cost is close to half a percent a milligram.
    assert found["ci_low"][4] < -0.5 < found["ci_high"][4] < 0
    assert found["horizon_months"].to_list() == [24.0] * 5
    assert (found["n_target"] >= 100).all() and found["n_comparator"].n_unique() == 1
    CONTRACTS["models.effect_estimate"].schema.validate(found, cast=True)
    CONTRACTS["models.diagnostic"].schema.validate(judged, cast=True)


def test_weights_of_one_hide_the_losses(whole: Inputs) -> None:
    """Men with much estradiol lose less and get more drug: the plain means say that the highest dose costs far less."""
    frame = dose_frame(whole, STUDY, MEN)
    with threadpool_limits(1):
        ready = prepare(frame)
    rows = ready.is_seen
    design = np.column_stack([np.ones(rows.sum()), ready.shares[rows, 1:]])
    naive = np.linalg.lstsq(design, frame.outcome[frame.person[rows]])[0][4]
    weighted = estimate(ready)[4].contrast
    assert naive > COST[4] + 0.8
    assert abs(weighted.estimate - COST[4]) < 3 * weighted.standard_error < naive - COST[4] + 0.7


def test_a_category_of_few_closes_and_the_others_stay_open() -> None:
    judged, found = told(world(2400, 2, highest=3))
    closed = found.filter(pl.col("gate_status") == "closed")
    assert closed["contrast"].to_list() == ["over_3_5_mg vs none, kept up, 24 months"]
    assert "pairs_in_category fail" in closed["gate_reason"][0]
    assert all(closed[name].is_null().all() for name in ANSWERS)
    pairs = judged.filter(contrast=closed["contrast"][0], diagnostic="pairs_in_category")
    assert pairs["value"][0] == 0


def test_nobody_is_not_evaluated(whole: Inputs) -> None:
    judged = dose_tables.diagnostics(whole, FACTS).collect().filter(population=WOMEN.population)
    assert judged["status"].unique().sort().to_list() == ["not_evaluated"]
    assert judged["rule"].unique().to_list() == ["nobody has an outcome"]


def frame_of(given: Inputs) -> DoseFrame:
    return dose_frame(given, STUDY, MEN)


def one(supplies: list[tuple[int, int, float | None]], followed: int = 820) -> DoseFrame:
    """The frame of one man: supplies as first day, days and mg a week."""
    few = world(1, 1)
    values = few["features.outcome_value"].with_columns(followed_days=pl.lit(followed))
    supply = pl.DataFrame(
        {
            "person_id": 0,
            "ingredient": "anastrozole",
            "dose_mg_per_week": pl.Series([dose for _, _, dose in supplies], dtype=pl.Float64),
            "cover_from_on": on(np.array([day for day, _, _ in supplies])),
            "cover_days": [days for _, days, _ in supplies],
        }
    )
    return frame_of(few | {"features.outcome_value": values, "features.drug_supply": supply.lazy()})


def test_the_dose_of_a_period_is_the_mean_over_its_days() -> None:
    found = one([(0, 91, 1.0), (91, 40, 3.5), (400, 10, 3.5)])
    assert found.amount[:3] == pytest.approx([1.0, 3.5 * 40 / 91, 0.0], abs=1e-6)
    # Up to 1 mg includes it, nothing is none.
    assert found.category[:3].tolist() == [1, 2, 0]
    assert found.amount[4] == pytest.approx(3.5 * 10 / 91, abs=1e-6)
    assert found.period.tolist() == list(range(7)) and found.stayed.all()


def test_an_unknown_dose_ends_what_is_known() -> None:
    found = one([(0, 91, 1.0), (182, 30, None)])
    assert found.period.tolist() == [0, 1]
    assert found.stayed.tolist() == [True, False]


def test_who_leaves_has_a_last_period_of_the_days_that_were_seen() -> None:
    found = one([(0, 820, 7.0)], followed=100)
    assert found.amount.tolist() == [7.0, 7.0]
    assert found.stayed.tolist() == [True, False]


def test_what_comes_later_than_a_period_is_not_in_it(whole: Inputs) -> None:
    """Everything from the third quarter on is rewritten at random; the rows of the first two stay as they were."""
    rng = np.random.default_rng(9)
    cut = pl.lit(DAY_ZERO.astype(dt.date)) + pl.duration(days=2 * DAYS)

    def rewritten(table: str, day: str, column: str) -> pl.LazyFrame:
        rows = whole[table].collect()
        drawn = pl.Series(np.exp(rng.normal(2, 1, rows.height)))
        return rows.with_columns(pl.when(pl.col(day) >= cut).then(drawn).otherwise(column).alias(column)).lazy()

    values = whole["features.outcome_value"].with_columns(change=-pl.col("change"))
    later = whole | {
        "features.drug_supply": rewritten("features.drug_supply", "cover_from_on", "dose_mg_per_week"),
        "staging.lab_result": rewritten("staging.lab_result", "drawn_on", "value"),
        "features.outcome_value": values,
    }
    before, after = frame_of(whole), frame_of(later)
    early = before.period < 2
    assert early.sum() == (after.period < 2).sum()
    for name in ("person", "amount", "category", "estradiol", "stayed"):
        assert np.array_equal(getattr(before, name)[early], getattr(after, name)[after.period < 2]), name
    assert not np.array_equal(before.amount[~early], after.amount[after.period >= 2])


def test_a_person_enters_once_at_the_earliest_time_zero(whole: Inputs) -> None:
    values = whole["features.outcome_value"].collect()
    again = values.with_columns(contrast_number=pl.lit(2), index_on=pl.col("index_on") + pl.duration(days=300))
    both = frame_of(whole | {"features.outcome_value": pl.concat([again, values]).lazy()})
    assert np.array_equal(both.amount, frame_of(whole).amount)


def test_adherence_counts_days_with_stock_of_any_inhibitor() -> None:
    few = world(1, 1)
    values = few["features.outcome_value"].with_columns(contrast_number=pl.lit(3))
    supply = pl.DataFrame(
        {
            "person_id": 0,
            "ingredient": ["letrozole", "exemestane", "anastrozole"],
            "dose_mg_per_week": pl.Series([17.5, None, 7.0]),
            "cover_from_on": on(np.array([0, 91, 182])),
            "cover_days": [91, 46, 30],
        }
    )
    found = dose_frame(few | {"features.outcome_value": values, "features.drug_supply": supply.lazy()}, STUDY, WOMEN)
    assert found.amount[:4] == pytest.approx([100.0, 100 * 46 / 91, 100 * 30 / 91, 0.0], abs=1e-6)
    assert found.category[:4].tolist() == [2, 1, 0, 0]
