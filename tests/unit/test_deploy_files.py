"""Units, container file and environment of deploy/: they name only what is there, and what they name is documented."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

import pytest
import yaml
from typer.main import get_command

from assets.cli import app
from assets.job import _INSTANCE

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
UNITS = sorted([*DEPLOY.glob("*.service"), *DEPLOY.glob("*.timer")])
SERVICES = [path for path in UNITS if path.suffix == ".service"]
PROGRAM = "/opt/trabecula/.venv/bin/"
# Read by the libraries below us, not by us.
# What a notice hands to its command.
GIVEN = {"TRABECULA_VERDICT"}
OF_LIBRARIES = {"DAGSTER_HOME", "OPENBLAS_NUM_THREADS", "PGPASSFILE"}


def unit(path: Path) -> ConfigParser:
    """A unit file, read as systemd reads those that name no key twice."""
    read = ConfigParser(interpolation=None, delimiters=("=",))
    read.optionxform = str  # type: ignore[assignment]
    read.read_string(path.read_text())
    return read


@pytest.mark.parametrize("path", SERVICES, ids=lambda path: path.name)
def test_a_service_starts_a_verb_that_exists_with_options_that_exist(path: Path) -> None:
    service = unit(path)["Service"]
    for line in [service[name] for name in ("ExecStart", "ExecStopPost") if name in service]:
        program, *arguments = shlex.split(line)
        assert program.startswith(PROGRAM)
        if Path(program).name != "trabecula":
            assert Path(sys.executable).with_name(Path(program).name).exists()
            continue
        verb, *options = arguments
        known = {name for each in get_command(app).commands[verb].params for name in each.opts}  # type: ignore[attr-defined]
        assert [option for option in options if option.startswith("-") and option not in known] == []


@pytest.mark.parametrize("path", SERVICES, ids=lambda path: path.name)
def test_a_service_writes_in_the_home_alone_and_gains_no_rights(path: Path) -> None:
    service = unit(path)["Service"]
    assert service["User"] == service["Group"] == "trabecula"
    assert service["EnvironmentFile"] == "/etc/trabecula/environment"
    assert (service["ProtectSystem"], service["ReadWritePaths"]) == ("strict", "/srv/trabecula")
    assert service["UMask"] == "0027" and service["NoNewPrivileges"] == service["PrivateTmp"] == "true"


def test_the_night_is_started_by_its_timer() -> None:
    timer = unit(DEPLOY / "trabecula.timer")["Timer"]
    assert timer["OnCalendar"] == "*-*-* 02:00:00" and timer["Persistent"] == "true"
    hours = int(unit(DEPLOY / "trabecula.service")["Service"]["TimeoutStartSec"].removesuffix("h"))
    from pipelines.settings import Settings

    assert hours > Settings(ROOT).most_hours, "the run ends itself first, and tells"


def test_a_night_that_was_killed_is_told_when_it_stops_and_after_the_machine_starts() -> None:
    tells = f"{PROGRAM}trabecula nightly --tell-ended"
    assert unit(DEPLOY / "trabecula.service")["Service"]["ExecStopPost"] == tells
    after_start = unit(DEPLOY / "trabecula-ended.service")
    assert after_start["Service"]["ExecStart"] == tells
    assert after_start["Install"]["WantedBy"] == "multi-user.target"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze")
def test_systemd_finds_nothing_to_say_against_the_units(tmp_path: Path) -> None:
    for path in UNITS:
        text = re.sub(rf"{PROGRAM}\S+", "/bin/true", path.read_text())
        (tmp_path / path.name).write_text(text)
    command = ["systemd-analyze", "verify", *(str(tmp_path / path.name) for path in UNITS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    (tmp_path / "wrong.service").write_text("[Service]\nExecStart=/bin/true\nNoSuchThing=1\n")
    wrong = subprocess.run(
        ["systemd-analyze", "verify", str(tmp_path / "wrong.service")], capture_output=True, text=True, check=False
    )
    assert "NoSuchThing" in wrong.stderr, "it would have said so"


def test_every_variable_is_documented_and_read() -> None:
    named = set(re.findall(r"^#?([A-Z_]+)=", (DEPLOY / "environment.example").read_text(), re.MULTILINE))
    read = {
        name
        for path in [
            *(ROOT / "pipelines").rglob("*.py"),
            *(ROOT / "assets").rglob("*.py"),
            DEPLOY / "dagster-postgres.yaml",
        ]
        for name in re.findall(r"\bTRABECULA_[A-Z_]+\b", path.read_text())
    }
    table = (ROOT / "docs" / "operations.md").read_text().partition("| environment variable |")[2].partition("\n\n")[0]
    documented = set(re.findall(r"`([A-Z_]+)`", table))
    of_secrets = {f"{name}_FILE" for name in ("TRABECULA_WEBHOOK", "TRABECULA_SMTP_LOGIN")}
    assert read - GIVEN <= documented <= read | of_secrets | OF_LIBRARIES
    assert named <= documented


def test_the_container_file_copies_what_is_there_and_all_that_a_run_reads() -> None:
    text = (DEPLOY / "Containerfile").read_text()
    copied = [name for line in re.findall(r"^COPY (.+)$", text, re.MULTILINE) for name in line.split()[:-1]]
    assert [name for name in copied if not (ROOT / name).exists()] == []
    assert {"pipelines", "expectations", "assets", "sql", "requirements.lock"} <= set(copied)
    assert re.search(r"^USER trabecula$", text, re.MULTILINE) and "--require-hashes" in text


def test_the_program_starts_from_what_the_container_file_copies(tmp_path: Path) -> None:
    text = (DEPLOY / "Containerfile").read_text()
    for line in re.findall(r"^COPY (.+)$", text, re.MULTILINE):
        for name in line.split()[:-1]:
            source = ROOT / name
            copy = shutil.copytree if source.is_dir() else shutil.copy
            copy(source, tmp_path / name)
    code = (
        "from pathlib import Path; import pipelines.settings as s; from pipelines import plan; "
        "from pipelines.warehouse.run_summary import lock_hash; "
        "assert s.project_root() == Path.cwd(), s.project_root(); [step.code_version() for step in plan.steps()]; "
        "print(len(plan.steps()), lock_hash())"
    )
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stdout.split()[0]) > 50


def test_the_postgresql_profile_differs_from_the_usual_one_in_storage_and_launcher_alone() -> None:
    usual, profile = yaml.safe_load(_INSTANCE), yaml.safe_load((DEPLOY / "dagster-postgres.yaml").read_text())
    assert {name: profile[name] for name in usual} == usual
    assert set(profile) - set(usual) == {"storage", "run_launcher"}
    assert profile["storage"]["postgres"]["postgres_url"] == {"env": "TRABECULA_PG_URL"}
    said = (DEPLOY / "dagster-postgres.yaml").read_text() + (DEPLOY / "environment.example").read_text()
    assert re.findall(r"postgresql[+a-z0-9]*://[^\s@]*:[^\s@]*@", said) == [], (
        "no password in a file that is copied about"
    )


def test_the_lock_of_spark_pins_what_the_extra_names() -> None:
    import tomllib

    extra = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]["spark"]
    pins = re.findall(r"^([a-z0-9-]+==[^ ]+) ", (DEPLOY / "spark.lock").read_text(), re.MULTILINE)
    assert sorted(pins) == sorted(extra)


def test_the_lock_of_the_profile_pins_what_the_extra_names() -> None:
    import tomllib

    extra = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]["postgres"]
    names = {re.split(r"[=<>]", each)[0] for each in extra}
    lock = (DEPLOY / "postgres.lock").read_text()
    assert set(re.findall(r"^([a-z0-9-]+)==", lock, re.MULTILINE)) == names
    dagster = re.search(r"^dagster==1\.(\d+)\.(\d+) ", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    library = re.search(r"^dagster-postgres==0\.(\d+)\.(\d+) ", lock, re.MULTILINE)
    assert dagster and library and (int(library[1]) - 16, library[2]) == (int(dagster[1]), dagster[2])
