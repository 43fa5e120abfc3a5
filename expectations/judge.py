"""Judging a table: Great Expectations asks the counts of its suite, and the table itself. Verdicts hold counts, no values.

A check that raised is `could_not_evaluate`; one that no row was asked of, or too few, is `not_applicable`. Neither is ever
a pass.
"""

import logging
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import polars as pl

from expectations.count import ALL
from expectations.question import COLUMNS, TableQuestion
from expectations.suite import Category, Check, Context, Severity, Suite, load
from expectations.tally import counts
from pipelines.settings import Settings
from pipelines.tables import CONTRACTS
from pipelines.warehouse.parquet import row_count
from pipelines.warehouse.store import Store

Status = Literal["pass", "fail", "not_applicable", "could_not_evaluate"]
Outcome = Mapping[str, Any] | None

_ERROR_LINE = re.compile(r"^(?:\w+\.)*(\w+(?:Error|Exception)):", re.MULTILINE)
_log = logging.getLogger(__name__)
# Great Expectations logs the text of errors, and an error of DuckDB may quote a value.
logging.getLogger("great_expectations").addHandler(logging.NullHandler())
logging.getLogger("great_expectations").propagate = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """The verdict of one check in one stratum, as a row of `mart.quality_result`; counts are None where none could be had."""

    check_id: str
    table_name: str
    stratum: str = ALL
    category: Category
    context: Context
    severity: Severity
    note: str
    source: str | None = None
    n_violated: int | None
    n_evaluated: int | None
    threshold: float | None
    status: Status


def judge(table: str, settings: Settings) -> tuple[CheckResult, ...]:
    """Judge a table by its suite, as its files are now.

    Args:
        table: `<layer>.<table>`, with a suite.
        settings: the home, and how much memory and how many threads DuckDB may use.

    Returns:
        One result a check and stratum, in the order of the suite.

    Raises:
        SuiteError: there is no suite, or it breaks a rule.
    """
    suite = load(table)
    try:
        counted = counts(suite, settings)
        rows = row_count(Store(settings).files(table))
        return tuple(_verdicts(suite, counted, rows, settings))
    except Exception as error:  # an unreadable file leaves every question open, and open critical ones block
        kind = type(error).__name__
        _log.error("%s, or a table its checks read, cannot be read (%s): compute it again", table, kind)
        return tuple(_verdict(check, ALL, None, None) for check in suite.checks)


def to_frame(results: Iterable[CheckResult]) -> pl.DataFrame:
    """Results as rows of `mart.quality_result`: its columns, types and order."""
    contract = CONTRACTS["mart.quality_result"]
    frame = pl.DataFrame([asdict(result) for result in results], schema=contract.empty().schema)
    return frame.sort(contract.key)


def _verdicts(suite: Suite, counted: pl.DataFrame, rows: int, settings: Settings) -> Iterator[CheckResult]:
    from expectations.engine import judge_counts, judge_table  # Great Expectations takes seconds to import

    of_counts = judge_counts(counted, suite)
    of_table = judge_table(suite, settings)
    strata = {key: tuple(part["stratum"]) for (key,), part in counted.group_by("check_id", maintain_order=True)}
    numbers = {(row[0], row[1]): (row[2], row[3]) for row in counted.iter_rows()}
    for check in suite.checks:
        if isinstance(check.question, TableQuestion):
            # Columns are one thing to ask, whatever the rows.
            asked = 1 if check.question.type == COLUMNS else rows
            yield _verdict(check, ALL, _found(check, of_table.get(check.id)), (None, asked))
            continue
        for stratum in strata.get(check.id, (ALL,)):
            key = check.id, stratum
            yield _verdict(check, stratum, _found(check, of_counts.get(key)), numbers.get(key))


def _found(check: Check, outcome: Mapping[str, Any] | None) -> Outcome:
    """What Great Expectations found; None where it raised."""
    errors = {"no outcome"} if outcome is None else _errors(outcome.get("exception_info") or {})
    if errors:
        _log.error("%s could not be evaluated: %s", check.id, ", ".join(sorted(errors)))
        return None
    return outcome


def _errors(info: Mapping[str, Any]) -> set[str]:
    """Kinds of the errors of one check, the first of each chain. Their texts stay out: some quote a value."""
    entries = [info, *info.values()]
    raised = [entry for entry in entries if isinstance(entry, Mapping) and entry.get("raised_exception")]
    kinds = [_ERROR_LINE.search(str(entry.get("exception_traceback"))) for entry in raised]
    return {kind[1] if kind else "Exception" for kind in kinds}


def _verdict(
    check: Check, stratum: str, outcome: Outcome, numbers: tuple[int | None, int | None] | None
) -> CheckResult:
    violated, evaluated = numbers or (None, None)
    status: Status = "could_not_evaluate"
    if outcome is None:
        violated, evaluated = None, None
    else:
        result, has_held = outcome["result"], outcome["success"]
        asked = result.get("element_count", evaluated) - (result.get("missing_count") or 0)
        if violated is None:
            violated, evaluated = int(result.get("unexpected_count") or not has_held), asked
        status = "not_applicable" if asked == 0 else "pass" if has_held else "fail"
    return CheckResult(
        check_id=check.id,
        table_name=check.table,
        stratum=stratum,
        category=check.category,
        context=check.context,
        severity=check.severity,
        note=check.note,
        source=check.source,
        n_violated=violated,
        n_evaluated=evaluated,
        threshold=check.threshold,
        status=status,
    )
