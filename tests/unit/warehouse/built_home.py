"""One generated folder of 400 persons, landed and computed by the real plan: built once a session, copied by tests."""

import shutil
from dataclasses import replace
from pathlib import Path

from pipelines import plan
from pipelines.run import Run
from pipelines.settings import Settings
from pipelines.synth.nhanes_shaped import write

PERSONS = 400


def build(base: Path) -> Settings:
    """The built home under `base`; nobody may write in it.

    Every folder of tests asks with the same `base`, so the session builds it once.
    """
    settings = Settings(
        home=base / "warehouse" / "home",
        source="nhanes",
        folder=str(base / "warehouse" / "drop"),
        memory_gb=1.0,
        threads=1,
    )
    if not settings.home.exists():
        write(Path(settings.folder), PERSONS, seed=7)
        with Run(settings, run_id="built") as run:
            run.land()
            for step in plan.steps():
                run.step(step)
    return settings


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
