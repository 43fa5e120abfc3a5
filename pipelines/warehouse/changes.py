"""Which people changed at which landing: landing writes it down, and a step of people then computes those people alone.

A landing that changes anything is a generation, counted from 1. Before a raw file is replaced or removed, the ids of the
people whose rows in it differ are recorded, so a killed landing can only record too many. Which file of a step reflects
which generation stands in that file's metadata, not here.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import duckdb
import polars as pl

from pipelines.settings import Settings
from pipelines.warehouse.engine import literal
from pipelines.warehouse.parquet import atomic, column_names, write_frame

KEPT_GENERATIONS = 400
# More landings than there are between two changes of anybody.
_BEYOND = 1_000_000


@dataclass(slots=True)
class ChangeLog:
    """The log of one home; `record` belongs to landing, `since` to the runner."""

    settings: Settings
    _open: int | None = field(default=None, init=False)

    @property
    def folder(self) -> Path:
        return self.settings.home / "state" / "changed"

    def latest(self) -> int:
        """The generation of the raw tables; 0 where nothing was landed."""
        return self._counter()["latest"]

    def since(self, generation: int) -> pl.DataFrame | None:
        """People changed after a generation, column `person_id` BIGINT, each once; None where the log does not reach back."""
        if not self._counter()["floor"] <= generation <= self.latest():
            return None
        files = [path for path in self.folder.glob("*.parquet") if _generation(path) > generation]
        if not files:
            return pl.DataFrame(schema={"person_id": pl.Int64})
        return pl.scan_parquet(files).select("person_id").unique().sort("person_id").collect()

    def record(self, connection: duckdb.DuckDBPyConnection, old: Path, new: Path | None) -> None:
        """Write down whose rows differ between a raw file and the one about to take its place (None: it is removed)."""
        sides = [path for path in (old, new) if path is not None and path.exists()]
        if old.exists() and column_names(old) is None:
            self.forget()
            return
        if not any("person_id" in (column_names(path) or ()) for path in sides):
            return
        # An engine's hash is enough here: both sides are hashed by the same process.
        digests = " union all ".join(
            f"select person_id, {sign} * hash(r)::hugeint as digest from read_parquet({literal(path)}) as r"
            for path, sign in zip(sides, (1, -1), strict=False)
        )
        changed = connection.sql(
            f"select person_id from ({digests}) group by person_id having sum(digest) <> 0 order by person_id"
        ).pl()
        self._write_people(changed, str(old.relative_to(self.settings.data)))

    def record_new(self, connection: duckdb.DuckDBPyConnection, part: str, rows: Sequence[Path]) -> None:
        """Write down everybody in a part of which no raw files are there yet, all its buckets at once.

        Args:
            part: its name, the same at every landing.
            rows: Parquet files, as glob patterns, that hold its rows.
        """
        patterns = ", ".join(literal(path) for path in rows)
        read = f"read_parquet([{patterns}], hive_partitioning = false)"
        people = connection.sql(f"select distinct person_id from {read} order by person_id").pl()
        self._write_people(people, part)

    def _write_people(self, people: pl.DataFrame, of: str) -> None:
        if people.height:
            name = sha256(of.encode()).hexdigest()[:16]
            write_frame(people.lazy(), self.folder / f"{self._generation():08d}.{name}.parquet", name)

    def before(self, connection: duckdb.DuckDBPyConnection, path: Path) -> Callable[[Path], None]:
        """What a writer calls with the new file before it takes the place of `path`."""
        return lambda partial: self.record(connection, path, partial)

    def _generation(self) -> int:
        """The generation of this landing: counted up once, before its first record."""
        if self._open is None:
            self._open = self.latest() + 1
            floor = max(self._counter()["floor"], self._open - KEPT_GENERATIONS)
            self._write({"latest": self._open, "floor": floor})
            for path in self.folder.glob("*.parquet"):
                if _generation(path) <= floor:
                    path.unlink()
        return self._open

    def forget(self) -> None:
        """A file that cannot be read any more hid somebody's rows: nobody can say whose, so everybody is computed."""
        generation = self._generation()
        self._write({"latest": generation, "floor": generation})

    def _counter(self) -> dict[str, int]:
        try:
            return json.loads((self.folder / "generation.json").read_text())
        except FileNotFoundError:
            is_new = not self._named() and not any((self.settings.data / "raw").glob("*/[0-9]*-[0-9]*/*.parquet"))
            return {"latest": 0, "floor": 0} if is_new else self._lost()
        except ValueError:
            return self._lost()

    def _named(self) -> list[int]:
        return [_generation(path) for path in self.folder.glob("*.parquet")]

    def _lost(self) -> dict[str, int]:
        """A counter above every generation a file may reflect: nobody can say who changed, so everybody is computed."""
        beyond = max(self._named(), default=0) + _BEYOND
        return {"latest": beyond, "floor": beyond}

    def _write(self, counter: dict[str, int]) -> None:
        with atomic(self.folder / "generation.json") as partial:
            partial.write_text(json.dumps(counter))


def _generation(path: Path) -> int:
    return int(path.name.split(".")[0])
