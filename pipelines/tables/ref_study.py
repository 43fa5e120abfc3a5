"""Contracts of `ref` for studies: their files as rows that SQL can join, and the diagnoses that rules may name.

What the rules mean stands in `pipelines.trials.rule` and `sql/cohort`.
"""

import dataframely as dy

from pipelines.tables.columns import flag, number, text, whole
from pipelines.tables.contract import table


@table("ref.study", grain="one row per study", unit="population")
class Study(dy.Schema):
    """Studies asked for, from their TOML files."""

    study_id = text("Study", key=True)
    title = text("What it asks")
    design = text("Design profile")
    minimum_age_years = number("Lowest age at time zero", "a")
    arm_rule = text(
        "How people fall into arms or strata; cohort: by ref.study_arm; trials: as in the studies that it names",
        allowed=("sex", "sex_and_menopause", "cohort", "trials"),
    )
    protocol_hash = text("Hash of the study file")


@table("ref.study_cycle", grain="one row per study and survey cycle", unit="population")
class StudyCycle(dy.Schema):
    """Survey cycles a study uses; a survey study that names none uses every cycle with its data."""

    study_id = text("Study", key=True)
    cycle_label = text("Survey cycle in years", key=True)


@table("ref.study_cohort", grain="one row per study and cohort", unit="population")
class StudyCohort(dy.Schema):
    """Cohorts of clinical studies: what opens a time zero, and how long is followed."""

    study_id = text("Study", key=True)
    cohort_code = text("Cohort of the study", key=True)
    title = text("Who is followed from when, in plain words")
    time_zero_code = text(
        "Rule that opens a time zero", allowed=("new_use", "procedure", "lab_draw", "scan", "use_reached")
    )
    set_code = text("Events that open it")
    is_first = flag("Only the first time zero of a person, eligible or not")
    is_first_eligible = flag("Only the first time zero at which a person is eligible")
    minimum = number("Value of the event, least", optional=True)
    maximum = number("Value of the event, most", optional=True)
    free_days = whole("Days without such an event before it", "d", optional=True, minimum=0)
    after_days = whole("Days from the start of use to time zero", "d", optional=True, minimum=1)
    follow_up_from_days = whole("Day after time zero from which outcomes count", "d", minimum=0)
    follow_up_days = whole("Days followed at most", "d", minimum=1)
    grace_days = whole(
        "Days within which a strategy may be begun; NULL: arms are told at time zero", "d", optional=True
    )
    grace_before_days = whole("Days before time zero on which a strategy may have been begun", "d", minimum=0)


@table("ref.study_criterion", grain="one row per study, cohort and eligibility step", unit="population")
class StudyCriterion(dy.Schema):
    """Eligibility rules with their parameters, in the order in which people are counted out."""

    study_id = text("Study", key=True)
    cohort_code = text("Cohort of the study; survey where it is a survey", key=True)
    step_number = whole("Order of the step, from 1", key=True, minimum=1)
    criterion_code = text("Named rule of cohort.criterion")
    label = text("What the rule asks, in plain words")
    set_code = text("Events it asks for", optional=True)
    look_back_days = whole("Days before time zero it looks at; NULL: all of them", "d", optional=True, minimum=0)
    except_last_days = whole("Of these, the last days it leaves out", "d", optional=True, minimum=0)
    minimum = number("Least age, value, share, or days", optional=True)
    maximum = number("Most", optional=True)
    gap_days = whole("Days without stock that count as use", "d", optional=True, minimum=0)
    word = text("Sex or menopausal status", optional=True)


@table("ref.study_arm", grain="one row per study, cohort and arm", unit="population")
class StudyArm(dy.Schema):
    """Arms of cohorts: told at time zero, or strategies that a grace period leaves open."""

    study_id = text("Study", key=True)
    cohort_code = text("Cohort of the study", key=True)
    arm_number = whole("Order of the arm in the file", key=True, minimum=1)
    arm_code = text("Arm")
    label = text("The arm in plain words")
    rule_code = text("How it is told", allowed=("starts", "starts_none", "dose", "everybody", "stops", "continues"))
    set_code = text("Drugs it asks for", optional=True)
    above = number("Weekly dose above this", "mg/wk", optional=True)
    up_to = number("Weekly dose up to this", "mg/wk", optional=True)
    gap_days = whole("Days without stock that count as a stop", "d", optional=True, minimum=0)


