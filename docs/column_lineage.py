"""Of which stored columns each column is made, read from the SQL files: `python docs/column_lineage.py` writes what the UI shows.

`pipelines/tables/column_lineage.json` holds, of every table that SQL makes, one line a column: the stored columns whose values
enter its values, through views, CTEs and subqueries. Columns that only decide which rows there are (filters, join keys, groups)
are not among them; `Origin.rows` has those, for the test that holds all this against what the engine does. Parsing is sqlglot's,
a tool of developers: a night reads the file.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlglot import exp, parse_one
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import Scope, build_scope

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from pipelines.tables import CONTRACTS  # noqa: E402
from pipelines.warehouse import sqlfile  # noqa: E402

FILE = HERE.parent / "pipelines" / "tables" / "column_lineage.json"
#: `schema.table` and column
Column = tuple[str, str]
#: each column with what it is made of, and what decides which rows there are
_Query = tuple[list[tuple[str, frozenset[Column]]], frozenset[Column]]
_ROW_DECIDING = ("where", "group", "having", "qualify", "distinct", "order", "limit")


@dataclass(frozen=True, slots=True)
class Origin:
    """Of one table or view: per column those its values are made of, and those that decide which rows there are."""

    values: Mapping[str, frozenset[Column]]
    rows: frozenset[Column]


class LineageError(Exception):
    """A column of which it cannot be said what it is made of."""


def origins() -> dict[str, Origin]:
    """Of every table a SQL file makes, by name.

    Raises:
        LineageError: a column cannot be resolved, or the columns of a file are not those of its contract.
    """
    found: dict[str, Origin] = {}
    for file in sqlfile.all_files():
        for each in (*sqlfile.views_behind(file), file):
            if each.table not in found:
                views = {name: made for name, made in found.items() if name.startswith(f"{sqlfile.VIEWS}.")}
                found[each.table] = origin(each.table, each.text, views)
        if wrong := set(found[file.table].values) ^ {column.name for column in CONTRACTS[file.table].columns}:
            raise LineageError(f"{file.path}: columns that are not those of the contract: {', '.join(sorted(wrong))}")
    return {file.table: found[file.table] for file in sqlfile.all_files()}


def origin(table: str, text: str, views: Mapping[str, Origin]) -> Origin:
    """Of one SELECT; `views` are the origins of the views it reads.

    Raises:
        LineageError: it does not parse, or a column cannot be resolved.
    """
    schema: dict[str, dict[str, dict[str, str]]] = {}
    for name in sqlfile.tables_read(text, table):
        layer, short = name.split(".")
        columns = views[name].values if name in views else [column.name for column in CONTRACTS[name].columns]
        # What a column is made of does not hang on its type.
        schema.setdefault(layer, {})[short] = dict.fromkeys(columns, "VARCHAR")
    try:
        parsed = parse_one(text, dialect="duckdb")
        tree = qualify(parsed, schema=schema, dialect="duckdb", quote_identifiers=False, identify=False)
    except SqlglotError as error:
        raise LineageError(f"{table}: {error}") from error
    root = build_scope(tree)
    if root is None:
        raise LineageError(f"{table}: no SELECT")
    columns, rows = _Reader(table, views).query(root)
    return Origin(dict(columns), rows)


class _Reader:
    """Reads the scopes of one query, each once."""

    def __init__(self, table: str, views: Mapping[str, Origin]) -> None:
        self._table, self._views = table, views
        self._read: dict[int, _Query] = {}

    def query(self, scope: Scope) -> _Query:
        """Of a SELECT or of several put together: names are not unique in a part of a UNION."""
        key = id(scope)
        if key not in self._read:
            # A query that reads itself adds nothing to what its first part reads.
            self._read[key] = ([], frozenset())
            self._read[key] = self._set(scope) if scope.set_operation_scopes else self._select(scope)
        return self._read[key]

    def _set(self, scope: Scope) -> _Query:
        parts = [self.query(part) for part in scope.set_operation_scopes]
        names = [name for name, _ in parts[0][0]]
        if scope.expression.args.get("by_name"):
            by_name = [dict(columns) for columns, _ in parts]
            names = list(dict.fromkeys(name for part in by_name for name in part))
            columns = [(name, _union(part.get(name, frozenset()) for part in by_name)) for name in names]
        else:
            columns = [
                (name, _union(made_of for _, made_of in together))
                for name, *together in zip(names, *(part for part, _ in parts), strict=True)
            ]
        rows = _union(rows for _, rows in parts)
        # Of what is kept once, or taken away from another, all columns decide.
        if scope.expression.args.get("distinct") or not isinstance(scope.expression, exp.Union):
            rows |= _union(made_of for _, made_of in columns)
        return columns, rows

    def _select(self, scope: Scope) -> _Query:
        select = scope.expression
        columns = [(item.alias_or_name, self._made_of(item, scope)) for item in select.selects]
        deciding = [select.args[name] for name in _ROW_DECIDING if select.args.get(name)]
        deciding += [join.args["on"] for join in select.args.get("joins") or () if join.args.get("on")]
        rows = _union(self._made_of(part, scope) for part in deciding)
        if select.args.get("distinct"):
            rows |= _union(made_of for _, made_of in columns)
        if (group := select.args.get("group")) and group.args.get("all"):
            rows |= _union(self._made_of(item, scope) for item in select.selects if not item.find(exp.AggFunc))
        for pivot in _pivots(scope).values():
            # An UNPIVOT leaves out what is NULL.
            below = _below(pivot, scope)
            turned = _union(self._read_from(below, each.name) for each in pivot.find_all(exp.Column))
            rows |= turned | self._rows_of(below)
        read = [source for _, source in scope.selected_sources.values()]
        return columns, rows.union(*(self._rows_of(source) for source in read))

    def _made_of(self, node: exp.Expression, scope: Scope) -> frozenset[Column]:
        """Stored columns whose values enter an expression."""
        found: frozenset[Column] = frozenset()
        for each in _outside_subqueries(node):
            if isinstance(each, exp.Column):
                found |= self._column(each, scope)
            elif isinstance(each, exp.Query):
                columns, rows = self.query(_scope_of(each, scope))
                found = rows.union(found, *(made_of for _, made_of in columns))
            elif isinstance(each, exp.Dot) and each.this.name in [read.alias_or_name for read in _read_in(scope)]:
                # To sqlglot the right side of a semi join is no table, so its alias may be taken for a column.
                raise LineageError(f"{self._table}: {each.sql('duckdb')}: an alias with the name of a column")
            elif isinstance(each, exp.Window) and each.args.get("alias"):
                found |= self._made_of(_named_window(each, scope), scope)
        return found

    def _column(self, column: exp.Column, scope: Scope | None) -> frozenset[Column]:
        while scope is not None:
            if pivot := _pivots(scope).get(column.table):
                return self._pivoted(pivot, column.name, scope)
            if column.table in scope.sources:
                return self._read_from(scope.sources[column.table], column.name)
            scope = scope.parent
        raise LineageError(f"{self._table}: {column.sql('duckdb')} belongs to nothing that is read")

    def _read_from(self, source: exp.Table | Scope, name: str) -> frozenset[Column]:
        """A column of a stored table, a view, a CTE, a derived table or what a function gives."""
        if isinstance(source, exp.Table):
            return self._stored(f"{source.db}.{source.name}", name)
        if not source.is_udtf:
            return dict(self.query(source)[0])[name]
        if isinstance(source.expression.this, exp.Query):
            return dict(self.query(_scope_of(source.expression.this, source))[0])[name]
        return self._made_of(source.expression, source.parent)

    def _pivoted(self, pivot: exp.Pivot, name: str, scope: Scope) -> frozenset[Column]:
        """A value of an UNPIVOT comes from the columns put below each other, its label from none of them."""
        if not pivot.args.get("unpivot"):
            raise LineageError(f"{self._table}: a PIVOT is not read")
        source = _below(pivot, scope)
        for field in pivot.args["fields"]:
            if field.this.name == name:
                return frozenset()
            for place, value in enumerate(_names(pivot.expressions[0])):
                if value == name:
                    groups = [item.this if isinstance(item, exp.PivotAlias) else item for item in field.expressions]
                    return _union(self._read_from(source, list(_names(group))[place]) for group in groups)
        return self._read_from(source, name)

    def _stored(self, table: str, name: str) -> frozenset[Column]:
        if table in self._views:
            return self._views[table].values[name]
        for column in CONTRACTS[table].columns:
            if column.name.lower() == name.lower():
                return frozenset({(table, column.name)})
        raise LineageError(f"{self._table}: {table} has no column {name}")

    def _rows_of(self, source: exp.Table | Scope) -> frozenset[Column]:
        if isinstance(source, exp.Table):
            stored = f"{source.db}.{source.name}"
            return self._views[stored].rows if stored in self._views else frozenset()
        if not source.is_udtf:
            return self.query(source)[1]
        if isinstance(source.expression.this, exp.Query):
            return self.query(_scope_of(source.expression.this, source))[1]
        return self._made_of(source.expression, source.parent)


def _read_in(scope: Scope) -> list[exp.Expression]:
    """What stands in FROM and in the joins of a SELECT."""
    clauses = [scope.expression.args.get("from_"), *(scope.expression.args.get("joins") or ())]
    return [clause.this for clause in clauses if clause]


def _pivots(scope: Scope) -> dict[str, exp.Pivot]:
    """What is pivoted within a SELECT, by the name its columns go by."""
    return {pivot.alias: pivot for each in _read_in(scope) for pivot in each.args.get("pivots") or ()}


def _below(pivot: exp.Pivot, scope: Scope) -> exp.Table | Scope:
    """What a pivot turns: a stored table or a view, a CTE, or a derived table."""
    turned = pivot.parent
    if isinstance(turned, exp.Table):
        return turned if turned.db else scope.cte_sources[turned.name]
    return scope.sources[turned.alias]


def _outside_subqueries(node: exp.Expression) -> Iterator[exp.Expression]:
    """The parts of an expression; of a subquery the subquery alone."""
    yield node
    if not isinstance(node, exp.Query):
        for child in node.iter_expressions():
            yield from _outside_subqueries(child)


def _scope_of(query: exp.Query, scope: Scope) -> Scope:
    wanted = query.unnest() if isinstance(query, exp.Subquery) else query
    for each in (*scope.subquery_scopes, *scope.derived_table_scopes, *scope.table_scopes):
        if each.expression is wanted:
            return each
    raise LineageError(f"a subquery that is not read: {query.sql('duckdb')[:80]}")


def _named_window(window: exp.Window, scope: Scope) -> exp.Expression:
    for each in scope.expression.args.get("windows") or ():
        if each.this.name == window.alias:
            return each
    raise LineageError(f"a window without a name: {window.alias}")


def _names(node: exp.Expression) -> Iterator[str]:
    yield from (each.name for each in (node.expressions if isinstance(node, exp.Tuple) else [node]))


def _union(parts: Iterable[frozenset[Column]]) -> frozenset[Column]:
    return frozenset().union(*parts)


def as_json(found: Mapping[str, Origin]) -> str:
    """Per table and column the columns of each stored table, one line a column."""
    tables = []
    for table, made in found.items():
        lines = [f"    {json.dumps(name)}: {json.dumps(_by_table(columns))}" for name, columns in made.values.items()]
        tables.append(f"  {json.dumps(table)}: {{\n" + ",\n".join(lines) + "\n  }")
    return "{\n" + ",\n".join(tables) + "\n}\n"


def _by_table(columns: frozenset[Column]) -> dict[str, list[str]]:
    by_table: dict[str, list[str]] = {}
    for table, name in sorted(columns):
        by_table.setdefault(table, []).append(name)
    return by_table


if __name__ == "__main__":
    FILE.write_text(as_json(origins()))
