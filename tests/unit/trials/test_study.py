"""Study files: what loads, what is refused and how it is said, and what the hash depends on."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.errors import BadInput
from pipelines.settings import sql_root
from pipelines.trials.study import catalogue, folder, read, select
from pipelines.trials.survey_rule import COVARIATES, CRITERIA, PROFILES

ORIGINAL = folder() / "nhanes_e2_bmd.toml"
Edited = Callable[..., Path]


@pytest.fixture
def edited(tmp_path) -> Edited:
    """The E2 study with some text replaced, in a file of the same name."""

    def edit(*changes: tuple[str, str], name: str = ORIGINAL.name) -> Path:
        text = ORIGINAL.read_text()
        for old, new in changes:
            assert old in text, old
            text = text.replace(old, new, 1)
        path = tmp_path / name
        path.write_text(text)
        return path

    return edit


def test_the_real_studies_load():
    studies = catalogue()
    assert (
        set(studies) == {path.stem for path in folder().glob("*.toml")} >= {"nhanes_e2_bmd", "nhanes_bone_prevalence"}
    )
    surveys = [study for study in studies.values() if study.is_survey]
    assert all(set(study.diagnostics) == set(PROFILES[study.design]) for study in surveys)
    assert studies["nhanes_e2_bmd"].population.cycles == ("2013-2014",)


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ('question = "', 'qestion = "', "qestion"),
        ('question = "', 'qestion = "', "question"),
        ('rule = "examined"', 'rule = "has_a_pulse"', "eligibility.0.rule"),
        ('"testosterone_ng_dl"', '"shoe_size"', "covariates.codes.4"),
        ("minimum_age_years = 40", "minimum_age_years = -1", "population.minimum_age_years"),
        ('arms = "sex_and_menopause"', 'arms = "both"', "population.arms"),
        ('primary = ["femoral_neck_bmd_g_cm2"]', "primary = []", "outcomes.primary"),
        ('sources = ["nhanes"]', 'sources = ["ehr"]', "sources.0"),
        ('design = "survey_association"', 'design = "crystal_ball"', "design"),
        ('design = "survey_association"', 'design = "regime"', "design"),
        ("minimum_n = 30", "minimum_n = 29", "diagnostics.minimum_n"),
        ("minimum_design_df = 8", "minimum_design_df = 7", "diagnostics.minimum_design_df"),
        ("maximum_censored_share = 0.50", "maximum_censored_share = 0.51", "diagnostics.maximum_censored_share"),
        ("minimum_design_df = 8\n", "", "diagnostics"),
        (
            'secondary = ["total_hip_bmd_g_cm2", ',
            'secondary = ["femoral_neck_bmd_g_cm2", ',
            "both primary and secondary",
        ),
    ],
)
def test_refused_with_file_and_field(edited, old, new, field):
    with pytest.raises(BadInput) as refused:
        read(edited((old, new)))
    assert all(problem.startswith("nhanes_e2_bmd.toml: ") for problem in refused.value.problems)
    assert any(field in problem for problem in refused.value.problems)
    assert refused.value.exit_status == 2


def test_every_problem_is_told_at_once(edited):
    with pytest.raises(BadInput) as refused:
        read(edited(('rule = "examined"', 'rule = "x"'), ('arms = "sex_and_menopause"', 'arms = "x"')))
    assert len(refused.value.problems) == 2


def test_id_must_be_the_file_name(edited):
    with pytest.raises(BadInput, match=r"other\.toml: id is 'nhanes_e2_bmd'"):
        read(edited(name="other.toml"))


@pytest.mark.parametrize("text", ["id = ", "[population\n", 'id = "a"\nid = "b"'])
def test_broken_toml_names_the_file(tmp_path, text):
    path = tmp_path / "broken.toml"
    path.write_text(text)
    with pytest.raises(BadInput, match=r"broken\.toml: not valid TOML"):
        read(path)


def test_a_study_may_tighten_its_profile(edited):
    study = read(
        edited(("minimum_n = 30", "minimum_n = 100"), ("maximum_censored_share = 0.50", "maximum_censored_share = 0.2"))
    )
    assert (study.diagnostics["minimum_n"], study.diagnostics["maximum_censored_share"]) == (100, 0.2)


@pytest.mark.parametrize(
    "change",
    [
        ("# Postmenopausal by rule", "# Another remark, by rule"),
        ("minimum_age_years = 40", "minimum_age_years   =   40   # adults of middle age"),
        ("minimum_age_years = 40", "minimum_age_years = 40.0"),
        ("minimum_n = 30\nminimum_effective_n = 30\n", "minimum_effective_n = 30\nminimum_n = 30\n"),
        ("seed = 20260101\nn_imputations = 40\n", "n_imputations = 40\nseed = 20260101\n"),
    ],
    ids=["comment", "layout", "same number", "order of diagnostics", "order of estimation"],
)
def test_hash_ignores_comments_and_layout(edited, change):
    assert read(edited(change)).protocol_hash == read(ORIGINAL).protocol_hash


@pytest.mark.parametrize(
    "change",
    [
        ("minimum_age_years = 40", "minimum_age_years = 41"),
        ("n_imputations = 40", "n_imputations = 41"),
        ("minimum_n = 30", "minimum_n = 31"),
        ('cycles = ["2013-2014"]', "cycles = []"),
        ('"current_smoker", "testosterone_ng_dl"', '"current_smoker"'),
        ('label = "Not pregnant"', 'label = "Not pregnant by test"'),
    ],
)
def test_hash_follows_the_content(edited, change):
    assert read(edited(change)).protocol_hash != read(ORIGINAL).protocol_hash


def test_order_of_eligibility_is_content(edited):
    first, second = '"e2_by_lc_ms_ms"', '"valid_hip_or_spine_scan"'
    swapped = edited((first, '"@"'), (second, first), ('"@"', second))
    assert read(swapped).protocol_hash != read(ORIGINAL).protocol_hash


def test_criteria_are_those_sql_answers():
    text = (sql_root() / "cohort" / "criterion.sql").read_text()
    asked = text[text.index("case asked_of_survey.criterion_code") :]
    assert sorted(re.findall(r"when '(\w+)'", asked)) == sorted(CRITERIA)


def test_covariates_are_those_sql_measures():
    text = (sql_root() / "features" / "covariate.sql").read_text()
    measured = text[text.index("measured as (") : text.index("from cohort.trial_person")]
    found = re.findall(r"select\s+person_id,\s+'(\w+)'", measured)
    assert sorted(found) == sorted(COVARIATES)


def test_select_all_that_the_source_serves():
    surveys = tuple(name for name, study in catalogue().items() if study.is_survey)
    clinical = tuple(name for name in catalogue() if name not in surveys)
    assert select((), "nhanes") == surveys == ("nhanes_bone_prevalence", "nhanes_e2_bmd", "nhanes_mortality")
    assert select((), "omop") == select((), "flat") == clinical
    assert select(("nhanes_e2_bmd",), "nhanes") == ("nhanes_e2_bmd",)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("minimum_events_per_parameter = 10", "minimum_events_per_parameter = 9"),
        ("minimum_followed_share = 0.95", "minimum_followed_share = 0.94"),
        ("minimum_events_per_parameter = 10\n", ""),
    ],
)
def test_a_study_of_hazards_may_not_loosen_its_profile(tmp_path, old, new):
    text = (folder() / "nhanes_mortality.toml").read_text()
    assert old in text
    path = tmp_path / "nhanes_mortality.toml"
    path.write_text(text.replace(old, new))
    with pytest.raises(BadInput, match=r"nhanes_mortality\.toml: .*diagnostics"):
        read(path)


def test_the_hash_of_a_survey_does_not_know_of_cohorts():
    assert catalogue()["nhanes_e2_bmd"].protocol_hash == "9030c084b3db6f71"


def test_select_refuses_unknown_studies_and_wrong_sources():
    with pytest.raises(BadInput, match=r"no study moonshot; there are .*nhanes_e2_bmd"):
        select(("nhanes_e2_bmd", "moonshot"), "nhanes")
    with pytest.raises(BadInput, match="nhanes_e2_bmd is not for source flat"):
        select(("nhanes_e2_bmd",), "flat")
