"""Where a measurement works, and what it keeps there so that one that was stopped goes on: load, home, stages that ended.

A million people take longer than a night of some machines. A stage that was under way when it stopped, or whose code is no longer
that it was measured with, is made anew from nothing, so that its figures are of the whole; stages that ended are not asked again.
What is measured, and how, is `bench`.
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
    """A folder, and of the stages measured there in earlier sittings figures and code by name; `begun` was under way."""

    folder: Path
    asked: dict[str, Any]
    ended: dict[str, dict[str, Any]] = field(default_factory=dict)
    codes: dict[str, str] = field(default_factory=dict)
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

    def figures(self, name: str, code: str) -> dict[str, Any] | None:
        """What was measured of a stage with this code; None where it has not ended, or its code was another."""
        return self.ended.get(name) if self.codes.get(name) == code else None

    def begin(self, name: str) -> bool:
        """Note that a stage is under way; whether it must lose first what it made in an earlier sitting."""
        has_made = self.begun == name or name in self.ended
        self.begun = name
        self._keep()
        return has_made

    def end(self, name: str, code: str, stage: Any) -> None:
        """Keep the figures of a stage that ended."""
        self.ended[name], self.codes[name], self.begun = asdict(stage), code, None
        self._keep()

    def forget(self) -> None:
        """Whatever was made of a landing goes with it: the home, and the figures of all stages."""
        shutil.rmtree(self.home, ignore_errors=True)
        self.ended, self.codes = {}, {}

    def _keep(self) -> None:
        if self.is_kept:
            with atomic(self.folder / _KEPT) as partial:
                told = {"asked": self.asked, "begun": self.begun, "ended": self.ended, "codes": self.codes}
                partial.write_text(json.dumps(told))


@contextmanager
def room(folder: Path | None, asked: dict[str, Any]) -> Generator[Room]:
    """A room that goes when the measurement ends, or one that stays, with what was measured there of the same question.

    Args:
        folder: where it stays; None for one that goes.
        asked: what is measured, as JSON can hold it: people, seed, source, layer, versions of engines.

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
        found.ended, found.codes, found.begun = told["ended"], told["codes"], told["begun"]
    elif any(folder.iterdir()):
        raise BadInput(f"{folder}: is not empty, and no measurement was begun here: name another folder")
    yield found
