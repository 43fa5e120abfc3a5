"""OMOP dose eras: the columns of CDM 5.4, and which regimens make one era.

https://ohdsi.github.io/CommonDataModel/cdm54.html#dose_era
"""

import datetime as dt

import polars as pl

from pipelines.export.dose_era import dose_era

CODES = pl.DataFrame(
    {
        "vocabulary_code": ["omop", "omop", "rxnorm"],
        "code": ["1348265", "1315946", "84857"],
        "ingredient": ["anastrozole", "letrozole", "anastrozole"],
        "product_name": ["anastrozole", "letrozole", None],
    }
)
#: columns and types of CDM 5.4, all required
SPECIFICATION = {
    "dose_era_id": pl.Int64,
    "person_id": pl.Int64,
    "drug_concept_id": pl.Int64,
    "unit_concept_id": pl.Int64,
    "dose_value": pl.Float64,
    "dose_era_start_date": pl.Date,
    "dose_era_end_date": pl.Date,
}


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def regimens(*rows: tuple) -> pl.DataFrame:
    names = ("person_id", "ingredient", "starts_on", "ends_on", "dose_mg_per_week", "times_per_week")
    made = [dict(zip(names, (p, i, day(a), day(b), dose, times), strict=True)) for p, i, a, b, dose, times in rows]
    return pl.DataFrame(made, schema_overrides={"dose_mg_per_week": pl.Float64})


def eras(*rows: tuple) -> list[tuple]:
    found = dose_era(regimens(*rows), CODES)
    return found.select("person_id", "dose_value", "dose_era_start_date", "dose_era_end_date").rows()


def test_columns_are_those_of_the_model_and_none_is_missing() -> None:
    found = dose_era(regimens((7, "letrozole", "2020-01-01", "2020-03-31", 17.5, 7)), CODES)
    assert dict(zip(found.columns, found.dtypes, strict=True)) == SPECIFICATION
    assert found.rows() == [(1, 7, 1315946, 8909, 2.5, day("2020-01-01"), day("2020-03-31"))]


def test_one_dose_in_another_rhythm_goes_on() -> None:
    assert eras(
        (1, "anastrozole", "2020-01-01", "2020-01-31", 7, 7),
        (1, "anastrozole", "2020-02-01", "2020-02-29", 7, 14),
    ) == [(1, 1, day("2020-01-01"), day("2020-02-29"))]


def test_another_dose_a_gap_or_another_person_begins_anew() -> None:
    assert eras(
        (2, "anastrozole", "2020-02-01", "2020-02-29", 7, 7),
        (1, "anastrozole", "2020-02-01", "2020-02-29", 3.5, 7),
        (1, "anastrozole", "2020-01-01", "2020-01-31", 7, 7),
        (1, "anastrozole", "2020-03-02", "2020-03-31", 3.5, 7),
    ) == [
        (1, 1, day("2020-01-01"), day("2020-01-31")),
        (1, 0.5, day("2020-02-01"), day("2020-02-29")),
        (1, 0.5, day("2020-03-02"), day("2020-03-31")),
        (2, 1, day("2020-02-01"), day("2020-02-29")),
    ]


def test_an_unknown_dose_makes_no_era_and_does_not_join_two() -> None:
    assert eras(
        (1, "anastrozole", "2020-01-01", "2020-01-31", 7, 7),
        (1, "anastrozole", "2020-02-01", "2020-02-29", None, None),
        (1, "anastrozole", "2020-03-01", "2020-03-31", 7, 7),
    ) == [(1, 1, day("2020-01-01"), day("2020-01-31")), (1, 1, day("2020-03-01"), day("2020-03-31"))]
    assert eras((1, "anastrozole", "2020-02-01", "2020-02-29", None, None)) == []


def test_a_drug_without_a_concept_is_zero_as_the_model_has_it() -> None:
    found = dose_era(regimens((1, "exemestane", "2020-01-01", "2020-01-31", 175, 7)), CODES)
    assert found["drug_concept_id"].to_list() == [0]
