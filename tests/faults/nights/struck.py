"""Strikes nights with every other fault than a kill: disk, memory, inputs, clock, a second run, damaged files.

    python tests/faults/nights/struck.py --layer ref --layer staging --json struck.json

Each fault strikes a night that lands another delivery than the one before. The night may fail; what is published must open and
be the old or the new, the fault goes away, and the next night must end well by itself, equal to nights nobody disturbed. The
home lies on a small file system in memory, so that a full and a read-only disk are real; this needs root.
"""

import argparse
import datetime as dt
import json
import os
import resource
import runpy
import subprocess
import tempfile
import time
import types
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pipelines.run import Run
from pipelines.settings import Settings
from pipelines.warehouse import manifest
from pipelines.warehouse import publish as publishing
from pipelines.warehouse.damage import take_damaged_away
from pipelines.warehouse.publish import complete_builds, current_build

scene = runpy.run_path(str(Path(__file__).with_name("scene.py")))
killed = runpy.run_path(str(Path(__file__).with_name("killed.py")))
in_child, night, put = scene["in_child"], scene["night"], scene["put"]
SIZE = "400m"


@dataclass(frozen=True, slots=True)
class Stage:
    """Where a fault strikes: the home, the drop that is being delivered, the file system both lie on, and the night itself.

    Attributes:
        inside: the folder of the drop in the input folder, where drops are kept beside one another.
    """

    settings: Settings
    drop: dict[str, str]
    disk: Path
    inside: str = ""
    night: Callable = night

    @property
    def folder(self) -> Path:
        return Path(self.settings.folder) / self.inside


def plain(stage: Stage, layers: tuple[str, ...]) -> object:
    return stage.night(stage.settings, layers=layers)


@contextmanager
def full_disk(stage: Stage) -> Generator[Callable]:
    filler = stage.disk / "filler"
    with filler.open("wb") as file:
        free = os.statvfs(stage.disk)
        file.write(b"\0" * (free.f_bavail * free.f_frsize - 200_000))
    yield plain
    filler.unlink()


@contextmanager
def read_only_disk(stage: Stage) -> Generator[Callable]:
    subprocess.run(["mount", "-o", "remount,ro", stage.disk], check=True)
    yield plain
    subprocess.run(["mount", "-o", "remount,rw", stage.disk], check=True)


@contextmanager
def little_memory(stage: Stage) -> Generator[Callable]:
    def work(stage: Stage, layers: tuple[str, ...]) -> object:
        held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (held + 120 * 2**20, held + 120 * 2**20))
        return plain(stage, layers)

    yield work


@contextmanager
def truncated_input(stage: Stage) -> Generator[Callable]:
    (stage.folder / "labs.csv").write_text(stage.drop["labs.csv"][:150])
    yield plain
    put(stage.folder, stage.drop)


def _changed_while_read(change: Callable[[Path], None]) -> Callable:
    def work(stage: Stage, layers: tuple[str, ...]) -> object:
        examine = Run._examine

        def then(run, *again):
            found = examine(run, *again)
            change(stage.folder / "labs.csv")
            return found

        Run._examine = then
        return plain(stage, layers)

    return work


@contextmanager
def growing_input(stage: Stage) -> Generator[Callable]:
    def grow(labs: Path) -> None:
        with labs.open("a") as file:
            file.write("p6,estradiol,77,pg/mL,2020-08-08\n")

    yield _changed_while_read(grow)
    put(stage.folder, stage.drop)


@contextmanager
def replaced_input(stage: Stage) -> Generator[Callable]:
    def exchange(labs: Path) -> None:
        fresh = labs.with_name(".fresh")
        fresh.write_text(stage.drop["labs.csv"].replace("estradiol,16", "estradiol,61"))
        fresh.replace(labs)

    yield _changed_while_read(exchange)
    put(stage.folder, stage.drop)


