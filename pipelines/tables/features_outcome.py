"""Contracts of `features` about outcomes and covariates: clinical events, outcomes by study, what was known at time zero.

Code lists stand in `ref_phenotype`; what is measured (estradiol, bone density) in the other modules of this layer.
"""

import dataframely as dy

from pipelines.tables.columns import day, flag, number, person_id, text, whole
from pipelines.tables.contract import table

CERTAINTIES = ("definite", "possible", "elsewhere", "history")


@table(
    "features.clinical_event",
    grain="one row per person, phenotype and day with a record",
    window="the day of the record",
    source="ref.phenotype and ref.phenotype_code, each row with its source",
)
class ClinicalEvent(dy.Schema):
    """Records of every phenotype and negative control, whether they meet its rules, and which of them begin a new event."""

    person_id = person_id()
    phenotype_code = text("Phenotype", key=True)
    event_on = dy.Date(primary_key=True, nullable=False, description="Day of the record")
    certainty_code = text(
        "definite: all rules met; possible: met if what is not told were right; elsewhere: right code, wrong setting or "
        "position; history: past or aftercare. The best of the day",
        allowed=CERTAINTIES,
        formula="best rank of the day's records by code, setting and position",
    )
    is_new_event = flag(
        "First definite record of an episode that no record of the past opened",
        formula="first definite record of an episode; records closer than episode_days are one episode",
        window="the episode (ref.phenotype.episode_days)",
    )
    is_possible_event = flag(
        "The same, with possible records counted",
        formula="first definite or possible record of an episode",
        window="the episode (ref.phenotype.episode_days)",
    )
    days_since_previous = whole(
        "Days since the record before",
        "d",
        optional=True,
        minimum=1,
        formula="day - day of the record before",
        null="first record of the phenotype",
        window="all days before",
    )
    n_records = whole("Records of the day", minimum=1, formula="count of the day's records")


@table(
    "features.covariate",
    grain="one row per study, person, time zero and covariate",
    window="window_days of ref.covariate up to time zero; drugs and visits before it",
    source="ref.covariate; docs/methods/cohorts.md",
)
class Covariate(dy.Schema):
    """Covariates as known at time zero; NULL is missing, and is counted with its reason."""

    study_id = text("Study", key=True)
    person_id = person_id()
    trial_number = whole("Order of the time zero, as in cohort.trial_person", key=True, minimum=1)
    covariate_code = text("Covariate", key=True)
    value = number(
        "Value, or answer code; presence is 0 or 1",
        optional=True,
        formula="by kind of ref.covariate: last result, presence (1 or 0), count, score or days",
        null="missing_reason tells why",
    )
    is_missing = flag("No value", formula="value is NULL")
    missing_reason = text(
        "Why there is none: not recorded within the window, last result beyond a limit of the assay, nobody looked "
        "(not under observation), does not apply, or no such covariate in ref.covariate",
        optional=True,
        allowed=("not_recorded", "censored", "not_observed", "not_applicable", "not_defined"),
        formula="first reason that holds",
        null="there is a value",
    )


@table(
    "features.outcome_value",
    grain="one row per study, contrast, person and time zero",
    window="baseline_days of ref.continuous_outcome up to time zero; window_days of the contrast around its horizon",
    source="ref.study_contrast and ref.continuous_outcome; docs/methods/point_treatment.md",
)
class OutcomeValue(dy.Schema):
    """Measured outcomes at the horizon of each contrast, against a baseline of the same series; NULL where not measured."""

    study_id = text("Study", key=True)
    contrast_number = whole("Order of the contrast in the study file", key=True, minimum=1)
    person_id = person_id()
    trial_number = whole("Order of the time zero, as in cohort.trial_person", key=True, minimum=1)
    is_target = flag(
        "In the target arm, else in the comparator", formula="arm, or strategy begun in the grace period, is the target"
    )
    strategy_code = text(
        "Strategy seen to be begun in the grace period, for cloning",
        optional=True,
        formula="strategy_code of cohort.trial_person, in contrasts by clones",
        null="no contrast by clones; ended undecided; or two were begun on one day",
    )
    strategy_days = whole(
        "Days from time zero to its beginning; below 0 where it may begin before",
        "d",
        optional=True,
        formula="strategy_on - time zero",
        null="no contrast by clones, or nothing was begun",
    )
    followed_days = whole(
        "Days from time zero to the end of follow-up",
        "d",
        formula="end_on - time zero",
        optional=True,
        null="follow-up has no recorded end",
    )
    index_on = day("Time zero")
    baseline_on = day("Day of the baseline: the last reading up to time zero of the series of the outcome")
    baseline_value = number(
        "Baseline, in the unit of the reading (g/cm2; canonical unit of the analyte; mm[Hg])",
        minimum=0,
        formula="last reading of the series up to time zero; mean of a day's readings",
    )
    is_followed = flag(
        "Alive and under observation when the window opens", formula="end_on >= time zero + horizon - window"
    )
    is_dead = flag("Died before the window opened", formula="follow-up ended by death before the window")
    is_deviated = flag(
        "Deviated from the protocol before the window opened",
        formula="follow-up ended by a deviation of ref.study_censor before the window",
    )
    outcome_on = day("Day of the reading nearest to the horizon", optional=True)
    outcome_days = whole(
        "Days from time zero to it",
        "d",
        optional=True,
        minimum=1,
        formula="outcome_on - time zero",
        null="no reading of the series in the window",
    )
    is_censored = flag("Outcome or baseline beyond a limit of the assay", formula="either reading is censored")
    outcome_value = number(
        "That reading, in the unit of the baseline",
        optional=True,
        minimum=0,
        formula="reading nearest to the horizon; mean of a day's readings",
        null="no reading of the series in the window, or a censored one",
    )
    change = number(
        "Change since the baseline, on the scale of the outcome",
        optional=True,
        formula="change_pct: 100 x ln(outcome / baseline); log_ratio: ln(outcome / baseline); difference: outcome - baseline",
        null="no reading of the series in the window, or a censored one",
    )


