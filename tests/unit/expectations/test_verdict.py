"""From what Great Expectations found to a verdict: counts, statuses, errors, and the frame that is stored."""

import polars as pl
import pytest

from expectations.judge import CheckResult, _errors, _verdict, to_frame
from expectations.question import Question, RowQuestion, TableQuestion
from expectations.record import is_blocking
from expectations.suite import Check
from pipelines.tables import CONTRACTS

ROWS = RowQuestion("true", "true")
TABLE = TableQuestion("expect_column_median_to_be_between")


def check(question: Question = ROWS, **changes: object) -> Check:
    facts = {"id": "staging.person.x", "table": "staging.person", "category": "conformance", "severity": "critical"}
    more = {"note": "x", "source": None, "question": question, "threshold": 0.9, "least": 1}
    return Check(**(facts | more | changes))  # type: ignore[arg-type]


def said(success: bool, **result: object) -> dict:
    return {"success": success, "result": result}


@pytest.mark.parametrize(
    ("question", "outcome", "numbers", "expected"),
    [
        (ROWS, said(True, element_count=10, unexpected_count=1), (1, 10), (1, 10, "pass")),
        (ROWS, said(False, element_count=10, unexpected_count=2), (2, 10), (2, 10, "fail")),
        (ROWS, said(True, element_count=0, unexpected_count=0), (0, 0), (0, 0, "not_applicable")),
        # Too few to judge by: the counts stay, the verdict is none.
        (ROWS, said(True, element_count=0, unexpected_count=0), (2, 3), (2, 3, "not_applicable")),
        (TABLE, said(True, element_count=9, missing_count=4, unexpected_count=0), (None, 9), (0, 5, "pass")),
        (TABLE, said(False, element_count=9, missing_count=4, unexpected_count=3), (None, 9), (3, 5, "fail")),
        (TABLE, said(True, element_count=9, missing_count=9, unexpected_count=0), (None, 9), (0, 0, "not_applicable")),
        (TABLE, said(False, observed_value=41.5), (None, 100), (1, 100, "fail")),
        (TABLE, said(True, observed_value=41.5), (None, 0), (0, 0, "not_applicable")),
        (ROWS, None, (1, 10), (None, None, "could_not_evaluate")),
        (ROWS, None, None, (None, None, "could_not_evaluate")),
    ],
)
def test_verdict(question: Question, outcome: dict | None, numbers: tuple | None, expected: tuple) -> None:
    result = _verdict(check(question), "all", outcome, numbers)
    assert (result.n_violated, result.n_evaluated, result.status) == expected


def test_a_limit_from_outside_is_validation_one_of_the_data_is_verification() -> None:
    assert _verdict(check(source="WHO 1994"), "all", None, None).context == "validation"
    assert _verdict(check(), "all", None, None).context == "verification"


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
    asked = 0 if status == "not_applicable" else 5
    outcome = (
        None if status == "could_not_evaluate" else said(status != "fail", element_count=asked, unexpected_count=0)
    )
    result = _verdict(check(severity=severity), "all", outcome, (0, asked))
    assert result.status == status
    assert is_blocking(result) is expected


def test_frame_has_the_contract_of_the_mart() -> None:
    contract = CONTRACTS["mart.quality_result"]
    results = [_verdict(check(id=f"staging.person.{name}"), "all", None, None) for name in ("b", "a")]
    frame = to_frame(results)
    assert frame.schema == contract.empty().schema
    assert frame["check_id"].to_list() == ["staging.person.a", "staging.person.b"]
    assert contract.schema.is_valid(frame)
    assert to_frame([]).schema == contract.empty().schema
    assert CheckResult(**frame.row(0, named=True)) == results[1]
    assert isinstance(frame, pl.DataFrame)
