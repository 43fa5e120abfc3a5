"""The ways in which a check can be asked of a table, and the SQL text of each. Nothing here runs SQL.

* `RowQuestion`: `holds` of every row for which `where` is true. All row questions of a table are counted in one scan.
* `QueryQuestion`: a query of its own with a column `holds`, for groups, joins and keys. `is_within_person`: no row of
  it needs rows of two people, so that it can be asked bucket by bucket.
* `TableQuestion`: an expectation that Great Expectations asks of the table itself.

The first two may be judged by stratum: the columns `by` of the row, or of the query's result.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from pipelines.tables import CONTRACTS, Contract
from pipelines.warehouse.sqlfile import SqlFileError, tables_read

HOLD = "expect_rows_to_hold"
COLUMNS = "expect_table_columns_to_match_ordered_list"
_COMMON = {"mostly", "least", "by"}
#: without one of these words a condition holds no query, and reads what its row is made of
QUERY_WORDS = re.compile(r"\b(select|from|table|values|describe|show|summarize|pivot|unpivot)\b", re.IGNORECASE)
_JOINED, _KEYS = re.compile(r"join (\S+) as"), re.compile(r"using \((\w+)\)")
# Grouping numbers is cheaper than grouping texts; only where two hashes are equal do the keys themselves tell.
_KEY_QUERY = (
    "with hashed as materialized (select hash({names}) as key_hash, count(*) as n from {{batch}} group by key_hash) "
    "select true as holds from hashed where n = 1 union all select count(*) = 1 as holds from {{batch}} "
    "where hash({names}) in (select key_hash from hashed where n > 1) group by {names}"
)
_KEY_NAMES = re.compile(r"select hash\(([^()]*)\) as key_hash")
_OF_ROW = {"holds", "where"}
_OF_QUERY = {"query", "within_person"}


@dataclass(frozen=True, slots=True)
class RowQuestion:
    """`holds` and `where` are SQL conditions on a row; NULL does not hold, and is not asked."""

    holds: str
    where: str
    by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class QueryQuestion:
    """`query` reads `{batch}` and selects `holds`, and the columns `by`, for each row or group that it asks about."""

    query: str
    by: tuple[str, ...] = ()
    is_within_person: bool = False


@dataclass(frozen=True, slots=True)
class TableQuestion:
    """A type of Great Expectations and its arguments."""

    type: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


Question = RowQuestion | QueryQuestion | TableQuestion


def question(type: str, arguments: Mapping[str, Any]) -> Question:
    """The question of an entry of a suite file that breaks no rule."""
    by = tuple(arguments.get("by", ()))
    if type != HOLD:
        return TableQuestion(type, {name: value for name, value in arguments.items() if name != "least"})
    if "query" in arguments:
        return QueryQuestion(arguments["query"], by, bool(arguments.get("within_person", False)))
    return RowQuestion(arguments["holds"], arguments.get("where", "true"), by)


def key_query(columns: tuple[str, ...]) -> str:
    """The query that asks of each key of these columns whether one row alone has it."""
    return _KEY_QUERY.format(names=", ".join(f'"{name}"' for name in columns))


def key_names(query: str) -> str | None:
    """The quoted columns, with commas, of a query that `key_query` wrote; None of any other."""
    found = _KEY_NAMES.search(query)
    return found[1] if found and _KEY_QUERY.format(names=found[1]) == query else None


def tables_of(asked: Question, rows: str, table: str) -> tuple[str, ...]:
    """The tables that a question reads; `rows` is what row questions of its suite are asked of.

    Raises:
        SqlFileError: the text does not parse.
    """
    match asked:
        case RowQuestion(holds, where, by):
            columns = "".join(f", {column}" for column in by)
            return _tables(f"select ({holds}) as holds{columns} from {rows} where ({where})", table)
        case QueryQuestion(query):
            return _tables(query, table)
        case _:
            return (table,)


def tables_named(asked: Question, rows: str, table: str) -> tuple[str, ...]:
    """As `tables_of`, of a question that is known to parse: most conditions need not be read for it."""
    if isinstance(asked, RowQuestion) and not QUERY_WORDS.search(f"{asked.holds} {asked.where}"):
        return _tables(f"select true as holds from {rows}", table)
    return tables_of(asked, rows, table)


def problems(type: str, arguments: Mapping[str, Any], rows: str, contract: Contract) -> Iterator[str]:
    """What an entry's arguments get wrong, in words."""
    mostly, least, by = arguments.get("mostly", 1), arguments.get("least", 1), arguments.get("by", [])
    if not isinstance(mostly, int | float) or not 0 < mostly <= 1:
        yield "mostly must lie above 0 and not above 1"
    if not isinstance(least, int) or least < 1:
        yield "least must be a whole number of rows, at least 1"
    if not isinstance(by, list) or not all(isinstance(column, str) for column in by):
        yield "by must be a list of columns"
        return
    if type == HOLD:
        yield from _hold_problems(arguments, rows, contract)
    elif by:
        yield f"only {HOLD} can be judged by stratum"
    else:
        columns = {column.name for column in contract.columns}
        named = [arguments[key] for key in ("column", "column_A", "column_B") if key in arguments]
        if absent := sorted({str(name) for name in named} - columns):
            yield f"columns that {contract.name} has not: {', '.join(absent)}"


def _hold_problems(arguments: Mapping[str, Any], rows: str, contract: Contract) -> Iterator[str]:
    allowed = _COMMON | (_OF_QUERY if "query" in arguments else _OF_ROW)
    if unknown := sorted(set(arguments) - allowed):
        yield f"arguments not known here: {', '.join(unknown)}"
        return
    if "query" not in arguments and "holds" not in arguments:
        yield "kwargs must give 'holds', or a 'query'"
        return
    texts = [str(arguments[name]) for name in ("query", "holds", "where") if name in arguments]
    if "query" in arguments and "{batch}" not in texts[0]:
        yield "a query must read {batch}, the table that is judged"
        return
    if any(brace in text.replace("{batch}", "") for text in texts for brace in "{}"):
        yield "SQL must hold no brace but those of {batch}"
        return
    if "holds" in arguments and (unclear := _unclear(arguments.get("by", []), rows, contract)):
        yield f"by names columns that no table has, or several (then as table.column): {', '.join(unclear)}"
        return
    try:
        tables = tables_of(question(HOLD, arguments), rows, contract.name)
    except SqlFileError as error:
        yield f"SQL: {error}"
        return
    if unknown := sorted(set(tables) - set(CONTRACTS)):
        yield f"SQL names tables that do not exist: {', '.join(unknown)}"


def _unclear(by: list[str], rows: str, contract: Contract) -> list[str]:
    """Columns of `by` without a table's name that no table of `rows` has, or more than one."""
    keys = set(_KEYS.findall(rows))
    names = [contract.name, *_JOINED.findall(rows)]
    owned = [column.name for name in names for column in CONTRACTS[name].columns if column.name not in keys]
    return sorted(column for column in by if "." not in column and column not in keys and owned.count(column) != 1)


@lru_cache(maxsize=8192)
def _tables(text: str, table: str) -> tuple[str, ...]:
    return tables_read(text.replace("{batch}", table), table)
