"""What Dagster shows of a table, read from its contract: schema, units, grain, and who answers for its layer."""

from typing import Any

import dagster as dg

from pipelines.tables import CONTRACTS

#: who answers for a layer: those who run it, those who decide how things are measured and estimated, those who read it
_OWNERS = {"raw": "operator", "staging": "operator", "mart": "analyst"}
_OWNER = "data-scientist"


def table_metadata(table: str) -> dict[str, Any]:
    """Static metadata: the column schema with units and meanings."""
    contract = CONTRACTS[table]
    columns = [
        dg.TableColumn(
            name=column.name,
            type=column.duckdb_type.lower(),
            description=column.comment,
            constraints=dg.TableColumnConstraints(nullable=column.is_nullable, unique=contract.key == (column.name,)),
            tags={"key": ""} if column.is_key else None,
        )
        for column in contract.columns
    ]
    return {"dagster/column_schema": dg.TableSchema(columns=columns), "grain": contract.grain}


def table_tags(table: str) -> dict[str, str]:
    """Tags to filter by."""
    return {"unit_of_work": CONTRACTS[table].unit}


def table_owners(table: str) -> list[str]:
    """The team that answers for the layer of a table."""
    return [f"team:{_OWNERS.get(CONTRACTS[table].layer, _OWNER)}"]
