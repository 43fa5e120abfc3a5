"""How long `trabecula simulate` takes and how much memory it holds, from ten thousand to a million persons.

    .venv/bin/python docs/benchmarks/simulate.py --out FOLDER 10000 100000 1000000 > docs/benchmarks/simulate.json

Each size is one command in a process of its own, with one worker per core. Memory is the sum over the command and its
workers, sampled every second from /proc (proportional set size, so that shared pages count once). The folder of each
size is kept. Wall seconds are of the machine and the load named in the result. CPU seconds are those of the command
and its workers, sampled with the memory: what should be flat is CPU seconds per thousand persons added, start-up apart.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import polars as pl

_TICKS = os.sysconf("SC_CLK_TCK")


def tree(root: int) -> list[int]:
    """The process and all its descendants."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
            except OSError:
                continue
            parents.setdefault(int(stat.rpartition(")")[2].split()[1]), []).append(int(entry.name))
    found, todo = [], [root]
    while todo:
        process = todo.pop()
        found.append(process)
        todo += parents.get(process, [])
    return found


def held_kib(process: int) -> int:
    """Proportional set size; 0 when the process is gone."""
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)


def cpu_seconds(process: int) -> float:
    """User and system time so far; 0 when the process is gone."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICKS


def dxa_rows(out: Path) -> int:
    """Measurement rows written by densitometers."""
    values = pl.scan_parquet(out / "omop" / "measurement" / "*.parquet").select("measurement_source_value")
    found = values.filter(pl.col("measurement_source_value").str.starts_with("DXA|")).select(pl.len())
    return int(found.collect(engine="streaming").item())


def measure(persons: int, out: Path, seed: int) -> dict:
    """One command: seconds, peak memory, rows and bytes."""
    command = [str(Path(sys.executable).with_name("trabecula")), "simulate", "--persons", str(persons)]
    command += ["--seed", str(seed), "--out", str(out), "--truth-persons", "0"]
    started, peak, used = time.monotonic(), 0, {}
    load = os.getloadavg()[0]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as running:
        while running.poll() is None:
            processes = tree(running.pid)
            peak = max(peak, sum(map(held_kib, processes)))
            used |= {process: seconds for process in processes if (seconds := cpu_seconds(process))}
            time.sleep(1)
    if running.returncode:
        raise SystemExit(running.returncode)
    seconds = time.monotonic() - started
    told = json.loads((out / "truth.json").read_text())
    size = sum(path.stat().st_size for path in (out / "omop").rglob("*") if path.is_file())
    return {
        "persons": persons,
        "seconds": round(seconds, 1),
        "seconds_per_thousand": round(1000 * seconds / persons, 3),
        "cpu_seconds": round(sum(used.values()), 1),
        "peak_memory_mib": round(peak / 1024),
        "omop_mib": round(size / 2**20),
        "load_before": round(load, 1),
        "cores": os.cpu_count(),
        "rows": {name: told["rows"][name] for name in ("measurement", "drug_exposure", "device_exposure")}
        | {"dxa_measurement": dxa_rows(out)},
        "planted": sum(trap["n"] for trap in told["planted"].values()),
        "parameters_sha256": told["parameters_sha256"],
    }


def main() -> None:
    """Measure every size named, smallest first."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("persons", type=int, nargs="+")
    given = parser.parse_args()
    results = [measure(n, given.out / str(n), given.seed) for n in sorted(given.persons)]
    print(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
