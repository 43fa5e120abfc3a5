"""Drops as Dagster's partitions: which there are, what became of each, and one read again. Nothing else is partitioned.

A partition is a subfolder of the input folder, by its name; an input that is one snapshot, as a survey always is, has the one
partition `snapshot`. Landing itself is for the whole folder.
"""

from collections.abc import Iterable

import dagster as dg

from assets.home import Home, landing_lines
from assets.run_worker import require_landable
from pipelines.run import LandingReport
from pipelines.warehouse.landed_drop import LandedDrop

DROPS = dg.DynamicPartitionsDefinition(name="drop")
KEY = dg.AssetKey(["landing", "drop"])
# Of letters that Dagster takes in no partition; such a drop is landed like any other and has no page.
_NO_KEY = "..."


@dg.asset(
    key=KEY,
    group_name="raw",
    partitions_def=DROPS,
    backfill_policy=dg.BackfillPolicy.single_run(),
    description="What became of each drop: files and rows as landed. Materializing chosen drops examines and lands the whole "
    "input folder, as a night does, and reads the files of these drops from the source again though they are current; rows that "
    "come out as they were change nothing after them. Nothing is published.",
    kinds={"parquet"},
    owners=["team:operator"],
    pool="warehouse",
)
def drop(context: dg.AssetExecutionContext, home: Home) -> None:
    """Read chosen drops again."""
    chosen = frozenset(context.partition_keys)
    with home.run(context.run.run_id) as run:
        require_landable(run.settings)
        report = run.land(again=chosen)
        for line in landing_lines(report):
            home.say(line)
        know(context.instance, (each.name for each in report.drops))
        for each in report.drops:
            if each.name in chosen:
                context.add_asset_metadata(_metadata(each), KEY, each.name)


def tell_drops(context: dg.AssetExecutionContext, report: LandingReport) -> None:
    """What a landing made of each drop, where it wrote files of it or Dagster's history does not know of it."""
    instance = context.instance
    know(instance, (each.name for each in report.drops))
    told = instance.get_materialized_partitions(KEY)
    for each in report.drops:
        if _is_key(each.name) and (each.files_written or each.name not in told):
            context.log_event(dg.AssetMaterialization(KEY, partition=each.name, metadata=_metadata(each)))


def know(instance: dg.DagsterInstance, names: Iterable[str]) -> None:
    """Have these partitions and no others: drops that a home does not hold any more are forgotten."""
    there, known = {name for name in names if _is_key(name)}, set(instance.get_dynamic_partitions(DROPS.name or ""))
    instance.add_dynamic_partitions(DROPS.name or "", sorted(there - known))
    for name in known - there:
        instance.delete_dynamic_partition(DROPS.name or "", name)


def announced(names: Iterable[str]) -> dg.AddDynamicPartitionsRequest:
    """What a sensor asks for that saw these drops come."""
    return DROPS.build_add_request([name for name in names if _is_key(name)])


def _is_key(name: str) -> bool:
    return _NO_KEY not in name and name.isprintable()


def _metadata(told: LandedDrop) -> dict[str, int]:
    return {
        "files": told.files,
        "files_written": told.files_written,
        "rows_read": told.rows_read,
        "dagster/partition_row_count": told.rows,
        "rows_rejected": told.rows_rejected,
        "rows_withdrawn": told.rows_withdrawn,
    }
