"""Our one own expectation: of the rows a check was asked of in a stratum, at least a share holds, as counted beforehand.

Great Expectations is handed the table of counts, not the rows; a threshold can change without counting again. Imports
Great Expectations: import late.
"""

from typing import Any, ClassVar

from great_expectations.compatibility.pydantic import PrivateAttr
from great_expectations.execution_engine import ExecutionEngine, PandasExecutionEngine
from great_expectations.expectations.expectation import BatchExpectation
from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
from great_expectations.expectations.metrics.metric_provider import metric_value
from great_expectations.expectations.metrics.table_metric_provider import TableMetricProvider

METRIC = "table.counts_of_checks"


class NotCountedError(RuntimeError):
    """The rows of a check could not be counted."""


class CountsOfChecks(TableMetricProvider):
    """`{(check, stratum): (asked, violated)}` of a table of counts; None for what could not be counted."""

    metric_name = METRIC

    @metric_value(engine=PandasExecutionEngine)
    def _pandas(
        cls,  # noqa: N805
        execution_engine: PandasExecutionEngine,
        metric_domain_kwargs: dict[str, Any],
        metric_value_kwargs: dict[str, Any],
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any],
    ) -> dict[tuple[str, str], tuple[int | None, int | None]]:
        frame = execution_engine.get_domain_records(metric_domain_kwargs)
        asked, violated = (
            [None if value != value or value is None else int(value) for value in frame[name]]
            for name in ("n_evaluated", "n_violated")
        )
        keys = zip(frame["check_id"], frame["stratum"], strict=True)
        return dict(zip(keys, zip(asked, violated, strict=True), strict=True))


class ExpectCountedRowsToHold(BatchExpectation):
    """Expect at least the share `mostly` of the rows that `check` was asked of in `stratum` to hold.

    Fewer than `least` rows are too few to judge by: then nothing is expected, and `element_count` says 0.
    """

    check: str
    stratum: str
    mostly: float = 1.0
    least: int = 1

    metric_dependencies: ClassVar[tuple[str, ...]] = (METRIC,)
    success_keys: ClassVar[tuple[str, ...]] = ("check", "stratum", "mostly", "least")
    domain_keys: ClassVar[tuple[str, ...]] = ("batch_id",)

    _made: ExpectationConfiguration | None = PrivateAttr(None)

    @property
    def configuration(self) -> ExpectationConfiguration:
        """As Great Expectations makes it, once: it is asked some thirty times, and made anew it is half of judging."""
        if self._made is None:
            self._made = super().configuration
        return self._made

    def _validate(
        self,
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any] | None = None,
        execution_engine: ExecutionEngine | None = None,
    ) -> dict[str, Any]:
        asked, violated = metrics[METRIC][self.check, self.stratum]
        if asked is None or violated is None:
            raise NotCountedError(self.check)
        if asked < self.least:
            asked, violated = 0, 0
        return {
            "success": violated <= (1 - self.mostly) * asked + 1e-9,
            "result": {"element_count": asked, "missing_count": 0, "unexpected_count": violated},
        }
