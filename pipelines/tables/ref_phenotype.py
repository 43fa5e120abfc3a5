"""Contracts of the code lists that define outcomes, negative controls, comorbidities and covariates.

How events are made of them is SQL in `sql/features`. Drugs and analytes stand in `ref` and `ref_lab`.
"""

import dataframely as dy

from pipelines.tables.columns import number, text, whole
from pipelines.tables.contract import table

PHENOTYPE_FAMILIES = (
    "fracture",
    "exclusion",
    "cardiovascular",
    "death",
    "metabolic",
    "bone",
    "gynaecological",
    "cancer",
    "comorbidity",
    "procedure",
    "charlson",
    "negative_control",
)
RECORD_CODES = ("diagnosis", "procedure", "drug", "cause_of_death")


@table("ref.phenotype", grain="one row per phenotype", unit="population")
class Phenotype(dy.Schema):
    """Outcomes, exclusions, negative controls and comorbidities: what a record must be to count, where the definition and
    its positive predictive value come from. Codes stand in ref.phenotype_code, parts of composed ones in ref.phenotype_part.
    """

    phenotype_code = text("Phenotype", key=True)
    name = text("What it is, in plain words")
    family_code = text("Family", allowed=PHENOTYPE_FAMILIES)
    setting_rule = text("Setting a record must come from", allowed=("any", "inpatient", "inpatient_or_emergency"))
    position_rule = text("Position of the diagnosis", allowed=("any", "primary"))
    encounter_rule = text(
        "Encounter: initial asks A, B or C as seventh character of an ICD-10-CM code", allowed=("any", "initial")
    )
    episode_days = whole(
        "Days without a record after which the next one is a new event; NULL: the first one in life only, or composed",
        "d",
        optional=True,
        minimum=1,
    )
    prevalent_days = whole(
        "A record this many days before time zero or less makes the outcome prevalent; NULL: any record before",
        "d",
        optional=True,
        minimum=1,
    )
    censored_by = text("Phenotype whose first record after time zero ends follow-up for this outcome", optional=True)
    charlson_weight = whole("Weight in the Charlson score", "1", optional=True, minimum=1, maximum=6)
    charlson_superseded_by = text("Phenotype that takes its place in the score where both are there", optional=True)
    source = text("Where the definition comes from")
    ppv_pct = number("Positive predictive value in a validation study", "%", optional=True, minimum=0, maximum=100)
    ppv_source = text("Validation study, what exactly it validated, or 'none found'")


@table("ref.phenotype_code", grain="one row per phenotype, kind of record, vocabulary and code", unit="population")
class PhenotypeCode(dy.Schema):
    """Codes of each phenotype. ICD codes stand for themselves and all below; the longest listed code decides."""

    phenotype_code = text("Phenotype", key=True)
    record_code = text("Kind of record", key=True, allowed=RECORD_CODES)
    vocabulary_code = text(
        "Code system; trabecula for names of this project, any for every record",
        key=True,
        allowed=("icd10cm", "icd9cm", "snomed", "trabecula", "any"),
    )
    code = text("Code, or the beginning of it", key=True)
    role_code = text(
        "What the code says: an event, something past, or that it is not this", allowed=("event", "history", "excluded")
    )
    source = text("Where the row was checked")


@table("ref.phenotype_part", grain="one row per composed phenotype and part", unit="population")
class PhenotypePart(dy.Schema):
    """Parts of composed phenotypes. A part is never composed itself."""

    phenotype_code = text("Composed phenotype", key=True)
    part_code = text("Phenotype that is part of it", key=True)


@table("ref.phenotype_exclusion", grain="one row per phenotype and excluding phenotype", unit="population")
class PhenotypeExclusion(dy.Schema):
    """Records that do not count because of another record near them, such as a transport accident on the same day."""

    phenotype_code = text("Phenotype whose records do not count", key=True)
    excluded_code = text("Phenotype whose record excludes them", key=True)
    days_before = whole("From this many days before the record", "d", minimum=0)
    days_after = whole("To this many days after it", "d", minimum=0)


@table("ref.negative_control", grain="one row per negative control", unit="population")
class NegativeControl(dy.Schema):
    """Outcomes that neither aromatase inhibitors nor tamoxifen change, with the biology; rejected ones stay."""

    control_code = text("Negative control", key=True)
    kind_code = text("Event, or last value of an analyte or observation", allowed=("event", "lab", "observation"))
    subject_code = text("Phenotype, analyte or observation")
    verdict_code = text("Verdict of the review", allowed=("accepted", "rejected"))
    reason = text("Why there is no path from the drugs to it, or why there may be one")
    source = text("Where it was proposed")


COVARIATE_KINDS = (
    "age",
    "calendar_year",
    "female",
    "race_ethnicity",
    "postmenopausal",
    "observed_days",
    "phenotype",
    "phenotype_count",
    "charlson",
    "symptom",
    "drug",
    "lab",
    "observation",
    "smoker",
    "t_score",
    "utilisation",
    "days_since",
)


@table("ref.covariate", grain="one row per covariate", unit="population")
class CovariateDefinition(dy.Schema):
    """Covariates that a study may name: what is looked at, and how far back from time zero."""

    covariate_code = text("Covariate", key=True)
    label = text("What it is, in plain words")
    kind_code = text("How it is computed", allowed=COVARIATE_KINDS)
    subject_code = text("Phenotype, symptom, group of drugs, analyte, observation or site it looks at", optional=True)
    window_days = whole("Days before time zero it looks at; NULL: all of them", "d", optional=True, minimum=1)
    unit = text("UCUM unit; NULL for presence and codes", optional=True)
    reads = text("Table it is computed from")


@table("ref.drug_group", grain="one row per group of drugs and member", unit="population")
class DrugGroup(dy.Schema):
    """Groups of drugs that covariates ask for. Where a route is asked for, an unknown route does not count."""

    group_code = text("Group", key=True)
    member_code = text("Class or ingredient of ref.drug", key=True)
    member_kind = text("Which of the two", allowed=("class", "ingredient"))
    route_rule = text("Route: systemic is by mouth or injection", allowed=("any", "oral", "vaginal", "systemic"))
    source = text("Where the group comes from")
