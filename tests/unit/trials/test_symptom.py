"""Study files that ask for symptoms by estradiol: what is refused, and how results are named."""

from pathlib import Path

import pytest

from pipelines.errors import BadInput
from pipelines.trials.claim_rule import estimated
from pipelines.trials.code_list import symptom_systems
from pipelines.trials.study import catalogue, folder, read
from pipelines.trials.symptom import BANDS, DOSE_EDGES, SYMPTOM
from pipelines.trials.waiver import REQUIRED, closing_diagnostics

STUDY = catalogue()["symptoms_e2"]
HASH = "9f871a1a054c9d71"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('cohort = "men"\npopulation', 'cohort = "boys"\npopulation', "there is no cohort boys"),
        ('"gynecomastia", "water_retention", "breast', '"migraine", "water_retention", "breast', "is no outcome of"),
        ('"depression", "irritability",', '"depression", "anxiety",', "anxiety is no outcome of the study"),
        ('bands = ["severe", "low",', 'bands = ["low", "low",', "none may occur twice"),
        ('reference = "target"', 'reference = "middle"', "'severe', 'low', 'target', 'raised', 'high'"),
        ('bands = ["severe", "low", "target", "raised", "high"]', 'bands = ["severe", "low"]', "must be one of them"),
        ('exclude = ["drug_aromatase_inhibitor_365d"]', "", "must name drug_aromatase_inhibitor_365d"),
        ('exclude = ["drug_aromatase', 'exclude = ["drug_x", "drug_aromatase', "drug_x is no covariate of the study"),
        ('"tsh_miu_l",', '"tsh_miu_l", "estradiol_pg_ml",', "must name estradiol_pg_ml"),
        ('exposure = "dose"', 'exposure = "estradiol"', "none, up_to_1_mg, .* is none of estradiol"),
        ('exposure = "dose"', 'exposure = "mass"', "'estradiol' or 'dose'"),
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
    men, women, *_ = STUDY.symptom
    assert "erectile_dysfunction" in men.outcomes and "erectile_dysfunction" not in women.outcomes
    assert "vaginal_dryness" in women.outcomes and "vaginal_dryness" not in men.outcomes
    assert set(SYMPTOM) == set(STUDY.diagnostics)


def test_results_are_named_by_band_window_and_cohort() -> None:
    men, *_ = STUDY.symptom
    assert men.contrasts == (
        *(
            f"{band} vs target estradiol, 12 months from day 30, cohort men"
            for band in ("severe", "low", "raised", "high")
        ),
        "per doubling of estradiol, 12 months from day 30, cohort men",
        "both tails of estradiol, 12 months from day 30, cohort men",
    )


def test_doses_are_cut_and_named_as_those_that_are_kept_up() -> None:
    kept_up = next(each for each in catalogue()["ai_dose_response"].dose if each.exposure == "mg_per_week")
    assert BANDS["dose"] == kept_up.categories
    assert kept_up.edges == DOSE_EDGES
    *_, dosed = STUDY.symptom
    assert (dosed.exposure, dosed.bands, dosed.reference) == ("dose", kept_up.categories, kept_up.reference)


def test_a_dose_has_the_gate_of_a_band_and_no_scale() -> None:
    *_, dosed = STUDY.symptom
    words = "up_to_1_mg vs none, weekly dose, 12 months from day 30, cohort men_on_testosterone"
    assert dosed.contrasts[0] == words and len(dosed.contrasts) == 4 and dosed.along == ()
    closing = closing_diagnostics((), (), (), (), symptoms=(dosed,))
    assert len(closing) == 4 * len(dosed.outcomes) and set(closing.values()) == {REQUIRED["symptom"]}
    told = [row for row in estimated(STUDY) if row[2] == dosed.population]
    assert len(told) == len(closing) and (words, "fatigue", dosed.population, 12.0) in told


def test_a_question_of_one_study_leaves_the_hash_of_others_alone() -> None:
    """Frozen before the kind of question was there."""
    assert catalogue()["ai_dose_response"].protocol_hash == HASH
