"""In which years a person has records: what decides whether a year of birth would tell an age over 89.

Ages over 89 identify (HIPAA safe harbour); how a year is raised is `bulk`.
"""

from collections.abc import Sequence
from pathlib import Path

import duckdb

from pipelines.tables import CONTRACTS
from pipelines.warehouse import ledger
from pipelines.warehouse.bulk import BulkPart
from pipelines.warehouse.engine import literal, quoted
from pipelines.warehouse.identity import Identities
from pipelines.warehouse.parquet import column_names
from pipelines.warehouse.store import Store
from pipelines.warehouse.typed_cell import native_id

# A planned or filled-in end is no record; the end of an observation period is.
_PERIODS = ("raw.omop_observation_period", "raw.flat_period")


def collect_years(
    connection: duckdb.DuckDBPyConnection,
    store: Store,
    landed: Sequence[ledger.Entry],
    identities: Identities,
    people: Sequence[BulkPart],
) -> None:
    """Fill the temporary table `year_seen` from the raw files just landed, with dates as they were before any shift.

    Args:
        connection: holds `year_seen`, empty, and `identity`.
        store: where the raw files lie.
        landed: entries of the parts to look at.
        identities: gives the shifts of the people.
        people: parts of people whose years of birth are about to be raised.
    """
    if identities.shift_days:
        for part in people:
            _know_shifts(connection, identities, part)
    for days, paths in _alike(store, landed).items():
        _add(connection, paths, days, bool(identities.shift_days))
    connection.execute("create or replace temp table year_seen as select distinct person_id, year_seen from year_seen")


def parts_that_tell_an_age(
    connection: duckdb.DuckDBPyConnection, store: Store, people: Sequence[BulkPart]
) -> frozenset[str]:
    """Names of the parts that as they lie in `raw` have a year of birth which, with `year_seen`, tells an age over 90.

    Args:
        people: parts whose files are all there.
    """
    lying: dict[tuple[str, str], list[Path]] = {}
    for part in people:
        entry = ledger.read(store.settings, part.table, part.name)
        paths = [store.folder(part.table) / bucket / f"{part.name}.parquet" for bucket in entry.files] if entry else []
        lying.setdefault((part.table, part.top_coded_year or ""), []).extend(
            path for path in paths if part.top_coded_year in (column_names(path) or set())
        )
    found: set[str] = set()
    for (_, year), paths in lying.items():
        if paths:
            listed = ", ".join(literal(path) for path in paths)
            told = connection.execute(
                f"select distinct filename from read_parquet([{listed}], hive_partitioning = false, filename = true) as born "
                f"join year_seen using (person_id) where year_seen - {quoted(year)} between 91 and 120"
            ).fetchall()
            found |= {Path(path).stem for (path,) in told}
    return frozenset(found)


def _alike(store: Store, landed: Sequence[ledger.Entry]) -> dict[tuple[str, ...], list[Path]]:
    """Raw files of people that hold the same columns of dates, read in one go: parts may be many and small."""
    found: dict[tuple[str, ...], list[Path]] = {}
    for entry in landed:
        contract = CONTRACTS[entry.table]
        paths = [store.folder(entry.table) / bucket / f"{entry.name}.parquet" for bucket in entry.files]
        if contract.unit != "person" or not paths:
            continue
        held = column_names(paths[0]) or set()
        days = tuple(
            column.name
            for column in contract.columns
            if column.duckdb_type in ("DATE", "TIMESTAMP")
            and (entry.table in _PERIODS or "_end" not in column.name)
            and column.name in held
        )
        if days:
            found.setdefault(days, []).extend(paths)
    return found


def _add(connection: duckdb.DuckDBPyConnection, paths: Sequence[Path], days: Sequence[str], is_shifted: bool) -> None:
    back = " - to_days(shift)" if is_shifted else ""
    join = " join identity using (person_id)" if is_shifted else ""
    years = ", ".join(f"year({quoted(name)}{back})" for name in days)
    listed = ", ".join(literal(path) for path in paths)
    connection.execute(
        f"insert into year_seen select distinct person_id, unnest([{years}]) "
        f"from read_parquet([{listed}], hive_partitioning = false){join}"
    )


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
