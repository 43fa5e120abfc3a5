"""From supplies and tests to gate to what regimes do: tables give the frame they came from, thin regimes close, gates hide."""

import runpy
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from threadpoolctl import threadpool_limits

from pipelines.models import regime_tables, regime_weighting, threshold_tables
from pipelines.models.regime_frame import RegimeFrame, regime_frame
from pipelines.models.regime_tables import change_point
from pipelines.run_facts import RunFacts
from pipelines.tables import CONTRACTS
from pipelines.trials.study import catalogue

STUDY = catalogue()["titration_policy"]
POLICY = STUDY.policy[0]
FACTS = RunFacts("run", "omop", (STUDY.id,), "white_female", 11, "simulated")
WORLD = runpy.run_path(str(Path(__file__).parents[2] / "recovery" / "titration_world.py"))
DAY_ZERO = np.datetime64("2015-01-01")
ANSWERS = ("estimate", "ci_low", "ci_high", "se", "p_value", "n_target", "n_comparator", "events_target")
CHANGE_POINT = {
    "study_id": "e2_threshold",
    "population": "men",
    "outcome": "lumbar_spine_bmd_change_pct",
    "analysis": threshold_tables.WHOLE,
    "gate_status": "open",
    "place_pg_ml": 16.0,
    "ci_low_pg_ml": 13.0,
    "ci_high_pg_ml": 19.0,
}
Inputs = dict[str, pl.LazyFrame]


def on(days: np.ndarray) -> pl.Series:
    return pl.Series(DAY_ZERO + days.astype("timedelta64[D]")).cast(pl.Date)


def tables(frame: RegimeFrame, place: dict[str, object] | None = None) -> Inputs:
    """The records that such a frame comes from, all of one day zero."""
    n, n_periods = frame.mg_per_week.shape
    starts = POLICY.action_days + POLICY.test_days * np.arange(n_periods)
    followed = np.where(frame.is_present.all(axis=1), 820, starts[frame.is_present.argmin(axis=1)] + 40)
    people = pl.DataFrame(
        {"study_id": STUDY.id, "person_id": np.arange(n), "trial_number": 1, "index_on": on(np.zeros(n))}
    )
    values = people.with_columns(
        contrast_number=1,
        followed_days=followed,
        baseline_value=np.exp(0.1 * frame.design[:, 0]),
        change=pl.Series(frame.change).fill_nan(None),
    )
    person, period = np.nonzero(np.nan_to_num(frame.mg_per_week) > 0)
    drug = pl.DataFrame({
        "person_id": pl.Series(person, dtype=pl.Int64),
        "dose_mg_per_week": frame.mg_per_week[person, period],
        "cover_from_on": on(starts[period]),
    }).with_columns(ingredient=pl.lit("anastrozole"), cover_days=pl.lit(POLICY.test_days))  # fmt: skip
    companion = pl.DataFrame({
        "person_id": np.arange(n),
        "ingredient": "testosterone",
        "dose_mg_per_week": 100.0,
        "cover_from_on": on(np.full(n, -100)),
        "cover_days": 1000,
    })  # fmt: skip
    who, when = np.nonzero(~np.isnan(frame.e2_high))
    draws = pl.DataFrame({
        "person_id": np.r_[np.arange(n), who],
        "value": np.exp(np.r_[frame.e2_at_zero, frame.e2_high[who, when]]),
        "is_censored": np.r_[np.zeros(n, dtype=bool), np.isneginf(frame.e2_low[who, when])],
        "drawn_on": on(np.r_[np.zeros(n), starts[when] + POLICY.test_days]),
    }).with_columns(
        analyte_code=pl.lit("estradiol"),
        assay_class=pl.lit("lc_ms_ms"),
        operator=pl.when(pl.col("is_censored")).then(pl.lit("<")).otherwise(pl.lit("=")),
        result_flags=pl.lit(None, dtype=pl.String),
    )  # fmt: skip
    episode, begun = np.nonzero(frame.event[:, :, 0])
    symptoms = pl.DataFrame({
        "person_id": pl.Series(episode, dtype=pl.Int64),
        "starts_on": on(starts[begun] + 7),
        "last_on": on(starts[begun] + 30),
    }).with_columns(system_code=pl.lit("gynecomastia"), basis_code=pl.lit("diagnosis"))  # fmt: skip
    broken = np.where(frame.event[:, :, 1].any(axis=1), starts[frame.event[:, :, 1].argmax(axis=1)] + 7, -1)
    events = people.with_columns(
        outcome_code=pl.lit("any_fracture"),
        is_prevalent=False,
        event_on=pl.when(pl.Series(broken) >= 0).then(on(broken)),
    )
    known = people.with_columns(age_years=frame.design[:, 0], body_mass_index=frame.design[:, 1]).unpivot(
        ["age_years", "body_mass_index"],
        index=["study_id", "person_id", "trial_number"],
        variable_name="covariate_code",
    )
    thresholds = [] if place is None else [place]
    # Every third man is typed before time zero, every third after it; the last third twice, with answers that differ.
    typed = pl.DataFrame({
        "person_id": np.r_[np.arange(n), np.arange(2, n, 3)],
        "value": np.r_[np.where(np.arange(n) % 2 == 0, 2.0, 1.0), np.full(len(range(2, n, 3)), 0.0)],
        "observed_on": on(np.r_[np.where(np.arange(n) % 3 == 1, 5, -400), np.full(len(range(2, n, 3)), -30)]),
    }).with_columns(observation_code=pl.lit("cyp19a1_rs700518"))  # fmt: skip
    return {
        "staging.observation": typed.lazy(),
        "features.outcome_value": values.lazy(),
        "features.drug_supply": pl.concat([drug, companion], how="diagonal_relaxed").lazy(),
        "staging.lab_result": draws.lazy(),
        "features.symptom_episode": symptoms.lazy(),
        "features.outcome_event": events.lazy(),
        "features.covariate": known.lazy(),
        "cohort.trial_person": people.lazy(),
        "ref.symptom_system": pl.LazyFrame({"symptom_code": ["gynecomastia"], "system_code": ["gynecomastia"]}),
        "models.threshold": pl.LazyFrame(thresholds, schema=CONTRACTS["models.threshold"].empty().schema),
    }


