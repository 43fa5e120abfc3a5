"""Yardsticks in one run: the same features and the same model by our steps, by plain pandas and by plain Polars.

All read the same Parquet of a simulated hospital, landed and staged by our steps, and write Parquet. What comes out is compared
before anything is told: keys, whole numbers, dates and words exactly, other numbers within 1e-9 relative and 1e-12 absolute,
coefficients of the fit and what is weighted by them within 1e-6. Four parts:

- `exposure`: supplies of every drug with stock carried over, episodes by three gaps with milligrams a week, regimens;
- `bone`: scans beside the next of their series, with scores, least significant change and time on an inhibitor;
- `estradiol`: time-weighted bounds of every window, time in bands, free hormones;
- `propensity`: design, fit, weights and balance of four contrasts of one study, from covariates at time zero.

`ours` is the real runner, one step a table: contract checks, order by key, fingerprints and atomic files included; neither script
does that. `scan` reads every column of every input of a part once with DuckDB, and keeps nothing: the least that anybody must do.
Each variant is a process of its own, by turns, with two threads but one for BLAS; modules are loaded and steps are read before
the clock starts. Figures are medians of the rounds; memory is the largest peak. Run `python docs/benchmarks/straightforward.py
--scratch SCRATCH`; `--freeze` writes `straightforward.json`. Left out, for each is a script of
hundreds of lines by itself: staging, menopausal status, norms and covariates are taken as our steps made them, and everybody's
draws have a day.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from statistics import median
from typing import Any

import duckdb
import polars as pl

from pipelines import plan
from pipelines.bench import forget_peak, peak_mib, timed
from pipelines.run import Run
from pipelines.settings import Settings, load
from pipelines.synth.mechanism.simulate import simulate
from pipelines.synth.omop.simulate import Request, write_population
from pipelines.synth.parameters import load_parameters
from pipelines.tables import CONTRACTS
from pipelines.warehouse.engine import connect, literal
from pipelines.warehouse.parquet import row_count
from pipelines.warehouse.store import Store

HERE = Path(__file__).parent
JSON = HERE / "straightforward.json"
SCAN, OURS, PANDAS, POLARS = VARIANTS = ("scan", "ours", "pandas", "polars")
RELATIVE, ABSOLUTE, OF_FITS = 1e-9, 1e-12, 1e-6
STUDY = "hpg_response"
SINGLE = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


@dataclass(frozen=True, slots=True)
class Part:
    """Tables that are made together, and the columns of them that a script does not make."""

    tables: tuple[str, ...]
    left_out: tuple[str, ...] = ()

    @property
    def inputs(self) -> tuple[str, ...]:
        """Tables that its steps read and that it does not make."""
        read = {name for table in self.tables for name in plan.step(table).inputs}
        return tuple(sorted(read - set(self.tables) - _OF_OTHER_KINDS))


# Of contrasts by events and by clones, which the study does not have.
_OF_OTHER_KINDS = {"features.outcome_event", "cohort.trial_person", "ref.phenotype", "models.negative_control"}
PARTS = {
    "exposure": Part(("features.drug_supply", "features.dosing_episode", "features.ai_regimen")),
    "bone": Part(("features.bmd_change",)),
    "estradiol": Part(("features.e2_exposure",)),
    "propensity": Part(
        ("models.propensity_model", "models.covariate_balance"),
        ("term_number", "n_steps", "problem", "is_presence", "evidence_source"),
    ),
}


def prepare(room: Path, persons: int, seed: int = 1) -> Settings:
    """A hospital of simulated people, landed, with every table that a part reads or makes."""
    write_population(Request(room / "drop", persons, seed), load_parameters(), simulate)
    settings = replace(load(room / "home"), source="omop", folder=str(room / "drop" / "omop"), threads=2)
    settings.write()
    made = [table for part in PARTS.values() for table in part.tables]
    needed = {*made, *(name for part in PARTS.values() for name in part.inputs)}
    needed = needed.union(*(plan.upstream(table) for table in made))
    with Run(settings, studies=(STUDY,)) as run:
        run.land()
        for step in plan.steps():
            if step.table in needed:
                run.step(step)
    return settings


def spent(work: Any) -> dict[str, float]:
    """Seconds, CPU seconds and peak memory of some work, workers included."""
    forget_peak()
    wall, cpu = timed(work)
    return {"wall_s": round(wall, 3), "cpu_s": round(cpu, 3), "peak_mib": round(peak_mib(), 1)}


def of_scan(settings: Settings, made: Path) -> dict[str, dict[str, float]]:
    """Every column of every input of each part, once."""
    inputs = {
        name: part.inputs for name, part in PARTS.items()
    }  # every query is parsed to know them: before the clock starts

    def scan(tables: tuple[str, ...]) -> None:
        with connect(settings) as connection:
            for table in tables:
                if not (files := Store(settings).files(table)):
                    continue
                source = f"read_parquet([{', '.join(map(literal, files))}])"
                names = [column.name for column in CONTRACTS[table].columns]
                read = ", ".join(f'max("{name}")' for name in names)
                connection.execute(f"select {read} from {source}").fetchall()

    return {name: spent(lambda tables=tables: scan(tables)) for name, tables in inputs.items()}


def of_steps(settings: Settings, made: Path) -> dict[str, dict[str, float]]:
    """Our steps by the real runner; their files are deleted first, so that none is current."""
    import sklearn.linear_model  # noqa: F401

    found = {}
    with Run(settings, studies=(STUDY,)) as run:
        run.step(plan.step("ref.clinical_limit"))
        for name, part in PARTS.items():
            for table in part.tables:
                for path in Store(settings).files(table):
                    path.unlink()
            found[name] = spent(lambda part=part: [run.step(plan.step(table)) for table in part.tables])
    return found


def of_script(kind: str, settings: Settings, made: Path) -> dict[str, dict[str, float]]:
    """The plain script, part by part, each written as one Parquet file a table."""
    import sklearn.linear_model  # noqa: F401

    taken, measured = import_module(f"straightforward_{kind}"), import_module(f"straightforward_{kind}_measured")
    found = {}
    for name in PARTS:
        function = getattr(taken if name == "exposure" else measured, name)

        def work(function: Any = function) -> None:
            for table, rows in function(settings.data, made).items():
                path = made / table.replace(".", "/") / "all.parquet"
                path.parent.mkdir(parents=True, exist_ok=True)
                rows.to_parquet(path, index=False) if kind == PANDAS else rows.write_parquet(path)

        found[name] = spent(work)
    return found


def one(variant: str, settings: Settings, made: Path) -> dict[str, dict[str, float]]:
    """All parts by one variant, in this process."""
    if variant in (PANDAS, POLARS):
        return of_script(variant, settings, made)
    return (of_scan if variant == SCAN else of_steps)(settings, made)


def apart(variant: str, room: Path) -> dict[str, dict[str, float]]:
    """All parts by one variant, in a process of its own."""
    command = [sys.executable, __file__, "--scratch", str(room), "--variant", variant]
    done = subprocess.run(command, env=os.environ | SINGLE, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def compare(settings: Settings, made: Path) -> dict[str, dict[str, Any]]:
    """Rows and columns of each table that came out the same, and the largest relative gap of any number.

    Raises:
        AssertionError: something is not the same: table and column are named, values are not.
    """
    found = {}
    for part in PARTS.values():
        for table in part.tables:
            contract = CONTRACTS[table]
            columns = [c.name for c in contract.columns if c.name not in part.left_out]
            ours = pl.read_parquet(Store(settings).files(table)).select(columns)
            if "problem" in part.left_out and "coefficient" in columns:
                ours = ours.filter(pl.col("coefficient").is_not_null())
            theirs = pl.read_parquet(made / table.replace(".", "/"))
            assert set(theirs.columns) == set(columns), f"{table}: columns {set(theirs.columns) ^ set(columns)}"
            theirs = theirs.select(pl.col(name).cast(dtype, strict=False) for name, dtype in ours.schema.items())
            key = [name for name in contract.key if name in columns]
            key = [name for name in key if name != "term_number"] + (["term"] if "term" in columns else [])
            assert ours.height == theirs.height, f"{table}: {ours.height} rows against {theirs.height}"
            both = ours.sort(key), theirs.sort(key)
            within = OF_FITS if table.startswith("models.") else RELATIVE
            gaps = [gap(table, *(rows[name] for rows in both), within) for name in columns]
            found[table] = {"rows": ours.height, "columns": len(columns), "largest_gap": max(gaps)}
    return found


def gap(table: str, ours: pl.Series, theirs: pl.Series, within: float) -> float:
    """The largest relative gap of two columns in one order.

    Raises:
        AssertionError: they are not the same.
    """
    named = f"{table}.{ours.name}"
    if not ours.dtype.is_float():
        assert ours.equals(theirs), f"{named}: {int((ours.ne_missing(theirs)).sum())} rows differ"
        return 0.0
    ours, theirs = ours.fill_nan(None), theirs.fill_nan(None)
    unknown = int((ours.is_null() != theirs.is_null()).sum())
    assert not unknown, f"{named}: {unknown} rows are missing on one side"
    off = (ours - theirs).abs()
    least = within if within == OF_FITS else ABSOLUTE
    wrong = int((off > within * ours.abs() + least).sum())
    assert not wrong, f"{named}: {wrong} of {off.len()} rows differ, by {off.max():.2g} at most"
    return float(f"{(off / ours.abs().clip(1e-3)).max() or 0.0:.1g}")


def measure(room: Path, persons: int, rounds: int) -> dict[str, Any]:
    """One size: every variant by turns, compared, each part and all of them."""
    settings = load(room / "home") if (room / "made").is_dir() else prepare(room, persons)
    turns: dict[str, list[dict[str, dict[str, float]]]] = {variant: [] for variant in VARIANTS}
    apart(SCAN, room)
    for _ in range(rounds):
        for variant in VARIANTS:
            turns[variant].append(apart(variant, room))
    same = {kind: compare(settings, room / "made" / kind) for kind in (PANDAS, POLARS)}
    read = {table for part in PARTS.values() for table in part.inputs}
    for times in turns.values():
        for turn in times:
            whole = list(turn.values())
            total = {unit: sum(part[unit] for part in whole) for unit in ("wall_s", "cpu_s")}
            turn["all"] = total | {"peak_mib": max(part["peak_mib"] for part in whole)}
    return {
        "persons": persons,
        "rows_read": sum(row_count(Store(settings).files(table)) for table in sorted(read)),
        "rounds": rounds,
        "parts": {name: {kind: over(turns[kind], name) for kind in VARIANTS} for name in (*PARTS, "all")},
        "same": same,
    }


def over(turns: list[dict[str, dict[str, float]]], part: str) -> dict[str, float]:
    """Median seconds of the rounds, and the largest peak."""
    seconds = {unit: round(median(turn[part][unit] for turn in turns), 3) for unit in ("wall_s", "cpu_s")}
    return seconds | {"peak_mib": max(turn[part]["peak_mib"] for turn in turns)}


def main() -> None:
    """Every size, one after the other."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--persons", type=int, nargs="+", default=(3_000, 12_000))
    asked.add_argument("--scratch", type=Path, required=True)
    asked.add_argument("--rounds", type=int, default=3)
    asked.add_argument("--variant", choices=VARIANTS)
    asked.add_argument("--keep", action="store_true", help="keep the hospital, or take one that was kept")
    asked.add_argument("--freeze", action="store_true")
    given = asked.parse_args()
    if given.variant:
        settings, made = load(given.scratch / "home"), given.scratch / "made" / given.variant
        print(json.dumps(one(given.variant, settings, made)))
        return
    import pandas as pd
    import sklearn

    load_before, sizes = os.getloadavg()[0], []
    for persons in sorted(given.persons):
        room = given.scratch / f"straightforward_{persons}"
        if not given.keep:
            shutil.rmtree(room, ignore_errors=True)
        sizes.append(measure(room, persons, given.rounds))
        if not given.keep:
            shutil.rmtree(room)
    versions = {"duckdb": duckdb.__version__, "polars": pl.__version__, "pandas": pd.__version__}
    versions |= {"scikit_learn": sklearn.__version__, "python": platform.python_version()}
    found = {"sizes": sizes, "threads": 2, "load_before": round(load_before, 1), "versions": versions}
    found |= {"scan_is_of_the_same_run": True}
    found |= {"machine": import_module("lab_harmonisation").machine(), "measured_on": time.strftime("%Y-%m-%d")}
    text = json.dumps(found, indent=1)
    print(text)
    if given.freeze:
        JSON.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
