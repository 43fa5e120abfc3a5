"""A reader of a copy in an object store: DuckDB asks the store for the ranges of columns that a statement needs.

Confined as a reader of the published file is: what it reaches are the objects that `current.json` names, and only to read.
"""

import datetime as dt
import io
from collections.abc import Mapping
from typing import Any

import duckdb
from fsspec import AbstractFileSystem

from pipelines.errors import BadInput
from pipelines.object_url import plain
from pipelines.objects.manifest import MART, CopiedObject
from pipelines.objects.release_copy import current_copy
from pipelines.objects.store import ObjectStore, open_store
from pipelines.settings import sql_root
from pipelines.warehouse.engine import literal, quoted
from pipelines.warehouse.publish import MACROS

SCHEME = "copied"
_ANY_TIME = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)


class CopiedFiles(AbstractFileSystem):
    """The objects of one copy as a file system that can be read, by the paths that `current.json` gives them."""

    protocol = SCHEME
    cachable = False

    def __init__(self, store: ObjectStore, objects: Mapping[str, CopiedObject]) -> None:
        super().__init__()
        self._store = store
        self._objects = objects

    def info(self, path: str, **kwargs: Any) -> dict[str, Any]:
        """Name and size of an object, as the copy says.

        Raises:
            FileNotFoundError: it is none of the copy.
        """
        key = self._strip_protocol(path)
        if key not in self._objects:
            raise FileNotFoundError(path)
        return {"name": key, "size": self._objects[key].bytes, "type": "file"}

    def glob(self, path: str, maxdepth: int | None = None, **kwargs: Any) -> list[str]:
        """The object of that path, if it is one of the copy; letters that stand for others are not known."""
        key = self._strip_protocol(path)
        return [key] if key in self._objects else []

    def modified(self, path: str) -> dt.datetime:
        """A time that never changes, as the object never does: the hash of its content is its name."""
        return _ANY_TIME

    def _open(self, path: str, mode: str = "rb", *rest: Any, **kwargs: Any) -> Any:
        found = self.info(path)
        if mode != "rb":
            raise PermissionError(f"{path}: a copy is read, never written")
        return _Ranges(self._store, found["name"], found["size"])


class _Ranges(io.RawIOBase):
    """An object, read by the ranges that DuckDB asks for: none more, since it asks for what a statement needs."""

    def __init__(self, store: ObjectStore, key: str, size: int) -> None:
        super().__init__()
        self._store, self._key, self.size, self._at = store, key, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.size}[whence]
        return self._at

    def read(self, size: int = -1) -> bytes:
        end = self.size if size < 0 else min(self._at + size, self.size)
        content = self._store.read_range(self._key, self._at, end) if end > self._at else b""
        self._at += len(content)
        return content


def open_copy(url: str) -> duckdb.DuckDBPyConnection:
    """The tables of `mart` and its macros, as a statement that somebody typed may read them.

    Raises:
        BadInput: nothing was copied there, or the store does not answer.
    """
    store = open_store(plain(url, "--at"))
    copy = current_copy(store)
    if copy is None:
        raise BadInput(f"{store.url}: nothing was copied there yet: `trabecula copy --to {store.url}` does")
    tables = copy.tables()
    reader = duckdb.connect(config={"autoinstall_known_extensions": False, "autoload_known_extensions": False})
    reader.execute("set parquet_metadata_cache = true")
    reader.register_filesystem(CopiedFiles(store, {one.path: one for one in tables.values()}))
    reader.execute(f"create schema {quoted(MART)}")
    for name, one in tables.items():
        rows = f"read_parquet({literal(f'{SCHEME}://{one.path}')}, hive_partitioning = false)"
        try:
            reader.execute(f"create view {quoted(MART)}.{quoted(name)} as from {rows}")
        except duckdb.Error as error:
            raise BadInput(f"{store.url}/{one.path}: not the object that was copied: copy again") from error
    reader.execute((sql_root() / MACROS).read_text())
    reader.execute(f"set allowed_directories = [{literal(f'{SCHEME}://{MART}/')}]")
    for fixed in ("enable_external_access = false", "lock_configuration = true"):
        reader.execute(f"set {fixed}")
    return reader
