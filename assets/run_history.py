"""How Dagster's history of a run reaches the disk: SQLite files under DAGSTER_HOME, written some ten thousand times a run.

Belongs here: what makes those writes cheap. What is written is Dagster's; working record and builds are not touched by it.
"""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any, Self

import dagster as dg
import yaml
from dagster._core.events import ASSET_CHECK_EVENTS, ASSET_EVENTS, EVENT_TYPE_TO_PIPELINE_RUN_STATUS, DagsterEventType
from dagster._core.instance.ref import InstanceRef
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable, SqlEventLogStorageTable
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._serdes import ConfigurableClassData
from sqlalchemy import Connection, NullPool, and_, bindparam, create_engine
from sqlalchemy.exc import OperationalError

from pipelines.errors import BadInput, HistoryUnreachable
from pipelines.settings import Settings

# Another event always follows these at once: what was planned before the first step, and what a step says when it is done.
_FOLLOWED = {
    DagsterEventType.ASSET_CHECK_EVALUATION,
    DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED,
    DagsterEventType.ASSET_MATERIALIZATION,
    DagsterEventType.ASSET_MATERIALIZATION_PLANNED,
    DagsterEventType.STEP_OUTPUT,
}

# Dagster writes out each of these anew with the values in it, which costs more than the database does.
_EVENT = SqlEventLogStorageTable.insert()
_PLANNED_CHECK = AssetCheckExecutionsTable.insert()
_JUDGED_CHECK = (
    AssetCheckExecutionsTable.update()
    .where(
        and_(
            *(
                AssetCheckExecutionsTable.c[name] == bindparam(f"of_{name}")
                for name in ("asset_key", "check_name", "run_id")
            ),
            AssetCheckExecutionsTable.c.partition.is_(None),
        )
    )
    .values(
        {
            name: bindparam(name)
            for name in (
                *("execution_status", "evaluation_event", "evaluation_event_timestamp"),
                *("evaluation_event_storage_id", "materialization_event_storage_id"),
            )
        }
    )
)


