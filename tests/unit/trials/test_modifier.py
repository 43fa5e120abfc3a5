"""Study files that divide the people of other trials: what is refused and where, and what stays as it was for others."""

import shutil
from pathlib import Path

import pytest

from pipelines.errors import BadInput
from pipelines.trials.claim_rule import estimated
from pipelines.trials.study import catalogue, contrast_of, folder, read

STUDY = catalogue()["modifiers"]
TEXT = (folder() / "modifiers.toml").read_text()
BODY_MASS = 'code = "body_mass_index"\ncuts = [30]\nstrata = ["under 30 kg/m2", "30 kg/m2 or more"]'


def edited(where: Path, old: str, new: str) -> Path:
    assert old in TEXT, old
    path = where / "modifiers.toml"
    path.write_text(TEXT.replace(old, new, 1))
    return path


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('code = "body_mass_index"', 'code = "body_mas_index"', "unknown body_mas_index; near: body_mass_index"),
        ('code = "body_mass_index"', 'code = "lumbar_spine_bmd_change_pct"', "is measured after time zero"),
        ('code = "body_mass_index"', 'code = "hip_fracture"', "is measured after time zero"),
        ('code = "age_years"', 'code = "body_mass_index"', "body_mass_index occurs twice"),
        ("cuts = [30]", "cuts = []", "at least 1 item"),
        ("cuts = [30]", "cuts = [30, 25]", "cuts: must rise"),
        ("cuts = [30]", "cuts = [25, 30]", "one more than there are cuts"),
        ('"30 kg/m2 or more"]', '"under 30 kg/m2"]', "none twice"),
        (BODY_MASS, f'{BODY_MASS}\nside = "above"', "Extra inputs"),
        ('outcomes = ["lumbar_spine_bmd_change_pct", "total', 'outcomes = ["hip_fracture", "total', "is no outcome"),
        ("[outcomes]", '[covariates]\ncodes = ["age_years"]\n\n[outcomes]', "those of the trials that it names"),
        ("[outcomes]", 'negative_controls = ["nc_sodium"]\n\n[outcomes]', "Extra inputs"),
        ("minimum_people_per_stratum = 100", "minimum_people_per_stratum = 99", "loosens the profile"),
        ("minimum_equipoise = 0.2\n", "", "must name"),
        ("minimum_people_with_both = 100", "minimum_people_with_both = 50", "loosens the profile"),
        ('numerator = "testosterone"', 'numerator = "height"', "Input should be 'testosterone'"),
    ],
)
def test_what_is_refused_and_where(tmp_path: Path, old: str, new: str, said: str) -> None:
    with pytest.raises(BadInput) as problem:
        read(edited(tmp_path, old, new))
    assert said in str(problem.value)
    assert "modifiers.toml: line " in str(problem.value)


@pytest.mark.parametrize("kept", ["trial", "modifier"])
def test_trials_without_modifiers_and_modifiers_without_trials_are_refused(tmp_path: Path, kept: str) -> None:
    blocks = TEXT.split("\n\n")
    text = "\n\n".join(each for each in blocks if f"[[{'trial' if kept == 'modifier' else 'modifier'}]]" not in each)
    path = tmp_path / "modifiers.toml"
    path.write_text(text)
    with pytest.raises(BadInput, match=r"none is named"):
        read(path)


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ('study = "ai_vs_tamoxifen"', 'study = "ai_vs_placebo"', 12, "no study ai_vs_placebo has it"),
        ("tamoxifen, 24 months", "tamoxifen, 36 months", 12, "no study ai_vs_tamoxifen has it"),
        ('population = "men"', 'population = "women"', 18, "no study trt_ai_addon has it"),
        ("cohort active_comparator", "cohort surgery", 12, "is estimated by clones"),
        ('code = "age_years"', 'code = "drug_aromatase_inhibitor_365d"', 41, "belongs to the arms of"),
        ('cohort = "men"', 'cohort = "boys"', 65, "no study e2_threshold has a curve of lumbar_spine"),
    ],
)
def test_a_trial_that_cannot_be_divided_is_refused(tmp_path: Path, old: str, new: str, line: int, said: str) -> None:
    for path in folder().glob("*.toml"):
        shutil.copy(path, tmp_path)
    edited(tmp_path, old, new)
    with pytest.raises(BadInput, match=said) as problem:
        catalogue(tmp_path)
    assert f"modifiers.toml: line {line}: " in str(problem.value)


def test_each_question_is_one_outcome_of_one_trial_by_one_modifier() -> None:
    questions = STUDY.modifier_questions
    assert len(questions) == 5 * 5 == len({(each.words, each.outcome, each.population) for each in questions})
    assert all(contrast_of(each, catalogue()) is not None for each in questions)
    assert questions[0].words == (
        "aromatase_inhibitor vs tamoxifen, 24 months, cohort active_comparator, by body_mass_index"
    )
    assert questions[0].strata == "30 kg/m2 or more less under 30 kg/m2"
    assert {months for _, _, _, months in estimated(STUDY)} == {24.0, 12.0, 3.0, None}


def test_it_is_no_survey_and_its_hash_follows_what_it_asks(tmp_path: Path) -> None:
    assert not STUDY.is_survey
    moved = read(edited(tmp_path, "cuts = [30]", "cuts = [25]"))
    assert moved.protocol_hash != STUDY.protocol_hash
    # Studies that ask nothing of the kind hash as before there was any: frozen before modifiers were built.
    study = catalogue()["ai_vs_tamoxifen"]
    contrasts = tuple(each.model_copy(update={"due": None}) for each in study.contrast)
    assert study.model_copy(update={"contrast": contrasts}).protocol_hash == "50648f9b44578c8b"
    assert catalogue()["nhanes_e2_bmd"].protocol_hash == "9030c084b3db6f71"
