"""What a batch of simulated people yields: the interface between the mechanism and whoever renders it as records.

Here: the frames, column by column. The code lists are in `codes`; `simulate.simulate(parameters, seed, first_person,
count)` makes a batch, and person p is the same person in whatever batch. Not here: how the values arise (the other
modules of this room), nor OMOP, vocabularies, rounding, detection limits, units other than the canonical ones, or any
mess.

Conventions. `person` is 1-based and Int64. Days are whole days since 2008-01-01 (`EPOCH`), Int32. Every frame is sorted
by person, then day, then number or code. Codes are `pl.Enum` over the tuples below. Columns whose meaning starts with
TRUTH are known to the simulator alone: they are for tests and `truth.json`, and must never be rendered as data.
"""

import datetime as dt
from dataclasses import dataclass, fields

import polars as pl

from pipelines.synth.mechanism.codes import (
    ANALYTES,
    ASSAY_CLASSES,
    BONE_SITES,
    DEATH_CAUSES,
    DETECTION,
    DRAW_REASONS,
    EVENT_CODES,
    EXIT_REASONS,
    FORMS,
    INDICATIONS,
    INGREDIENTS,
    MANUFACTURERS,
    MENOPAUSE,
    NEGATIVE_CONTROLS,
    OBSERVATIONS,
    ORDER_REASONS,
    PROCEDURES,
    PROTOCOLS,
    RACES,
    ROUTES,
    SCAN_REASONS,
    SETTINGS,
    SEXES,
    SIDES,
    SMOKING,
    STOP_REASONS,
    SYMPTOM_CODES,
    VISIT_KINDS,
)

EPOCH = dt.date(2008, 1, 1)

_DAY = pl.Int32
_PERSON = pl.Int64


def _enum(codes: tuple[str, ...]) -> pl.Enum:
    return pl.Enum(codes)


