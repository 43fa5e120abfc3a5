"""`trabecula simulate` as a user calls it: what it writes, what it refuses, and the real mechanism behind it."""

import hashlib
import json
from pathlib import Path

import polars as pl
import pytest

from pipelines.synth.mechanism.simulate import simulate
from pipelines.synth.omop.simulate import Request, write_population
from pipelines.synth.parameters import load_parameters

DENSITY = {"measurement": 50, "drug_exposure": 15, "densitometry": 2}
"""Rows a person that a million people must have: 50M, 15M and 2M."""


def digests(folder: Path) -> dict[str, str]:
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_processes_and_batches_change_no_byte(tmp_path):
    parameters = load_parameters()
    for name, batch, processes in (("one", 400, 1), ("two", 130, 2)):
        request = Request(
            tmp_path / name, 700, 5, batch_persons=batch, processes=processes, block_persons=400, kind="parquet"
        )
        write_population(request, parameters, simulate)
    assert digests(tmp_path / "one") == digests(tmp_path / "two")


def test_command_writes_a_folder_and_says_so(call, tmp_path):
    out = tmp_path / "simulated"
    result = call(
        "simulate",
        "--persons",
        "60",
        "--seed",
        "3",
        "--out",
        out,
        "--truth-persons",
        "0",
        "--mess",
        "light",
        "--file-persons",
        "40",
    )
    assert result.returncode == 0, result.stderr
    assert len(list((out / "omop" / "person").iterdir())) == 2
    assert "60 person" in result.stdout
    assert str(out / "omop") in result.stdout
    assert "60 of 60 persons" in result.stderr
    told = json.loads((out / "truth.json").read_text())
    assert (told["persons"], told["seed"], told["mess"], told["truth"]) == (60, 3, "light", {})
    source = pl.read_parquet(out / "omop" / "cdm_source" / "*.parquet")
    assert source["cdm_source_name"].item() == "Trabecula simulator"
    assert source["cdm_version"].item() == "5.4"


def test_everything_wrong_is_said_at_once(call, tmp_path):
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "thesis.doc").write_text("years of work")
    arguments = ("--persons", "0", "--mess", "awful", "--format", "xlsx", "--truth", tmp_path / "absent.toml")
    result = call("simulate", "--out", foreign, *arguments, "--truth-persons", "-1", "--processes", "-2")
    assert result.returncode == 2
    for words in (
        "--persons",
        "none, light, real, heavy",
        "parquet, csv",
        "absent.toml",
        "--truth-persons",
        "--processes",
    ):
        assert words in result.stderr
    assert "name an empty or new folder" in result.stderr
    assert "Traceback" not in result.stderr
    assert [path.name for path in foreign.iterdir()] == ["thesis.doc"]


def test_invalid_truth_is_refused_before_anything_is_written(call, tmp_path):
    truth = tmp_path / "mine.toml"
    truth.write_text("[people]\nno_such_thing = 3\n")
    result = call("simulate", "--persons", "10", "--out", tmp_path / "out", "--truth", truth)
    assert result.returncode == 2
    assert "mine.toml, line 2" in result.stderr
    assert not (tmp_path / "out").exists()


def test_a_file_in_the_place_of_the_folder_is_refused(call, tmp_path):
    (tmp_path / "out").write_text("")
    result = call("simulate", "--persons", "10", "--out", tmp_path / "out")
    assert result.returncode == 2
    assert "name a folder" in result.stderr


def test_help_has_an_example(call):
    assert "trabecula simulate --persons 10000 --seed 1 --out simulated" in call("simulate", "--help").stdout


def test_density_is_that_of_a_health_system(tmp_path):
    persons = 2_000
    told = write_population(Request(tmp_path / "dense", persons, 8), load_parameters(), simulate)
    rows = told["rows"] | {
        "densitometry": pl.scan_parquet(tmp_path / "dense" / "omop" / "measurement" / "*.parquet")
        .filter(pl.col("measurement_source_value").str.starts_with("DXA|"))
        .select(pl.len())
        .collect()
        .item()
    }
    assert {name: rows[name] / persons >= least for name, least in DENSITY.items()} == dict.fromkeys(DENSITY, True)


@pytest.mark.slow
def test_memory_does_not_grow_with_the_population(call, tmp_path):
    """Peak memory of a worker at 40,000 persons is that at 10,000, within a fifth."""
    import subprocess
    import sys

    peaks = {}
    for persons in (10_000, 40_000):
        program = (
            "import resource; from pathlib import Path\n"
            "from pipelines.synth.mechanism.simulate import simulate\n"
            "from pipelines.synth.omop.simulate import Request, write_population\n"
            "from pipelines.synth.parameters import load_parameters\n"
            f"write_population(Request(Path({str(tmp_path / str(persons))!r}), {persons}, 1), load_parameters(), simulate)\n"
            "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)\n"
        )
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        peaks[persons] = int(done.stdout.split()[-1])
    assert peaks[40_000] < 1.2 * peaks[10_000]
    assert peaks[40_000] < 2 * 1024**2  # kB: two workers stay below 4 GiB
