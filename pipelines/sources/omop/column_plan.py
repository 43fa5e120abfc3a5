"""Which columns of a delivered OMOP table are landed under which name, which are not, and what a table cannot do without.

Letter case does not matter. Columns that the model does not know are kept, unless they identify a person.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

from pipelines.errors import BadInput
from pipelines.sources.delivery import Kind
from pipelines.tables.raw_omop import OMOP_COLUMNS, OMOP_POPULATION_TABLES

PERSON_ID = "person_id"
# Standard columns of the model that identify a person or lead to one.
NEVER_LANDED: Mapping[str, frozenset[str]] = {
    "person": frozenset(
        ("birth_datetime", "month_of_birth", "day_of_birth", "person_source_value", "location_id", "provider_id")
    ),
    "device_exposure": frozenset(("unique_device_id", "production_id")),
    "care_site": frozenset(("location_id",)),
}
_RESERVED = frozenset(
    (PERSON_ID, "source_id", "drop_id", "drop_sequence", "source_file", "source_row", "cycle_code", "fault", "slot")
)
# Each table needs one column of every group; without it no row could be used.
REQUIRED: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "person": (("gender_concept_id", "gender_source_value"),),
    "observation_period": (("observation_period_start_date",), ("observation_period_end_date",)),
    "death": (("death_date", "death_datetime"),),
    "visit_occurrence": (("visit_start_date", "visit_start_datetime"),),
    "condition_occurrence": (
        ("condition_start_date", "condition_start_datetime"),
        ("condition_concept_id", "condition_source_value"),
    ),
    "drug_exposure": (
        ("drug_exposure_start_date", "drug_exposure_start_datetime"),
        ("drug_concept_id", "drug_source_value"),
    ),
    "measurement": (
        ("measurement_date", "measurement_datetime"),
        ("measurement_concept_id", "measurement_source_value"),
    ),
    "observation": (
        ("observation_date", "observation_datetime"),
        ("observation_concept_id", "observation_source_value"),
    ),
    "procedure_occurrence": (
        ("procedure_date", "procedure_datetime"),
        ("procedure_concept_id", "procedure_source_value"),
    ),
    "device_exposure": (("device_exposure_start_date", "device_exposure_start_datetime"),),
    "concept": (("concept_id",), ("concept_code",), ("vocabulary_id",)),
    "concept_relationship": (("concept_id_1",), ("concept_id_2",), ("relationship_id",)),
    "concept_ancestor": (("ancestor_concept_id",), ("descendant_concept_id",)),
    "drug_strength": (("drug_concept_id",), ("ingredient_concept_id",)),
    "care_site": (("care_site_id",),),
    "cdm_source": ((),),
}


@dataclass(frozen=True, slots=True)
class ColumnPlan:
    """What to land of a table: `columns` maps the file's names to ours; `notes` say what is left out."""

    columns: Mapping[str, str]
    kinds: Mapping[str, Kind]
    id_column: str | None
    notes: tuple[str, ...]


def plan_columns(table: str, columns: Sequence[str], where: str) -> ColumnPlan:
    """Decide for each column of a file what becomes of it.

    Raises:
        BadInput: a column that no row can be used without is not there, or two columns differ in letter case only.
    """
    by_name: dict[str, str] = {}
    for column in columns:
        name = column.strip().lower()
        if name in by_name:
            raise BadInput(f"{where}: two columns are called {name} but for letter case: remove one")
        by_name[name] = column
    _require(table, by_name, where)
    never = NEVER_LANDED.get(table, frozenset()) & by_name.keys()
    reserved = (by_name.keys() & _RESERVED) - {PERSON_ID}
    declared = OMOP_COLUMNS[table]
    kept = {column: name for name, column in by_name.items() if name not in never | _RESERVED}
    notes = []
    if never:
        notes.append(f"not landed, for they lead to a person or a place: {', '.join(sorted(never))}")
    if reserved:
        notes.append(f"not landed, for the names are taken: {', '.join(sorted(reserved))}")
    kinds: dict[str, Kind] = {}
    for name in kept.values():
        kind = declared.get(name, "text")
        kinds[name] = next(k for k in get_args(Kind) if k == kind)
    is_person = table not in OMOP_POPULATION_TABLES
    return ColumnPlan(kept, kinds, by_name[PERSON_ID] if is_person else None, tuple(notes))


def _require(table: str, by_name: Mapping[str, str], where: str) -> None:
    groups = REQUIRED[table] if table in OMOP_POPULATION_TABLES else ((PERSON_ID,), *REQUIRED[table])
    lacking = [" or ".join(group) for group in groups if group and not by_name.keys() & set(group)]
    if lacking:
        known = len(by_name.keys() & OMOP_COLUMNS[table].keys())
        raise BadInput(
            f"{where}: no column {', '.join(lacking)} ({known} of {len(by_name)} columns are of OMOP's {table}): "
            "give the columns their OMOP names"
        )
