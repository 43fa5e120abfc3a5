"""A small valid population, table by table: every suite passes on it, and every check is asked of something.

1,000 people of a survey (cycles A, B and H, no dates) and 40 of a clinic (dates, doses, devices). All values follow
from the number of the person, so that a test can say which row it spoils.
"""

import datetime as dt
import runpy
from pathlib import Path

import polars as pl

from pipelines.settings import sql_root
from pipelines.tables import CONTRACTS
from pipelines.warehouse.step import read_csv

HERE = Path(__file__).parent
shaping = runpy.run_path(str(HERE / "shaping.py"))
measured = runpy.run_path(str(HERE / "measurements.py"))
clinical = runpy.run_path(str(HERE / "clinical.py"))
sourced, shaped, write = shaping["sourced"], shaping["shaped"], shaping["write"]
SURVEY, CLINIC, DROP = shaping["SURVEY"], shaping["CLINIC"], shaping["DROP"]
i, is_male, age = shaping["i"], shaping["is_male"], shaping["age"]

Frames = dict[str, pl.DataFrame]
FIRST_CLINIC_PERSON = 10_001
RACES = ("mexican_american", "other_hispanic", "non_hispanic_white", "non_hispanic_black", "other_or_multiracial")
CAUSES = (
    "heart_disease", "malignant_neoplasm", "other", "diabetes", "heart_disease", "malignant_neoplasm", "kidney",
    "accident", "alzheimer", "other",
)  # fmt: skip
CLINIC_SPANS = ((dt.date(2010, 1, 1), dt.date(2012, 12, 31)), (dt.date(2014, 1, 1), dt.date(2016, 12, 31)))


def frames() -> Frames:
    """Every staging table, the code lists and the landing tables they are checked against."""
    people = _people()
    survey = people.filter(pl.col("source_id") == SURVEY)
    clinic = people.filter(pl.col("source_id") == CLINIC)
    periods = _periods(survey, clinic)
    drugs = measured["drugs"](survey, clinic)
    tables = {
        "staging.person": people,
        "staging.survey_design": _design(survey),
        "staging.observation_period": periods,
        "staging.death": _deaths(periods, people),
        "staging.lab_result": measured["labs"](survey, clinic),
        "staging.dxa_scan": measured["scans"](survey, clinic),
        "staging.drug_exposure": drugs,
        "staging.condition": measured["conditions"](survey, clinic),
        "staging.observation": measured["observations"](survey, clinic, drugs),
    }
    tables["staging.assay_limit"] = _limits(tables["staging.lab_result"])
    tables |= measured["laboratories"]()
    tables |= clinical["clinical_tables"](clinic, tables["staging.condition"])
    tables |= _accounts(tables)
    for path in sorted((sql_root() / "ref").glob("*.csv")):
        tables[f"ref.{path.stem}"] = read_csv(path, CONTRACTS[f"ref.{path.stem}"]).collect()
    return tables


