"""Factory: every suite becomes asset checks of its table; critical ones block what comes after.

A suite that also reads tables which are not upstream of its own is judged once those are there; it cannot block by order,
so publishing asks for every verdict again.
"""

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import dagster as dg

from assets.home import Home
from expectations.suite import Suite, all_tables, load
from pipelines import plan
from pipelines.warehouse.run_log import Event

if TYPE_CHECKING:
    from expectations.judge import CheckResult


_MOST_STRATA = 100


def check_name(check_id: str) -> str:
    """Dagster's name of a check: its stable id without the table."""
    return check_id.split(".")[-1]


def table_checks() -> list[dg.AssetChecksDefinition]:
    """One definition a table that has a suite."""
    return [_checks(load(table)) for table in all_tables()]


def _checks(suite: Suite) -> dg.AssetChecksDefinition:
    key = suite.table.split(".")
    beside = [table for table in suite.reads if table not in plan.upstream(suite.table)]

    @dg.multi_asset_check(
        name=f"{'_'.join(key)}_suite",
        specs=[
            dg.AssetCheckSpec(
                check_name(check.id),
                asset=key,
                blocking=check.severity == "critical" and not beside,
                additional_deps=[table.split(".") for table in beside],
                description=check.note,
                metadata={"category": check.category, "severity": check.severity},
            )
            for check in suite.checks
        ],
    )
    def body(context: dg.AssetCheckExecutionContext, home: Home) -> Iterator[dg.AssetCheckResult]:
        from expectations.record import judge_and_record

        started = time.monotonic()
        results = judge_and_record(suite.table, home.settings())
        seconds = time.monotonic() - started
        failed = sum(result.status in ("fail", "could_not_evaluate") for result in results)
        home.done(f"{suite.table} checked", f"{suite.table:<30} {len(results):>12,} checks {failed} not passed")
        home.record(
            context.run.run_id,
            Event("checked", suite.table, seconds=seconds, checks=len(results), not_passed=failed),
        )
        for check in suite.checks:
            yield _result(key, [result for result in results if result.check_id == check.id])

    return body


def _result(key: list[str], strata: "list[CheckResult]") -> dg.AssetCheckResult:
    """One check in all its strata: it passes where none fails; the others are listed by status."""
    from expectations.record import is_blocking

    whole = strata[0]
    open_ = [result for result in strata if result.status in ("fail", "could_not_evaluate")]
    blocks = any(is_blocking(result) for result in open_)
    return dg.AssetCheckResult(
        check_name=check_name(whole.check_id),
        asset_key=key,
        passed=not open_,
        severity=dg.AssetCheckSeverity.ERROR if blocks else dg.AssetCheckSeverity.WARN,
        metadata={
            "status": (open_ or strata)[0].status,
            "n_violated": whole.n_violated if whole.n_violated is not None else -1,
            "n_evaluated": whole.n_evaluated if whole.n_evaluated is not None else -1,
            "strata": len(strata),
            "strata_not_passed": len(open_),
            # A table of one row would say the same once more, two thousand times a night.
            **({"strata_by_verdict": strata_table(strata)} if len(strata) > 1 else {}),
        },
    )


def strata_table(strata: "list[CheckResult]") -> dg.TableMetadataValue:
    """Counts of each stratum, those that did not pass first; no more than `_MOST_STRATA`, so that the page stays readable."""
    order = {status: place for place, status in enumerate(("fail", "could_not_evaluate", "pass", "not_applicable"))}
    shown = sorted(strata, key=lambda result: (order[result.status], result.stratum))[:_MOST_STRATA]
    records = [
        dg.TableRecord(
            {
                "stratum": result.stratum,
                "status": result.status,
                "n_violated": -1 if result.n_violated is None else result.n_violated,
                "n_evaluated": -1 if result.n_evaluated is None else result.n_evaluated,
            }
        )
        for result in shown
    ]
    types = {"stratum": "string", "status": "string", "n_violated": "int", "n_evaluated": "int"}
    columns = [dg.TableColumn(name, kind) for name, kind in types.items()]
    return dg.MetadataValue.table(records, schema=dg.TableSchema(columns=columns))
