"""Blood draws written down as laboratories send them: OMOP measurement rows, with their traps.

`measurement_source_value` is `code|name|method|status|fasting`, five parts, any of which may be empty. Units, spellings
and what is left out are habits of the laboratory (`sites`). Densitometry is in `densitometry`, vital signs in `charts`.
"""

import numpy as np
import polars as pl

from pipelines.synth.mechanism.life import Lives
from pipelines.synth.omop import laboratory_traps as traps
from pipelines.synth.omop.concepts import analytes, code, concept_id, standard_id
from pipelines.synth.omop.mess import Mess
from pipelines.synth.omop.rows import Contacts, date, instant, row_ids
from pipelines.synth.omop.sites import LABORATORY, laboratories, laboratory_units

_KNOWN = (
    *("trap", "measured", "prints_comma", "option", "unit", "prints_unit", "is_mapped", "assay_class"),
    *("is_fasting_test", "prints_fasting"),
)
"""Carried along for counting, never written."""
_E2_BY_METHOD = {"lcms": "lab.e2_sensitive", "immunoassay": "lab.e2_immunoassay"}


def results(lives: Lives, contacts: Contacts, mess: Mess) -> pl.DataFrame:
    """Measurement rows of all blood draws, unsorted."""
    frame = _described(lives, contacts, mess)
    traps.count_what_lives_bring(frame, lives, mess)
    frame = traps.spoil(frame, mess)
    written = traps.copies(_written(frame), mess)
    traps.count_habits(written, mess)
    return written.drop(_KNOWN)


def _described(lives: Lives, contacts: Contacts, mess: Mess) -> pl.DataFrame:
    """One row per analyte and draw with everything the laboratory knows: value in its unit, limits, words."""
    draws = lives.draws.with_columns(row_id=row_ids(lives.draws["person"], 0), person_id=pl.col("person"))
    draws = traps.with_inflammation(draws, lives, mess)
    kind = draws.schema["analyte"]
    numbers = draws["laboratory"].unique().sort().to_numpy().astype(np.int64)
    units = laboratory_units(numbers, mess).with_columns(pl.col("analyte").cast(kind))
    labs = laboratories(numbers, mess).with_columns(codes_by_method=_codes_by_method(numbers, mess))
    names = analytes().with_columns(pl.col("analyte").cast(kind))
    frame = (
        contacts.joined(draws)
        .join(units, on=["laboratory", "analyte"], how="left", maintain_order="left")
        .join(labs, on="laboratory", how="left", maintain_order="left")
        .join(names, on="analyte", how="left", maintain_order="left")
        .join(lives.people.select("person", "sex"), on="person", how="left", maintain_order="left")
    )
    is_male = pl.col("sex") == "male"
    scale = 10.0 ** pl.col("decimals")

    def printed(value: pl.Expr) -> pl.Expr:
        return (value.cast(pl.Float64) * pl.col("factor") * scale).round() / scale

    measured = pl.col("measured_value").cast(pl.Float64)
    return frame.select(
        "row_id",
        "person_id",
        "person",
        "draw",
        "is_inflamed",
        "day",
        "minute",
        "analyte",
        "assay_class",
        "assay_limit",
        "is_fasting",
        "days_since_injection",
        "laboratory",
        "option",
        "unit",
        "decimals",
        "prints_comma",
        "prints_unit",
        "sex",
        "visit_occurrence_id",
        "unit_text",
        "unit_concept_id",
        "unit_source_concept_id",
        "factor",
        "is_fasting_test",
        "prints_fasting",
        "is_mapped",
        "concept_id",
        "source_concept_id",
        "code",
        "printed_name",
        measured=measured,
        value=printed(measured),
        limit=printed(pl.col("assay_limit")),
        ceiling=printed(pl.col("upper_limit")),
        is_below=(measured < pl.col("assay_limit")).fill_null(False),
        is_above=(measured > pl.col("upper_limit")).fill_null(False),
        range_low=printed(pl.when(is_male).then("low_male").otherwise("low_female")),
        range_high=printed(pl.when(is_male).then("high_male").otherwise("high_female")),
        method=pl.when("prints_method").then(
            pl.when(pl.col("assay_class") == "lcms")
            .then("method_lcms")
            .when(pl.col("assay_class") == "immunoassay")
            .then("method_immunoassay")
        ),
        method_key=pl.when(
            (pl.col("analyte") == "estradiol") & pl.col("codes_by_method") & (pl.col("concept") == "e2_mass")
        ).then(pl.col("assay_class").cast(pl.String)),
    )


def _codes_by_method(numbers: np.ndarray, mess: Mess) -> np.ndarray:
    """Half of the laboratories have a code of their own for estradiol by mass spectrometry and by immunoassay."""
    return mess.uniforms(numbers, "codes by method") < (0.5 if mess.level != "none" else 1.0)


def _written(frame: pl.DataFrame) -> pl.DataFrame:
    """The OMOP columns, from what was to be printed."""
    for method, key in _E2_BY_METHOD.items():
        is_it = (pl.col("method_key") == method).fill_null(False)
        frame = frame.with_columns(
            code=pl.when(is_it).then(pl.lit(code(key))).otherwise("code"),
            concept_id=pl.when(is_it).then(pl.lit(standard_id(key))).otherwise("concept_id"),
            source_concept_id=pl.when(is_it).then(pl.lit(concept_id(key))).otherwise("source_concept_id"),
        )
    fasting = (
        pl.when(pl.col("is_fasting_test") & pl.col("prints_fasting"))
        .then(pl.when("is_fasting").then(pl.lit("FASTING")).otherwise(pl.lit("NOT FASTING")))
        .otherwise(pl.lit(""))
    )
    has_unit = pl.col("unit_text").is_not_null()
    return frame.select(
        *_KNOWN,
        measurement_id="row_id",
        person_id="person_id",
        measurement_concept_id=pl.when("is_mapped").then("concept_id").otherwise(0),
        measurement_date=date("day"),
        measurement_datetime=instant("day", pl.col("minute")),
        measurement_type_concept_id=pl.lit(standard_id("type.lab")),
        operator_concept_id="operator_concept_id",
        value_as_number="number",
        unit_concept_id=pl.when(has_unit).then("unit_concept_id").otherwise(0),
        range_low="range_low",
        range_high="range_high",
        provider_id=pl.col("laboratory").cast(pl.Int64) + LABORATORY,
        visit_occurrence_id="visit_occurrence_id",
        measurement_source_value=pl.concat_str(
            "code", "printed_name", pl.col("method").fill_null(""), pl.lit("F"), fasting, separator="|"
        ),
        measurement_source_concept_id=pl.when("is_mapped").then("source_concept_id").otherwise(0),
        unit_source_value="unit_text",
        unit_source_concept_id=pl.when(has_unit).then("unit_source_concept_id").otherwise(0),
        value_source_value="text",
    )
