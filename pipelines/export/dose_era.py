"""Regimens of aromatase inhibitors as OMOP DOSE_ERA: spans of one constant dose. Rows of people, for this machine alone.

The table is that of CDM 5.4 (https://ohdsi.github.io/CommonDataModel/cdm54.html#dose_era).
"""

import polars as pl

#: columns and types of the table, in its order
SCHEMA: dict[str, pl.DataType] = {
    "dose_era_id": pl.Int64(),
    "person_id": pl.Int64(),
    "drug_concept_id": pl.Int64(),
    "unit_concept_id": pl.Int64(),
    "dose_value": pl.Float64(),
    "dose_era_start_date": pl.Date(),
    "dose_era_end_date": pl.Date(),
}
#: milligram per 24 hours (UCUM mg/(24.h)); no matching concept
MG_PER_DAY, NO_CONCEPT = 8909, 0
_DAYS_PER_WEEK = 7


def dose_era(regimens: pl.DataFrame, drug_codes: pl.DataFrame) -> pl.DataFrame:
    """One row a person, ingredient and span of one daily dose; a regimen whose dose is not known makes none.

    Regimens that follow each other day by day at one dose in another rhythm are one era.

    Args:
        regimens: `features.ai_regimen`.
        drug_codes: `ref.drug_code`.
    Returns:
        columns `SCHEMA`, by person, drug and day; dose in milligrams a day.
    """
    concepts = drug_codes.filter(
        pl.col("vocabulary_code") == "omop", pl.col("product_name") == pl.col("ingredient")
    ).select("ingredient", pl.col("code").cast(pl.Int64).alias("drug_concept_id"))
    series = ["person_id", "ingredient"]
    known = regimens.filter(pl.col("dose_mg_per_week").is_not_null()).sort(*series, "starts_on", "ends_on")
    begins = (
        (pl.col("dose_mg_per_week") != pl.col("dose_mg_per_week").shift(1))
        | (pl.col("starts_on") > pl.col("ends_on").shift(1).dt.offset_by("1d"))
    ).over(series)
    eras = (
        known.with_columns(begins.fill_null(value=True).cum_sum().over(series).alias("era"))
        .group_by(*series, "era")
        .agg(pl.col("dose_mg_per_week").first(), pl.col("starts_on").min(), pl.col("ends_on").max())
        .join(concepts, on="ingredient", how="left")
        .select(
            "person_id",
            pl.col("drug_concept_id").fill_null(NO_CONCEPT),
            pl.lit(MG_PER_DAY, pl.Int64).alias("unit_concept_id"),
            (pl.col("dose_mg_per_week") / _DAYS_PER_WEEK).alias("dose_value"),
            pl.col("starts_on").alias("dose_era_start_date"),
            pl.col("ends_on").alias("dose_era_end_date"),
        )
        .sort("person_id", "drug_concept_id", "dose_era_start_date")
    )
    numbered = eras.with_row_index("dose_era_id", offset=1)
    return numbered.select(pl.col(name).cast(kind) for name, kind in SCHEMA.items())