@pytest.fixture(scope="module")
def men() -> RegimeFrame:
    return WORLD["frame"](0, 9000)


def told(given: Inputs, n_resamples: int = 3) -> tuple[pl.DataFrame, pl.DataFrame]:
    with pytest.MonkeyPatch.context() as patch, threadpool_limits(1):
        patch.setattr(regime_tables, "N_RESAMPLES", n_resamples)
        judged = regime_tables.diagnostics(given, FACTS)
        found = regime_tables.effect_estimates(given | {"models.diagnostic": judged}, FACTS).collect()
    return judged.collect(), found


def test_tables_give_back_the_frame(men: RegimeFrame) -> None:
    some = men.taken(np.arange(500))
    found = regime_frame(tables(some), STUDY, POLICY)
    assert found.names == ("lumbar_spine_bmd_change_pct", "any_fracture", "gynecomastia", "water_retention")
    for name in ("e2_at_zero", "mg_per_week", "e2_low", "e2_high", "is_present", "change"):
        assert np.allclose(getattr(found, name), getattr(some, name), equal_nan=True, atol=1e-6), name
    assert np.array_equal(found.event[:, :, :2], some.event[:, :, ::-1])
    assert np.array_equal(found.is_at_risk[:, :, :2], some.is_at_risk[:, :, ::-1])
    assert not found.event[:, :, 2].any()
    assert found.n_before_scan == some.n_before_scan == 7


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("assay_class", "immunoassay"),
        ("operator", ">"),
        ("result_flags", "implausible"),
        ("result_flags", "steroidal_drug,biotin"),
    ],
)
def test_a_test_that_is_not_trusted_lets_nobody_in(men: RegimeFrame, column: str, value: str) -> None:
    given = tables(men.taken(np.arange(50)))
    first = pl.col("drawn_on") == pl.lit(DAY_ZERO).cast(pl.Date)
    given["staging.lab_result"] = given["staging.lab_result"].with_columns(
        pl.when(first & (pl.col("person_id") < 20)).then(pl.lit(value)).otherwise(pl.col(column)).alias(column)
    )
    assert regime_frame(given, STUDY, POLICY).n == 30


def test_men_are_followed_while_on_testosterone(men: RegimeFrame) -> None:
    given = tables(men.taken(np.arange(200)))
    # Stock of 100 days from time zero on, and 90 of grace: two periods end by then, at days 98 and 182.
    given["features.drug_supply"] = given["features.drug_supply"].with_columns(
        cover_days=pl.when(pl.col("ingredient") == "testosterone").then(200).otherwise(pl.col("cover_days"))
    )
    found = regime_frame(given, STUDY, POLICY)
    assert found.is_present[:, 1].any()
    assert not found.is_present[:, 2:].any()


def test_a_dose_that_is_not_known_ends_what_is_known(men: RegimeFrame) -> None:
    given = tables(men.taken(np.arange(300)))
    given["features.drug_supply"] = given["features.drug_supply"].with_columns(
        dose_mg_per_week=pl.when(pl.col("ingredient") == "anastrozole").then(None).otherwise(pl.col("dose_mg_per_week"))
    )
    found = regime_frame(given, STUDY, POLICY)
    assert np.nansum(found.mg_per_week) == 0
    assert found.is_present.sum() < men.taken(np.arange(300)).is_present.sum()