@table("ref.study_censor", grain="one row per study, cohort and reason", unit="population")
class StudyCensor(dy.Schema):
    """What after time zero ends follow-up."""

    study_id = text("Study", key=True)
    cohort_code = text("Cohort of the study", key=True)
    reason_code = text("Why follow-up ends", key=True)
    rule_code = text(
        "The first such event, a stop or a beginning of such drugs, or a change of their dose",
        allowed=("event", "stops", "begins", "dose_changes"),
    )
    set_code = text("Events that end it, or drugs whose stop, beginning or change of dose does")
    gap_days = whole("Days without stock that count as a stop", "d", optional=True, minimum=0)
    arm_code = text("Strategy from which it deviates; NULL: every one, or it is no deviation", optional=True)
    share = number("Change of the weekly dose above which it counts, as a share of the dose before", "1", optional=True)
    is_deviation = flag("A deviation from a protocol, counted from the day after the grace period")


@table("ref.study_contrast", grain="one row per study and contrast", unit="population")
class StudyContrast(dy.Schema):
    """Contrasts of two arms of a cohort in one outcome at one horizon; then doses and policies; then negative controls."""

    study_id = text("Study", key=True)
    contrast_number = whole("Order of the contrast in the file", key=True, minimum=1)
    cohort_code = text("Cohort of the study")
    target_code = text("Arm whose effect it is; any where doses are asked for")
    comparator_code = text("Arm, or category of dose, it is held against")
    outcome_code = text("Outcome (ref.continuous_outcome)")
    horizon_days = whole("Days from time zero to the outcome", "d", minimum=1)
    window_days = whole("Days around them in which a reading counts", "d", minimum=0)
    is_cloned = flag("Everybody is kept, whatever the arm: cloned into both, or followed by the dose taken later")


@table("ref.continuous_outcome", grain="one row per outcome", unit="population")
class ContinuousOutcome(dy.Schema):
    """Measured outcomes of contrasts and negative controls: what is read, and on which scale it changes."""

    outcome_code = text("Outcome", key=True)
    kind_code = text("What it is read from", allowed=("dxa", "lab", "body", "metabolic"))
    subject_code = text("Skeletal site, analyte, or column of features.body_measure or features.lipid_metabolic")
    scale_code = text(
        "change_pct: 100 times the difference of logs; log_ratio: the difference of logs; difference: of the values",
        allowed=("change_pct", "log_ratio", "difference"),
    )
    baseline_days = whole("Days up to time zero in which a baseline counts", "d", minimum=0)
    detectable_difference = number(
        "Largest difference that may go undetected, on the scale; NULL of a negative control", optional=True, minimum=0
    )
    source = text("Where that difference comes from")


@table("ref.study_set", grain="one row per set of events and code", unit="population")
class StudySet(dy.Schema):
    """Sets of dated events that the studies ask for. A drug code is an ingredient or a class."""

    set_code = text("Set: its kind and codes", key=True)
    kind_code = text("Kind of event", allowed=("drug", "condition", "procedure", "observation", "analyte", "site"))
    code = text("Code that belongs to the set", key=True)


@table("ref.study_covariate", grain="one row per study and covariate", unit="population")
class StudyCovariate(dy.Schema):
    """Covariates of a study, as known at time zero."""

    study_id = text("Study", key=True)
    covariate_code = text("Covariate", key=True)


@table("ref.study_outcome", grain="one row per study and outcome", unit="population")
class StudyOutcome(dy.Schema):
    """Outcomes of a study."""

    study_id = text("Study", key=True)
    outcome_code = text("Outcome", key=True)
    is_primary = flag("Primary outcome")


@table("ref.condition_set", grain="one row per set, vocabulary and code", unit="population")
class ConditionSet(dy.Schema):
    """Diagnoses that eligibility may name; an ICD code stands for itself and all below it. Outcomes have lists of their own."""

    condition_set = text("Set of diagnoses", key=True)
    vocabulary_code = text("Code system", key=True, allowed=("icd10cm", "icd9cm", "snomed"))
    code = text("Code, or the beginning of it", key=True)
    source = text("Code system and title")
