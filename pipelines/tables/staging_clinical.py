"""Contracts of `staging` for visits, drugs, scans, diagnoses and procedures. People, laboratory and accounts: `staging`.

A row of a flat file may give several records; `record_number` tells them apart and is 1 everywhere else.
"""

import dataframely as dy

from pipelines.tables.columns import day, drop_id, flag, number, person_id, source_id, text, whole
from pipelines.tables.contract import table
from pipelines.tables.ref import DRUG_CLASSES
from pipelines.tables.staging import DATE_REASONS

FILE_MEANING = "File the row came from"
ROW_MEANING = "Row number in that file"
RECORD_MEANING = "Which of the records of that row, from 1"
SETTINGS = ("inpatient", "emergency", "outpatient", "unknown")


@table("staging.visit", grain="one row per person, source row and record")
class Visit(dy.Schema):
    """Visits and stays, with the setting where it is known."""

    person_id = person_id()
    source_file = text(FILE_MEANING, key=True)
    source_row = whole(ROW_MEANING, key=True, minimum=1)
    record_number = whole(RECORD_MEANING, key=True, minimum=1)
    visit_occurrence_id = whole(
        "Id by which results name the visit; NULL in flat files, whose results name none", optional=True
    )
    visit_code = text("Kind of visit", allowed=("inpatient", "emergency", "outpatient", "other", "unknown"))
    starts_on = day("First day")
    ends_on = day("Last day; NULL where unknown or before the first", optional=True)
    source_id = source_id()
    drop_id = drop_id()


@table("staging.dxa_scan", grain="one row per person, scan, site, side and imputation")
class DxaScan(dy.Schema):
    """Bone density by site. A measured value has imputation 0; values imputed by the source have 1 to 5 and none is a scan."""

    person_id = person_id()
    scan_id = text("Scan of the person", key=True)
    site_code = text("Skeletal site", key=True)
    side_code = text("Side", key=True, allowed=("left", "right", "both", "not_applicable", "not_released"))
    imputation_number = whole("0 measured; 1 to 5 imputed by the source", key=True, minimum=0, maximum=5)
    bmd_g_cm2 = number("Areal bone mineral density", "g/cm2", optional=True)
    is_valid = flag("Usable measurement or imputation")
    invalid_reason = text("Why it is not usable", optional=True)
    manufacturer = text("Maker of the densitometer", optional=True)
    model = text("Model", optional=True)
    software = text("Analysis software", optional=True)
    device_id = text("Device; change over time is computed within one device only", optional=True)
    scanned_on = day("Day of the scan", optional=True)
    date_reason = text("Whether the date was recorded or not released", allowed=DATE_REASONS)
    area_cm2 = number("Projected bone area", "cm2", optional=True, minimum=0)
    n_vertebrae = whole("Vertebrae in the value; NULL outside the lumbar spine or unknown", optional=True, minimum=1)
    vertebrae_code = text("Which vertebrae, such as L1-L4 or L1,L2,L4", optional=True)
    sbmd_mg_cm2 = number("Standardised density, for comparing people only", "mg/cm2", optional=True)
    series_id = text("Device, software and vertebrae; change is computed within it only, never without", optional=True)
    is_artefact_suspect = flag("The lumbar spine rose while the total hip fell")
    flags = text(
        "What to know, divided by commas: area_change, area_changes_after, spine_up_hip_down, differs_from_neighbours, "
        "outlying_<vertebrae>, same_day_repeat, device_unknown, side_unknown",
        optional=True,
    )
    source_file = text(FILE_MEANING)
    source_row = whole(ROW_MEANING, minimum=1)
    source_id = source_id()
    drop_id = drop_id()


@table("staging.dxa_precision", grain="one row per source, densitometer and site", unit="population")
class DxaPrecision(dy.Schema):
    """Precision error and least significant change of each densitometer, or what ISCD accepts at worst."""

    source_id = text("Source system", key=True)
    device_id = text("Device; not_released where the source does not tell", key=True)
    site_code = text("Skeletal site", key=True)
    manufacturer = text("Maker of the densitometer", optional=True)
    n_pairs = whole("Occasions on which one person was scanned more than once", minimum=0)
    rms_sd = number("Root mean square standard deviation of repeated scans", "g/cm2", optional=True, minimum=0)
    cv_pct = number("Root mean square coefficient of variation of repeated scans", "%", optional=True, minimum=0)
    lsc_g_cm2 = number("Least significant change, 2.77 times rms_sd", "g/cm2", optional=True, minimum=0)
    lsc_pct = number("Least significant change", "%", minimum=0)
    basis_code = text(
        "What lsc_pct rests on: the device's own repeats, or the limit of ISCD", allowed=("device", "iscd")
    )


