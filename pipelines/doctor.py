"""What is set up on this machine and in this home, and how to mend what is not. Looks only; changes nothing."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from pipelines.settings import Settings

_NEEDED_GB = 2.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at."""

    subject: str
    is_fine: bool
    what: str
    remedy: str = ""


def examine(settings: Settings) -> tuple[Finding, ...]:
    """Every finding, the needed ones first."""
    return (
        _settings_file(settings),
        _drop_folder(settings),
        _disk(settings),
        _memory(settings),
        _published(settings),
        _chromium(),
    )


def _settings_file(settings: Settings) -> Finding:
    exists = settings.file.exists()
    return Finding(
        "settings",
        exists,
        str(settings.file) + ("" if exists else " is not there"),
        "the first `trabecula run` writes it",
    )


def _drop_folder(settings: Settings) -> Finding:
    if not settings.folder:
        return Finding("drop folder", False, "none is named", "run `trabecula run --source nhanes --input FOLDER` once")
    exists = Path(settings.folder).is_dir()
    return Finding(
        "drop folder", exists, settings.folder, "mount it, or name another one in trabecula.toml [input] folder"
    )


def _disk(settings: Settings) -> Finding:
    place = settings.home if settings.home.exists() else settings.home.parent
    free = shutil.disk_usage(place if place.exists() else Path.cwd()).free / 2**30
    return Finding(
        "disk", free >= _NEEDED_GB, f"{free:.1f} GB free", f"free at least {_NEEDED_GB:.0f} GB for spill and builds"
    )


def _memory(settings: Settings) -> Finding:
    total = _total_memory_gb()
    return Finding(
        "memory",
        total is None or settings.memory_gb <= total,
        f"limit {settings.memory_gb:g} GB, machine {total:.0f} GB" if total else f"limit {settings.memory_gb:g} GB",
        "lower trabecula.toml [limits] memory_gb",
    )


def _total_memory_gb() -> float | None:
    try:
        line = next(line for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemTotal"))
    except (OSError, StopIteration):
        return None
    return int(line.split()[1]) / 2**20


def _published(settings: Settings) -> Finding:
    file = settings.home / "warehouse.duckdb"
    return Finding("published build", file.exists(), str(file), "run `trabecula run` or `trabecula demo`")


def _chromium() -> Finding:
    found = shutil.which("chromium")
    return Finding("browser for UI tests", True, found or "no chromium: UI tests will be skipped")
