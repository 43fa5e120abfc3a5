"""The jobs: everything every night, in order, in one process; and one study again, from the launchpad."""

from typing import TYPE_CHECKING

import dagster as dg

from assets.drops import KEY
from assets.run_worker import NIGHT
from pipelines import plan
from pipelines.settings import Settings
from pipelines.sources.registry import SOURCES
from pipelines.trials.study import select
from pipelines.warehouse.publish import code_version
from pipelines.warehouse.run_summary import lock_hash

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition


def nightly() -> "UnresolvedAssetJobDefinition":
    """Everything; every run carries the hashes of code and lock, landing adds that of the input."""
    return dg.define_asset_job(
        NIGHT,
        selection=dg.AssetSelection.all() - dg.AssetSelection.assets(KEY),
        description="Land the drop, bring every table up to date, judge, publish, report.",
        tags={
            "trabecula/code": code_version(step.code_version() for step in plan.steps()),
            "trabecula/lock": lock_hash(),
        },
    )


def read_again() -> "UnresolvedAssetJobDefinition":
    """Chosen drops from the source again: what a backfill over drops runs."""
    return dg.define_asset_job(
        "read_drops_again",
        selection=dg.AssetSelection.assets(KEY),
        description="Land the input folder, and read the files of the chosen drops again though they are current.",
    )


def nightly_schedule(settings: Settings) -> dg.ScheduleDefinition:
    """The schedule of `trabecula.toml` [schedule]."""
    return dg.ScheduleDefinition(
        name="nightly_schedule",
        job_name=NIGHT,
        cron_schedule=settings.nightly_cron,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
    )


def one_study(settings: Settings) -> "UnresolvedAssetJobDefinition":
    """Chosen studies again, from the study files to the mart; nothing is landed and nothing published.

    The launchpad opens with a run config that works: the first study that the source of the home can serve.
    """
    studies = list(select((), settings.source)) if settings.source in SOURCES else []
    return dg.define_asset_job(
        "one_study",
        selection=dg.AssetSelection.assets(*_of_studies()).downstream() - dg.AssetSelection.assets(["publish"]),
        description="Run the studies named in resources.home.config.studies on what is landed, up to the mart. Other studies "
        "leave the working record until the next run of all; readers keep the published build.",
        config={"resources": {"home": {"config": {"studies": studies[:1]}}}},
    )


def _of_studies() -> list[list[str]]:
    """Keys of the tables that study files decide on; all that is made of them follows."""
    return [step.table.split(".") for step in plan.steps() if "studies" in step.depends_on]