def test_who_had_the_symptom_within_the_year_before_is_not_at_risk(men: RegimeFrame) -> None:
    given = tables(men.taken(np.arange(100)))
    before = [(1, -400, -300), (2, -400, -380)]
    given["features.symptom_episode"] = pl.LazyFrame({
        "person_id": [person for person, _, _ in before],
        "system_code": "gynecomastia",
        "basis_code": "diagnosis",
        "starts_on": on(np.array([first for _, first, _ in before])),
        "last_on": on(np.array([last for _, _, last in before])),
    })  # fmt: skip
    at_risk = regime_frame(given, STUDY, POLICY).is_at_risk[:, 0, 1]
    assert at_risk[[1, 2]].tolist() == [False, men.is_present[2, 0]]


def test_open_gates_tell_what_regimes_do_and_closed_ones_nothing(men: RegimeFrame) -> None:
    judged, found = told(tables(men, CHANGE_POINT))
    CONTRACTS["models.effect_estimate"].schema.validate(found, cast=True)
    CONTRACTS["models.diagnostic"].schema.validate(judged, cast=True)
    checks = found.filter(pl.col("estimator") != regime_tables.PRIMARY)
    found = found.filter(pl.col("estimator") == regime_tables.PRIMARY)
    assert found.height == len(POLICY.regimes) * len(POLICY.outcomes) * len(POLICY.groups)
    # Nobody had water retention: too few events, and no number.
    dry = found.filter(pl.col("outcome") == "water_retention")
    assert dry["gate_status"].unique().to_list() == ["closed"]
    assert dry["gate_reason"].str.contains("events").all()
    assert all(dry[name].null_count() == dry.height for name in ANSWERS)
    asked = found.filter(
        pl.col("contrast") == POLICY.contrast("titrate_to_20_30"), pl.col("outcome") != "water_retention"
    )
    assert asked["gate_status"].to_list() == ["open"] * 4
    bone, fracture, breast, window = asked["estimate"]
    assert bone == pytest.approx(-1.28, abs=0.25)
    assert fracture == pytest.approx(2.7, abs=3.0)
    assert breast == pytest.approx(-7.5, abs=4.0)
    assert window == pytest.approx(52.3, abs=2.0)
    assert (asked["n_target"] >= 50).all()
    the_check_stands_beside_bone_of_everybody(judged, asked.filter(outcome=POLICY.outcome), checks)


def the_check_stands_beside_bone_of_everybody(judged: pl.DataFrame, bone: pl.DataFrame, checks: pl.DataFrame) -> None:
    assert checks["outcome"].unique().to_list() == [POLICY.outcome]
    assert set(checks["contrast"]) <= {POLICY.contrast(regime) for regime in POLICY.regimes}
    asked = checks.filter(contrast=bone["contrast"].item())
    assert asked["estimator"].to_list() == [regime_tables.CHECK, regime_tables.CHECK_LESS_PRIMARY]
    (ours, gap), primary = asked["estimate"], bone["estimate"].item()
    assert ours == pytest.approx(-1.28, abs=0.8)
    assert gap == pytest.approx(ours - primary, abs=1e-9)
    # Weighting sees fewer people: those who were scanned, too.
    assert 10 <= asked["n_target"][0] < bone["n_target"].item()
    assert asked["n_effective"][0] < asked["n_target"][0] + asked["n_comparator"][0]
    told = judged.filter(contrast=bone["contrast"].item(), outcome=POLICY.outcome)
    weights = told.filter(
        pl.col("diagnostic").is_in(["effective_n", "largest_weight", "truncated_share", "n_weights_cut"])
    )
    assert weights.height == 4 and (weights["status"] == "not_applicable").all()
    assert 5 < weights.filter(diagnostic="effective_n")["value"].item() < asked["n_target"][0]


