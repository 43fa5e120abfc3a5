"""Tables of OMOP CDM 5.4 that are written, with their columns in the order of the specification and their types.

Types and names only: what stands in a column is decided by the modules that render it. Source: OHDSI Common Data
Model 5.4. Differences by choice: ids are 64 bits wide, a date-time has seconds and no time zone.
"""

import polars as pl

_TEXT, _NUMBER, _WHOLE = pl.String(), pl.Float64(), pl.Int64()
_DAY, _INSTANT = pl.Date(), pl.Datetime("us")
_KIND_OF_ENDING = (
    ("_datetime", _INSTANT),
    ("_date", _DAY),
    ("_id", _WHOLE),
    ("_source_value", _TEXT),
)
_OTHER = {
    "year_of_birth": _WHOLE,
    "month_of_birth": _WHOLE,
    "day_of_birth": _WHOLE,
    "quantity": _NUMBER,
    "days_supply": _WHOLE,
    "refills": _WHOLE,
    "value_as_number": _NUMBER,
    "range_low": _NUMBER,
    "range_high": _NUMBER,
    "amount_value": _NUMBER,
    "numerator_value": _NUMBER,
    "denominator_value": _NUMBER,
    "box_size": _WHOLE,
    "min_levels_of_separation": _WHOLE,
    "max_levels_of_separation": _WHOLE,
}
_TEXT_DESPITE_ENDING = frozenset(
    ("unique_device_id", "production_id", "domain_id", "vocabulary_id", "concept_class_id", "relationship_id")
)

_COLUMNS = {
    "person": "person_id gender_concept_id year_of_birth month_of_birth day_of_birth birth_datetime race_concept_id "
    "ethnicity_concept_id location_id provider_id care_site_id person_source_value gender_source_value "
    "gender_source_concept_id race_source_value race_source_concept_id ethnicity_source_value "
    "ethnicity_source_concept_id",
    "observation_period": "observation_period_id person_id observation_period_start_date observation_period_end_date "
    "period_type_concept_id",
    "visit_occurrence": "visit_occurrence_id person_id visit_concept_id visit_start_date visit_start_datetime "
    "visit_end_date visit_end_datetime visit_type_concept_id provider_id care_site_id visit_source_value "
    "visit_source_concept_id admitted_from_concept_id admitted_from_source_value discharged_to_concept_id "
    "discharged_to_source_value preceding_visit_occurrence_id",
    "condition_occurrence": "condition_occurrence_id person_id condition_concept_id condition_start_date "
    "condition_start_datetime condition_end_date condition_end_datetime condition_type_concept_id "
    "condition_status_concept_id stop_reason provider_id visit_occurrence_id visit_detail_id condition_source_value "
    "condition_source_concept_id condition_status_source_value",
    "drug_exposure": "drug_exposure_id person_id drug_concept_id drug_exposure_start_date "
    "drug_exposure_start_datetime drug_exposure_end_date drug_exposure_end_datetime verbatim_end_date "
    "drug_type_concept_id stop_reason refills quantity days_supply sig route_concept_id lot_number provider_id "
    "visit_occurrence_id visit_detail_id drug_source_value drug_source_concept_id route_source_value "
    "dose_unit_source_value",
    "procedure_occurrence": "procedure_occurrence_id person_id procedure_concept_id procedure_date procedure_datetime "
    "procedure_end_date procedure_end_datetime procedure_type_concept_id modifier_concept_id quantity provider_id "
    "visit_occurrence_id visit_detail_id procedure_source_value procedure_source_concept_id modifier_source_value",
    "device_exposure": "device_exposure_id person_id device_concept_id device_exposure_start_date "
    "device_exposure_start_datetime device_exposure_end_date device_exposure_end_datetime device_type_concept_id "
    "unique_device_id production_id quantity provider_id visit_occurrence_id visit_detail_id device_source_value "
    "device_source_concept_id unit_concept_id unit_source_value unit_source_concept_id",
    "measurement": "measurement_id person_id measurement_concept_id measurement_date measurement_datetime "
    "measurement_time measurement_type_concept_id operator_concept_id value_as_number value_as_concept_id "
    "unit_concept_id range_low range_high provider_id visit_occurrence_id visit_detail_id measurement_source_value "
    "measurement_source_concept_id unit_source_value unit_source_concept_id value_source_value measurement_event_id "
    "meas_event_field_concept_id",
    "observation": "observation_id person_id observation_concept_id observation_date observation_datetime "
    "observation_type_concept_id value_as_number value_as_string value_as_concept_id qualifier_concept_id "
    "unit_concept_id provider_id visit_occurrence_id visit_detail_id observation_source_value "
    "observation_source_concept_id unit_source_value qualifier_source_value value_source_value observation_event_id "
    "obs_event_field_concept_id",
    "death": "person_id death_date death_datetime death_type_concept_id cause_concept_id cause_source_value "
    "cause_source_concept_id",
    "care_site": "care_site_id care_site_name place_of_service_concept_id location_id care_site_source_value "
    "place_of_service_source_value",
    "provider": "provider_id provider_name npi dea specialty_concept_id care_site_id year_of_birth gender_concept_id "
    "provider_source_value specialty_source_value specialty_source_concept_id gender_source_value "
    "gender_source_concept_id",
    "cdm_source": "cdm_source_name cdm_source_abbreviation cdm_holder source_description "
    "source_documentation_reference cdm_etl_reference source_release_date cdm_release_date cdm_version "
    "cdm_version_concept_id vocabulary_version",
    "concept": "concept_id concept_name domain_id vocabulary_id concept_class_id standard_concept concept_code "
    "valid_start_date valid_end_date invalid_reason",
    "concept_relationship": "concept_id_1 concept_id_2 relationship_id valid_start_date valid_end_date invalid_reason",
    "concept_ancestor": "ancestor_concept_id descendant_concept_id min_levels_of_separation max_levels_of_separation",
    "drug_strength": "drug_concept_id ingredient_concept_id amount_value amount_unit_concept_id numerator_value "
    "numerator_unit_concept_id denominator_value denominator_unit_concept_id box_size valid_start_date valid_end_date "
    "invalid_reason",
    "vocabulary": "vocabulary_id vocabulary_name vocabulary_reference vocabulary_version vocabulary_concept_id",
}

