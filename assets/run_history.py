"""How Dagster's history of a run reaches the disk: SQLite files under DAGSTER_HOME, written some ten thousand times a run.

Belongs here: what makes those writes cheap. What is written is Dagster's; working record and builds are not touched by it.
"""

import sqlite3
from collections import defaultdict
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Dialect, Engine


class _Lent(sqlite3.Connection):
    """A connection that goes back to its shelf when it is closed; what it left uncommitted is gone, as after a real end."""

    shelf: list["_Lent"]

    def close(self) -> None:
        self.rollback()
        self.shelf.append(self)

    def end(self) -> None:
        """Close the file."""
        super().close()


@contextmanager
def kept_open() -> Generator[None]:
    """While open, files of the history stay open: none is opened twice in turn, and no write waits for the disk.

    Dagster opens and closes a file for every event. The last to close a file in write-ahead mode copies the log into it, waits
    for the disk twice and removes the log. `synchronous = normal` waits for the disk only when the log is copied: after a
    crash the history is whole; after a power cut its last events may be missing
    (https://sqlite.org/pragma.html#pragma_synchronous).
    """
    shelves: dict[str, list[_Lent]] = defaultdict(list)
    opened: list[_Lent] = []

    def lend(dialect: Dialect, _record: Any, arguments: Any, options: dict[str, Any]) -> sqlite3.Connection | None:
        # Every connection to a database in memory is a database of its own.
        if dialect.name != "sqlite" or not arguments or "memory" in str(arguments[0]):
            return None
        shelf = shelves[repr((arguments, options))]
        if shelf:
            return shelf.pop()
        lent = sqlite3.connect(*arguments, **options | {"factory": _Lent, "check_same_thread": False})
        assert isinstance(lent, _Lent)
        lent.shelf = shelf
        lent.execute("pragma synchronous = normal")
        opened.append(lent)
        return lent

    event.listen(Engine, "do_connect", lend)
    try:
        yield
    finally:
        event.remove(Engine, "do_connect", lend)
        for lent in opened:
            lent.end()
