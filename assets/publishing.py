"""Publish: the one asset that changes what analysts see. It refuses while a critical check stands failed."""

import dagster as dg

from assets.home import Home, build_line
from pipelines import plan
from pipelines.errors import BlockedByCheck
from pipelines.run import Run
from pipelines.tables import CONTRACTS
from pipelines.warehouse.publish import Build

_READ = {name for step in plan.steps() for name in step.inputs}
# Every table that no other reads: whoever waits for these waits for all.
_MADE_BY_PUBLISHING = plan.MADE_ELSEWHERE - {name for name in CONTRACTS if name.startswith("raw.")}
LEAVES = [name.split(".") for name in CONTRACTS if name not in _READ and name not in _MADE_BY_PUBLISHING]


def publish_judged(run: Run) -> Build:
    """Ask every suite for its verdict (on record where nothing changed), then publish.

    Raises:
        BlockedByCheck: a critical check failed or could not be evaluated; the published data stay as they are.
    """
    from expectations.record import failures, judge_and_record
    from expectations.suite import all_tables

    for table in all_tables():
        judge_and_record(table, run.settings)
    failed = failures(run.settings)
    if failed.height:
        raise BlockedByCheck(f"{failed.height} critical checks failed: {', '.join(failed['check_id'].to_list())}")
    return run.publish()


@dg.asset(
    key=["publish"],
    group_name="publish",
    deps=LEAVES,
    description="Build warehouse.duckdb, release.duckdb and the report beside the published ones, check them, switch.",
    kinds={"duckdb"},
    pool="warehouse",
)
def publish(context: dg.AssetExecutionContext, home: Home) -> dg.MaterializeResult:
    """Publish the working record as a new build."""
    with home.run(context.run.run_id) as run:
        build = publish_judged(run)
    home.say(build_line(build))
    return dg.MaterializeResult(
        metadata={
            "build_id": build.build_id,
            "gates": build.gates,
            "gates_closed": build.gates_closed,
            "report": dg.MetadataValue.path(str(run.settings.home / "report" / "index.html")),
            "warehouse": dg.MetadataValue.path(str(run.settings.home / "warehouse.duckdb")),
            "steps": len(plan.steps()),
        }
    )
