"""The truth: arms of the same people, consistent with the natural course, whatever the batch, ready for `truth.json`."""

import json
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from pipelines.synth import truth
from pipelines.synth.answers import answers
from pipelines.synth.comparisons import COMPARISONS
from pipelines.synth.contrasts import jackknife, log_hazard_ratios, means, tally
from pipelines.synth.difficulties import SPOILS, SWITCHES, with_only
from pipelines.synth.mechanism.assignment import AI, NO_AGENT, TAMOXIFEN
from pipelines.synth.mechanism.course import run_course
from pipelines.synth.mechanism.hazards import EVENTS
from pipelines.synth.mechanism.people import ADJUVANT, MALE_T, STEP_DAYS, Design, make_people
from pipelines.synth.mechanism.regimes import Regime
from pipelines.synth.parameters import load_parameters
from pipelines.synth.studies import NO_ADD_ON, adjuvant_arms, fixed_dose, only, studies

SEED = 4


@pytest.fixture(scope="module")
def p():
    return load_parameters()


def run(p, name, persons, **changes):
    return truth.run_study(p, SEED, persons, replace(studies(p)[name], **changes))


@pytest.mark.parametrize("agent", [NO_AGENT, AI, TAMOXIFEN])
def test_who_starts_a_drug_anyway_lives_the_same_life_when_made_to(p, agent):
    """Consistency: forcing what would have happened changes nothing."""
    changed = p.replace(only(ADJUVANT))
    people = make_people(changed, SEED, 1, 1500, Design())
    people = people.take(np.nonzero(people.index_step >= 0)[0])
    natural = run_course(changed, SEED, people, keep=("ai_kind", "tamoxifen", "bmd"))
    regime = list(adjuvant_arms().values())[(AI, TAMOXIFEN, NO_AGENT).index(agent)]
    forced = run_course(changed, SEED, people, regime, keep=("ai_kind", "tamoxifen", "bmd"))
    mine = natural.plan.agent == agent
    assert mine.sum() > 100
    assert np.array_equal(natural.event_day[:, mine], forced.event_day[:, mine])
    for track in ("ai_kind", "tamoxifen", "bmd"):
        assert np.array_equal(natural.tracks[track][..., mine], forced.tracks[track][..., mine])
    others = ~mine
    assert not np.array_equal(natural.tracks["bmd"][..., others], forced.tracks["bmd"][..., others])


@pytest.mark.parametrize("regime", [Regime(co_start=True), Regime(co_start=False)])
def test_consistency_beside_testosterone(p, regime):
    changed = p.replace(only(MALE_T))
    people = make_people(changed, SEED, 1, 800, Design())
    natural, forced = (run_course(changed, SEED, people, r, keep=("ai_kind",)) for r in (Regime(), regime))
    mine = natural.plan.co_start == regime.co_start
    assert mine.sum() > 50
    assert np.array_equal(natural.event_day[:, mine], forced.event_day[:, mine])
    assert np.array_equal(natural.tracks["ai_kind"][:, mine], forced.tracks["ai_kind"][:, mine])


def test_arms_hold_the_same_people_and_agree_before_time_zero(p):
    arms = run(p, "recovery_after_stop", 600)
    stop, go_on = arms["stop"], arms["continue"]
    assert np.array_equal(stop.person, go_on.person)
    assert stop.person.size > 100
    gain = means(stop.values["lumbar_spine_24_months"] - go_on.values["lumbar_spine_24_months"], stop.person)[0]
    assert gain > 0.5  # what is reversible comes back


def test_batches_change_nothing(p, monkeypatch):
    study = studies(p)["trt_ai_addon/add_on"]
    one = truth.run_study(p, SEED, 700, study)
    monkeypatch.setattr(truth, "BATCH", 137)
    two = truth.run_study(p, SEED, 700, study)
    for name in study.arms:
        order = [np.argsort(arms[name].person) for arms in (one, two)]
        for key in one[name].values:
            values = [arms[name].values[key][o] for arms, o in zip((one, two), order, strict=True)]
            assert np.array_equal(*values, equal_nan=True)
        assert np.array_equal(one[name].death[order[0]], two[name].death[order[1]])


