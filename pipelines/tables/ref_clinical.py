"""Contracts of the code lists behind drugs, scans, diagnoses and observations: what sources write, and what it means here.

Laboratory code lists stand in `ref_lab`. What a list is used for stands in the SQL that joins it.
"""

import dataframely as dy

from pipelines.tables.columns import number, text
from pipelines.tables.contract import table

SITE_MEANING = "Skeletal site"


@table("ref.source_word", grain="one row per list, vocabulary and word", unit="population")
class SourceWord(dy.Schema):
    """Words and concept ids that sources use for sex, kind of visit, status, route and the like, and the code they mean.

    Words are lower case and compared whole.
    """

    list_code = text("What the word says something about", key=True)
    vocabulary_code = text("word, or omop for a concept id", key=True, allowed=("word", "omop"))
    word = text("Word in lower case, or concept id", key=True)
    code = text("What it means here")
    source = text("Where the row was checked")


@table("ref.disposition_reason", grain="one row per reason", unit="population")
class DispositionReason(dy.Schema):
    """Why a source row is not staged, in plain words."""

    reason_code = text("Reason", key=True)
    meaning = text("The reason in plain words, with what to do where something can be done")


@table("ref.drug_code", grain="one row per code and ingredient", unit="population")
class DrugCode(dy.Schema):
    """Codes and concept ids of drugs that matter here, and their ingredients. Codes are lower case."""

    vocabulary_code = text("Code system", key=True, allowed=("omop", "rxnorm", "atc", "ndc"))
    code = text("Code in lower case, or concept id", key=True)
    ingredient = text("Ingredient, as in ref.drug", key=True)
    product_name = text("Name with strength, where the code is one product", optional=True)
    source = text("Where the row was checked")


@table("ref.dxa_code", grain="one row per list, vocabulary and code", unit="population")
class DxaCode(dy.Schema):
    """How sources write what was scanned: codes of quantities, spellings of sites and sides, makers and models.

    Words are lower case, punctuation turned to single spaces.
    """

    list_code = text(
        "What the code says something about",
        key=True,
        allowed=("quantity", "site", "side", "manufacturer", "model", "unit"),
    )
    vocabulary_code = text("Code system", key=True, allowed=("loinc", "omop", "trabecula", "word"))
    code = text("Code in lower case, concept id or word", key=True)
    value_code = text("Quantity, site, side, maker, the maker of a model, or the factor to g/cm2")
    site_code = text(SITE_MEANING, optional=True)
    side_code = text("Side, where the code fixes it", optional=True)
    source = text("Where the row was checked")


@table("ref.sbmd", grain="one row per maker and site", unit="population")
class Sbmd(dy.Schema):
    """Standardised bone density: 1000 (intercept + slope BMD), mg/cm2. For comparing people, never one person over time."""

    manufacturer = text("Maker of the densitometer", key=True)
    site_code = text(SITE_MEANING, key=True)
    intercept = number("Intercept", "g/cm2")
    slope = number("Slope", "1")
    source = text("Publication")


@table("ref.vertebra_reference", grain="one row per maker and vertebra", unit="population")
class VertebraReference(dy.Schema):
    """Young-adult reference of single vertebrae, only to see which one stands out from its neighbours."""

    manufacturer = text("Maker of the densitometer", key=True)
    site_code = text("Vertebra", key=True)
    mean_g_cm2 = number("Young-adult mean", "g/cm2", minimum=0)
    sd_g_cm2 = number("Young-adult standard deviation", "g/cm2", minimum=0)
    source = text("Where it comes from")


@table("ref.observation_code", grain="one row per code", unit="population")
class ObservationCode(dy.Schema):
    """Codes of body measures, scores, answers and genotypes that are staged as observations."""

    vocabulary_code = text("Code system", key=True, allowed=("loinc", "omop", "snomed", "trabecula", "name"))
    code = text("Code in lower case, concept id or name", key=True)
    observation_code = text("What was observed")
    unit_code = text("Canonical UCUM unit; NULL for answers", optional=True)
    value_kind = text("How its value reads", allowed=("number", "answer", "presence", "date", "ignored"))
    minimum = number("Below it no reading is possible, in the canonical unit", optional=True)
    maximum = number("Above it no reading is possible, in the canonical unit", optional=True)
    source = text("Where the row was checked")


@table("ref.observation_answer", grain="one row per observation and answer", unit="population")
class ObservationAnswer(dy.Schema):
    """Answers in words, codes or concept ids, and the number they are staged as."""

    observation_code = text("What was observed", key=True)
    answer = text("Answer in lower case", key=True)
    value = number("Staged value")
    source = text("Where the row was checked")


@table("ref.observation_unit", grain="one row per observation and unit", unit="population")
class ObservationUnit(dy.Schema):
    """Units that an observation may come in: lower case without spaces, or a concept id."""

    observation_code = text("What was observed", key=True)
    unit_word = text("Unit", key=True)
    factor = number("Value times factor is the value in the canonical unit")
    source = text("Definition of the unit")


@table("ref.symptom_code", grain="one row per symptom and code", unit="population")
class SymptomCode(dy.Schema):
    """Diagnosis codes that record a symptom; a code stands for itself and all below it."""

    symptom_code = text("Symptom", key=True)
    vocabulary_code = text("Code system", key=True, allowed=("icd10cm", "icd9cm", "snomed"))
    code = text("Code, or the beginning of it", key=True)
    source = text("Where the row was checked")


@table("ref.procedure_code", grain="one row per procedure and code", unit="population")
class ProcedureCode(dy.Schema):
    """Procedure codes that matter here; ICD codes stand for themselves and all below them."""

    procedure_code = text("Procedure", key=True)
    vocabulary_code = text("Code system", key=True, allowed=("cpt4", "hcpcs", "icd10pcs", "icd9proc", "snomed", "omop"))
    code = text("Code, or the beginning of it", key=True)
    source = text("Where the row was checked")


@table("ref.condition_concept", grain="one row per concept", unit="population")
class ConditionConcept(dy.Schema):
    """Codes behind standard concepts of the conditions that matter here, for sources without vocabulary tables."""

    concept_id = text("Standard concept", key=True)
    vocabulary_code = text("Code system of the code", allowed=("snomed", "icd10cm", "icd9cm"))
    condition_code = text("Code")
    name = text("Name")
    source = text("Where the row was checked")
