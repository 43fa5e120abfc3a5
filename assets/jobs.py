"""The nightly job and its schedule: everything, in order, in one process."""

import dagster as dg

from pipelines.settings import Settings

NIGHTLY = dg.define_asset_job(
    "nightly",
    selection=dg.AssetSelection.all(),
    description="Land the drop, bring every table up to date, judge, publish, report.",
)


def nightly_schedule(settings: Settings) -> dg.ScheduleDefinition:
    """The schedule of `trabecula.toml` [schedule]."""
    return dg.ScheduleDefinition(
        name="nightly_schedule",
        job=NIGHTLY,
        cron_schedule=settings.nightly_cron,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
    )