@contextmanager
def two_at_once(stage: Stage) -> Generator[Callable]:
    def work(stage: Stage, layers: tuple[str, ...]) -> object:
        other = os.fork()
        if other == 0:
            try:
                stage.night(stage.settings, layers=layers)
            finally:
                os._exit(0)
        time.sleep(0.05)
        try:
            return plain(stage, layers)
        finally:
            os.waitpid(other, 0)

    yield work


def _clock(days: int) -> Callable:
    def work(stage: Stage, layers: tuple[str, ...]) -> object:
        class Moved(dt.datetime):
            @classmethod
            def now(cls, tz=None):
                return dt.datetime.now(tz) + dt.timedelta(days=days)

        moved = types.SimpleNamespace(datetime=Moved, timedelta=dt.timedelta, UTC=dt.UTC)
        for module in (publishing, manifest):  # every clock that a night looks at
            module.dt = moved
        build = plain(stage, layers)
        assert build == current_build(stage.settings) == complete_builds(stage.settings)[-1]
        return build

    return work


def dated(drop: dict[str, str]) -> dict[str, str]:
    """The drop with a result of today, which a clock set back takes for future, and one that only a clock ahead does not."""
    today = dt.datetime.now(dt.UTC).date()
    days = (today, today + dt.timedelta(days=100))
    rows = "".join(f"p7,estradiol,{17 + n},pg/mL,{day}\n" for n, day in enumerate(days))
    return drop | {"labs.csv": drop["labs.csv"] + rows}


@contextmanager
def clock_ahead(stage: Stage) -> Generator[Callable]:
    yield _clock(400)


@contextmanager
def clock_back(stage: Stage) -> Generator[Callable]:
    yield _clock(-40)


def _damaging(pattern: str, damage: Callable[[bytes], bytes]) -> Callable[[Stage], Generator[Callable]]:
    @contextmanager
    def fault(stage: Stage) -> Generator[Callable]:
        found = sorted(path for path in stage.settings.home.glob(pattern) if path.stat().st_size > 8)
        assert found, pattern
        for path in found[:3]:
            content = path.read_bytes()
            path.unlink()  # builds hold the same file by a hard link: this is the working record's alone
            path.write_bytes(damage(content))

        def work(stage: Stage, layers: tuple[str, ...]) -> object:
            try:
                return plain(stage, layers)
            except BaseException as error:
                # What the job does after every failure.
                gone = take_damaged_away(stage.settings)
                raise type(error)(f"{len(gone)} damaged files taken away: {error}") from None

        yield work

    return fault


