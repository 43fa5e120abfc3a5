"""Sixty nights in a row in one home: deliveries, corrections, retractions, withdrawals and faults, and what each morning shows.

    python tests/faults/nights/soak.py --nights 60 --seed 60 --json tests/faults/nights/soak.json

Which night brings what and what strikes it is drawn from the seed; the first is one of `trabecula nightly`, with Dagster and
every suite. A struck night is cut off or fails; then the fault goes away and the night is done whole. Each attempt has a process
of its own, as cron, systemd and Dagster's launcher give it. Each morning what `mornings` says must hold. The home lies on a
small file system in memory, so that full and read-only disks are real; this needs root.
"""

import argparse
import gc
import json
import os
import random
import resource
import runpy
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pipelines.run import Run
from pipelines.settings import Settings
from pipelines.warehouse import withdrawal
from pipelines.warehouse.arrival import require_complete
from pipelines.warehouse.damage import take_damaged_away
from pipelines.warehouse.lock import writing
from pipelines.warehouse.publish import publish

HERE = Path(__file__).parent
struck = runpy.run_path(str(HERE / "struck.py"))
deliveries = runpy.run_path(str(HERE / "deliveries.py"))
mornings = runpy.run_path(str(HERE / "mornings.py"))
scene = struck["scene"]
in_child, put, written = scene["in_child"], scene["put"], deliveries["written"]
FROZEN = HERE / "soak.json"
NIGHTS, SEED, PEOPLE = 60, 60, 160
# Each morning is held against a home that takes in everything at once; every byte of the home is searched in some only.
SEARCHED_EVERY = 5
FEWEST_FOR_TRENDS = 20
#: of a hundred nights
BRINGS = {"drop": 42, "correction": 17, "retraction": 12, "withdrawal": 10, "nothing": 19}
STRIKES = {
    "none": 40,
    "kill": 17,
    "kill of a withdrawal": 4,
    "Dagster history damaged": 4,
    "disk full": 5,
    "disk read-only": 5,
    "input truncated": 5,
    "input grows while it is read": 5,
    "clock 400 days ahead": 3,
    "clock set back": 3,
    "raw Parquet, rows damaged": 3,
    "staging Parquet truncated": 3,
    "release ledger damaged": 3,
}
#: they strike what is delivered, or those who leave
OF_A_DROP = ("input truncated", "input grows while it is read")
OF_A_WITHDRAWAL = ("kill of a withdrawal",)
DAGSTER = "Dagster history damaged"


@dataclass(frozen=True, slots=True)
class Night:
    """What a night brings and what strikes it."""

    number: int
    brings: str
    strike: str


@dataclass(slots=True)
class Campaign:
    """One row of nights: its home, its hospital, and all that its release ever told."""

    settings: Settings
    disk: Path
    folder: Path
    hospital: Any
    chance: random.Random
    seconds: float = 20.0
    ledger: list[int] = field(default_factory=lambda: [0, 0])
    told: dict[str, set[int]] = field(default_factory=dict)
    counted: dict[str, set[int]] = field(default_factory=dict)


def drawn(nights: int, seed: int) -> list[Night]:
    """The row of nights: shares as above, in an order of chance; what cannot strike one night strikes another."""
    chance = random.Random(seed)
    brings, strikes = (_deck(shares, nights - 1, chance) for shares in (BRINGS, STRIKES))
    found = [Night(0, "drop", "none")]
    for number in range(1, nights):
        fits = [i for i, strike in enumerate(strikes) if _fits(brings[number - 1], strike)]
        fits.sort(key=lambda i: strikes[i] not in OF_A_WITHDRAWAL)  # few nights have one
        found.append(Night(number, brings[number - 1], strikes.pop(fits[0]) if fits else "none"))
    return found


