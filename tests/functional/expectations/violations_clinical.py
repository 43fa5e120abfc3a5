"""Planted violations of the tables that only clinics have: visits, procedures, symptoms, products, instructions, devices."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import polars as pl

c = pl.col
LONG_AGO, LATER = dt.date(1930, 1, 1), dt.date(2019, 1, 1)


def planted(one: Callable, every: Callable, drop: Callable) -> dict[str, dict[str, Any]]:
    """By table and check; the three arguments spoil one row, all rows, or take rows away."""
    is_prn, is_inhibitor = c("is_prn"), c("drug_class") == "aromatase_inhibitor"
    own, few = c("basis_code") == "device", c("basis_code") == "iscd"
    born = {"birth_year": 2016}
    return {
        "visit": {
            "ends_after_start": one("visit", ends_on=dt.date(2015, 2, 28)),
            "stay_below_two_years": every("visit", ends_on=LATER),
            "kind_known": every("visit", visit_code="unknown"),
            "born_before": every("person", c("source_id") == "omop", **born),
            "results_within": every("lab_result", c("source_id") == "omop", drawn_on=LATER),
        },
        "procedure": {
            "code_upper_case": one("procedure", source_code="0ut20zz"),
            "name_of_code_list": one("procedure", procedure_code="haircut"),
            "vocabulary_known": one("procedure", vocabulary_code="local"),
            "gynecology_in_women": every("person", c("source_id") == "omop", sex_code="male"),
            "born_before": every("person", c("source_id") == "omop", **born),
        },
        "symptom": {
            "symptom_of_code_list": one("symptom", symptom_code="ennui"),
            "code_is_listed": one("symptom", condition_code="I10"),
            "diagnosis_staged": drop("condition", (c("condition_code") == "N95.2") & (c("source_row") == 1)),
            "symptoms_of_men": every("person", c("source_id") == "omop", sex_code="female"),
            "symptoms_of_women": every("person", c("source_id") == "omop", sex_code="male"),
        },
        "sig_text": {
            "not_blank": one("sig_text", sig_text=" "),
            "hash_of_what_is_read": one("sig_text", strength_text="2 mg tablet"),
            "no_contact_details": one("sig_text", sig_text="1 tab daily, call 555-123-4567"),
            "drug_known": one("sig_text", drug_text="letrozole"),
            "every_text_read": drop("sig", is_prn),
        },
        "sig": {
            "text_known": drop("sig_text", c("sig_text") == "1 tab daily"),
            "as_needed_has_no_rate": one("sig", is_prn, mg_per_week=7.0),
            "doubt_has_a_reason": one("sig", is_prn, flags=None),
            "confidence_in_words": one("sig", is_prn, confidence=0.9),
            "refused_has_no_rate": one("sig", c("flags") == "range_amount", mg_per_week=10.5),
            "times_plausible": one("sig", times_per_week=168.0),
            "something_read": every("sig", amount=None, times_per_week=None, mg_per_week=None),
        },
        "dxa_precision": {
            "own_from_enough_pairs": one("dxa_precision", own, n_pairs=29),
            "limit_is_277_times_error": one("dxa_precision", own, lsc_pct=2.4),
            "limit_of_iscd": one("dxa_precision", few, lsc_pct=5.0),
            "error_with_pairs": one("dxa_precision", few, n_pairs=0),
            "error_plausible": one("dxa_precision", own, cv_pct=12.0),
        },
        "drug_product": {
            "unknown_has_no_ingredient": one("drug_product", c("ingredient") == "", ingredient="aspirin"),
            "class_of_ingredient": one("drug_product", is_inhibitor, drug_class="serm"),
            "ingredients_counted": one("drug_product", n_ingredients=2),
            "strength_or_concentration": one("drug_product", is_inhibitor, concentration_mg_per_ml=1.0),
            "unmarketed_is_compounded": one("drug_product", c("strength_mg") == 0.25, is_compounded=False),
            "inhibitor_strength_plausible": one("drug_product", is_inhibitor, strength_mg=1000.0),
            "inhibitor_strength_known": every("drug_product", is_inhibitor, strength_mg=None),
        },
    }
