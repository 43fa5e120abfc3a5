"""From draws to gate to estimates by band: what is set apart, what closes, what is corrected, and who is not at risk."""

import runpy
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from threadpoolctl import threadpool_limits

from pipelines.models import symptom_tables
from pipelines.models.claim import holm_levels
from pipelines.models.symptom_frame import SymptomFrame, symptom_frame
from pipelines.models.symptom_tables import holm_adjusted
from pipelines.run_facts import RunFacts
from pipelines.tables import CONTRACTS

made_up = runpy.run_path(str(Path(__file__).parents[2] / "recovery" / "symptom_world.py"))
STUDY, MEN, WOMEN, EFFECT, world = (made_up[name] for name in ("STUDY", "MEN", "WOMEN", "EFFECT", "world"))
FACTS = RunFacts("run", "omop", (STUDY.id,), "white_female", 11, "simulated")
ANSWERS = ("estimate", "ci_low", "ci_high", "se", "p_value", "n_target", "n_comparator", "events_target", "n_effective")
KEY = ["contrast", "outcome", "population", "estimator"]
Inputs = dict[str, pl.LazyFrame]


def told(given: Inputs) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Diagnostics, estimates and curves of the men."""
    with threadpool_limits(1):
        judged = symptom_tables.diagnostics(given, FACTS)
        both = given | {"models.diagnostic": judged}
        found = symptom_tables.effect_estimates(both, FACTS).collect()
        curves = symptom_tables.dose_response(both, FACTS).collect()
    return judged.collect().filter(population="men"), found.filter(population="men"), curves


@pytest.fixture(scope="module")
def whole() -> Inputs:
    return world(3000, 1, draws_each=2).inputs


@pytest.fixture(scope="module")
def answered(whole: Inputs) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    return told(whole)


def test_open_gates_have_answers_and_closed_ones_are_silent(answered) -> None:
    judged, found, curves = answered
    for table, frame in (("effect_estimate", found), ("diagnostic", judged), ("dose_response", curves)):
        CONTRACTS[f"models.{table}"].schema.validate(frame, cast=True)
    is_open = pl.col("gate_status") == "open"
    assert set(found.filter(is_open)["outcome"]) == set(EFFECT)
    closed = found.filter(~is_open)
    # Nobody of the world has the other nine.
    assert closed["outcome"].n_unique() == 9 and closed.height == 9 * 6
    assert closed["gate_reason"].str.contains("events fail").all()
    assert all(closed[name].is_null().all() for name in ANSWERS)
    assert curves["outcome"].unique().sort().to_list() == sorted(EFFECT)


def test_every_band_is_told_against_the_target_five_times(answered) -> None:
    _, found, _ = answered
    libido = found.filter(outcome="low_libido", contrast=MEN.contrast("severe"))
    assert libido["estimator"].to_list() == [
        "marginal_structural_model",
        "marginal_structural_model_holm",
        "marginal_structural_model_ratio",
        "marginal_structural_model_uncut",
        "with_prompted_draws",
    ]
    assert MEN.contrast("severe") == "severe vs target estradiol, 12 months from day 30, cohort men"
    difference, holm, ratio = libido.head(3).to_dicts()
    assert difference["estimate"] == holm["estimate"] and difference["horizon_months"] == 12.0
    assert ratio["scale"] == "log ratio of risks" and 0.4 < ratio["estimate"] < 1.0
    assert difference["ci_low"] > 0.1 and difference["n_target"] >= 50 <= difference["n_comparator"]
    assert difference["events_target"] + difference["events_comparator"] >= 20


def test_holm_is_over_all_bands_and_symptoms_of_the_population(answered) -> None:
    _, found, _ = answered
    plain = found.filter(estimator="marginal_structural_model", gate_status="open").sort(KEY)
    holm = found.filter(estimator="marginal_structural_model_holm").sort(KEY)
    assert plain.height == holm.height == 12
    assert holm["p_value"].to_list() == pytest.approx(holm_adjusted(plain["p_value"].to_numpy()))
    assert (holm["p_value"] >= plain["p_value"]).all() and (holm["ci_high"] >= plain["ci_high"]).all()
    excludes = (holm["ci_low"] > 0) | (holm["ci_high"] < 0)
    assert (excludes == (holm["p_value"] < 0.05)).all()
    assert holm["se_method"].str.contains("over the 12 open bands and symptoms").all()
    assert not excludes[holm["outcome"].to_list().index("fatigue")]


def test_adjusted_p_values_reject_where_levels_do() -> None:
    p = np.random.default_rng(3).random(40) ** 4
    assert np.array_equal(holm_adjusted(p) <= 0.05, p <= holm_levels(p, np.zeros(40, dtype=int)))
    assert holm_adjusted(np.array([0.01, 0.04, 0.03])) == pytest.approx([0.03, 0.06, 0.06])
    assert holm_adjusted(np.zeros(0)).size == 0


def test_two_lines_tell_slopes_break_and_a_test_of_both(answered) -> None:
    _, found, _ = answered
    rows = found.filter(outcome="irritability", contrast=MEN.tails)
    told_of = {row["estimator"]: row for row in rows.to_dicts()}
    assert list(told_of) == [
        "two_lines_below",
        "two_lines_above",
        "two_lines_break",
        "two_lines_test",
        "two_lines_test_holm",
    ]
    below, above, place, test, holm = told_of.values()
    assert below["estimate"] < 0 < above["estimate"] and 15 < place["estimate"] < 40 and place["scale"] == "pg/mL"
    assert test["p_value"] == max(below["p_value"], above["p_value"]) < 0.001
    assert test["p_value"] <= holm["p_value"] <= 3 * test["p_value"] + 1e-15
    assert test["estimate"] is None and "over the 3 open symptoms" in holm["se_method"]
    fatigue = found.filter(outcome="fatigue", estimator="two_lines_test")
    assert fatigue["p_value"][0] > 0.01


def test_what_is_set_apart_is_reported(whole: Inputs, answered) -> None:
    judged, _, _ = answered
    frame = symptom_frame(whole, STUDY, MEN)
    said = judged.filter(outcome="fatigue", contrast=MEN.contrast("low"))
    value = dict(said.select("diagnostic", "value").iter_rows())
    assert value["prompted_share"] == pytest.approx(frame.is_prompted.mean()) and 0.08 < value["prompted_share"] < 0.12
    place = frame.outcome("fatigue")
    assert value["prevalent_share"] == pytest.approx((frame.is_prevalent | frame.is_early)[:, place].mean())
    assert set(said.filter(pl.col("threshold").is_null())["status"]) <= {"not_applicable"}


def test_diagnostics_say_nothing_of_a_difference_in_outcome(whole: Inputs, answered) -> None:
    """Events handed from one band to another, their number kept, leave every diagnostic but numbers of them as it was."""
    judged, _, _ = answered
    shuffled = whole["features.symptom_episode"].filter(pl.lit(value=False))
    none = symptom_tables.diagnostics(whole | {"features.symptom_episode": shuffled}, FACTS).collect()
    kept = ["largest_standardised_difference", "weight_mean_off", "prompted_share", "unbanded_share"]
    rows = [
        frame.filter(pl.col("diagnostic").is_in(kept), population="men").select(
            "diagnostic", "contrast", "outcome", "value"
        )
        for frame in (judged, none)
    ]
    assert rows[0].equals(rows[1])


def test_a_thin_band_closes_and_the_others_stay_open() -> None:
    judged, found, _ = told(world(2500, 2, draws_each=2, bands=4).inputs)
    high = found.filter(contrast=MEN.contrast("high"))
    assert set(high["gate_status"]) == {"closed"}
    assert judged.filter(contrast=MEN.contrast("high"))["status"].unique().to_list() == ["not_evaluated"]
    assert set(found.filter(outcome="fatigue", contrast=MEN.contrast("raised"))["gate_status"]) == {"open"}


def test_nobody_is_not_evaluated(whole: Inputs) -> None:
    judged = symptom_tables.diagnostics(whole, FACTS).collect().filter(population=WOMEN.population)
    assert judged["status"].unique().to_list() == ["not_evaluated"] and judged["value"].null_count() == judged.height
    assert judged["rule"].unique().to_list() == ["there are no draws in the reference and another band"]


def drawn(
    symptoms: list[tuple[int, int]],
    followed: int = 395,
    panel: list[tuple[float, float, str | None]] | None = None,
    records: list[int] | None = None,
) -> SymptomFrame:
    """The frame of one draw: episodes of fatigue as first and last day, specimens as bounds and band, days of other records."""
    few = world(1, 1, prompted=0.0).inputs
    on, zero = made_up["on"], few["cohort.trial_person"].collect()["index_on"][0]
    origin = (zero - made_up["DAY_ZERO"].astype(object)).days
    episodes = pl.DataFrame(
        {
            "person_id": np.zeros(len(symptoms), dtype=np.int64),
            "system_code": ["fatigue"] * len(symptoms),
            "basis_code": ["diagnosis"] * len(symptoms),
            "starts_on": on(np.array([start for start, _ in symptoms], dtype=np.int64) + origin),
            "last_on": on(np.array([last for _, last in symptoms], dtype=np.int64) + origin),
        }
    )
    bounds = panel or [(25.0, 25.0, "target")]
    specimens = pl.DataFrame(
        {
            "person_id": 0,
            "drawn_on": [zero] * len(bounds),
            "e2_lo_pg_ml": [low for low, _, _ in bounds],
            "e2_hi_pg_ml": [high for _, high, _ in bounds],
            "e2_band_code": pl.Series([band for _, _, band in bounds], dtype=pl.String),
            "e2_assay_class": "lc_ms_ms",
        }
    )
    days = np.array(records or [], dtype=np.int64)
    flushes = pl.DataFrame(
        {
            "person_id": np.zeros(days.size, dtype=np.int64),
            "symptom_code": ["hot_flush"] * days.size,
            "recorded_on": on(days + origin),
        }
    )
    trial = few["cohort.trial_person"].with_columns(end_on=pl.col("index_on") + pl.duration(days=followed))
    tables = {
        "cohort.trial_person": trial,
        "features.symptom_episode": episodes.lazy(),
        "features.steroid_panel": specimens.lazy(),
        "staging.symptom": flushes.lazy(),
    }
    return symptom_frame(few | tables, STUDY, MEN)


@pytest.mark.parametrize(
    ("symptoms", "followed", "prevalent", "early", "day"),
    [
        ([], 395, False, False, None),
        ([(30, 40)], 395, False, False, 30),
        ([(394, 394)], 395, False, False, 394),
        ([(395, 395)], 395, False, False, None),
        ([(200, 200)], 199, False, False, None),
        ([(200, 200)], 200, False, False, 200),
        ([(29, 300)], 395, False, True, None),
        ([(1, 1)], 395, False, True, None),
        ([(0, 0)], 395, True, False, None),
        ([(-365, -365)], 395, True, False, None),
        ([(-366, -366)], 395, False, False, None),
        ([(-366, -366), (100, 100)], 395, False, False, 100),
        ([(-900, -10)], 395, True, False, None),
        # One episode from long before until later has a record in the year before.
        ([(-700, 200)], 395, True, False, None),
    ],
)
def test_who_is_at_risk_and_when_the_first_record_counts(symptoms, followed, prevalent, early, day) -> None:
    found = drawn(symptoms, followed)
    place = found.outcome("fatigue")
    assert bool(found.is_prevalent[0, place]) is prevalent
    if not prevalent:
        assert bool(found.is_early[0, place]) is early
    if not early and not prevalent:
        assert found.event_day[0, place] == day or (day is None and np.isnan(found.event_day[0, place]))
    assert not found.is_prevalent[0, found.outcome("low_libido")]


@pytest.mark.parametrize(
    ("panel", "band", "measured"),
    [
        ([(25.0, 25.0, "target")], "target", 25.0),
        ([(0.0, 10.0, "severe")], "severe", None),
        ([(0.0, 20.0, None)], None, None),
        ([(25.0, 25.0, "target"), (22.0, 22.0, "target")], "target", float(np.sqrt(25 * 22))),
        ([(25.0, 25.0, "target"), (35.0, 35.0, "raised")], None, float(np.sqrt(25 * 35))),
        ([(25.0, 25.0, "target"), (0.0, 20.0, None)], None, None),
    ],
)
def test_a_band_is_told_where_all_specimens_of_the_day_agree(panel, band, measured) -> None:
    found = drawn([], panel=panel)
    assert found.band[0] == (-1 if band is None else MEN.bands.index(band))
    assert np.isnan(found.log2_e2[0]) if measured is None else np.isclose(2 ** found.log2_e2[0], measured)


@pytest.mark.parametrize(
    ("records", "is_prompted"), [([], False), ([0], True), ([-30], True), ([-31], False), ([1], False)]
)
def test_a_draw_is_prompted_by_any_symptom_of_the_month_before(records, is_prompted) -> None:
    assert bool(drawn([], records=records).is_prompted[0]) is is_prompted


def test_records_of_drugs_are_no_symptom(whole: Inputs) -> None:
    other = whole["features.symptom_episode"].with_columns(basis_code=pl.lit("drug_start"))
    found = symptom_frame(whole | {"features.symptom_episode": other}, STUDY, MEN)
    assert not found.is_prevalent.any() and np.isnan(found.event_day).all()
