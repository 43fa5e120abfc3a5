"""An ad-hoc query as the output check reads it: taken apart, so that what is behind each row can be counted by us.

Only one shape is understood: one SELECT over tables of people joined by `person_id`, and code lists, grouped, with counts,
sums, means and standard deviations. In it every row read belongs to one person, so nobody is counted who is not behind
a number. Everything else is refused, with what to write instead. What may be shown is decided in `release_output`.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import duckdb

from pipelines.errors import BadInput
from pipelines.tables import CONTRACTS

Node = dict[str, Any]
COUNT_PEOPLE, COUNT_ROWS, COUNT = "people", "rows", "count"
#: aggregates that may be asked, as they are computed
AGGREGATES = {
    **{"count": COUNT, "count_star": COUNT_ROWS, "sum": "sum", "avg": "avg", "mean": "avg"},
    **dict.fromkeys(("stddev", "stddev_samp"), "stddev_samp"),
    **dict.fromkeys(("variance", "var_samp"), "var_samp"),
}
#: functions of one row; none of them can look at another row, a file or a clock
FUNCTIONS = frozenset(
    (
        *(
            "+",
            "-",
            "*",
            "/",
            "//",
            "%",
            "**",
            "^",
            "||",
            "~~",
            "!~~",
            "abs",
            "ceil",
            "ceiling",
            "floor",
            "round",
            "trunc",
        ),
        *(
            "sign",
            "sqrt",
            "ln",
            "log",
            "log2",
            "log10",
            "exp",
            "power",
            "pow",
            "greatest",
            "least",
            "coalesce",
            "ifnull",
        ),
        *(
            "nullif",
            "if",
            "year",
            "month",
            "quarter",
            "day",
            "date_part",
            "datepart",
            "date_trunc",
            "date_diff",
            "datediff",
        ),
        *("lower", "upper", "starts_with", "contains", "left", "length", "strlen"),
    )
)
_EXPRESSIONS = frozenset(
    ("COLUMN_REF", "CONSTANT", "COMPARISON", "CONJUNCTION", "OPERATOR", "CASE", "BETWEEN", "CAST", "FUNCTION")
)
#: names of columns that tell one person or one row
_OWN_ID = "person_id"
_OTHER_IDS = frozenset(("study_id", "source_id", "lab_id", "device_id"))
_ROWS = frozenset(("rowid", "source_row", "source_file", "record_number"))


@dataclass(frozen=True, slots=True)
class Aggregate:
    """One number of a row: its name, how it is computed, and of what (SQL of one row; empty where of whole rows)."""

    name: str
    kind: str
    argument: str = ""


@dataclass(frozen=True, slots=True)
class Query:
    """A query taken apart: SQL of FROM and WHERE, of each key with its name, and its aggregates."""

    source: str
    keys: tuple[tuple[str, str], ...]
    aggregates: tuple[Aggregate, ...]
    columns: tuple[str, ...]

    @property
    def digest(self) -> str:
        """The same question gives the same hash, however it is laid out."""
        return sha256(repr((self.source, self.keys, self.aggregates)).encode()).hexdigest()[:16]


def read(sql: str) -> Query:
    """Take a query apart.

    Raises:
        BadInput: it is no SELECT, or of a shape in which we could not count who is behind a row; says what to write.
    """
    with duckdb.connect() as parser:
        found = parser.execute("select json_serialize_sql(?::varchar)", [sql]).fetchone()
        told: Node = json.loads(found[0]) if found else {}
        if told.get("error") or len(told.get("statements", ())) != 1:
            raise BadInput(f"the query must be one SELECT: {told.get('error_message', 'it holds several statements')}")
        node = told["statements"][0]["node"]

        def text(expression: Node) -> str:
            """The SQL of an expression, in one normal form."""
            return _written({**_EMPTY, "select_list": [{**expression, "alias": ""}]}).removeprefix("SELECT ")

        def _written(of: Node) -> str:
            statement = {"error": False, "statements": [{"node": of, "named_param_map": []}]}
            row = parser.execute("select json_deserialize_sql(?::json)", [json.dumps(statement)]).fetchone()
            return str(row[0]) if row else ""

        _require_shape(node)
        people = _require_tables(node["from_table"])
        if not people:
            raise BadInput("FROM: no table of people: tables of mart may leave as they are (trabecula query)")
        if node["where_clause"]:
            _require_of_one_row(node["where_clause"], "WHERE")
        bare = {**_EMPTY, "from_table": node["from_table"], "where_clause": node["where_clause"]}
        source = _written({**bare, "select_list": [_ONE]}).removeprefix("SELECT 1 ")
        return _parts(node, source, text)


def _parts(node: Node, source: str, text: Callable[[Node], str]) -> Query:
    named = {i["alias"]: i for i in node["select_list"] if i["alias"] and i.get("function_name") not in AGGREGATES}
    groups = []
    for group in node["group_expressions"]:
        names = group.get("column_names", ())
        expression = named.get(names[0], group) if len(names) == 1 else group
        if expression["class"] == "CONSTANT":
            raise BadInput("GROUP BY: name the columns, not their places")
        _require_of_one_row(expression, "GROUP BY")
        groups.append(text(expression))
    keys, aggregates, columns = [], [], []
    for item in node["select_list"]:
        written = text(item) if item["class"] != "STAR" else "*"
        name = item["alias"] or (item["column_names"][-1] if item["class"] == "COLUMN_REF" else written)
        if name in columns:
            raise BadInput(f"two columns are called {name}: name one of them otherwise (as ...)")
        if written in groups:
            keys.append((name, written))
        else:
            aggregates.append(_aggregate(item, name, written, text))
        columns.append(name)
    if missing := [group for group in groups if group not in [written for _, written in keys]]:
        raise BadInput(f"SELECT must name every column of GROUP BY; missing {', '.join(missing)}")
    if not aggregates:
        raise BadInput("SELECT: nothing is counted or averaged: rows of people never leave")
    return Query(source, tuple(keys), tuple(aggregates), tuple(columns))


def _aggregate(item: Node, name: str, written: str, text: Callable[[Node], str]) -> Aggregate:
    kind = AGGREGATES.get(item.get("function_name", "")) if item["class"] == "FUNCTION" else None
    if kind is None:
        raise BadInput(
            f"SELECT {written}: neither a column of GROUP BY nor one of {', '.join(sorted(set(AGGREGATES) - {'count_star'}))}; "
            "compute with what is released afterwards; a smallest, largest or middle value is one person's"
        )
    if item["filter"] or item["order_bys"]["orders"]:
        raise BadInput(
            f"SELECT {written}: FILTER and ORDER BY change who is behind a number: put the condition into WHERE"
        )
    arguments = [argument["expression"] for argument in item["arguments"]]
    if kind == COUNT_ROWS or not arguments:
        return Aggregate(name, COUNT_ROWS)
    if len(arguments) != 1:
        raise BadInput(f"SELECT {written}: one argument, please")
    if kind == COUNT and item["distinct"] and arguments[0].get("column_names", ("",))[-1] == _OWN_ID:
        return Aggregate(name, COUNT_PEOPLE)
    if item["distinct"]:
        raise BadInput(f"SELECT {written}: DISTINCT is understood of person_id alone")
    _require_of_one_row(arguments[0], f"SELECT {written}")
    return Aggregate(name, kind, text(arguments[0]))


def _require_shape(node: Node) -> None:
    refused = {
        "a set operation (UNION and the like)": node["type"] != "SELECT_NODE",
        "WITH": bool(node.get("cte_map", {}).get("map")),
        "ORDER BY, LIMIT or DISTINCT": bool(node.get("modifiers")),
        "HAVING": bool(node.get("having")),
        "QUALIFY": bool(node.get("qualify")),
        "SAMPLE": bool(node.get("sample")),
        "GROUP BY ALL": node.get("aggregate_handling", "STANDARD_HANDLING") != "STANDARD_HANDLING",
        "ROLLUP, CUBE and GROUPING SETS": len(node.get("group_sets") or ()) > 1,
    }
    for what, is_there in refused.items():
        if is_there:
            raise BadInput(f"{what} is not understood: write one plain SELECT with WHERE and GROUP BY")
    if not node.get("from_table") or node["from_table"]["type"] == "EMPTY":
        raise BadInput("FROM: name a table of people, such as staging.person")


def _require_tables(table: Node) -> bool:
    """Whether rows of it belong to people; everything that could join a row to another person is refused."""
    if table.get("sample") or table.get("column_name_alias") or table.get("at_clause"):
        raise BadInput("FROM: a sample, or other names for columns, is not understood")
    if table["type"] == "BASE_TABLE":
        name = f"{table['schema_name']}.{table['table_name']}"
        contract = None if table["catalog_name"] else CONTRACTS.get(name)
        if contract is None:
            raise BadInput(f"FROM {name.removeprefix('.')}: no such table; write layer.table (trabecula tables)")
        if contract.unit == "person" and any(column.name == _OWN_ID for column in contract.columns):
            return True
        if contract.layer != "ref":
            raise BadInput(f"FROM {name}: neither a table of people nor a code list")
        return False
    if table["type"] != "JOIN":
        raise BadInput("FROM: only tables of the warehouse, joined; no subquery, no function, no file")
    if table["join_type"] not in ("INNER", "LEFT") or table["ref_type"] not in ("REGULAR", "CROSS"):
        raise BadInput("FROM: only JOIN and LEFT JOIN are understood")
    left, right = _require_tables(table["left"]), _require_tables(table["right"])
    if left and right and _OWN_ID not in table["using_columns"]:
        raise BadInput("FROM: tables of people are joined USING (person_id), else a row is of two people")
    if right and not left:
        raise BadInput("FROM: name the table of people first, then code lists")
    if table["condition"]:
        _require_of_one_row(table["condition"], "ON")
    return left or right


def _require_of_one_row(expression: Any, where: str) -> None:
    """Refuse what could see more than the row it stands in, or tell which person that is."""
    if isinstance(expression, list):
        for each in expression:
            _require_of_one_row(each, where)
        return
    if not isinstance(expression, dict):
        return
    kind = expression.get("class")
    if kind is not None and kind not in _EXPRESSIONS:
        raise BadInput(f"{where}: {kind.lower().replace('_', ' ')} is not understood; it could look at other rows")
    if kind == "COLUMN_REF":
        name = expression["column_names"][-1].lower()
        if name in _ROWS or name == _OWN_ID or (name.endswith("_id") and name not in _OTHER_IDS):
            raise BadInput(f"{where}: {name} tells one person or one row: leave it out")
    if kind == "FUNCTION" and expression["function_name"].lower() not in FUNCTIONS:
        raise BadInput(f"{where}: {expression['function_name']}() is not among the functions that are understood")
    for each in expression.values():
        _require_of_one_row(each, where)


_ONE: Node = {
    "class": "CONSTANT",
    "type": "VALUE_CONSTANT",
    "alias": "",
    "literal": {"kind": "INTEGER", "text": "1"},
}
_EMPTY: Node = {
    "type": "SELECT_NODE",
    "modifiers": [],
    "cte_map": {"map": []},
    "select_list": [],
    "from_table": {"type": "EMPTY", "alias": "", "sample": None},
    "where_clause": None,
    "group_expressions": [],
    "group_sets": [],
    "aggregate_handling": "STANDARD_HANDLING",
    "having": None,
    "sample": None,
    "qualify": None,
}
