"""One prefix of an object store, through fsspec: listed, read, written; what its driver raises is said in our words.

The driver and its packages are asked for here alone, and only when an address is used.
"""

import datetime as dt
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.errors import BadInput, DropChanged, StoreUnreachable, TrabeculaError

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

CHUNK = 8 * 2**20
# What drivers call the version of an object, and the time it came there.
_TAGS = ("ETag", "etag", "generation", "md5Hash", "content_md5")
_TIMES = ("LastModified", "last_modified", "updated", "mtime", "created")
_CREDENTIALS = "credentials come from the environment or from the driver's own files, such as AWS_PROFILE or ~/.aws"
_SECOND = 10**9


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object below a prefix.

    Attributes:
        key: its path below the prefix; path: as the driver names it.
        tag: what changes with its content: the store's tag, else its time.
        changed_ns: when it came there, nanoseconds since 1970: the whole second is the store's, and what is taken off it,
            less than a second, tells two versions of one second apart.
    """

    key: str
    path: str
    size: int
    tag: str
    changed_ns: int


@dataclass(frozen=True, slots=True)
class ObjectStore:
    """A prefix, and the driver that reaches it."""

    url: str
    files: "AbstractFileSystem"
    root: str

    def path(self, key: str) -> str:
        """The driver's name of an object below the prefix."""
        return f"{self.root}/{key}"

    def objects(self) -> tuple[StoredObject, ...]:
        """Every object below the prefix, by key; none where nothing lies there. Marks of empty folders are left out."""
        with asked(self.url):
            found = self.files.find(self.root, detail=True)
        return tuple(
            sorted((self._told(path, info) for path, info in found.items() if _is_object(path, info)), key=_key)
        )

    def now(self, one: StoredObject) -> str:
        """The tag that an object has by now."""
        with asked(self.url):
            return _tag(self.files.info(one.path))

    def chunks(self, one: StoredObject) -> Iterator[bytes]:
        """The bytes of an object, some at a time."""
        with asked(self.url):
            source = self.files.open(one.path, "rb", cache_type="none")
        with source:
            while True:
                with asked(self.url):
                    chunk = source.read(CHUNK)
                if not chunk:
                    return
                yield chunk

    def read(self, key: str) -> bytes | None:
        """A small object; None where there is none of that name."""
        try:
            with asked(self.url):
                return self.files.cat_file(self.path(key))
        except NotThere:
            return None

    def read_range(self, key: str, start: int, end: int) -> bytes:
        """Some bytes of an object, from `start` up to before `end`."""
        with asked(self.url):
            return self.files.cat_file(self.path(key), start=start, end=end)

    def put(self, key: str, content: bytes | Path) -> None:
        """Write an object; in a store it is there whole or not at all."""
        with asked(self.url):
            if isinstance(content, Path):
                self.files.put_file(str(content), self.path(key))
            else:
                self.files.pipe_file(self.path(key), content)

    def remove(self, key: str) -> None:
        """Remove an object."""
        with asked(self.url):
            self.files.rm_file(self.path(key))

    def _told(self, path: str, info: dict[str, Any]) -> StoredObject:
        key = path.removeprefix(self.root).removeprefix("/") or path.rpartition("/")[2]
        tag, size = _tag(info), int(info["size"] or 0)
        less = int.from_bytes(sha256(f"{tag}{size}".encode()).digest()[:8]) % _SECOND
        return StoredObject(key, path, size, tag, int(_time(info).timestamp()) * _SECOND - less)


class NotThere(BadInput):
    """There is no such bucket, prefix or object."""


def open_store(url: str) -> ObjectStore:
    """The driver of an address; nothing is asked of the store yet.

    Raises:
        BadInput: there is no such kind of store, or the package that reaches it is not installed.
    """
    import fsspec
    from fsspec.core import url_to_fs
    from fsspec.registry import known_implementations

    kind = url.partition("://")[0]
    if kind not in fsspec.available_protocols():
        raise BadInput(f"{url}: no kind of store is called {kind}; s3, gs and abfs are, and others that fsspec knows")
    try:
        with asked(url):
            files, root = url_to_fs(url, use_listings_cache=False, skip_instance_cache=True)
    except ImportError as error:
        known = known_implementations.get(kind, {}).get("err", "install the driver that fsspec names")
        remedy = "pip install 'trabecula[objects]'" if kind in ("s3", "s3a") else known
        raise BadInput(f"{url}: the package that reaches such a store is missing: {remedy}") from error
    return ObjectStore(url, files, root.rstrip("/"))


@contextmanager
def asked(url: str) -> Generator[None]:
    """What a driver raises, in our words; its own may quote a signed request and are not repeated.

    Raises:
        NotThere: there is no such bucket, prefix or object.
        BadInput: access is refused.
        DropChanged: the driver noticed that an object changed while it was read.
        StoreUnreachable: the store does not answer, or fails.
    """
    try:
        yield
    except TrabeculaError:
        raise
    except FileNotFoundError:
        raise NotThere(f"{url}: no such bucket, prefix or object: correct the address") from None
    except Exception as error:
        name = type(error).__name__
        if name == "FileExpired":
            raise DropChanged(f"{url}: an object changed while it was read: let the delivery come to an end") from None
        if isinstance(error, PermissionError) or "Credential" in name or "TokenRetrieval" in name:
            raise BadInput(f"{url}: the store refuses access ({name}): {_CREDENTIALS}") from None
        if not isinstance(error, OSError) and type(error).__module__.partition(".")[0] in ("builtins", "fsspec"):
            raise
        raise StoreUnreachable(
            f"{url}: the store does not answer or fails ({name}): see whether it can be reached from here, then run again"
        ) from None


def _key(one: StoredObject) -> str:
    return one.key


def _is_object(path: str, info: dict[str, Any]) -> bool:
    return info.get("type") != "directory" and not (path.endswith("/") and not info["size"])


def _tag(info: dict[str, Any]) -> str:
    found = next((str(info[name]) for name in _TAGS if info.get(name)), None)
    return found or _time(info).isoformat()


def _time(info: dict[str, Any]) -> dt.datetime:
    found = next((info[name] for name in _TIMES if info.get(name)), None)
    if isinstance(found, str):
        found = dt.datetime.fromisoformat(found)
    if isinstance(found, int | float):
        found = dt.datetime.fromtimestamp(found, dt.UTC)
    if not isinstance(found, dt.datetime):
        raise BadInput("the driver of this store does not say when an object came there: use another kind of store")
    return found if found.tzinfo else found.replace(tzinfo=dt.UTC)
