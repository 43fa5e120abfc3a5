"""Contracts of `features` about the body beside bone and sex steroids: markers of blood, measures, genotype, what was looked at.

Not here: symptoms and questionnaires (`features_symptom`), lipids and sugar, the pituitary axis (`features_system`).
"""

import dataframely as dy

from pipelines.tables.columns import day, flag, number, person_id, text, whole
from pipelines.tables.contract import table

YES_NO = ("yes", "no")
SYSTEMS = (
    "inflammation",
    "growth",
    "thyroid",
    "kidney",
    "mineral",
    "pituitary",
    "adrenal",
    "heart",
    "sugar",
    "lipids",
    "bone_signal",
)


def _day_key(meaning: str) -> dy.Date:
    return dy.Date(primary_key=True, nullable=False, description=meaning)


@table(
    "features.marker",
    grain="one row per person, day and marker",
    window="the day",
    source="ref.marker and ref.marker_band, each row with its source",
)
class Marker(dy.Schema):
    """Blood markers of a day with the band they fall into, by `ref.marker` and `ref.marker_band`; results as bounds."""

    person_id = person_id()
    drawn_on = _day_key("Day of the draw")
    marker_code = text("Marker", key=True)
    system_code = text("System it tells of", allowed=SYSTEMS, formula="system of the marker in ref.marker")
    unit_code = text("Unit of the values", formula="canonical unit of the analyte; mL/min/{1.73_m2} for eGFR")
    value_lo = number(
        "Lower bound, mean of the day",
        minimum=0,
        formula="mean of the day, 0 below a limit; eGFR: CKD-EPI 2021; sRANKL over OPG where both are measured",
    )
    value_hi = number(
        "Upper bound; NULL above a limit",
        optional=True,
        minimum=0,
        formula="mean of the day's results, the limit where below it",
        null="a result above a limit",
    )
    log_value = number(
        "ln of the value; NULL unless measured",
        optional=True,
        formula="ln(value)",
        null="a result beyond a limit, or 0",
    )
    band_code = text(
        "Band that both bounds lie in; NULL without bands for the sex, or where a morning draw is needed and not known",
        optional=True,
        formula="band of ref.marker_band for the sex that holds both bounds",
        null="bounds in two bands, no bands, or a morning marker not known to be drawn in the morning",
    )
    is_set_aside = flag(
        "The band speaks of another disease; the person or value is set aside",
        optional=True,
        formula="the band is listed as a sign of another disease",
        null="band_code is NULL",
    )
    is_on_drug = flag(
        "A drug that changes the marker is at hand on the day; NULL where none is listed",
        optional=True,
        formula="an episode of the marker's confounding class covers the day",
        null="no class is listed for the marker",
    )


