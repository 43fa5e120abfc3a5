"""The list of tables that queries read, kept beside the code: it is what parsing says, holds all, and is only looked up."""

import json
import runpy
from collections.abc import Mapping
from pathlib import Path

import pytest

from pipelines.warehouse import sqlfile

LISTED = "pipelines/warehouse/query_tables.json"


@pytest.fixture(scope="module")
def script(root: Path) -> Mapping:
    return runpy.run_path(str(root / "docs" / "query_tables.py"))


def test_the_list_is_the_one_made_again(root: Path, script: Mapping) -> None:
    assert script["as_json"](script["parsed"]()) == (root / LISTED).read_text(), "run make docs"


def test_nothing_is_parsed_to_load_the_plan_and_every_suite(script: Mapping, monkeypatch: pytest.MonkeyPatch) -> None:
    met: list[str] = []
    monkeypatch.setattr(sqlfile, "_parsed_tables", lambda text, where: met.append(where) or ())
    for kept in (sqlfile.read, script["question"]._tables, script["suite"]._loaded):
        kept.cache_clear()
    for path in sqlfile.sql_root().glob("*/*.sql"):
        sqlfile.read(path)
    for table in script["suite"].all_tables():
        script["suite"].load(table)
    assert met == []


def test_a_text_that_changed_is_parsed(root: Path) -> None:
    path = root / "sql" / "staging" / "person.sql"
    text = path.read_text()
    assert sqlfile.text_key(text) in sqlfile._listed()
    changed = f"{text}\nunion all by name select * from ref.nowhere\n"
    assert "ref.nowhere" in sqlfile.tables_read(changed, "here")
    with pytest.raises(sqlfile.SqlFileError, match="does not parse|syntax error"):
        sqlfile.tables_read(f"{text} frm x y z", "here")


def test_the_kept_list_names_stored_tables_and_views_only(root: Path) -> None:
    kept = json.loads((root / LISTED).read_text())
    keys = [key for keys in kept.values() for key in keys]
    assert len(keys) == len(set(keys)) > 1_000
    assert all(name.count(".") == 1 for tables in kept for name in tables.split())
