"""Whether a delivery is new, and whether all of it is there: by its list of checksums, or because nobody writes any more.

Looks at names, sizes and times; files are read only where a list names their hashes. What a delivery holds, `sources` reads.
"""

import json
import time
from dataclasses import dataclass
from functools import lru_cache
from hashlib import file_digest, sha256
from pathlib import Path

from pipelines.errors import DropChanged
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
    folder = Path(settings.folder)
    files = [folder] if folder.is_file() else [path for path in folder.rglob("*") if path.is_file()]
    return frozenset((str(path), found.st_size, found.st_mtime_ns) for path in files for found in (path.stat(),))


def remember(settings: Settings, files: Files) -> None:
    """Write down that these files were landed."""
    if _landed(settings) != _state(files):
        with atomic(settings.landing / "arrival.json") as partial:
            partial.write_text(json.dumps({"state": _state(files)}))


def arrival(settings: Settings, now: float | None = None) -> Arrival:
    """What lies in the drop folder; `now` in seconds since 1970.

    Without a list of checksums a delivery is complete when nothing in its folders changed for `quiet_minutes`. A time of
    change in the future, as copying tools keep it, counts as long ago once the file itself came long ago.
    """
    files = files_as_they_are(settings)
    state = _state(files)
    if not files:
        return Arrival(state, False, False, "the drop folder is empty or not there")
    if state == _landed(settings):
        return Arrival(state, False, True, "nothing new since the last landing")
    lists = [Path(path) for path, _, _ in files if Path(path).name == CHECKSUMS]
    missing = [line for path in lists for line in _not_as_listed(path)]
    if missing:
        return Arrival(state, True, False, f"{len(missing)} files are not there as listed: {missing[0]}")
    covered = tuple(path.parent for path in lists)
    others = [Path(path) for path, _, _ in files if not any(Path(path).is_relative_to(folder) for folder in covered)]
    # ctime: a copy that keeps the times of its source sets mtime, never this.
    since = (now or time.time()) - max((path.stat().st_ctime for path in others), default=0.0)
    if since < settings.quiet_minutes * 60:
        return Arrival(state, True, False, f"files changed {max(0, since) / 60:.0f} minutes ago")
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


def _not_as_listed(path: Path) -> list[str]:
    """Files of a list that are absent or another; paths that lead out of the folder are not looked at."""
    wrong = []
    for line in path.read_text(errors="replace").splitlines():
        digest, _, name = line.strip().partition(" ")
        name = name.lstrip(" *")
        file = path.parent / name
        if not name or file.name == CHECKSUMS:
            continue
        if not file.resolve().is_relative_to(path.parent.resolve()):
            wrong.append(f"{name}: leads out of the folder")
            continue
        try:
            found = file.stat()
            is_there = file.is_file() and _digest(file, found.st_size, found.st_mtime_ns) == digest.lower()
        except OSError:
            is_there = False
        if not is_there:
            wrong.append(name)
    return wrong


@lru_cache(maxsize=4096)
def _digest(path: Path, size: int, changed_ns: int) -> str:
    """SHA-256; of a file that stays as it is asked once, however often the sensor looks."""
    with path.open("rb") as opened:
        return file_digest(opened, "sha256").hexdigest()


def _state(files: Files) -> str:
    return sha256(repr(sorted(files)).encode()).hexdigest()[:16]


def _landed(settings: Settings) -> str | None:
    try:
        return json.loads((settings.landing / "arrival.json").read_text())["state"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