def _people() -> pl.DataFrame:
    number = pl.int_range(1, 1001, eager=True).alias("person_id").to_frame()
    survey = number.with_columns(
        pl.when((i // 4) % 2 == 0).then(pl.lit("male")).otherwise(pl.lit("female")).alias("sex_code"),
        (8 + i * 37 % 73).cast(pl.Float64).alias("age_years"),
        pl.when(i % 4 == 0).then(pl.lit("A")).when(i % 4 == 1).then(pl.lit("B")).otherwise(pl.lit("H")).alias("cycle"),
        (i % 5).replace_strict(list(range(5)), list(RACES)).alias("race_ethnicity_code"),
    )
    survey = survey.with_columns(((age >= 80) & (pl.col("cycle") == "H")).alias("is_age_top_coded"))
    patients = pl.int_range(FIRST_CLINIC_PERSON, FIRST_CLINIC_PERSON + 40, eager=True).alias("person_id").to_frame()
    clinic = patients.with_columns(
        pl.when(i % 2 == 0).then(pl.lit("male")).otherwise(pl.lit("female")).alias("sex_code"),
        (30 + i % 40).cast(pl.Float64).alias("age_years"),
        (1980 - i % 40).alias("birth_year"),
        pl.lit(CLINIC_SPANS[0][0]).alias("entered_on"),
        pl.lit(False).alias("is_age_top_coded"),
    )
    return pl.concat(
        [
            shaped(sourced(survey, pl.concat_str(pl.lit("demo/DEMO_"), "cycle")), "staging.person"),
            shaped(sourced(clinic, "omop/person", CLINIC), "staging.person"),
        ]
    )


def _design(survey: pl.DataFrame) -> pl.DataFrame:
    cycle, examined = pl.col("cycle_code"), pl.col("is_examined")
    is_fasting = (i // 16) % 3 == 0

    def shared(total: float, among: pl.Expr) -> pl.Expr:
        return pl.when(among).then(total / among.sum().over(cycle)).otherwise(0.0)

    frame = survey.with_columns(
        pl.col("source_file").str.tail(1).alias("cycle_code"), (i % 20 != 7).alias("is_examined")
    )
    frame = frame.with_columns(
        cycle.replace_strict({"A": "1999-2000", "B": "2001-2002", "H": "2013-2014"}).alias("cycle_label"),
        (cycle.replace_strict({"A": 0, "B": 10, "H": 100}) + 1 + (i // 16) % 5).alias("stratum_code"),
        (1 + (i // 8) % 2).alias("psu_code"),
        (300e6 / pl.len().over(cycle)).alias("interview_weight"),
        shared(300e6, examined).alias("examination_weight"),
        pl.when(cycle.is_in(["A", "B"]) & examined).then(shared(139e6, examined)).alias("examination_weight_1999_2002"),
        pl.when(is_fasting).then(shared(250e6, examined & is_fasting)).alias("fasting_weight"),
    )
    return shaped(frame, "staging.survey_design", cycle_years=2.0)


def _periods(survey: pl.DataFrame, clinic: pl.DataFrame) -> pl.DataFrame:
    adults = survey.filter(age >= 18).with_columns(
        pl.when(i % 20 != 7).then(pl.lit("examination")).otherwise(pl.lit("interview")).alias("basis_code"),
        (2000.0 + i % 1000).alias("length_days"),
    )
    followed = sourced(adults, "mortality/MORT_H")
    spans = [
        shaped(
            sourced(clinic, f"omop/observation_period_{number}", CLINIC),
            "staging.observation_period",
            span_number=number,
            basis_code="enrolment",
            starts_on=start,
            ends_on=end,
            length_days=float((end - start).days),
            date_reason="recorded",
        )
        for number, (start, end) in enumerate(CLINIC_SPANS, start=1)
    ]
    return pl.concat(
        [shaped(followed, "staging.observation_period", span_number=1, date_reason="not_released"), *spans]
    )


def _deaths(periods: pl.DataFrame, people: pl.DataFrame) -> pl.DataFrame:
    is_examination = pl.col("basis_code") == "examination"
    survey = periods.filter(pl.col("source_id") == SURVEY).join(people.select("person_id", "age_years"), on="person_id")
    survey = survey.filter((age >= 60) & (i % 2 == 0)).with_row_index("n")
    survey = survey.with_columns(
        (pl.col("n") % 10).replace_strict(list(range(10)), list(CAUSES)).alias("cause_code"),
        pl.when(is_examination).then("length_days").alias("days_from_examination"),
        (pl.col("length_days") + pl.when(is_examination).then(20).otherwise(0)).alias("days_from_interview"),
    )
    clinic = periods.filter((pl.col("source_id") == CLINIC) & (pl.col("span_number") == 2)).head(5)
    died = shaped(clinic, "staging.death", died_on=CLINIC_SPANS[1][1], cause_code="I21")
    return pl.concat([shaped(survey, "staging.death"), died])


def _limits(lab: pl.DataFrame) -> pl.DataFrame:
    below = lab.filter(pl.col("is_censored") & (pl.col("source_id") == SURVEY)).group_by("specimen_id", "analyte_code")
    parts = pl.col("specimen_id").str.split(".").list
    found = below.agg(pl.col("lloq").first(), pl.len().alias("n_censored")).sort("specimen_id", "analyte_code")
    named = found.with_columns(parts.get(0).alias("cycle_code"), parts.get(1).alias("family"))
    return shaped(named, "staging.assay_limit", fill_values=1)


def _accounts(tables: Frames) -> Frames:
    """The manifest of all files, and for two of them what became of each row."""
    demo = tables["staging.person"].filter(pl.col("source_file") == "demo/DEMO_H")
    prescriptions = sourced(demo.head(220), "drug/RXQ_RX_X")
    row = pl.col("source_row")
    kind = pl.when(row <= 4).then(0).when(row <= 10).then(1).when(row <= 16).then(2).otherwise(3)
    dispositions = {0: "quarantined", 1: "out_of_scope", 2: "duplicate", 3: "staged"}
    reasons = {0: "drug_name_unknown", 1: "no_answer", 2: "repeats_first_imputation", 3: None}
    prescriptions = prescriptions.with_columns(
        kind.replace_strict(dispositions).alias("disposition"), kind.replace_strict(reasons).alias("reason")
    )
    source_row = pl.concat(
        [
            shaped(demo, "staging.source_row", family="demo", disposition="staged", is_found=True),
            shaped(prescriptions, "staging.source_row", family="rxq_rx", is_found=pl.col("disposition") == "staged"),
        ]
    )
    keyless = pl.DataFrame({"source_file": ["demo/DEMO_H"] * 2, "source_row": [demo.height + 1, demo.height + 2]})
    rejected = shaped(
        keyless, "raw.rejected_row", source_id=SURVEY, rule_code="no_person_key", reason="SEQN is empty", drop_id=DROP
    )
    set_aside = source_row.filter(pl.col("disposition") == "quarantined")
    unknown = {"rule_code": "drug_name_unknown", "reason": "CDC could not code the drug name"}
    files = {file for frame in tables.values() if "source_file" in frame.columns for file in frame["source_file"]}
    counts = dict.fromkeys(sorted(files), (0, 0, 0, 150))
    counts |= {"demo/DEMO_H": (demo.height, 0, 2, 0), "drug/RXQ_RX_X": (204, 6, 4, 6)}
    kinds = ("rows_staged", "rows_duplicate", "rows_quarantined", "rows_out_of_scope")
    account = pl.DataFrame(
        [
            {"source_file": file, "table_name": f"raw.{file.split('/')[1].lower()}", "rows_in": sum(found)}
            | dict(zip(kinds, found, strict=True))
            for file, found in counts.items()
        ]
    )
    provenance = {"source_id": SURVEY, "drop_id": DROP}
    landed = {"format_code": "parquet", "bytes": 1, "status_code": "landed", "landed_at": dt.datetime(2020, 1, 1)}
    return {
        "staging.source_row": source_row,
        "staging.quarantine": pl.concat(
            [shaped(set_aside, "staging.quarantine", **unknown), shaped(rejected, "staging.quarantine")]
        ),
        "staging.conservation": shaped(account, "staging.conservation", is_balanced=True, **provenance),
        "raw.rejected_row": rejected,
        "raw.manifest": shaped(account, "raw.manifest", **landed, **provenance),
    }
