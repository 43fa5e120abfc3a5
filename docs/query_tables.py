"""Which tables every query of this code reads, kept beside it: `python docs/query_tables.py` writes the list.

The texts are those of the SQL files and of every question that the suites ask. Whoever loads the definitions needs their tables
and would parse 1,500 texts for them; `pipelines/warehouse/sqlfile.py` looks them up instead, by a hash of the text, and parses
what is not listed. A list that lags behind costs time, never a wrong answer: a text that changed has another hash.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from unittest import mock

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from expectations import question, suite  # noqa: E402
from pipelines.settings import sql_root  # noqa: E402
from pipelines.warehouse import sqlfile  # noqa: E402

FILE = HERE.parent / "pipelines" / "warehouse" / "query_tables.json"


def parsed() -> dict[str, tuple[str, ...]]:
    """Of every text that is read on the way to the definitions, parsed anew: its key and the tables it reads."""
    found: dict[str, tuple[str, ...]] = {}
    parse = sqlfile._parsed_tables

    def record(text: str, where: str) -> tuple[str, ...]:
        found[sqlfile.text_key(text)] = parse(text, where)
        return found[sqlfile.text_key(text)]

    with mock.patch.object(sqlfile, "_listed", dict), mock.patch.object(sqlfile, "_parsed_tables", record):
        for kept in (sqlfile.read, question._tables, suite._loaded):
            kept.cache_clear()
        for path in sorted(sql_root().glob("*/*.sql")):
            sqlfile.read(path)
        for table in suite.all_tables():
            suite.load(table).reads  # noqa: B018 - asked for what it parses
    return found


def as_json(found: dict[str, tuple[str, ...]]) -> str:
    """The keys by the tables they read, both sorted."""
    by_tables: dict[str, list[str]] = {}
    for key, tables in found.items():
        by_tables.setdefault(" ".join(tables), []).append(key)
    return json.dumps({tables: sorted(keys) for tables, keys in sorted(by_tables.items())}, indent=0) + "\n"


if __name__ == "__main__":
    FILE.write_text(as_json(parsed()))
