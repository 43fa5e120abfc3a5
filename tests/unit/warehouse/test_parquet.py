"""Parquet files: written whole or not at all, in order, with the fingerprint of what made them."""

import os
import subprocess
import sys

import polars as pl
import pyarrow.parquet as pq
import pytest

from pipelines.warehouse.engine import connect
from pipelines.warehouse.parquet import (
    FINGERPRINT,
    ROW_GROUP,
    atomic,
    fingerprint_of,
    row_count,
    sweep_partials,
    write_frame,
    write_query,
)


@pytest.fixture
def connection(empty_home):
    with connect(empty_home, threads=2) as opened:
        yield opened


def test_both_writers_leave_the_rows_and_the_fingerprint(connection, tmp_path):
    odd = 'it\'s: "{fingerprint}" é'
    assert write_query(connection, "select range as n, 'é' as t from range(5)", tmp_path / "duckdb.parquet", odd) == 5
    frame = pl.LazyFrame({"n": range(7), "t": ["é"] * 7})
    assert write_frame(frame, tmp_path / "deep" / "polars.parquet", odd) == 7
    paths = (tmp_path / "duckdb.parquet", tmp_path / "deep" / "polars.parquet")
    assert [fingerprint_of(path) for path in paths] == [odd, odd]
    assert row_count(paths) == 12
    assert pl.read_parquet(paths[0])["n"].to_list() == list(range(5))
    assert pl.read_parquet(paths[1])["t"].unique().to_list() == ["é"]


def test_rows_keep_the_order_asked_for(connection, tmp_path):
    """More row groups than threads, shuffled, and the insertion order given up."""
    assert connection.execute("select current_setting('preserve_insertion_order')").fetchone() == (False,)
    rows = 4 * ROW_GROUP + 17
    connection.execute(f"create table shuffled as select range as n from range({rows}) order by hash(range)")
    assert connection.execute("select n from shuffled limit 3").fetchall() != [(0,), (1,), (2,)]
    path = tmp_path / "ordered.parquet"
    write_query(connection, "select n from shuffled order by n", path, "f")
    file = pq.ParquetFile(path)
    assert file.metadata.num_row_groups > 2
    assert file.read()["n"].to_pylist() == list(range(rows))


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_a_truncated_file_has_no_fingerprint(connection, tmp_path, share):
    path = tmp_path / "whole.parquet"
    write_query(connection, "select range as n from range(1000)", path, "f")
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    assert fingerprint_of(path) is None


def test_a_missing_foreign_or_unmarked_file_has_no_fingerprint(tmp_path):
    assert fingerprint_of(tmp_path / "nothing.parquet") is None
    (tmp_path / "text.parquet").write_text("this is not Parquet, though it is long enough to be read as if it were")
    assert fingerprint_of(tmp_path / "text.parquet") is None
    pl.DataFrame({"n": [1]}).write_parquet(tmp_path / "other.parquet")
    assert FINGERPRINT.encode() not in (pq.read_metadata(tmp_path / "other.parquet").metadata or {})
    assert fingerprint_of(tmp_path / "other.parquet") is None
    (tmp_path / "folder.parquet").mkdir()
    assert fingerprint_of(tmp_path / "folder.parquet") is None


FAILING = """
import sys
from pathlib import Path
from pipelines.settings import Settings
from pipelines.warehouse.engine import connect
from pipelines.warehouse.parquet import write_query
query = "select case when range = 2999999 then error('midway') else range end as n from range(3000000)"
with connect(Settings(home=Path(sys.argv[1]), threads=1)) as connection:
    write_query(connection, query, Path(sys.argv[2]), "new")
"""


def test_a_query_that_fails_midway_leaves_the_old_file(connection, tmp_path):
    """In a process of its own: DuckDB 2.0 now and then waits for itself for ever when a COPY fails. It is killed then."""
    path = tmp_path / "t.parquet"
    write_query(connection, "select 1 as n", path, "old")
    process = subprocess.Popen(
        [sys.executable, "-c", FAILING, str(tmp_path / "home"), str(path)], stderr=subprocess.PIPE, text=True
    )
    try:
        _, said = process.communicate(timeout=60)
        assert process.returncode == 1
        assert "midway" in said
        assert sorted(os.listdir(tmp_path)) == ["home", "t.parquet"]
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
    assert fingerprint_of(path) == "old"


def test_a_frame_that_fails_midway_leaves_the_old_file(tmp_path):
    path = tmp_path / "t.parquet"
    write_frame(pl.LazyFrame({"n": ["1"]}), path, "old")
    failing = pl.LazyFrame({"n": ["1"] * 300_000 + ["x"]}).select(pl.col("n").cast(pl.Int64))
    with pytest.raises(pl.exceptions.PolarsError):
        write_frame(failing, path, "new")
    assert fingerprint_of(path) == "old"
    assert os.listdir(tmp_path) == ["t.parquet"]


def test_atomic_replaces_only_at_the_end(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with atomic(path) as partial:
        partial.write_text("new")
        assert path.read_text() == "old"
        assert partial.parent == path.parent
    assert path.read_text() == "new"
    with pytest.raises(KeyboardInterrupt), atomic(path) as partial:
        partial.write_text("half")
        raise KeyboardInterrupt
    assert path.read_text() == "new"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_sweeping_takes_partials_and_nothing_else(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    keep = [tmp_path / "a" / "t.parquet", tmp_path / "a" / "visible.part", tmp_path / ".hidden"]
    left = [tmp_path / "a" / ".t.parquet.123.part", tmp_path / "a" / "b" / ".u.parquet.9.part"]
    for path in (*keep, *left):
        path.touch()
    (tmp_path / ".layout.json.5.part").touch()
    assert sweep_partials(tmp_path, is_deep=False) == 1 and all(path.exists() for path in left)
    assert sweep_partials(tmp_path) == 2
    assert all(path.exists() for path in keep) and not any(path.exists() for path in left)
    assert sweep_partials(tmp_path / "no such folder") == 0
