"""Contracts of `cohort`: who is in each study, from when, in which arm, and who left at which step."""

import dataframely as dy

from pipelines.tables.columns import day, flag, number, person_id, text, whole
from pipelines.tables.contract import table


@table("cohort.criterion", grain="one row per study, person and eligibility step")
class Criterion(dy.Schema):
    """Each eligibility rule of each study, asked of each person of its source; unknown counts as not met."""

    study_id = text("Study", key=True)
    person_id = person_id()
    step_number = whole("Order of the step", key=True, minimum=1)
    criterion_code = text("Rule")
    group_code = text("Group in which attrition is counted", optional=True)
    is_met = flag("The rule holds for the person; false also where it is unknown")


@table("cohort.trial_person", grain="one row per study, person and time zero")
class TrialPerson(dy.Schema):
    """Eligible people with time zero and arm. Survey studies have one time zero, the examination, whose date is not released."""

    study_id = text("Study", key=True)
    person_id = person_id()
    index_number = whole("Order of the person's time zeros in the study", key=True, minimum=1)
    arm_code = text("Arm, or stratum of a survey study")
    index_on = day("Time zero", optional=True)
    end_on = day("End of follow-up", optional=True)
    end_reason = text("Why follow-up ended")
    cycle_label = text("Survey cycle in years", optional=True)


@table("cohort.attrition", grain="one row per study, step and arm", unit="population")
class Attrition(dy.Schema):
    """People before and after each step. Not for release: `mart.attrition` is."""

    study_id = text("Study", key=True)
    arm_code = text("Arm", key=True)
    step_number = whole("Order of the step; 0 is everybody", key=True, minimum=0)
    criterion_code = text("Rule")
    label = text("What the rule asks, in plain words")
    n_before = whole("People before the step", "{persons}", minimum=0)
    n_after = whole("People after the step", "{persons}", minimum=0)
    share_left = number("People after the step as a share of everybody", "1", optional=True, minimum=0, maximum=1)


@table("cohort.measurement_count", grain="one row per cycle, measurement and sex", unit="population")
class MeasurementCount(dy.Schema):
    """How many people have which measurement. Not for release: `mart.measurement_count` is."""

    cycle_label = text("Survey cycle in years", key=True)
    measurement = text("Measurement or pair of measurements", key=True)
    sex_code = text("Sex, or all", key=True)
    n = whole("People", "{persons}", minimum=0)


@table("cohort.sig_count", grain="one row per source, language, outcome and reason", unit="population")
class SigCount(dy.Schema):
    """How prescription instructions were read. Not for release: `mart.sig_coverage` is."""

    source_id = text("Source system of the rows", key=True)
    language = text("Language of the instruction, or unknown", key=True)
    outcome = text(
        "What became of the instruction",
        key=True,
        allowed=("read", "read_with_doubt", "no_strength", "blank", "refused", "no_instruction"),
    )
    reason = text("Gravest reason for doubt, or none", key=True)
    n_sigs = whole("Distinct instructions, with drug and strength", minimum=0)
    n_rows = whole("Prescription rows", minimum=1)
    n_people = whole("People with such a row", "{persons}", minimum=1)
