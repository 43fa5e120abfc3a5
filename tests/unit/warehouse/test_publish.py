"""Publishing: what a build holds, who may read it, and that readers of two builds never see a mixture."""

import json
import os
import re
import runpy
import stat
from dataclasses import replace
from pathlib import Path

import duckdb
import polars as pl
import pytest

from pipelines.run import Run
from pipelines.tables import CONTRACTS
from pipelines.warehouse.engine import connect_read_only
from pipelines.warehouse.parquet import write_frame
from pipelines.warehouse.publish import complete_builds, current_build, publish, switch
from pipelines.warehouse.store import Store

built_home = runpy.run_path(str(Path(__file__).with_name("built_home.py")))


def publish_home(settings, drop_id="drop-1"):
    return publish(settings, Run(settings, run_id="published").facts, drop_id, "code-1", built_home["write_page"])


@pytest.fixture(scope="module")
def published(built, tmp_path_factory):
    """A published home, to be read only, and its build."""
    settings = built_home["copy"](built, tmp_path_factory.mktemp("published"))
    return settings, publish_home(settings)


def value(path, query):
    """One value as a new reader sees it: DuckDB shares an open file by its name, so the links are followed first."""
    with connect_read_only(path.resolve()) as reader:
        return reader.execute(query).fetchone()[0]


def test_the_links_of_the_home_lead_through_current(published):
    settings, build = published
    assert current_build(settings) == build.build_id
    assert complete_builds(settings) == (build.build_id,)
    assert os.readlink(settings.home / "current") == f"builds/{build.build_id}"
    for name in ("warehouse.duckdb", "release.duckdb", "report"):
        assert os.readlink(settings.home / name) == f"current/{name}"
    assert (settings.home / "report" / "index.html").read_text() == "<p>report</p>"
    assert not list(settings.home.glob(".current.*"))


def test_the_databases_are_for_the_owner_and_the_group(published):
    settings, _ = published
    for name in ("warehouse.duckdb", "release.duckdb"):
        assert stat.S_IMODE((settings.home / name).stat().st_mode) == 0o640


def test_the_records_of_persons_are_no_more_readable_than_the_database_over_them(published):
    settings, build = published
    persons = [path for table in CONTRACTS for path in Store(replace(settings, home=build.folder)).files(table)]
    assert persons
    assert all(stat.S_IMODE(path.stat().st_mode) & 0o007 == 0 for path in persons)


def test_the_warehouse_holds_every_table_of_the_house(published):
    settings, build = published
    with connect_read_only(settings.home / "warehouse.duckdb") as reader:
        kinds = dict(
            reader.execute(
                "select table_schema || '.' || table_name, table_type from information_schema.tables"
            ).fetchall()
        )
        assert set(kinds) == set(CONTRACTS)
        for name, contract in CONTRACTS.items():
            assert kinds[name] == ("VIEW" if contract.unit == "person" else "BASE TABLE"), name
        for name in ("staging.person", "features.covariate", "models.diagnostic", "ref.drug", "mart.missing_piece"):
            found = reader.sql(f"from {name}").pl()
            kept = Store(settings).scan(name).collect()
            assert found.columns == [c.name for c in CONTRACTS[name].columns]
            assert sorted(map(repr, found.rows())) == sorted(map(repr, kept.rows())) != [], name
        # People who are not public are counted in the mart as the release ledger tells them.
        told, exact = reader.sql("from mart.attrition").pl(), Store(settings).scan("mart.attrition").collect()
        key = list(CONTRACTS["mart.attrition"].key)
        both = told.join(exact, on=key, suffix="_exact")
        assert both.height == told.height == exact.height > 0
        shown = both.drop_nulls("n_after")
        assert (shown["n_after"] % 11 == 0).all() and ((shown["n_after"] - shown["n_after_exact"]).abs() < 11).all()
        assert shown.height > 5 and (shown["n_after"] != shown["n_after_exact"]).any()
    assert build.tables == len(CONTRACTS)


def macros(path):
    """Name to comment of the macros of a file."""
    with connect_read_only(path.resolve()) as reader:
        return dict(
            reader.execute(
                "select function_name, comment from duckdb_functions() where not internal and database_name = current_database()"
            ).fetchall()
        )


def test_every_macro_is_commented_and_the_release_has_those_of_the_mart_alone(published):
    settings, _ = published
    released = macros(settings.home / "release.duckdb")
    everything = macros(settings.home / "warehouse.duckdb")
    assert {"effects", "attrition", "gates", "risks", "claims", "quality_failures", "dose_response"} <= set(released)
    assert set(everything) - set(released) == {"e2_band", "dose_band", "bmd_change_by_dose", "e2_change_by_dose"}
    assert released.items() <= everything.items()
    assert all(len(comment) > 40 for comment in everything.values())


