"""Phases add their stages up, and exponents are those of the powers that made the seconds."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from assets.cli import app
from pipelines import plan
from pipelines.bench import AGAIN, JUDGE, LAND, PUBLISH, SCAN, Measurement, Stage, phases
from pipelines.bench_growth import curve, draw, read
from pipelines.errors import BadInput


def stage(name: str, seconds: float, mib: float = 100.0) -> Stage:
    return Stage(name, seconds, 2 * seconds, seconds / 10, mib)


def measured(persons: int, seconds: dict[str, float]) -> Measurement:
    stages = (stage(SCAN, persons / 1e4), *(stage(name, each) for name, each in seconds.items()))
    return Measurement(persons, 50 * persons, 1000, {}, {}, 100.0, {}, phases(stages), stages)


def test_every_stage_of_a_run_belongs_to_one_phase_and_only_the_scan_and_the_second_run_to_none() -> None:
    names = [SCAN, LAND, *(step.table for step in plan.steps()), AGAIN, JUDGE, PUBLISH]
    found = {phase.name: phase for phase in phases(stage(name, 1.0) for name in names)}
    assert list(found) == [
        "ingest",
        "validate",
        "features",
        "cohorts",
        "propensity and balance",
        "outcome models",
        "publish and report",
        "total",
    ]
    assert found["total"].wall_seconds == len(names) - 2
    assert found["propensity and balance"].wall_seconds == 5
    assert found["ingest"].cpu_seconds == 2 * sum(
        name == LAND or name.startswith(("ref.", "staging.")) for name in names
    )


def test_memory_of_a_phase_is_that_of_its_hungriest_stage() -> None:
    found = phases([stage(SCAN, 1, 900), stage(LAND, 1, 300), stage("staging.person", 1, 500), stage(AGAIN, 1, 900)])
    assert {phase.name: phase.peak_memory_mib for phase in found} == {"ingest": 500, "total": 500}


def test_exponents_are_those_of_the_seconds() -> None:
    sizes = (1_000, 10_000, 100_000)
    found = curve(
        [
            measured(n, {LAND: n / 1e3, "features.bmd_change": (n / 1e3) ** 1.2, "cohort.event": 3.0})
            for n in reversed(sizes)
        ]
    )
    assert [one.persons for one in found.measurements] == list(sizes)
    grown = {each.name: each for each in found.growth}
    assert grown["ingest"].exponent == pytest.approx(1.0, abs=1e-3)
    assert grown["features"].exponent == pytest.approx(1.2, abs=1e-3)
    assert grown["features.bmd_change"].exponent_at_the_end == pytest.approx(1.2, abs=1e-3)
    assert "cohorts" not in grown, "a phase of next to no time has no exponent"
    assert grown["total"].share == 1


def test_growth_of_one_size_is_refused() -> None:
    one = measured(10, {LAND: 1.0})
    with pytest.raises(BadInput, match="two sizes"):
        curve([one, one])


def test_the_picture_and_the_file_hold_every_phase(tmp_path: Path) -> None:
    found = curve([measured(n, {LAND: n / 1e3, PUBLISH: 4.0}) for n in (1_000, 4_000)])
    draw(found, tmp_path / "growth.png")
    assert (tmp_path / "growth.png").stat().st_size > 5_000
    told = json.loads(found.as_json())
    assert [one["persons"] for one in told["measurements"]] == [1_000, 4_000]
    assert {"ingest", "publish and report", "total"} <= {each["name"] for each in told["growth"]}


def test_a_stage_that_was_not_there_at_a_smaller_size_has_no_exponent() -> None:
    small, large = measured(1_000, {LAND: 1.0}), measured(4_000, {LAND: 4.0, "features.bmd_change": 4.0})
    assert "features" not in {each.name for each in curve([replace(small), large]).growth}


@pytest.mark.parametrize("asked", [["--persons", "9", "--persons", "9"], ["--persons", "9", "--plot", "growth.png"]])
def test_what_has_no_growth_is_refused_before_anything_is_measured(
    asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipelines.bench.measure", lambda *given, **named: pytest.fail("measured"))
    refused = CliRunner().invoke(app, ["bench", *asked])
    assert isinstance(refused.exception, BadInput) and "different sizes" in str(refused.exception)


def test_sizes_measured_before_come_back_as_they_were(tmp_path: Path) -> None:
    sizes = [measured(n, {LAND: n / 1e3, "features.bmd_change": 1.0}) for n in (1_000, 4_000)]
    (tmp_path / "one.json").write_text(sizes[0].as_json())
    (tmp_path / "curve.json").write_text(curve(sizes).as_json())
    assert read(tmp_path / "one.json") == (sizes[0],)
    assert read(tmp_path / "curve.json") == tuple(sizes)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"measurements": [{"persons": 4}]}', '{"persons": "many"}'])
def test_a_file_that_holds_no_measurement_is_refused_by_name(tmp_path: Path, text: str) -> None:
    (tmp_path / "other.json").write_text(text)
    with pytest.raises(BadInput, match=r"other\.json: no measurement .* measure that size again"):
        read(tmp_path / "other.json")
    with pytest.raises(BadInput, match=r"missing\.json"):
        read(tmp_path / "missing.json")


def test_growth_is_fitted_over_sizes_measured_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "before.json").write_text(measured(1_000, {LAND: 1.0}).as_json())
    monkeypatch.setattr("pipelines.bench.measure", lambda n, **named: measured(n, {LAND: n / 1e3}))
    asked = ["bench", "--persons", "8000", "--beside", f"{tmp_path}/before.json", "--json", f"{tmp_path}/all.json"]
    done = CliRunner().invoke(app, asked)
    assert done.exit_code == 0, done.output
    assert "ingest                   grows with people to the power of 1.00" in done.output
    assert [one.persons for one in read(tmp_path / "all.json")] == [1_000, 8_000]
    again = CliRunner().invoke(app, [*asked[:2], "1000", *asked[3:]])
    assert isinstance(again.exception, BadInput) and "different sizes" in str(again.exception)
    folder = CliRunner().invoke(app, ["bench", "--input", str(tmp_path), *asked[3:]])
    assert isinstance(folder.exception, BadInput) and "nothing --beside it" in str(folder.exception)