def test_sustained_tamoxifen_shows_the_hazard_ratio_of_the_parameters(p):
    arms = run(p, "ai_cardiovascular/sustained", 8000, events=("heart_failure", "venous_thromboembolism"))

    def ratio(event, arm, other):
        counts = [tally(arms[a].events[event], arms[a].death, 1826.0, arms[a].person) for a in (arm, other)]
        return jackknife(log_hazard_ratios(*counts, 5))

    for event in ("heart_failure", "venous_thromboembolism"):
        found = ratio(event, "tamoxifen", "none")
        set_to = p.number(f"event.{event}_tamoxifen_hazard_ratio")
        assert abs(found.value - np.log(set_to)) < 3 * found.standard_error + 0.02
    null = ratio("heart_failure", "aromatase_inhibitor", "none")
    assert abs(null.value) < 3 * null.standard_error + 0.01
    against = ratio("heart_failure", "aromatase_inhibitor", "tamoxifen")
    assert against.value > 2 * against.standard_error  # a harm only because tamoxifen protects


def test_dose_lowers_estradiol_step_by_step(p):
    names = ["none", *(f"anastrozole_{mg}_mg_per_week" for mg in ("0.5", "1", "2", "3.5", "7"))]
    known = studies(p)["ai_dose_response"]
    arms = run(p, "ai_dose_response", 200, arms={name: known.arms[name] for name in names})
    levels = [means(arms[name].values["log_estradiol_365_days"], arms[name].person)[0] for name in names]
    assert all(later < before - 0.02 for before, later in pairwise(levels))


def test_dose_levels_and_policies_tell_bone_and_risks_to_five_years(p):
    for name in ("ai_dose_response", "titration_policy"):
        study = studies(p)[name]
        (arm, other), *_ = study.contrasts
        arms = run(p, name, 60, arms={arm: study.arms[arm], other: study.arms[other]})
        told = truth.contrast(study, arms[arm], arms[other])
        assert {f"{site}_{month}_months" for site, month in study.bone} <= set(told)
        assert {month for _, month in study.bone} == {12, 24, 60}
        for event in ("fracture", "mace", "venous_thromboembolism", "gynecomastia", "arthralgia"):
            assert list(told[event]) == ["1_years", "3_years", "5_years"]
            assert {"risk", "risk_difference", "hazard_ratio"} <= set(told[event]["5_years"])


def test_a_daily_inhibitor_spares_men_gynecomastia(p):
    known = studies(p)["ai_dose_response"]
    wanted = ("anastrozole_7_mg_per_week", "none")
    arms = run(p, "ai_dose_response", 1500, arms={name: known.arms[name] for name in wanted}, bone=(), levels=())
    told = truth.contrast(replace(known, bone=(), levels=(), events=("gynecomastia",)), *(arms[n] for n in wanted))
    risk = told["gynecomastia"]["5_years"]["risk_difference"]
    assert risk["value"] < -3 * risk["standard_error"]


def test_titration_keeps_more_time_in_the_window_than_a_fixed_dose(p):
    known = studies(p)["titration_policy"]
    wanted = ("fixed_1_mg_daily", "titrate_to_20_30", "no_inhibitor")
    arms = run(p, "titration_policy", 900, arms={name: known.arms[name] for name in wanted}, events=(), bone=())
    share = {name: means(arms[name].values["share_of_24_months_in_20_30"], arms[name].person)[0] for name in wanted}
    assert share["titrate_to_20_30"] > max(share["fixed_1_mg_daily"], share["no_inhibitor"]) + 0.1
    assert known.arms["titrate_above_change_point"].estradiol_low == p.number("bone.threshold_men")


