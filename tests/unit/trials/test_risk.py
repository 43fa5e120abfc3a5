"""Entries that ask for risks: what does not fit its study is refused, and every pair of outcome and horizon is a question."""

import re
import tomllib

import pytest

from pipelines.errors import BadInput
from pipelines.trials.risk import RISK
from pipelines.trials.study import catalogue, folder, read

FILE = folder() / "ai_cardiovascular.toml"


def changed(tmp_path, old: str, new: str, count: int = 1):
    text = FILE.read_text()
    assert old in text
    path = tmp_path / FILE.name
    path.write_text(text.replace(old, new, count))
    return path


def test_every_outcome_at_every_horizon_is_asked_of_every_pair():
    study = catalogue()["ai_cardiovascular"]
    asked = [question for risk in study.risk for question in risk.questions]
    assert len(asked) == len(study.risk) * 6 * 4 and len({(q.words, q.outcome) for q in asked}) == len(asked)
    first = asked[0]
    assert first.words == "aromatase_inhibitor vs tamoxifen, 12 months, cohort active_comparator"
    assert {q.horizon_months for q in asked} == {12.0, 36.0, 60.0, 120.0}


def test_each_history_is_held_against_its_own_cohort():
    study = catalogue()["ai_cardiovascular"]
    pairs = {risk.cohort: risk.against for risk in study.risk if risk.against}
    assert pairs == {"active_comparator_history": "active_comparator", "surgery_history": "surgery"}
    held = [risk for risk in study.risk if risk.against]
    assert all(risk.counterpart(study.risk).cohort == risk.against for risk in held)


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ('target = "aromatase_inhibitor"', 'target = "letrozole"', "has no arm letrozole"),
        ("horizons_days = [365, 1096, 1826, 3652]", "horizons_days = [4000]", "after the follow-up of 3652 days"),
        ("grace_intervals = 6\n", "", "grace_intervals: asked for where a cohort has a grace period"),
        ('against = "active_comparator"', 'against = "nobody"', "the same question is not asked of cohort nobody"),
        ('against = "active_comparator"', 'against = "active_comparator_history"', "held against itself"),
        (
            'outcomes = ["heart_failure", ',
            'outcomes = ["angina", ',
            "angina is no outcome of the study",
        ),
        (
            '"ischaemic_stroke", "venous_thromboembolism", ',
            '"ischaemic_stroke", ',
            "is not among the outcomes asked for",
        ),
        ("published = 0.55", "published = 0", "greater than 0"),
        (
            "horizons_days = [365, 1096, 1826, 3652]\ngrace",
            "horizons_days = [90]\ngrace",
            "within the grace period of 183",
        ),
    ],
)
def test_an_entry_that_does_not_fit_is_refused_with_its_place(tmp_path, old, new, why):
    with pytest.raises(BadInput, match=re.escape(why)):
        read(changed(tmp_path, old, new))


@pytest.mark.parametrize("name", sorted(RISK))
def test_no_threshold_can_be_loosened(tmp_path, name):
    given = tomllib.loads(FILE.read_text())["diagnostics"][name]
    looser = given * 0.5 if name.startswith("minimum") else given * 2
    line = re.search(rf"^{name} = .*$", FILE.read_text(), re.MULTILINE)[0]
    with pytest.raises(BadInput, match="loosens the profile"):
        read(changed(tmp_path, line, f"{name} = {looser}"))


def test_studies_without_risks_keep_their_hash():
    assert catalogue()["ai_vs_tamoxifen"].risk == ()
    assert "risk" not in catalogue()["ai_vs_tamoxifen"].model_dump(exclude={"risk"})
