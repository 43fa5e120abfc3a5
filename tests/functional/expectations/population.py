"""A small valid population, table by table, on which every suite passes and every hand-written check is asked of something.

2,000 people of a survey (cycles A, B and H, no dates) and 40 of a clinic (dates, doses, devices). All values follow from the
number of the person, so that a test can say which row it spoils.
"""

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import polars as pl

from pipelines.settings import sql_root
from pipelines.tables import CONTRACTS
from pipelines.warehouse.step import read_csv

Frames = dict[str, pl.DataFrame]
FILES = {"demo": "DEMO_{}", "mortality": "MORT_H", "tst": "TST_H", "dxxfem": "DXXFEM_H", "dxxspn": "DXXSPN_H"}
SURVEY, CLINIC, DROP = "nhanes", "omop", "drop-1"
FIRST_CLINIC_PERSON = 10_001
i = pl.col("person_id")
is_male = pl.col("sex_code") == "male"
age = pl.col("age_years")


def frames() -> Frames:
    """Every staging table, the code lists and the landing tables they are checked against."""
    people = _people()
    survey = people.filter(pl.col("source_id") == SURVEY)
    clinic = people.filter(pl.col("source_id") == CLINIC)
    lab = pl.concat([_survey_labs(survey), _clinic_labs(clinic)])
    drugs = pl.concat([_survey_drugs(survey), _clinic_drugs(clinic)])
    periods = _periods(survey, clinic)
    tables = {
        "staging.person": people,
        "staging.survey_design": _design(survey),
        "staging.observation_period": periods,
        "staging.death": _deaths(periods, people),
        "staging.lab_result": lab,
        "staging.assay_limit": _limits(lab),
        "staging.dxa_scan": pl.concat([_hip(survey), _spine(survey), _whole_body(survey), _clinic_scans(clinic)]),
        "staging.drug_exposure": drugs,
        "staging.condition": _conditions(survey, clinic),
        "staging.observation": _observations(survey, clinic, drugs),
    }
    tables |= _accounts(tables)
    for path in sorted((sql_root() / "ref").glob("*.csv")):
        tables[f"ref.{path.stem}"] = read_csv(path, CONTRACTS[f"ref.{path.stem}"]).collect()
    return tables