def _pages(content: bytes) -> bytes:
    """The footer stays, the rows do not."""
    middle = bytes(255 - byte for byte in content[4 : len(content) // 2])
    return content[:4] + middle + content[len(content) // 2 :]


def _half(content: bytes) -> bytes:
    return content[: len(content) // 2]


FAULTS = {
    "disk full": full_disk,
    "disk read-only": read_only_disk,
    "memory limit": little_memory,
    "input truncated": truncated_input,
    "input grows while it is read": growing_input,
    "input replaced while it is read": replaced_input,
    "two runs at once": two_at_once,
    "clock 400 days ahead": clock_ahead,
    "clock set back": clock_back,
    "raw Parquet, rows damaged": _damaging("data/raw/flat_*/**/*.parquet", _pages),
    "raw Parquet truncated": _damaging("data/raw/flat_*/**/*.parquet", _half),
    "staging Parquet, rows damaged": _damaging("data/staging/*/*.parquet", _pages),
    "staging Parquet truncated": _damaging("data/staging/*/*.parquet", _half),
    "list of changed people damaged": _damaging("state/changed/*.parquet", _pages),
    "counter of landings damaged": _damaging("state/changed/generation.json", _half),
    "layout damaged": _damaging("layout.json", _half),
    "ledger of landing damaged": _damaging("landing/raw.*.json", _half),
}


CLOCKS = ("clock 400 days ahead", "clock set back")


def strike(name: str, stage: Stage, folder: Path, new: dict, layers: tuple[str, ...]) -> dict:
    """One fault. Returns how the night ended that it struck; raises AssertionError where something must not be."""
    before = scene["seen"](stage.settings)
    put(Path(stage.settings.folder), stage.drop)
    with FAULTS[name](stage) as work:
        ended = in_child(lambda say: work(stage, layers), folder)
        opened = in_child(lambda say: scene["opens"](stage.settings), folder)
    assert opened.status == 0, f"the published file does not open: {opened.error}"
    then = "old"
    if scene["seen"](stage.settings) != before:
        shown = in_child(lambda say: scene["published"](stage.settings), folder)
        # A file cut short at a line reads like a short file: only a list of checksums tells, see docs/operations.md. What lies
        # in the future is judged by the clock there is.
        otherwise = {"input truncated": "of the input as it was"} | dict.fromkeys(CLOCKS, "by the clock as it was")
        then = otherwise.get(name) if scene["different"](shown.value, new) else "new"
        assert then, "what is published is neither the old build nor the new one"
    nights = 0
    for nights in (1, 2):  # noqa: B007 (told below)
        again = in_child(lambda say: plain(stage, layers), folder)
        if again.status == 0:
            break
        in_child(lambda say: take_damaged_away(stage.settings) and None, folder)  # the job does, and tries again
    assert again.status == 0, f"the next night failed: {again.error}"
    found = in_child(lambda say: killed["_morning"](stage.settings), folder)
    assert found.status == 0, found.error
    different = scene["different"](found.value["content"], new)
    assert not different, f"tables differ from an undisturbed night: {different}"
    different = scene["different"](found.value["published"], new)
    assert not different, f"the publication differs from the working record: {different}"
    assert not scene["leftovers"](stage.settings), f"left over: {scene['leftovers'](stage.settings)}"
    told = ended.error.splitlines()[0].replace(str(stage.disk), "DISK")[:160] if ended.error else ""
    assert name != "disk full" or told.startswith("DiskFull: "), f"a full disk was told as {told}"
    status = {0: "ended well", 1: "failed"}.get(ended.status, f"died, signal {-ended.status}")
    return {
        "struck_night": status,
        "told": told,
        "published_then": then,
        "attempts_after": nights,
    }


def campaign(names: list[str], folder: Path, disk: Path, layers: tuple[str, ...]) -> dict:
    """Every fault after the other, in one home."""
    os.environ["TRABECULA_KEY"] = scene["KEY"]
    scene["warm"]()
    settings = scene["settings_in"](disk)
    drops = [dated(scene["small_home"]["DROP"]), dated(scene["other_drop"]())]
    contents, _ = killed["undisturbed"](settings, folder, drops, layers, is_fresh=True)
    outcome, failures, target = {}, {}, 0
    for name in names:
        try:
            outcome[name] = strike(name, Stage(settings, drops[target], disk), folder, contents[target], layers)
        except AssertionError as error:
            failures[name] = str(error)[:600]
            in_child(lambda say: night(settings, layers=layers), folder)
        print(name, outcome.get(name), failures.get(name, ""), flush=True)
        target = 1 - target
    return {"layers": list(layers) or "all", "faults": outcome, "failures": failures}


@contextmanager
def small_disk(folder: Path) -> Generator[Path]:
    """A file system in memory of its own, mounted below `folder`; needs root."""
    disk = folder / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", disk], check=True)
    try:
        yield disk
    finally:
        subprocess.run(["umount", disk], check=True)


def main() -> None:
    given = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    given.add_argument("--fault", action="append", default=[], choices=list(FAULTS))
    given.add_argument("--layer", action="append", default=[], help="Only steps of this layer; may be repeated.")
    given.add_argument("--json", type=Path)
    asked = given.parse_args()
    with tempfile.TemporaryDirectory() as folder, small_disk(Path(folder)) as disk:
        found = campaign(asked.fault or list(FAULTS), Path(folder), disk, tuple(asked.layer))
    text = json.dumps(found, indent=2) + "\n"
    print(text)
    if asked.json:
        asked.json.write_text(text)
    raise SystemExit(1 if found["failures"] else 0)


if __name__ == "__main__":
    main()
