"""Our one own expectation: of the rows that a query asks about, at least a share holds; both are counted in one pass.

`UnexpectedRowsExpectation` counts the rows that break a rule but not those the rule was asked of, runs its query twice
and fetches rows. Here a query gives one boolean column `holds`, and no row leaves DuckDB. Imports Great Expectations:
import late.
"""

from typing import Any, ClassVar

from great_expectations.core.metric_domain_types import MetricDomainTypes
from great_expectations.execution_engine import ExecutionEngine, SqlAlchemyExecutionEngine
from great_expectations.expectations.expectation import BatchExpectation
from great_expectations.expectations.metrics.metric_provider import metric_value
from great_expectations.expectations.metrics.query_metric_provider import QueryMetricProvider
from sqlalchemy import text

METRIC = "rows_to_hold.counts"


class RowsToHoldCounts(QueryMetricProvider):
    """Rows asked and rows that do not hold (false or NULL), as `(asked, violated)`."""

    metric_name = METRIC
    value_keys = ("query",)

    @metric_value(engine=SqlAlchemyExecutionEngine)
    def _sqlalchemy(
        cls,  # noqa: N805
        execution_engine: SqlAlchemyExecutionEngine,
        metric_domain_kwargs: dict[str, Any],
        metric_value_kwargs: dict[str, Any],
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any],
    ) -> tuple[int, int]:
        table = MetricDomainTypes.TABLE
        selectable, _, _ = execution_engine.get_compute_domain(metric_domain_kwargs, domain_type=table)
        batch = selectable.compile(dialect=execution_engine.engine.dialect, compile_kwargs={"literal_binds": True})
        query = metric_value_kwargs["query"].format(batch=f"({batch})")
        counts = f"select count(*), count(*) filter (where holds is not true) from ({query})"
        asked, violated = execution_engine.execute_query(text(counts)).fetchall()[0]
        return int(asked), int(violated)


class ExpectRowsToHold(BatchExpectation):
    """Expect the boolean column `holds` of a query to be true in at least the share `mostly` of its rows.

    `query` reads `{batch}` and selects `holds` for each row, or group of rows, that it asks about. NULL does not hold.
    """

    query: str
    mostly: float = 1.0

    metric_dependencies: ClassVar[tuple[str, ...]] = (METRIC,)
    success_keys: ClassVar[tuple[str, ...]] = ("query", "mostly")
    domain_keys: ClassVar[tuple[str, ...]] = ("batch_id", "row_condition", "condition_parser")

    def _validate(
        self,
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any] | None = None,
        execution_engine: ExecutionEngine | None = None,
    ) -> dict[str, Any]:
        asked, violated = metrics[METRIC]
        return {
            "success": violated <= (1 - self.mostly) * asked + 1e-9,
            "result": {"element_count": asked, "missing_count": 0, "unexpected_count": violated},
        }
