"""The unit of work, computed and put in place: buckets of one step, or some studies of it. Whoever calls `execute` will do.

Where only some people changed since the file was made, those people are computed and merged into it. Which files are stale, and
which of them are done at once, is the runner's to say.
"""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import duckdb
import polars as pl
from threadpoolctl import threadpool_limits

from pipelines.errors import BlockedByCheck, OutOfMemory, StepFailed, TrabeculaError, note_work
from pipelines.run_facts import RunFacts
from pipelines.settings import Settings
from pipelines.tables import Contract
from pipelines.warehouse.bucket import SLOT_SQL, Bucket
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
    population inputs. `generation` is the landing that the file will reflect. `studies`: only the rows of these, not of all.
    """

    step: Step
    bucket: Bucket | None
    path: Path
    fingerprint: str
    basis: str
    generation: int
    studies: tuple[str, ...] | None = None

    @property
    def facts(self) -> dict[str, str]:
        """What stands in the footer of the file beside its fingerprint."""
        return {BASIS: self.basis, GENERATION: str(self.generation)} if self.step.is_per_person else {}


@dataclass(frozen=True, slots=True)
class Done:
    """Files that were put in place, and how many of them only had their changed people computed."""

    files: int
    merged: int


def execute(works: Sequence[Work], settings: Settings, run: RunFacts) -> Done:
    """Compute buckets of one step, in their order, and put their files in place.

    Of files that reflect the same landing the people who changed since are computed at once: a query on a few people costs more
    to plan than to run.

    Raises:
        BlockedByCheck: the result breaks the contract; no file is left.
        StepFailed: the engine refused; the old file stays.
        DiskFull: there was no space left; the old file stays.
        OutOfMemory: the engine was given too little; the old file stays.
    """
    studies = works[0].studies
    with told(works[0].step, settings, f" of {', '.join(studies)}" if studies else ""):
        some: dict[int, list[Work]] = {}
        for work in works:
            landing = _few_changed_since(work, settings)
            if landing is None:
                _produce(work, settings, run)
            else:
                some.setdefault(landing, []).append(work)
        for landing, merged in some.items():
            _produce_changed(merged, landing, settings, run)
        return Done(len(works), sum(map(len, some.values())))


@contextmanager
def told(step: Step, settings: Settings, of_what: str = "") -> Generator[None]:
    """Says what an engine refused while a step was computed, without the values its message may quote.

    An error that nobody expected goes on, with a note of what was computed.

    Raises:
        BlockedByCheck: a value does not fit the type of its column.
        StepFailed, DiskFull, OutOfMemory: as in `execute`.
    """
    try:
        with told_when_full(settings):
            yield
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
    except TrabeculaError:
        raise
    except Exception as error:
        note_work(error, f"{step.table}{of_what}")
        raise


def gather(work: Work, parts: Sequence[Work], settings: Settings) -> None:
    """Put the file of all studies in place, of files that each hold the rows of some.

    Raises:
        BlockedByCheck: together they break the contract, as where two of them tell of one study; no file is left.
        StepFailed, DiskFull, OutOfMemory: as in `execute`; the old file stays.
    """
    contract = work.step.contract
    with told(work.step, settings):
        rows = pl.concat([pl.scan_parquet(part.path) for part in parts])
        check = partial(check_contract, contract=contract, settings=settings)
        write_frame(_conform(rows, contract), work.path, work.fingerprint, check, work.facts)


def reflected(work: Work) -> int | None:
    """The landing that the file of a work reflects, where nothing but rows of people can have changed since; else None."""
    there = facts_of(work.path)
    return int(there[GENERATION]) if work.step.is_per_person and there.get(BASIS) == work.basis else None


def _few_changed_since(work: Work, settings: Settings) -> int | None:
    """The same where few enough people changed for merging; None where the whole bucket has to be computed."""
    landing = reflected(work)
    changed = None if landing is None else ChangeLog(settings).since(landing)
    if changed is None:
        return None
    people = pl.scan_parquet(work.path).select(pl.col("person_id").n_unique()).collect().item()
    expected = changed.height * (work.bucket.share if work.bucket else 1)
    return landing if expected <= max(1, people * MOST_CHANGED_SHARE) else None


def _without_values(step: Step, error: Exception) -> str:
    """What may be said of an engine's error: all of it where it speaks of names or machines, else only its kind."""
    speaks_of_names = (duckdb.BinderException, duckdb.CatalogException, duckdb.ParserException)
    if isinstance(error, (*speaks_of_names, duckdb.IOException)):
        return f"{step.table}: {error}"
    return (
        f"{step.table}: {type(error).__name__} (its message may quote values and is not repeated); run the step by hand"
    )


