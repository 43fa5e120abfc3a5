"""The file of claims: all 28, hashed as it lies there, and every flaw refused with its line."""

from hashlib import sha256
from math import log
from pathlib import Path

import pytest

from pipelines import plan
from pipelines.errors import BadInput
from pipelines.run_facts import RunFacts
from pipelines.trials import claim_rows
from pipelines.trials.claim_rule import CLAIM_IDS, claim_rules, path_of_rules
from pipelines.trials.study import catalogue
from pipelines.warehouse import step

TEXT = path_of_rules().read_text()
FACTS = RunFacts("run", "nhanes", ("nhanes_e2_bmd",), "white_female", 11, "public_survey")


def refused(tmp_path: Path, old: str, new: str) -> list[str]:
    """What is said of the file with one text replaced."""
    assert old in TEXT, old
    path = tmp_path / "claims.toml"
    path.write_text(TEXT.replace(old, new, 1))
    with pytest.raises(BadInput) as error:
        claim_rules(path)
    return list(error.value.problems)


def line(text: str, after: str = "") -> int:
    """The line, from 1, in which a text first stands after another."""
    start = TEXT.index(after) if after else 0
    return TEXT[: TEXT.index(text, start)].count("\n") + 1


def test_all_28_claims_have_a_rule_and_the_hash_of_the_file():
    rules = claim_rules()
    assert tuple(claim.id for claim in rules.claims) == CLAIM_IDS
    assert rules.rules_hash == sha256(path_of_rules().read_bytes()).hexdigest()[:16]
    rows = claim_rows.claim({}, FACTS).collect()
    assert rows["claim_id"].n_unique() == 28
    assert set(rows["rules_hash"]) == {rules.rules_hash}


def test_smallest_effects_are_those_of_the_estimands():
    rows = claim_rows.claim({}, FACTS).collect()
    delta = {(claim, part): value for claim, part, value in rows.select("claim_id", "part_code", "delta").iter_rows()}
    assert (delta["H3", "spine_24"], delta["H3", "spine_60"], delta["H28", "men_spine"]) == (2.0, 5.0, 1.0)
    assert delta["H21", "lh"] == pytest.approx(log(1.10))
    assert delta["H7", "men_survey"] == pytest.approx(0.2 * 0.137)
    kinds = dict(rows.filter(rows["kind_code"].cast(str) != "superiority").select("claim_id", "kind_code").iter_rows())
    assert kinds == {
        "H4": "equivalence",
        "H5": "threshold",
        "H6": "threshold",
        "H22": "equivalence",
        "H24": "level",
        "H27": "equivalence",
        "H28": "equivalence",
    }


