"""Contracts of `cohort`: who is in each study, from when, in which arm, and who left at which step.

Not here: the rules of studies as rows (`ref_study`), covariates and outcomes (`features`).
"""

import dataframely as dy

from pipelines.tables.columns import day, flag, number, person_id, text, whole
from pipelines.tables.contract import table


@table("cohort.event", grain="one row per person, set of events and day")
class Event(dy.Schema):
    """Dated events that the studies ask for: supplies, diagnoses, procedures, observations, results, scans, by set."""

    person_id = person_id()
    set_code = text("Set of events, as in ref.study_set", key=True)
    event_on = dy.Date(primary_key=True, nullable=False, description="Day of the event")
    value_lo = number("Least value of the day, in its canonical unit; weekly dose of a supply", optional=True)
    value_hi = number("Greatest value of the day; NULL without an upper bound", optional=True)
    stock_until_on = day("Day on which a supply of this day runs out, others apart", optional=True)
    use_from_on = day("First day of the use that a supply belongs to", optional=True)
    use_until_on = day("Day on which all supplies so far have run out", optional=True)


@table("cohort.time_zero", grain="one row per study, person and candidate time zero")
class TimeZero(dy.Schema):
    """Days on which a cohort could begin, eligible or not, with the arm that the day itself tells."""

    study_id = text("Study", key=True)
    person_id = person_id()
    trial_number = whole("Order of the candidate among those of the person in the study", key=True, minimum=1)
    cohort_code = text("Cohort of the study")
    index_on = day("Candidate time zero")
    arm_code = text("Arm; open where a grace period leaves it open; no_arm and more_than_one_arm are no arms")


@table("cohort.index_year", grain="one row per study, cohort and year of time zero", unit="population")
class IndexYear(dy.Schema):
    """Candidate time zeros by year, and the share of the rarest arm: years in which every arm was in use."""

    study_id = text("Study", key=True)
    cohort_code = text("Cohort of the study", key=True)
    index_year = whole("Calendar year", "a", key=True)
    n = whole("Candidate time zeros", minimum=1)
    smallest_share = number("Share of the rarest arm", "1", minimum=0, maximum=1)


@table(
    "cohort.overlap_year",
    grain="one row per study, cohort, eligibility step and year of time zero",
    unit="population",
)
class OverlapYear(dy.Schema):
    """Years that a rule on overlap lets in, since every arm was in use in them: its share is at least what the rule asks."""

    study_id = text("Study", key=True)
    cohort_code = text("Cohort of the study", key=True)
    step_number = whole("Order of the step", key=True, minimum=1)
    index_year = whole("Calendar year", "a", key=True)


@table("cohort.criterion", grain="one row per study, person, time zero and eligibility step")
class Criterion(dy.Schema):
    """Eligibility rules asked at each candidate time zero, in a cohort up to the first not met; unknown is not met."""

    study_id = text("Study", key=True)
    person_id = person_id()
    trial_number = whole("Order of the person's candidate time zeros in the study", key=True, minimum=1)
    step_number = whole("Order of the step", key=True, minimum=1)
    cohort_code = text("Cohort of the study; survey where it is a survey")
    criterion_code = text("Rule")
    group_code = text("Group in which attrition is counted", optional=True)
    is_met = flag("The rule holds at that time zero; false also where it is unknown")


@table("cohort.trial_person", grain="one row per study, person and time zero")
class TrialPerson(dy.Schema):
    """Eligible people with time zero and arm. What comes after time zero stands in end, grace and strategy columns only.

    Survey studies have one time zero, the examination, whose date is not released.
    """

    study_id = text("Study", key=True)
    person_id = person_id()
    trial_number = whole(
        "Order of the time zero among all candidate ones of the person in the study; numbers may be left out",
        key=True,
        minimum=1,
    )
    cohort_code = text("Cohort of the study; survey where it is a survey")
    arm_code = text("Arm as known at time zero; open where a grace period leaves it open; stratum of a survey study")
    index_on = day("Time zero; NULL in a survey", optional=True)
    end_on = day("Last day of follow-up", optional=True)
    end_reason = text("Why follow-up ended")
    grace_ends_on = day("Last day on which a strategy may be begun; NULL without a grace period", optional=True)
    strategy_code = text("Strategy seen to be begun by the end of grace; no eligibility, for cloning", optional=True)
    strategy_on = day("Day it was begun; NULL where it is to begin nothing", optional=True)
    cycle_label = text("Survey cycle in years", optional=True)


@table("cohort.attrition", grain="one row per study, cohort, step and arm", unit="population")
class Attrition(dy.Schema):
    """People before and after each step; one with several time zeros stays as long as one of them does.

    Not for release: `mart.attrition` is.
    """

    study_id = text("Study", key=True)
    cohort_code = text("Cohort of the study; survey where it is a survey", key=True)
    arm_code = text("Arm", key=True)
    family_code = text("What opens time zero: cohorts of one family count the same people")
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