def _fits(brings: str, strike: str) -> bool:
    if strike in OF_A_WITHDRAWAL or brings == "withdrawal":
        return strike in (*OF_A_WITHDRAWAL, "none", "kill") and (
            brings == "withdrawal" or strike not in OF_A_WITHDRAWAL
        )
    return brings in ("drop", "correction") if strike in OF_A_DROP else True


def _deck(shares: dict[str, int], n: int, chance: random.Random) -> list[str]:
    """So many of each as its share says, shuffled; at least one of each where there is room."""
    deck = [name for name, share in shares.items() for _ in range(max(1, round(share * n / sum(shares.values()))))]
    chance.shuffle(deck)
    rest = [name for name in deck if name != next(iter(shares))]
    return (deck if len(deck) >= n else deck + [next(iter(shares))] * (n - len(deck)))[:n] if rest else deck


def night(settings: Settings, say: Callable[[str], None] = lambda begun: None, layers: tuple[str, ...] = ()) -> str:
    """A night without Dagster and suites, from the look at the delivery to the end of a withdrawal; returns the build."""
    with writing(settings), Run(settings, scene["STUDIES"], run_id="night") as run:
        require_complete(settings)
        say("landing")
        report = run.land()
        for step in scene["steps"](layers):
            say(step.table)
            run.step(step)
        say("publishing")
        build = publish(settings, run.facts, report.drop_id, "code", scene["small_home"]["_page"])
        withdrawal.settle(settings, build.build_id)
    return build.build_id


def _mended(settings: Settings) -> str:
    """A night as the job does it: damaged files are taken away, and it is tried once more."""
    try:
        return night(settings)
    except Exception:
        if not take_damaged_away(settings):
            raise
        return night(settings)


def _with_dagster(settings: Settings) -> str:
    """`trabecula nightly`: Dagster, every suite, plots, the report, the summary."""
    from assets.job import execute

    return execute(settings.home, settings.source, Path(settings.folder), scene["STUDIES"], settings.mapping, "nightly")


def _withdraw(settings: Settings, ids: list[str]) -> None:
    """`trabecula withdraw --defer`."""
    from assets.withdrawing import withdraw

    withdraw(settings.home, settings.source, ids, is_deferred=True, say=lambda line: None)


def _whole(campaign: "Campaign", work: Callable[..., object], *arguments: object) -> dict:
    """A night, or a withdrawal, that nothing strikes; what its process held at most, and what it left open.

    Raises:
        AssertionError: it failed.
    """

    def measured(say: Callable[[str], None]) -> dict:
        before, started = _cpu(), time.monotonic()
        work(*arguments)
        gc.collect()
        spent = {"cpu_seconds": _cpu() - before, "seconds": time.monotonic() - started}
        return {**spent, **mornings["process"]()}

    ended = in_child(measured, campaign.folder)
    assert ended.status == 0, f"{work.__name__} failed: {ended.error}"
    return ended.value


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


