"""With every difficulty off a naive analysis finds the truth; with one on it is wrong, in the stated direction.

The full table (200,000 people) is frozen beside this file and computed afresh by the slow test; the default tests obey
the same rules with fewer people, and with difficulties made stronger so that few people show them.
"""

import json
from pathlib import Path

import pytest

from pipelines.synth.comparisons import COMPARISONS
from pipelines.synth.difficulties import SPOILS, gaps, with_only
from pipelines.synth.difficulty_table import BEGIN, END, OFF, PEOPLE, SEED, TRUTH_PERSONS, TRUTH_SEED, compute, page
from pipelines.synth.parameters import load_parameters

FROZEN = Path(__file__).with_name("difficulties.json")
ENOUGH = 200_000
#: parameters that make a difficulty stronger, and the biases that few people then show
STRONG = [
    (
        "confounding_by_indication",
        {"assignment.ai_per_t_score": 3.0, "fracture.relative_risk_per_sd": (4.0, 4.0, 4.0, 4.0, 4.0)},
        ("fracture_5_years", "estradiol_after_add_on"),
    ),
    ("treatment_confounder_feedback", {}, ("estradiol_kept_dose",)),
    (
        "informative_dxa",
        {
            "monitoring.scan_ai_factor": 20.0,
            "monitoring.scan_probability": 0.005,
            "event.vertebral_fracture_rate_women": 300.0,
        },
        ("vertebral_fracture_on_record",),
    ),
    ("informative_stopping", {"stopping.arthralgia_factor": 8.0}, ("arthralgia_2_years_on_ai",)),
    (
        "prevalent_users",
        {"people.prevalent_share": 0.9, "symptom.arthralgia_early_factor": 8.0},
        ("arthralgia_1_year",),
    ),
    ("immortal_time", {"assignment.switch_share": 1.0}, ("death_ever_treated",)),
    ("unmeasured_confounder", {"assignment.frailty_effect": 3.0}, ("negative_control_hazard_ratio",)),
    (
        "assay_scanner_changes",
        {"clinic.assay_switch_share": 1.0, "clinic.lcms_share_before": 0.0, "clinic.lcms_share_after": 1.0},
        ("estradiol_change_on_tamoxifen",),
    ),
]


@pytest.fixture(scope="module")
def frozen() -> dict:
    return json.loads(FROZEN.read_text(encoding="utf-8"))


def z(gap: dict) -> float:
    return gap["bias"] / gap["standard_error"]


def follows_the_rules(told: dict) -> None:
    off = told["scenarios"][OFF]
    assert off["persons"] >= ENOUGH
    assert set(off["comparisons"]) == set(COMPARISONS)
    wrong = {name: z(gap) for name, gap in off["comparisons"].items() if abs(z(gap)) > 3.0}
    assert not wrong
    for difficulty, spoiled in SPOILS.items():
        group = told["scenarios"][difficulty]["comparisons"]
        assert set(group) == set(spoiled)
        for name, sign in spoiled.items():
            assert z(group[name]) * sign > 3.0, (difficulty, name, z(group[name]))


def test_the_frozen_table_follows_the_rules(frozen):
    follows_the_rules(frozen)


def test_the_frozen_table_is_of_the_present_parameters(frozen):
    same = frozen["parameters_sha256"] == load_parameters().fingerprint()
    assert same, "truth.toml has changed: python -m pipelines.synth.difficulty_table"
    assert {name: group["persons"] for name, group in frozen["scenarios"].items()} == PEOPLE


def test_the_page_holds_the_frozen_table(frozen, root):
    text = (root / "docs" / "simulator-truth.md").read_text(encoding="utf-8")
    assert text.partition(BEGIN)[2].partition(END)[0].strip() == page(frozen)


def test_all_off_the_naive_analysis_finds_the_truth():
    found = gaps(with_only(load_parameters(), None), set(COMPARISONS), 20_000, 6_000, SEED, TRUTH_SEED)
    wrong = {name: gap.in_standard_errors for name, gap in found.items() if not abs(gap.in_standard_errors) <= 3.0}
    assert not wrong
    assert found["estradiol_kept_dose"].standard_error < 0.06  # few people, but not so few that anything passes
    assert found["negative_control_hazard_ratio"].standard_error < 0.06
    assert found["lumbar_spine_24_months_start"].standard_error < 0.5


def test_each_difficulty_is_among_the_strong_ones():
    assert {difficulty for difficulty, _, _ in STRONG} == set(SPOILS)


@pytest.mark.parametrize(("difficulty", "stronger", "names"), STRONG)
def test_each_difficulty_alone_spoils_what_it_should(difficulty, stronger, names):
    assert set(names) <= set(SPOILS[difficulty])
    p = with_only(load_parameters(), difficulty).replace(stronger)
    found = gaps(p, set(names), 8_000, 3_000, SEED, TRUTH_SEED)
    for name in names:
        assert found[name].in_standard_errors * SPOILS[difficulty][name] > 3.0, (name, found[name].as_json())


@pytest.mark.slow
def test_the_whole_table_computed_afresh(frozen):
    told = compute(PEOPLE, TRUTH_PERSONS, processes=2)
    follows_the_rules(told)
    for name, group in frozen["scenarios"].items():
        for key, gap in group["comparisons"].items():
            again = told["scenarios"][name]["comparisons"][key]
            assert again["naive"]["value"] == pytest.approx(gap["naive"]["value"], rel=1e-3, abs=1e-4)
