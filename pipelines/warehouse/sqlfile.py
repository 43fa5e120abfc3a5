"""SQL files: `sql/<schema>/<table>.sql` is one bare SELECT with a grain line and a unit line; what it reads is read from it."""

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import duckdb

from pipelines.settings import sql_root

_GRAIN = re.compile(r"^-- grain: (?P<grain>one row per .+)$")
_UNIT = re.compile(r"^-- unit: (?P<unit>person|population)$")


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


@lru_cache(maxsize=512)
def read(path: Path) -> SqlFile:
    """Parse one file.

    Raises:
        SqlFileError: no grain or unit line, not exactly one SELECT, or a table without a schema.
    """
    text = path.read_text()
    lines = [*text.splitlines(), "", ""]
    grain, unit = _GRAIN.match(lines[0]), _UNIT.match(lines[1])
    if not grain:
        raise SqlFileError(f"{path}: line 1 must read '-- grain: one row per ...'")
    if not unit:
        raise SqlFileError(f"{path}: line 2 must read '-- unit: person' or '-- unit: population'")
    table = f"{path.parent.name}.{path.stem}"
    return SqlFile(table, grain["grain"], unit["unit"], text, tables_read(text, str(path)), path)


def all_files() -> tuple[SqlFile, ...]:
    """Every SQL file of the house, by path."""
    return tuple(read(path) for path in sorted(sql_root().glob("*/*.sql")))


def tables_read(text: str, where: str) -> tuple[str, ...]:
    """The schema-qualified tables a SELECT reads, sorted; names of its own CTEs are not among them.

    Raises:
        SqlFileError: the text does not parse, is not one SELECT, or names a table without a schema that is no CTE.
    """
    row = duckdb.execute("select json_serialize_sql(?)", [text]).fetchone()
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
