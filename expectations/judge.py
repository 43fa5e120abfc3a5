"""Judging a table: its suite against its Parquet files, in DuckDB. Verdicts hold counts and never a value of a row.

A check that raised is `could_not_evaluate`; one that no row was asked of is `not_applicable`. Neither is ever a pass.
"""

import logging
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Literal

import polars as pl

from expectations.suite import Category, Check, Severity, Suite, load
from pipelines.settings import Settings
from pipelines.tables import CONTRACTS
from pipelines.warehouse.engine import connect
from pipelines.warehouse.parquet import row_count
from pipelines.warehouse.store import Store

if TYPE_CHECKING:
    from great_expectations.datasource.fluent.interfaces import Batch

Status = Literal["pass", "fail", "not_applicable", "could_not_evaluate"]

# With lists of length 0 the queries behind them bring no row into Python.
_COUNTS_ONLY = {"result_format": "BASIC", "partial_unexpected_count": 0}
_ERROR_LINE = re.compile(r"^(?:\w+\.)*(\w+(?:Error|Exception)):", re.MULTILINE)
_log = logging.getLogger(__name__)
# Great Expectations logs the text of errors, and an error of DuckDB may quote a value.
logging.getLogger("great_expectations").addHandler(logging.NullHandler())
logging.getLogger("great_expectations").propagate = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """The verdict of one check, as a row of `mart.quality_result`; counts are None where nothing could be counted."""

    check_id: str
    table_name: str
    stratum: str = "all"
    category: Category
    severity: Severity
    note: str
    n_violated: int | None
    n_evaluated: int | None
    threshold: float | None
    status: Status


def judge(table: str, settings: Settings, related: tuple[str, ...] | None = None) -> tuple[CheckResult, ...]:
    """Run the suite of a table once over its current files.

    Args:
        table: `<layer>.<table>`, with a suite.
        settings: the home, and how much memory and how many threads DuckDB may use.
        related: other tables that the checks read; those the suite names, unless given.

    Returns:
        One result a check, in the order of the suite.

    Raises:
        SuiteError: there is no suite, or it breaks a rule.
    """
    suite = load(table)
    settings.spill.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="judge-", dir=settings.spill) as folder:
        database = Path(folder) / "judged.duckdb"
        try:
            _create_views(database, (table, *(suite.reads if related is None else related)), settings)
            rows = row_count(Store(settings).files(table))
            return _verdicts(database, suite, rows, settings)
        except Exception as error:  # an unreadable file leaves every question open, and open critical ones block
            kind = type(error).__name__
            _log.error("%s, or a table its checks read, cannot be read (%s): compute it again", table, kind)
            return tuple(_verdict(check, None, 0) for check in suite.checks)


def to_frame(results: Iterable[CheckResult]) -> pl.DataFrame:
    """Results as rows of `mart.quality_result`: its columns, types and order."""
    contract = CONTRACTS["mart.quality_result"]
    frame = pl.DataFrame([asdict(result) for result in results], schema=contract.empty().schema)
    return frame.sort(contract.key)


def _create_views(database: Path, tables: tuple[str, ...], settings: Settings) -> None:
    store = Store(settings)
    with connect(settings, database=database) as connection:
        for table in dict.fromkeys(tables):
            store.create_view(connection, table)


def _verdicts(database: Path, suite: Suite, rows: int, settings: Settings) -> tuple[CheckResult, ...]:
    from expectations.engine import open_batch  # Great Expectations takes seconds to import

    with open_batch(database, suite.table, settings) as batch:
        return tuple(_verdict(check, _outcome(batch, check), rows) for check in suite.checks)


def _outcome(batch: "Batch", check: Check) -> dict[str, Any] | None:
    """What Great Expectations found: whether it holds, and counts; None where the check raised.

    One call a check: the metrics of a suite are computed together, and one that raises takes others along.
    """
    from expectations.engine import to_expectation

    try:
        outcome = batch.validate(to_expectation(check), result_format=_COUNTS_ONLY)
        errors = _errors(outcome.exception_info or {})
    except Exception as error:
        errors = {type(error).__name__}
    if errors:
        _log.error("%s could not be evaluated: %s", check.id, ", ".join(sorted(errors)))
        return None
    return {**outcome.result, "success": bool(outcome.success)}


def _errors(info: Mapping[str, Any]) -> set[str]:
    """Kinds of the errors of one check, the first of each chain. Their texts stay out: some quote a value."""
    entries = [info, *info.values()]
    raised = [entry for entry in entries if isinstance(entry, Mapping) and entry.get("raised_exception")]
    kinds = [_ERROR_LINE.search(str(entry.get("exception_traceback"))) for entry in raised]
    return {kind[1] if kind else "Exception" for kind in kinds}


def _verdict(check: Check, outcome: Mapping[str, Any] | None, rows: int) -> CheckResult:
    violated, evaluated, status = None, None, "could_not_evaluate"
    if outcome is not None:
        violated, evaluated = _counts(check, outcome, rows)
        status = "not_applicable" if evaluated == 0 else "pass" if outcome["success"] else "fail"
    return CheckResult(
        check_id=check.id,
        table_name=check.table,
        category=check.category,
        severity=check.severity,
        note=check.note,
        n_violated=violated,
        n_evaluated=evaluated,
        threshold=check.threshold,
        status=status,
    )


def _counts(check: Check, outcome: Mapping[str, Any], rows: int) -> tuple[int | None, int]:
    """Rows that break the check and rows it was asked of; an expectation about rows in general was asked of all."""
    if "element_count" in outcome:
        evaluated = outcome["element_count"] - (outcome.get("missing_count") or 0)
        return int(outcome["unexpected_count"] or 0), int(evaluated)
    if check.type == "unexpected_rows_expectation":
        return int(outcome["observed_value"]), rows
    return None, rows
