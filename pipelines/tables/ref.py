"""Contracts of `ref`: what the field knows and what this run was asked, as rows that SQL can join."""

import dataframely as dy

from pipelines.tables.columns import number, text
from pipelines.tables.contract import table


@table("ref.nhanes_variable", grain="one row per NHANES table family and variable", unit="population")
class NhanesVariable(dy.Schema):
    """Which CDC variable holds what, in which unit, and how it becomes a canonical value."""

    family = text("Table family, lower case (tst, dxxfem, ...)", key=True)
    variable = text("CDC variable name", key=True)
    kind = text("Storage kind", allowed=("number", "text"))
    meaning = text("What it is")
    unit = text("UCUM unit as published", optional=True)
    domain = text("Which staging table reads it")
    code = text("Analyte, site, condition or observation code", optional=True)
    canonical_unit = text("UCUM unit of the staged value", optional=True)
    factor = number("Published value times factor is the staged value", optional=True)
    comment_variable = text("Variable with the detection-limit comment code", optional=True)
    assay_class = text("Assay class of the analyte in this table", optional=True)


@table("ref.nhanes_scanner", grain="one row per survey cycle", unit="population")
class NhanesScanner(dy.Schema):
    """The densitometer of each cycle as CDC documents it; a cycle without a row stays NULL."""

    cycle_code = text("Survey cycle letter", key=True)
    manufacturer = text("Maker of the densitometer")
    model = text("Model, where it was read in the documentation", optional=True)
    software = text("Analysis software of the released data", optional=True)
    source = text("CDC documentation page")


@table("ref.omop_column", grain="one row per OMOP table and column", unit="population")
class OmopColumn(dy.Schema):
    """Columns of the OMOP Common Data Model 5.3 and 5.4 that are read, and as what."""

    table_name = text("OMOP table", key=True)
    column_name = text("Column, lower case", key=True)
    kind = text("How a cell is read", allowed=("number", "whole", "text", "day", "instant"))
    meaning = text("What it is")


@table("ref.flat_column", grain="one row per kind of flat record and column", unit="population")
class FlatColumn(dy.Schema):
    """Canonical columns into which a mapping puts the columns of flat drops."""

    kind = text("Kind of record (lab, dxa, prescription ...)", key=True)
    column_name = text("Canonical column", key=True)
    type = text("How a cell is read", allowed=("number", "whole", "text", "day", "instant"))
    is_decimal = text("Whether it is text that holds a number as reported", allowed=("yes", "no"))
    meaning = text("What it is")


DRUG_CLASSES = (
    "aromatase_inhibitor",
    "serm",
    "serd",
    "estrogen",
    "progestin",
    "androgen",
    "antiandrogen",
    "gnrh_analogue",
    "gonadorelin",
    "gonadotropin",
    "ovulation_inducer",
    "5_alpha_reductase_inhibitor",
    "bisphosphonate",
    "denosumab",
    "anabolic_bone",
    "antiresorptive",
    "vitamin_d",
    "glucocorticoid",
    "statin",
    "thiazide",
    "loop_diuretic",
    "proton_pump_inhibitor",
    "opioid",
    "ssri",
    "snri",
    "anticonvulsant",
    "thyroid_hormone",
    "growth_hormone",
    "antidiabetic",
    "nsaid",
    "pde5_inhibitor",
    "supplement",
    "ace_inhibitor",
    "angiotensin_receptor_blocker",
    "beta_blocker",
    "calcium_channel_blocker",
    "potassium_sparing_diuretic",
    "other_antihypertensive",
    "anticoagulant",
    "antiplatelet",
    "other_lipid_lowering",
    "nitrate",
    "antiarrhythmic",
    "cdk4_6_inhibitor",
    "mtor_inhibitor",
    "pi3k_pathway_inhibitor",
    "anti_her2",
    "anthracycline",
    "taxane",
    "cytotoxic",
    "thiazolidinedione",
    "other_antidepressant",
    "benzodiazepine",
    "antipsychotic",
)


@table("ref.drug", grain="one row per drug name and ingredient", unit="population")
class Drug(dy.Schema):
    """Drug names that matter here, their ingredient, class and what the label says. A name may hold two ingredients."""

    drug_name = text("Name as sources write it, lower case", key=True)
    ingredient = text("Ingredient, salts, brands and routes folded together", key=True)
    drug_class = text("Class", allowed=DRUG_CLASSES)
    atc_code = text("ATC code", optional=True)
    rxnorm_code = text("RxNorm ingredient; NULL where no public list gave name and code together", optional=True)
    route_code = text("Route, where every marketed product has the same", optional=True)
    label_dose_mg_per_day = number("Highest labelled daily dose", "mg/d", optional=True)
    marketed_strength_mg = text("Strengths on the market, divided by |; any other one is compounded", optional=True)
    source = text("Where the row was checked")


@table("ref.bone_reference", grain="one row per site and reference population", unit="population")
class BoneReference(dy.Schema):
    """Young-adult reference mean and SD from which T-scores are computed."""

    site_code = text("Skeletal site", key=True)
    reference_code = text("Reference population", key=True)
    manufacturer = text("Densitometer the reference was measured on", key=True)
    mean_g_cm2 = number("Young-adult mean", "g/cm2", minimum=0)
    sd_g_cm2 = number("Young-adult standard deviation", "g/cm2", minimum=0)
    source = text("Publication")
    note = text("What to know before using it", optional=True)


@table("ref.clinical_limit", grain="one row per named limit", unit="population")
class ClinicalLimit(dy.Schema):
    """Cut-offs and windows that SQL needs, with unit and source."""

    limit_code = text("Name of the limit", key=True)
    value = number("The limit")
    unit = text("UCUM unit", optional=True)
    source = text("Publication or house rule")


@table("ref.run_setting", grain="one row per setting", unit="population")
class RunSetting(dy.Schema):
    """What this warehouse was configured with, where it changes a result."""

    setting_code = text("Setting", key=True)
    value_text = text("Value as text")
