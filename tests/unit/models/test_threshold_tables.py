"""From scans and draws to gate, curve and change-point: a known kink is found, a flat line has none, a closed gate is silent."""

import datetime as dt

import numpy as np
import polars as pl
import pytest
from threadpoolctl import threadpool_limits

from pipelines import mart
from pipelines.models import regime_tables, threshold_tables
from pipelines.models.scan_pair_frame import scan_pair_frame
from pipelines.models.threshold import diagnose
from pipelines.run_facts import RunFacts
from pipelines.settings import sql_root
from pipelines.tables import CONTRACTS
from pipelines.trials.exposure import CURVE
from pipelines.trials.study import catalogue
from pipelines.warehouse.step import read_csv

STUDY = catalogue()["e2_threshold"]
CURVE_OF_MEN = STUDY.curve[0]
ON_INHIBITOR = "postmenopausal_women_on_inhibitor"
FACTS = RunFacts("run", "omop", (STUDY.id,), "white_female", 11, "simulated")
DAY_ZERO = dt.date(2015, 1, 1)
#: pg/mL at which bone begins to be lost, % a year per doubling below it, limit of the assay
PLACE, SLOPE, LIMIT = 20.0, 1.5, 12.0
ANSWERS = ("p_value", "place_pg_ml", "ci_low_pg_ml", "slope_below", "is_open_low", "n_people", "censored_share")
Inputs = dict[str, pl.LazyFrame]


def on(days: np.ndarray) -> pl.Series:
    return pl.Series(np.datetime64(DAY_ZERO) + days.astype("timedelta64[D]")).cast(pl.Date)


def world(
    n: int, seed: int, *, is_bent: bool, limit: float = LIMIT, cohort: str = "men", middle: float = 22.0
) -> Inputs:
    """n people of a cohort scanned at time zero and two years later, nine draws each; who is heavy has more estradiol."""
    rng = np.random.default_rng([seed, 41])
    weight = rng.normal(size=n)
    level = np.log(middle) + 0.2 * weight + 0.55 * rng.normal(size=n)
    draws = np.arange(9) * 90
    person = np.repeat(np.arange(n), draws.size)
    value = np.exp(level[person] + 0.25 * rng.normal(size=person.size))
    loss = SLOPE * np.minimum(level - np.log(PLACE), 0.0) / np.log(2) if is_bent else np.zeros(n)
    change = loss - 0.3 * weight + 0.8 * rng.normal(size=n)
    zeros, later = np.zeros(n, dtype=np.int64), np.full(n, 730)
    people = pl.DataFrame({"person_id": np.arange(n), "trial_number": 1, "study_id": STUDY.id})
    scans = pl.DataFrame(
        {
            "person_id": np.arange(n),
            "site_code": "lumbar_spine",
            "side_code": "none",
            "scan_id": "s",
            "first_scanned_on": on(zeros),
            "second_scanned_on": on(later),
            "interval_days": later,
            "change_pct": change * 730 / 365.25,
            "is_artefact_suspect": False,
        }
    )
    results = pl.DataFrame(
        {
            "person_id": person,
            "specimen_id": np.arange(person.size).astype(str),
            "analyte_code": "estradiol",
            "assay_class": np.where(rng.random(n)[person] < 0.7, "lc_ms_ms", "immunoassay"),
            "drawn_on": on(np.tile(draws, n)),
            "value": np.maximum(value, limit),
            "operator": np.where(value < limit, "<", "="),
            "is_censored": value < limit,
            "lloq": limit,
        }
    )
    # Who is heavy is scanned again: nobody else's second scan is there.
    scanned = rng.random(n) < 1 / (1 + np.exp(-1.0 - weight))
    covariates = people.with_columns(age_years=60.0 + 5 * rng.normal(size=n), body_mass_index=27.0 + 3 * weight)
    return {
        "cohort.trial_person": people.with_columns(
            cohort_code=pl.lit(cohort), index_on=on(zeros), end_on=on(np.full(n, 1826))
        ).lazy(),
        "features.bmd_change": scans.filter(scanned).lazy(),
        "staging.lab_result": results.lazy(),
        "features.covariate": covariates.unpivot(
            ["age_years", "body_mass_index"],
            index=["study_id", "person_id", "trial_number"],
            variable_name="covariate_code",
        ).lazy(),
        "ref.clinical_limit": read_csv(sql_root() / "ref" / "clinical_limit.csv", CONTRACTS["ref.clinical_limit"]),
    }


def judged(given: Inputs) -> Inputs:
    return given | {"models.diagnostic": threshold_tables.diagnostics(given, FACTS)}


def of_men(frame: pl.LazyFrame) -> pl.DataFrame:
    return frame.filter(population="men", outcome=CURVE_OF_MEN.outcome).collect()


@pytest.fixture(scope="module")
def bent() -> Inputs:
    return judged(world(700, 1, is_bent=True))


