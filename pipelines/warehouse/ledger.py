"""What landing remembers of each part: which facts made it, which files hold it, and how many rows went where.

One small file a part under `HOME/landing`, written last, so that a killed landing leaves no part that passes for whole.
Holds counts and hashes only; nothing of a person.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from pipelines.settings import Settings
from pipelines.warehouse.parquet import atomic


@dataclass(frozen=True, slots=True)
class Entry:
    """One part as it was landed.

    Attributes:
        facts: hash of everything that decides its rows, people who withdrew apart.
        withdrawn: hash of the list of people who withdrew.
        files: bucket name -> fingerprint of the file; a bucket without rows has no file.
        rows_read: rows of the file, as its reader counted them.
        rows: rows landed.
        rejected: "rule: reason" -> rows that no person or type could be given to.
        rows_withdrawn: rows of people who withdrew.
        note: what landing changed, for the manifest.
        rows_top_coded: rows whose year of birth was raised; `seen`: hash of the parts that told in which years people were seen.
    """

    table: str
    name: str
    source_file: str
    facts: str
    withdrawn: str
    files: Mapping[str, str]
    rows_read: int
    rows: int
    rejected: Mapping[str, int] = field(default_factory=dict)
    rows_withdrawn: int = 0
    note: str = ""
    rows_top_coded: int = 0
    seen: str = ""

    @property
    def rows_rejected(self) -> int:
        return sum(self.rejected.values())


def _path(settings: Settings, table: str, name: str) -> Path:
    return settings.landing / f"{table}.{name}.json"


def read(settings: Settings, table: str, name: str) -> Entry | None:
    """The entry of a part; None where there is none or it cannot be read."""
    return _parse(_path(settings, table, name))


def write(settings: Settings, entry: Entry) -> None:
    """Remember a part, atomically."""
    with atomic(_path(settings, entry.table, entry.name)) as partial:
        partial.write_text(json.dumps(asdict(entry)))


def entries(settings: Settings) -> tuple[Entry, ...]:
    """Every part that is remembered."""
    found = (_parse(path) for path in sorted(settings.landing.glob("raw.*.json")))
    return tuple(entry for entry in found if entry is not None)


def forget(settings: Settings, entry: Entry) -> None:
    """Drop the entry of a part that is no longer delivered."""
    _path(settings, entry.table, entry.name).unlink(missing_ok=True)


def _parse(path: Path) -> Entry | None:
    try:
        return Entry(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):
        return None
