"""OMOP folders: every format and layout gives the same rows; versions of the model; what is missing, unknown or left out."""

import gzip
import json

import duckdb
import polars as pl
import pytest

from pipelines.errors import BadInput
from pipelines.run import Run, _database_tables
from pipelines.settings import Settings
from pipelines.sources.omop.delivery import open_delivery
from pipelines.sources.omop.missing import CONSEQUENCE
from pipelines.warehouse import key
from pipelines.warehouse.store import Store

PEOPLE = 6
PERSON = pl.DataFrame(
    {
        "person_id": range(1, PEOPLE + 1),
        "gender_concept_id": [8532, 8507] * (PEOPLE // 2),
        "year_of_birth": [1940 + n for n in range(PEOPLE)],
        "month_of_birth": [5] * PEOPLE,
    }
)
MEASUREMENT = pl.DataFrame(
    {
        "measurement_id": range(1, 41),
        "person_id": [1 + n % PEOPLE for n in range(40)],
        "measurement_concept_id": [3025285] * 40,
        "measurement_date": [f"2019-03-{1 + n % 28:02}" for n in range(40)],
        "value_as_number": [10.5 + n for n in range(40)],
        "unit_source_value": ["pg/mL"] * 40,
        "measurement_source_value": ["2243-4"] * 40,
    }
)
TABLES = {"person": PERSON, "measurement": MEASUREMENT}


def csv(frame):
    return frame.write_csv().encode()


def parquet(path, frame):
    path.parent.mkdir(parents=True, exist_ok=True)
    frame.write_parquet(path)


def plain_csv(folder):
    for name, frame in TABLES.items():
        (folder / f"{name}.csv").write_bytes(csv(frame))


def tabs_and_capitals(folder):
    for name, frame in TABLES.items():
        frame.rename(str.upper).write_csv(folder / f"{name.upper()}.TSV", separator="\t")


def packed_csv(folder):
    for name, frame in TABLES.items():
        (folder / f"{name}.csv.gz").write_bytes(gzip.compress(csv(frame)))


def one_parquet_file(folder):
    for name, frame in TABLES.items():
        parquet(folder / f"{name}.parquet", frame)


def parquet_parts(folder):
    for name, frame in TABLES.items():
        for part, rows in enumerate((frame[:2], frame[2:])):
            parquet(folder / f"{name}-part-{part:04}.parquet", rows)


def folders_of_parts(folder):
    for name, frame in TABLES.items():
        for part, rows in enumerate((frame[:2], frame[2:])):
            parquet(folder / name.title() / f"part-{part}.parquet", rows)


def typed_days_and_floating_ids(folder):
    parquet(folder / "person.parquet", PERSON)
    typed = MEASUREMENT.with_columns(
        pl.col("measurement_date").str.to_datetime("%Y-%m-%d"), pl.col("measurement_id", "person_id").cast(pl.Float64)
    )
    parquet(folder / "measurement.parquet", typed)


def a_mix(folder):
    parquet(folder / "person.parquet", PERSON)
    (folder / "measurement_1.csv").write_bytes(csv(MEASUREMENT[:15]))
    (folder / "measurement_2.csv.gz").write_bytes(gzip.compress(csv(MEASUREMENT[15:])))


def a_database(folder):
    with duckdb.connect(str(folder / "cdm.duckdb")) as connection:
        connection.execute("create schema cdm.cdm")
        for name, frame in TABLES.items():
            connection.register("given", frame.to_arrow())
            connection.execute(f"create table cdm.cdm.{name.upper()} as select * from given")
            connection.unregister("given")


LAYOUTS = [
    plain_csv, tabs_and_capitals, packed_csv, one_parquet_file, parquet_parts, folders_of_parts,
    typed_days_and_floating_ids, a_mix, a_database,
]  # fmt: skip


@pytest.fixture
def land(tmp_path, monkeypatch):
    """Lands a folder in a home of its own; returns the report and the store."""
    monkeypatch.delenv(key.VARIABLE, raising=False)
    monkeypatch.delenv(key.FILE_VARIABLE, raising=False)

    def put(folder, **more):
        settings = Settings(tmp_path / "home", "omop", str(folder), memory_gb=0.5, threads=1, **more)
        with Run(settings) as run:
            return run.land(), Store(settings)

    return put


@pytest.fixture
def folder(tmp_path):
    where = tmp_path / "drop"
    where.mkdir()
    return where


def landed(store):
    columns = ["person_id", *(name for name in MEASUREMENT.columns if name != "person_id")]
    return store.scan("raw.omop_measurement").select(columns).sort("measurement_id").collect()


@pytest.mark.parametrize("write", LAYOUTS, ids=lambda f: f.__name__)
def test_every_layout_gives_the_same_rows(folder, land, write):
    write(folder)
    report, store = land(folder)
    assert report.landed.rejected == 0
    people = store.scan("raw.omop_person").collect()
    assert people.height == PEOPLE and "month_of_birth" not in people.columns
    found = landed(store)
    assert found["measurement_id"].to_list() == list(range(1, 41))
    assert found["value_as_number"].to_list() == MEASUREMENT["value_as_number"].to_list()
    assert found["measurement_date"].cast(pl.String).to_list() == MEASUREMENT["measurement_date"].to_list()
    assert found["person_id"].n_unique() == PEOPLE and set(found["person_id"]) == set(people["person_id"])
    counted = (
        store.scan("raw.manifest").group_by("table_name").agg(pl.col("rows_in").sum()).sort("table_name").collect()
    )
    assert counted.rows() == [("omop_measurement", 40), ("omop_person", PEOPLE)]


def test_a_database_may_be_the_input_itself(folder, land):
    a_database(folder)
    _, store = land(folder / "cdm.duckdb")
    assert landed(store).height == 40


def test_views_of_a_database_are_not_read(folder):
    a_database(folder)
    with duckdb.connect(str(folder / "cdm.duckdb")) as connection:
        connection.execute("create view cdm.cdm.death as select 1 as person_id, date '2020-01-01' as death_date")
    assert {part.table for part in open_delivery(folder, _database_tables).parts} == {
        "raw.omop_person",
        "raw.omop_measurement",
    }


def test_the_same_bytes_twice_are_one_part(folder):
    one_parquet_file(folder)
    (folder / "measurement_2.parquet").write_bytes((folder / "measurement.parquet").read_bytes())
    delivery = open_delivery(folder)
    assert len([part for part in delivery.parts if part.table == "raw.omop_measurement"]) == 1
    twice = delivery.manifest.filter(pl.col("status_code") == "duplicate")
    assert twice["reason"].to_list() == ["same bytes as measurement.parquet"]


def test_without_a_person_table_nothing_is_landed(folder):
    (folder / "measurement.csv").write_bytes(csv(MEASUREMENT))
    with pytest.raises(BadInput, match="no person table, so no row can be given to anybody: deliver person"):
        open_delivery(folder)


@pytest.mark.parametrize("table", [table for table in CONSEQUENCE if table != "measurement"])
def test_a_missing_table_is_said_with_what_follows(folder, table):
    plain_csv(folder)
    delivery = open_delivery(folder)
    assert f"OMOP {table} is missing" in delivery.notes
    row = delivery.missing.filter(pl.col("file_group") == f"OMOP {table}")
    assert row["consequence"].to_list() == [f"cannot be known: {CONSEQUENCE[table]}"]


def test_unknown_tables_are_listed_and_left(folder, land):
    plain_csv(folder)
    (folder / "sales.csv").write_text("a,b\n1,2\n")
    (folder / "note.csv").write_text("note_id,person_id,note_text\n1,1,x\n")
    _, store = land(folder)
    left = store.scan("raw.manifest").filter(pl.col("status_code") == "out_of_scope").sort("source_file").collect()
    assert left.select("source_file", "reason").rows() == [
        ("note.csv", "holds free text, places or people; never landed"),
        ("sales.csv", "its name is not that of an OMOP table"),
    ]


def test_a_renamed_column_is_refused_by_name(folder):
    plain_csv(folder)
    (folder / "measurement.csv").write_bytes(csv(MEASUREMENT.rename({"measurement_date": "taken_on"})))
    with pytest.raises(BadInput, match=r"measurement.csv: no column measurement_date or measurement_datetime"):
        open_delivery(folder)


def test_a_declared_column_that_is_not_there_is_null(folder, land):
    plain_csv(folder)
    _, store = land(folder)
    with duckdb.connect() as connection:
        store.create_view(connection, "raw.omop_measurement")
        found = connection.execute(
            "select count(*), count(range_high), min(typeof(range_high)) from raw.omop_measurement"
        ).fetchall()
    assert found == [(40, 0, "DOUBLE")]


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ({}, "OMOP CDM 5.3 (by its columns)"),
        ({"unit_source_concept_id": 0}, "OMOP CDM 5.4 (by its columns)"),
        ({"measurement_event_id": 0}, "OMOP CDM 5.4 (by its columns)"),
    ],
)
def test_the_version_is_told_by_the_columns(folder, columns, told):
    plain_csv(folder)
    more = MEASUREMENT.with_columns(**{name: pl.lit(value) for name, value in columns.items()})
    (folder / "measurement.csv").write_bytes(csv(more))
    assert open_delivery(folder).notes[0] == told