@table("staging.drug_product", grain="one row per product and ingredient", unit="population")
class DrugProduct(dy.Schema):
    """What each product that a source names holds: ingredient, strength, form. One that no list knows has no ingredient."""

    product_id = text("Hash of the words and codes by which the source names it", key=True)
    ingredient = text("Ingredient, lower case; empty where it is not known", key=True)
    resolution_code = text(
        "How it was found, or why not",
        allowed=("code", "vocabulary", "name", "not_listed", "unread_code", "no_drug"),
    )
    drug_name = text("Name as the source gives it")
    drug_class = text("Class, where the ingredient is one that matters here", optional=True, allowed=DRUG_CLASSES)
    n_ingredients = whole("Ingredients of the product that are known", minimum=1)
    strength_mg = number("Strength of one unit", "mg", optional=True, minimum=0)
    concentration_mg_per_ml = number("Concentration; per gram for gels and creams", "mg/mL", optional=True, minimum=0)
    volume_ml = number("Volume of one vial, ampoule or syringe", "mL", optional=True, minimum=0)
    form_code = text("Form", optional=True)
    route_code = text("Route, as the form or label fixes it", optional=True)
    strength_text = text("Strength as the instruction reader is told it", optional=True)
    is_compounded = flag("Compounded: says so, or of a form or strength nobody markets")


@table("staging.sig_text", grain="one row per distinct instruction, drug and strength", unit="population")
class SigText(dy.Schema):
    """Prescription instructions as written, each once. The only place that keeps their text."""

    sig_id = text("Hash of instruction, drug and strength", key=True)
    sig_text = text("Instruction as written")
    drug_text = text("Ingredient it is read for")
    strength_text = text("Strength it is read with", optional=True)


@table("staging.sig", grain="one row per distinct instruction, drug and strength", unit="population")
class Sig(dy.Schema):
    """What each prescription instruction says about the dose. Flagged where anything is in doubt; nothing is guessed."""

    sig_id = text("Hash of instruction, drug and strength", key=True)
    amount = number("Amount of one intake", optional=True, minimum=0)
    amount_unit = text("Unit of the amount", optional=True)
    times_per_week = number("Intakes a week; the stated maximum where it is as needed", "/wk", optional=True, minimum=0)
    mg_per_week = number("Dose by the instruction alone", "mg/wk", optional=True, minimum=0)
    is_prn = flag("As needed")
    confidence = number("Confidence, 0 to 1", minimum=0, maximum=1)
    confidence_code = text("Confidence in words", allowed=("high", "medium", "low", "none"))
    flags = text("Reasons for doubt, divided by commas", optional=True)
    language = text("Language of the instruction", optional=True)


