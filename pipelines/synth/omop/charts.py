"""People and what clinics write about them: persons, periods, visits, diagnoses, procedures, observations, deaths.

Hormones and other blood tests are in `laboratory`, scans in `densitometry`, drugs in `drugs`.
"""

import polars as pl

from pipelines.synth.mechanism.codes import OBSERVATION_UNITS, VISIT_KINDS
from pipelines.synth.mechanism.life import Lives
from pipelines.synth.omop.concepts import concept_id, concepts, conditions, procedures, standard_id
from pipelines.synth.omop.densitometry import contrast
from pipelines.synth.omop.laboratory_traps import plain_text
from pipelines.synth.omop.mess import Mess
from pipelines.synth.omop.rows import Contacts, date, instant, row_ids, visit_id
from pipelines.synth.omop.sites import CLINIC

VITALS_START, ABOUT_THE_PERSON = 600_000, 800_000
_VITALS = {
    "systolic_pressure": ("vital.sbp", 0),
    "diastolic_pressure": ("vital.dbp", 0),
    "weight": ("vital.weight", 1),
    "height": ("vital.height", 1),
    "body_mass_index": ("vital.bmi", 1),
    "waist": ("vital.waist", 0),
    "fat_percent": ("vital.fat_percent", 1),
    "lean_mass": ("vital.lean_mass", 1),
    "visceral_fat": ("vital.visceral_fat", 0),
    "reactive_hyperaemia_index": ("vital.reactive_hyperaemia_index", 2),
    "trabecular_bone_score": ("vital.trabecular_bone_score", 3),
    "steps": ("vital.steps", 0),
    "grip_strength": ("vital.grip_strength", 1),
    "nail_length": ("vital.nail_length", 1),
    "shoe_size": ("vital.shoe_size", 1),
}
_VISIT_CONCEPT = {"emergency": "visit.emergency", "inpatient": "visit.inpatient"}
_RACE = {"white": 8527, "black": 8516, "asian": 8515, "other": 0}
_CLINIC_HOUR = 9 * 60
_WEIGHT_CHANGE = 0.10
_OLDEST_TOLD = 89


def persons(lives: Lives, mess: Mess) -> pl.DataFrame:
    """person rows."""
    left = lives.people.filter(pl.col("exit_reason") == "disenrolled")["person"]
    mess.plant("disenrolled", left, left)
    old = lives.people.filter(date("exit_day").dt.year() - pl.col("birth_year") > _OLDEST_TOLD)["person"]
    mess.plant("age_over_89", old, old)
    is_male = pl.col("sex") == "male"
    hispanic = pl.when("is_hispanic")
    return lives.people.select(
        person_id="person",
        gender_concept_id=pl.when(is_male).then(standard_id("gender.M")).otherwise(standard_id("gender.F")),
        year_of_birth="birth_year",
        month_of_birth="birth_month",
        race_concept_id=pl.col("race").cast(pl.String).replace_strict(_RACE, return_dtype=pl.Int64),
        ethnicity_concept_id=hispanic.then(standard_id("ethnicity.hispanic")).otherwise(
            standard_id("ethnicity.not_hispanic")
        ),
        care_site_id=pl.col("site").cast(pl.Int64) + CLINIC,
        gender_source_value=pl.when(is_male).then(pl.lit("M")).otherwise(pl.lit("F")),
        gender_source_concept_id=pl.lit(0),
        race_source_value=pl.col("race").cast(pl.String),
        race_source_concept_id=pl.lit(0),
        ethnicity_source_concept_id=pl.lit(0),
    )


def periods(lives: Lives, mess: Mess) -> pl.DataFrame:
    """observation_period rows: one a person, two where the enrolment has a gap."""
    people = lives.people.select("person", "entry_day", "exit_day")
    keys = people["person"].to_numpy()
    length = pl.col("exit_day") - pl.col("entry_day")
    gap = pl.Series(mess.happens(keys, "period_gap"))
    share = pl.Series(0.3 + 0.4 * mess.uniforms(keys, "gap begins"))
    people = people.with_columns(
        has_gap=gap & (length > 400), gap_starts=pl.col("entry_day") + (length * share).cast(pl.Int32)
    )
    split = people.filter("has_gap")
    mess.plant("period_gap", split["person"], split["person"])
    first = people.with_columns(
        number=pl.lit(1), first_day="entry_day", last_day=pl.when("has_gap").then("gap_starts").otherwise("exit_day")
    )
    second = split.with_columns(number=pl.lit(2), first_day=pl.col("gap_starts") + 90, last_day="exit_day")
    return pl.concat([first, second]).select(
        observation_period_id=pl.col("person") * 10 + pl.col("number"),
        person_id="person",
        observation_period_start_date=date("first_day"),
        observation_period_end_date=date("last_day"),
        period_type_concept_id=pl.lit(standard_id("type.enrolment")),
    )


def visits(lives: Lives) -> pl.DataFrame:
    """visit_occurrence rows."""
    kind = pl.col("kind").cast(pl.String)
    ids = {name: standard_id(_VISIT_CONCEPT.get(name, "visit.outpatient")) for name in VISIT_KINDS}
    return lives.visits.select(
        visit_occurrence_id=visit_id(),
        person_id="person",
        visit_concept_id=kind.replace_strict(ids, return_dtype=pl.Int64),
        visit_start_date=date("day"),
        visit_start_datetime=instant("day", pl.lit(_CLINIC_HOUR)),
        visit_end_date=date("end_day"),
        visit_type_concept_id=pl.lit(standard_id("type.encounter")),
        provider_id=pl.col("site").cast(pl.Int64) + CLINIC,
        care_site_id=pl.col("site").cast(pl.Int64) + CLINIC,
        visit_source_value=kind,
        visit_source_concept_id=pl.lit(0),
    )


