"""The unit of work: one bucket of one step, computed and put in place; any engine that can call `execute` will do.

Where only some people changed since the file was made, those people are computed and merged into it. Which files are stale is
the runner's to say.
"""

from dataclasses import dataclass
from pathlib import Path

import duckdb
import polars as pl
from threadpoolctl import threadpool_limits

from pipelines.errors import BlockedByCheck, OutOfMemory, StepFailed
from pipelines.run_facts import RunFacts
from pipelines.settings import Settings
from pipelines.tables import Contract
from pipelines.warehouse.bucket import Bucket
from pipelines.warehouse.changes import ChangeLog
from pipelines.warehouse.contract_check import check_contract
from pipelines.warehouse.engine import connect, quoted, told_when_full
from pipelines.warehouse.parquet import BASIS, GENERATION, facts_of, write_frame, write_query
from pipelines.warehouse.step import CsvProducer, PythonProducer, SqlProducer, Step, read_csv
from pipelines.warehouse.store import Store

# Above this share of a bucket's people, computing everybody costs no more than computing some and merging.
MOST_CHANGED_SHARE = 0.3


@dataclass(frozen=True, slots=True)
class Work:
    """One bucket of one step (None: everybody), with what its file will carry.

    `basis` covers all that decides the file besides the rows of its people: code and facts of the step and of those before it,
    population inputs. `generation` is the landing that the file will reflect.
    """

    step: Step
    bucket: Bucket | None
    path: Path
    fingerprint: str
    basis: str
    generation: int

    @property
    def facts(self) -> dict[str, str]:
        """What stands in the footer of the file beside its fingerprint."""
        return {BASIS: self.basis, GENERATION: str(self.generation)} if self.step.is_per_person else {}


def execute(work: Work, settings: Settings, run: RunFacts) -> bool:
    """Compute and put the file in place; returns whether only changed people were computed.

    Raises:
        BlockedByCheck: the result breaks the contract; no file is left.
        StepFailed: the engine refused; the old file stays.
        DiskFull: there was no space left; the old file stays.
        OutOfMemory: the engine was given too little; the old file stays.
    """
    step = work.step
    try:
        with told_when_full(settings):
            changed = changed_people(work, settings)
            _produce(work, changed, settings, run)
        return changed is not None
    except (duckdb.ConversionException, pl.exceptions.InvalidOperationError) as error:
        raise BlockedByCheck(
            f"{step.table}: a value does not fit the type of its column ({type(error).__name__})"
        ) from None
    except (duckdb.OutOfMemoryException, MemoryError):
        raise OutOfMemory(
            f"{step.table}: memory ran out: raise [limits] memory_gb if the machine has more, or lower threads or "
            "persons_per_bucket; nothing was published"
        ) from None
    except (duckdb.Error, pl.exceptions.PolarsError) as error:
        raise StepFailed(_without_values(step, error)) from None


def changed_people(work: Work, settings: Settings) -> pl.DataFrame | None:
    """People whose rows have to be computed again, column `person_id`; None where the whole bucket has to."""
    there = facts_of(work.path)
    if not work.step.is_per_person or there.get(BASIS) != work.basis:
        return None
    changed = ChangeLog(settings).since(int(there[GENERATION]))
    if changed is None:
        return None
    people = pl.scan_parquet(work.path).select(pl.col("person_id").n_unique()).collect().item()
    expected = changed.height * (work.bucket.share if work.bucket else 1)
    return changed if expected <= max(1, people * MOST_CHANGED_SHARE) else None


def _without_values(step: Step, error: Exception) -> str:
    """What may be said of an engine's error: all of it where it speaks of names or machines, else only its kind."""
    speaks_of_names = (duckdb.BinderException, duckdb.CatalogException, duckdb.ParserException)
    if isinstance(error, (*speaks_of_names, duckdb.IOException)):
        return f"{step.table}: {error}"
    return (
        f"{step.table}: {type(error).__name__} (its message may quote values and is not repeated); run the step by hand"
    )


