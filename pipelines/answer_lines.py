"""What `trabecula query` and `trabecula tables` say: rows for other programs, columns of a table. Rows for the eye: DuckDB."""

import csv
import io
import json
import math
from collections.abc import Iterator
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from pipelines.errors import BadInput
from pipelines.tables import CONTRACTS
from pipelines.tables.column_lineage import in_words, made_of

if TYPE_CHECKING:
    import duckdb

_AT_ONCE = 10_000
_COLUMNS = """
    select columns.schema_name || '.' || columns.table_name, coalesce(tables.comment, views.comment), tables.comment is not null,
        columns.column_name, columns.data_type, columns.comment
    from duckdb_columns() as columns
    left join duckdb_tables() as tables using (database_name, schema_name, table_name)
    left join duckdb_views() as views
        on (views.database_name, views.schema_name, views.view_name)
        = (columns.database_name, columns.schema_name, columns.table_name)
    where not columns.internal
    order by 1, columns.column_index
"""


def as_json(answer: "duckdb.DuckDBPyConnection") -> Iterator[str]:
    """One list of objects, a row a line. Dates and decimals are text; what is no number in JSON (NaN, infinity) is null.

    Args:
        answer: what `execute` gave.
    Raises:
        BadInput: two columns have one name, so that an object would lose one of them.
    """
    names = _names(answer)
    if len(set(names)) < len(names):
        raise BadInput("--json: two columns have one name; rename one with `as`")
    open_with = "["
    for row in _rows(answer):
        yield open_with + json.dumps(dict(zip(names, map(_plain, row), strict=True)), ensure_ascii=False, default=str)
        open_with = ","
    yield "]" if open_with == "," else "[]"


def as_csv(answer: "duckdb.DuckDBPyConnection") -> Iterator[str]:
    """A header and a line a row; NULL is an empty cell."""
    yield _line(_names(answer))
    for row in _rows(answer):
        yield _line(row)


def dictionary(connection: "duckdb.DuckDBPyConnection") -> str:
    """Every table and view with its comment, and its columns with type and comment, as JSON."""
    found: dict[str, dict[str, Any]] = {}
    for name, comment, is_table, column, kind, meaning in connection.execute(_COLUMNS).fetchall():
        entry = {"table": name, "kind": "table" if is_table else "view", "comment": comment, "columns": []}
        found.setdefault(name, entry)["columns"].append({"column": column, "type": kind, "comment": meaning})
    return json.dumps(list(found.values()), indent=1, ensure_ascii=False)


def columns_of(table: str) -> list[dict[str, Any]]:
    """Of each column of a table of the house, published or not: type, meaning, and of which stored columns SQL makes it.

    Raises:
        BadInput: no table has that name.
    """
    contract = CONTRACTS.get(table)
    if contract is None:
        near = get_close_matches(table, CONTRACTS, 3, 0.5)
        raise BadInput(f"no table {table}" + (f"; is it {' or '.join(near)}?" if near else "; see trabecula tables"))
    lineage = made_of(table)
    return [
        {
            "column": column.name,
            "type": column.duckdb_type.lower(),
            "comment": column.comment,
            "made_of": lineage.get(column.name, {}) if lineage else None,
        }
        for column in contract.columns
    ]


def column_lines(table: str) -> Iterator[str]:
    """For the eye: grain, then each column with its meaning, and below it what it is made of.

    Raises:
        BadInput: no table has that name.
    """
    columns = columns_of(table)
    yield CONTRACTS[table].grain
    for column in columns:
        yield f"{column['column']:<32} {column['type']:<10} {column['comment']}"
        if column["made_of"]:
            yield f"{'':<43} of {in_words(column['made_of'])}"


def _names(answer: "duckdb.DuckDBPyConnection") -> list[str]:
    return [column[0] for column in answer.description or ()]


def _rows(answer: "duckdb.DuckDBPyConnection") -> Iterator[tuple[Any, ...]]:
    while some := answer.fetchmany(_AT_ONCE):
        yield from some


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _line(cells: "list[str] | tuple[Any, ...]") -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(cells)
    return text.getvalue()
