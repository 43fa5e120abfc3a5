"""Landing: rows verbatim under person ids, keyless rows set aside, unchanged parts left alone."""

from dataclasses import dataclass, replace

import polars as pl
import pytest

from pipelines.warehouse.engine import connect
from pipelines.warehouse.identity import person_id
from pipelines.warehouse.landing import Landed, Origin, land
from pipelines.warehouse.store import Store

ORIGIN = Origin("nhanes", "drop-1", "reader-1", b"key")


@dataclass(frozen=True)
class Part:
    table: str
    name: str
    frame: pl.DataFrame
    sha256: str = "bytes-1"
    id_column: str | None = "SEQN"

    @property
    def source_file(self):
        return f"{self.name}/{self.table}.parquet"

    @property
    def cycle_code(self):
        return self.name

    def load(self):
        return self.frame


DEMO_D = Part(
    "raw.nhanes_demo", "D", pl.DataFrame({"SEQN": [1, None, 3, None], "RIAGENDR": [1.0, 2.0, 2.0, 1.0], "EXTRA": "x"})
)
DEMO_H = Part("raw.nhanes_demo", "H", pl.DataFrame({"SEQN": [7, 8], "RIDAGEYR": [50.0, 60.0]}))
DRUG = Part("raw.nhanes_rxq_drug", "none", pl.DataFrame({"RXDDRGID": ["d1", "d2"]}), id_column=None)


@pytest.fixture
def landed(empty_home):
    """Lands parts in the empty home and returns the report."""

    def put(*parts, persons=4, origin=ORIGIN):
        seen = []
        buckets = Store(empty_home).lay_out(persons)
        report = land(parts, empty_home, buckets, origin, lambda part, current: seen.append((part.name, current)))
        assert len(seen) == len(parts)
        return report

    return put


def files(settings):
    return {
        str(p.relative_to(settings.data)): (p.stat().st_ino, p.stat().st_mtime_ns)
        for p in settings.data.rglob("*.parquet")
    }


def rows(settings, table, columns="*", where="true"):
    with connect(settings) as connection:
        Store(settings).create_view(connection, table)
        return connection.sql(f"select {columns} from {table} where {where} order by all").fetchall()


def test_rows_without_a_key_are_set_aside_with_file_and_row(landed, empty_home):
    assert landed(DEMO_D, DEMO_H) == Landed(written=2, current=0, rejected=2)
    found = rows(empty_home, "raw.rejected_row", "source_file, source_row, rule_code, source_id, drop_id")
    assert found == [(DEMO_D.source_file, row, "no_person_key", "nhanes", "drop-1") for row in (2, 4)]
    kept = rows(empty_home, "raw.nhanes_demo", "source_file, source_row, person_id, cycle_code")
    assert kept == [
        (part.source_file, row, person_id(b"key", "nhanes", str(seqn)), part.name)
        for part, row, seqn in ((DEMO_D, 1, 1), (DEMO_D, 3, 3), (DEMO_H, 1, 7), (DEMO_H, 2, 8))
    ]


def test_the_native_id_is_landed_nowhere(landed, empty_home):
    landed(DEMO_D, DEMO_H)
    for path in empty_home.data.rglob("*.parquet"):
        assert "SEQN" not in pl.read_parquet_schema(path)


def test_cycles_with_other_columns_are_one_table_and_what_nobody_holds_is_null(landed, empty_home):
    landed(DEMO_D, DEMO_H)
    found = rows(empty_home, "raw.nhanes_demo", "cycle_code, RIAGENDR, RIDAGEYR, EXTRA, RIDRETH1, typeof(RIDRETH1)")
    assert found == [
        ("D", 1.0, None, "x", None, "DOUBLE"),
        ("D", 2.0, None, "x", None, "DOUBLE"),
        ("H", None, 50.0, None, None, "DOUBLE"),
        ("H", None, 60.0, None, None, "DOUBLE"),
    ]
    assert rows(empty_home, "raw.nhanes_bmx") == []


def test_a_number_that_a_cycle_holds_as_text_is_not_passed_over(landed, empty_home):
    text = replace(DEMO_H, frame=pl.DataFrame({"SEQN": [7], "RIDAGEYR": ["50"]}))
    landed(DEMO_D, text)
    assert rows(empty_home, "raw.nhanes_demo", "RIDAGEYR, typeof(RIDAGEYR)", "cycle_code = 'H'") == [(50.0, "DOUBLE")]


def test_only_parts_whose_bytes_changed_are_written(landed, empty_home):
    landed(DEMO_D, DEMO_H, DRUG)
    before = files(empty_home)
    assert landed(DEMO_D, DEMO_H, DRUG) == Landed(written=0, current=3, rejected=0)
    assert files(empty_home) == before
    changed = replace(DEMO_H, sha256="bytes-2", frame=DEMO_H.frame.head(1))
    assert landed(DEMO_D, changed, DRUG).written == 1
    after = files(empty_home)
    assert {name for name in after if after[name] != before[name]} == {
        "raw/nhanes_demo/0000-4095/H.parquet",
        "raw/rejected_row/all/nhanes_demo.H.parquet",
    }
    assert len(rows(empty_home, "raw.nhanes_demo", where="cycle_code = 'H'")) == 1


@pytest.mark.parametrize("changed", [{"reader_version": "reader-2"}, {"key": b"another key"}])
def test_another_reader_or_key_lands_everything_again(landed, changed):
    landed(DEMO_D, DEMO_H)
    assert landed(DEMO_D, DEMO_H, origin=replace(ORIGIN, **changed)).written == 2


def test_a_damaged_raw_file_is_landed_again(landed, empty_home):
    landed(DEMO_D, DEMO_H)
    path = empty_home.data / "raw/nhanes_demo/0000-4095/H.parquet"
    path.write_bytes(path.read_bytes()[:-20])
    assert landed(DEMO_D, DEMO_H) == Landed(written=1, current=1, rejected=0)
    assert len(rows(empty_home, "raw.nhanes_demo")) == 4


def test_a_part_that_vanished_is_removed_with_its_rejected_rows(landed, empty_home):
    landed(DEMO_D, DEMO_H)
    landed(DEMO_H)
    assert {row[0] for row in rows(empty_home, "raw.nhanes_demo", "cycle_code")} == {"H"}
    assert rows(empty_home, "raw.rejected_row") == []


def test_growing_moves_every_row_into_its_narrower_bucket(landed, empty_home):
    people = Part("raw.nhanes_demo", "D", pl.DataFrame({"SEQN": range(500), "RIAGENDR": [1.0, 2.0] * 250}))
    landed(people, persons=500)
    whole = rows(empty_home, "raw.nhanes_demo")
    settings = replace(empty_home, persons_per_bucket=62)
    buckets = Store(settings).lay_out(500)
    assert len(buckets) == 8 and Store(settings).buckets() == buckets
    assert land([people], settings, buckets, ORIGIN) == Landed(written=1, current=0, rejected=0)
    assert [path.parent.name for path in Store(settings).files("raw.nhanes_demo")] == [b.name for b in buckets]
    assert rows(settings, "raw.nhanes_demo") == whole
    counts = [pl.read_parquet(path).height for path in Store(settings).files("raw.nhanes_demo")]
    assert sum(counts) == 500 and min(counts) > 20
    assert Store(settings).files("raw.nhanes_demo", buckets[3]) == (
        settings.data / "raw/nhanes_demo" / buckets[3].name / "D.parquet",
    )
