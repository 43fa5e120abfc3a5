"""From what Great Expectations found to a verdict: counts, statuses, errors, and the frame that is stored."""

import polars as pl
import pytest

from expectations.judge import CheckResult, _errors, _verdict, to_frame
from expectations.record import is_blocking
from expectations.suite import Check
from pipelines.tables import CONTRACTS

ROWS = "expect_rows_to_hold"
UNEXPECTED = "unexpected_rows_expectation"


def check(kind: str = ROWS, **changes: object) -> Check:
    facts = {"id": "staging.person.x", "table": "staging.person", "category": "conformance", "severity": "critical"}
    more = {"note": "x", "source": None, "type": kind, "kwargs": {}, "threshold": 0.9}
    return Check(**(facts | more | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "outcome", "expected"),
    [
        (ROWS, {"success": True, "element_count": 10, "unexpected_count": 1}, (1, 10, "pass")),
        (ROWS, {"success": False, "element_count": 10, "unexpected_count": 2}, (2, 10, "fail")),
        (ROWS, {"success": True, "element_count": 0, "unexpected_count": 0}, (0, 0, "not_applicable")),
        ("m", {"success": True, "element_count": 9, "missing_count": 4, "unexpected_count": 0}, (0, 5, "pass")),
        (
            "m",
            {"success": True, "element_count": 9, "missing_count": 9, "unexpected_count": 0},
            (0, 0, "not_applicable"),
        ),
        (
            "m",
            {"success": True, "element_count": 0, "missing_count": 0, "unexpected_count": None},
            (0, 0, "not_applicable"),
        ),
        (UNEXPECTED, {"success": False, "observed_value": 3}, (3, 100, "fail")),
        (UNEXPECTED, {"success": True, "observed_value": 0}, (0, 100, "pass")),
        ("aggregate", {"success": False, "observed_value": 41.5}, (None, 100, "fail")),
        (ROWS, None, (None, None, "could_not_evaluate")),
    ],
)
def test_verdict(kind: str, outcome: dict | None, expected: tuple) -> None:
    result = _verdict(check(kind), outcome, 100)
    assert (result.n_violated, result.n_evaluated, result.status) == expected


def test_unexpected_rows_of_an_empty_table_are_not_applicable() -> None:
    assert _verdict(check(UNEXPECTED), {"success": True, "observed_value": 0}, 0).status == "not_applicable"


def test_errors_are_named_by_kind_and_never_quoted() -> None:
    fine = {"raised_exception": False, "exception_traceback": None, "exception_message": None}
    traceback = (
        "Traceback (most recent call last):\n  File x\n    raise ValueError('y')\n"
        "_duckdb.ConversionException: Conversion Error: Could not convert string 'Jane Doe' to INT32\n\n"
        "The above exception was the direct cause of the following exception:\n"
        "sqlalchemy.exc.DataError: (x) 'Jane Doe'\n(Background on this error at: https://sqlalche.me/e/21/9h9h)\n"
    )
    raised = {"raised_exception": True, "exception_traceback": traceback, "exception_message": "'Jane Doe'"}
    assert _errors(fine) == set()
    assert _errors({}) == set()
    assert _errors(raised) == {"ConversionException"}
    assert _errors({"metric a": raised, "metric b": raised}) == {"ConversionException"}
    assert _errors({"metric": raised | {"exception_traceback": None}}) == {"Exception"}


@pytest.mark.parametrize(
    ("severity", "status", "expected"),
    [
        ("critical", "fail", True),
        ("critical", "could_not_evaluate", True),
        ("critical", "pass", False),
        ("critical", "not_applicable", False),
        ("warning", "fail", False),
        ("info", "could_not_evaluate", False),
    ],
)
def test_only_critical_checks_block(severity: str, status: str, expected: bool) -> None:
    outcome = {"fail": {"success": False, "observed_value": 1}, "pass": {"success": True, "observed_value": 0}}.get(
        status
    )
    rows = 5
    if status == "not_applicable":
        outcome, rows = {"success": True, "observed_value": 0}, 0
    result = _verdict(check(UNEXPECTED, severity=severity), outcome, rows)
    assert result.status == status
    assert is_blocking(result) is expected


def test_frame_has_the_contract_of_the_mart() -> None:
    contract = CONTRACTS["mart.quality_result"]
    results = [_verdict(check(id=f"staging.person.{name}"), None, 0) for name in ("b", "a")]
    frame = to_frame(results)
    assert frame.schema == contract.empty().schema
    assert frame["check_id"].to_list() == ["staging.person.a", "staging.person.b"]
    assert contract.schema.is_valid(frame)
    assert to_frame([]).schema == contract.empty().schema
    assert CheckResult(**frame.row(0, named=True)) == results[1]
    assert isinstance(frame, pl.DataFrame)
