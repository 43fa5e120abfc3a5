"""Checks that follow from a contract alone: columns, required values, key, persons, codes, limits and dates.

They have the form of the suite files, so that one path judges both. What takes clinical judgment stands in those files.
"""

import datetime as dt
from collections.abc import Iterator
from typing import Any

from pipelines.tables import Column, Contract

# Short id, type, arguments, severity, category, note.
Draft = tuple[str, str, dict[str, Any], str, str, str]
UNEXPECTED = "unexpected_rows_expectation"
HOLD = "expect_rows_to_hold"
PERSON_TABLE = "staging.person"
# Rows of people who were set aside on purpose: their own suites say who must be known.
WITHOUT_PERSON = ("staging.source_row", "staging.quarantine")


def drafts(contract: Contract) -> tuple[dict[str, Any], ...]:
    """The generated checks of a table, as entries of a suite file."""
    return tuple(
        {
            "type": kind,
            "kwargs": kwargs,
            "severity": severity,
            "notes": note,
            "meta": {"id": f"{contract.name}.{name}", "category": category},
        }
        for name, kind, kwargs, severity, category, note in _drafts(contract)
    )


def _drafts(contract: Contract) -> Iterator[Draft]:
    yield _columns(contract)
    if any(not column.is_nullable for column in contract.columns):
        yield _required(contract)
    if contract.key:
        yield _key(contract)
    is_of_persons = contract.unit == "person" and contract.layer == "staging"
    if is_of_persons and contract.name not in (PERSON_TABLE, *WITHOUT_PERSON):
        yield _person_known(contract)
    for column in contract.columns:
        if column.allowed:
            yield _codes(column)
    if bounded := tuple(c for c in contract.columns if c.minimum is not None or c.maximum is not None):
        yield _limits(bounded)
    if numbers := tuple(column.name for column in contract.columns if column.duckdb_type == "DOUBLE"):
        yield _finite(numbers)
    dates = tuple(column.name for column in contract.columns if column.duckdb_type == "DATE")
    names = {column.name for column in contract.columns}
    if dates and contract.layer == "staging" and "drop_id" in names:
        yield _no_future_date(dates)
        if "date_reason" in names:
            yield _dates_explained(dates)


def _columns(contract: Contract) -> Draft:
    declared = ", ".join(f"({n}, '{c.name}', '{c.duckdb_type}')" for n, c in enumerate(contract.columns, start=1))
    query = (
        f"select found.name = declared.name and found.type = declared.type as holds "
        f"from (values {declared}) as declared (position, name, type) full join ("
        "select row_number() over () as position, column_name as name, column_type as type "
        "from (describe select * from {batch})) as found using (position)"
    )
    note = "Columns, their order and their types are those of the contract"
    return "columns", HOLD, {"query": query}, "critical", "conformance", note


def _required(contract: Contract) -> Draft:
    names = [column.name for column in contract.columns if not column.is_nullable]
    missing = " or ".join(f'"{name}" is null' for name in names)
    query = f"select 1 as missing from {{batch}} where {missing}"
    note = f"Every row has {', '.join(names)}"
    return "required", UNEXPECTED, {"unexpected_rows_query": query}, "critical", "completeness", note


def _key(contract: Contract) -> Draft:
    names = ", ".join(f'"{name}"' for name in contract.key)
    query = f"select count(*) as n from {{batch}} group by {names} having count(*) > 1"
    note = f"{contract.grain.capitalize()}: no two rows share {', '.join(contract.key)}"
    return "key", UNEXPECTED, {"unexpected_rows_query": query}, "critical", "conformance", note


def _person_known(contract: Contract) -> Draft:
    query = (
        f"select 1 as unknown from {{batch}} as judged left join {PERSON_TABLE} as person using (person_id) "
        "where person.sex_code is null"
    )
    note = f"Every person_id is a person of {PERSON_TABLE}"
    return "person_known", UNEXPECTED, {"unexpected_rows_query": query}, "critical", "conformance", note


def _codes(column: Column) -> Draft:
    kwargs = {"column": column.name, "value_set": list(column.allowed)}
    note = f"{column.name} is one of {', '.join(column.allowed)}"
    return f"{column.name}_code", "expect_column_values_to_be_in_set", kwargs, "critical", "conformance", note


def _limits(bounded: tuple[Column, ...]) -> Draft:
    bounds = [
        (column.name, sign, words, _plain(value), _written(value))
        for column in bounded
        for value, sign, words in ((column.minimum, ">=", "at least"), (column.maximum, "<=", "at most"))
        if value is not None
    ]
    holds = " and ".join(f'coalesce("{name}" {sign} {written}, true)' for name, sign, _, _, written in bounds)
    given = " or ".join(f'"{column.name}" is not null' for column in bounded)
    query = f"select {holds} as holds from {{batch}} where {given}"
    note = "; ".join(f"{name} is {words} {value}" for name, _, words, value, _ in bounds)
    return "limits", HOLD, {"query": query}, "critical", "conformance", note


def _written(value: float | dt.date) -> str:
    return f"date '{value.isoformat()}'" if isinstance(value, dt.date) else str(_plain(value))


def _finite(numbers: tuple[str, ...]) -> Draft:
    # DuckDB sorts NaN above every number, so that limits do not find it.
    holds = " and ".join(f'coalesce(isfinite("{name}"), true)' for name in numbers)
    given = " or ".join(f'"{name}" is not null' for name in numbers)
    query = f"select {holds} as holds from {{batch}} where {given}"
    note = f"No NaN and nothing infinite in {', '.join(numbers)}"
    return "finite", HOLD, {"query": query}, "critical", "conformance", note


def _no_future_date(dates: tuple[str, ...]) -> Draft:
    latest = f"greatest({', '.join(f'judged.{name}' for name in dates)})"
    # Against the day of landing, not today, so that a verdict does not change while the data stay the same.
    query = (
        f"select {latest} <= coalesce(landing.landed_on, current_date) + 1 as holds from {{batch}} as judged "
        "left join (select drop_id, max(cast(landed_at as date)) as landed_on from raw.manifest group by drop_id) "
        f"as landing on landing.drop_id = judged.drop_id where {latest} is not null"
    )
    note = f"{' and '.join(dates)} not later than the day the delivery was landed (shifted dates may be)"
    return "no_future_date", HOLD, {"query": query}, "warning", "plausibility", note


def _dates_explained(dates: tuple[str, ...]) -> Draft:
    given = f"coalesce({', '.join(dates)})" if len(dates) > 1 else dates[0]
    query = f"select (date_reason = 'recorded') = ({given} is not null) as holds from {{batch}}"
    note = f"date_reason is 'recorded' where {' or '.join(dates)} is given, and only there"
    return "dates_explained", HOLD, {"query": query}, "critical", "conformance", note


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, dt.date) else value
