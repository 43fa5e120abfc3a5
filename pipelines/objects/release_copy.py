"""Copies of what may leave in an object store: `mart` as Parquet, `release.duckdb` and the report; never a row of a person.

Data first, `current.json` last: a reader sees the copy before or this one, whole. The store follows the home: it holds copies
of builds that the home still keeps, so what a withdrawal or `keep_builds` takes away here goes there, too.
"""

import json
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import file_digest, sha256
from pathlib import Path

from pipelines import progress
from pipelines.errors import BadInput, CopyFailed
from pipelines.object_url import plain
from pipelines.objects.manifest import KEPT, MART, OWN, POINTER, CopiedObject, Manifest, read_manifest
from pipelines.objects.store import ObjectStore, open_store
from pipelines.settings import Settings
from pipelines.warehouse.engine import connect_read_only, literal, quoted
from pipelines.warehouse.parquet import atomic
from pipelines.warehouse.publish import COMPLETE, complete_builds, current_build

_HASH_DIGITS = 32


@dataclass(frozen=True, slots=True)
class Copied:
    """What following the home did: the build that readers of the store see, objects sent (and bytes), those there, removed."""

    build_id: str | None
    sent: int
    bytes: int
    there: int
    removed: int


def follow(settings: Settings) -> Copied | None:
    """Bring the copies in line with the home; None where no copies are asked for. Whoever calls holds the home.

    Where nothing is published, nothing stays in the store either.

    Raises:
        CopyFailed: says what is published here, and that readers of the store have the copy before.
    """
    if not settings.copy_to:
        return None
    try:
        return _follow(settings, open_store(plain(settings.copy_to, "[publish] copy_to")))
    except BadInput as error:
        build = current_build(settings)
        here = f"build {build} is published in {settings.home}" if build else f"nothing is published in {settings.home}"
        raise CopyFailed(
            f"{here}, but the copy could not follow: {error}: readers there have what they had; `trabecula copy` does it "
            "again, and so does the next night"
        ) from error


def line(found: Copied, settings: Settings) -> str:
    """What following did, for people."""
    if found.build_id is None:
        return f"{settings.copy_to}: nothing is published, {found.removed:,} objects removed"
    said = f"{settings.copy_to}: build {found.build_id}, {found.sent:,} objects sent ({found.bytes / 1e6:,.1f} MB)"
    return f"{said}, {found.there:,} were there, {found.removed:,} of earlier copies removed"


def current_copy(store: ObjectStore) -> Manifest | None:
    """The copy that readers see.

    Raises:
        BadInput: what lies there is none.
    """
    content = store.read(POINTER)
    return None if content is None else read_manifest(content, f"{store.url}/{POINTER}")


def _follow(settings: Settings, store: ObjectStore) -> Copied:
    home = _own_id(settings)
    there = {one.key: one.size for one in store.objects()}
    before = current_copy(store) if POINTER in there else None
    kept = dict(_kept(store, there))
    if strange := {each.home for each in (before, *kept.values()) if each} - {home}:
        raise BadInput(
            f"{store.url}: holds copies of {len(strange)} other home: name a prefix of its own, or remove what lies there"
        )
    build = current_build(settings)
    if build is None:
        return Copied(None, 0, 0, 0, _remove(store, there, kept={}))
    with tempfile.TemporaryDirectory(dir=_made(settings.spill), prefix="copy_") as folder:
        files = {_address(name, path): path for name, path in _files(settings.builds / build, Path(folder))}
        objects = tuple(CopiedObject(key, path.stat().st_size, _digest(path)) for key, path in sorted(files.items()))
        copy = Manifest(home, json.loads((settings.builds / build / COMPLETE).read_text()), objects)
        missing = [one for one in objects if there.get(one.path) != one.bytes]
        for one in missing:
            store.put(one.path, files[one.path])
    _require_all(store, objects)
    text = copy.as_bytes()
    store.put(copy.key, text)
    if before != copy:
        store.put(POINTER, text)
    at_home = {f"builds/{each}.json" for each in complete_builds(settings)}
    keep = {key: each for key, each in kept.items() if key in at_home} | {copy.key: copy}
    removed = _remove(store, {one.key: one.size for one in store.objects()}, keep)
    sent = sum(one.bytes for one in missing)
    return Copied(build, len(missing), sent, len(objects) - len(missing), removed)


def _files(build: Path, folder: Path) -> Iterator[tuple[str, Path]]:
    """What of a build may leave, by name: each table of its release as Parquet, the release, the pages.

    The tables are read from `release.duckdb`, where they are as disclosure control left them, never from the working record.
    """
    release = build / "release.duckdb"
    with connect_read_only(release) as reader:
        reader.execute("set threads = 1")  # the same rows make the same bytes
        named = "select table_name from duckdb_tables() where schema_name = ? order by all"
        for (table,) in reader.execute(named, [MART]).fetchall():
            path = folder / f"{table}.parquet"
            rows = f"from {quoted(MART)}.{quoted(table)}"
            reader.execute(f"copy ({rows}) to {literal(path)} (format parquet, compression zstd)")
            yield f"{MART}/{table}", path
    yield "release", release
    pages = build / "report"
    whole = [path for path in sorted(pages.rglob("*")) if path.is_file()]
    tree = sha256("".join(f"{path.relative_to(pages)}\0{_digest(path)}\n" for path in whole).encode()).hexdigest()
    for path in whole:
        yield f"report/{tree[:_HASH_DIGITS]}/{path.relative_to(pages).as_posix()}", path


def _address(name: str, path: Path) -> str:
    """Where in the store: the hash of the content is part of the name, for pages that of all pages, since they link."""
    return name if name.startswith("report/") else f"{name}/{_digest(path)[:_HASH_DIGITS]}{path.suffix}"


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def _kept(store: ObjectStore, there: Mapping[str, int]) -> Iterator[tuple[str, Manifest]]:
    """Copies that are kept; a text that is none is left out, and so removed with what only it names."""
    for key in filter(KEPT.fullmatch, there):
        try:
            yield key, read_manifest(store.read(key) or b"", f"{store.url}/{key}")
        except BadInput as error:
            progress.current().say(f"warning: {error}")


def _require_all(store: ObjectStore, objects: tuple[CopiedObject, ...]) -> None:
    """Before the pointer is set: every object is there, as long as it should be."""
    there = {one.key: one.size for one in store.objects()}
    if wrong := [one.path for one in objects if there.get(one.path) != one.bytes]:
        raise BadInput(f"{store.url}: {len(wrong)} objects are not there as they were sent, the first {wrong[0]}")


def _remove(store: ObjectStore, there: Mapping[str, int], kept: Mapping[str, Manifest]) -> int:
    """Remove copies that are not kept: what points at objects first, then objects that nothing points at."""
    named = {one.path for each in kept.values() for one in each.objects}
    pointing = [key for key in there if KEPT.fullmatch(key) and key not in kept]
    if not kept and POINTER in there:
        pointing.insert(0, POINTER)
    gone = [*pointing, *(key for key in there if OWN.fullmatch(key) and key not in named)]
    for key in gone:
        store.remove(key)
    return len(gone)


def _own_id(settings: Settings) -> str:
    """By which a store knows the copies of this home from those of others; made once."""
    path = settings.home / "state" / "copy.json"
    if not path.exists():
        with atomic(path) as partial:
            partial.write_text(json.dumps({"home": uuid.uuid4().hex}))
    return str(json.loads(path.read_text())["home"])


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