def test_one_decision_is_taken_by_all_or_by_nobody(p):
    study = studies(p)["trt_ai_addon/add_on"]
    changed = p.replace(study.changes | {"difficulty.prevalent_users": False})
    people = truth.counterfactual_people(changed, SEED, 1, 500, study)
    for name, expected in (("add", 1), ("not", 0)):
        course = run_course(changed, SEED, people, study.arms[name], keep=truth._tracks(study))
        keep = truth.eligible(study, course)
        zero = course.people.index_step + study.zero_after
        assert keep.sum() > 100
        assert set(course.tracks["ai_kind"][zero[keep], np.nonzero(keep)[0]].tolist()) == {expected}


def test_eligible_women_are_alive_postmenopausal_and_without_a_bone_drug(p):
    study = studies(p)["ai_vs_tamoxifen"]
    changed = p.replace(study.changes | {"difficulty.prevalent_users": False})
    people = truth.counterfactual_people(changed, SEED, 1, 800, study)
    course = run_course(changed, SEED, people, study.arms["none"], keep=("antiresorptive", "bmd"))
    keep, zero = truth.eligible(study, course), course.people.index_step
    who = course.people
    age = who.age + zero * STEP_DAYS / 365.25
    assert 300 < keep.sum() < 800
    assert np.all(age[keep] >= who.menopause_age[keep])
    assert np.all(who.is_er_positive[keep] & (who.stage[keep] < 4))
    assert np.all(course.death_day()[keep] >= zero[keep] * STEP_DAYS)
    assert np.all(course.tracks["antiresorptive"][zero[keep] - 1, np.nonzero(keep)[0]] == 0)


def test_missed_doses_are_the_only_difference_of_full_adherence(p):
    changed = p.replace(only(MALE_T))
    people = make_people(changed, SEED, 1, 200, Design(is_trial=True, horizon_years=1))
    kept = fixed_dose(1.0, 7.0)
    missed, full = (
        run_course(changed, SEED, people, r, keep=("taken", "ai_kind"))
        for r in (kept, replace(kept, misses_doses=False))
    )
    assert np.all(full.tracks["taken"] == 1.0)
    assert 0.6 < missed.tracks["taken"].mean() < 0.95
    assert np.array_equal(missed.tracks["ai_kind"], full.tracks["ai_kind"])


def test_studies_that_share_arms_are_run_once_and_say_the_same(p):
    known = studies(p)
    shared = truth.groups(known)
    assert sorted(name for group in shared for name in group) == sorted(known)
    assert ["trt_ai_addon/co_start"] not in shared
    group = next(group for group in shared if "e2_pkpd/men" in group)
    assert "hpg_response/intact" in group
    alone = truth.run_study(p, SEED, 300, known["e2_pkpd/men"])
    both = truth.run_study(p, SEED, 300, truth.together([known[name] for name in group]))
    one, two = (truth.contrast(known["e2_pkpd/men"], arms["inhibitor"], arms["none"]) for arms in (alone, both))
    assert one == two


def test_answers_are_json_and_keyed_by_the_studies(p):
    told = answers(p, SEED, 40)
    assert json.loads(json.dumps(told, allow_nan=False)) == told
    assert set(studies(p)) <= set(told)
    assert {name.partition("/")[0] for name in studies(p)} >= {
        *("ai_vs_tamoxifen", "trt_ai_addon", "female_testosterone_ai", "restart_protocol", "ai_dose_response"),
        *("titration_policy", "recovery_after_stop", "hpg_response", "e2_pkpd", "bone_turnover", "ai_cardiovascular"),
        *("ai_fracture", "symptoms_e2", "ai_metabolic", "modifiers"),
    }
    assert told["parameters"]["e2_threshold"]["men"] == p.number("bone.threshold_men")
    assert set(told["naive"]) == set(COMPARISONS)
    risk = told["ai_cardiovascular"]["contrasts"]["aromatase_inhibitor vs none"]["mace"]
    assert list(risk) == ["1_years", "3_years", "5_years", "10_years"]
    assert set(risk["10_years"]) == {"risk", "risk_reference", "risk_difference", "risk_ratio", "hazard_ratio"}
    assert answers(p, SEED, 0) == {}


