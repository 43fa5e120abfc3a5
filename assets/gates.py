"""The evidence gates as asset checks: one a diagnostic of any profile, and one of them all. Red, but they stop nothing.

A closed gate is a result. A waiver opens a gate and leaves its check red: what fails goes on failing. Verdicts only; no
value of a diagnostic and no number of people leaves with them.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import dagster as dg

from assets.home import Home
from pipelines.run import Run
from pipelines.trials.waiver import REQUIRED

if TYPE_CHECKING:
    import polars as pl

ALL = "all_gates_open"
DIAGNOSTICS = tuple(sorted({name for closing in REQUIRED.values() for name in closing}))
_TABLE = ["models", "diagnostic"]
_MOST_ROWS = 100
_COLUMNS = ("study_id", "contrast", "outcome", "population", "diagnostic", "status", "waiver")


def check_of(diagnostic: str) -> str:
    """Dagster's name of the check of a diagnostic."""
    return f"gate_{diagnostic}"


def gate_checks() -> dg.AssetChecksDefinition:
    """One check for each diagnostic that closes a gate, and one that no diagnostic of any study stands open."""

    @dg.multi_asset_check(
        name="models_diagnostic_gates",
        specs=[
            dg.AssetCheckSpec(ALL, asset=_TABLE, description="Every diagnostic of every study passes"),
            *(
                dg.AssetCheckSpec(check_of(name), asset=_TABLE, description=f"{name} passes wherever it is asked")
                for name in DIAGNOSTICS
            ),
        ],
    )
    def body(home: Home) -> Iterator[dg.AssetCheckResult]:
        import polars as pl

        from pipelines.models.gate_rule import with_waivers
        from pipelines.warehouse.store import Store

        settings = home.settings()
        judged = Store(settings).scan("models.diagnostic").collect()
        told = with_waivers(judged, Run(settings, tuple(home.studies)).facts)
        yield _result(ALL, told)
        for name in DIAGNOSTICS:
            yield _result(check_of(name), told.filter(pl.col("diagnostic") == name))

    return body


def _result(name: str, told: "pl.DataFrame") -> dg.AssetCheckResult:
    """It passes where every verdict does; a verdict that is neither pass nor not applicable is listed with its waiver."""
    import polars as pl

    status = pl.col("status").cast(pl.String)
    counts = {str(each): n for each, n in told["status"].value_counts(sort=True).iter_rows()}
    shut = told.filter(~status.is_in(["pass", "not_applicable"]).fill_null(value=False)).select(_COLUMNS)
    said = shut.with_columns(status, pl.col("waiver").fill_null("none"))
    records = [dg.TableRecord(row) for row in said.head(_MOST_ROWS).iter_rows(named=True)]
    columns = [dg.TableColumn(column, "string") for column in _COLUMNS]
    return dg.AssetCheckResult(
        check_name=name,
        asset_key=_TABLE,
        passed=shut.is_empty(),
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            **counts,
            "waived": shut.height - shut["waiver"].null_count(),
            "questions_that_do_not_pass": dg.MetadataValue.table(records, schema=dg.TableSchema(columns=columns)),
        },
    )
