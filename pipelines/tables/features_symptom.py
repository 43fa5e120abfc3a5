"""Contracts of `features` about what people feel: episodes of symptoms, questionnaires and functional tests.

Diagnoses, drugs that may stand for a symptom, and weight are kept apart by `basis_code`, never added up.
"""

import dataframely as dy

from pipelines.tables.columns import day, flag, number, person_id, text, whole
from pipelines.tables.contract import table

SYSTEMS = (
    "joint",
    "fatigue",
    "mood",
    "irritability",
    "cognition",
    "sleep",
    "libido",
    "erectile",
    "vaginal",
    "vasomotor",
    "gynecomastia",
    "fluid",
    "breast",
    "connective_tissue",
    "fertility",
    "hair",
)
BASES = ("diagnosis", "drug_start", "weight_gain")


@table(
    "features.symptom_episode",
    grain="one row per person, system, basis and episode",
    window="the episode: records at most 365 days apart",
    source="ref.symptom_system, ref.symptom_proxy, ref.symptom_code; house rule",
)
class SymptomEpisode(dy.Schema):
    """Episodes of symptoms: records of one system and basis, a new one after a year without any."""

    person_id = person_id()
    system_code = text("System", key=True, allowed=SYSTEMS)
    basis_code = text("What it rests on", key=True, allowed=BASES)
    episode_number = whole("Order of the episode", key=True, minimum=1)
    starts_on = day("Day of the first record")
    last_on = day("Day of the last record")
    n_records = whole("Days with a record", minimum=1, formula="days with a record")
    lookback_days = whole(
        "Days since observation first began; NULL where that is not known",
        "d",
        optional=True,
        minimum=0,
        formula="first day - first day of observation",
        null="observation not known, or it began later",
        window="all days before",
    )
    is_incident = flag(
        "At least a year since observation began, without a record in the year before",
        optional=True,
        formula="first day - first day of observation >= 365",
        null="observation not known",
        window="365 days before",
    )
    is_on_inhibitor = flag(
        "Aromatase inhibitor at hand on the first day",
        formula="an episode of the drug covers the first day",
        window="the first day",
    )
    is_on_testosterone = flag(
        "Testosterone at hand on the first day",
        formula="an episode of the drug covers the first day",
        window="the first day",
    )
    days_since_inhibitor_start = whole(
        "Days since the first supply of an inhibitor; negative before",
        "d",
        optional=True,
        formula="first day - first supply of an inhibitor",
        null="no inhibitor ever",
        window="from the first supply",
    )
    days_since_e2 = whole(
        "Days since the last estradiol draw before the first day",
        "d",
        optional=True,
        minimum=1,
        formula="first day - last estradiol draw before",
        null="none in the 180 days before",
        window="180 days before the first day",
    )
    e2_band_code = text(
        "Band of that draw (ref.e2_band)",
        optional=True,
        formula="band of that draw, one for all its specimens (ref.e2_band)",
        null="no such draw, or no band",
        window="180 days before the first day",
    )


@table(
    "features.assessment",
    grain="one row per person, day and assessment",
    window="the day",
    source="ref.assessment, each row with its source",
)
class AssessmentResult(dy.Schema):
    """Questionnaires and functional tests of a day, against a cut-off and against before the inhibitor, beside estradiol."""

    person_id = person_id()
    observed_on = dy.Date(primary_key=True, nullable=False, description="Day")
    observation_code = text("Questionnaire or test", key=True)
    system_code = text("System it tells of", formula="system of the questionnaire in ref.assessment")
    value = number("Mean of the day", formula="mean of the day")
    unit_code = text("Unit", optional=True, formula="unit as staged", null="without a unit")
    is_beyond = flag(
        "Beyond the cut-off (ref.assessment); NULL without one",
        optional=True,
        formula="value beyond the cut-off for the sex, or at it where that counts",
        null="no cut-off",
    )
    days_since_inhibitor_start = whole(
        "Days since the first supply of an inhibitor; negative before",
        "d",
        optional=True,
        formula="day - first supply of an inhibitor",
        null="no inhibitor ever",
        window="from the first supply",
    )
    change = number(
        "Change since the last value before the first supply",
        optional=True,
        formula="value - last value before",
        null="day not after the first supply, or no value before",
        window="baseline: 365 days up to the first supply, its day included",
    )
    is_real_change = flag(
        "Worse by at least what people notice; NULL where that is not known",
        optional=True,
        formula="change towards worse >= real_change of ref.assessment",
        null="change is NULL, or no such limit",
        window="baseline: 365 days up to the first supply, its day included",
    )
    days_since_e2 = whole(
        "Days since the last estradiol draw, at most 90",
        "d",
        optional=True,
        minimum=0,
        formula="day - last estradiol draw",
        null="none in the 90 days",
        window="90 days up to the day",
    )
    e2_band_code = text(
        "Band of that draw (ref.e2_band)",
        optional=True,
        formula="band of that draw, one for all its specimens (ref.e2_band)",
        null="no such draw, or no band",
        window="90 days up to the day",
    )
    discordance_code = text(
        "Symptoms against estradiol in or outside the band `target`; NULL where either is not known",
        optional=True,
        allowed=("symptoms_in_target", "symptoms_outside_target", "none_in_target", "none_outside_target"),
        formula="is_beyond against the band `target`",
        null="another system, or is_beyond or the band is NULL",
        window="90 days up to the day",
    )


@table("ref.symptom_system", grain="one row per symptom", unit="population")
class SymptomSystem(dy.Schema):
    """Which system a coded symptom belongs to."""

    symptom_code = text("Symptom, as in ref.symptom_code", key=True)
    system_code = text("System", allowed=SYSTEMS)


@table("ref.symptom_proxy", grain="one row per system, class, ingredient and route", unit="population")
class SymptomProxy(dy.Schema):
    """Drugs whose first supply may stand for a symptom; `*` is any."""

    system_code = text("System", key=True, allowed=SYSTEMS)
    drug_class = text("Class", key=True)
    ingredient = text("Ingredient, or *", key=True)
    route_code = text("Route, or *", key=True)
    sex_code = text("Sex", allowed=("any", "female", "male"))
    source = text("What else it may mean")


@table("ref.assessment", grain="one row per questionnaire or test", unit="population")
class Assessment(dy.Schema):
    """Questionnaires and functional tests: which way is worse, cut-offs, and what change people notice."""

    observation_code = text("Questionnaire or test", key=True)
    system_code = text("System")
    worse_code = text("Which way is worse", allowed=("higher", "lower"))
    threshold_men = number("Cut-off in men", optional=True)
    threshold_women = number("Cut-off in women", optional=True)
    threshold_included = text(
        "Whether the cut-off itself counts as beyond; NULL without one", optional=True, allowed=("yes", "no")
    )
    real_change = number("Least change that people notice", optional=True, minimum=0)
    source = text("Publication or house rule")