def diagnoses(lives: Lives, contacts: Contacts) -> pl.DataFrame:
    """condition_occurrence rows: detected events, negative controls, coded symptoms.

    `condition_status_source_value` says PRIMARY, SECONDARY or HISTORY; the setting is that of the visit.
    """
    detected = pl.col("detected_day").is_not_null() & (pl.col("detected_by") != "never")
    status = (
        pl.when("is_history")
        .then(pl.lit("HISTORY"))
        .when("is_primary")
        .then(pl.lit("PRIMARY"))
        .otherwise(pl.lit("SECONDARY"))
    )
    events = lives.events.filter(detected).select(
        "person", pl.col("event").cast(pl.String), status=status, day=pl.col("detected_day")
    )
    symptoms = lives.symptoms.filter("is_coded").select(
        "person", event=pl.col("symptom").cast(pl.String), status=pl.lit("SECONDARY"), day=pl.col("day")
    )
    rows = pl.concat([events, symptoms]).sort("person", "day", "event", maintain_order=True)
    rows = rows.join(conditions(), on="event", how="left", maintain_order="left")
    rows = contacts.joined(rows.with_columns(row_id=pl.Series(row_ids(rows["person"], 0))))
    return rows.select(
        condition_occurrence_id="row_id",
        person_id="person",
        condition_concept_id="concept_id",
        condition_start_date=date("day"),
        condition_start_datetime=instant("day", pl.lit(_CLINIC_HOUR)),
        condition_type_concept_id=pl.lit(standard_id("type.encounter")),
        condition_status_concept_id=pl.lit(0),
        visit_occurrence_id="visit_occurrence_id",
        condition_source_value="source_value",
        condition_source_concept_id="source_concept_id",
        condition_status_source_value="status",
    )


def interventions(lives: Lives, contacts: Contacts, mess: Mess) -> pl.DataFrame:
    """procedure_occurrence rows, with contrast given before a scan."""
    done = lives.procedures.select(
        "person", "day", pl.col("procedure").cast(pl.String), side=pl.col("side").cast(pl.String)
    )
    before = contrast(lives, mess).select("person", "day", procedure=pl.lit("contrast_ct"), side=pl.lit("none"))
    rows = pl.concat([done, before.cast(dict(done.schema))]).sort(
        "person", "day", "procedure", "side", maintain_order=True
    )
    rows = rows.with_columns(row_id=pl.Series(row_ids(rows["person"], 0)))
    late = rows.filter(pl.col("procedure") == "contrast_ct")
    mess.plant("recent_contrast", late["row_id"], late["person"])
    rows = contacts.joined(rows.join(procedures(), on="procedure", how="left", maintain_order="left"))
    side = pl.when(pl.col("side") == "left").then(pl.lit("LT")).when(pl.col("side") == "right").then(pl.lit("RT"))
    return rows.select(
        procedure_occurrence_id="row_id",
        person_id="person",
        procedure_concept_id="concept_id",
        procedure_date=date("day"),
        procedure_type_concept_id=pl.lit(standard_id("type.encounter")),
        modifier_concept_id=pl.lit(0),
        quantity=pl.lit(1.0),
        visit_occurrence_id="visit_occurrence_id",
        procedure_source_value="source_value",
        procedure_source_concept_id="source_concept_id",
        modifier_source_value=side,
    )


def vital_signs(lives: Lives, contacts: Contacts, mess: Mess) -> pl.DataFrame:
    """measurement rows of vital signs and body measures."""
    rows = lives.observations.with_columns(row_id=row_ids(lives.observations["person"], VITALS_START))
    rows = contacts.joined(rows.filter(pl.col("observation").cast(pl.String).is_in(list(_VITALS))))
    weights = rows.filter(pl.col("observation") == "weight")
    change = weights.group_by("person", maintain_order=True).agg(
        pl.col("measured_value").max() / pl.col("measured_value").min() - 1
    )
    heavier = change.filter(pl.col("measured_value") > _WEIGHT_CHANGE)["person"]
    mess.plant("weight_change", heavier, heavier)
    name = pl.col("observation").cast(pl.String)
    keys = {observation: key for observation, (key, _) in _VITALS.items()}
    units = {observation: OBSERVATION_UNITS[observation] for observation in _VITALS}
    number = pl.col("measured_value").cast(pl.Float64)
    rounded = number
    for places in sorted({places for _, places in _VITALS.values()}):
        named = [observation for observation, (_, found) in _VITALS.items() if found == places]
        rounded = pl.when(name.is_in(named)).then(number.round(places)).otherwise(rounded)

    def ids(which: dict[str, int]) -> pl.Expr:
        return name.replace_strict(which, return_dtype=pl.Int64)

    return rows.select(
        measurement_id="row_id",
        person_id="person",
        measurement_concept_id=ids({o: standard_id(key) for o, key in keys.items()}),
        measurement_date=date("day"),
        measurement_datetime=instant("day", pl.lit(_CLINIC_HOUR)),
        measurement_type_concept_id=pl.lit(standard_id("type.ehr")),
        value_as_number=rounded,
        unit_concept_id=ids({o: standard_id(f"unit.{unit}") for o, unit in units.items()}),
        visit_occurrence_id="visit_occurrence_id",
        measurement_source_value=name.replace_strict(
            {o: f"{concepts()[key]['concept_code']}|{concepts()[key]['concept_name']}||F|" for o, key in keys.items()}
        ),
        measurement_source_concept_id=ids({o: concept_id(key) for o, key in keys.items()}),
        unit_source_value=name.replace_strict(units),
        unit_source_concept_id=ids({o: concept_id(f"unit.{unit}") for o, unit in units.items()}),
        value_source_value=plain_text(rounded),
    )
