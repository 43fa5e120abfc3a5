"""What Dagster shows of a table, read from its contract: schema, units, grain, and who answers for its layer."""

from typing import Any

import dagster as dg

from pipelines.tables import CONTRACTS
from pipelines.tables.column_lineage import MadeOf, in_words, made_of

#: who answers for a layer: those who run it, those who decide how things are measured and estimated, those who read it
_OWNERS = {"raw": "operator", "staging": "operator", "mart": "analyst"}
_OWNER = "data-scientist"


def table_metadata(table: str) -> dict[str, Any]:
    """Static metadata: the column schema with units and meanings, and of which columns those are made that SQL makes."""
    contract = CONTRACTS[table]
    lineage = made_of(table)
    columns = [
        dg.TableColumn(
            name=column.name,
            type=column.duckdb_type.lower(),
            description=_meaning(column.comment, lineage.get(column.name, {})),
            constraints=dg.TableColumnConstraints(nullable=column.is_nullable, unique=contract.key == (column.name,)),
            tags={"key": ""} if column.is_key else None,
        )
        for column in contract.columns
    ]
    told = {"dagster/column_schema": dg.TableSchema(columns=columns), "grain": contract.grain}
    if not lineage:
        return told
    deps = {
        name: [dg.TableColumnDep(source.split("."), column) for source, of in tables.items() for column in of]
        for name, tables in lineage.items()
    }
    return {**told, "dagster/column_lineage": dg.TableColumnLineage(deps)}


def _meaning(comment: str, origin: MadeOf) -> str:
    return f"{comment} · made of {in_words(origin)}" if origin else comment


def table_tags(table: str) -> dict[str, str]:
    """Tags to filter by."""
    return {"unit_of_work": CONTRACTS[table].unit}


def table_owners(table: str) -> list[str]:
    """The team that answers for the layer of a table."""
    return [f"team:{_OWNERS.get(CONTRACTS[table].layer, _OWNER)}"]
