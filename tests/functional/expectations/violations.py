"""One planted violation for each check that was written by hand: the table, the rows and what becomes of them.

A violation of a rule without tolerance spoils a single row; one of a share or of a group spoils as many as it takes.
"""

import datetime as dt
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl

Frames = dict[str, pl.DataFrame]
Change = Callable[[Frames], Frames]
c = pl.col
survey, clinic = c("source_id") == "nhanes", c("source_id") == "omop"
DAY = dt.date(2018, 1, 1)


def one(table: str, where: pl.Expr | bool = True, **values: Any) -> Change:
    """Spoil the first row for which `where` holds."""
    return _spoil(table, where, True, values)


def every(table: str, where: pl.Expr | bool = True, **values: Any) -> Change:
    """Spoil all rows for which `where` holds."""
    return _spoil(table, where, False, values)


def _spoil(table: str, where: pl.Expr | bool, is_single: bool, values: dict[str, Any]) -> Change:
    def change(frames: Frames) -> Frames:
        frame = frames[f"staging.{table}"] if "." not in table else frames[table]
        mask = frame.select((pl.lit(where) if isinstance(where, bool) else where).alias("m"))["m"].fill_null(False)
        mask = mask if len(mask) == frame.height else pl.Series([bool(where)] * frame.height)
        mask = mask & (mask.cum_sum() == 1) if is_single else mask
        assert mask.any(), f"nothing to spoil in {table}"
        new = [
            pl.when(mask).then(value if isinstance(value, pl.Expr) else pl.lit(value)).otherwise(c(name)).alias(name)
            for name, value in values.items()
        ]
        return {table if "." in table else f"staging.{table}": frame.with_columns(new)}

    return change


def drop(table: str, where: pl.Expr) -> Change:
    """Take rows away."""
    name = table if "." in table else f"staging.{table}"
    return lambda frames: {name: frames[name].filter(~where)}


def repeat(table: str, where: pl.Expr, **values: Any) -> Change:
    """Add a changed copy of the first row for which `where` holds."""
    name = table if "." in table else f"staging.{table}"

    def change(frames: Frames) -> Frames:
        copy = (
            frames[name].filter(where).head(1).with_columns(pl.lit(value).alias(key) for key, value in values.items())
        )
        return {name: pl.concat([frames[name], copy.cast(dict(frames[name].schema))])}

    return change


def of_people(table: str, where: pl.Expr, few: int | None = None, **values: Any) -> Change:
    """Change the persons whom rows of a table are about."""

    def change(frames: Frames) -> Frames:
        found = frames[f"staging.{table}"].filter(where)["person_id"].unique(maintain_order=True)
        return every("person", c("person_id").is_in(found.head(few or len(found)).implode()), **values)(frames)

    return change


def _without(table: str, of: str, where: pl.Expr) -> Change:
    """Take the rows of one person of another table away."""
    return lambda frames: drop(table, c("person_id") == frames[f"staging.{of}"].filter(where)["person_id"][0])(frames)


def _analyte(code: str) -> pl.Expr:
    return c("analyte_code") == code


def _site(*codes: str) -> pl.Expr:
    return c("site_code").is_in(codes)


def _seen(code: str) -> pl.Expr:
    return c("observation_code") == code


def _names(code: str) -> pl.Expr:
    return c("condition_code") == code


swap_sex = every("person", sex_code=pl.when(c("sex_code") == "male").then(pl.lit("female")).otherwise(pl.lit("male")))
reversed_age = every("person", age_years=88.0 - c("age_years"))
drawn, imputed = c("imputation_number") > 0, c("scan_id") == "A.whole_body"
has_dose, is_ai = c("dose_mg_per_day").is_not_null(), c("drug_class") == "aromatase_inhibitor"
in_days = c("days_from_examination").is_not_null()

