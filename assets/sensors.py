"""Two sensors: one starts the night when a new delivery is complete, one tells how runs ended. They look and ask, no more."""

import dagster as dg

from assets.drops import announced
from assets.home import Home
from assets.run_worker import KIND, NIGHT
from pipelines.errors import BadInput
from pipelines.settings import Settings

_LOOK_SECONDS = 60


@dg.sensor(
    name="drop_sensor",
    job_name=NIGHT,
    minimum_interval_seconds=_LOOK_SECONDS,
    default_status=dg.DefaultSensorStatus.STOPPED,
    description="Starts the night when a delivery is new and complete: as SHA256SUMS lists it, or quiet long enough.",
)
def drop_sensor(context: dg.SensorEvaluationContext, home: Home) -> dg.SensorResult | dg.SkipReason:
    """One run a state of the drop folder; a delivery that is refused is not tried again before it changes."""
    from pipelines.object_url import is_url
    from pipelines.objects import inbox
    from pipelines.warehouse.arrival import arrival

    settings = home.settings()
    if not settings.source:
        return dg.SkipReason(f"{settings.file}: no [input] source yet; run `trabecula run` once")
    try:
        found = inbox.looked_at(settings) if is_url(settings.folder) else arrival(settings)
    except BadInput as error:
        return dg.SkipReason(str(error))
    if not (found.is_new and found.is_complete):
        return dg.SkipReason(found.why)
    night = dg.RunRequest(run_key=found.state, tags={KIND: "sensor", "trabecula/delivery": found.state})
    return dg.SensorResult([night], dynamic_partitions_requests=[announced(_names(settings))])


def _names(settings: Settings) -> tuple[str, ...]:
    """Drops that lie there; none of an input that the night is going to refuse, and say why."""
    from pipelines.sources.registry import source_named

    try:
        return source_named(settings.source).names(settings.input_folder)
    except BadInput:
        return ()


@dg.sensor(
    name="ended_runs_sensor",
    minimum_interval_seconds=_LOOK_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Writes the summary of every night that Dagster started and sends its notice, whatever became of its process.",
)
def ended_runs_sensor(context: dg.SensorEvaluationContext, home: Home) -> dg.SkipReason:
    """Close runs whose process is gone, tell of runs that ended untold, and forget runs above `keep_runs`."""
    from assets.ended_runs import tell_ended
    from assets.history_upkeep import keep_house
    from assets.telling import tell_lost

    settings = home.settings()
    # First the journal: a run of the command line that stands in both is told once.
    told = tell_lost(settings)
    keep_house(context.instance, settings)
    return dg.SkipReason("; ".join(told + tell_ended(context.instance, settings)) or "no run ended untold")