class OneWriterHistory(SqliteEventLogStorage):
    """Dagster's own event log, for a process that writes one run: files stay open, and what a step says is one transaction.

    Dagster makes an engine and a connection for every event, compiles every statement anew, and waits for the disk when it
    closes a file in write-ahead mode. `synchronous = normal` waits for the disk only when the log is copied: after a crash the
    history is whole but for what the step at work said; after a power cut its last events may be missing
    (https://sqlite.org/pragma.html#pragma_synchronous).
    """

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._opened: dict[str, Connection] = {}
        self._tables: dict[str, bool] = {}
        self._is_followed = False
        super().__init__(base_dir, inst_data)

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]) -> Self:
        return cls(inst_data=inst_data, **config_value)

    @contextmanager
    def _connect(self, shard: str) -> Generator[Connection]:
        with self._db_lock:
            connection = self._opened.get(shard) or self._open(shard)
            if not connection.in_transaction():
                connection.begin()
            try:
                yield connection
            except BaseException:
                connection.rollback()
                raise
            if not self._is_followed:
                connection.commit()

    def _open(self, shard: str) -> Connection:
        options = {"timeout": SQLITE_BUSY_TIMEOUT_SECONDS, "check_same_thread": False}
        engine = create_engine(self.conn_string_for_shard(shard), poolclass=NullPool, connect_args=options)
        self._initdb(engine)
        connection = engine.connect()
        connection.exec_driver_sql("pragma synchronous = normal")
        connection.commit()
        self._opened[shard] = connection
        return connection

    def has_table(self, table_name: str) -> bool:
        if table_name not in self._tables:
            self._tables[table_name] = super().has_table(table_name)
        return self._tables[table_name]

    def store_event(self, event: dg.EventLogEntry) -> None:
        """Store an event; it is on the disk's way with the next one that is not followed by another."""
        self._is_followed = event.dagster_event_type in _FOLLOWED
        try:
            if event.dagster_event_type in ASSET_EVENTS:
                super().store_event(event)
            else:
                self._store(event)
        finally:
            self._is_followed = False
        if event.dagster_event_type not in _FOLLOWED:
            self._commit()

    def _store(self, event: dg.EventLogEntry) -> None:
        """What Dagster does with an event that is no asset's: the run's file, and beside it what all runs share."""
        row = self._event_to_row(event)
        with self.run_connection(event.run_id) as connection:
            connection.execute(_EVENT, row)
        if event.dagster_event_type in ASSET_CHECK_EVENTS:
            with self.index_connection() as connection:
                self._store_check(connection, event, row, connection.execute(_EVENT, row).lastrowid)
        if event.dagster_event_type in EVENT_TYPE_TO_PIPELINE_RUN_STATUS:
            with self.index_connection() as connection:
                connection.execute(_EVENT, row)

    def _store_check(self, connection: Connection, event: dg.EventLogEntry, row: dict[str, Any], number: int) -> None:
        """The row of a check: as planned, or the same with its verdict."""
        is_planned = event.dagster_event_type == DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED
        check: Any = event.get_dagster_event().event_specific_data
        if check.partitions_subset if is_planned else check.partition:
            self.store_asset_check_event(event, number)
            return
        named = {"asset_key": check.asset_key.to_string(), "check_name": check.check_name, "run_id": event.run_id}
        told = {
            "evaluation_event": row["event"],
            "evaluation_event_timestamp": row["timestamp"],
            "evaluation_event_storage_id": number,
        }
        if is_planned:
            status = AssetCheckExecutionRecordStatus.PLANNED.value
            connection.execute(_PLANNED_CHECK, named | told | {"execution_status": status})
            return
        status = AssetCheckExecutionRecordStatus.SUCCEEDED if check.passed else AssetCheckExecutionRecordStatus.FAILED
        judged_of = check.target_materialization_data
        verdict = {
            "execution_status": status.value,
            "materialization_event_storage_id": judged_of.storage_id if judged_of else None,
        }
        of = {f"of_{name}": value for name, value in named.items()}
        if not connection.execute(_JUDGED_CHECK, of | told | verdict).rowcount:
            self.store_asset_check_event(event, number)

    def _commit(self) -> None:
        with self._db_lock:
            for connection in self._opened.values():
                connection.commit()

    def dispose(self) -> None:
        """Write what waits, and close the files."""
        super().dispose()
        self._commit()
        while self._opened:
            self._opened.popitem()[1].close()


def names_storage(settings: Settings) -> bool:
    """Whether the `dagster.yaml` of a home says where history lies; else it lies in files there."""
    file = settings.dagster_home / "dagster.yaml"
    said = yaml.safe_load(file.read_text()) if file.exists() else None
    return isinstance(said, dict) and bool({"storage", "event_log_storage"} & said.keys())


def one_writer(settings: Settings) -> dg.DagsterInstance:
    """The Dagster instance of a home, for the process that runs the job there; to be closed.

    Where its `dagster.yaml` names a storage of its own, such as PostgreSQL, that is where the history goes, as Dagster writes it.

    Raises:
        HistoryUnreachable: that storage does not answer.
        BadInput: it cannot be opened as it is written there.
    """
    if names_storage(settings):
        return _as_named(settings)
    storage = {
        "module": OneWriterHistory.__module__,
        "class": OneWriterHistory.__name__,
        "config": {"base_dir": str(settings.dagster_home / "history" / "runs")},
    }
    return dg.DagsterInstance.from_ref(
        InstanceRef.from_dir(str(settings.dagster_home), overrides={"event_log_storage": storage})
    )


def _as_named(settings: Settings) -> dg.DagsterInstance:
    file = settings.dagster_home / "dagster.yaml"
    try:
        instance = dg.DagsterInstance.from_config(str(settings.dagster_home))
        # Tables that are there already are not asked for before the first run.
        instance.get_runs_count()
    except Exception as error:
        # Only the kind: the message may hold the address with its password.
        kind = type(error).__name__
        if isinstance(error, OperationalError) or kind == "DagsterPostgresException":
            raise HistoryUnreachable(
                f"{file}: the server of Dagster's history does not answer ({kind}): start it, or correct its address; nothing "
                "was started"
            ) from None
        raise BadInput(
            f"{file}: Dagster's history cannot be opened as it says there ({kind}): set the variables it names and install "
            "deploy/postgres.lock, or remove the file; nothing was started"
        ) from None
    return instance
