"""A simulated OMOP folder by the command line: run, everything marked as simulated, the night after, another key, doctor."""

import runpy
import subprocess
from collections.abc import Callable
from pathlib import Path

import duckdb
import polars as pl
import pytest

from pipelines.export_files import PERSONAL
from pipelines.tables.telling import TELLINGS

Call = Callable[..., subprocess.CompletedProcess[str]]
StateSeen = Callable[[Path], tuple[str, str]]
planted = runpy.run_path(str(Path(__file__).with_name("planted_omop.py")))
SECRET, VALUE, TEXT = planted["SECRET"], planted["VALUE"], planted["TEXT"]
RARE = planted["RARE"]


@pytest.fixture(scope="module")
def run(omop_base: Path) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """The home of a run on 80 simulated people, landed with a secret key, and what was said."""
    return omop_base / "home", planted["said"](omop_base)


@pytest.fixture
def home(run: tuple[Path, subprocess.CompletedProcess[str]], monkeypatch: pytest.MonkeyPatch) -> Path:
    """That home, its key set."""
    assert run[1].returncode == 0, run[1].stderr[-600:]
    monkeypatch.delenv("TRABECULA_KEY_FILE", raising=False)
    monkeypatch.setenv("TRABECULA_KEY", SECRET)
    return run[0]


