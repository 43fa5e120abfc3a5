"""A typed query reaches the published build and nothing else on this machine."""

from pathlib import Path

import duckdb
import pytest

from pipelines.run import Run
from pipelines.warehouse.engine import connect_confined
from pipelines.warehouse.publish import publish


@pytest.fixture(scope="module")
def warehouse(built, tmp_path_factory):
    """A published build of the session's home, and a file beside the home."""
    import runpy

    built_home = runpy.run_path(str(Path(__file__).with_name("built_home.py")))
    settings = built_home["copy"](built, tmp_path_factory.mktemp("confined"))
    publish(settings, Run(settings).facts, "drop-1", "code-1", built_home["write_page"])
    (settings.home.parent / "secret.csv").write_text("a\n1\n")
    return settings.home / "warehouse.duckdb"


@pytest.fixture
def reader(warehouse):
    with connect_confined(warehouse) as connection:
        yield connection


def test_tables_and_views_over_the_builds_files_are_read(reader):
    assert reader.execute("select count(*) from staging.person").fetchone()[0] > 100
    assert reader.execute("select count(*) from mart.build").fetchone() == (1,)


@pytest.mark.parametrize(
    "statement",
    [
        "select * from read_csv('{home}/../secret.csv')",
        "select * from '{home}/../secret.csv'",
        "select * from read_text('/etc/hostname')",
        "select * from glob('/etc/*')",
        "select * from read_parquet('{home}/data/staging/person/*.parquet')",
        "select * from read_parquet('{build}/data/../../../data/staging/person/*.parquet')",
        "copy (select 1) to '{home}/../out.csv'",
        "attach '{home}/other.duckdb'",
        "install httpfs",
        "load httpfs",
        "set enable_external_access = true",
        "set allowed_directories = ['/']",
        "create table mart.mine as select 1",
        "drop view staging.person",
    ],
)
def test_nothing_else_is(reader, warehouse, statement):
    text = statement.format(home=warehouse.parent, build=warehouse.resolve().parent)
    with pytest.raises(duckdb.Error):
        reader.execute(text).fetchall()
    assert not (warehouse.parent.parent / "out.csv").exists()
    assert not (warehouse.parent / "other.duckdb").exists()
