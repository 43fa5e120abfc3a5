"""A reader of a copy reaches the tables that the copy names, to read, and nothing else."""

import json
import runpy
from pathlib import Path

import duckdb
import pytest

from pipelines.errors import BadInput
from pipelines.objects.copy_reader import open_copy
from pipelines.objects.manifest import read_manifest
from pipelines.objects.release_copy import follow

publish = runpy.run_path(str(Path(__file__).with_name("published_home.py")))["publish"]


@pytest.fixture
def copied(settings, memory):
    publish(settings, 1, rows=7)
    follow(settings)
    memory.pipe_file("/results/site/mart/study/secret.parquet", b"not of the copy")
    memory.pipe_file("/elsewhere/x.csv", b"a\n1\n")
    return settings.copy_to


def test_tables_and_macros_answer_as_at_home(copied, settings):
    questions = [
        "select study_id, title from mart.study order by all",
        "select count(*) from mart.study where study_id > 's3'",
        "select * from effects('s1')",
        "select table_name from information_schema.tables where table_schema = 'mart' order by all",
    ]
    with open_copy(copied) as reader, duckdb.connect(str(settings.home / "release.duckdb"), read_only=True) as release:
        for question in questions:
            assert reader.execute(question).fetchall() == release.execute(question).fetchall()
        assert reader.execute(questions[1]).fetchone() == (3,)


@pytest.mark.parametrize(
    "statement",
    [
        "from read_text('/etc/hostname')",
        "from read_csv('memory://elsewhere/x.csv')",
        "from read_blob('copied://elsewhere/x.csv')",
        "from read_blob('copied://mart/study/secret.parquet')",
        "from read_blob('copied://mart/../current.json')",
        "from read_blob('copied://mart/*/*.parquet')",
        "copy (select 1) to 'copied://mart/new.csv'",
        "copy mart.study to '/tmp/leaves.csv'",
        "attach '/tmp/other.duckdb'",
        "install httpfs",
        "load httpfs",
        "set enable_external_access = true",
        "reset allowed_directories",
    ],
)
def test_nothing_else_is_reached(copied, memory, statement):
    before = dict(memory.store)
    with open_copy(copied) as reader:
        try:
            rows = reader.execute(statement).fetchall()
        except duckdb.Error:
            rows = []
        assert rows == []  # a pattern that no object of the copy answers gives none
        assert reader.execute("select count(*) from mart.study").fetchone() == (7,)
        assert reader.execute("select current_setting('enable_external_access')").fetchone() == (False,)
    assert memory.store == before
    assert not Path("/tmp/leaves.csv").exists() and not Path("/tmp/other.duckdb").exists()


def test_nothing_was_copied_there(memory):
    with pytest.raises(BadInput, match="nothing was copied there yet: `trabecula copy --to memory://results/none`"):
        open_copy("memory://results/none")


def test_an_object_that_is_another_is_said(copied, memory):
    (study,) = (name for name in memory.find("/results/site/mart/study") if "secret" not in name)
    memory.pipe_file(study, b"PAR1")
    with pytest.raises(BadInput, match="not the object that was copied"):
        open_copy(copied)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("path", "mart/study/../../../x.parquet"),
        ("path", "/etc/passwd"),
        ("path", "report/" + "0" * 32 + "/../../x"),
        ("path", "mart/Robert'); drop/" + "0" * 32 + ".parquet"),
        ("bytes", "many"),
    ],
)
def test_a_manifest_that_names_anything_else_is_refused(copied, memory, key, value):
    told = json.loads(memory.cat_file("/results/site/current.json"))
    told["objects"][0][key] = value
    memory.pipe_file("/results/site/current.json", json.dumps(told).encode())
    with pytest.raises(BadInput, match=r"current\.json: n"):
        open_copy(copied)


def test_a_later_format_is_said(copied, memory):
    told = json.loads(memory.cat_file("/results/site/current.json"))
    with pytest.raises(BadInput, match="a copy of format 2, this program reads 1"):
        read_manifest(json.dumps(told | {"format": 2}).encode(), "here")
