"""The notebooks of docs/notebooks, run as they stand on two published homes: they end, say little, and say the same."""

import runpy
from pathlib import Path

import polars as pl
import pytest

NOTEBOOKS = Path(__file__).resolve().parents[2] / "docs" / "notebooks"
NAMES = ("first_hour", "duckdb_sql", "polars_frames")
HOMES = ("survey", "records")


@pytest.fixture
def home(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One of the two homes, named to the notebooks as a user would."""
    survey = request.param == "survey"
    folder = request.getfixturevalue("finished") if survey else request.getfixturevalue("omop_base") / "home"
    monkeypatch.setenv("TRABECULA_HOME", str(folder))
    return folder


def test_every_notebook_is_run_here_and_has_cells_and_words() -> None:
    assert sorted(path.stem for path in NOTEBOOKS.glob("*.py")) == sorted(NAMES)
    for name in NAMES:
        cells = ("\n" + (NOTEBOOKS / f"{name}.py").read_text()).split("\n# %%")[1:]
        words = [cell for cell in cells if cell.startswith(" [markdown]\n")]
        assert len(words) >= 4 and len(cells) - len(words) >= 4, name
        assert all(line.startswith("#") for cell in words for line in cell.splitlines()[1:] if line), name


@pytest.mark.parametrize("home", HOMES, indirect=True)
@pytest.mark.parametrize("name", NAMES)
def test_it_runs_from_end_to_end_and_says_little(
    name: str, home: Path, capsys: pytest.CaptureFixture[str], recwarn: pytest.WarningsRecorder
) -> None:
    runpy.run_path(str(NOTEBOOKS / f"{name}.py"))
    said = capsys.readouterr()
    assert said.err == ""
    assert 10 < len(said.out.splitlines()) < 200
    assert not [warning for warning in recwarn if "docs/notebooks" in str(warning.filename)]
    if name == "first_hour":
        assert (home / "current").resolve().name in said.out
        assert "simulated" in said.out


@pytest.mark.parametrize("home", HOMES, indirect=True)
def test_no_notebook_tells_a_small_cell(home: Path) -> None:
    found = runpy.run_path(str(NOTEBOOKS / "polars_frames.py"))
    frames = [found[name] for name in ("by_age", "bounds")]
    assert any(isinstance(frame, pl.DataFrame) and frame.height for frame in frames)
    assert all((frame["people"] >= 11).all() for frame in frames)


def test_sql_and_polars_say_the_same_of_bone_by_age(
    finished: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The last table of the SQL notebook holds the numbers of the Polars one, in the same order."""
    monkeypatch.setenv("TRABECULA_HOME", str(finished))
    frame = runpy.run_path(str(NOTEBOOKS / "polars_frames.py"))["by_age"]
    capsys.readouterr()
    runpy.run_path(str(NOTEBOOKS / "duckdb_sql.py"))
    lines = [line.split("│") for line in capsys.readouterr().out.splitlines() if line.startswith("│ ")]
    rows = [[cell.strip() for cell in line[1:-1]] for line in lines[-frame.height :]]
    assert [(sex, int(age), int(n), float(mean)) for sex, age, n, mean in rows] == frame.rows()