@table("features.body_measure", grain="one row per person and day", window="the day", source="House rule")
class BodyMeasure(dy.Schema):
    """Weight, body composition and blood pressure of a day, means of its readings, and change since before the inhibitor."""

    person_id = person_id()
    measured_on = _day_key("Day")
    weight_kg = number(
        "Weight", "kg", optional=True, minimum=0, formula="mean of the day's weights", null="not measured that day"
    )
    height_cm = number(
        "Height, the last known by the day",
        "cm",
        optional=True,
        minimum=0,
        formula="last height measured by the day",
        null="no height by the day",
        window="all days up to the day",
    )
    body_mass_index = number(
        "Body mass index: as given, else from weight and height",
        "kg/m2",
        optional=True,
        minimum=0,
        formula="as recorded that day, else weight / (height / 100)^2",
        null="neither recorded, nor weight with a height",
        window="the day; height up to it",
        source="WHO 2000 (body mass index)",
    )
    waist_cm = number(
        "Waist", "cm", optional=True, minimum=0, formula="mean of the day's readings", null="not measured that day"
    )
    fat_pct = number(
        "Share of fat",
        "%",
        optional=True,
        minimum=0,
        maximum=100,
        formula="mean of the day's readings",
        null="not measured that day",
    )
    lean_kg = number(
        "Lean mass", "kg", optional=True, minimum=0, formula="mean of the day's readings", null="not measured that day"
    )
    visceral_fat_cm2 = number(
        "Visceral fat",
        "cm2",
        optional=True,
        minimum=0,
        formula="mean of the day's readings",
        null="not measured that day",
    )
    systolic_mm_hg = number(
        "Systolic pressure",
        "mm[Hg]",
        optional=True,
        minimum=0,
        formula="mean of the day's readings",
        null="not measured that day",
    )
    diastolic_mm_hg = number(
        "Diastolic pressure",
        "mm[Hg]",
        optional=True,
        minimum=0,
        formula="mean of the day's readings",
        null="not measured that day",
    )
    n_systolic = whole("Systolic readings of the day", minimum=0, formula="count of the day's systolic readings")
    pressure_code = text(
        "Category of the two means (ACC and AHA 2017)",
        optional=True,
        allowed=("normal", "elevated", "stage_1", "stage_2"),
        formula="stage_2 from 140 or 90, stage_1 from 130 or 80, elevated from 120, else normal",
        null="either pressure is NULL",
        source="ACC and AHA 2017",
    )
    is_on_antihypertensive = flag(
        "A drug that lowers blood pressure is at hand on the day",
        formula="an episode of an antihypertensive class covers the day",
    )
    days_since_inhibitor_start = whole(
        "Days since the first supply of an inhibitor; negative before",
        "d",
        optional=True,
        formula="day - day of the first supply of an aromatase inhibitor",
        null="no inhibitor ever",
        window="from the first supply",
    )
    weight_change_pct = number(
        "Change of weight since before the first supply",
        "%",
        optional=True,
        formula="100 (weight / last weight before - 1)",
        null="no weight, day not after the first supply, or no weight before",
        window="baseline: 365 days up to the first supply, its day included",
    )
    fat_change = number(
        "Change of the share of fat since before the first supply, points",
        "%",
        optional=True,
        formula="fat_pct - last before",
        null="no value, day not after the first supply, or no value before",
        window="baseline: 365 days up to the first supply, its day included",
    )
    lean_change_kg = number(
        "Change of lean mass since before the first supply",
        "kg",
        optional=True,
        formula="lean_kg - last before",
        null="no value, day not after the first supply, or no value before",
        window="baseline: 365 days up to the first supply, its day included",
    )
    visceral_fat_change_cm2 = number(
        "Change of visceral fat since before the first supply",
        "cm2",
        optional=True,
        formula="visceral_fat_cm2 - last before",
        null="no value, day not after the first supply, or no value before",
        window="baseline: 365 days up to the first supply, its day included",
    )
    systolic_change_mm_hg = number(
        "Change of systolic pressure since before the first supply",
        "mm[Hg]",
        optional=True,
        formula="systolic_mm_hg - last before",
        null="no value, day not after the first supply, or no value before",
        window="baseline: 365 days up to the first supply, its day included",
    )
    weight_gain_kg = number(
        "Weight above the lowest of the 90 days before",
        "kg",
        optional=True,
        formula="weight - lowest weight of the days before",
        null="no weight, or none in the 90 days before",
        window="90 days before the day",
    )


@table(
    "features.genotype",
    grain="one row per person with a genotype",
    window="all records",
    source="dbSNP identifiers of CYP19A1 (OMIM 107910)",
)
class Genotype(dy.Schema):
    """CYP19A1 as told: alleles counted; NULL where two records disagree."""

    person_id = person_id()
    rs700518_a = whole(
        "A alleles of rs700518",
        "{alleles}",
        optional=True,
        minimum=0,
        maximum=2,
        formula="alleles as recorded",
        null="not typed, or two records disagree",
    )
    rs4646_t = whole(
        "T alleles of rs4646",
        "{alleles}",
        optional=True,
        minimum=0,
        maximum=2,
        formula="alleles as recorded",
        null="not typed, or two records disagree",
    )
    rs10046_t = whole(
        "T alleles of rs10046",
        "{alleles}",
        optional=True,
        minimum=0,
        maximum=2,
        formula="alleles as recorded",
        null="not typed, or two records disagree",
    )
    ttta_shorter = whole(
        "(TTTA)n, repeats of the shorter allele",
        "{repeats}",
        optional=True,
        minimum=0,
        formula="repeats as recorded",
        null="not typed, or two records disagree",
    )
    ttta_longer = whole(
        "(TTTA)n, repeats of the longer allele",
        "{repeats}",
        optional=True,
        minimum=0,
        formula="repeats as recorded",
        null="not typed, or two records disagree",
    )
    ttta_long = whole(
        "(TTTA)n, alleles of ten repeats or more",
        "{alleles}",
        optional=True,
        minimum=0,
        maximum=2,
        formula="alleles with repeats of at least ten (ref.clinical_limit)",
        null="either allele is NULL",
    )
    is_conflicting = flag("Two records of one variant disagree", formula="two records of one variant differ")


