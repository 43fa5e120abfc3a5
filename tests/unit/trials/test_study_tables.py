"""Studies and settings as rows that SQL can join."""

import polars as pl
import pytest

from pipelines.run_facts import RunFacts
from pipelines.tables import CONTRACTS
from pipelines.trials import study_tables
from pipelines.trials.study import catalogue

STUDIES = ("nhanes_bone_prevalence", "nhanes_e2_bmd")
FACTS = RunFacts("run", "nhanes", STUDIES, "white_female", 11, "public_survey")


@pytest.mark.parametrize(
    "name", ["study", "study_cycle", "study_criterion", "study_covariate", "study_outcome", "run_setting"]
)
def test_rows_keep_their_contract(name):
    contract = CONTRACTS[f"ref.{name}"]
    found = getattr(study_tables, name)({}, FACTS).collect()
    assert not found.is_empty()
    contract.schema.validate(found, cast=True)


def test_criteria_are_numbered_in_the_order_of_the_file():
    found = study_tables.study_criterion({}, FACTS).filter(pl.col("study_id") == "nhanes_e2_bmd").collect()
    rules = [step.rule for step in catalogue()["nhanes_e2_bmd"].eligibility]
    assert found["criterion_code"].to_list() == rules
    assert found["step_number"].to_list() == list(range(1, len(rules) + 1))


def test_a_study_that_names_no_cycle_has_no_rows_and_only_asked_studies_have_any():
    assert study_tables.study_cycle({}, FACTS).collect().rows() == [("nhanes_e2_bmd", "2013-2014")]
    one = RunFacts("run", "nhanes", STUDIES[:1], "white_female", 11, "public_survey")
    assert study_tables.study({}, one).collect()["study_id"].to_list() == ["nhanes_bone_prevalence"]


def test_primary_outcomes_are_marked():
    found = study_tables.study_outcome({}, FACTS).collect()
    primary = found.filter(pl.col("study_id") == "nhanes_e2_bmd", pl.col("is_primary"))
    assert primary["outcome_code"].to_list() == ["femoral_neck_bmd_g_cm2"]


def test_settings_that_change_a_result():
    found = dict(study_tables.run_setting({}, FACTS).collect().iter_rows())
    assert found == {"bone_reference": "white_female", "min_cell": "11", "evidence_source": "public_survey"}


def test_a_study_that_divides_trials_has_no_people_of_its_own():
    """Neither a survey's rule nor a cohort: checks that ask every study for its people leave it out."""
    asked = RunFacts("run", "omop", ("ai_vs_tamoxifen", "modifiers", "e2_threshold"), "white_female", 11, "simulated")
    rules = dict(study_tables.study({}, asked).select("study_id", "arm_rule").collect().iter_rows())
    assert rules == {"ai_vs_tamoxifen": "cohort", "modifiers": "trials", "e2_threshold": "cohort"}
    for name in ("study_cohort", "study_criterion", "study_arm", "study_contrast", "study_covariate"):
        assert "modifiers" not in getattr(study_tables, name)({}, asked).collect()["study_id"].to_list()