@table(
    "features.bmd_by_year",
    grain="one row per study, contrast, person, time zero and year",
    window="baseline_days of ref.continuous_outcome up to time zero; window_days of the contrast, at most 182, around the year",
    source="ref.study_contrast and ref.continuous_outcome; docs/methods/point_treatment.md",
)
class BmdByYear(dy.Schema):
    """Change of bone density at whole years before the horizon of a contrast; who was not scanned in a window has no row."""

    study_id = text("Study", key=True)
    contrast_number = whole("Order of the contrast in the study file", key=True, minimum=1)
    person_id = person_id()
    trial_number = whole("Order of the time zero, as in cohort.trial_person", key=True, minimum=1)
    year_number = whole("Years after time zero", "a", key=True, minimum=1, formula="scan_days / 365.25, rounded")
    year_days = whole("Days from time zero to the end of that year", "d", minimum=1, formula="365.25 x years, rounded")
    scan_days = whole("Days from time zero to the scan", "d", minimum=1, formula="day of the scan - time zero")
    baseline_on = day("Day of the baseline: the last scan up to time zero of the same series")
    change_pct = number(
        "Change since the baseline", "%", formula="100 x ln(BMD / baseline); scans of a day are averaged"
    )


@table(
    "features.outcome_event",
    grain="one row per study, person, time zero and outcome",
    window="from counts_from_on to the end of follow-up",
    source="ref.phenotype, each row with its source",
)
class OutcomeEvent(dy.Schema):
    """First event of each outcome after time zero, what was known before, and the end of follow-up."""

    study_id = text("Study", key=True)
    person_id = person_id()
    trial_number = whole("Order of the time zero, as in cohort.trial_person", key=True, minimum=1)
    outcome_code = text("Outcome (ref.phenotype)", key=True)
    role_code = text(
        "Role in the study", allowed=("primary", "secondary", "negative_control"), formula="as in the study file"
    )
    index_on = day("Time zero")
    is_prevalent = flag(
        "A record of it lies on or before time zero, within prevalent_days of the phenotype",
        formula="last record on or before time zero is at most prevalent_days old",
        window="prevalent_days of ref.phenotype up to time zero",
    )
    days_since_last_before = whole(
        "Days since the last record on or before time zero",
        "d",
        optional=True,
        minimum=0,
        formula="time zero - last record on or before it",
        null="no such record",
        window="all days up to time zero",
    )
    counts_from_on = day(
        "First day on which an event counts: the day after time zero, or later where the study says so"
    )
    is_early_event = flag(
        "A new event came after time zero and before that day: not at risk of a first one from then on",
        formula="a new event after time zero and before counts_from_on",
        window="after time zero, before counts_from_on",
    )
    is_event = flag("A new event from that day on and within follow-up", formula="a new event within the window")
    event_on = day("Day of that event", optional=True)
    event_days = whole(
        "Days from time zero to it", "d", optional=True, minimum=1, formula="event_on - time zero", null="no event"
    )
    is_possible_event = flag(
        "The same, with possible records counted", formula="a new definite or possible event within the window"
    )
    possible_event_on = day("Day of that event", optional=True)
    follow_up_ends_on = day("Last day of follow-up; NULL where time zero is not under observation", optional=True)
    follow_up_days = whole(
        "Days followed",
        "d",
        optional=True,
        minimum=0,
        formula="follow_up_ends_on - time zero",
        null="time zero not under observation",
        window="from time zero",
    )
    end_reason = text(
        "Why follow-up ended, whether or not the event came; censored: by the phenotype's censored_by; study_end: by the "
        "horizon or a stop of the study (cohort.trial_person)",
        allowed=("death", "observation_ended", "censored", "study_end", "not_observed"),
        formula="which of death, censoring, study end and end of observation came first",
        window="from time zero",
    )
