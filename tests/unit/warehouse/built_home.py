"""One generated folder of 400 persons, landed and computed by the real plan: built once a session, copied by tests.

Once more in four buckets, by two processes, up to the cohorts.
"""

import shutil
from dataclasses import replace
from pathlib import Path

import polars as pl

from pipelines import plan
from pipelines.run import Run
from pipelines.settings import Settings
from pipelines.synth.nhanes_shaped import write
from pipelines.tables import CONTRACTS
from pipelines.warehouse.store import Store

PERSONS = 400
PER_PERSON_LAYERS = ("ref", "staging", "features", "cohort")


def settings_in(folder: Path) -> Settings:
    """The built home of a folder, and the drop it was built from."""
    return Settings(
        home=folder / "home",
        source="nhanes",
        folder=str(folder / "drop"),
        memory_gb=1.0,
        threads=1,
    )


def build(folder: Path) -> None:
    """Make the drop and the home; nobody may write in it afterwards."""
    settings = settings_in(folder)
    write(Path(settings.folder), PERSONS, seed=7)
    with Run(settings, run_id="built") as run:
        run.land()
        for step in plan.steps():
            run.step(step)


def in_four_buckets(built: Settings, folder: Path) -> Settings:
    """The home of a folder where the same drop lies in four buckets."""
    return replace(built, home=folder / "home", persons_per_bucket=50, threads=2)


def build_in_four_buckets(built: Settings, folder: Path) -> None:
    """Make it; nobody may write in it afterwards."""
    with Run(in_four_buckets(built, folder)) as run:
        run.land()
        for step in plan.steps():
            if step.contract.layer in PER_PERSON_LAYERS:
                report = run.step(step)
                assert report.computed == (4 if step.is_per_person else 1), step.table


def whole(settings: Settings, table: str) -> pl.DataFrame:
    """The table in one order, whether or not its key is complete."""
    frame = Store(settings).scan(table).collect()
    key = list(CONTRACTS[table].key)
    exact = [name for name, dtype in frame.schema.items() if not dtype.is_float() and name not in key]
    measured = [name for name, dtype in frame.schema.items() if dtype.is_float()]
    return frame.sort([*key, *exact, *measured], nulls_last=True)


def copy(built: Settings, base: Path) -> Settings:
    """A home of one's own with the same files in the same state, and a drop folder of one's own."""
    shutil.copytree(built.home, base / "home")
    shutil.copytree(built.folder, base / "drop")
    return replace(built, home=base / "home", folder=str(base / "drop"))


def bring_up_to_date(settings: Settings) -> dict[str, int]:
    """Land and run every step; how many files each table had computed, tables without any left out."""
    with Run(settings) as run:
        run.land()
        reports = [run.step(step) for step in plan.steps()]
    return {report.table: report.computed for report in reports if report.computed}


def write_page(mart: object, out: Path) -> Path:
    """A report in one line: publishing asks for a page, not for its plots."""
    out.mkdir(parents=True)
    (out / "index.html").write_text("<p>report</p>")
    return out / "index.html"