VIOLATIONS: dict[str, dict[str, Change]] = {
    "person": {
        "not_empty": drop("person", pl.lit(True)),
        "age_below_90": one("person", age_years=91.0),
        "survey_age_ceiling": one("person", survey, age_years=86.0),
        "top_coding_consistent": one("person", c("is_age_top_coded"), is_age_top_coded=False),
        "top_coded_share": every("person", c("source_file") == "demo/DEMO_H", is_age_top_coded=True),
        "age_known": every("person", age_years=None),
        "age_whole": one("person", age_years=40.5),
        "sex_balance": every("person", sex_code="male"),
        "race_ethnicity_known": every("person", race_ethnicity_code="else"),
        "has_survey_design": drop("survey_design", c("person_id") == 9),
        "from_landed_file": one("raw.manifest", c("source_file") == "demo/DEMO_A", status_code="out_of_scope"),
    },
    "survey_design": {
        "interview_weight_positive": one("survey_design", interview_weight=0.0),
        "examination_weight_matches": one("survey_design", c("is_examined"), examination_weight=0.0),
        "fasting_weight_examined": one("survey_design", ~c("is_examined"), fasting_weight=5.0),
        "four_year_weight_cycles": one("survey_design", c("cycle_code") == "H", examination_weight_1999_2002=5.0),
        "interview_weight_total": every("survey_design", interview_weight=c("interview_weight") / 2),
        "weight_totals_agree": every("survey_design", examination_weight=c("examination_weight") * 0.9),
        "fasting_weight_total": every("survey_design", fasting_weight=c("fasting_weight") / 2),
        "four_year_weight_total": every(
            "survey_design", examination_weight_1999_2002=c("examination_weight_1999_2002") * 2
        ),
        "two_units_per_stratum": every("survey_design", c("stratum_code") == 1, psu_code=1),
        "two_examined_units_per_stratum": every(
            "survey_design", (c("stratum_code") == 1) & (c("psu_code") == 2), is_examined=False
        ),
        "stratum_in_one_cycle": one("survey_design", c("cycle_code") == "H", stratum_code=1),
        "cycle_years_of_cycle": one("survey_design", cycle_years=3.2),
        "cycle_label_format": one("survey_design", cycle_label="2013/14"),
        "one_code_per_cycle": one("survey_design", cycle_code="Z"),
        "one_cycle_per_person": repeat("survey_design", c("cycle_code") == "H", cycle_label="2001-2002"),
        "largest_weight": one("survey_design", interview_weight=5e6),
        "examined_share": every("survey_design", is_examined=False),
        "psu_code_small": one("survey_design", psu_code=9),
    },
    "observation_period": {
        "ends_after_start": one("observation_period", clinic, ends_on=dt.date(2009, 1, 1)),
        "length_matches_dates": one("observation_period", clinic, length_days=5.0),
        "spans_numbered": one("observation_period", c("span_number") == 2, span_number=3),
        "spans_disjoint": one("observation_period", c("span_number") == 2, starts_on=dt.date(2012, 6, 1)),
        "length_below_45000": one("observation_period", length_days=99_999.0),
        "survey_follow_up": one("observation_period", survey, length_days=9_000.0),
        "median_follow_up": every("observation_period", survey, length_days=c("length_days") / 30.4375),
        "basis_matches_examination": one(
            "observation_period", c("basis_code") == "examination", basis_code="interview"
        ),
        "survey_adults": of_people("observation_period", survey, 1, age_years=10.0),
        "longer_than_zero": every("observation_period", length_days=0.0),
        "results_within": every("lab_result", clinic, drawn_on=dt.date(2031, 1, 1)),
    },
    "death": {
        "has_observation_period": _without("observation_period", "death", survey),
        "when_known": one("death", survey, days_from_examination=None, days_from_interview=None),
        "ends_with_period": one("death", in_days, days_from_examination=c("days_from_examination") + 40),
        "within_period": one("death", clinic, died_on=DAY),
        "examination_after_interview": one("death", in_days, days_from_interview=1.0),
        "cause_known": one("death", survey, cause_code="I21"),
        "cause_released": every("death", cause_code=None),
        "leading_causes": every("death", cause_code="other"),
        "share_of_followed": drop("death", survey & (c("person_id") > 20)),
        "deceased_are_older": of_people("death", survey, age_years=20.0),
        "survey_adults": of_people("death", survey, 1, age_years=10.0),
        "days_below_40000": one("death", in_days, days_from_examination=50_000.0),
        "nothing_measured_after_death": every("lab_result", clinic, drawn_on=DAY),
    },
    "assay_limit": {
        "one_fill_value": one("assay_limit", fill_values=2),
        "limit_positive": one("assay_limit", lloq=0.0),
        "analyte_of_family": one("assay_limit", analyte_code="calcium"),
        "counts_match_results": one("assay_limit", n_censored=5_000),
        "same_limit_in_results": one("lab_result", c("specimen_id") == "H.tst", lloq=2.5),
        "below_median": one("assay_limit", _analyte("estradiol"), lloq=500.0),
        "estradiol_limit": one("assay_limit", _analyte("estradiol"), lloq=50.0),
        "estradiol_mass_spectrometry_limit": one("assay_limit", _analyte("estradiol"), lloq=11.0),
        "testosterone_limit": one("assay_limit", _analyte("testosterone"), lloq=50.0),
        "shbg_limit": one("assay_limit", _analyte("shbg"), lloq=50.0),
        "vitamin_d_limit": one("assay_limit", _analyte("vitamin_d_25oh"), lloq=50.0),
    },
    "lab_convention": {
        "unit_from_clear_majority": one("lab_convention_count", unit_share=0.94),
        "class_from_clear_majority": one("lab_convention_count", n_with_method=29),
        "unit_of_analyte": one("lab_convention", unit_code="mmol/mol"),
    },
    "lab_convention_count": {
        "commonest_unit_counted": one("lab_convention_count", n_with_unit=0),
        "commonest_class_counted": one("lab_convention_count", assay_class=None),
        "analyte_known": one("lab_convention_count", analyte_code="humour"),
    },
    "lab_limit": {
        "limit_from_clear_majority": one("lab_limit_count", limit_share=0.94),
        "no_fill_value_left": one("lab_result", clinic & (c("operator") == "="), lab_id="L1", value=2.5),
        "estradiol_limit": one("lab_limit", lloq=500.0),
    },
    "lab_limit_count": {
        "limit_positive": one("lab_limit_count", lloq=0.0),
        "share_positive": one("lab_limit_count", limit_share=0.0),
        "analyte_known": one("lab_limit_count", analyte_code="humour"),
    },
    "latest_day": {
        "month_end": one("latest_day", latest_on=dt.date(2017, 1, 30)),
        "after_2000": one("latest_day", latest_on=dt.date(1999, 1, 31)),
    },
    "lab_result": {
        "value_given": one("lab_result", value=None),
        "operator_matches_flag": one("lab_result", c("operator") == "<", is_censored=False),
        "censored_at_limit": one("lab_result", c("operator") == "<", value=c("lloq") / 2),
        "measured_above_limit": every("lab_result", _analyte("estradiol") & survey, lloq=40.0),
        "none_measured_below_limit": one("lab_result", _analyte("shbg") & (c("operator") == "="), value=0.2),
        "unit_as_declared": every("lab_result", _analyte("estradiol"), unit_code="pmol/L"),
        "assay_class_as_declared": one("lab_result", _analyte("shbg"), assay_class="lc_ms_ms"),
        "converted_from_source": one("lab_result", _analyte("crp"), value=c("source_value")),
        "fill_matches_limit": one("lab_result", c("operator") == "<", source_value=c("lloq")),
        "no_hidden_limit": every("lab_result", _analyte("shbg") & (c("person_id") < 200), value=10.0),
        "e2_range_men": every("lab_result", _analyte("estradiol"), value=c("value") * 36.71),
        "e2_range_women": every("lab_result", _analyte("estradiol"), value=c("value") * 100),
        "e2_median": every("lab_result", _analyte("estradiol"), value=c("value") * 3.671),
        "e2_censored_share": every("lab_result", _analyte("estradiol"), is_censored=True),
        "testosterone_range": every("lab_result", _analyte("testosterone"), value=c("value") / 288.4),
        "testosterone_by_sex": swap_sex,
        "within_plausible_range": every("lab_result", _analyte("total_cholesterol"), value=c("value") / 38.67),
        "ldl_by_friedewald": every("lab_result", _analyte("triglycerides"), person_id=c("person_id") % 1000 + 1),
        "within_usual_range": every("lab_result", _analyte("testosterone"), value=c("value") / 28.842),
        "clinical_row_complete": one("lab_result", clinic & c("value").is_not_null(), unit_basis=None),
        "inferred_from_habit": one("lab_result", c("unit_basis") == "inferred_from_lab", lab_id="L2"),
        "within_limits_of_analyte": one("lab_result", clinic & (c("operator") == "="), value=200_000.0),
        "fills_are_censored": one(
            "lab_result", c("result_flags").is_not_null() & (c("operator") == "<"), operator="=", is_censored=False
        ),
        "interference_is_missing": one(
            "lab_result", clinic & c("missing_reason").is_not_null(), assay_class="lc_ms_ms"
        ),
    },
    "dxa_scan": {
        "valid_has_value": one("dxa_scan", c("is_valid"), bmd_g_cm2=None),
        "invalid_has_reason": one("dxa_scan", ~c("is_valid"), invalid_reason=None),
        "bmd_positive": one("dxa_scan", bmd_g_cm2=0.0),
        "site_known": one("dxa_scan", site_code="elbow"),
        "side_of_site": one("dxa_scan", _site("total_hip"), side_code="not_applicable"),
        "five_imputations": drop("dxa_scan", (c("imputation_number") == 5) & (c("person_id") == 4)),
        "measured_or_imputed": repeat("dxa_scan", drawn, imputation_number=0),
        "imputed_whole_body_only": one("dxa_scan", _site("total_hip"), imputation_number=1),
        "imputations_differ": every("dxa_scan", drawn, bmd_g_cm2=1.1),
        "hip_range": every("dxa_scan", _site("femoral_neck"), bmd_g_cm2=c("bmd_g_cm2") * 1000),
        "wards_triangle_range": every("dxa_scan", _site("wards_triangle"), bmd_g_cm2=c("bmd_g_cm2") * 1000),
        "spine_range": every("dxa_scan", _site("l1"), bmd_g_cm2=c("bmd_g_cm2") * 1000),
        "whole_body_range": every("dxa_scan", _site("whole_body"), bmd_g_cm2=c("bmd_g_cm2") * 1000),
        "neck_below_total_hip": every("dxa_scan", _site("femoral_neck"), bmd_g_cm2=c("bmd_g_cm2") + 0.2),
        "total_hip_between_regions": every("dxa_scan", _site("total_hip"), bmd_g_cm2=c("bmd_g_cm2") + 0.3),
        "spine_between_vertebrae": every("dxa_scan", _site("lumbar_spine"), bmd_g_cm2=c("bmd_g_cm2") + 0.3),
        "spine_has_all_vertebrae": every("dxa_scan", _site("l4"), is_valid=False),
        "survey_age_eligible": of_people("dxa_scan", survey, 1, age_years=5.0),
        "repeat_has_first_scan": drop("dxa_scan", (c("person_id") == 1) & imputed),
        "repeat_agrees": every("dxa_scan", c("scan_id") == "A.whole_body_repeat", bmd_g_cm2=c("bmd_g_cm2") * 1.2),
        "scanner_documented": every("dxa_scan", manufacturer=None),
        "device_known": every("dxa_scan", clinic, device_id=None),
        "valid_share_hip": every("dxa_scan", _site("total_hip") & (c("person_id") < 600), is_valid=False),
        "valid_share_spine": every("dxa_scan", _site("lumbar_spine") & (c("person_id") < 600), is_valid=False),
        "young_adult_hip": every("dxa_scan", _site("total_hip"), bmd_g_cm2=c("bmd_g_cm2") * 0.7),
        "men_denser": swap_sex,
        "neck_falls_with_age": reversed_age,
    },
    "drug_exposure": {
        "ingredient_lower_case": one("drug_exposure", ingredient="Anastrozole"),
        "ingredient_is_a_name": one("drug_exposure", ingredient="d00321"),
        "ingredient_no_code": one("drug_exposure", ingredient="unknown"),
        "one_ingredient": one("drug_exposure", ingredient="lisinopril; hydrochlorothiazide"),
        "class_as_declared": one("drug_exposure", is_ai, drug_class="serm"),
        "class_only_from_list": one("drug_exposure", c("ingredient") == "allopurinol", drug_class="estrogen"),
        "days_on_below_40000": one("drug_exposure", days_on=77_777.0),
        "days_on_within_life": one("drug_exposure", survey, days_on=39_000.0),
        "days_on_known": every("drug_exposure", days_on=None),
        "indication_is_icd10": one("drug_exposure", indication_code="99999"),
        "dose_explained": one("drug_exposure", survey, dose_source="sig"),
        "confidence_with_dose": one("drug_exposure", has_dose, dose_confidence=None),
        "ai_dose_plausible": every("drug_exposure", has_dose, dose_mg_per_day=30.0),
        "ai_and_tamoxifen_adults": of_people("drug_exposure", is_ai, 1, age_years=12.0),
        "ai_mostly_women": of_people("drug_exposure", is_ai, sex_code="male"),
        "ai_for_cancer": every("drug_exposure", is_ai, indication_code="E29.1"),
        "bone_drugs_from_40": of_people("drug_exposure", c("ingredient") == "alendronate", age_years=30.0),
        "estrogen_mostly_women": swap_sex,
        "antiandrogen_men": swap_sex,
        "ingredients_per_row": every("drug_exposure", survey, source_row=1),
        "drugs_per_person": every(
            "drug_exposure", survey, person_id=9, ingredient=pl.format("{} {}", c("ingredient"), c("source_row"))
        ),
        "not_denied": every("observation", _seen("takes_prescription"), value=2.0),
        "ingredient_specific": every("drug_exposure", ingredient="drug-unspecified"),
    },
    "condition": {
        "condition_known": one("condition", survey, condition_code="hay_fever"),
        "variable_as_declared": one("condition", _names("stroke"), source_variable="MCQ160B"),
        "breast_cancer_is_cancer": one("condition", _names("cancer") & c("is_present"), is_present=False),
        "breast_cancer_in_men": swap_sex,
        "survey_adults": of_people("condition", survey, 1, age_years=15.0),
        "prevalence": every("condition", _names("stroke"), is_present=~c("is_present")),
        "breast_cancer_prevalence": every("condition", _names("breast_cancer"), is_present=False),
        "osteoporosis_by_sex": swap_sex,
        "heart_attack_rises_with_age": every(
            "condition", _names("myocardial_infarction"), is_present=c("person_id") % 10 == 0
        ),
        "coded_has_date": every("condition", clinic, recorded_on=None),
    },
    "observation": {
        "unit_as_declared": every("observation", _seen("height"), unit_code="m"),
        "one_unit_per_code": one("observation", _seen("height"), unit_code="m"),
        "answer_codes": one("observation", _seen("pregnant"), value=9.0),
        "reading_numbers": one("observation", _seen("height"), reading_number=2),
        "body_mass_index_range": every("observation", _seen("body_mass_index"), value=c("value") * 10),
        "weight_range": every("observation", _seen("weight"), value=c("value") * 1000),
        "height_range": every("observation", _seen("height"), value=c("value") / 100),
        "waist_range": every("observation", _seen("waist"), value=c("value") / 100),
        "systolic_range": every("observation", _seen("systolic_bp"), value=c("value") / 7.5),
        "diastolic_range": every("observation", _seen("diastolic_bp"), value=c("value") / 7.5),
        "systolic_above_diastolic": every("observation", _seen("diastolic_bp"), value=c("value") + 90),
        "body_mass_index_of_weight_and_height": every("observation", _seen("weight"), value=c("value") * 2.2046),
        "men_taller": swap_sex,
        "women_only": swap_sex,
        "pregnant_age": of_people("observation", _seen("pregnant") & (c("value") == 1), age_years=70.0),
        "smokers_have_smoked": one("observation", _seen("smoked_100_cigarettes") & (c("value") == 1), value=2.0),
        "readings_agree": every("observation", _seen("systolic_bp") & (c("reading_number") == 2), value=200.0),
    },
    "source_row": {
        "reason_explains": one("source_row", c("disposition") == "out_of_scope", reason=None),
        "reason_known": one("source_row", c("disposition") == "out_of_scope", reason="mislaid"),
        "staged_person_known": one("source_row", person_id=77_777),
        "quarantined_are_in_quarantine": drop("quarantine", c("person_id").is_not_null()),
        "files_landed": one("raw.manifest", c("source_file") == "demo/DEMO_H", status_code="duplicate"),
        "rows_complete": drop("source_row", (c("source_file") == "demo/DEMO_H") & (c("person_id") == 10)),
        "something_staged": every("source_row", c("family") == "demo", disposition="out_of_scope"),
        "quarantine_share": every("source_row", c("source_row") < 90, disposition="quarantined"),
    },
    "quarantine": {
        "rule_known": one("quarantine", rule_code="other"),
        "person_where_known": one("quarantine", c("person_id").is_not_null(), person_id=None),
        "accounted_for": drop("raw.rejected_row", pl.lit(True)),
        "reason_is_general": every(
            "quarantine", c("rule_code") == "drug_name_unknown", reason=pl.format("row {}", c("source_row"))
        ),
        "one_rule_per_row": repeat("quarantine", c("person_id").is_not_null(), rule_code="no_sex"),
    },
    "conservation": {
        "is_balanced": one("conservation", is_balanced=False),
        "adds_up": one("conservation", rows_staged=c("rows_staged") + 1),
        "every_file_has_an_account": drop("conservation", c("source_file") == "demo/DEMO_A"),
        "rows_as_landed": one("raw.manifest", rows_in=c("rows_in") + 1),
        "staged_where_read": one("conservation", c("source_file") == "demo/DEMO_H", rows_staged=0),
        "quarantine_share": one("conservation", c("source_file") == "demo/DEMO_H", rows_quarantined=200),
        "out_of_scope_share": one("conservation", c("source_file") == "demo/DEMO_H", rows_out_of_scope=1000),
    },
}
VIOLATIONS |= runpy.run_path(str(Path(__file__).with_name("violations_clinical.py")))["planted"](one, every, drop)