#: One row per person.
PEOPLE = {
    "person": _PERSON,  # 1-based
    "sex": _enum(SEXES),
    "birth_year": pl.Int16,
    "birth_month": pl.Int8,  # 1 to 12
    "race": _enum(RACES),
    "is_hispanic": pl.Boolean,
    "protocol": _enum(PROTOCOLS),  # what brings the person to the clinic
    "site": pl.Int16,  # clinic, 1-based; each clinic has its own laboratory and scanner history
    "entry_day": _DAY,  # first day of observation (enrolment)
    "exit_day": _DAY,  # last day of observation, at or before death
    "exit_reason": _enum(EXIT_REASONS),
    "death_day": _DAY,  # null while alive at exit
    "death_cause": _enum(DEATH_CAUSES),  # null while alive at exit
    "index_day": _DAY,  # time zero of the protocol (surgery + start, first testosterone ...); null without protocol
    "menopause": _enum(MENOPAUSE),  # at entry; "surgical" = oophorectomy
    "menopause_day": _DAY,  # last menstrual period, may lie before EPOCH (negative) or after exit; null for men
    "height_cm": pl.Float32,
    "weight_kg": pl.Float32,  # at entry
    "body_mass_index": pl.Float32,  # at entry, kg/m2
    "rs700518": pl.Int8,  # dosage of the A allele, 0 to 2
    "rs4646": pl.Int8,  # dosage of the T allele
    "rs10046": pl.Int8,  # dosage of the T allele
    "ttta_shorter": pl.Int8,  # CYP19A1 (TTTA)n: repeats of the shorter allele
    "ttta_longer": pl.Int8,  # and of the longer
    "is_genotyped": pl.Boolean,  # the dosages reached the chart
    "cancer_stage": pl.Int8,  # 1 to 4; null without breast cancer
    "surgery_day": _DAY,  # breast surgery; null without
    "is_er_positive": pl.Boolean,  # null without breast cancer
    "metastasis_day": _DAY,  # first metastasis (incident, or at diagnosis for stage 4); null without
    "had_chemotherapy": pl.Boolean,
    "smoking": _enum(SMOKING),
    "alcohol_per_week": pl.Float32,  # drinks a week
    "has_ischaemic_heart_disease": pl.Boolean,  # before index (or entry)
    "has_hypertension": pl.Boolean,  # before entry
    "has_diabetes": pl.Boolean,  # before entry
    "has_prior_fracture": pl.Boolean,  # before entry, as adult
    "has_family_osteoporosis": pl.Boolean,  # parent
    "has_prior_thrombosis": pl.Boolean,
    "frailty": pl.Float32,  # TRUTH: unmeasured confounder, standard normal
    "is_non_suppressor": pl.Boolean,  # TRUTH: estradiol does not fall on an aromatase inhibitor
    "baseline_estradiol": pl.Float32,  # TRUTH: set point, pg/mL
    "baseline_testosterone": pl.Float32,  # TRUTH: set point, ng/dL
    "adherence": pl.Float32,  # TRUTH: share of doses taken in the first year, 0 to 1
    "is_prevalent_user": pl.Boolean,  # TRUTH: treated already before entry, so the true start was not seen
}
#: One row per written prescription: a regimen that stays the same from `start_day` to `end_day`.
ORDERS = {
    "person": _PERSON,
    "order": pl.Int32,  # 1-based within person, in order of start day
    "ingredient": _enum(INGREDIENTS),
    "strength_mg": pl.Float32,  # mg per unit dispensed (tablet, capsule, pellet; mg per mL for injection)
    "form": _enum(FORMS),
    "route": _enum(ROUTES),
    "amount_per_intake": pl.Float32,  # units per intake (0.5 tablet, 0.5 mL); pellets and implants: number inserted
    "intakes_per_week": pl.Float32,  # 7 daily, 2 twice weekly, 3.5 every other day; 0.04 for yearly items
    "mg_per_week": pl.Float32,  # as written: strength x amount x intakes per week
    "is_as_needed": pl.Boolean,
    "is_compounded": pl.Boolean,  # no NDC; compounding pharmacy
    "written_day": _DAY,
    "start_day": _DAY,  # first intake, or the first fill; for prevalent users the first day of observation
    "end_day": _DAY,  # last day the regimen was in force
    "indication": _enum(INDICATIONS),
    "reason": _enum(ORDER_REASONS),
    "stop_reason": _enum(STOP_REASONS),
}
#: One row per fill of an order. Orders without rows here were never filled.
FILLS = {
    "person": _PERSON,
    "order": pl.Int32,
    "fill": pl.Int16,  # 1-based within order
    "day": _DAY,  # dispensed
    "quantity": pl.Float32,  # units (tablets, capsules, mL, pellets)
    "days_supply": pl.Int16,  # TRUE days the quantity lasts as written; the pharmacy's own field is S2's to spoil
    "mg_per_week": pl.Float32,  # TRUTH: mg a week actually taken out of this fill (adherence included)
    "is_returned": pl.Boolean,  # dispensed, then returned to stock: nothing taken
    "refills_left": pl.Int8,
}
#: One row per analyte per blood draw.
DRAWS = {
    "person": _PERSON,
    "draw": pl.Int32,  # 1-based within person; all analytes of one tube set share it
    "day": _DAY,
    "minute": pl.Int16,  # minute of the day, 0 to 1439
    "analyte": _enum(ANALYTES),  # canonical unit in ANALYTE_UNITS
    "true_value": pl.Float32,  # TRUTH, canonical unit: the person's real value at that moment
    "measured_value": pl.Float32,  # canonical unit, assay bias and noise included, before rounding and LLOQ
    "assay_class": _enum(ASSAY_CLASSES),  # lcms or immunoassay for estradiol, estrone, testosterone; else routine
    "assay_limit": pl.Float32,  # lower limit of quantitation, canonical unit; null where the assay has none that binds
    "laboratory": pl.Int16,  # 1-based
    "is_fasting": pl.Boolean,
    "days_since_injection": pl.Float32,  # since the last testosterone dose by injection; null without
    "reason": _enum(DRAW_REASONS),
}
#: One row per region per densitometry visit (repeat scans of the same day are rows of their own).
SCANS = {
    "person": _PERSON,
    "scan": pl.Int32,  # 1-based within person: one visit
    "day": _DAY,
    "site": _enum(BONE_SITES),
    "side": _enum(SIDES),  # left or right for hip and radius, else none
    "true_bmd": pl.Float32,  # TRUTH: g/cm2 on the hologic scale, without noise
    "measured_bmd": pl.Float32,  # g/cm2 on the scale of the device, with precision error, artefact and device offset
    "device": pl.Int16,  # densitometer number, 1-based; changes with the site's scanner replacement
    "manufacturer": _enum(MANUFACTURERS),
    "model": pl.Int8,  # 1 older, 2 newer model of the manufacturer
    "software": pl.Int8,  # 1, 2, 3: version of the analysis software
    "vertebrae": pl.Int8,  # vertebrae analysed at the lumbar spine, 2 to 4; null elsewhere
    "area_cm2": pl.Float32,  # bone area of the region
    "is_artefact": pl.Boolean,  # TRUTH: degenerative change raises the lumbar spine
    "reason": _enum(SCAN_REASONS),
}
#: One row per clinical event or negative control.
EVENTS = {
    "person": _PERSON,
    "event": _enum(EVENT_CODES + NEGATIVE_CONTROLS),
    "day": _DAY,  # when it truly happened
    "detected_day": _DAY,  # when it reached a record; null = never did (silent vertebral fracture)
    "detected_by": _enum(DETECTION),
    "setting": _enum(SETTINGS),
    "is_primary": pl.Boolean,  # primary diagnosis of that contact
    "is_history": pl.Boolean,  # true for conditions that predate entry, dated at the first visit
}
#: One row per symptom onset that reached a record.
SYMPTOMS = {
    "person": _PERSON,
    "symptom": _enum(SYMPTOM_CODES),
    "day": _DAY,
    "severity": pl.Int8,  # 1 mild to 3 severe
    "is_coded": pl.Boolean,  # true: a diagnosis code; false: only seen in patient-reported scores
}
#: One row per procedure.
PROCEDURE = {"person": _PERSON, "day": _DAY, "procedure": _enum(PROCEDURES), "side": _enum(SIDES)}
#: One row per vital sign, body measure or patient-reported score.
OBSERVATION = {
    "person": _PERSON,
    "day": _DAY,
    "observation": _enum(OBSERVATIONS),  # unit in OBSERVATION_UNITS
    "true_value": pl.Float32,  # TRUTH
    "measured_value": pl.Float32,
}
#: One row per contact; every draw, scan, event and observation falls on a visit day of its person.
VISITS = {
    "person": _PERSON,
    "visit": pl.Int32,  # 1-based within person
    "day": _DAY,
    "end_day": _DAY,
    "kind": _enum(VISIT_KINDS),
    "site": pl.Int16,
}
#: TRUTH: one row per person and 28-day interval with any drug of interest on board. For tests of dose recovery.
EXPOSURES = {
    "person": _PERSON,
    "start_day": _DAY,
    "end_day": _DAY,  # exclusive
    "aromatase_inhibitor": _enum(("none", "anastrozole", "letrozole", "exemestane")),
    "ai_mg_per_week": pl.Float32,  # taken
    "ai_prescribed_mg_per_week": pl.Float32,
    "ai_concentration": pl.Float32,  # ng/mL, mean over the interval
    "tamoxifen_mg_per_week": pl.Float32,
    "testosterone_mg_per_week": pl.Float32,
    "aromatase_inhibition": pl.Float32,  # 0 to 1
    "estradiol": pl.Float32,  # mean over the interval, pg/mL
    "antiresorptive": pl.Boolean,
}

SCHEMAS: dict[str, dict[str, pl.DataType | type[pl.DataType]]] = {
    "people": PEOPLE,
    "orders": ORDERS,
    "fills": FILLS,
    "draws": DRAWS,
    "scans": SCANS,
    "events": EVENTS,
    "symptoms": SYMPTOMS,
    "procedures": PROCEDURE,
    "observations": OBSERVATION,
    "visits": VISITS,
    "exposures": EXPOSURES,
}


@dataclass(frozen=True, slots=True)
class Lives:
    """The frames of one batch of people; each has exactly the columns of its schema above, in that order."""

    people: pl.DataFrame
    orders: pl.DataFrame
    fills: pl.DataFrame
    draws: pl.DataFrame
    scans: pl.DataFrame
    events: pl.DataFrame
    symptoms: pl.DataFrame
    procedures: pl.DataFrame
    observations: pl.DataFrame
    visits: pl.DataFrame
    exposures: pl.DataFrame

    def __post_init__(self) -> None:
        for field in fields(self):
            frame, schema = getattr(self, field.name), SCHEMAS[field.name]
            if dict(frame.schema) != dict(pl.Schema(schema)):
                raise ValueError(f"frame {field.name} does not have the columns of its schema")
