"""One generated folder of 400 persons, landed and computed by the real plan: built once a session, copied by tests."""

import shutil
from dataclasses import replace
from pathlib import Path

from pipelines import plan
from pipelines.run import Run
from pipelines.settings import Settings
from pipelines.synth.nhanes_shaped import write

PERSONS = 400


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
