"""Publish: the one asset that changes what analysts see. It refuses while a critical check stands failed."""

import datetime as dt
import time
from pathlib import Path

import dagster as dg

from assets.home import Home, build_line
from pipelines import plan
from pipelines.errors import BlockedByCheck
from pipelines.objects import release_copy
from pipelines.run import Run
from pipelines.tables import CONTRACTS
from pipelines.warehouse.engine import connect_read_only
from pipelines.warehouse.publish import Build
from pipelines.warehouse.run_log import Event

_MOST_CHANGES = 200
_READ = {name for step in plan.steps() for name in step.inputs}
# Every table that no other reads: whoever waits for these waits for all.
_MADE_BY_PUBLISHING = plan.MADE_ELSEWHERE - {name for name in CONTRACTS if name.startswith("raw.")}
LEAVES = [name.split(".") for name in CONTRACTS if name not in _READ and name not in _MADE_BY_PUBLISHING]


def publish_judged(run: Run) -> Build:
    """Ask every suite for its verdict (on record where nothing changed), then publish.

    Raises:
        BlockedByCheck: a critical check failed or could not be evaluated; the published data stay as they are.
    """
    from expectations.record import failures, judge_all

    judge_all(run.settings)
    failed = failures(run.settings)
    if failed.height:
        raise BlockedByCheck(f"{failed.height} critical checks failed: {', '.join(failed['check_id'].to_list())}")
    return run.publish()


def trend_metadata(release: Path) -> dict[str, dg.MetadataValue]:
    """What changed in the verdicts since the run before, by cause, as released: the checks whose verdict became another."""
    with connect_read_only(release) as reader:
        changed = reader.sql(
            "select check_id, stratum, previous_status, status, cause from mart.quality_trend "
            "where build_id = (select build_id from mart.build) and previous_status <> status order by all"
        ).pl()
    records = [dg.TableRecord(row) for row in changed.head(_MOST_CHANGES).to_dicts()]
    schema = dg.TableSchema(columns=[dg.TableColumn(name, "string") for name in changed.columns])
    return {
        "verdicts_changed": dg.MetadataValue.int(changed.height),
        "verdicts_changed_since_last_run": dg.MetadataValue.table(records, schema=schema),
    }


def publish_asset(fresh_hours: int) -> dg.AssetsDefinition:
    """The asset; a published build that is older than so many hours shows as stale."""

    @dg.asset(
        key=["publish"],
        group_name="publish",
        deps=LEAVES,
        description="Build warehouse.duckdb, release.duckdb and the report beside the published ones, check them, switch.",
        kinds={"duckdb"},
        owners=["team:operator"],
        pool="warehouse",
        freshness_policy=dg.FreshnessPolicy.time_window(fail_window=dt.timedelta(hours=fresh_hours)),
    )
    def publish(context: dg.AssetExecutionContext, home: Home) -> dg.MaterializeResult:
        """Publish the working record as a new build."""
        with home.run(context.run.run_id) as run:
            started = time.monotonic()
            build = publish_judged(run)
            home.say(build_line(build))
            copied = release_copy.follow(run.settings)
        if copied is not None:
            home.say(release_copy.line(copied, run.settings))
        published = Event("published", seconds=time.monotonic() - started, build_id=build.build_id)
        home.record(context.run.run_id, published)
        return dg.MaterializeResult(
            metadata={
                "build_id": build.build_id,
                "gates": build.gates,
                "gates_closed": build.gates_closed,
                "gates_waived": build.gates_waived,
                "report": dg.MetadataValue.path(str(run.settings.home / "report" / "index.html")),
                "warehouse": dg.MetadataValue.path(str(run.settings.home / "warehouse.duckdb")),
                "steps": len(plan.steps()),
                **trend_metadata(build.folder / "release.duckdb"),
            }
        )

    return publish