PERSON_TABLES = (
    "person",
    "observation_period",
    "visit_occurrence",
    "condition_occurrence",
    "drug_exposure",
    "procedure_occurrence",
    "device_exposure",
    "measurement",
    "observation",
    "death",
)
"""Written as part-files, one per block of persons."""

POPULATION_TABLES = tuple(table for table in _COLUMNS if table not in PERSON_TABLES)
"""Small, written once."""


def _type_of(column: str) -> pl.DataType:
    if column in _OTHER:
        return _OTHER[column]
    if column in ("concept_id_1", "concept_id_2"):
        return _WHOLE
    if column in _TEXT_DESPITE_ENDING:
        return _TEXT
    return next((kind for ending, kind in _KIND_OF_ENDING if column.endswith(ending)), _TEXT)


SCHEMAS: dict[str, dict[str, pl.DataType]] = {
    table: {column: _type_of(column) for column in columns.split()} for table, columns in _COLUMNS.items()
}

ROW_ID: dict[str, str] = {
    table: f"{table}_id" for table in PERSON_TABLES if f"{table}_id" in SCHEMAS[table] and table != "person"
} | {"person": "person_id", "death": "person_id"}
"""The column that names a row of the table."""


def conform(table: str, frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with exactly the columns of `table`, in order and typed; columns it lacks are NULL.

    Raises:
        ValueError: the frame has a column that the table does not have.
    """
    schema = SCHEMAS[table]
    if unknown := [column for column in frame.columns if column not in schema]:
        raise ValueError(f"{table} has no column {', '.join(unknown)}")
    return frame.select(
        pl.col(column).cast(kind) if column in frame.columns else pl.lit(None, dtype=kind).alias(column)
        for column, kind in schema.items()
    )