def test_no_dosing_claim_is_answered_by_a_survey():
    surveys = {name for name, study in catalogue().items() if study.is_survey}
    answered = {claim.id for claim in claim_rules().claims for part in claim.part if part.study in surveys}
    assert answered == {"H7"}
    assert not any(claim.is_dosing for claim in claim_rules().claims if claim.id in answered)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('study = "ai_vs_tamoxifen"', 'study = "ai_vs_tamoxifin"', "claim.0.part.0.study: no study ai_vs_tamoxifin"),
        (
            'outcome = "total_hip_bmd_change_pct"',
            'outcome = "total_hip"',
            "claim.0.part.1.outcome: total_hip is no outcome",
        ),
        ("24 months, cohort surgery", "36 months, cohort surgery", "claim.0.part.0.contrast: ai_vs_tamoxifen has no"),
        ('smallest = { rule = "bmd_per_year", months = 24 }', "", "claim.0.part.0.smallest: missing"),
        ("months = 24 }", "months = 12 }", "claim.0.part.0.smallest: 12 months, but the contrast is at 24"),
        (", months = 24 }", " }", "claim.0.part.0.smallest: months: 1.0 % a year over how many?"),
        ('{ rule = "bmd_per_year", months = 24 }', '{ rule = "ratio" }', "claim.0.part.0.smallest: lumbar_spine"),
        ('side = "above"', "", "claim.0.part.0.side: missing: which side"),
        ('side = "above"', 'side = "up"', "claim.0.part.0.side: Input should be"),
        ('family = "bone_density"', 'family = "bones"', "claim.0.family: no family bones"),
        ('id = "H1"', 'id = "H29"', "claim.0.id: no claim H29"),
        ('code = "women_hip"', 'code = "women_spine"', "claim.0.part.1.code: women_spine stands twice in H1"),
        ('claim = "An aromatase', 'claims = "An aromatase', "claim.0.claims: Extra inputs"),
    ],
)
def test_a_flaw_is_refused_with_its_line(tmp_path, old, new, said):
    problems = refused(tmp_path, old, new)
    assert any(said in problem and problem.startswith("claims.toml: ") for problem in problems), problems


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ('outcome = "total_hip_bmd_change_pct"', 'outcome = "hip"', line('outcome = "total_hip_bmd_change_pct"')),
        ("named = [20, 20]", "named = [20, 10]", line("named = [20, 20]")),
        ("named = [20, 20]", 'side = "above"\nnamed = [20, 20]', line("named = [20, 20]")),
        ('absent = "hpg_response does not look at FSH"\n', "", line('code = "fsh"') - 1),
        ("is_dosing = false", "is_dosing = true", line('study = "nhanes_e2_bmd"')),
        ('absent = "no study relates', 'study = "hpg_response"\nabsent = "no', line('absent = "no study relates') + 1),
    ],
)
def test_the_line_is_the_right_one(tmp_path, old, new, where):
    if old.startswith("is_dosing"):
        # Of H7, whose parts a survey answers.
        head, tail = TEXT.split('id = "H7"')
        text = head + 'id = "H7"' + tail.replace(old, new, 1)
        path = tmp_path / "claims.toml"
        path.write_text(text)
        with pytest.raises(BadInput) as error:
            claim_rules(path)
        problems = list(error.value.problems)
        assert "says nothing about dosing" in problems[0]
    else:
        problems = refused(tmp_path, old, new)
    assert problems[0].startswith(f"claims.toml: line {where}: "), problems


def test_a_claim_that_is_left_out_is_missed(tmp_path):
    path = tmp_path / "claims.toml"
    path.write_text(TEXT.split('[[claim]]\nid = "H28"')[0])
    with pytest.raises(BadInput, match="H28 missing"):
        claim_rules(path)


def test_a_file_that_is_no_toml_is_refused(tmp_path):
    path = tmp_path / "claims.toml"
    path.write_text("claim = [")
    with pytest.raises(BadInput, match="not valid TOML"):
        claim_rules(path)


def test_a_contrast_that_the_study_makes_must_be_named(tmp_path):
    words = 'contrast = "inhibitor vs none, 3 months, cohort intact"\noutcome = "lh_iu_l"\n'
    assert "hpg_response estimates inhibitor vs none" in refused(tmp_path, words, 'outcome = "lh_iu_l"\n')[0]


def test_rules_are_a_table_before_any_outcome_is_read_and_its_version_is_that_of_the_file(monkeypatch):
    tables = [one.table for one in plan.steps()]
    outcomes = [name for name in tables if name.startswith(("features.", "models.", "mart."))]
    assert tables.index("ref.claim") < min(tables.index(name) for name in outcomes)
    rules = plan.step("ref.claim")
    before = rules.fingerprint(FACTS, "all", {})
    changed = type(claim_rules())(claim_rules().claims, "another file")
    monkeypatch.setattr(step, "claim_rules", lambda: changed)
    assert rules.fingerprint(FACTS, "all", {}) != before


def test_the_truth_is_read_by_the_step_that_judges_and_by_no_other():
    assert [one.table for one in plan.steps() if "raw.planted_truth" in one.inputs] == ["models.claim"]
    readers = {one.table for one in plan.steps() if "models.claim" in one.inputs}
    assert readers == {"mart.claim"}
    assert [one.table for one in plan.steps() if "mart.claim" in one.inputs] == []