@table("staging.drug_exposure", grain="one row per person, source row, record and ingredient")
class DrugExposure(dy.Schema):
    """Prescriptions by ingredient. Where a source holds no dose, dose is NULL and `dose_source` says so. An order is no fill."""

    person_id = person_id()
    source_file = text(FILE_MEANING, key=True)
    source_row = whole(ROW_MEANING, key=True, minimum=1)
    record_number = whole(RECORD_MEANING, key=True, minimum=1)
    ingredient = text("Ingredient, lower case", key=True)
    drug_name = text("Name as the source gives it")
    drug_class = text("Class, where the ingredient is one that matters here", optional=True)
    indication_code = text("ICD-10-CM code of the reason for use", optional=True)
    record_type = text(
        "What the row records", allowed=("survey", "order", "fill", "administered", "statement", "unknown")
    )
    status_code = text(
        "What became of it",
        allowed=("active", "completed", "stopped", "cancelled", "returned", "not_filled", "unknown"),
    )
    started_on = day("First day", optional=True)
    ended_on = day("Last day; NULL where it lies before the first", optional=True)
    days_on = number("Days taken so far; NULL if refused or unknown", "d", optional=True, minimum=0)
    strength_mg = number("Strength of one unit", "mg", optional=True, minimum=0)
    concentration_mg_per_ml = number("Concentration", "mg/mL", optional=True, minimum=0)
    quantity = number("Quantity", optional=True, minimum=0)
    quantity_unit = text("Unit of the quantity", optional=True)
    days_supply = number("Days the quantity lasts", "d", optional=True, minimum=0)
    days_supply_basis = text(
        "As given, or recomputed from quantity, strength and instruction", allowed=("given", "recomputed", "none")
    )
    refills = number("Refills", optional=True, minimum=0)
    route_code = text("Route", optional=True)
    form_code = text("Form", optional=True)
    is_compounded = flag("Compounded")
    is_combined = flag("The product holds another ingredient that matters here")
    sig_id = text("Instruction (staging.sig)", optional=True)
    amount = number("Amount of one intake", optional=True, minimum=0)
    amount_unit = text("Unit of the amount", optional=True)
    times_per_week = number("Intakes a week", "/wk", optional=True, minimum=0)
    is_prn = flag("As needed; NULL without an instruction", optional=True)
    sig_mg_per_week = number("Dose by the instruction alone", "mg/wk", optional=True, minimum=0)
    supplied_mg_per_week = number(
        "Quantity times strength over the given days' supply", "mg/wk", optional=True, minimum=0
    )
    dose_mg_per_week = number("Dose", "mg/wk", optional=True, minimum=0)
    dose_mg_per_day = number("Dose", "mg/d", optional=True, minimum=0)
    dose_source = text("Where the dose comes from", allowed=("sig", "quantity", "strength", "not_recorded"))
    dose_confidence = number("Confidence in the dose, 0 to 1", optional=True, minimum=0, maximum=1)
    dose_flags = text("Reasons for doubt, divided by commas", optional=True)
    is_implausible = flag("Above the labelled rate, or above what is plausible beside testosterone")
    date_reason = text("Whether dates were recorded or not released", allowed=DATE_REASONS)
    source_id = source_id()
    drop_id = drop_id()


@table("staging.condition", grain="one row per person, source row, record and condition")
class Condition(dy.Schema):
    """Diagnoses: recorded codes, or what a respondent was ever told."""

    person_id = person_id()
    source_file = text(FILE_MEANING, key=True)
    source_row = whole(ROW_MEANING, key=True, minimum=1)
    record_number = whole(RECORD_MEANING, key=True, minimum=1)
    condition_code = text("Code in one way of writing, or the name of what was told", key=True)
    vocabulary_code = text(
        "Vocabulary of the code; ambiguous where ICD-9 and ICD-10 both have it; NULL for what was told",
        optional=True,
        allowed=("icd10cm", "icd9cm", "snomed", "omop", "ambiguous", "other"),
    )
    is_present = flag("Reported present; false is a stated no")
    recorded_on = day("Day of the record", optional=True)
    record_type = text("How it is known", allowed=("self_report", "coded_diagnosis"))
    setting_code = text("Setting of the visit it was recorded in", allowed=SETTINGS)
    is_primary = flag("First-listed diagnosis; NULL where the source does not tell", optional=True)
    is_history = flag("The record speaks of the past, not of the day it was made")
    source_variable = text("Variable or code it came from")
    source_id = source_id()
    drop_id = drop_id()


@table("staging.symptom", grain="one row per person, symptom, source row and record")
class Symptom(dy.Schema):
    """Symptoms that a diagnosis code records."""

    person_id = person_id()
    symptom_code = text("Symptom", key=True)
    source_file = text(FILE_MEANING, key=True)
    source_row = whole(ROW_MEANING, key=True, minimum=1)
    record_number = whole(RECORD_MEANING, key=True, minimum=1)
    recorded_on = day("Day of the record")
    vocabulary_code = text("Vocabulary of the code")
    condition_code = text("Code that records it")
    setting_code = text("Setting of the visit it was recorded in", allowed=SETTINGS)
    source_id = source_id()
    drop_id = drop_id()


@table("staging.procedure", grain="one row per person, source row and record")
class Procedure(dy.Schema):
    """Procedures by code; those that matter here by name."""

    person_id = person_id()
    source_file = text(FILE_MEANING, key=True)
    source_row = whole(ROW_MEANING, key=True, minimum=1)
    record_number = whole(RECORD_MEANING, key=True, minimum=1)
    source_code = text("Code, upper case")
    vocabulary_code = text("Vocabulary of the code, where it is known", optional=True)
    procedure_code = text("Procedure, where it is one that matters here", optional=True)
    performed_on = day("Day")
    source_id = source_id()
    drop_id = drop_id()