@pytest.fixture(scope="module")
def places(bent: Inputs) -> pl.DataFrame:
    with threadpool_limits(1):
        return threshold_tables.threshold(bent, FACTS).collect()


def test_a_known_kink_is_found_in_all_draws_and_in_one_class(places: pl.DataFrame) -> None:
    men = places.filter(population="men", outcome=CURVE_OF_MEN.outcome)
    assert men["analysis"].to_list() == ["primary", "lc_ms_ms_only"]
    whole = men.row(0, named=True)
    assert (whole["answer"], whole["gate_status"], whole["why"]) == ("kink", "open", None)
    assert (whole["is_open_low"], whole["is_open_high"], whole["is_empty"]) == (False, False, False)
    assert whole["ci_low_pg_ml"] < PLACE < whole["ci_high_pg_ml"]
    assert whole["place_pg_ml"] == pytest.approx(PLACE, rel=0.2)
    assert whole["slope_below_corrected"] == pytest.approx(SLOPE, abs=0.35)
    assert abs(whole["slope_above_corrected"]) < 0.35
    # Error drew the slope to zero, and the correction takes it back.
    assert whole["slope_below"] < whole["slope_below_corrected"]
    # One draw is off by 0.25; nine make the mean.
    assert whole["error_sd"] == pytest.approx(0.25 / 3, rel=0.15)
    assert men["n_people"][1] < men["n_people"][0] < 700
    CONTRACTS["models.threshold"].schema.validate(places, cast=True)


def test_what_nobody_was_scanned_for_has_no_answer(places: pl.DataFrame) -> None:
    rest = places.filter((pl.col("population") != "men") | (pl.col("outcome") != CURVE_OF_MEN.outcome))
    assert rest.height == 10
    assert rest["answer"].unique().to_list() == ["not_answerable"]
    assert rest["gate_status"].unique().to_list() == ["closed"]
    assert rest["why"].str.contains("censored_share not_evaluated").all()
    assert all(rest[name].is_null().all() for name in ANSWERS)


def test_the_verdict_leaves_without_counts(places: pl.DataFrame) -> None:
    shown = mart.threshold({"models.threshold": places.lazy()}, FACTS).collect()
    assert [name for name in shown.columns if name.startswith("n_")] == []
    CONTRACTS["mart.threshold"].schema.validate(shown, cast=True)
    assert not shown["is_suppressed"].any()
    few = places.with_columns(pl.when(pl.col("n_people") > 0).then(7).alias("n_people"))
    hidden = mart.threshold({"models.threshold": few.lazy()}, FACTS).collect().filter("is_suppressed")
    assert hidden.height == 2
    assert hidden["answer"].to_list() == ["not_answerable"] * 2
    assert hidden.select("place_pg_ml", "slope_below", "is_open_low", "p_value").null_count().row(0) == (2, 2, 2, 2)


def test_the_curve_stays_within_the_people_and_knows_the_loss(bent: Inputs) -> None:
    found = of_men(threshold_tables.dose_response(bent, FACTS))
    low, high = found["exposure_value"][0], found["exposure_value"][-1]
    frame = scan_pair_frame(bent, STUDY, CURVE_OF_MEN)
    measured = np.exp(frame.upper_mean[frame.is_measured])
    assert 0.88 < ((low <= measured) & (measured <= high)).mean() < 0.97
    at = found["exposure_value"].to_numpy()
    truth = SLOPE * np.minimum(np.log2(at / PLACE), 0) - SLOPE * min(np.log2(found["reference_value"][0] / PLACE), 0)
    assert np.abs(found["estimate"].to_numpy() - truth).max() < 0.35
    ends = found[[0, -1]]
    assert ends["ci_high"][0] < 0
    assert ends["ci_low"][1] < truth[-1] < ends["ci_high"][1]
    CONTRACTS["models.dose_response"].schema.validate(found, cast=True)


def test_an_open_gate_has_a_line_and_two_tests(bent: Inputs) -> None:
    found = of_men(threshold_tables.effect_estimates(bent, FACTS))
    assert found["estimator"].to_list() == ["linear_log2_mean_e2_mi", "spline_joint_test", "spline_nonlinearity_test"]
    line = found.row(0, named=True)
    assert line["ci_low"] > 0 and line["estimate"] < SLOPE
    assert found["p_value"].max() < 0.01
    CONTRACTS["models.effect_estimate"].schema.validate(found, cast=True)
    told = of_men(bent["models.diagnostic"])
    assert told.filter(~pl.col("status").is_in(["pass", "not_applicable"])).is_empty(), told


def test_a_flat_line_has_no_kink() -> None:
    given = judged(world(400, 2, is_bent=False))
    with threadpool_limits(1):
        found = of_men(threshold_tables.threshold(given, FACTS)).row(0, named=True)
    assert (found["answer"], found["gate_status"]) == ("no_kink", "open")
    assert found["slope_below"] == found["slope_above"]
    assert abs(found["slope_below"]) < 3 * found["slope_below_se"]
    assert (found["place_pg_ml"], found["ci_low_pg_ml"], found["is_open_low"]) == (None, None, None)


