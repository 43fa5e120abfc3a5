"""A night in which few people changed, over the night that computed everybody: seconds of the steps, by what they work on.

    PYTHONPATH=. .venv/bin/python docs/benchmarks/changed_people.py --persons 200000 --folder NEW > docs/benchmarks/changed.json

Simulated people as OMOP, in a folder that is new. The first night computes everything. Then one person in a hundred (every
hundredth id) gets another value in the first of their measurements, the delivery is replaced, and a second night runs. Steps
of people (`person`) and steps across people (`population`: lists, fits, cells) are told apart: the former compute changed
people alone, the latter are made again where what they read came out another. Seconds are of walls, on a machine that does
other work too: `load` says how much. Nothing is judged, published or shown. A bucket, the unit of work, holds 25,000 to 50,000
people: 200,000 are four of them, a million 32, each with its own share of changed people. `--disenrolment .35` lets people leave
earlier, so that each has fewer rows; `--people-alone` leaves out steps that no step of people reads, fits among them. Frozen is
`--persons 1000000 --people-alone --disenrolment .35 --file-persons 100000`, begun again after its first landing on the home that
was landed: `landing_seconds` of its first night is that of finding everything landed.
"""

import argparse
import json
import os
import platform
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import polars as pl

from pipelines import plan
from pipelines.run import Run
from pipelines.settings import Settings
from pipelines.synth.omop.command import Wish, simulate_population
from pipelines.warehouse.step import Step

STEPS = 100


def steps_asked(*, people_alone: bool) -> list[Step]:
    """Every step in order, or those of people and what these are made of."""
    every = plan.steps()
    people = {step.table for step in every if step.is_per_person}
    needed = people.union(*(plan.upstream(table) for table in people))
    return [step for step in every if step.table in needed] if people_alone else list(every)


def night(settings: Settings, steps: list[Step]) -> dict[str, Any]:
    """Land and bring every table up to date; seconds and files by unit."""
    started, load = time.perf_counter(), os.getloadavg()[0]
    told: dict[str, dict[str, float]] = {
        unit: {"seconds": 0.0, "computed": 0, "merged": 0, "files": 0} for unit in ("person", "population")
    }
    slowest: dict[str, float] = {}
    with Run(settings) as run:
        landed = run.land()
        landing = time.perf_counter() - started
        for step in steps:
            report = run.step(step)
            part = told["person" if step.is_per_person else "population"]
            part["seconds"] += report.seconds
            part["computed"] += report.computed
            part["merged"] += report.merged
            part["files"] += report.computed + report.current
            slowest[step.table] = report.seconds
            print(f"{step.table} {report.seconds:.1f} {report.merged}/{report.computed}", file=sys.stderr, flush=True)
    most = dict(sorted(slowest.items(), key=lambda pair: -pair[1])[:8])
    rounded = {unit: {name: round(value, 1) for name, value in part.items()} for unit, part in told.items()}
    return {
        "landing_seconds": round(landing, 1),
        "parts_written": landed.landed.written,
        **rounded,
        "slowest": {name: round(value, 1) for name, value in most.items()},
        "load": round(load, 1),
    }


def parts_of(folder: Path, table: str) -> list[Path]:
    """Files of a table: one, or parts in a folder."""
    return sorted((folder / table).glob("*.parquet")) or [folder / f"{table}.parquet"]


def change(folder: Path, share: int) -> int:
    """Another value in the first measurement of every so many people; returns how many."""
    people = set[int]()
    for file in parts_of(folder, "measurement"):
        rows = pl.read_parquet(file)
        first = pl.col("measurement_id") == pl.col("measurement_id").min().over("person_id")
        is_asked = (pl.col("person_id") % share == 0) & first & pl.col("value_as_number").is_not_null()
        people |= set(rows.filter(is_asked)["person_id"])
        value = pl.when(is_asked).then(pl.col("value_as_number") * 1.01).otherwise(pl.col("value_as_number"))
        rows.with_columns(value.alias("value_as_number")).write_parquet(file)
    return len(people)


def main() -> None:
    """Measure, and write the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--persons", type=int, default=10_000)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--disenrolment", type=float, help="a year; by default as people of the simulator are")
    parser.add_argument("--people-alone", action="store_true")
    parser.add_argument("--file-persons", type=int, default=25_000)
    given = parser.parse_args()
    if given.folder.exists():
        parser.error(f"{given.folder}: must be new")
    simulated, truth = given.folder / "simulated", None
    if given.disenrolment is not None:
        truth = given.folder / "truth.toml"
        given.folder.mkdir(parents=True)
        truth.write_text(f"[people]\ndisenrolment_rate = {given.disenrolment}\n")
    steps = steps_asked(people_alone=given.people_alone)
    simulate_population(Wish(simulated, given.persons, 1, truth, "real", "parquet", 0, 0, given.file_persons))
    drop = simulated / "omop"
    settings = Settings(given.folder / "home", source="omop", folder=str(drop))
    measurements = pl.scan_parquet(parts_of(drop, "measurement")).select(pl.len()).collect().item()
    full = night(settings, steps)
    changed = change(drop, STEPS)
    few = night(settings, steps)
    shutil.rmtree(given.folder)
    told = {
        "persons": given.persons,
        "persons_changed": changed,
        "measurements": measurements,
        "disenrolment_a_year": given.disenrolment,
        "file_persons": given.file_persons,
        "steps": "of people and what they read" if given.people_alone else "all",
        "everybody": full,
        "changed_people": few,
        "person_steps_ratio": round(few["person"]["seconds"] / full["person"]["seconds"], 3),
        "population_steps_ratio": round(few["population"]["seconds"] / full["population"]["seconds"], 3),
        "cores": os.cpu_count(),
        "machine": platform.machine(),
    }
    json.dump(told, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