def test_it_ends_with_a_verdict_and_says_what_is_known(run: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    _, result = run
    assert result.returncode == 0, result.stderr[-600:]
    assert result.stdout.startswith("done: build ")
    assert "note: OMOP CDM 5.4" in result.stderr
    assert "warning" not in result.stderr


def test_what_is_published_is_whole_and_simulated(home: Path) -> None:
    page = (home / "report" / "index.html").read_text()
    assert "SIMULATED" in page
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as warehouse:
        tables = warehouse.execute(
            "select distinct table_schema || '.' || table_name from information_schema.columns "
            "where column_name = 'evidence_source'"
        ).fetchall()
        assert tables
        for (table,) in tables:
            found = warehouse.execute(f"select distinct evidence_source from {table}").fetchall()
            assert found in ([], [("simulated",)]), table
        assert warehouse.execute("select count(*) > 50, count(distinct source_id) from staging.person").fetchall() == [
            (True, 1)
        ]
        assert warehouse.execute("select count_if(not is_balanced) from staging.conservation").fetchall() == [(0,)]
        for table in ("lab_result", "dxa_scan", "drug_exposure", "condition"):
            assert warehouse.execute(f"select count(*) > 0 from staging.{table}").fetchall() == [(True,)], table
        # Nobody failed for rows that this source cannot have.
        assert warehouse.execute("select count(*) from staging.survey_design").fetchall() == [(0,)]
        wrong = (
            "select check_id from mart.quality_result where severity = 'critical' "
            "and status not in ('pass', 'not_applicable')"
        )
        assert warehouse.execute(wrong).fetchall() == []
        asked = "select distinct status from mart.quality_result where table_name = 'staging.survey_design'"
        statuses = {status for (status,) in warehouse.execute(asked).fetchall()}
        assert "not_applicable" in statuses and statuses <= {"pass", "not_applicable"}


def test_doses_and_thresholds_are_asked_and_too_few_people_answer_nothing(home: Path) -> None:
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as warehouse:
        asked = warehouse.sql("from mart.threshold").pl()
        doses = warehouse.sql("from mart.effect_estimate where study_id = 'ai_dose_response'").pl()
        lines = warehouse.sql("from mart.effect_estimate where study_id = 'e2_threshold'").pl()
        assert warehouse.execute("select count(*) from mart.dose_response").fetchall() == [(0,)]
    assert sorted(asked.group_by("population", "analysis").len()["len"]) == [2] * 6
    assert asked["answer"].unique().to_list() == ["not_answerable"]
    assert (doses.height, lines.height) == (7, 6)
    for found, told in ((asked, "place_pg_ml"), (doses, "estimate"), (lines, "estimate")):
        assert found["gate_status"].unique().to_list() == ["closed"]
        assert found[told].is_null().all()
    assert "Is there a threshold?" in (home / "report" / "study-e2_threshold.html").read_text()


def test_the_key_is_nowhere_in_the_home(home: Path) -> None:
    for path in home.rglob("*"):
        if path.is_file() and not path.is_symlink():
            assert SECRET.encode() not in path.read_bytes(), path


# The same is asked of a survey in test_command_line.
@pytest.mark.slow
def test_the_night_after_computes_nothing(home: Path, call: Call) -> None:
    """But for what moved since the publication before: the first night had none to be held against."""

    def written() -> dict[Path, int]:
        files = (home / "data").rglob("*.parquet")
        return {
            path: path.stat().st_mtime_ns
            for path in files
            if "_evidence" not in str(path) and "evidence_" not in str(path)
        }

    before = written()
    result = call("nightly", "--home", home)
    assert result.returncode == 0, result.stderr[-2000:]
    assert "landed 0 files" in result.stderr
    assert written() == before


def test_the_doctor_knows_source_key_and_drops(home: Path, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    # Before a night that is refused, which the doctor would tell, too.
    well = call("doctor", "--home", home)
    assert well.returncode == 0, well.stdout
    assert "omop, simulated data" in well.stdout
    assert "a secret one is set" in well.stdout
    monkeypatch.setenv("TRABECULA_KEY", "another-key-of-more-than-16-bytes")
    ill = call("doctor", "--home", home)
    assert ill.returncode == 1
    assert "remedy: " in ill.stdout and "set the key it was landed with" in " ".join(ill.stdout.split())


def test_another_key_and_another_source_are_refused(
    home: Path, call: Call, state_seen: StateSeen, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = state_seen(home)
    for value in ("another-key-of-more-than-16-bytes", None):
        monkeypatch.setenv("TRABECULA_KEY", value) if value else monkeypatch.delenv("TRABECULA_KEY")
        refused = call("nightly", "--home", home)
        assert refused.returncode == 2
        assert "set the key it was landed with, or use a new --home" in refused.stderr
        assert SECRET not in refused.stderr
    assert state_seen(home) == before


def test_no_value_of_a_person_leaves_the_tables_of_people(
    home: Path, run: tuple[Path, subprocess.CompletedProcess[str]]
) -> None:
    """Planted values are in the raw table, and in no report, database table of populations, log, count or run history.

    Nor is anything that looks like an identifier, or that three people alone have: not even its name.
    """
    found, looked_at = planted["search"](home, run[1].stdout + run[1].stderr)
    assert {"builds", "dagster", "data", "landing", "state", "said"} <= looked_at
    assert found == []


def test_no_planted_value_and_no_person_leaves_by_an_export(home: Path, tmp_path: Path) -> None:
    """Every format is searched for what was planted, and for the id of every person: dose eras alone, which stay, have ids."""
    assert planted["exported"](home, tmp_path) == set(PERSONAL) == {"dose-eras"}


def test_no_row_of_three_people_leaves_by_a_query_of_ones_own(home: Path, call: Call, tmp_path: Path) -> None:
    """The planted people are three among eighty: asked by what they have, they are not there, and no total tells them."""
    query, out = tmp_path / "query.sql", tmp_path / "rows.csv"
    query.write_text("select drug_source_value, count(*) as n from raw.omop_drug_exposure group by drug_source_value")
    result = call("release", query, "--home", home, "--out", out)
    assert result.returncode == 0, result.stderr
    rows = pl.read_csv(out)
    assert rows.height >= 3 and (rows["n_people"] % 11 == 0).all() and (rows["n_people"] > 0).all()
    query.write_text(
        "select count(*) as n from raw.omop_drug_exposure where drug_source_value = "
        f"'{RARE['drug_exposure', 'drug_source_value']}'"
    )
    refused = call("release", query, "--home", home)
    assert refused.returncode == 2 and "fewer than 11 people" in refused.stderr
    left = out.read_text() + result.stdout + result.stderr + refused.stdout + refused.stderr
    assert "qz" not in left.lower()


def test_every_count_that_may_leave_is_a_multiple_of_the_threshold(home: Path) -> None:
    with duckdb.connect(str((home / "release.duckdb").resolve()), read_only=True) as release:
        counts = {
            (table, name): release.sql(f"from {table}").pl()[name].drop_nulls()
            for table, telling in TELLINGS.items()
            for name in telling.people
            if table != "mart.quality_result"
        }
    assert sum(values.len() for values in counts.values()) > 100
    assert {where for where, values in counts.items() if (values % 11 != 0).any()} == set()
