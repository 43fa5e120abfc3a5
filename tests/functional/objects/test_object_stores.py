"""A drop in S3 lands as the same drop in a folder does; copies there are switched whole, and are asked by ranges of columns."""

import io
import json
import runpy
from dataclasses import replace
from pathlib import Path

import duckdb
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from pipelines import doctor, plan
from pipelines import settings as machine
from pipelines.errors import BadInput, CopyFailed, DropChanged
from pipelines.objects import inbox
from pipelines.objects.copy_reader import open_copy
from pipelines.objects.release_copy import follow
from pipelines.objects.store import ObjectStore
from pipelines.run import Run
from pipelines.settings import Settings
from pipelines.warehouse.store import Store

made = runpy.run_path(str(Path(__file__).parents[2] / "unit" / "objects" / "published_home.py"))
PEOPLE = 6
PERSON = pl.DataFrame(
    {
        "person_id": range(1, PEOPLE + 1),
        "gender_concept_id": [8532, 8507] * (PEOPLE // 2),
        "year_of_birth": [1940 + n for n in range(PEOPLE)],
    }
)
MEASUREMENT = pl.DataFrame(
    {
        "measurement_id": range(1, 41),
        "person_id": [1 + n % PEOPLE for n in range(40)],
        "measurement_concept_id": [3025285] * 40,
        "measurement_date": [f"2019-03-{1 + n % 28:02}" for n in range(40)],
        "value_as_number": [10.5 + n for n in range(40)],
        "unit_source_value": ["pg/mL"] * 39 + ["furlongs"],
        "measurement_source_value": ["2243-4"] * 40,
    }
)
STAGED = ("staging.person", "staging.lab_result")
LANDED = ("raw.omop_person", "raw.omop_measurement", "raw.rejected_row", "raw.missing_piece")


def parquet(frame: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    return buffer.getvalue()


DROP = {
    "person/part 1.parquet": parquet(PERSON),
    "measurement_1.csv": MEASUREMENT[:15].write_csv().encode(),
    "measurement_2.parquet": parquet(MEASUREMENT[15:]),
    "readme.txt": "made up: ä".encode(),
}


@pytest.fixture
def delivered(bucket, tmp_path):
    """The drop below a prefix of the bucket, and in a folder: the homes that read them."""
    for name, content in DROP.items():
        bucket.put(f"cdm/{name}", content)
        (tmp_path / "cdm" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "cdm" / name).write_bytes(content)
    bucket.put("cdm/empty folder/", b"")
    bucket.put("cdm_of_others/person.csv", b"not of this prefix")

    def home(name, folder):
        return Settings(tmp_path / name, "omop", folder, memory_gb=1.0, threads=1)

    return home("of_store", f"{bucket.url}/cdm"), home("of_folder", str(tmp_path / "cdm"))


def land(settings, *, staged=False):
    """Fetch, land, and stage if asked; the landing's report."""
    settings.home.mkdir(exist_ok=True)
    inbox.fetch(settings)
    with Run(settings) as run:
        report = run.land()
        for step in plan.steps():
            if staged and step.table in needed():
                run.step(step)
    return report


def needed():
    """The tables that are compared, and what they are made of."""
    inputs = {step.table: step.inputs for step in plan.steps()}
    found, new = set(), set(STAGED)
    while new:
        found |= new
        new = {each for table in new for each in inputs.get(table, ())} - found
    return found


def test_a_drop_in_s3_lands_and_is_staged_as_in_a_folder(delivered):
    of_store, of_folder = delivered
    one, other = land(of_store, staged=True), land(of_folder, staged=True)
    assert (one.drop_id, one.files, one.landed.written) == (other.drop_id, other.files, other.landed.written)
    rows = 0
    for table in (*LANDED, *STAGED):
        found, wanted = (Store(home).scan(table).collect() for home in (of_store, of_folder))
        assert_frame_equal(found, wanted, check_row_order=False)
        rows += found.height
    manifest = [Store(home).scan("raw.manifest").drop("landed_at").collect() for home in delivered]
    assert_frame_equal(*manifest, check_row_order=False)
    assert Store(of_store).scan("staging.lab_result").collect().height == 39
    assert rows >= 2 * PEOPLE + 40 + 39


def test_the_night_after_reads_nothing_and_a_correction_reads_itself(delivered, bucket):
    settings, _ = delivered
    land(settings)
    assert inbox.fetch(settings).fetched == 0
    assert land(settings).landed.written == 0
    bucket.put("cdm/measurement_1.csv", MEASUREMENT[:14].write_csv().encode())
    bucket.files.rm_file(f"{bucket.name}/cdm/measurement_2.parquet")
    told = inbox.fetch(settings)
    assert (told.fetched, told.removed) == (1, 1)
    land(settings)
    assert Store(settings).scan("raw.omop_measurement").collect().height == 14


def test_what_is_wrong_is_said_of_the_object(delivered, bucket):
    settings, _ = delivered
    bucket.put("cdm/measurement_2.parquet", DROP["measurement_2.parquet"][:-50])
    with pytest.raises(BadInput) as told:
        land(settings)
    assert f"{bucket.url}/cdm/measurement_2.parquet" in str(told.value) and "inbox" not in str(told.value)


def test_an_object_that_is_replaced_while_it_is_read_is_noticed(delivered, bucket, monkeypatch):
    settings, _ = delivered
    chunks = ObjectStore.chunks

    def replaced(store, one):
        yield from chunks(store, one)
        if one.key == "measurement_1.csv":
            bucket.put("cdm/measurement_1.csv", DROP["measurement_1.csv"].replace(b"10.5", b"99.5"))

    with monkeypatch.context() as patched:
        patched.setattr(ObjectStore, "chunks", replaced)
        with pytest.raises(DropChanged, match=r"cdm/measurement_1\.csv: changed while it was fetched"):
            land(settings)
    with pytest.raises(BadInput, match="is not whole"), Run(settings) as run:
        run.land()
    land(settings)
    assert 99.5 in Store(settings).scan("raw.omop_measurement").collect()["value_as_number"].cast(float).to_list()


def test_the_doctor_says_what_can_be_reached(delivered, bucket):
    settings, _ = delivered
    found = {finding.subject: finding for finding in doctor.examine(replace(settings, copy_to=f"{bucket.url}/out"))}
    assert found["drop folder"].is_fine and "4 objects" in found["drop folder"].what
    assert found["copy in a store"].is_fine and "nothing" in found["copy in a store"].what
    lost = replace(settings, folder="s3://there-is-none/x")
    (finding,) = (finding for finding in doctor.examine(lost) if finding.subject == "drop folder")
    assert not finding.is_fine and "no such bucket" in finding.remedy


def test_a_copy_is_switched_whole_whatever_put_it_dies_at(bucket, tmp_path, monkeypatch):
    settings = Settings(tmp_path / "home", "omop", "", copy_to=f"{bucket.url}/site")
    first = made["publish"](settings, 1, rows=3)
    follow(settings)
    second = made["publish"](settings, 2, rows=4)
    put, done = ObjectStore.put, []

    def seen():
        with open_copy(settings.copy_to) as reader:
            return reader.execute("select (select build_id from mart.build), count(*) from mart.study").fetchone()

    def dying(store, key, content):
        if len(done) == len(sent):
            raise KeyboardInterrupt
        done.append(key)
        put(store, key, content)

    sent = []
    monkeypatch.setattr(ObjectStore, "put", dying)
    while True:
        done = []
        try:
            follow(settings)
            break
        except KeyboardInterrupt:
            assert seen() == (first, 3)
            sent.append(done)
        assert len(sent) < 12
    # Each try goes one further than the one before, or sends less of what is there by now: the last is the switch alone.
    assert done[-1] == "current.json" and len(sent) >= 2
    assert seen() == (second, 4)


def test_a_statement_reads_ranges_of_the_columns_it_needs(bucket, tmp_path, monkeypatch):
    settings = Settings(tmp_path / "home", "omop", "", copy_to=f"{bucket.url}/site")
    build = made["publish"](settings, 1, rows=3)
    with duckdb.connect(str(settings.builds / build / "release.duckdb")) as release:
        release.execute(
            "insert into mart.study by name select 'big' || i as study_id, repeat(md5(i::varchar), 20) as title "
            "from range(20000) t(i)"
        )
    follow(settings)
    read, read_range = [], ObjectStore.read_range
    monkeypatch.setattr(
        ObjectStore,
        "read_range",
        lambda store, key, start, end: read.append(end - start) or read_range(store, key, start, end),
    )
    (size,) = (
        one["size"] for name, one in bucket.files.find(bucket.name, detail=True).items() if "/mart/study/" in name
    )
    with open_copy(settings.copy_to) as reader:
        read.clear()
        assert reader.execute("select count(distinct study_id) from mart.study").fetchone() == (20_003,)
        ids = sum(read)
        read.clear()
        reader.execute("select max(title) from mart.study").fetchone()
        titles = sum(read)
    assert size > 300_000
    assert ids < size / 2 < titles


def test_the_command_line_asks_a_copy_and_refuses_what_it_cannot_reach(bucket, tmp_path, call):
    settings = Settings(tmp_path / "home", "omop", "", copy_to=f"{bucket.url}/site")
    made["publish"](settings, 1, rows=3)
    follow(settings)
    told = call("query", "--at", settings.copy_to, "select count(*) as n from mart.study", "--json")
    assert (told.returncode, json.loads(told.stdout)) == (0, [{"n": 3}]), told.stderr
    for arguments, says in (
        (("query", "--at", f"{bucket.url}/none", "select 1"), "nothing was copied there yet"),
        (("run", "--source", "omop", "--input", "s3://there-is-none/x", "--home", tmp_path / "h"), "no such bucket"),
        (("run", "--source", "omop", "--input", "s3://me:hunter2@x/y", "--home", tmp_path / "h"), "holds a login"),
        (("copy", "--home", tmp_path / "none", "--to", f"{bucket.url}/x"), "nothing is published there yet"),
    ):
        told = call(*arguments)
        assert told.returncode == 2 and says in told.stderr, told.stderr
        assert "hunter2" not in told.stderr + told.stdout
    # Published by the command line: from the home that an option names, to the prefix that its settings name.
    machine.load(settings.home, copy_to=settings.copy_to).write()
    build = made["publish"](settings, 2, rows=4)
    (settings.home / "warehouse.duckdb").unlink()
    duckdb.connect(str(settings.home / "warehouse.duckdb")).close()
    told = call("copy", "--home", settings.home)
    assert told.returncode == 0 and f"build {build}, 5 objects sent" in told.stdout, told.stderr


def test_a_store_that_is_gone_is_said_and_leaves_what_is_published(delivered, bucket, monkeypatch):
    settings, _ = delivered
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    settings.home.mkdir()
    build = made["publish"](settings, 1)
    with pytest.raises(BadInput, match="does not answer or fails") as told:
        inbox.fetch(settings)
    assert told.value.exit_status == 2 and told.value.is_passing
    with pytest.raises(CopyFailed, match=f"build {build} is published"):
        follow(replace(settings, copy_to=f"{bucket.url}/site"))
    assert (settings.home / "current").readlink().name == build and not settings.inbox.exists()