@pytest.mark.parametrize(
    ("said", "told"), [("v5.4.0", "5.4.0"), ("5.3.1", "5.3.1"), ("CDM v5.3.1", "5.3"), ("6.0", "5.3")]
)
def test_the_version_is_what_cdm_source_says(folder, said, told):
    plain_csv(folder)
    (folder / "cdm_source.csv").write_text(f"cdm_source_name,cdm_version\nOur hospital,{said}\n")
    assert open_delivery(folder).notes[0].startswith(f"OMOP CDM {told} (")


@pytest.mark.parametrize("name", ["Synthea synthetic health database", "SynPUF 5%", "A simulated population"])
def test_a_source_that_says_so_is_simulated(folder, name):
    plain_csv(folder)
    assert not open_delivery(folder).is_simulated
    (folder / "cdm_source.csv").write_text(f"cdm_source_name,cdm_version\n{name},5.4\n")
    assert open_delivery(folder).is_simulated


@pytest.mark.parametrize("beside", [False, True], ids=["inside", "beside"])
def test_the_truth_of_a_simulation_marks_it(folder, beside):
    plain_csv(folder)
    (folder.parent if beside else folder).joinpath("truth.json").write_text(
        json.dumps({"evidence_source": "simulated"})
    )
    assert open_delivery(folder).is_simulated


