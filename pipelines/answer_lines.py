"""What `trabecula query` and `trabecula tables` say to other programs: rows as JSON or CSV. What is for the eye is DuckDB's."""

import csv
import io
import json
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from pipelines.errors import BadInput

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
