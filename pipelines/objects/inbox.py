"""The copy in the home of what lies below an address: fetched before the input is examined, and then a folder like any other.

`HOME/inbox/<hash of the address>/` holds the files, `.json` beside it which version of each object they are. While it changes,
`.jsonl` stands there too, a line an object: a killed fetch goes on where it stopped, and nothing lands half of a delivery.
"""

import json
import os
import shutil
import time
from collections.abc import Generator, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pipelines import progress
from pipelines.errors import BadInput, DiskFull, DropChanged
from pipelines.object_url import is_url
from pipelines.objects.store import ObjectStore, StoredObject, open_store
from pipelines.settings import Settings
from pipelines.warehouse.arrival import Arrival, landed_state, state_of
from pipelines.warehouse.disk_budget import LEAST_GB
from pipelines.warehouse.parquet import atomic

_THREADS = 8
_GB = 2**30
# A name may have 255 bytes; one half-written is longer than its own.
_LONGEST_NAME = 200
_SHOWN = 10
Versions = dict[str, list[str | int]]


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a fetch found: objects there, those that were read (and their bytes), files that were removed here."""

    objects: int
    fetched: int
    bytes: int
    removed: int


def fetch(settings: Settings) -> Fetched | None:
    """Bring the copy of the input up to date; None where the input is a folder. Whoever calls holds the home.

    Raises:
        BadInput: nothing lies there, a key is no path inside a folder, access is refused, or a package is missing.
        StoreUnreachable: the store does not answer.
        DropChanged: objects changed while they were fetched.
        DiskFull: there is no room for them; nothing was fetched.
    """
    if not is_url(settings.folder):
        return None
    store = open_store(settings.folder)
    there = _listed(store)
    folder = settings.input_folder
    stale = _stale(settings, there)
    gone = _gone(folder, there)
    if not stale and not gone and is_whole(settings):
        return Fetched(len(there), 0, 0, 0)
    _require_room(settings, store, stale)
    for made in (settings.inbox, folder):
        made.mkdir(parents=True, exist_ok=True)
        made.chmod(0o700)
    journal = _journal(settings)
    with journal.open("a") as lines:
        for path in gone:
            path.unlink()
        _remove_empty(folder)
        for one in _fetched(store, stale, folder):
            lines.write(json.dumps({one.key: _version(one)}) + "\n")
            lines.flush()
    if stale and {(one.key, one.tag) for one in _listed(store)} != {(one.key, one.tag) for one in there}:
        raise DropChanged(_changed(store.url))
    with atomic(_record(settings)) as partial:
        partial.write_text(json.dumps({one.key: _version(one) for one in there}))
    journal.unlink()
    return Fetched(len(there), len(stale), sum(one.size for one in stale), len(gone))


def line(found: Fetched, settings: Settings) -> str:
    """What a fetch did, for people."""
    said = f"{settings.folder}: {found.objects:,} objects, {found.fetched:,} fetched ({found.bytes / 1e6:,.1f} MB)"
    return said + (f", {found.removed:,} not there any more" if found.removed else "")


def waiting(settings: Settings) -> tuple[int, int]:
    """Objects that a fetch would read now, and their bytes; nothing is written.

    Raises:
        BadInput: as `fetch`.
    """
    stale = _stale(settings, _listed(open_store(settings.folder)))
    return len(stale), sum(one.size for one in stale)


def looked_at(settings: Settings, now: float | None = None) -> Arrival:
    """What lies in the store, by its listing alone: new if it was not landed, complete if nothing came for `quiet_minutes`.

    No object is read, so what `SHA256SUMS` lists is compared by the night itself, once it has fetched.
    """
    there = _listed(open_store(settings.folder))
    folder = settings.input_folder
    state = state_of(frozenset((str(folder / one.key), one.size, one.changed_ns) for one in there))
    if state == landed_state(settings):
        return Arrival(state, False, True, "nothing new since the last landing")
    since = (now or time.time()) - max(one.changed_ns for one in there) / 1e9
    if since < settings.quiet_minutes * 60:
        return Arrival(state, True, False, f"objects came {since / 60:.0f} minutes ago")
    return Arrival(state, True, True, "complete: quiet")


def is_whole(settings: Settings) -> bool:
    """Whether the copy is one state of the store, not half of two."""
    return _record(settings).exists() and not _journal(settings).exists()


def require_whole(settings: Settings) -> None:
    """Refuse to read a copy that a fetch left half-way.

    Raises:
        BadInput: it is not whole, or was never made.
    """
    if is_url(settings.folder) and not is_whole(settings):
        raise BadInput(
            f"{settings.folder}: its copy in the home is not whole: `trabecula run` or `trabecula nightly` fetches it"
        )


@contextmanager
def told_by_address(settings: Settings) -> Generator[None]:
    """What is wrong with a file of the copy is said of the object in the store: there it has to be mended."""
    try:
        yield
    except BadInput as error:
        here = str(settings.input_folder)
        if not is_url(settings.folder) or here not in str(error):
            raise
        raise type(error)([problem.replace(here, settings.folder) for problem in error.problems]) from error


def sweep_others(settings: Settings) -> None:
    """Remove copies of addresses that are the input no more: they hold people, and nobody reads them."""
    own = settings.input_folder.name if is_url(settings.folder) else ""
    for path in settings.inbox.glob("*"):
        if path.name.partition(".")[0] == own:
            continue
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def _listed(store: ObjectStore) -> tuple[StoredObject, ...]:
    """What lies below an address, if all of it can lie in a folder.

    Raises:
        BadInput: nothing lies there; or with every key that is no path inside a folder, or a file and a folder at once.
    """
    there = store.objects()
    if not there:
        raise BadInput(f"{store.url}: nothing lies there: correct the address, or deliver")
    folders = {str(parent) for one in there for parent in PurePosixPath(one.key).parents}
    wrong = [one.key for one in there if not _is_path(one.key) or one.key in folders]
    if wrong:
        raise BadInput(
            [
                f"{store.url}: object {key!r}: its key is no path inside a folder: rename it, or take it away"
                for key in wrong[:_SHOWN]
            ]
        )
    return there


def _is_path(key: str) -> bool:
    parts = key.split("/")
    return (
        "\0" not in key
        and "\\" not in key
        and all(part not in ("", ".", "..") and len(part.encode()) <= _LONGEST_NAME for part in parts)
    )


def _stale(settings: Settings, there: Sequence[StoredObject]) -> tuple[StoredObject, ...]:
    """Objects whose file here is missing, of another version, or not as it was fetched."""
    known, folder = _known(settings), settings.input_folder
    return tuple(one for one in there if known.get(one.key) != _version(one) or not _lies(folder / one.key, one))


def _lies(path: Path, one: StoredObject) -> bool:
    try:
        found = path.lstat()
    except OSError:
        return False
    return (found.st_size, found.st_mtime_ns) == (one.size, one.changed_ns)


def _gone(folder: Path, there: Sequence[StoredObject]) -> list[Path]:
    """Files here of which there is no object, those half-written included."""
    names = {one.key for one in there}
    found = (path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())
    return [path for path in found if path.relative_to(folder).as_posix() not in names]


def _remove_empty(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir() and not any(path.iterdir()):
            path.rmdir()


def _fetched(store: ObjectStore, stale: Iterable[StoredObject], folder: Path) -> Generator[StoredObject]:
    """Fetch objects, several at once; each is given back when its file is in place."""
    wanted = tuple(stale)
    with progress.shown(len(wanted), "fetching") as bar, ThreadPoolExecutor(_THREADS, "fetch") as pool:
        under_way = {pool.submit(_fetch_one, store, one, folder / one.key): one for one in wanted}
        try:
            for done in as_completed(under_way):
                done.result()
                bar.step(under_way[done].key)
                yield under_way[done]
        finally:
            pool.shutdown(cancel_futures=True)


def _fetch_one(store: ObjectStore, one: StoredObject, target: Path) -> None:
    with atomic(target) as partial:
        read = 0
        with partial.open("wb") as file:
            for chunk in store.chunks(one):
                read += file.write(chunk)
        # After the last byte: an object that is another by now may have changed under the reader.
        if read != one.size or store.now(one) != one.tag:
            raise DropChanged(_changed(f"{store.url}/{one.key}"))
        os.utime(partial, ns=(one.changed_ns, one.changed_ns))


def _changed(what: str) -> str:
    return f"{what}: changed while it was fetched: let the delivery come to an end, then run again"


def _require_room(settings: Settings, store: ObjectStore, stale: Iterable[StoredObject]) -> None:
    needed = sum(one.size for one in stale) / _GB + LEAST_GB
    free = shutil.disk_usage(settings.home).free / _GB
    if free < needed:
        raise DiskFull(
            f"{settings.home}: {free:.1f} GB free, to fetch {store.url} asks for {needed:.1f} GB: free space there; "
            "nothing was fetched"
        )


def _version(one: StoredObject) -> list[str | int]:
    return [one.tag, one.size, one.changed_ns]


def _known(settings: Settings) -> Versions:
    """Which version of each object was fetched; what cannot be read is fetched again."""
    known: Versions = {}
    for path in (_record(settings), _journal(settings)):
        try:
            lines = path.read_text().splitlines()
        except OSError:
            continue
        for text in lines:
            try:
                known.update(json.loads(text))
            except (ValueError, TypeError):
                continue
    return known


def _record(settings: Settings) -> Path:
    return settings.input_folder.with_suffix(".json")


def _journal(settings: Settings) -> Path:
    return settings.input_folder.with_suffix(".jsonl")