def test_without_a_chance_to_fit_there_is_no_check_and_the_primary_stands(
    men: RegimeFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(regime_weighting, "_LEAST_SEEN", 10**6)
    judged, found = told(tables(men, CHANGE_POINT), 2)
    assert found["estimator"].unique().to_list() == [regime_tables.PRIMARY]
    assert (
        found.filter(contrast=POLICY.contrast("titrate_to_20_30"), outcome=POLICY.outcome)["gate_status"].item()
        == "open"
    )
    why = judged.filter(contrast=POLICY.contrast("titrate_to_20_30"), outcome=POLICY.outcome, diagnostic="effective_n")
    assert why["value"].item() is None and "kept to the regime and were scanned" in why["rule"].item()


def test_strata_are_those_of_time_zero(men: RegimeFrame) -> None:
    some = men.taken(np.arange(300))
    found = regime_frame(tables(some), STUDY, POLICY)
    heavy, light = (found.inside(f"body_mass_index {name}") for name in ("30 kg/m2 or more", "under 30 kg/m2"))
    assert np.array_equal(heavy, some.design[:, 1] >= 30) and np.array_equal(light, some.design[:, 1] < 30)
    aa, others = (found.inside(f"cyp19a1_rs700518 {name}") for name in ("AA", "GG or AG"))
    place = np.arange(300)
    assert np.array_equal(aa, (place % 3 == 0) & (place % 2 == 0))
    assert np.array_equal(others, (place % 3 == 0) & (place % 2 == 1))
    # No T-score was measured of anybody.
    assert not any(found.inside(f"lumbar_spine_t_score {name}").any() for name in ("under -1", "-1 or more"))
    assert found.taken(place[:7]).inside("cyp19a1_rs700518 AA").tolist() == aa[:7].tolist()


def test_a_stratum_has_a_gate_of_its_own(men: RegimeFrame) -> None:
    given = tables(men, CHANGE_POINT)
    heavy = pl.col("covariate_code") == "body_mass_index"
    given["features.covariate"] = given["features.covariate"].with_columns(
        value=pl.when(heavy).then(27 + 4 * pl.col("value").clip(-2, 2)).otherwise(pl.col("value"))
    )
    judged, found = told(given)
    bone = found.filter(pl.col("outcome") == POLICY.outcome, pl.col("estimator") == regime_tables.PRIMARY)
    regime = "titrate_to_20_30"
    everybody, under, over, nobody = (
        bone.row(by_predicate=pl.col("contrast") == POLICY.contrast(regime, group), named=True)
        for group in (
            *("", "body_mass_index under 30 kg/m2", "body_mass_index 30 kg/m2 or more"),
            "lumbar_spine_t_score under -1",
        )
    )
    assert [row["gate_status"] for row in (everybody, under, over)] == ["open"] * 3
    assert under["n_target"] + over["n_target"] == everybody["n_target"]
    assert under["n_comparator"] + over["n_comparator"] == everybody["n_comparator"]
    # The mean of everybody is that of the strata, by their size.
    share = float((given["features.covariate"].filter(heavy).collect()["value"] >= 30).mean())
    assert (1 - share) * under["estimate"] + share * over["estimate"] == pytest.approx(everybody["estimate"], abs=1e-9)
    assert max(under["se"], over["se"]) > 0
    assert nobody["gate_status"] == "closed" and "regime_followers fail" in nobody["gate_reason"]
    assert all(nobody[name] is None for name in ANSWERS)
    few = judged.filter(pl.col("contrast") == POLICY.contrast(regime, "cyp19a1_rs700518 AA"))
    known = few.filter((pl.col("outcome") == POLICY.outcome) & (pl.col("diagnostic") == "regime_followers"))
    whole = judged.filter(pl.col("contrast") == POLICY.contrast(regime), pl.col("outcome") == POLICY.outcome)
    assert known["value"].item() < whole.filter(pl.col("diagnostic") == "regime_followers")["value"].item() / 3


def test_a_regime_that_few_follow_is_closed(men: RegimeFrame) -> None:
    judged, found = told(tables(men.taken(np.arange(1500)), CHANGE_POINT))
    few = judged.filter(pl.col("diagnostic") == "regime_followers")
    assert (few["value"] < 50).all() and (few["status"] == "fail").all()
    assert found["gate_status"].unique().to_list() == ["closed"]
    assert all(found[name].null_count() == found.height for name in ANSWERS)


def test_without_a_bounded_change_point_its_regime_is_closed(men: RegimeFrame) -> None:
    given = tables(men, CHANGE_POINT | {"ci_low_pg_ml": None})
    assert change_point(given) is None
    _, found = told(given, 2)
    above = found.filter(pl.col("contrast") == POLICY.contrast("titrate_above_change_point"))
    assert above["gate_reason"].str.contains("no change-point").any()
    assert all(above[name].null_count() == above.height for name in ANSWERS)


def test_a_change_point_is_that_of_men_with_its_error() -> None:
    place, error = change_point({"models.threshold": pl.LazyFrame([CHANGE_POINT])})
    assert place == pytest.approx(np.log(16))
    assert error == pytest.approx(np.log(19 / 13) / 3.92, rel=1e-3)
    women = {"models.threshold": pl.LazyFrame([CHANGE_POINT | {"population": "postmenopausal_women"}])}
    assert change_point(women) is None


def test_nobody_is_no_failure(men: RegimeFrame) -> None:
    given = {name: rows.head(0) for name, rows in tables(men.taken(np.arange(5))).items()}
    judged, found = told(given)
    assert found["gate_status"].unique().to_list() == ["closed"]
    assert judged.filter(pl.col("status") == "pass").is_empty()