@pytest.mark.parametrize(
    ("n", "limit", "said"), [(80, LIMIT, "people_either_side fail"), (400, 60.0, "censored_share")]
)
def test_a_closed_gate_tells_nothing(n: int, limit: float, said: str) -> None:
    given = judged(world(n, 3, is_bent=True, limit=limit))
    found = of_men(threshold_tables.threshold(given, FACTS))
    assert found["answer"].to_list() == ["not_answerable"] * 2
    assert said in found["gate_reason"][0]
    assert all(found[name].is_null().all() for name in ANSWERS)
    assert of_men(threshold_tables.dose_response(given, FACTS)).is_empty()
    closed = of_men(threshold_tables.effect_estimates(given, FACTS)).row(0, named=True)
    assert closed["gate_status"] == "closed"
    assert [closed[name] for name in ("estimate", "ci_low", "se", "p_value", "n_target")] == [None] * 5


def test_diagnostics_do_not_look_at_the_outcome(bent: Inputs) -> None:
    moved = bent | {"features.bmd_change": bent["features.bmd_change"].with_columns(change_pct=pl.lit(99.0))}
    given = [diagnose(scan_pair_frame(each, STUDY, CURVE_OF_MEN), dict(CURVE)) for each in (bent, moved)]
    assert given[0] == given[1]


def test_what_comes_after_follow_up_is_not_looked_at() -> None:
    """Follow-up ends after two years; later scans and draws are rewritten at random."""
    given = world(60, 4, is_bent=True)
    short = given["cohort.trial_person"].with_columns(end_on=pl.lit(DAY_ZERO + dt.timedelta(days=730)))
    given |= {"cohort.trial_person": short}
    later = on(np.arange(60) + 800)
    scans = given["features.bmd_change"].collect()
    more = scans.with_columns(
        first_scanned_on=pl.col("second_scanned_on"), second_scanned_on=later[: scans.height], change_pct=pl.lit(-50.0)
    )
    results = given["staging.lab_result"].collect()
    drawn = results.head(60).with_columns(drawn_on=later, value=pl.lit(900.0), specimen_id=pl.lit("later"))
    changed = given | {
        "features.bmd_change": pl.concat([scans, more]).lazy(),
        "staging.lab_result": pl.concat([results, drawn]).lazy(),
    }
    before, after = (scan_pair_frame(each, STUDY, CURVE_OF_MEN) for each in (given, changed))
    assert np.array_equal(before.change_per_year, after.change_per_year)
    assert np.array_equal(before.upper, after.upper)
    assert (before.windows.weights != after.windows.weights).nnz == 0
    assert before.visits.equals(after.visits)


def test_under_an_inhibitor_the_slope_is_told_of_those_women_alone() -> None:
    """All levels lie far below the place, so that the line is straight: its slope is that of the mechanism."""
    given = judged(world(500, 5, is_bent=True, limit=0.7, cohort=ON_INHIBITOR, middle=1.5))
    found = threshold_tables.effect_estimates(given, FACTS).collect()
    told = found.filter(pl.col("gate_status") == "open")
    assert set(told["population"]) == {ON_INHIBITOR} and set(told["outcome"]) == {"lumbar_spine_bmd_change_pct"}
    line = told.filter(estimator=threshold_tables.PRIMARY).row(0, named=True)
    assert line["contrast"] == f"mean estradiol between scans, cohort {ON_INHIBITOR}, per doubling"
    assert line["ci_low"] < SLOPE < line["ci_high"] and line["estimate"] == pytest.approx(SLOPE, abs=0.2)
    assert "inhibitor" in line["intercurrent_strategy"]
    # None of them is taken for an untreated woman: the curves beside hers have nobody.
    rest = given["models.diagnostic"].filter(pl.col("population") != ON_INHIBITOR, diagnostic="n_target").collect()
    assert rest.height == 4 and rest["value"].to_list() == [0.0] * 4


def test_a_rule_of_titration_takes_the_change_point_of_men_and_of_nobody_else(places: pl.DataFrame) -> None:
    """What one module writes is what the other looks for."""
    found = regime_tables.change_point({"models.threshold": places.lazy()})
    assert found is not None
    men = places.filter(population="men", outcome=CURVE_OF_MEN.outcome, analysis=threshold_tables.WHOLE)
    assert np.exp(found[0]) == pytest.approx(men["place_pg_ml"].item())
    hers = places.with_columns(population=pl.col("population").replace({"men": ON_INHIBITOR, ON_INHIBITOR: "men"}))
    assert regime_tables.change_point({"models.threshold": hers.lazy()}) is None
