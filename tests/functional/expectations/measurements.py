"""What was measured, prescribed, asked and observed in the test population: values that no check may object to."""

import datetime as dt
import runpy
from pathlib import Path
from typing import Any

import polars as pl

shaping = runpy.run_path(str(Path(__file__).with_name("shaping.py")))
sourced, shaped = shaping["sourced"], shaping["shaped"]
SURVEY, CLINIC = shaping["SURVEY"], shaping["CLINIC"]
i, is_male, age = shaping["i"], shaping["is_male"], shaping["age"]
RECORDED, NOT_RELEASED = {"date_reason": "recorded"}, {"date_reason": "not_released"}
DOCUMENTED = {
    "assay_basis": "survey_documentation",
    "unit_basis": "survey_documentation",
    "status_code": "final",
    "n_replicates": 1,
}

young, old = ~is_male & (age < 45), ~is_male & (age >= 60)
adult_women, everybody, nobody = ~is_male & (age >= 20), i >= 0, i < 0
estradiol = pl.when(is_male).then(20 + i % 15).when(young).then(60 + i % 50).when(old).then(6 + i % 9).otherwise(15)
testosterone = pl.when(is_male).then(400 + i % 100).otherwise(25)
total, hdl, triglycerides = 170 + i % 40, 45 + i % 15, 90 + i % 30
friedewald = total - hdl - triglycerides / 5

# Specimen, variable, analyte, unit, assay class, value, factor, limit, who lies below it.
LABS: tuple[tuple[Any, ...], ...] = (
    ("H.tst", "LBXEST", "estradiol", "pg/mL", "lc_ms_ms", estradiol, 1, 3.0, old & (i % 4 == 3)),
    ("H.tst", "LBXTST", "testosterone", "ng/dL", "lc_ms_ms", testosterone, 1, 0.75, i == 9),
    ("H.tst", "LBXSHBG", "shbg", "nmol/L", "immunoassay", 30 + i % 20, 1, 0.35, i == 9),
    ("H.vid", "LBXVIDMS", "vitamin_d_25oh", "nmol/L", "lc_ms_ms", 50 + i % 30, 1, 2.0, i == 9),
    ("H.tchol", "LBXTC", "total_cholesterol", "mg/dL", "unknown", total, 1, None, nobody),
    ("H.hdl", "LBDHDD", "hdl_cholesterol", "mg/dL", "unknown", hdl, 1, None, nobody),
    ("H.trigly", "LBXTR", "triglycerides", "mg/dL", "unknown", triglycerides, 1, None, nobody),
    ("H.trigly", "LBDLDL", "ldl_cholesterol_reported", "mg/dL", "unknown", friedewald, 1, None, nobody),
    ("H.biopro", "LBXSCA", "calcium", "mg/dL", "unknown", 9.5, 1, None, nobody),
    ("H.biopro", "LBXSAL", "albumin", "g/dL", "unknown", 4.3, 1, None, nobody),
    ("H.biopro", "LBXSCR", "creatinine", "mg/dL", "unknown", 0.9, 1, None, nobody),
    ("H.ghb", "LBXGH", "hba1c", "%", "unknown", 5.4, 1, None, nobody),
    ("F.crp", "LBXCRP", "crp", "mg/L", "unknown", 2.0, 10, None, nobody),
    ("A.lab11", "LBXBAP", "bone_alp", "ug/L", "immunoassay", 15.0, 1, None, nobody),
    ("A.lab11", "URXNT", "ntx_urine", "nmol BCE/L", "immunoassay", 350.0, 1, None, nobody),
    ("A.lab11", "LBXPT21", "pth", "pg/mL", "unknown", 40.0, 1, None, nobody),
    ("A.lab18", "LBXFSH", "fsh", "m[IU]/mL", "immunoassay", 12.0, 1, None, nobody),
    ("A.lab18", "LBXLH", "lh", "m[IU]/mL", "immunoassay", 11.0, 1, None, nobody),
)  # fmt: skip

HIP = {"total_hip": 0.0, "femoral_neck": -0.1, "trochanter": -0.2, "intertrochanter": 0.15, "wards_triangle": -0.25}
SPINE = {"lumbar_spine": 0.0, "l1": -0.08, "l2": -0.02, "l3": 0.02, "l4": 0.05}
WHOLE_BODY = {"whole_body": 0.0, "whole_body_lumbar": -0.1, "whole_body_pelvis": 0.1}