def test_metabolic_truth_is_the_parameter_times_those_who_take_the_drug(p):
    arms = run(p, "ai_metabolic", 700, arms=adjuvant_arms(is_sustained=True))
    ai, tamoxifen, none = (arms[name].values for name in ("aromatase_inhibitor", "tamoxifen", "none"))
    known = ~np.isnan(none["log_ldl_cholesterol_12_months"])

    def moved(arm, name):
        return (arm[name] - none[name])[known]

    ldl = "log_ldl_cholesterol_12_months"
    assert moved(tamoxifen, ldl) == pytest.approx(p.number("laboratory.ldl_cholesterol_tamoxifen"))
    assert moved(ai, ldl) == pytest.approx(p.number("laboratory.ldl_cholesterol_ai"))
    homa = p.number("laboratory.insulin_ai") + p.number("laboratory.glucose_ai")
    assert moved(ai, "log_homa_ir_12_months") == pytest.approx(homa)
    assert moved(ai, "systolic_pressure_12_months") == pytest.approx(0.0)  # an effect in men alone
    men = run(
        p, "ai_metabolic/men", 300, arms={"on": fixed_dose(1.0, 7.0), "off": NO_ADD_ON}, contrasts=(("on", "off"),)
    )
    gain = men["on"].values["systolic_pressure_12_months"] - men["off"].values["systolic_pressure_12_months"]
    assert gain[~np.isnan(gain)] == pytest.approx(p.number("observation_effect.systolic_ai_men"))


def test_strata_divide_the_people_and_show_the_modifiers_of_the_parameters(p):
    study = studies(p)["modifiers"]
    arms = truth.run_study(p, SEED, 3000, study)
    ai, none = arms["aromatase_inhibitor"], arms["none"]
    told = truth.by_stratum(study, ai, none)
    assert set(told) == set(study.strata)
    assert set(told["body_mass_index"]) == {"below_25", "25_to_30", "30_and_above"}
    for name in study.strata:
        sizes = [(ai.strata[name] == label).sum() for label in told[name]]
        assert sum(sizes) == ai.person.size
        assert min(sizes) > 50

    def difference(name, label, value):
        return told[name][label][value]["difference"]["value"]

    # the share of aromatisation lost is the same; the more there was, the more is lost
    lost = [
        difference("body_mass_index", label, "estradiol_84_days") for label in ("below_25", "25_to_30", "30_and_above")
    ]
    assert lost[0] > lost[1] > lost[2]
    spine = [difference("rs700518", label, "lumbar_spine_12_months") for label in ("0", "2")]
    change = ai.values["lumbar_spine_12_months"] - none.values["lumbar_spine_12_months"]
    assert spine[1] < spine[0] < 0.0
    aa = np.nanmean(change[ai.strata["rs700518"] == "2"])
    assert spine[1] == pytest.approx(aa, abs=0.05)  # paired or not, the same people


def test_every_switch_is_shown_and_can_be_off(p):
    assert set(SPOILS) == set(SWITCHES)
    assert {name for spoiled in SPOILS.values() for name in spoiled} <= set(COMPARISONS)
    switches = {key for key in p.entries if key.startswith("difficulty.")}
    off = with_only(p, None)
    assert not any(off.flag(key) for key in switches)
    for name in SWITCHES:
        assert [key for key in switches if with_only(p, name).flag(key)] == [f"difficulty.{name}"]
    assert set(EVENTS)  # the events of the mechanism are what the studies may name
    named = {event for study in studies(p).values() for event in study.events}
    from pipelines.synth.outcomes import COMPOSITES

    assert named <= set(EVENTS) | set(COMPOSITES)
