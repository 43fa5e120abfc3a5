"""Landing: one op, one asset a raw table. The bodies call `pipelines.run`."""

import time
from collections.abc import Iterator

import dagster as dg

from assets.drops import tell_drops
from assets.home import Home, landing_lines
from assets.run_worker import require_ready
from assets.table_metadata import table_metadata, table_owners, table_tags
from pipelines.tables import CONTRACTS
from pipelines.warehouse.parquet import row_count
from pipelines.warehouse.run_log import Event
from pipelines.warehouse.store import Store

RAW_TABLES = tuple(name for name in CONTRACTS if name.startswith("raw."))


@dg.multi_asset(
    name="land",
    specs=[
        dg.AssetSpec(
            key=name.split("."),
            group_name="raw",
            description=CONTRACTS[name].comment,
            kinds={"parquet"},
            tags=table_tags(name),
            owners=table_owners(name),
            metadata=table_metadata(name),
        )
        for name in RAW_TABLES
    ],
    pool="warehouse",
)
def land(context: dg.AssetExecutionContext, home: Home) -> Iterator[dg.MaterializeResult]:
    """Examine the drop folder, refuse it whole if a file is bad, else write what changed."""
    with home.run(context.run.run_id) as run:
        require_ready(run.settings, context.run)
        started = time.monotonic()
        report = run.land(
            lambda part, current: home.say(f"{part.table:<30} {part.name}{' current' if current else ''}")
        )
        for line in landing_lines(report):
            home.say(line)
        landed = report.landed
        event = Event(
            "landed",
            rows=landed.rejected,
            seconds=time.monotonic() - started,
            files_computed=landed.written,
            files_current=landed.current,
        )
        home.record(context.run.run_id, event)
        tell_drops(context, report)
        context.instance.add_run_tags(context.run.run_id, {"trabecula/input": report.drop_id})
        store = Store(run.settings)
        for name in RAW_TABLES:
            rows = row_count(store.files(name))
            metadata = {"dagster/row_count": rows, "drop_id": report.drop_id}
            if name == "raw.missing_piece" and report.missing:
                metadata["missing"] = dg.MetadataValue.md("\n".join(f"- {line}" for line in report.missing))
            yield dg.MaterializeResult(asset_key=name.split("."), metadata=metadata)