# Ingredient, class, reason for use, who takes it.
DRUGS: tuple[tuple[Any, ...], ...] = (
    ("allopurinol", None, "M10.9", i % 3 == 0),
    ("antibiotic-unspecified", None, "J06.9", i % 97 == 0),
    ("anastrozole", "aromatase_inhibitor", "C50", old & (i % 3 == 0)),
    ("tamoxifen", "serm", "C50.911", old & (i % 3 == 1)),
    ("alendronate", "bisphosphonate", "M81.0", old & (i % 2 == 0)),
    ("estradiol", "estrogen", "N95.1", ~is_male & (age >= 45) & (i % 5 == 0)),
    ("bicalutamide", "antiandrogen", "C61", is_male & (age >= 60) & (i % 5 == 0)),
)

# Code of a complaint, and who has it.
COMPLAINTS = {"M25.50": everybody, "N95.2": ~is_male, "N52.9": is_male}

had_breast_cancer = ~is_male & (i % 40 == 5)
CONDITIONS: dict[str, tuple[str, pl.Expr]] = {
    "heart_failure": ("MCQ160B", i % 25 == 0),
    "coronary_heart_disease": ("MCQ160C", i % 25 == 1),
    "angina": ("MCQ160D", i % 25 == 2),
    "myocardial_infarction": ("MCQ160E", pl.when(age >= 60).then(i % 8 == 0).otherwise(i % 100 == 0)),
    "stroke": ("MCQ160F", i % 25 == 4),
    "cancer": ("MCQ220", had_breast_cancer | (i % 25 == 5)),
    "breast_cancer": ("MCQ230A", had_breast_cancer),
    "hip_fracture": ("OSQ010A", i % 25 == 6),
    "wrist_fracture": ("OSQ010B", i % 25 == 7),
    "spine_fracture": ("OSQ010C", i % 25 == 8),
    "osteoporosis": ("OSQ060", pl.when(is_male).then(i % 100 == 0).otherwise(i % 10 == 3)),
}


def labs(survey: pl.DataFrame, clinic: pl.DataFrame) -> pl.DataFrame:
    """`staging.lab_result`: no two values alike, so that no pile of equal ones looks like a hidden limit."""
    parts = []
    for specimen, variable, analyte, unit, assay, value, factor, limit, below in LABS:
        distinct = (pl.lit(value) if isinstance(value, float) else value) * (1 + i * 1e-5)
        part = sourced(survey, f"lab/{specimen}").with_columns(
            pl.when(below).then(limit).otherwise(distinct).cast(pl.Float64).alias("value"),
            pl.when(below).then(pl.lit("<")).otherwise(pl.lit("=")).alias("operator"),
            below.alias("is_censored"),
        )
        codes = {"specimen_id": specimen, "source_variable": variable, "analyte_code": analyte, "unit_code": unit}
        published = pl.col("value") / factor / pl.when(below).then(2**0.5).otherwise(1.0)
        rest = {"source_value": published, "lloq": limit, "assay_class": assay} | NOT_RELEASED | DOCUMENTED
        parts.append(shaped(part, "staging.lab_result", **codes, **rest))
    patients = sourced(clinic, "omop/measurement", CLINIC).with_columns((20.0 + i % 10).alias("value"))
    codes = {"specimen_id": "omop-1", "source_variable": "2243-4", "analyte_code": "estradiol", "unit_code": "pg/mL"}
    rest = {"operator": "=", "is_censored": False, "drawn_on": dt.date(2015, 6, 1)} | RECORDED
    plain = {"assay_class": "unknown", "assay_basis": "none", "status_code": "final", "unit_basis": "given"}
    visited = {"visit_occurrence_id": pl.col("source_row")}
    dated = shaped(
        patients,
        "staging.lab_result",
        source_value=pl.col("value"),
        n_replicates=1,
        **visited,
        **codes,
        **plain,
        **rest,
    )
    hidden = dated.head(1).with_columns(
        pl.lit("omop-2").alias("specimen_id"),
        pl.lit(None, pl.Float64).alias("value"),
        pl.lit("immunoassay").alias("assay_class"),
        pl.lit("steroidal_drug_interference").alias("missing_reason"),
        pl.lit("limit_written_as_half").alias("result_flags"),
    )
    below = {"operator": "<", "is_censored": True, "value": 5.0, "lloq": 5.0, "result_flags": "limit_written_as_zero"}
    filled = changed(dated.head(1), specimen_id="omop-3", source_value=0.0, lab_id="L1", **below)
    inferred = changed(dated.head(1), specimen_id="omop-4", lab_id="L1", unit_basis="inferred_from_lab")
    return pl.concat([*parts, dated, hidden, filled, inferred])


def changed(rows: pl.DataFrame, **values: object) -> pl.DataFrame:
    """The rows with other values."""
    return rows.with_columns(pl.lit(value).cast(rows.schema[name]).alias(name) for name, value in values.items())