@pytest.mark.parametrize("name", ["warehouse.duckdb", "release.duckdb"])
def test_every_table_and_column_is_commented(published, name):
    settings, _ = published
    with connect_read_only(settings.home / name) as reader:
        said = reader.execute(
            """
            select schema_name || '.' || table_name, comment from duckdb_tables()
            union all select schema_name || '.' || view_name, comment from duckdb_views() where not internal
            """
        ).fetchall()
        columns = reader.execute(
            "select schema_name || '.' || table_name, column_name, comment from duckdb_columns() where not internal"
        ).fetchall()
    assert len(said) >= 10
    assert {table: CONTRACTS[table].comment for table, _ in said} == dict(said)
    assert all(comment for _, _, comment in columns)
    declared = {(t, c.name): c.comment for t in dict(said) for c in CONTRACTS[t].columns}
    assert declared.items() <= {(table, column): comment for table, column, comment in columns}.items()


def test_the_release_holds_the_mart_and_nothing_that_points_elsewhere(published):
    settings, _ = published
    with connect_read_only(settings.home / "release.duckdb") as reader:
        tables = reader.execute(
            "select table_schema || '.' || table_name, table_type from information_schema.tables"
        ).fetchall()
        assert {kind for _, kind in tables} == {"BASE TABLE"}
        assert {name for name, _ in tables} == {name for name in CONTRACTS if name.startswith("mart.")}
        columns = {
            row[0] for row in reader.execute("select column_name from duckdb_columns() where not internal").fetchall()
        }
        assert "person_id" not in columns
        macros = "select count(*) from effects('nhanes_e2_bmd')"
        wanted = "select count(*) from mart.effect_estimate where study_id = 'nhanes_e2_bmd'"
        assert reader.execute(macros).fetchone() == reader.execute(wanted).fetchone() != (0,)
        for macro in ("attrition", "gates"):
            assert reader.execute(f"select count(*) from {macro}('nhanes_e2_bmd')").fetchone() != (0,)
    content = (settings.home / "release.duckdb").resolve().read_bytes()
    assert str(settings.data).encode() not in content and str(settings.builds).encode() not in content


def test_a_reader_cannot_write(published):
    settings, _ = published
    with connect_read_only(settings.home / "release.duckdb") as reader, pytest.raises(duckdb.Error, match="read-only"):
        reader.execute("delete from mart.attrition")


def test_the_build_is_signed(published):
    settings, build = published
    row = json.loads((build.folder / "build.json").read_text())
    for name in ("warehouse.duckdb", "release.duckdb"):
        with connect_read_only(settings.home / name) as reader:
            assert reader.sql("from mart.build").pl().to_dicts() == [row]
    assert (row["build_id"], row["drop_id"], row["code_version"]) == (build.build_id, "drop-1", "code-1")
    assert row["evidence_source"] == "simulated"
    assert 0 <= row["n_gates_closed"] <= row["n_gates"] == build.gates
    assert re.fullmatch(r"\d{8}T\d{9}", build.build_id)


def forget_people(settings, keep):
    """Change the working record as a later run would: another file under the same name."""
    (path,) = Store(settings).files("staging.person")
    write_frame(pl.read_parquet(path).head(keep).lazy(), path, "later")


PEOPLE = "select count(*) from staging.person"


def test_readers_keep_their_build_and_new_readers_see_the_new_one(home):
    """One reader stays open over a changed record and a second publication."""
    everybody = pl.scan_parquet(Store(home).files("staging.person")).select(pl.len()).collect().item()
    first = publish_home(home)
    (record,) = Store(home).files("staging.person")
    assert record.stat().st_ino == (first.folder / record.relative_to(home.home)).stat().st_ino
    with connect_read_only((home.home / "warehouse.duckdb").resolve()) as reader:
        said = reader.execute("from mart.build").fetchall()
        forget_people(home, 10)
        assert reader.execute(PEOPLE).fetchone() == (everybody,)
        assert value(home.home / "warehouse.duckdb", PEOPLE) == everybody
        second = publish_home(home, "drop-2")
        assert reader.execute(PEOPLE).fetchone() == (everybody,)
        assert reader.execute("from mart.build").fetchall() == said
        assert value(home.home / "warehouse.duckdb", PEOPLE) == 10
        assert value(home.home / "release.duckdb", "select drop_id from mart.build") == "drop-2"
    assert complete_builds(home) == (first.build_id, second.build_id)

    switch(home, first.build_id)
    assert current_build(home) == first.build_id
    assert value(home.home / "warehouse.duckdb", PEOPLE) == everybody
    assert value(home.home / "release.duckdb", "select drop_id from mart.build") == "drop-1"
    assert not list(home.home.glob(".current.*"))


def test_so_many_builds_are_kept_and_orphans_are_swept(home):
    settings = replace(home, keep_builds=1)
    orphan = settings.builds / "20200101T000000000" / "data" / "staging"
    orphan.mkdir(parents=True)
    (orphan / "left.parquet").touch()
    builds = [publish_home(settings).build_id for _ in range(2)]
    assert complete_builds(settings) == tuple(builds[1:])
    assert sorted(path.name for path in settings.builds.iterdir()) == builds[1:]
    assert current_build(settings) == builds[1]
    assert value(settings.home / "warehouse.duckdb", PEOPLE) > 0


def test_a_home_without_anything_landed_has_no_build(empty_home):
    assert current_build(empty_home) is None
    assert complete_builds(empty_home) == ()
