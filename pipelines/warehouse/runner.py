"""Runs steps: finds the buckets whose fingerprint differs, computes those, and leaves every other file untouched.

One warm pool of local processes a run; the unit of work is (step, bucket), so any engine that can call `execute` will do.
"""

import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from hashlib import sha256
from multiprocessing import get_context
from pathlib import Path
from types import TracebackType
from typing import Self

import duckdb
import polars as pl
from threadpoolctl import threadpool_limits

from pipelines.errors import BlockedByCheck, StepFailed
from pipelines.run_facts import RunFacts
from pipelines.settings import Settings
from pipelines.tables import Contract
from pipelines.warehouse.bucket import Bucket
from pipelines.warehouse.engine import connect, literal, quoted
from pipelines.warehouse.parquet import fingerprint_of, row_count, write_frame, write_query
from pipelines.warehouse.step import CsvProducer, PythonProducer, SqlProducer, Step, read_csv
from pipelines.warehouse.store import Store


@dataclass(frozen=True, slots=True)
class StepReport:
    """What one step did: rows of the table, files computed and files found current, seconds, and the table's version."""

    table: str
    rows: int
    computed: int
    current: int
    seconds: float
    code_version: str
    data_version: str


@dataclass(slots=True)
class Runner:
    """Runs steps of one home, on this machine."""

    settings: Settings
    run: RunFacts
    _pool: ProcessPoolExecutor | None = field(default=None, init=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None

    def bring_up_to_date(self, step: Step) -> StepReport:
        """Compute the stale buckets of a step and drop files that no longer belong to its table.

        Raises:
            BlockedByCheck: the result breaks the table's contract.
        """
        started = time.perf_counter()
        store = Store(self.settings)
        targets: tuple[Bucket | None, ...] = store.buckets() if step.is_per_person else (None,)
        wanted = {store.path(step.table, b): (b, self._fingerprint(step, store, b)) for b in targets}
        stale = {path: job for path, job in wanted.items() if fingerprint_of(path) != job[1]}
        self._compute(step, stale)
        for path in store.files(step.table):
            if path not in wanted:
                path.unlink()
        versions = sorted(job[1] for job in wanted.values())
        return StepReport(
            table=step.table,
            rows=row_count(tuple(wanted)),
            computed=len(stale),
            current=len(wanted) - len(stale),
            seconds=time.perf_counter() - started,
            code_version=step.code_version()[:16],
            data_version=sha256("".join(versions).encode()).hexdigest()[:16],
        )

    def _fingerprint(self, step: Step, store: Store, bucket: Bucket | None) -> str:
        inputs = {
            table: tuple(fingerprint_of(path) or str(path) for path in store.files(table, bucket))
            for table in step.inputs
        }
        return step.fingerprint(self.run, bucket.name if bucket else "all", inputs)

    def _compute(self, step: Step, stale: dict[Path, tuple[Bucket | None, str]]) -> None:
        if len(stale) <= 1 or self.settings.threads == 1:
            for path, (bucket, fingerprint) in stale.items():
                execute(step, bucket, path, fingerprint, self.settings, self.run)
            return
        if self._pool is None:
            self._pool = ProcessPoolExecutor(self.settings.threads, mp_context=get_context("forkserver"))
        workers = self.settings.threads
        share = Settings(home=self.settings.home, memory_gb=self.settings.memory_gb / workers, threads=1)
        futures = [
            self._pool.submit(execute, step, bucket, path, fingerprint, share, self.run)
            for path, (bucket, fingerprint) in stale.items()
        ]
        for future in as_completed(futures):
            future.result()


def execute(step: Step, bucket: Bucket | None, path: Path, fingerprint: str, settings: Settings, run: RunFacts) -> None:
    """The unit of work: compute one bucket of one step (None: everybody) and put its file in place.

    Raises:
        BlockedByCheck: the result breaks the contract; no file is left.
        StepFailed: the engine refused; the old file stays.
    """
    try:
        _produce(step, bucket, path, fingerprint, settings, run)
    except (duckdb.ConversionException, pl.exceptions.InvalidOperationError) as error:
        raise BlockedByCheck(
            f"{step.table}: a value does not fit the type of its column ({type(error).__name__})"
        ) from None
    except (duckdb.Error, pl.exceptions.PolarsError) as error:
        raise StepFailed(_without_values(step, error)) from None


def _without_values(step: Step, error: Exception) -> str:
    """What may be said of an engine's error: all of it where it speaks of names or machines, else only its kind."""
    speaks_of_names = (duckdb.BinderException, duckdb.CatalogException, duckdb.ParserException)
    speaks_of_machines = (duckdb.IOException, duckdb.OutOfMemoryException)
    if isinstance(error, (*speaks_of_names, *speaks_of_machines)):
        return f"{step.table}: {error}"
    return (
        f"{step.table}: {type(error).__name__} (its message may quote values and is not repeated); run the step by hand"
    )


def _produce(
    step: Step, bucket: Bucket | None, path: Path, fingerprint: str, settings: Settings, run: RunFacts
) -> None:
    store = Store(settings)

    def check(partial: Path) -> None:
        check_contract(partial, step.contract, settings)

    match step.producer:
        case SqlProducer() as producer:
            with connect(settings) as connection:
                for table in step.inputs:
                    store.create_view(connection, table, bucket)
                for view in producer.views:
                    connection.execute(f"create schema if not exists {view.schema}")
                    connection.execute(f"create view {view.table} as {view.text}")
                query = _conformed(connection, producer.query.rstrip().rstrip(";"), step.contract)
                write_query(connection, query, path, fingerprint, check)
        case CsvProducer(csv_path):
            write_frame(_conform(read_csv(csv_path, step.contract), step.contract), path, fingerprint, check)
        case PythonProducer() as producer:
            inputs = {table: store.scan(table, bucket) for table in step.inputs}
            # Small regressions by the thousand: measured 5 to 15 times slower when BLAS threads contend.
            with threadpool_limits(1):
                rows = producer.resolve()(inputs, run)
                write_frame(_conform(rows, step.contract), path, fingerprint, check)


def check_contract(path: Path, contract: Contract, settings: Settings) -> None:
    """One pass over a written file: keys unique, required columns filled, codes and numbers within their limits.

    Raises:
        BlockedByCheck: naming table, column and how many rows; never a value.
    """
    counts = {f"{c.name} is NULL": f"count_if({quoted(c.name)} is null)" for c in contract.columns if not c.is_nullable}
    for column in contract.columns:
        if column.allowed:
            listed = ", ".join(literal(code) for code in column.allowed)
            counts[f"{column.name} is not one of its codes"] = f"count_if({quoted(column.name)} not in ({listed}))"
        if column.duckdb_type == "DOUBLE":
            counts[f"{column.name} is NaN or infinite"] = f"count_if(not isfinite({quoted(column.name)}))"
        for bound, sign in ((column.minimum, "<"), (column.maximum, ">")):
            if bound is not None and column.duckdb_type in ("DOUBLE", "BIGINT"):
                counts[f"{column.name} {sign} {bound:g}"] = f"count_if({quoted(column.name)} {sign} {bound})"
    source = f"read_parquet({literal(path)})"
    key = ", ".join(quoted(name) for name in contract.key)
    with connect(settings) as connection:
        found = connection.execute(f"select count(*), {', '.join(counts.values())} from {source}").fetchone() or ()
        problems = [f"{n} rows where {what}" for what, n in zip(counts, found[1:], strict=True) if n]
        if key and (repeated := _repeated_keys(connection, source, key)):
            problems.append(f"{repeated} keys ({', '.join(contract.key)}) occur more than once")
    if problems:
        raise BlockedByCheck(f"{contract.name} breaks its contract: {'; '.join(problems)}")


def _repeated_keys(connection: duckdb.DuckDBPyConnection, source: str, key: str) -> int:
    query = f"select count(*) from (select {key} from {source} group by all having count(*) > 1)"
    row = connection.execute(query).fetchone()
    return int(row[0]) if row else 0


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
