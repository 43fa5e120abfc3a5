"""Checks that follow from a contract alone: columns, required values, key, persons, codes, limits, dates, and names.

They have the form of the suite files, so that one path judges both. What takes clinical judgment stands in those files.
"""

import datetime as dt
from collections.abc import Iterator
from typing import Any

from expectations import by_name
from expectations.by_name import Draft
from expectations.question import COLUMNS, HOLD, key_query
from pipelines.tables import Column, Contract

PERSON_TABLE = "staging.person"
JOINED_PERSON = f"left join {PERSON_TABLE} as person using (person_id)"
# Rows of people who were set aside on purpose: their own suites say who must be known.
WITHOUT_PERSON = ("staging.source_row", "staging.quarantine")


def drafts(contract: Contract, alias: str, has_person: bool = False) -> tuple[dict[str, Any], ...]:
    """The generated checks of a table, as entries of a suite file.

    `alias` is what its row questions call the table; `has_person` says that they know the person of a row as `person`.
    """
    return tuple(
        {
            "type": kind,
            "kwargs": kwargs,
            "severity": severity,
            "notes": note,
            "meta": {"id": f"{contract.name}.{name}", "category": category},
        }
        for name, kind, kwargs, severity, category, note in _drafts(contract, alias, has_person)
    )


def _drafts(contract: Contract, alias: str, has_person: bool) -> Iterator[Draft]:
    yield _columns(contract)
    # Landed files are read as the contract's types, whatever they hold: asked of them it could not fail.
    if contract.layer != "raw":
        yield _types(contract)
    if any(not column.is_nullable for column in contract.columns):
        yield _required(contract, alias)
    if contract.key:
        yield _key(contract)
    is_of_persons = contract.unit == "person" and contract.layer == "staging"
    if is_of_persons and contract.name not in (PERSON_TABLE, *WITHOUT_PERSON):
        yield _person_known(contract, has_person)
    for column in contract.columns:
        if column.allowed:
            yield _codes(column, alias)
    if bounded := tuple(c for c in contract.columns if c.minimum is not None or c.maximum is not None):
        yield _limits(bounded, alias)
    if numbers := tuple(column.name for column in contract.columns if column.duckdb_type == "DOUBLE"):
        yield _finite(numbers, alias)
    dates = tuple(column.name for column in contract.columns if column.duckdb_type == "DATE")
    names = {column.name for column in contract.columns}
    if dates and contract.layer == "staging" and "drop_id" in names:
        yield _no_future_date(dates)
        if "date_reason" in names:
            yield _dates_explained(dates, alias)
    yield from by_name.drafts(contract, alias)


def _columns(contract: Contract) -> Draft:
    kwargs = {"column_list": [column.name for column in contract.columns]}
    return "columns", COLUMNS, kwargs, "critical", "conformance", "Columns and their order are those of the contract"


def _types(contract: Contract) -> Draft:
    declared = ", ".join(f"('{column.name}', '{column.duckdb_type}')" for column in contract.columns)
    query = (
        f"select found.type = declared.type as holds from (values {declared}) as declared (name, type) left join ("
        "select column_name as name, column_type as type from (describe select * from {batch})) as found using (name)"
    )
    return "types", HOLD, {"query": query}, "critical", "conformance", "Columns have the types of the contract"


def _required(contract: Contract, alias: str) -> Draft:
    names = [column.name for column in contract.columns if not column.is_nullable]
    holds = " and ".join(f'{alias}."{name}" is not null' for name in names)
    note = f"Every row has {', '.join(names)}"
    return "required", HOLD, {"holds": holds}, "critical", "completeness", note


def _key(contract: Contract) -> Draft:
    kwargs: dict[str, Any] = {"query": key_query(contract.key)}
    if "person_id" in contract.key:
        kwargs["within_person"] = True
    note = f"{contract.grain.capitalize()}: no two rows share {', '.join(contract.key)}"
    return "key", HOLD, kwargs, "critical", "conformance", note


def _person_known(contract: Contract, has_person: bool) -> Draft:
    holds = "person.sex_code is not null"
    query = f"select {holds} as holds from {{batch}} as judged {JOINED_PERSON}"
    kwargs: dict[str, Any] = {"holds": holds} if has_person else {"query": query, "within_person": True}
    note = f"Every person_id is a person of {PERSON_TABLE}"
    return "person_known", HOLD, kwargs, "critical", "conformance", note


def _codes(column: Column, alias: str) -> Draft:
    name = f'{alias}."{column.name}"'
    allowed = ", ".join(f"'{code}'" for code in column.allowed)
    kwargs = {"holds": f"{name} in ({allowed})", "where": f"{name} is not null"}
    note = f"{column.name} is one of {', '.join(column.allowed)}"
    return f"{column.name}_code", HOLD, kwargs, "critical", "conformance", note


def _limits(bounded: tuple[Column, ...], alias: str) -> Draft:
    bounds = [
        (column.name, sign, words, _plain(value), _written(value))
        for column in bounded
        for value, sign, words in ((column.minimum, ">=", "at least"), (column.maximum, "<=", "at most"))
        if value is not None
    ]
    holds = " and ".join(f'coalesce({alias}."{name}" {sign} {written}, true)' for name, sign, _, _, written in bounds)
    given = " or ".join(f'{alias}."{column.name}" is not null' for column in bounded)
    note = "; ".join(f"{name} is {words} {value}" for name, _, words, value, _ in bounds)
    return "limits", HOLD, {"holds": holds, "where": given}, "critical", "conformance", note


def _written(value: float | dt.date) -> str:
    return f"date '{value.isoformat()}'" if isinstance(value, dt.date) else str(_plain(value))


def _finite(numbers: tuple[str, ...], alias: str) -> Draft:
    # DuckDB sorts NaN above every number, so that limits do not find it; and the limits that Parquet keeps of a column know of
    # no NaN, so that a comparison with infinity may be decided without looking at a row.
    kwargs = {
        "holds": " and ".join(f'coalesce(isfinite({alias}."{name}"), true)' for name in numbers),
        "where": " or ".join(f'{alias}."{name}" is not null' for name in numbers),
    }
    note = f"No NaN and nothing infinite in {', '.join(numbers)}"
    return "finite", HOLD, kwargs, "critical", "conformance", note


def _no_future_date(dates: tuple[str, ...]) -> Draft:
    latest = f"greatest({', '.join(f'judged.{name}' for name in dates)})"
    # Against the day of landing, not today, so that a verdict does not change while the data stay the same.
    query = (
        f"select {latest} <= coalesce(landing.landed_on, current_date) + 1 as holds from {{batch}} as judged "
        "left join (select drop_id, max(cast(landed_at as date)) as landed_on from raw.manifest group by drop_id) "
        f"as landing on landing.drop_id = judged.drop_id where {latest} is not null"
    )
    note = f"{' and '.join(dates)} not later than the day the delivery was landed (shifted dates may be)"
    return "no_future_date", HOLD, {"query": query, "within_person": True}, "warning", "plausibility", note


def _dates_explained(dates: tuple[str, ...], alias: str) -> Draft:
    named = [f'{alias}."{name}"' for name in dates]
    given = f"coalesce({', '.join(named)})" if len(named) > 1 else named[0]
    kwargs = {"holds": f"({alias}.date_reason = 'recorded') = ({given} is not null)"}
    note = f"date_reason is 'recorded' where {' or '.join(dates)} is given, and only there"
    return "dates_explained", HOLD, kwargs, "critical", "conformance", note


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, dt.date) else value
