"""Visits, procedures, symptoms, products, instructions and densitometers of the test population: what only clinics have."""

import datetime as dt
import hashlib
import runpy
from pathlib import Path

import polars as pl

shaping = runpy.run_path(str(Path(__file__).with_name("shaping.py")))
sourced, shaped, CLINIC, i = shaping["sourced"], shaping["shaped"], shaping["CLINIC"], shaping["i"]
DAY = dt.date(2015, 3, 1)
SYMPTOMS = {"M25.50": "arthralgia", "N95.2": "vaginal_dryness", "N52.9": "erectile_dysfunction"}
WRITTEN = (
    # Instruction, amount, times a week, mg a week, as needed, confidence in words, flags.
    ("1 tab daily", 1.0, 7.0, 7.0, False, "high", None),
    ("1 tab as needed", 1.0, None, None, True, "low", "prn"),
    ("1-2 tabs daily", None, 7.0, None, False, "low", "range_amount"),
)
CONFIDENCE = {"high": 0.9, "medium": 0.6, "low": 0.3, "none": 0.0}


def clinical_tables(clinic: pl.DataFrame, conditions: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """The tables by name; symptoms are those that the conditions record."""
    stays = sourced(clinic, "omop/visit_occurrence", CLINIC).with_columns(
        pl.when(i % 4 == 0).then(pl.lit("inpatient")).otherwise(pl.lit("outpatient")).alias("visit_code")
    )
    removed = sourced(clinic.filter(pl.col("sex_code") == "female"), "omop/procedure_occurrence", CLINIC)
    complaints = conditions.filter(pl.col("condition_code").is_in(list(SYMPTOMS))).with_columns(
        pl.col("condition_code").replace_strict(SYMPTOMS).alias("symptom_code")
    )
    return {
        "staging.visit": shaped(
            stays, "staging.visit", starts_on=DAY, ends_on=DAY + dt.timedelta(days=3), record_number=1,
            visit_occurrence_id=pl.col("source_row"),
        ),
        "staging.procedure": shaped(
            removed, "staging.procedure", source_code="58661", vocabulary_code="cpt4", procedure_code="oophorectomy",
            performed_on=DAY, record_number=1,
        ),
        "staging.symptom": shaped(complaints, "staging.symptom"),
        **_drugs(),
        "staging.dxa_precision": _precision(),
    }  # fmt: skip


def _drugs() -> dict[str, pl.DataFrame]:
    text = pl.DataFrame({"sig_text": [row[0] for row in WRITTEN]}).with_columns(
        pl.lit("anastrozole").alias("drug_text"),
        pl.lit("1 mg tablet").alias("strength_text"),
        pl.col("sig_text")
        .map_elements(lambda sig: hashlib.md5(f"{sig}|anastrozole|1 mg tablet".encode()).hexdigest(), pl.String)
        .alias("sig_id"),
    )
    read = pl.DataFrame(
        [row[1:] for row in WRITTEN],
        schema=["amount", "times_per_week", "mg_per_week", "is_prn", "confidence_code", "flags"],
        orient="row",
    ).with_columns(text["sig_id"], pl.col("confidence_code").replace_strict(CONFIDENCE).alias("confidence"))
    known = {"resolution_code": "name", "n_ingredients": 1, "drug_class": "aromatase_inhibitor"}
    tablet = pl.DataFrame({"product_id": ["a", "b"], "strength_mg": [1.0, 0.25], "is_compounded": [False, True]})
    named = {"ingredient": "anastrozole", "drug_name": "anastrozole"}
    unknown = pl.DataFrame({"product_id": ["c"], "ingredient": [""], "drug_name": ["aspirin"]})
    return {
        "staging.sig_text": shaped(text, "staging.sig_text"),
        "staging.sig": shaped(read, "staging.sig"),
        "staging.drug_product": pl.concat(
            [
                shaped(tablet, "staging.drug_product", **named, **known),
                shaped(
                    unknown, "staging.drug_product", resolution_code="not_listed", n_ingredients=1, is_compounded=False
                ),
            ]
        ),
    }


def _precision() -> pl.DataFrame:
    device = {"source_id": CLINIC, "device_id": "scanner-1", "manufacturer": "hologic", "rms_sd": 0.012, "cv_pct": 1.2}
    own = {"n_pairs": 40, "lsc_g_cm2": 2.77 * 0.012, "lsc_pct": 2.77 * 1.2, "basis_code": "device"}
    few = {"n_pairs": 2, "lsc_g_cm2": None, "lsc_pct": 6.9, "basis_code": "iscd"}
    rows = [device | {"site_code": "total_hip"} | own, device | {"site_code": "femoral_neck"} | few]
    return shaped(pl.DataFrame(rows), "staging.dxa_precision")