def _produce(work: Work, changed: pl.DataFrame | None, settings: Settings, run: RunFacts) -> None:
    store, step = Store(settings), work.step

    def check(rows: Path | pl.DataFrame) -> None:
        check_contract(rows, step.contract, settings)

    match step.producer:
        case SqlProducer() as producer:
            with connect(settings) as connection:
                if changed is not None:
                    connection.register("changed_people", changed.to_arrow())
                for table in step.inputs:
                    store.create_view(
                        connection, table, work.bucket, only="changed_people" if changed is not None else None
                    )
                for view in producer.views:
                    connection.execute(f"create schema if not exists {view.schema}")
                    connection.execute(f"create view {view.table} as {view.text}")
                query = _conformed(connection, producer.query.rstrip().rstrip(";"), step.contract)
                if changed is None:
                    write_query(connection, query, work.path, work.fingerprint, check, work.facts)
                else:
                    rows = connection.sql(query).pl()
                    check(rows)
                    _merge(rows, changed, work)
        case CsvProducer(csv_path):
            rows = _conform(read_csv(csv_path, step.contract), step.contract)
            write_frame(rows, work.path, work.fingerprint, check, work.facts)
        case PythonProducer() as producer:
            inputs = {table: store.scan(table, work.bucket) for table in step.inputs}
            if changed is not None:
                inputs = {
                    table: rows.join(changed.lazy(), on="person_id", how="semi") if store.is_per_person(table) else rows
                    for table, rows in inputs.items()
                }
            # Small regressions by the thousand: measured 5 to 15 times slower when BLAS threads contend.
            with threadpool_limits(1):
                rows = _conform(producer.resolve()(inputs, run), step.contract)
                if changed is None:
                    write_frame(rows, work.path, work.fingerprint, check, work.facts)
                else:
                    new = rows.collect()
                    check(new)
                    _merge(new, changed, work)


def _merge(new: pl.DataFrame, changed: pl.DataFrame, work: Work) -> None:
    """Write the file as it is without the changed people, and their new rows among it: both lie in the order of the key.

    What stays was asked its contract when it was made, and no key of one person is that of another.
    """
    kept = pl.scan_parquet(work.path).join(changed.lazy(), on="person_id", how="anti", maintain_order="left")
    key = work.step.contract.key
    # Up to the person: no row of one who changed ties with a row of one who did not.
    until = key.index("person_id") + 1 if "person_id" in key else len(key)
    merged = kept.merge_sorted(new.lazy(), key=list(key[:until]))
    write_frame(merged, work.path, work.fingerprint, facts=work.facts)


def _conformed(connection: duckdb.DuckDBPyConnection, query: str, contract: Contract) -> str:
    """The query with the contract's columns, types and order; refuses missing and extra columns."""
    given = [row[0] for row in connection.execute(f"describe {query}").fetchall()]
    _same_columns(given, contract)
    casts = ", ".join(f"cast({quoted(c.name)} as {c.duckdb_type}) as {quoted(c.name)}" for c in contract.columns)
    order = f" order by {', '.join(quoted(name) for name in contract.key)}" if contract.key else ""
    return f"select {casts} from (\n{query}\n){order}"


def _conform(frame: pl.LazyFrame, contract: Contract) -> pl.LazyFrame:
    _same_columns(frame.collect_schema().names(), contract)
    stored = {
        name: pl.String if dtype.base_type() == pl.Enum else dtype for name, dtype in contract.empty().schema.items()
    }
    return frame.select(pl.col(name).cast(dtype) for name, dtype in stored.items()).sort(contract.key, nulls_last=True)


def _same_columns(given: list[str], contract: Contract) -> None:
    wanted = [c.name for c in contract.columns]
    if sorted(given) != sorted(wanted):
        missing, extra = sorted(set(wanted) - set(given)), sorted(set(given) - set(wanted))
        raise BlockedByCheck(f"{contract.name}: columns missing: {missing}; not in the contract: {extra}")
