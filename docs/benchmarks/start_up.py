"""What a process costs before it works, and what Dagster costs an asset: CPU seconds of whole processes, the middle of several.

Start-up: the interpreter, importing Dagster, importing the definitions, `trabecula --help`, a query of the published data.
Overhead: a small home is made by `trabecula run`; then the same run comes again and finds everything as it should be, so that
nearly all it does is Dagster's: starting, events, storage. Beside it a process without Dagster that lands, looks at every step,
asks every suite and publishes, as that run does. The difference, less what loading the definitions takes, is shared among the
assets and checks that Dagster told of. Read ratios; seconds are those of one machine. Written by

    PYTHONPATH=. .venv/bin/python docs/benchmarks/start_up.py --scratch NEW > docs/benchmarks/start_up.json
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

PERSONS, ROUNDS = 400, 5
BARE = """
import sys
from pathlib import Path
from expectations.record import judge_all
from pipelines import plan
from pipelines.run import Run
from pipelines.settings import load
with Run(load(Path(sys.argv[1]), source="omop", folder=sys.argv[2])) as run:
    run.land()
    for step in plan.steps():
        run.step(step)
    judge_all(run.settings)
    run.publish()
"""
COUNTED = """
import json
from assets.definitions import defs
graph = defs.resolve_asset_graph()
print(json.dumps([len(graph.materializable_asset_keys), len(graph.asset_check_keys)]))
"""


def cpu_seconds(command: list[str]) -> tuple[float, float]:
    """CPU and wall seconds of a process and all it waited for.

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    after, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter() - started
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall


def measure(scratch: Path) -> dict[str, Any]:
    """Every process by turns, so that a slow minute of the machine meets all of them."""
    python, trabecula = sys.executable, str(Path(sys.executable).with_name("trabecula"))
    home, drop = str(scratch / "home"), str(scratch / "drop" / "omop")
    made = ["simulate", "--out", str(scratch / "drop"), "--persons", str(PERSONS), "--truth-persons", "0"]
    subprocess.run([trabecula, *made], check=True, capture_output=True)
    again = [trabecula, "run", "--source", "omop", "--input", drop, "--home", home]
    subprocess.run(again, check=True, capture_output=True)
    asked = {
        "interpreter": [python, "-c", "pass"],
        "import dagster": [python, "-c", "import dagster"],
        "import the definitions": [python, "-c", "import assets.definitions"],
        "trabecula --help": [trabecula, "--help"],
        "trabecula query": [trabecula, "query", "select 1", "--home", home],
        "second run, nothing changed": again,
        "the same without Dagster": [python, "-c", BARE, home, drop],
    }
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in asked}
    for _ in range(ROUNDS):
        for name, command in asked.items():
            taken[name].append(cpu_seconds(command))
    found = {
        name: {
            "cpu_s": round(statistics.median(cpu for cpu, _ in rounds), 2),
            "least_cpu_s": round(min(cpu for cpu, _ in rounds), 2),
            "wall_s": round(statistics.median(wall for _, wall in rounds), 2),
        }
        for name, rounds in taken.items()
    }
    counted = subprocess.run([python, "-c", COUNTED], check=True, capture_output=True, text=True).stdout
    assets, checks = json.loads(counted.splitlines()[-1])
    run, bare, loading = (
        found[name]["cpu_s"]
        for name in ("second run, nothing changed", "the same without Dagster", "import the definitions")
    )
    return {
        "processes": found,
        "assets": assets,
        "checks": checks,
        "overhead_s": round(run - bare - loading, 2),
        "overhead_ms_per_asset_or_check": round((run - bare - loading) / (assets + checks) * 1000, 1),
    }


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--scratch", type=Path, required=True, help="A folder that is new.")
    given = asked.parse_args()
    given.scratch.mkdir(parents=True)
    found = measure(given.scratch) | {
        "persons": PERSONS,
        "rounds": ROUNDS,
        "load_average": os.getloadavg()[0],
        "machine": f"{os.cpu_count()} cores, {platform.machine()}",
        "versions": {name: version(name) for name in ("dagster", "duckdb", "polars")}
        | {"python": platform.python_version()},
        "measured_on": time.strftime("%Y-%m-%d"),
    }
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
