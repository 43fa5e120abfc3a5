"""Puts everything that Dagster is to know together, by one function so that tests and the command line can name the home."""

import dagster as dg

from assets import checks, drops, gates, jobs, landing, publishing, sensors, tables
from assets.home import Home
from pipelines import settings


def build_definitions(home: Home | None = None) -> dg.Definitions:
    """Every asset, check, job, schedule and sensor."""
    machine = settings.load(settings.home_from_environment())
    return dg.Definitions(
        assets=[landing.land, drops.drop, *tables.table_assets(), publishing.publish_asset(machine.fresh_hours)],
        asset_checks=[*checks.table_checks(), gates.gate_checks()],
        jobs=[jobs.nightly(), jobs.one_study(machine), jobs.read_again()],
        schedules=[jobs.nightly_schedule(machine)],
        sensors=[sensors.drop_sensor, sensors.ended_runs_sensor],
        resources={"home": home or Home()},
        executor=dg.in_process_executor,
    )