def write(frame: pl.DataFrame, table: str, data: Path) -> Path:
    """Put a table where the store looks for it; columns and types of the contract where it has them."""
    contract = CONTRACTS[table]
    plain = {
        c.name: pl.String if c.duckdb_type == "VARCHAR" else contract.empty().schema[c.name] for c in contract.columns
    }
    known = [pl.col(name).cast(dtype, strict=False) for name, dtype in plain.items() if name in frame.columns]
    extra = [name for name in frame.columns if name not in plain]
    path = (
        data / contract.layer / contract.table / ("0000-4095.parquet" if contract.unit == "person" else "all.parquet")
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    frame.select(*known, *extra).write_parquet(path)
    return path


def _sourced(frame: pl.DataFrame, file: str | pl.Expr, source: str = SURVEY) -> pl.DataFrame:
    file = pl.lit(file) if isinstance(file, str) else file
    has_rows = "source_row" in frame.columns
    return frame.with_columns(
        file.alias("source_file"),
        *([] if has_rows else [pl.int_range(1, pl.len() + 1).over(file).alias("source_row")]),
        pl.lit(source).alias("source_id"),
        pl.lit(DROP).alias("drop_id"),
    )


def _shaped(frame: pl.DataFrame, table: str, **rest: object) -> pl.DataFrame:
    """Add columns that are the same everywhere and bring the contract's order."""
    contract = CONTRACTS[table]
    missing = [c.name for c in contract.columns if c.name not in frame.columns and c.name not in rest]
    given = [
        pl.lit(value).alias(name) if not isinstance(value, pl.Expr) else value.alias(name)
        for name, value in rest.items()
    ]
    empty = [pl.lit(None).alias(name) for name in missing]
    types = {
        c.name: pl.String if c.duckdb_type == "VARCHAR" else contract.empty().schema[c.name] for c in contract.columns
    }
    return frame.with_columns(*given, *empty).select(pl.col(name).cast(dtype) for name, dtype in types.items())


def _people() -> pl.DataFrame:
    number = pl.int_range(1, 2001, eager=True).alias("person_id").to_frame()
    races = ["mexican_american", "other_hispanic", "non_hispanic_white", "non_hispanic_black", "other_or_multiracial"]
    survey = number.with_columns(
        pl.when((i // 4) % 2 == 0).then(pl.lit("male")).otherwise(pl.lit("female")).alias("sex_code"),
        (8 + i * 37 % 73).cast(pl.Float64).alias("age_years"),
        pl.when(i % 4 == 0).then(pl.lit("A")).when(i % 4 == 1).then(pl.lit("B")).otherwise(pl.lit("H")).alias("cycle"),
    )
    survey = survey.with_columns(((age >= 80) & (pl.col("cycle") == "H")).alias("is_age_top_coded"))
    survey = survey.with_columns(
        pl.col("person_id")
        .replace_strict(list(range(1, 2001)), [races[n % 5] for n in range(2000)])
        .alias("race_ethnicity_code")
    )
    # Without a ceiling in cycles A and B nobody there may have the highest age of all.
    survey = _sourced(survey, pl.concat_str(pl.lit("demo/DEMO_"), "cycle"))
    clinic = pl.int_range(FIRST_CLINIC_PERSON, FIRST_CLINIC_PERSON + 40, eager=True).alias("person_id").to_frame()
    clinic = clinic.with_columns(
        pl.when(i % 2 == 0).then(pl.lit("male")).otherwise(pl.lit("female")).alias("sex_code"),
        (30 + i % 40).cast(pl.Float64).alias("age_years"),
        pl.lit(False).alias("is_age_top_coded"),
    )
    clinic = _sourced(clinic, "omop/person", CLINIC)
    return pl.concat([_shaped(survey, "staging.person"), _shaped(clinic, "staging.person")])


def _cycle() -> pl.Expr:
    return pl.col("source_file").str.tail(1)


def _design(survey: pl.DataFrame) -> pl.DataFrame:
    cycle = pl.col("cycle_code")
    frame = survey.select(
        "person_id",
        "age_years",
        "source_id",
        "drop_id",
        _cycle().alias("cycle_code"),
        (i % 20 != 7).alias("is_examined"),
    )
    examined = pl.col("is_examined")

    def shared(total: float, among: pl.Expr) -> pl.Expr:
        return pl.when(among).then(total / among.sum().over(cycle)).otherwise(0.0)

    frame = frame.with_columns(
        cycle.replace_strict({"A": "1999-2000", "B": "2001-2002", "H": "2013-2014"}).alias("cycle_label"),
        pl.lit(2.0).alias("cycle_years"),
        (cycle.replace_strict({"A": 0, "B": 10, "H": 100}) + 1 + (i // 16) % 5).alias("stratum_code"),
        (1 + (i // 8) % 2).alias("psu_code"),
        shared(300e6, pl.lit(True) & examined.is_not_null()).alias("interview_weight"),
        shared(300e6, examined).alias("examination_weight"),
        pl.when(cycle.is_in(["A", "B"]) & examined).then(shared(139e6, examined)).alias("examination_weight_1999_2002"),
        pl.when((i // 16) % 3 == 0).then(shared(250e6, examined & ((i // 16) % 3 == 0))).alias("fasting_weight"),
    )
    return _shaped(frame, "staging.survey_design")


def _periods(survey: pl.DataFrame, clinic: pl.DataFrame) -> pl.DataFrame:
    adults = (
        survey.filter(age >= 18)
        .with_columns(
            pl.when(i % 20 != 7).then(pl.lit("examination")).otherwise(pl.lit("interview")).alias("basis_code"),
            (2000.0 + i % 1000).alias("length_days"),
        )
        .drop("source_row")
    )
    first = _shaped(
        _sourced(adults, "mortality/MORT_H"), "staging.observation_period", span_number=1, date_reason="not_released"
    )
    spans = []
    for number, (start, end) in enumerate(
        [(dt.date(2010, 1, 1), dt.date(2012, 12, 31)), (dt.date(2014, 1, 1), dt.date(2016, 12, 31))], 1
    ):
        span = clinic.select("person_id", (pl.int_range(1, pl.len() + 1) + 100 * number).alias("source_row"))
        spans.append(
            _shaped(
                _sourced(span, "omop/observation_period", CLINIC),
                "staging.observation_period",
                span_number=number,
                basis_code="enrolment",
                starts_on=start,
                ends_on=end,
                length_days=float((end - start).days),
                date_reason="recorded",
            )
        )
    return pl.concat([first, *spans])


def _deaths(periods: pl.DataFrame, people: pl.DataFrame) -> pl.DataFrame:
    survey = periods.filter(pl.col("source_id") == SURVEY).join(people.select("person_id", "age_years"), on="person_id")
    survey = survey.filter((age >= 60) & (i % 3 == 0)).with_row_index("n")
    causes = [
        "heart_disease",
        "malignant_neoplasm",
        "other",
        "diabetes",
        "heart_disease",
        "malignant_neoplasm",
        "kidney",
        "accident",
        "alzheimer",
        "other",
    ]
    survey = survey.with_columns(
        (pl.col("n") % 10).replace_strict(list(range(10)), causes).alias("cause_code"),
        pl.when(pl.col("basis_code") == "examination").then("length_days").alias("days_from_examination"),
        (pl.col("length_days") + pl.when(pl.col("basis_code") == "examination").then(20).otherwise(0)).alias(
            "days_from_interview"
        ),
    )
    clinic = periods.filter((pl.col("source_id") == CLINIC) & (pl.col("span_number") == 2)).head(5)
    clinic = clinic.with_columns(pl.lit(dt.date(2016, 12, 31)).alias("died_on"), pl.lit("I21").alias("cause_code"))
    return pl.concat([_shaped(survey, "staging.death"), _shaped(clinic, "staging.death")])


def _survey_labs(survey: pl.DataFrame) -> pl.DataFrame:
    jitter = 1 + i * 1e-5
    young = ~is_male & (age < 45)
    old = ~is_male & (age >= 60)
    e2 = pl.when(is_male).then(20 + i % 15).when(young).then(60 + i % 50).when(old).then(6 + i % 9).otherwise(15)
    total, hdl, triglycerides = 170 + i % 40, 45 + i % 15, 90 + i % 30
    results = [
        ("H.tst", "LBXEST", "estradiol", "pg/mL", "lc_ms_ms", e2, 1, 3.0, old & (i % 4 == 3)),
        (
            "H.tst",
            "LBXTST",
            "testosterone",
            "ng/dL",
            "lc_ms_ms",
            pl.when(is_male).then(400 + i % 100).otherwise(25),
            1,
            0.75,
            i == 9,
        ),
        ("H.tst", "LBXSHBG", "shbg", "nmol/L", "immunoassay", 30 + i % 20, 1, 0.35, i == 9),
        ("H.vid", "LBXVIDMS", "vitamin_d_25oh", "nmol/L", "lc_ms_ms", 50 + i % 30, 1, 2.0, i == 9),
        ("H.tchol", "LBXTC", "total_cholesterol", "mg/dL", "unknown", total, 1, None, None),
        ("H.hdl", "LBDHDD", "hdl_cholesterol", "mg/dL", "unknown", hdl, 1, None, None),
        ("H.trigly", "LBXTR", "triglycerides", "mg/dL", "unknown", triglycerides, 1, None, None),
        (
            "H.trigly",
            "LBDLDL",
            "ldl_cholesterol_reported",
            "mg/dL",
            "unknown",
            total - hdl - triglycerides / 5,
            1,
            None,
            None,
        ),
        ("H.biopro", "LBXSCA", "calcium", "mg/dL", "unknown", pl.lit(9.5), 1, None, None),
        ("H.biopro", "LBXSAL", "albumin", "g/dL", "unknown", pl.lit(4.3), 1, None, None),
        ("H.biopro", "LBXSCR", "creatinine", "mg/dL", "unknown", pl.lit(0.9), 1, None, None),
        ("H.ghb", "LBXGH", "hba1c", "%", "unknown", pl.lit(5.4), 1, None, None),
        ("F.crp", "LBXCRP", "crp", "mg/L", "unknown", pl.lit(2.0), 10, None, None),
        ("A.lab11", "LBXBAP", "bone_alp", "ug/L", "immunoassay", pl.lit(15.0), 1, None, None),
        ("A.lab11", "URXNT", "ntx_urine", "nmol BCE/L", "immunoassay", pl.lit(350.0), 1, None, None),
        ("A.lab11", "LBXPT21", "pth", "pg/mL", "unknown", pl.lit(40.0), 1, None, None),
        ("A.lab18", "LBXFSH", "fsh", "m[IU]/mL", "immunoassay", pl.lit(12.0), 1, None, None),
        ("A.lab18", "LBXLH", "lh", "m[IU]/mL", "immunoassay", pl.lit(11.0), 1, None, None),
    ]
    parts = []
    for specimen, variable, analyte, unit, assay, value, factor, limit, below in results:
        below = pl.lit(False) if below is None else below
        part = survey.with_columns(
            pl.when(below).then(limit).otherwise(value * jitter).cast(pl.Float64).alias("value"),
            below.alias("is_censored"),
        )
        part = part.with_columns(
            (pl.col("value") / factor / pl.when(below).then(2**0.5).otherwise(1.0)).alias("source_value"),
            pl.when(below).then(pl.lit("<")).otherwise(pl.lit("=")).alias("operator"),
        ).drop("source_row")
        part = _sourced(part, f"lab/{specimen}")
        parts.append(
            _shaped(
                part,
                "staging.lab_result",
                specimen_id=specimen,
                analyte_code=analyte,
                unit_code=unit,
                lloq=limit,
                assay_class=assay,
                date_reason="not_released",
                source_variable=variable,
            )  # fmt: skip
        )
    return pl.concat(parts)


def _clinic_labs(clinic: pl.DataFrame) -> pl.DataFrame:
    frame = _sourced(clinic.with_columns((20.0 + i % 10).alias("value")), "omop/measurement", CLINIC)
    return _shaped(
        frame, "staging.lab_result", specimen_id="omop-1", analyte_code="estradiol", unit_code="pg/mL", operator="=",
        is_censored=False, assay_class="unknown", drawn_on=dt.date(2015, 6, 1), date_reason="recorded",
        source_value=pl.col("value"), source_variable="2243-4",
    )  # fmt: skip


def _limits(lab: pl.DataFrame) -> pl.DataFrame:
    below = (
        lab.filter(pl.col("is_censored"))
        .group_by("specimen_id", "analyte_code")
        .agg(pl.col("lloq").first(), pl.len().alias("n_censored"))
    )
    parts = pl.col("specimen_id").str.split(".").list
    return _shaped(
        below.with_columns(parts.get(0).alias("cycle_code"), parts.get(1).alias("family")),
        "staging.assay_limit",
        fill_values=1,
    )


def _sites(people: pl.DataFrame, sites: dict[str, pl.Expr], file: str, **rest: object) -> pl.DataFrame:
    source = str(rest.pop("source", SURVEY))
    parts = []
    for site, value in sites.items():
        part = _sourced(people.with_columns(value.cast(pl.Float64).alias("bmd_g_cm2")).drop("source_row"), file, source)
        part = part.with_columns(
            pl.when(pl.col("bmd_g_cm2").is_null()).then(pl.lit("cdc_invalidity_code_1")).alias("invalid_reason"),
            pl.col("bmd_g_cm2").is_not_null().alias("is_valid"),
        )
        parts.append(
            _shaped(
                part, "staging.dxa_scan", **({"imputation_number": 0, "manufacturer": "hologic"} | rest), site_code=site
            )
        )
    return pl.concat(parts)


def _hip(survey: pl.DataFrame) -> pl.DataFrame:
    total = pl.when(i % 50 == 3).then(None).otherwise(0.98 + is_male * 0.1 - 0.003 * (age - 30).abs() + (i % 7) * 0.002)
    shifts = {
        "total_hip": 0.0,
        "femoral_neck": -0.1,
        "trochanter": -0.2,
        "intertrochanter": 0.15,
        "wards_triangle": -0.25,
    }
    sites = {site: total + shift for site, shift in shifts.items()}
    return _sites(
        survey, sites, "dxa/DXXFEM_H", scan_id="H.femur", side_code="not_released", date_reason="not_released"
    )


def _spine(survey: pl.DataFrame) -> pl.DataFrame:
    total = pl.when(i % 12 == 5).then(None).otherwise(1.0 + (i % 9) * 0.01)
    shifts = {"lumbar_spine": 0.0, "l1": -0.08, "l2": -0.02, "l3": 0.02, "l4": 0.05}
    sites = {site: total + shift for site, shift in shifts.items()}
    return _sites(
        survey, sites, "dxa/DXXSPN_H", scan_id="H.spine", side_code="not_applicable", date_reason="not_released"
    )


def _whole_body(survey: pl.DataFrame) -> pl.DataFrame:
    body = 1.05 + is_male * 0.1 + (i % 7) * 0.002
    rest = {"side_code": "not_applicable", "date_reason": "not_released"}
    sites = {"whole_body": body, "whole_body_lumbar": body - 0.1, "whole_body_pelvis": body + 0.1}
    measured = _sites(survey.filter(i % 10 != 4), sites, "dxa/DXX_A", scan_id="A.whole_body", **rest)
    draws = [
        _sites(
            survey.filter(i % 10 == 4),
            {site: value + 0.01 * number for site, value in sites.items()},
            "dxa/DXX_A",
            scan_id="A.whole_body",
            imputation_number=number,
            **rest,
        )  # fmt: skip
        for number in range(1, 6)
    ]
    again = {site: value * 1.01 for site, value in sites.items()}
    repeat = _sites(
        survey.filter((i % 10 != 4) & (i <= 60)), again, "dxa/DXX_2_A", scan_id="A.whole_body_repeat", **rest
    )
    return pl.concat([measured, *draws, repeat])


def _clinic_scans(clinic: pl.DataFrame) -> pl.DataFrame:
    return _sites(
        clinic, {"total_hip": 0.95 + (i % 5) * 0.01}, "omop/dxa", source=CLINIC, scan_id="omop-1", side_code="left",
        device_id="scanner-1", scanned_on=dt.date(2015, 5, 1), date_reason="recorded",
    )  # fmt: skip


def _survey_drugs(survey: pl.DataFrame) -> pl.DataFrame:
    old, women, men = age >= 60, ~is_male, is_male
    taken = [
        ("lisinopril", None, "I10", i % 3 == 0),
        ("antibiotic-unspecified", None, "J06.9", i % 97 == 0),
        ("anastrozole", "aromatase_inhibitor", "C50", women & old & (i % 3 == 0)),
        ("tamoxifen", "serm", "C50.911", women & old & (i % 3 == 1)),
        ("alendronate", "bisphosphonate", "M81.0", women & old & (i % 2 == 0)),
        ("estradiol", "estrogen", "N95.1", women & (age >= 45) & (i % 5 == 0)),
        ("bicalutamide", "antiandrogen", "C61", men & old & (i % 5 == 0)),
    ]
    parts = [
        survey.filter(who & (age >= 18)).select(
            "person_id",
            "source_id",
            "drop_id",
            pl.lit(name).alias("ingredient"),
            pl.lit(group, pl.String).alias("drug_class"),
            pl.lit(reason).alias("indication_code"),
            pl.when(i % 50 != 0).then(100.0 + i % 300).alias("days_on"),
        )  # fmt: skip
        for name, group, reason, who in taken
    ]
    frame = _sourced(pl.concat(parts), "drug/RXQ_RX_H")
    return _shaped(
        frame,
        "staging.drug_exposure",
        drug_name=pl.col("ingredient").str.to_uppercase(),
        dose_source="not_recorded",
        date_reason="not_released",
    )


def _clinic_drugs(clinic: pl.DataFrame) -> pl.DataFrame:
    frame = _sourced(clinic.filter(~is_male), "omop/drug_exposure", CLINIC)
    return _shaped(
        frame, "staging.drug_exposure", ingredient="anastrozole", drug_name="ANASTROZOLE 1 MG", drug_class="aromatase_inhibitor",
        started_on=dt.date(2015, 2, 1), days_on=90.0, strength_mg=1.0, dose_mg_per_day=1.0, dose_source="strength",
        dose_confidence=0.9, date_reason="recorded",
    )  # fmt: skip


def _conditions(survey: pl.DataFrame, clinic: pl.DataFrame) -> pl.DataFrame:
    breast = ~is_male & (i % 40 == 5)
    asked = {
        "heart_failure": ("MCQ160B", i % 25 == 0), "coronary_heart_disease": ("MCQ160C", i % 25 == 1),
        "angina": ("MCQ160D", i % 25 == 2), "myocardial_infarction": ("MCQ160E", pl.when(age >= 60).then(i % 8 == 0).otherwise(i % 100 == 0)),
        "stroke": ("MCQ160F", i % 25 == 4), "cancer": ("MCQ220", breast | (i % 25 == 5)), "breast_cancer": ("MCQ230A", breast),
        "hip_fracture": ("OSQ010A", i % 25 == 6), "wrist_fracture": ("OSQ010B", i % 25 == 7), "spine_fracture": ("OSQ010C", i % 25 == 8),
        "osteoporosis": ("OSQ060", pl.when(is_male).then(i % 100 == 0).otherwise(i % 10 == 3)),
    }  # fmt: skip
    adults = survey.filter(age >= 20).drop("source_row")
    parts = [
        _shaped(
            _sourced(adults.with_columns(present.alias("is_present")), "questionnaire/MCQ_H"),
            "staging.condition",
            condition_code=code,
            record_type="self_report",
            source_variable=variable,
        )  # fmt: skip
        for code, (variable, present) in asked.items()
    ]
    coded = _shaped(
        _sourced(clinic, "omop/condition_occurrence", CLINIC), "staging.condition", condition_code="C50.9", is_present=True,
        recorded_on=dt.date(2015, 1, 15), record_type="coded_diagnosis", source_variable="condition_concept_id",
    )  # fmt: skip
    return pl.concat([*parts, coded])


def _observations(survey: pl.DataFrame, clinic: pl.DataFrame, drugs: pl.DataFrame) -> pl.DataFrame:
    height, weight = 160 + is_male * 13 + (i % 9), 70.0 + i % 30
    women = ~is_male & (age >= 20)
    one_or_two: Callable[[pl.Expr], pl.Expr] = lambda yes: pl.when(yes).then(1).otherwise(2)  # noqa: E731
    everybody = pl.lit(True) & i.is_not_null()
    observed = [
        ("height", "BMXHT", "cm", 1, height, everybody),
        ("weight", "BMXWT", "kg", 1, weight, everybody),
        ("body_mass_index", "BMXBMI", "kg/m2", 1, (weight / (height / 100) ** 2).round(2), everybody),
        ("waist", "BMXWAIST", "cm", 1, 85 + i % 20, everybody),
        ("systolic_bp", "BPXSY1", "mm[Hg]", 1, 118 + i % 10, everybody),
        ("systolic_bp", "BPXSY2", "mm[Hg]", 2, 116 + i % 10, everybody),
        ("diastolic_bp", "BPXDI1", "mm[Hg]", 1, 70 + i % 8, everybody),
        ("diastolic_bp", "BPXDI2", "mm[Hg]", 2, 69 + i % 8, everybody),
        ("pregnant", "RIDEXPRG", None, 1, one_or_two(i % 9 == 0), ~is_male & age.is_between(20, 44)),
        ("menses_past_year", "RHQ031", None, 1, one_or_two(age < 50), women),
        ("no_menses_reason", "RHD043", None, 1, pl.lit(7), women & (age >= 50)),
        ("hysterectomy", "RHD280", None, 1, one_or_two(i % 6 == 0), women),
        ("smoked_100_cigarettes", "SMQ020", None, 1, one_or_two(i % 2 == 0), age >= 20),
        ("smokes_now", "SMQ040", None, 1, 1 + i % 3, (age >= 20) & (i % 2 == 0)),
        (
            "takes_prescription",
            "RXDUSE",
            None,
            1,
            one_or_two(i.is_in(drugs["person_id"].unique().to_list())),
            everybody,
        ),
    ]
    parts = [
        _shaped(
            _sourced(
                survey.filter(who).with_columns(value.cast(pl.Float64).alias("value")).drop("source_row"),
                f"examination/{variable}",
            ),
            "staging.observation",
            observation_code=code,
            unit_code=unit,
            reading_number=number,
            date_reason="not_released",
            source_variable=variable,
        )  # fmt: skip
        for code, variable, unit, number, value, who in observed
    ]
    dated = _shaped(
        _sourced(clinic, "omop/observation", CLINIC), "staging.observation", observation_code="weight", unit_code="kg", reading_number=1,
        value=72.0, observed_on=dt.date(2015, 3, 1), date_reason="recorded", source_variable="29463-7",
    )  # fmt: skip
    return pl.concat([*parts, dated])


def _accounts(tables: Frames) -> Frames:
    """The manifest of all files, and for two of them what became of each row."""
    demo = (
        tables["staging.person"]
        .filter(pl.col("source_file") == "demo/DEMO_H")
        .select("person_id", "source_file", "source_row", "source_id", "drop_id")
    )
    rows = demo.with_columns(
        pl.lit("demo").alias("family"), pl.lit("staged").alias("disposition"), pl.lit(None, pl.String).alias("reason")
    )
    n = demo.height
    drug = demo.head(220).with_columns(
        pl.lit("drug/RXQ_RX_X").alias("source_file"),
        pl.int_range(1, 221).alias("source_row"),
        pl.lit("rxq_rx").alias("family"),
    )
    place = pl.col("source_row")
    drug = drug.with_columns(
        pl.when(place <= 4).then(pl.lit("quarantined")).when(place <= 10).then(pl.lit("out_of_scope")).when(place <= 16)
        .then(pl.lit("duplicate")).otherwise(pl.lit("staged")).alias("disposition"),
        pl.when(place <= 4).then(pl.lit("drug_name_unknown")).when(place <= 10).then(pl.lit("no_answer")).when(place <= 16)
        .then(pl.lit("repeats_first_imputation")).alias("reason"),
    )  # fmt: skip
    source_row = _shaped(pl.concat([rows, drug.select(rows.columns)]), "staging.source_row")
    rejected = _shaped(
        pl.DataFrame({"source_file": ["demo/DEMO_H"] * 2, "source_row": [n + 1001, n + 1002]}), "raw.rejected_row", source_id=SURVEY,
        rule_code="no_person_key", reason="SEQN is empty", drop_id=DROP,
    )  # fmt: skip
    set_aside = source_row.filter(pl.col("disposition") == "quarantined")
    quarantine = pl.concat(
        [
            _shaped(
                set_aside.drop("reason"),
                "staging.quarantine",
                rule_code="drug_name_unknown",
                reason="CDC could not code the drug name",
            ),
            _shaped(rejected, "staging.quarantine"),
        ]
    )
    files = pl.concat(
        [frame.select("source_file", "source_id") for name, frame in tables.items() if "source_file" in frame.columns]
    ).unique()
    known = {"demo/DEMO_H": (n, 0, 2, 0), "drug/RXQ_RX_X": (204, 6, 4, 6)}
    paths = sorted([*files["source_file"].to_list(), "drug/RXQ_RX_X"])
    counts = [known.get(path, (0, 0, 0, 150)) for path in paths]
    account = pl.DataFrame(
        {
            "source_file": paths,
            "table_name": [f"raw.{path.split('/')[-1].lower()}" for path in paths],
            "rows_staged": [c[0] for c in counts], "rows_duplicate": [c[1] for c in counts],
            "rows_quarantined": [c[2] for c in counts], "rows_out_of_scope": [c[3] for c in counts],
            "rows_in": [sum(c) for c in counts],
        }
    )  # fmt: skip
    manifest = account.select("source_file", "table_name", "rows_in")
    return {
        "staging.source_row": source_row,
        "staging.quarantine": quarantine,
        "staging.conservation": _shaped(
            account, "staging.conservation", is_balanced=True, source_id=SURVEY, drop_id=DROP
        ),
        "raw.rejected_row": rejected,
        "raw.manifest": _shaped(
            manifest,
            "raw.manifest",
            source_id=SURVEY,
            format_code="parquet",
            bytes=1,
            status_code="landed",
            drop_id=DROP,
            landed_at=dt.datetime(2020, 1, 1),
        ),  # fmt: skip
    }