def laboratories() -> dict[str, pl.DataFrame]:
    """What one laboratory does by habit, how often it was seen, and until when its source was delivered."""
    one = pl.DataFrame({"source_id": [CLINIC], "lab_key": ["L1"], "analyte_code": ["estradiol"]})
    habit = {"unit_code": "pmol/L", "assay_class": "immunoassay"}
    counts = {"n_with_unit": 400, "unit_share": 0.99, "n_with_method": 300, "method_share": 1.0}
    limit = {"lloq": 5.0, "assay_class": "unknown"}
    source = pl.DataFrame({"source_id": [CLINIC]})
    return {
        "staging.lab_convention": shaped(one, "staging.lab_convention", **habit),
        "staging.lab_convention_count": shaped(one, "staging.lab_convention_count", **habit, **counts),
        "staging.lab_limit": shaped(one, "staging.lab_limit", basis_code="habit", **limit),
        "staging.lab_limit_count": shaped(one, "staging.lab_limit_count", n_stated=60, limit_share=0.98, **limit),
        "staging.latest_day": shaped(source, "staging.latest_day", latest_on=dt.date(2017, 1, 31)),
    }


def scans(survey: pl.DataFrame, clinic: pl.DataFrame) -> pl.DataFrame:
    """`staging.dxa_scan`: hip, spine, whole body measured or imputed, some scanned twice, some of a clinic."""
    thinning = 0.003 * (age - 30).abs()
    hip = pl.when(i % 50 == 3).then(None).otherwise(0.98 + is_male * 0.1 - thinning + (i % 7) * 0.002)
    spine = pl.when(i % 12 == 5).then(None).otherwise(1.0 + (i % 9) * 0.01)
    body = 1.05 + is_male * 0.1 + (i % 7) * 0.002
    is_imputed = i % 10 == 4
    no_side = {"side_code": "not_applicable"} | NOT_RELEASED
    whole = {"scan_id": "A.whole_body"} | no_side
    again = {"scan_id": "A.whole_body_repeat"} | no_side
    drawn = [
        _sites(survey.filter(is_imputed), WHOLE_BODY, body + 0.01 * n, "dxa/DXX_A", imputation_number=n, **whole)
        for n in range(1, 6)
    ]
    dated = {"scan_id": "omop-1", "side_code": "left", "device_id": "scanner-1", "scanned_on": dt.date(2015, 5, 1)}
    of_clinic = _sites(clinic, {"total_hip": 0.0}, 0.95 + (i % 5) * 0.01, "omop/dxa", **dated, **RECORDED)
    femur = {"scan_id": "H.femur", "side_code": "not_released"} | NOT_RELEASED
    return pl.concat(
        [
            _sites(survey, HIP, hip, "dxa/DXXFEM_H", **femur),
            _sites(survey, SPINE, spine, "dxa/DXXSPN_H", **({"scan_id": "H.spine"} | no_side)),
            _sites(survey.filter(~is_imputed), WHOLE_BODY, body, "dxa/DXX_A", **whole),
            *drawn,
            _sites(survey.filter(~is_imputed & (i <= 60)), WHOLE_BODY, body * 1.01, "dxa/DXX_2_A", **again),
            of_clinic.with_columns(pl.lit(CLINIC).alias("source_id")),
        ]
    )


def _sites(people: pl.DataFrame, shifts: dict[str, float], level: pl.Expr, file: str, **same: Any) -> pl.DataFrame:
    same = {"imputation_number": 0, "manufacturer": "hologic"} | same
    parts = []
    for site, shift in shifts.items():
        part = sourced(people, file).with_columns((level + shift).alias("bmd_g_cm2"))
        reason = pl.when(pl.col("bmd_g_cm2").is_null()).then(pl.lit("cdc_invalidity_code_1"))
        is_valid = pl.col("bmd_g_cm2").is_not_null()
        parts.append(shaped(part, "staging.dxa_scan", site_code=site, is_valid=is_valid, invalid_reason=reason, **same))
    return pl.concat(parts)


def drugs(survey: pl.DataFrame, clinic: pl.DataFrame) -> pl.DataFrame:
    """`staging.drug_exposure`: no dose in the survey, doses and dates in the clinic."""
    taken = [
        survey.filter(who & (age >= 18)).with_columns(
            pl.lit(name).alias("ingredient"),
            pl.lit(group, pl.String).alias("drug_class"),
            pl.lit(reason).alias("indication_code"),
            pl.when(i % 50 != 0).then(100.0 + i % 300).alias("days_on"),
        )
        for name, group, reason, who in DRUGS
    ]
    rows = sourced(pl.concat(taken), "drug/RXQ_RX_H")
    of_survey = {"drug_name": pl.col("ingredient").str.to_uppercase(), "dose_source": "not_recorded"} | NOT_RELEASED
    name = {"ingredient": "anastrozole", "drug_name": "ANASTROZOLE 1 MG", "drug_class": "aromatase_inhibitor"}
    dose = {"strength_mg": 1.0, "dose_mg_per_day": 1.0, "dose_source": "strength", "dose_confidence": 0.9}
    when = {"started_on": dt.date(2015, 2, 1), "days_on": 90.0} | RECORDED
    patients = sourced(clinic.filter(~is_male), "omop/drug_exposure", CLINIC)
    return pl.concat(
        [
            shaped(rows, "staging.drug_exposure", **of_survey),
            shaped(patients, "staging.drug_exposure", **name, **dose, **when),
        ]
    )


