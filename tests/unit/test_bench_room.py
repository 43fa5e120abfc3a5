"""A measurement that was stopped goes on: what ended stands, what was under way is made anew, another question is refused."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from assets.cli import app
from pipelines import bench
from pipelines.bench import LAND, SCAN, Stage, measure
from pipelines.bench_room import Room, room
from pipelines.errors import BadInput
from pipelines.run import Run
from pipelines.settings import load
from pipelines.warehouse.step import Step
from pipelines.warehouse.store import Store

ASKED = {"persons": 40, "seed": 1}
STOPPED_AT = "staging.person"


class Stopped(Exception):
    """The machine went down."""


def measured(folder: Path, told: list[str]) -> bench.Measurement:
    return measure(40, source="nhanes", layer="staging", kept=folder, tell=lambda stage: told.append(stage.name))


def test_it_goes_on_where_it_was_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, first, second = tmp_path / "room", list[str](), list[str]()
    step, clear, cleared = Run.step, bench._forget, []

    def stopping(run, wanted, *more):
        found = step(run, wanted, *more)
        if wanted.table == STOPPED_AT:
            raise Stopped
        return found

    monkeypatch.setattr(Run, "step", stopping)
    with pytest.raises(Stopped):
        measured(folder, first)
    monkeypatch.setattr(Run, "step", step)
    # The file is there, though its stage never ended: found current it would cost nothing.
    assert Store(load(folder / "home")).files(STOPPED_AT)
    before = json.loads((folder / "measured.json").read_text())
    assert before["begun"] == STOPPED_AT and first == list(before["ended"])

    monkeypatch.setattr(bench, "_forget", lambda settings, table: cleared.append(table) or clear(settings, table))
    monkeypatch.setattr(bench, "_generated", lambda *given: pytest.fail("generated twice"))
    monkeypatch.setattr(Run, "land", lambda run: pytest.fail("landed twice"))
    found = measured(folder, second)
    assert cleared == [STOPPED_AT] and second[0] == STOPPED_AT
    assert [stage.name for stage in found.stages] == [SCAN, LAND, *bench.tables_of("staging")]
    kept = {stage.name: stage for stage in found.stages}
    assert all(kept[name] == Stage(**told) for name, told in before["ended"].items())
    assert found.persons == 40 and found.rows > 40
    monkeypatch.setattr(Run, "step", lambda *given: pytest.fail("computed twice"))
    assert measured(folder, []) == found


def test_a_stage_whose_code_is_another_is_measured_anew_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, told, cleared, clear = tmp_path / "room", list[str](), list[str](), bench._forget
    before = measured(folder, [])
    version = Step.code_version
    monkeypatch.setattr(Step, "code_version", lambda self: version(self) + "x" * (self.table == STOPPED_AT))
    monkeypatch.setattr(bench, "_forget", lambda settings, table: cleared.append(table) or clear(settings, table))
    after = measured(folder, told)
    assert told == cleared == [STOPPED_AT]
    changed = [old.name for old, new in zip(before.stages, after.stages, strict=True) if old != new]
    assert changed == [STOPPED_AT]
    monkeypatch.setattr(bench, "_landing_code", lambda: "other")
    told.clear()
    measured(folder, told)
    assert told == [SCAN, LAND, *bench.tables_of("staging")]


def test_a_landing_that_was_stopped_begins_in_an_empty_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, land, homes = tmp_path / "room", Run.land, []

    def stopping(run):
        land(run)
        raise Stopped

    monkeypatch.setattr(Run, "land", stopping)
    with pytest.raises(Stopped):
        measured(folder, [])

    def looking(run):
        homes.append(list((folder / "home" / "data").rglob("*.parquet")))
        raise Stopped

    monkeypatch.setattr(Run, "land", looking)
    with pytest.raises(Stopped):
        measured(folder, [])
    assert homes == [[]]


def test_a_load_that_was_half_written_is_written_anew(tmp_path: Path) -> None:
    place = Room(tmp_path, ASKED)

    def failing(empty: Path) -> Path:
        (empty / "half").write_text("")
        raise Stopped

    with pytest.raises(Stopped):
        place.load(failing)

    def whole(empty: Path) -> Path:
        assert not list(empty.iterdir())
        (empty / "cdm").mkdir()
        return empty / "cdm"

    assert place.load(whole) == tmp_path / "load" / "cdm"
    assert place.load(failing) == tmp_path / "load" / "cdm"


def test_another_question_or_a_folder_of_other_things_is_refused(tmp_path: Path) -> None:
    with room(tmp_path / "room", ASKED) as place:
        place.begin(SCAN)
    with room(tmp_path / "room", ASKED) as place:
        assert place.begun == SCAN
    with (
        pytest.raises(BadInput, match=r"another measurement was begun here \(seed differ"),
        room(tmp_path / "room", ASKED | {"seed": 2}),
    ):
        pass
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.txt").write_text("")
    with pytest.raises(BadInput, match="is not empty"), room(tmp_path / "other", ASKED):
        pass
    assert (tmp_path / "other" / "thesis.txt").exists()


def test_a_room_is_for_one_size(tmp_path: Path) -> None:
    refused = CliRunner().invoke(app, ["bench", "--persons", "9", "--persons", "10", "--room", str(tmp_path / "room")])
    assert isinstance(refused.exception, BadInput) and "one size" in str(refused.exception)
