"""Study files that ask for symptoms by estradiol: what is refused, and how results are named."""

from pathlib import Path

import pytest

from pipelines.errors import BadInput
from pipelines.trials.code_list import symptom_systems
from pipelines.trials.study import catalogue, folder, read
from pipelines.trials.symptom import SYMPTOM

STUDY = catalogue()["symptoms_e2"]
HASH = "9f871a1a054c9d71"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('cohort = "men"\npopulation', 'cohort = "boys"\npopulation', "there is no cohort boys"),
        ('"gynecomastia", "water_retention", "breast', '"migraine", "water_retention", "breast', "is no outcome of"),
        ('"depression", "irritability",', '"depression", "anxiety",', "anxiety is no outcome of the study"),
        ('bands = ["severe", "low",', 'bands = ["low", "low",', "none may occur twice"),
        ('reference = "target"', 'reference = "middle"', "'severe', 'low', 'target', 'raised' or 'high'"),
        ('bands = ["severe", "low", "target", "raised", "high"]', 'bands = ["severe", "low"]', "must be one of them"),
        ("lag_days = 30", "lag_days = 29", "greater than or equal to 30"),
        ("horizon_days = 365", "horizon_days = 366", "ends after the follow-up of 395 days"),
        ('population = "postmenopausal_women"\noutcomes', 'population = "x y"\noutcomes', "population"),
        ("minimum_events = 20", "minimum_events = 19", "loosens the profile"),
        ("maximum_censored_share = 0.5", "maximum_censored_share = 0.6", "loosens the profile"),
        ("minimum_followed_share = 0.5\n", "", "must name"),
    ],
)
def test_a_question_that_does_not_fit_is_refused(tmp_path: Path, old: str, new: str, said: str) -> None:
    text = (folder() / "symptoms_e2.toml").read_text()
    assert old in text, old
    path = tmp_path / "symptoms_e2.toml"
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(BadInput, match=said):
        read(path)


def test_one_system_is_not_counted_twice(tmp_path: Path) -> None:
    text = (folder() / "symptoms_e2.toml").read_text()
    text = text.replace('"depression", "irritability",', '"depression", "anxiety",', 1)
    path = tmp_path / "symptoms_e2.toml"
    path.write_text(text.replace("secondary = [", 'secondary = [\n    "anxiety",', 1))
    with pytest.raises(BadInput, match="the system mood is counted twice"):
        read(path)


def test_a_time_zero_that_is_no_draw_of_estradiol_is_refused(tmp_path: Path) -> None:
    text = (folder() / "symptoms_e2.toml").read_text().replace('analytes = ["estradiol"]', 'analytes = ["tsh"]', 1)
    path = tmp_path / "symptoms_e2.toml"
    path.write_text(text)
    with pytest.raises(BadInput, match="is no draw of estradiol"):
        read(path)


def test_the_systems_named_in_the_protocol_are_asked_of_men_and_women() -> None:
    asked = {symptom_systems()[code] for symptom in STUDY.symptom for code in symptom.outcomes}
    assert asked >= {
        *("joint", "mood", "cognition", "fatigue", "libido", "erectile", "vaginal", "gynecomastia", "fluid", "breast"),
        *("sleep", "connective_tissue"),
    }
    men, women = STUDY.symptom
    assert "erectile_dysfunction" in men.outcomes and "erectile_dysfunction" not in women.outcomes
    assert "vaginal_dryness" in women.outcomes and "vaginal_dryness" not in men.outcomes
    assert set(SYMPTOM) == set(STUDY.diagnostics)


def test_results_are_named_by_band_window_and_cohort() -> None:
    men, _ = STUDY.symptom
    assert men.contrasts == (
        *(
            f"{band} vs target estradiol, 12 months from day 30, cohort men"
            for band in ("severe", "low", "raised", "high")
        ),
        "per doubling of estradiol, 12 months from day 30, cohort men",
        "both tails of estradiol, 12 months from day 30, cohort men",
    )


def test_a_question_of_one_study_leaves_the_hash_of_others_alone() -> None:
    """Frozen before the kind of question was there."""
    assert catalogue()["ai_dose_response"].protocol_hash == HASH
