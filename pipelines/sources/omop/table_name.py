"""Which OMOP table a file holds, by its name or its folder; and why the tables that are not landed are not."""

import re
from pathlib import PurePath

from pipelines.tables.raw_omop import OMOP_COLUMNS

_DERIVED = "derived from other tables; recomputed here from the records themselves"
_IDENTIFYING = "holds free text, places or people; never landed"
_UNUSED = "not needed by any study"
_VOCABULARY = "vocabulary table that nothing here reads"
OUT_OF_SCOPE = {
    "condition_era": _DERIVED,
    "drug_era": _DERIVED,
    "dose_era": _DERIVED,
    "episode": _DERIVED,
    "episode_event": _DERIVED,
    "cohort": _DERIVED,
    "cohort_definition": _DERIVED,
    "cohort_attribute": _DERIVED,
    "note": _IDENTIFYING,
    "note_nlp": _IDENTIFYING,
    "location": _IDENTIFYING,
    "location_history": _IDENTIFYING,
    "provider": _IDENTIFYING,
    "cost": _UNUSED,
    "payer_plan_period": _UNUSED,
    "fact_relationship": _UNUSED,
    "visit_detail": _UNUSED,
    "specimen": _UNUSED,
    "metadata": _UNUSED,
    "attribute_definition": _UNUSED,
    "survey_conduct": _UNUSED,
    "image_occurrence": _UNUSED,
    "image_feature": _UNUSED,
    "vocabulary": _VOCABULARY,
    "domain": _VOCABULARY,
    "concept_class": _VOCABULARY,
    "relationship": _VOCABULARY,
    "concept_synonym": _VOCABULARY,
    "source_to_concept_map": _VOCABULARY,
    "concept_recommended": _VOCABULARY,
    "concept_numeric": _VOCABULARY,
}
"""Tables of the model that are not landed, and why."""

TABLES = (*OMOP_COLUMNS, *OUT_OF_SCOPE)
_ENDINGS = (".gz", ".parquet", ".parq", ".pq", ".csv", ".tsv", ".txt", ".xlsx", ".snappy", ".zstd")
# measurement, 2b_measurement, omop_measurement, measurement_1, measurement-part-0003, measurement.part.2
_NAME = re.compile(
    r"(?:\d+[a-z]?[_.-]|omop[_.-]|cdm[_.-])?(?P<table>" + "|".join(sorted(TABLES, key=len, reverse=True)) + r")"
    r"(?:[_.-]?(?:part|chunk|data|batch|export)?[_.-]?\d+(?:[_.-]\d+)*)?"
)


def table_of(path: PurePath) -> str | None:
    """The table a file inside a drop holds: by its own name, else by the nearest folder that names one."""
    stem = path.name.lower()
    while stem.endswith(_ENDINGS):
        stem = stem.rpartition(".")[0]
    for name in (stem, *(part.lower() for part in reversed(path.parts[:-1]))):
        if found := _NAME.fullmatch(name):
            return found["table"]
    return None
