"""What must hold each morning of a soak, and what is measured of the home then. Each function is for a process of its own.

Nothing here strikes or mends; a morning that does not hold raises AssertionError with names of tables, never a number of a cell.
"""

import os
import runpy
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pyarrow.parquet as pq

from pipelines.settings import Settings
from pipelines.tables import CONTRACTS
from pipelines.tables.telling import TELLINGS
from pipelines.warehouse import ledger, release_ledger, tombstone
from pipelines.warehouse.person_scan import rows_of, search, stored_parquet
from pipelines.warehouse.publish import complete_builds
from pipelines.warehouse.released_quality import OF_COLUMNS
from pipelines.warehouse.store import Store

scene = runpy.run_path(str(Path(__file__).with_name("scene.py")))
MIN_CELL = 11


def holds(settings: Settings, *, is_searched: bool) -> dict:
    """Everything that needs no other night. Returns the working record by table, what was told, and the size of the home.

    Args:
        is_searched: every cell and byte of the home is looked at for people who withdrew; else every `person_id` is.

    Raises:
        AssertionError: an account does not balance, a published table is another than the working record's, files are left
            over, or somebody who withdrew is found.
    """
    scene["balance"](settings)
    content = scene["content"](settings)
    published = scene["published"](settings)
    different = scene["different"](published, content)
    assert not different, f"published tables differ from the working record: {different}"
    assert not scene["leftovers"](settings), f"left over: {scene['leftovers'](settings)}"
    builds = complete_builds(settings)
    assert 1 <= len(builds) <= settings.keep_builds, f"{len(builds)} builds are kept"
    withdrawn = tombstone.withdrawn(settings)
    if withdrawn and is_searched:
        found = search(settings, withdrawn)
        assert found.is_clean, f"people who withdrew in {sorted({one.file for one in found.found})}, {found.unreadable}"
    elif withdrawn:
        stored = [path for path in stored_parquet(settings.home) if path.parent != settings.landing]
        there = sorted(set(rows_of(settings, stored, withdrawn)["file"]))
        assert not there, f"people who withdrew in {there}"
    return {"content": content, "told": told(settings), "counted": counted(settings), **kept(settings)}


def kept(settings: Settings) -> dict:
    """Sizes of the home, and rows of the release ledger: it may only grow."""
    known = release_ledger.read(settings)
    return {"size": size(settings), "ledger": [known.cells.height, known.tellings.height]}


def rebuilt(settings: Settings, folder: Path, night) -> dict[str, str]:
    """The working record of a home that takes in everything at once, from nothing, but the people who withdrew."""
    fresh = replace(settings, home=folder / "rebuilt")
    fresh.home.mkdir(parents=True)
    if withdrawn := tombstone.withdrawn(settings):
        tombstone.add(fresh, withdrawn)
    night(fresh)
    return {"content": scene["content"](fresh), "size": size(fresh)}


def told(settings: Settings) -> dict[str, int]:
    """Every count of people in the release: by table, key and column."""
    found = {}
    with duckdb.connect(str(settings.home / "release.duckdb"), read_only=True, config={"threads": 1}) as release:
        for table in _counting():
            found |= _cells(table, release.sql(f"from {table}").pl())
    return found


def counted(settings: Settings) -> dict[str, int]:
    """The same of the working record, as nobody is told it: what the ledger has to hide."""
    store, found = Store(settings), {}
    for table in _counting():
        found |= _cells(table, store.scan(table).collect())
    return found


def small_moves(now: Mapping[str, int], before: Mapping[str, set[int]]) -> set[str]:
    """Cells that tell another number tonight than in any earlier night, by one to ten people."""
    return {
        cell for cell, n in now.items() if any(1 <= abs(n - earlier) < MIN_CELL for earlier in before.get(cell, ()))
    }


def size(settings: Settings) -> dict[str, float]:
    """Bytes of the home, files of builds and record counted once, and what they should go by: rows, parts, builds."""
    seen: set[int] = set()
    places = {"data": "data", "builds": "builds", "dagster": "dagster", "ledger": "state/release", "beside": ""}
    size = dict.fromkeys(places, 0)
    for part, place in places.items():
        for path in sorted((settings.home / place).rglob("*")):
            status = path.lstat()
            if path.is_file() and not path.is_symlink() and status.st_ino not in seen:
                seen.add(status.st_ino)
                size[part] += status.st_size
    raw = [path for path in settings.data.rglob("*.parquet") if path.is_relative_to(settings.data / "raw")]
    rows = sum(pq.read_metadata(path).num_rows for path in raw)
    return {**size, "rows": rows, "parts": len(ledger.entries(settings)), "kept": len(complete_builds(settings))}


def process() -> dict[str, int]:
    """Of this process: memory held at most, MiB, open files and threads."""
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":" in line)
    peak = int(lines["VmHWM"].split()[0]) // 1024
    return {"peak_mib": peak, "open_files": len(os.listdir("/proc/self/fd")), "threads": int(lines["Threads"])}


def trends(nights: list[dict], warm: int = 5) -> dict[str, list[float]]:
    """Growth over the whole row with its 95 % limits, as shares of the median: Theil-Sen slope times nights, but the first few.

    Bytes of the record and of what lies beside it are those beyond a home that takes in the same deliveries at once, in the
    nights that make one; bytes of builds by builds kept, of the release ledger by its rows. Memory, files and threads are taken
    as they are.
    """
    from scipy.stats import theilslopes

    rows = [one for one in nights if "size" in one][warm:]
    rebuilt = [(one["size"], one["rebuilt_size"]) for one in rows if "rebuilt_size" in one]
    measured = {
        **{f"{part}_beyond_a_rebuild": [was[part] - new[part] for was, new in rebuilt] for part in ("data", "beside")},
        "bytes_a_kept_build": [one["size"]["builds"] / one["size"]["kept"] for one in rows],
        "ledger_bytes_a_row": [one["size"]["ledger"] / sum(one["ledger"]) for one in rows],
        **{name: [one[name] for one in rows] for name in ("peak_mib", "open_files", "threads", "seconds")},
    }
    return {name: _growth(theilslopes(values), values) for name, values in measured.items()}


def _growth(line: Any, values: list[float]) -> list[float]:
    scale = len(values) / max(sorted(values)[len(values) // 2], 1)
    return [round(float(slope) * scale, 4) for slope in (line.slope, line.low_slope, line.high_slope)]


def _counting() -> list[str]:
    return [name for name, telling in TELLINGS.items() if telling.people and name.startswith("mart.")]


def _cells(table: str, frame: pl.DataFrame) -> dict[str, int]:
    """Counts of people; a check of files or of a list counts none, and tells its rows as they are."""
    key = list(CONTRACTS[table].key)
    found = {}
    if table == "mart.quality_result":
        of_people = [name for name, contract in CONTRACTS.items() if contract.unit == "person"]
        frame = frame.filter(pl.col("table_name").is_in(of_people) & ~pl.col("check_id").str.contains(OF_COLUMNS))
    for column in TELLINGS[table].people:
        for row in frame.drop_nulls(column).select(*key, column).iter_rows():
            found["|".join(map(str, (table, column, *row[:-1])))] = round(row[-1])
    return found
