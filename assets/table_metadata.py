"""What Dagster shows of a table, read from its contract: schema, units, grain."""

from typing import Any

import dagster as dg

from pipelines.tables import CONTRACTS


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
