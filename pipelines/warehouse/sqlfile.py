"""SQL files: `sql/<schema>/<table>.sql` is one bare SELECT with a grain line and a unit line; what it reads is read from it.

Files of `sql/source` are views: how one source's raw rows read in the shape of the house, and what several tables work out
alike. They are never stored; a step that reads one reads the tables behind it. A view whose third line reads
`-- made once: why` is worked out once a unit of work, before the query, and forgotten after it. A table of the population whose
third line reads `-- adds up: why` is the sum of what the query says of each bucket by itself.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from graphlib import CycleError, TopologicalSorter
from hashlib import sha256
from pathlib import Path
from typing import Any

import duckdb

from pipelines.settings import sql_root

_GRAIN = re.compile(r"^-- grain: (?P<grain>one row per .+)$")
_UNIT = re.compile(r"^-- unit: (?P<unit>person|population)$")
_ONCE = re.compile(r"^-- made once: .+$")
_ADDS_UP = re.compile(r"^-- adds up: .+$")


VIEWS = "source"


class SqlFileError(Exception):
    """A SQL file breaks the house rules; the message names the file and the rule."""


@dataclass(frozen=True, slots=True)
class SqlFile:
    """One table as a query: its name, grain, unit of work, text, and the tables it reads."""

    table: str
    grain: str
    unit: str
    text: str
    reads: tuple[str, ...]
    path: Path
    is_made_once: bool = False
    adds_up: bool = False

    @property
    def schema(self) -> str:
        return self.path.parent.name

    @property
    def definition(self) -> str:
        """The statement that makes a view readable: a table of the connection where it is made once, which can spill."""
        return f"create {'table' if self.is_made_once else 'view'} {self.table} as {self.text}"


@lru_cache(maxsize=512)
def read(path: Path) -> SqlFile:
    """Parse one file.

    Raises:
        SqlFileError: no grain or unit line, not exactly one SELECT, a table without a schema, a stored table made once, or one
            of people that adds up.
    """
    text = path.read_text()
    lines = [*text.splitlines(), "", "", ""]
    grain, unit = _GRAIN.match(lines[0]), _UNIT.match(lines[1])
    if not grain:
        raise SqlFileError(f"{path}: line 1 must read '-- grain: one row per ...'")
    if not unit:
        raise SqlFileError(f"{path}: line 2 must read '-- unit: person' or '-- unit: population'")
    table, is_made_once = f"{path.parent.name}.{path.stem}", _ONCE.match(lines[2]) is not None
    if is_made_once and not _is_view(table):
        raise SqlFileError(f"{path}: line 3 says made once, but only views of sql/{VIEWS} are not stored anyway")
    adds_up = _ADDS_UP.match(lines[2]) is not None
    if adds_up and (_is_view(table) or unit["unit"] != "population"):
        raise SqlFileError(
            f"{path}: line 3 says that it adds up, but only tables of the population are made of buckets"
        )
    return SqlFile(table, grain["grain"], unit["unit"], text, tables_read(text, str(path)), path, is_made_once, adds_up)


def all_files() -> tuple[SqlFile, ...]:
    """Every SQL file that makes a table, by path."""
    return tuple(read(path) for path in sorted(sql_root().glob("*/*.sql")) if path.parent.name != VIEWS)


def views_behind(file: SqlFile) -> tuple[SqlFile, ...]:
    """The views a file reads, directly or through another view, each after those it reads itself.

    Raises:
        SqlFileError: a view that does not exist, or views that read each other in a circle.
    """
    graph: dict[str, tuple[str, ...]] = {}
    waiting = [name for name in file.reads if _is_view(name)]
    while waiting:
        name = waiting.pop()
        if name not in graph:
            graph[name] = tuple(read_name for read_name in _view(name, file).reads if _is_view(read_name))
            waiting.extend(graph[name])
    try:
        return tuple(_view(name, file) for name in TopologicalSorter(graph).static_order())
    except CycleError as error:
        raise SqlFileError(f"{file.path}: views read each other in a circle: {', '.join(error.args[1])}") from error


def stored_inputs(file: SqlFile) -> tuple[str, ...]:
    """The stored tables a file reads, itself or through views, sorted."""
    read_by = {name for each in (file, *views_behind(file)) for name in each.reads}
    return tuple(sorted(name for name in read_by if not _is_view(name)))


def _is_view(name: str) -> bool:
    return name.startswith(f"{VIEWS}.")


def _view(name: str, reader: SqlFile) -> SqlFile:
    path = sql_root() / VIEWS / f"{name.removeprefix(f'{VIEWS}.')}.sql"
    if not path.exists():
        raise SqlFileError(f"{reader.path}: reads {name}, but there is no {path.name} in sql/{VIEWS}")
    return read(path)


# What `docs/query_tables.py` keeps beside the code: a process that only loads the definitions parses none of their 1,500 texts.
_LISTED = Path(__file__).with_name("query_tables.json")
# Without what is empty the tree is a quarter smaller, and read in less than half the time.
_PARSED = "select json_serialize_sql(?, skip_null := true, skip_empty := true, skip_default := true)"


def tables_read(text: str, where: str) -> tuple[str, ...]:
    """The schema-qualified tables a SELECT reads, sorted; names of its own CTEs are not among them.

    Raises:
        SqlFileError: the text does not parse, is not one SELECT, or names a table without a schema that is no CTE.
    """
    listed = _listed().get(text_key(text))
    return _parsed_tables(text, where) if listed is None else listed


def text_key(text: str) -> str:
    """The key of a text in the kept list: texts that differ in anything have another."""
    return sha256(text.encode()).hexdigest()[:24]


@lru_cache(maxsize=1)
def _listed() -> Mapping[str, tuple[str, ...]]:
    """Of the texts that were parsed when the list was made; any other is parsed where it is met."""
    kept = json.loads(_LISTED.read_text())
    return {key: tuple(tables.split()) for tables, keys in kept.items() for key in keys}


def _parsed_tables(text: str, where: str) -> tuple[str, ...]:
    # A cursor of its own: the connection of the module is one for all threads, and gives one the answer of another.
    with duckdb.cursor() as parser:
        row = parser.execute(_PARSED, [text]).fetchone()
    tree: Any = json.loads(row[0]) if row else {"error": True, "error_message": "empty"}
    if tree.get("error"):
        raise SqlFileError(f"{where}: {tree.get('error_message', 'does not parse')}; one bare SELECT is expected")
    if len(tree["statements"]) != 1:
        raise SqlFileError(f"{where}: {len(tree['statements'])} statements; one bare SELECT is expected")
    found: set[str] = set()
    unqualified: set[str] = set()
    ctes: set[str] = set()
    _walk(tree["statements"][0], found, unqualified, ctes)
    if stray := unqualified - ctes:
        raise SqlFileError(f"{where}: table without schema: {', '.join(sorted(stray))}")
    return tuple(sorted(found))


def _walk(node: Any, found: set[str], unqualified: set[str], ctes: set[str]) -> None:
    if isinstance(node, list):
        for child in node:
            _walk(child, found, unqualified, ctes)
        return
    if not isinstance(node, dict):
        return
    if node.get("type") == "BASE_TABLE":
        if node.get("schema_name"):
            found.add(f"{node['schema_name']}.{node['table_name']}")
        else:
            unqualified.add(node["table_name"])
    if isinstance(node.get("cte_map"), dict):
        ctes.update(entry["key"] for entry in node["cte_map"].get("map", []))
    for child in node.values():
        _walk(child, found, unqualified, ctes)
