"""In which years a person has records: what decides whether a year of birth would tell an age over 89.

Ages over 89 identify (HIPAA safe harbour); how a year is raised is `bulk`.
"""

from collections.abc import Sequence

import duckdb

from pipelines.tables import CONTRACTS
from pipelines.warehouse.bulk import BulkPart
from pipelines.warehouse.engine import literal, quoted
from pipelines.warehouse.identity import Identities
from pipelines.warehouse.ledger import Entry
from pipelines.warehouse.store import Store
from pipelines.warehouse.typed_cell import native_id

# A planned or filled-in end is no record; the end of an observation period is.
_PERIODS = ("raw.omop_observation_period", "raw.flat_period")


def collect_years(
    connection: duckdb.DuckDBPyConnection, store: Store, landed: Sequence[Entry], identities: Identities, part: BulkPart
) -> None:
    """Fill the temporary table `year_seen` from the raw files just landed, with dates as they were before any shift."""
    connection.execute("delete from year_seen")
    if identities.shift_days:
        _know_shifts(connection, identities, part)
    for entry in landed:
        days = [
            column.name
            for column in CONTRACTS[entry.table].columns
            if column.duckdb_type in ("DATE", "TIMESTAMP") and (entry.table in _PERIODS or "_end" not in column.name)
        ]
        if CONTRACTS[entry.table].unit != "person" or not days:
            continue
        files = [store.folder(entry.table) / bucket / f"{entry.name}.parquet" for bucket in entry.files]
        for path in files:
            _add(connection, f"read_parquet({literal(path)})", days, bool(identities.shift_days))
    connection.execute("create or replace temp table year_seen as select distinct person_id, year_seen from year_seen")


def _add(connection: duckdb.DuckDBPyConnection, rows: str, days: Sequence[str], is_shifted: bool) -> None:
    held = {row[0] for row in connection.execute(f"describe select * from {rows}").fetchall()}
    present = [quoted(name) for name in days if name in held]
    if not present:
        return
    back = " - to_days(shift)" if is_shifted else ""
    join = " join identity using (person_id)" if is_shifted else ""
    years = ", ".join(f"year({name}{back})" for name in present)
    connection.execute(f"insert into year_seen select distinct person_id, unnest([{years}]) from {rows}{join}")


def _know_shifts(connection: duckdb.DuckDBPyConnection, identities: Identities, part: BulkPart) -> None:
    """Parts that were current gave no ids in this run: those of the people of the part at hand are what is needed."""
    if hasattr(part.rows, "table") or not hasattr(part.rows, "path"):
        for frame in part.rows.batches([part.id_column]):
            connection.register("people", frame.to_arrow())
            _add_people(connection, identities, part, "people")
            connection.unregister("people")
    else:
        _add_people(connection, identities, part, f"read_parquet({literal(part.rows.path)})")


def _add_people(connection: duckdb.DuckDBPyConnection, identities: Identities, part: BulkPart, relation: str) -> None:
    column = part.id_column or ""
    # All rows are fetched: a result that is not read to its end blocks the connection for `unregister`.
    (found,) = connection.execute(f"describe select {quoted(column)} from {relation}").fetchall()
    identities.add(relation, native_id(column, found[1]))
