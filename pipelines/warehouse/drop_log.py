"""Which drops a home has landed: a drop never changes, never goes, and none comes before one that is there.

A snapshot is no drop in this sense: it may be replaced at any time.
"""

import json
from collections.abc import Sequence
from typing import Protocol

from pipelines.errors import BadInput
from pipelines.settings import Settings
from pipelines.warehouse.parquet import atomic


class NamedDrop(Protocol):
    """A delivery: hash of its files, its place in the order, its subfolder (empty: a snapshot)."""

    @property
    def drop_id(self) -> str: ...
    @property
    def sequence(self) -> int: ...
    @property
    def folder(self) -> str: ...


def require_unchanged(settings: Settings, drops: Sequence[NamedDrop]) -> None:
    """Refuse a delivery that contradicts what was landed.

    Raises:
        BadInput: a landed drop changed, is gone or would change its place, or the list of them cannot be read.
    """
    known = landed(settings)
    here = {drop.folder: drop for drop in drops if drop.folder}
    problems = []
    for folder, (drop_id, sequence) in known.items():
        found = here.get(folder)
        if found is None:
            problems.append(
                f"drop {folder}: was landed and is no longer in the input folder: put it back, or use a new --home"
            )
        elif found.drop_id != drop_id:
            problems.append(
                f"drop {folder}: was landed and its files have changed since: put them back and deliver the correction as "
                "a new drop"
            )
        elif found.sequence != sequence:
            problems.append(
                f"drop {folder}: a drop was put before it: give new drops names that sort after those that were landed"
            )
    if problems:
        raise BadInput(problems)


def remember(settings: Settings, drops: Sequence[NamedDrop]) -> None:
    """Write down what is landed now."""
    named = {drop.folder: (drop.drop_id, drop.sequence) for drop in drops if drop.folder}
    if named and named != landed(settings):
        with atomic(settings.landing / "drops.json") as partial:
            partial.write_text(json.dumps(named, indent=1))


def landed(settings: Settings) -> dict[str, tuple[str, int]]:
    """Landed drops: folder -> (hash of its files, place in the order).

    Raises:
        BadInput: the list cannot be read.
    """
    path = settings.landing / "drops.json"
    try:
        held = json.loads(path.read_text())
        return {folder: (drop_id, sequence) for folder, (drop_id, sequence) in held.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, AttributeError):
        raise BadInput(
            f"{path}: cannot be read, so nobody knows which drops were landed: put it back from a backup, or use a new --home"
        ) from None
