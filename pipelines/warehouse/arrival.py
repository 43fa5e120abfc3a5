"""Whether a delivery is new, and whether all of it is there: by its list of checksums, or because nobody writes any more.

Looks at names, sizes and times; files are read only where a list names their hashes. What a delivery holds, `sources` reads.
"""

import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import file_digest, sha256
from pathlib import Path

from pipelines.errors import DropChanged
from pipelines.object_url import is_url
from pipelines.settings import Settings
from pipelines.warehouse.parquet import atomic

# As `sha256sum * > SHA256SUMS` writes it; written last, or copied with the rest.
CHECKSUMS = "SHA256SUMS"
Files = frozenset[tuple[str, int, int]]


@dataclass(frozen=True, slots=True)
class Arrival:
    """A delivery as it lies there: hash of names, sizes and times; whether it differs from the landed; whether it is all."""

    state: str
    is_new: bool
    is_complete: bool
    why: str


def files_as_they_are(settings: Settings) -> Files:
    """Path, size and time of change of every file of the drop folder."""
    folder = settings.input_folder
    files = [folder] if folder.is_file() else [path for path in folder.rglob("*") if path.is_file()]
    return frozenset((str(path), found.st_size, found.st_mtime_ns) for path in files for found in (path.stat(),))


def remember(settings: Settings, files: Files) -> None:
    """Write down that these files were landed."""
    if landed_state(settings) != state_of(files):
        with atomic(settings.landing / "arrival.json") as partial:
            partial.write_text(json.dumps({"state": state_of(files)}))


def arrival(settings: Settings, now: float | None = None) -> Arrival:
    """What lies in the drop folder; `now` in seconds since 1970.

    A file is there when a list names its hash; whatever no list vouches for, when nothing of it changed for `quiet_minutes`.
    A list vouches for itself if what it names came after it: a newer one, or a file beside those it names, may be half a list.
    """
    files = files_as_they_are(settings)
    state = state_of(files)
    if not files:
        return Arrival(state, False, False, "the drop folder is empty or not there")
    if state == landed_state(settings):
        return Arrival(state, False, True, "nothing new since the last landing")
    # ctime: a copy that keeps the times of its source sets mtime, never this. Of a store's object, mtime is when it came there.
    is_store = is_url(settings.folder)
    found = {Path(path): changed / 1e9 if is_store else Path(path).stat().st_ctime for path, _, changed in files}
    lists = {path: named for path in found if path.name == CHECKSUMS and (named := _named(path))}
    missing = [line for path, named in lists.items() for line in _not_as_listed(path, named)]
    if missing:
        return Arrival(state, True, False, f"{len(missing)} files are not there as listed: {missing[0]}")
    vouched = {Path(os.path.normpath(path.parent / name)) for path, named in lists.items() for name in named}
    vouched |= {path for path, named in lists.items() if found[path] <= _latest(found, path.parent, named)}
    last = max((changed for path, changed in found.items() if path not in vouched), default=0.0)
    since = (now or time.time()) - last
    if since < 0:
        return Arrival(state, True, False, "files changed at a time still to come: set the clock, then touch them")
    if since < settings.quiet_minutes * 60:
        return Arrival(state, True, False, f"files changed {since / 60:.0f} minutes ago")
    return Arrival(state, True, True, "complete: as listed" if lists else "complete: quiet")


def require_complete(settings: Settings) -> None:
    """Refuse a delivery that is still being written.

    Raises:
        DropChanged: it is new, and not all of it is there.
    """
    found = arrival(settings)
    if found.is_new and not found.is_complete:
        raise DropChanged(
            f"{settings.folder}: the delivery is not complete: {found.why}: let it come to an end, deliver {CHECKSUMS} "
            "with it, or set [schedule] quiet_minutes"
        )


def _named(path: Path) -> dict[str, str]:
    """The hash of each file that a list names."""
    lines = (line.strip().partition(" ") for line in path.read_text(errors="replace").splitlines())
    named = {name.lstrip(" *"): digest.lower() for digest, _, name in lines}
    return {name: digest for name, digest in named.items() if name and Path(name).name != CHECKSUMS}


def _not_as_listed(path: Path, named: Mapping[str, str]) -> list[str]:
    """Files of a list that are absent or another; paths that lead out of the folder are not looked at."""
    wrong = []
    for name, digest in named.items():
        file = path.parent / name
        if not file.resolve().is_relative_to(path.parent.resolve()):
            wrong.append(f"{name}: leads out of the folder")
            continue
        try:
            found = file.stat()
            is_there = file.is_file() and _digest(file, found.st_size, found.st_mtime_ns) == digest
        except OSError:
            is_there = False
        if not is_there:
            wrong.append(name)
    return wrong


def _latest(found: Mapping[Path, float], folder: Path, named: Mapping[str, str]) -> float:
    return max(found.get(Path(os.path.normpath(folder / name)), 0.0) for name in named)


@lru_cache(maxsize=4096)
def _digest(path: Path, size: int, changed_ns: int) -> str:
    """SHA-256; of a file that stays as it is asked once, however often the sensor looks."""
    with path.open("rb") as opened:
        return file_digest(opened, "sha256").hexdigest()


def state_of(files: Files) -> str:
    """Hash of paths, sizes and times of change."""
    return sha256(repr(sorted(files)).encode()).hexdigest()[:16]


def landed_state(settings: Settings) -> str | None:
    """The state of what was landed last; None where nothing was."""
    try:
        return json.loads((settings.landing / "arrival.json").read_text())["state"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
