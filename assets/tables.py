"""Factory: every step of the plan becomes one unpartitioned asset whose body calls the runner."""

import dagster as dg

from assets.home import Home, step_event, step_line
from assets.plots import order_tags, plot_metadata
from assets.table_metadata import table_metadata, table_owners, table_tags
from pipelines import plan
from pipelines.warehouse.step import CsvProducer, SqlProducer, Step


def table_assets() -> list[dg.AssetsDefinition]:
    """One asset a table."""
    return [_table_asset(step) for step in plan.steps()]


def _table_asset(step: Step) -> dg.AssetsDefinition:
    layer, name = step.table.split(".")

    @dg.asset(
        key=[layer, name],
        group_name=layer,
        deps=[table.split(".") for table in step.inputs],
        description=step.contract.comment,
        kinds=_kinds(step),
        code_version=step.code_version()[:16],
        tags=table_tags(step.table),
        owners=table_owners(step.table),
        metadata=table_metadata(step.table),
        op_tags=order_tags(step.table),
        pool="warehouse",
    )
    def body(context: dg.AssetExecutionContext, home: Home) -> dg.MaterializeResult:
        with home.run(context.run.run_id, context.log.info) as run:
            report = run.step(step)
            home.done(step.table, step_line(report))
            home.record(context.run.run_id, step_event(report))
            metadata = {
                "dagster/row_count": report.rows,
                "files_computed": report.computed,
                "files_current": report.current,
                # Of the files computed, those whose changed people alone were: only tables of people have such.
                **({"files_merged": report.merged} if step.is_per_person else {}),
                "seconds": round(report.seconds, 3),
                **plot_metadata(step.table, run),
            }
            return dg.MaterializeResult(metadata=metadata, data_version=dg.DataVersion(report.data_version))

    return body


def _kinds(step: Step) -> set[str]:
    match step.producer:
        case SqlProducer():
            return {"duckdb", "sql"}
        case CsvProducer():
            return {"csv"}
        case _:
            return {"python", "polars"}