@contextmanager
def damaged(settings: Settings, pattern: str) -> Generator[Callable]:
    """Half of a file stays; whoever reads it is told, or mends it."""
    found = sorted(path for path in settings.home.glob(pattern) if path.is_file() and path.stat().st_size > 8)
    assert found, pattern
    for path in found:
        content = path.read_bytes()
        path.unlink()
        path.write_bytes(b"\xff" * 64 + content[64 : len(content) // 2])
    yield struck["plain"]


def _strike(campaign: Campaign, one: Night, drop: dict[str, str]) -> dict:
    """A night that something strikes; readers find the old build or a new one. Returns what happened."""
    settings, kills, before = campaign.settings, 0, scene["seen"](campaign.settings) if _is_published(campaign) else ""
    stage = struck["Stage"](settings, drop, campaign.disk, f"{one.number:03d}", night)
    begun = []
    if one.strike == "kill":
        kills = campaign.chance.randint(1, 3)
        for _ in range(kills):
            after = campaign.chance.random() * campaign.seconds
            ended = in_child(lambda say: night(settings, say), campaign.folder, after)
            begun.append(ended.begun if ended.status < 0 else "ended")
    else:
        with _fault(campaign, one.strike, stage) as work:
            ended = in_child(lambda say: work(stage, ()), campaign.folder)
    is_new = _is_published(campaign) and scene["seen"](settings) != before
    if _is_published(campaign):
        opened = in_child(lambda say: scene["opens"](settings), campaign.folder)
        assert opened.status == 0, f"the published file does not open: {opened.error}"
    told = ended.error.splitlines()[0].replace(str(campaign.disk), "DISK")[:160] if ended.error else ""
    return {"begun": begun, "struck": ended.status, "told": told, "then": "new" if is_new else "old"}


def _fault(campaign: Campaign, name: str, stage: Any) -> Any:
    if name == "release ledger damaged":
        return damaged(campaign.settings, "state/release/*.parquet")
    return struck["FAULTS"][name](stage)


def _with_dagster_damaged(campaign: Campaign) -> dict:
    """`trabecula nightly` on a damaged history."""
    with damaged(campaign.settings, "dagster/history/**/*.db"):
        ended = in_child(lambda say: _with_dagster(campaign.settings), campaign.folder)
    assert ended.status == 0, f"the night with Dagster failed: {ended.error}"
    return {"struck": ended.status, "told": "", "then": "new"}


def _is_published(campaign: Campaign) -> bool:
    return (campaign.settings.home / "current").exists()


def _brought(campaign: Campaign, one: Night) -> dict[str, str]:
    """What is delivered in the evening: of a drop two files at least, so that half of them can be missing."""
    hospital, chance = campaign.hospital, campaign.chance
    if one.number == 0:
        return written(hospital.people(PEOPLE))
    if one.brings == "drop":
        new = hospital.people(chance.choice([1, 1, 2, 2, 3, 3, 12]))
        return written(deliveries["together"](new, hospital.results(chance.randint(1, 8))))
    if one.brings == "correction":
        return written(deliveries["together"](hospital.corrections(chance.randint(1, 5)), hospital.results(3)))
    return written(hospital.retractions(chance.randint(1, 4))) if one.brings == "retraction" else {}


def _night(campaign: Campaign, one: Night) -> dict:
    """One night from evening to morning.

    Raises:
        AssertionError: something is not as it must be.
    """
    settings, folder, found = campaign.settings, campaign.folder, {"brings": one.brings, "strike": one.strike}
    drop = _brought(campaign, one)
    if drop:
        put(Path(settings.folder) / f"{one.number:03d}", drop)
    if one.brings == "withdrawal":
        ids = campaign.hospital.leave(campaign.chance.randint(1, 3))
        if one.strike == "kill of a withdrawal":
            ended = in_child(lambda say: _withdraw(settings, ids), folder, campaign.chance.random() * 4)
            found["struck"] = ended.status
        _whole(campaign, _withdraw, settings, ids)
    if one.strike not in ("none", DAGSTER, *OF_A_WITHDRAWAL):
        found |= _strike(campaign, one, drop)
    if one.number == 0:
        _whole(campaign, _with_dagster, settings)
    if one.strike == DAGSTER:
        found |= _with_dagster_damaged(campaign)
    ended = _whole(campaign, _mended, settings)
    if one.strike in ("none", "kill") and one.brings in ("drop", "correction"):
        campaign.seconds = 0.7 * campaign.seconds + 0.3 * min(ended["seconds"], 2 * campaign.seconds)
    found |= ended
    is_searched = one.brings == "withdrawal" or one.number % SEARCHED_EVERY == SEARCHED_EVERY - 1
    morning = in_child(lambda say: mornings["holds"](settings, is_searched=is_searched), folder)
    assert morning.status == 0, morning.error
    moved = mornings["small_moves"](morning.value["told"], campaign.told)
    assert not moved, (
        f"{len(moved)} released cells moved by a small group: {sorted({c.split('|')[2] for c in moved})[:5]}"
    )
    found["small_moves_hidden"] = len(mornings["small_moves"](morning.value["counted"], campaign.counted))
    for name in ("told", "counted"):
        for cell, n in morning.value[name].items():
            getattr(campaign, name).setdefault(cell, set()).add(n)
    assert all(now >= then for now, then in zip(morning.value["ledger"], campaign.ledger, strict=True)), (
        "ledger lost rows"
    )
    campaign.ledger = morning.value["ledger"]
    found |= {"released_cells": len(morning.value["told"]), "size": morning.value["size"], "ledger": campaign.ledger}
    return found | _rebuilt(campaign, morning.value["content"])


def _rebuilt(campaign: Campaign, content: dict[str, str]) -> dict:
    with tempfile.TemporaryDirectory(dir=campaign.folder) as place:
        fresh = in_child(lambda say: mornings["rebuilt"](campaign.settings, Path(place), night), campaign.folder)
    assert fresh.status == 0, fresh.error
    different = scene["different"](fresh.value["content"], content)
    assert not different, f"tables differ from a full rebuild: {different}"
    return {"rebuilt_tables": len(content), "rebuilt_size": fresh.value["size"]}


def campaign(nights: int, seed: int, folder: Path, disk: Path, keep: Callable[[dict], object]) -> dict:
    """The whole row, kept after each night. One that does not hold ends it: what came after would rest on it."""
    os.environ["TRABECULA_KEY"] = scene["KEY"]
    scene["warm"]()
    base = scene["settings_in"](disk)
    settings = replace(base, disk_gb=0.001, quiet_minutes=15, mapping=str(folder / "mapping.toml"))
    (folder / "mapping.toml").write_text(deliveries["MAPPING"])
    settings.home.mkdir(parents=True)
    settings.write()
    hospital = deliveries["Hospital"](random.Random(seed + 1))
    row = Campaign(settings, disk, folder, hospital, random.Random(seed + 2))
    found, failures = [], []
    for one in drawn(nights, seed):
        started = time.monotonic()
        try:
            found.append(_night(row, one))
        except AssertionError as error:
            failures.append(f"night {one.number}, {one.brings}, {one.strike}: {str(error)[:600]}")
            print(failures, flush=True)
            break
        keep(_told(nights, seed, found, failures))
        told = {name: found[-1].get(name) for name in ("told", "peak_mib", "open_files", "cpu_seconds")}
        print(one, f"{time.monotonic() - started:.0f} s", told, flush=True)
    return _told(nights, seed, found, failures)


def _told(nights: int, seed: int, found: list[dict], failures: list[str]) -> dict:
    return {
        "nights": nights,
        "seed": seed,
        "people_at_first": PEOPLE,
        "version": version("trabecula"),
        "brought": dict(Counter(one["brings"] for one in found)),
        "struck": dict(Counter(one["strike"] for one in found)),
        "small_moves_hidden": sum(one["small_moves_hidden"] for one in found),
        "trends": mornings["trends"](found) if len(found) > FEWEST_FOR_TRENDS else {},
        "failures": failures,
        "each": found,
    }


def _keep(file: Path | None, found: dict) -> None:
    if file:
        file.write_text(json.dumps(found, indent=1) + "\n")


def main() -> None:
    given = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    given.add_argument("--nights", type=int, default=NIGHTS)
    given.add_argument("--seed", type=int, default=SEED)
    given.add_argument("--json", type=Path)
    asked = given.parse_args()
    with tempfile.TemporaryDirectory() as folder, struck["small_disk"](Path(folder)) as disk:
        found = campaign(asked.nights, asked.seed, Path(folder), disk, partial(_keep, asked.json))
    print(json.dumps({name: value for name, value in found.items() if name != "each"}, indent=1))
    _keep(asked.json, found)
    raise SystemExit(1 if found["failures"] else 0)


if __name__ == "__main__":
    main()
