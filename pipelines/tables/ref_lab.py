"""Contracts of the laboratory code lists: analytes, the codes and names they go by, units and how they convert."""

import dataframely as dy

from pipelines.tables.columns import number, text, whole
from pipelines.tables.contract import table

ASSAY_CLASSES = ("lc_ms_ms", "lc_ms_ms_equivalent", "immunoassay", "unknown")
YES_NO = ("yes", "no")


@table("ref.analyte", grain="one row per analyte", unit="population")
class Analyte(dy.Schema):
    """What laboratories measure: canonical unit, what converts it, and the limits beyond which a number is no result.

    `minimum` and `maximum` bound what can occur in a living person at all; the plausible pair only serves to judge a unit
    that was inferred.
    """

    analyte_code = text("Analyte", key=True)
    name = text("Name in plain words")
    canonical_unit = text("Unit of every staged value")
    grams_per_mole = number("Molar mass that converts mass and substance", "g/mol", optional=True, minimum=0)
    charge = whole("Equivalents in a mole", optional=True, minimum=1)
    unit_equals_international = text("Laboratories write U and IU for the same unit of it", allowed=YES_NO)
    minimum = number("Below it no result is possible, in the canonical unit")
    maximum = number("Above it no result is possible, in the canonical unit")
    plausible_minimum = number("Lowest value that still speaks for an inferred unit")
    plausible_maximum = number("Highest value that still speaks for an inferred unit")
    usual_minimum_men = number("Lowest usual value of men; outside, a unit is suspect", optional=True)
    usual_maximum_men = number("Highest usual value of men", optional=True)
    usual_minimum_women = number("Lowest usual value of women", optional=True)
    usual_maximum_women = number("Highest usual value of women", optional=True)
    steroidal_drug_interferes = text("Immunoassays read exemestane or fulvestrant as this analyte", allowed=YES_NO)
    negative_control = text("No effect of aromatase inhibition is expected: a negative control outcome", allowed=YES_NO)


@table("ref.analyte_code", grain="one row per code or name", unit="population")
class AnalyteCode(dy.Schema):
    """Which codes and names mean which analyte. Names are lower case and compared whole, never in part."""

    vocabulary_code = text("Code system", key=True, allowed=("loinc", "omop", "name"))
    code = text("Code, concept id or name in lower case", key=True)
    analyte_code = text("Analyte")
    implied_unit = text("Unit the code itself fixes", optional=True)
    implied_assay_class = text("Assay class the code itself fixes", optional=True, allowed=ASSAY_CLASSES)
    source = text("Where the row was checked")


@table("ref.unit", grain="one row per spelling of a unit", unit="population")
class UnitSpelling(dy.Schema):
    """Unit spellings. Text is compared in lower case, without spaces, either mu written as u."""

    vocabulary_code = text("text, or omop for unit_concept_id", key=True, allowed=("text", "omop"))
    spelling = text("Spelling or concept id", key=True)
    ucum_code = text("UCUM unit")


@table("ref.result_word", grain="one row per word", unit="population")
class ResultWord(dy.Schema):
    """Words that stand where a number was expected, in lower case and compared whole."""

    word = text("Word or phrase", key=True)
    meaning = text("What it means", allowed=("below_limit", "above_limit", "no_result"))


@table("ref.fill_value", grain="one row per number", unit="population")
class FillValue(dy.Schema):
    """Numbers that stand for 'no value' in exports."""

    fill_code = text("The number as written", key=True)
    value = number("Number as delivered")
    source = text("Where it comes from")


@table("ref.unit_factor", grain="one row per analyte and unit", unit="population")
class UnitFactor(dy.Schema):
    """Value in the unit times `factor` plus `summand` is the value in the canonical unit. A unit not listed is refused."""

    analyte_code = text("Analyte", key=True)
    ucum_code = text("UCUM unit", key=True)
    factor = number("Multiplier", minimum=0)
    summand = number("Added after multiplying")
    source = text("Where the conversion comes from: ucum, or a publication")