def conditions(survey: pl.DataFrame, clinic: pl.DataFrame) -> pl.DataFrame:
    """`staging.condition`: what adults of the survey answered, and coded diagnoses of the clinic."""
    adults = sourced(survey.filter(age >= 20), "questionnaire/MCQ_H")
    answers = [
        shaped(
            adults,
            "staging.condition",
            condition_code=code,
            is_present=is_present,
            record_type="self_report",
            source_variable=variable,
        )
        for code, (variable, is_present) in CONDITIONS.items()
    ]
    coded = {"condition_code": "C50.9", "is_present": True, "recorded_on": dt.date(2015, 1, 15)}
    how = {"record_type": "coded_diagnosis", "source_variable": "condition_concept_id"}
    patients = sourced(clinic, "omop/condition_occurrence", CLINIC)
    known = [shaped(patients, "staging.condition", **coded, **how)]
    for number, (code, who) in enumerate(COMPLAINTS.items(), start=2):
        ill = sourced(clinic.filter(who), f"omop/condition_occurrence_{number}", CLINIC)
        complaint = coded | {"condition_code": code, "vocabulary_code": "icd10cm", "setting_code": "outpatient"}
        known.append(shaped(ill, "staging.condition", record_number=1, **complaint, **how))
    return pl.concat([*answers, *known])


def observations(survey: pl.DataFrame, clinic: pl.DataFrame, drugs_taken: pl.DataFrame) -> pl.DataFrame:
    """`staging.observation`: body measures, blood pressure, answers; one dated weight of the clinic."""
    height, weight = 160 + is_male * 13 + i % 9, 70.0 + i % 30
    takers = drugs_taken["person_id"].unique().implode()
    # Code, variable, unit, reading, value, who.
    observed: tuple[tuple[Any, ...], ...] = (
        ("height", "BMXHT", "cm", 1, height, everybody),
        ("weight", "BMXWT", "kg", 1, weight, everybody),
        ("body_mass_index", "BMXBMI", "kg/m2", 1, (weight / (height / 100) ** 2).round(2), everybody),
        ("waist", "BMXWAIST", "cm", 1, 85 + i % 20, everybody),
        ("systolic_bp", "BPXSY1", "mm[Hg]", 1, 118 + i % 10, everybody),
        ("systolic_bp", "BPXSY2", "mm[Hg]", 2, 116 + i % 10, everybody),
        ("diastolic_bp", "BPXDI1", "mm[Hg]", 1, 70 + i % 8, everybody),
        ("diastolic_bp", "BPXDI2", "mm[Hg]", 2, 69 + i % 8, everybody),
        ("pregnant", "RIDEXPRG", None, 1, _yes(i % 9 == 0), ~is_male & age.is_between(20, 44)),
        ("menses_past_year", "RHQ031", None, 1, _yes(age < 50), adult_women),
        ("no_menses_reason", "RHD043", None, 1, pl.lit(7), adult_women & (age >= 50)),
        ("hysterectomy", "RHD280", None, 1, _yes(i % 6 == 0), adult_women),
        ("smoked_100_cigarettes", "SMQ020", None, 1, _yes(i % 2 == 0), age >= 20),
        ("smokes_now", "SMQ040", None, 1, 1 + i % 3, (age >= 20) & (i % 2 == 0)),
        ("takes_prescription", "RXDUSE", None, 1, _yes(i.is_in(takers)), everybody),
    )
    parts = [
        shaped(
            sourced(survey.filter(who), f"examination/{variable}"),
            "staging.observation",
            observation_code=code,
            unit_code=unit,
            reading_number=reading,
            value=value,
            source_variable=variable,
            **NOT_RELEASED,
        )
        for code, variable, unit, reading, value, who in observed
    ]
    weighed = {"observation_code": "weight", "unit_code": "kg", "reading_number": 1, "value": 72.0}
    when = {"observed_on": dt.date(2015, 3, 1), "source_variable": "29463-7"} | RECORDED
    patients = sourced(clinic, "omop/observation", CLINIC)
    return pl.concat([*parts, shaped(patients, "staging.observation", **weighed, **when)])


def _yes(is_yes: pl.Expr) -> pl.Expr:
    return pl.when(is_yes).then(1).otherwise(2)
