"""Where a measurement works, and what it keeps there so that one that was stopped goes on: load, home, stages that ended.

A million people take longer than a night of some machines. A landing or a table that was under way when it stopped is made anew
from nothing, so that its figures are of the whole; stages that ended are not asked again. What is measured, and how, is `bench`.
"""

import json
import shutil
import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pipelines.errors import BadInput
from pipelines.warehouse.parquet import atomic

_KEPT = "measured.json"


@dataclass(slots=True)
class Room:
    """A folder, and of the stages measured there in earlier sittings their figures by name; `begun` was under way."""

    folder: Path
    asked: dict[str, Any]
    ended: dict[str, dict[str, Any]] = field(default_factory=dict)
    begun: str | None = None
    is_kept: bool = True

    @property
    def home(self) -> Path:
        """The home that is measured."""
        return self.folder / "home"

    def load(self, write: Callable[[Path], Path]) -> Path:
        """The generated load: written once, and in its place only when it is whole.

        Args:
            write: makes it in an empty folder, and returns the folder to read within.
        """
        place, partial = self.folder / "load", self.folder / "load.part"
        if not place.exists():
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir(parents=True)
            within = write(partial).relative_to(partial)
            (partial / "within").write_text(str(within))
            partial.rename(place)
        return place / (place / "within").read_text()

    def begin(self, name: str) -> bool:
        """Note that a stage is under way; whether it was so when an earlier sitting stopped, and must lose what it made."""
        was_under_way = self.begun == name
        self.begun = name
        self._keep()
        return was_under_way

    def end(self, name: str, stage: Any) -> None:
        """Keep the figures of a stage that ended."""
        self.ended[name], self.begun = asdict(stage), None
        self._keep()

    def _keep(self) -> None:
        if self.is_kept:
            with atomic(self.folder / _KEPT) as partial:
                partial.write_text(json.dumps({"asked": self.asked, "begun": self.begun, "ended": self.ended}))


@contextmanager
def room(folder: Path | None, asked: dict[str, Any]) -> Generator[Room]:
    """A room that goes when the measurement ends, or one that stays, with what was measured there of the same question.

    Args:
        folder: where it stays; None for one that goes.
        asked: what is measured, as JSON can hold it: people, seed, source, layer, code, versions.

    Raises:
        BadInput: something else was measured there.
    """
    if folder is None:
        with tempfile.TemporaryDirectory() as passing:
            yield Room(Path(passing), asked, is_kept=False)
        return
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    found = Room(folder, asked)
    if (kept := folder / _KEPT).exists():
        told = json.loads(kept.read_text())
        if told["asked"] != asked:
            differs = ", ".join(name for name in asked if told["asked"].get(name) != asked[name])
            raise BadInput(
                f"{folder}: another measurement was begun here ({differs} differ): name another folder, or remove it"
            )
        found.ended, found.begun = told["ended"], told["begun"]
    elif any(folder.iterdir()):
        raise BadInput(f"{folder}: is not empty, and no measurement was begun here: name another folder")
    yield found
