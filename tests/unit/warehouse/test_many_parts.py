"""A table delivered in many files, over several buckets: each person's years are known, and everybody is on record, once."""

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from pipelines.run import Run
from pipelines.settings import Settings
from pipelines.warehouse import landing, ledger
from pipelines.warehouse.changes import ChangeLog
from pipelines.warehouse.store import Store

PARTS, PEOPLE = 3, 60
EARLIEST, LAST = 1915, 2019


def write(folder: Path, births: range) -> None:
    """People in files of their own by thirds, their results too; all have one on the first of March of the last year."""
    each = PEOPLE // PARTS
    for part in range(PARTS):
        people = range(part * each, (part + 1) * each)
        frame = pl.DataFrame({"person_id": people}, schema={"person_id": pl.Int64})
        for table in ("person", "measurement"):
            (folder / table).mkdir(parents=True, exist_ok=True)
        person = frame.with_columns(gender_concept_id=8532, year_of_birth=pl.lit(births.start) + pl.col("person_id"))
        person.write_parquet(folder / "person" / f"part-{part}.parquet")
        results = frame.with_columns(
            measurement_id=pl.col("person_id"),
            measurement_date=pl.lit(f"{LAST}-03-01").str.to_date(),
            measurement_concept_id=0,
            measurement_source_value=pl.lit("2243-4"),
            value_as_number=20.0,
            unit_source_value=pl.lit("pg/mL"),
        )
        results.write_parquet(folder / "measurement" / f"part-{part}.parquet")


@pytest.fixture(params=[0, 30], ids=["dates as they are", "dates moved"])
def settings(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("TRABECULA_KEY", "many parts, one key: of thirty-two bytes or more")
    monkeypatch.delenv("TRABECULA_KEY_FILE", raising=False)
    write(tmp_path / "drop", range(EARLIEST, EARLIEST + PEOPLE))
    home = Settings(tmp_path / "home", "omop", str(tmp_path / "drop"), memory_gb=0.5, threads=1, persons_per_bucket=10)
    return replace(home, date_shift_days=request.param)


def land(settings: Settings) -> None:
    with Run(settings, run_id="r") as run:
        run.land()


def test_no_year_of_birth_tells_an_age_over_89_whichever_file_it_stands_in(settings, monkeypatch):
    asked = []
    collect = landing.collect_years
    monkeypatch.setattr(landing, "collect_years", lambda *given: (asked.append(1), collect(*given)))
    land(settings)
    born = Store(settings).scan("raw.omop_person").collect()["year_of_birth"].to_list()
    assert len(Store(settings).files("raw.omop_person")) > PARTS
    assert sorted(born) == sorted(max(year, LAST - 90) for year in range(EARLIEST, EARLIEST + PEOPLE))
    assert asked == [1]


def test_everybody_new_is_on_record_in_one_file_a_part(settings):
    land(settings)
    log = ChangeLog(settings)
    people = Store(settings).scan("raw.omop_person").select("person_id").collect()
    assert log.since(0).equals(people.sort("person_id"))
    assert len(list(log.folder.glob("*.parquet"))) == 2 * PARTS


def test_who_changes_or_leaves_in_a_later_delivery_is_on_record_alone(settings):
    land(settings)
    before = ChangeLog(settings).latest()
    path = Path(settings.folder) / "measurement" / "part-1.parquet"
    results = pl.read_parquet(path).filter(pl.col("person_id") != 39)  # the last row: the others keep their numbers
    results.with_columns(
        value_as_number=pl.when(pl.col("person_id") == 22).then(31.0).otherwise("value_as_number")
    ).write_parquet(path)
    land(settings)
    assert ChangeLog(settings).since(before).height == 2


def seen_again(settings: Settings, person: int, day: str) -> None:
    """Another delivery, in which somebody of the second part has their result on another day."""
    path = Path(settings.folder) / "measurement" / "part-1.parquet"
    results = pl.read_parquet(path)
    moved = pl.when(pl.col("person_id") == person).then(pl.lit(day).str.to_date()).otherwise("measurement_date")
    results.with_columns(measurement_date=moved).write_parquet(path)


def born(settings: Settings) -> pl.DataFrame:
    return Store(settings).scan("raw.omop_person").sort("person_id").select("person_id", "year_of_birth").collect()


def test_people_are_landed_again_only_where_a_year_of_birth_is_raised_or_would_be(settings):
    land(settings)
    before, entries = born(settings), {entry.name: entry for entry in ledger.entries(settings)}
    raised = [entry.rows_top_coded for name, entry in sorted(entries.items()) if name.startswith("person")]
    assert len(raised) == PARTS and raised[0] == LAST - 90 - EARLIEST and not any(raised[1:])
    seen_again(settings, 25, f"{LAST - 1}-07-01")
    with Run(settings, run_id="r") as run:
        assert run.land().landed.written == 2, "the results, and the part in which years were raised"
    assert born(settings).equals(before)
    with Run(settings, run_id="r") as run:
        assert run.land().landed.written == 0


def test_who_is_seen_later_has_their_year_raised_and_put_back_when_that_was_an_error(settings, monkeypatch):
    land(settings)
    before = born(settings)
    eldest_of_part = PEOPLE // PARTS  # born 1935: 91 in 2026
    seen_again(settings, eldest_of_part, "2026-01-05")

    def breaks(*given: object) -> None:
        raise RuntimeError("killed here")

    with monkeypatch.context() as patch:
        patch.setattr(landing, "collect_years", breaks)
        with pytest.raises(RuntimeError, match="killed here"):
            land(settings)
    land(settings)
    moved = born(settings).filter(pl.col("year_of_birth") != before["year_of_birth"])
    assert moved["year_of_birth"].to_list() == [2026 - 90]
    fresh = replace(settings, home=settings.home.with_name("fresh"))
    land(fresh)
    assert born(fresh).equals(born(settings))
    seen_again(settings, eldest_of_part, f"{LAST}-03-01")
    land(settings)
    assert born(settings).equals(before)


def test_a_damaged_file_of_people_is_written_anew_though_another_delivery_came(settings):
    land(settings)
    before = born(settings)
    damaged = next(path for path in Store(settings).files("raw.omop_person") if path.stem.endswith("2"))
    damaged.write_bytes(b"nothing of the sort")
    seen_again(settings, 25, f"{LAST - 1}-07-01")
    land(settings)
    assert born(settings).equals(before)