def test_the_evidence_and_the_key_follow(folder, land, monkeypatch):
    plain_csv(folder)
    monkeypatch.setenv(key.VARIABLE, "a-key-for-tests-and-nothing-else")
    report, store = land(folder)
    with Run(store.settings) as run:
        assert run.facts.evidence_source == "real"
    assert not any("public key" in note for note in report.notes)


def test_a_real_source_without_a_key_is_warned_of(folder, land):
    plain_csv(folder)
    report, _ = land(folder)
    assert report.notes[0] == key.PUBLIC_WARNING
    assert report.notes[0].startswith("warning: ")


def test_a_simulated_source_needs_no_warning_and_is_simulated_evidence(folder, land):
    plain_csv(folder)
    (folder / "truth.json").write_text('{"evidence_source": "simulated"}')
    report, store = land(folder)
    assert not any(note.startswith("warning") for note in report.notes)
    assert report.notes[0] == key.SIMULATED_NOTE
    with Run(store.settings) as run:
        assert run.facts.evidence_source == "simulated"


def test_dates_move_together_and_only_under_a_secret_key(folder, land, monkeypatch, tmp_path):
    plain_csv(folder)
    _, store = land(folder)
    before = landed(store)
    with pytest.raises(BadInput, match="date_shift_days: dates moved under a key that anyone knows hide nothing"):
        land(folder, date_shift_days=200)
    monkeypatch.setenv(key.VARIABLE, "a-key-for-tests-and-nothing-else")
    settings = Settings(tmp_path / "moved", "omop", str(folder), memory_gb=0.5, threads=1, date_shift_days=200)
    with Run(settings) as run:
        run.land()
    both = landed(Store(settings)).join(before, on="measurement_id", suffix="_before")
    moved = both.select(
        "person_id", by=(pl.col("measurement_date") - pl.col("measurement_date_before")).dt.total_days()
    )
    a_person = moved.group_by("person_id").agg(pl.col("by").n_unique().alias("n"), pl.col("by").first())
    assert a_person["n"].to_list() == [1] * PEOPLE
    assert a_person["by"].n_unique() > 1
    assert a_person["by"].abs().max() <= 200