def _produce(work: Work, settings: Settings, run: RunFacts) -> None:
    """Everybody of a bucket, or of all."""
    store, step = Store(settings), work.step

    def check(rows: Path | pl.DataFrame) -> None:
        check_contract(rows, step.contract, settings)

    match step.producer:
        case SqlProducer(adds_up=True) as producer:
            rows = _added_up(step, producer, store, settings)
            write_frame(rows, work.path, work.fingerprint, check, work.facts)
        case SqlProducer() as producer:
            with connect(settings) as connection:
                query = _query(connection, step, producer, store, work.bucket)
                write_query(connection, query, work.path, work.fingerprint, check, work.facts)
        case CsvProducer(csv_path):
            rows = _conform(read_csv(csv_path, step.contract), step.contract)
            write_frame(rows, work.path, work.fingerprint, check, work.facts)
        case PythonProducer() as producer:
            inputs = {table: store.scan(table, work.bucket) for table in step.inputs}
            asked = run if work.studies is None else replace(run, studies=work.studies)
            # Small regressions by the thousand: measured 5 to 15 times slower when BLAS threads contend.
            with threadpool_limits(1):
                rows = _conform(producer.resolve()(inputs, asked), step.contract)
                write_frame(rows, work.path, work.fingerprint, check, work.facts)


def _added_up(step: Step, producer: SqlProducer, store: Store, settings: Settings) -> pl.LazyFrame:
    """What the query counts and sums in each bucket, added over buckets: so much memory as one of them takes."""
    parts = []
    for bucket in store.buckets():
        with connect(settings) as connection:
            parts.append(connection.sql(_query(connection, step, producer, store, bucket)).pl())
    # In the order of the buckets, so that a sum is the same to its last digit each night.
    added = pl.concat(parts).group_by(step.contract.key, maintain_order=True).agg(pl.all().sum())
    return _conform(added.lazy(), step.contract)


def _produce_changed(works: Sequence[Work], landing: int, settings: Settings, run: RunFacts) -> None:
    """The people of some buckets who changed since a landing: their rows at once, then merged bucket by bucket."""
    step = works[0].step
    buckets = [work.bucket for work in works if work.bucket]
    span = Bucket(buckets[0].first, buckets[-1].last) if buckets else None
    with connect(settings) as connection:
        everywhere = ChangeLog(settings).since(landing)
        assert everywhere is not None, "asked before"
        connection.register("everywhere", everywhere.to_arrow())
        changed = connection.sql(f"select person_id, {SLOT_SQL} as slot from everywhere order by person_id").pl()
        # Not of the whole span: between stale buckets may lie some that a run before this one has finished.
        asked = changed.filter(pl.any_horizontal(_is_in(work.bucket) for work in works)).select("person_id")
        new = _rows_of(asked, connection, step, span, settings, run)
    check_contract(new, step.contract, settings)
    for work in works:
        people = changed.filter(_is_in(work.bucket)).select("person_id")
        _merge(new.join(people, on="person_id", how="semi", maintain_order="left"), people, work)


def _is_in(bucket: Bucket | None) -> pl.Expr:
    return pl.col("slot").is_between(bucket.first, bucket.last) if bucket else pl.lit(value=True)


def _rows_of(
    people: pl.DataFrame,
    connection: duckdb.DuckDBPyConnection,
    step: Step,
    span: Bucket | None,
    settings: Settings,
    run: RunFacts,
) -> pl.DataFrame:
    """Rows of a step for these people of the buckets of a span, in the order of the key."""
    store = Store(settings)
    match step.producer:
        case SqlProducer() as producer:
            connection.register("changed_people", people.to_arrow())
            return connection.sql(_query(connection, step, producer, store, span, only="changed_people")).pl()
        case PythonProducer() as producer:
            inputs = {
                table: rows.join(people.lazy(), on="person_id", how="semi") if store.is_per_person(table) else rows
                for table, rows in ((table, store.scan(table, span)) for table in step.inputs)
            }
            with threadpool_limits(1):
                return _conform(producer.resolve()(inputs, run), step.contract).collect()
    raise AssertionError(f"{step.table}: a code list has no people")


def _query(
    connection: duckdb.DuckDBPyConnection,
    step: Step,
    producer: SqlProducer,
    store: Store,
    bucket: Bucket | None,
    only: str | None = None,
) -> str:
    """The query of a step, its inputs and the views it reads made readable; of `only` some people where a relation names them."""
    for table in step.inputs:
        store.create_view(connection, table, bucket, only)
    for view in producer.views:
        connection.execute(f"create schema if not exists {view.schema}")
        connection.execute(view.definition)
    return _conformed(connection, producer.query.rstrip().rstrip(";"), step.contract)


def _merge(new: pl.DataFrame, changed: pl.DataFrame, work: Work) -> None:
    """Write the file as it is without the changed people, and their new rows among it: both lie in the order of the key.

    What stays was asked its contract when it was made, and no key of one person is that of another.
    """
    # Measured: a third of the time of an anti-join. A row of nobody stays, as it would there.
    is_changed = pl.col("person_id").is_in(changed["person_id"].implode()).fill_null(value=False)
    kept = pl.scan_parquet(work.path).filter(~is_changed)
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
