"""The sensor of the drop folder: starts the nightly job when a new delivery is complete. When it is, `arrival` says."""

import dagster as dg

from assets.home import Home
from assets.jobs import NIGHTLY

_LOOK_SECONDS = 60


@dg.sensor(
    name="drop_sensor",
    job=NIGHTLY,
    minimum_interval_seconds=_LOOK_SECONDS,
    default_status=dg.DefaultSensorStatus.STOPPED,
    description="Starts the night when a delivery is new and complete: as SHA256SUMS lists it, or quiet long enough.",
)
def drop_sensor(context: dg.SensorEvaluationContext, home: Home) -> dg.RunRequest | dg.SkipReason:
    """One run a state of the drop folder; a delivery that is refused is not tried again before it changes."""
    from pipelines.warehouse.arrival import arrival

    settings = home.settings()
    if not settings.source:
        return dg.SkipReason(f"{settings.file}: no [input] source yet; run `trabecula run` once")
    found = arrival(settings)
    if not (found.is_new and found.is_complete):
        return dg.SkipReason(found.why)
    return dg.RunRequest(run_key=found.state, tags={"trabecula/kind": "sensor", "trabecula/input": found.state})
