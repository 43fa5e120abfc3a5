"""How Dagster's history of a run reaches the disk: SQLite files under DAGSTER_HOME, written some ten thousand times a run.

Belongs here: what makes those writes cheap. What is written is Dagster's; working record and builds are not touched by it.
"""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any, Self

import dagster as dg
from dagster._core.events import DagsterEventType
from dagster._core.instance.ref import InstanceRef
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._serdes import ConfigurableClassData
from sqlalchemy import Connection, NullPool, create_engine

from pipelines.settings import Settings

# Another event always follows these at once: what was planned before the first step, and what a step says when it is done.
_FOLLOWED = {
    DagsterEventType.ASSET_CHECK_EVALUATION,
    DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED,
    DagsterEventType.ASSET_MATERIALIZATION,
    DagsterEventType.ASSET_MATERIALIZATION_PLANNED,
    DagsterEventType.STEP_OUTPUT,
}


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
            super().store_event(event)
        finally:
            self._is_followed = False
        if event.dagster_event_type not in _FOLLOWED:
            self._commit()

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


def one_writer(settings: Settings) -> dg.DagsterInstance:
    """The Dagster instance of a home, for the process that runs the job there; to be closed."""
    storage = {
        "module": OneWriterHistory.__module__,
        "class": OneWriterHistory.__name__,
        "config": {"base_dir": str(settings.dagster_home / "history" / "runs")},
    }
    return dg.DagsterInstance.from_ref(
        InstanceRef.from_dir(str(settings.dagster_home), overrides={"event_log_storage": storage})
    )