@table(
    "features.bone_diagnosis",
    grain="one row per person and diagnosis",
    window="all records",
    source="WHO 1994 (T-scores); phenotypes osteopenia and osteoporosis of ref.phenotype (codes)",
)
class BoneDiagnosis(dy.Schema):
    """Osteopenia and osteoporosis by code and by T-score side by side: two definitions that often disagree."""

    person_id = person_id()
    diagnosis_code = text("Diagnosis", key=True, allowed=("osteopenia", "osteoporosis"))
    coded_on = day("First day it was coded; NULL if never", optional=True)
    measured_on = day("First scan with a T-score that low at any site; NULL if none", optional=True)
    first_scored_on = day("First scan with a T-score; NULL if none", optional=True)
    code_lag_days = whole(
        "Days from the scan to the code; negative where the code was first",
        "d",
        optional=True,
        formula="first coded day - first scan that low",
        null="coded or measured alone",
    )
    is_incident_by_scan = flag(
        "An earlier scan was better; false where the first was that low; NULL without",
        optional=True,
        formula="first scan that low comes after the first scan with a T-score",
        null="never that low",
    )
    is_incident_by_code = flag(
        "At least a year under observation before the first code; NULL without a code",
        optional=True,
        formula="first coded day - first day of observation >= 365",
        null="never coded, or observation not known",
    )


@table(
    "features.baseline_workup",
    grain="one row per person with an aromatase inhibitor",
    window="180 days up to the first supply of an inhibitor, its day included",
    source="House rule (ref.clinical_limit)",
)
class BaselineWorkup(dy.Schema):
    """What was looked at in the 180 days before the first supply of an inhibitor, its day included, and why it may be given."""

    person_id = person_id()
    started_on = day("Day of the first supply")
    is_observed = flag(
        "Under observation for all of the 180 days; NULL where the start is not known",
        optional=True,
        formula="observation began at least 180 days before the start",
        null="no observation period, so that the start is not known",
    )
    has_testosterone = flag("Testosterone was drawn", formula="at least one result")
    has_estradiol = flag("Estradiol was drawn", formula="at least one result")
    has_bone_scan = flag("A valid scan of bone density", formula="at least one valid measured scan")
    has_vitamin_d = flag("25-hydroxyvitamin D was drawn", formula="at least one result")
    has_lipids = flag("A lipid was drawn", formula="at least one result of a lipid")
    completeness_pct = number(
        "Share of testosterone, estradiol and bone scan",
        "%",
        minimum=0,
        maximum=100,
        formula="100 (has_testosterone + has_estradiol + has_bone_scan) / 3",
    )
    indication_code = text(
        "What known by the day speaks for a reason, the first that holds",
        allowed=(
            "breast_cancer",
            "gynecomastia",
            "infertility",
            "testosterone_therapy",
            "hypogonadism",
            "none_recorded",
        ),
        formula="first that holds: C50, D05 or Z85.3; N62; N46 or N97; testosterone at hand; E29.1 or E23.0",
        window="all days up to the first supply",
        source="ICD-10-CM",
    )


@table("ref.marker", grain="one row per marker", unit="population")
class MarkerList(dy.Schema):
    """Markers of blood, the analyte behind them, and what disturbs them."""

    marker_code = text("Marker", key=True)
    analyte_code = text("Analyte it is, or is computed from")
    system_code = text("System it tells of", allowed=SYSTEMS)
    confounding_class = text("Class of drugs that changes it", optional=True)
    morning_only = text("Whether bands hold in the morning only", allowed=YES_NO)
    source = text("Publication or house rule")


@table("ref.marker_band", grain="one row per marker, sex and band", unit="population")
class MarkerBand(dy.Schema):
    """Bands of markers. Words to tell levels in; not what is right for a person."""

    marker_code = text("Marker", key=True)
    sex_code = text("Sex", key=True, allowed=("any", "female", "male"))
    band_code = text("Band", key=True)
    from_value = number("From, included", minimum=0)
    below_value = number("Below; NULL: no end", optional=True, minimum=0)
    sets_aside = text("Whether it speaks of another disease", allowed=YES_NO)
    source = text("Publication or house rule")
