"""Whether the disk has room for a run, asked before it starts: a run that fills the disk at three costs the night.

What a run needs is told from what lies there; what to do when the disk is full in the middle of one stands in `engine`.
"""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from pipelines.errors import DiskFull
from pipelines.settings import Settings

LEAST_GB = 2.0
# Of a delivery never landed: raw and staging files, features and builds over the bytes of its files (measured: 2 to 3).
_HOME_OVER_INPUT = 3.0
_GB = 2**30


@dataclass(frozen=True, slots=True)
class DiskBudget:
    """Free space and what a run may need, in GB of 2^30 bytes; `why` says where the need comes from."""

    free_gb: float
    needed_gb: float
    why: str

    @property
    def is_enough(self) -> bool:
        return self.free_gb >= self.needed_gb


def disk_budget(settings: Settings) -> DiskBudget:
    """What a run may need at most, and what is free.

    In the worst night every table is computed anew: the builds keep the old files, so a second working record is needed, and
    a build's own databases and report. Before the first landing the delivery is all that can be asked.
    """
    free = shutil.disk_usage(_existing(settings.home)).free / _GB
    if settings.disk_gb > 0:
        return DiskBudget(free, settings.disk_gb, "trabecula.toml [limits] disk_gb")
    record = size_of(settings.data)
    if record:
        build = settings.home / "current"
        own = sum(size_of(build / name) for name in ("warehouse.duckdb", "release.duckdb", "report"))
        told, why = (record + own) / _GB, "as much as the working record and a build take"
    else:
        told = _HOME_OVER_INPUT * size_of(settings.input_folder) / _GB if settings.folder else 0.0
        why = "three times the delivery"
    return DiskBudget(free, max(LEAST_GB, told), why if told > LEAST_GB else "the least for any run")


def require_space(settings: Settings) -> DiskBudget:
    """The budget, where there is room.

    Raises:
        DiskFull: there is less free than a run may need; nothing was written.
    """
    found = disk_budget(settings)
    if not found.is_enough:
        raise DiskFull(
            f"{settings.home}: {found.free_gb:.1f} GB free, a run may need {found.needed_gb:.1f} GB ({found.why}): free "
            "space there, keep fewer builds ([publish] keep_builds), or set [limits] disk_gb if you know better; nothing "
            "was started"
        )
    return found


def size_of(place: Path) -> int:
    """Bytes of a file, or of all files of a folder, links not followed; 0 where there is nothing."""
    if place.is_file():
        return place.stat().st_size
    total = 0
    for folder, _, files in os.walk(place):
        for name in files:
            try:
                total += (Path(folder) / name).lstat().st_size
            except FileNotFoundError:  # a reader of the folder may see a file go
                continue
    return total


def _existing(place: Path) -> Path:
    while not place.exists() and place != place.parent:
        place = place.parent
    return place
