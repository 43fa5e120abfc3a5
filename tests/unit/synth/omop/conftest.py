"""Made-up lives, and the folders written from them once: messy and clean, the same people."""

import runpy
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.synth.omop.simulate import Request, write_population
from pipelines.synth.parameters import Parameters

PERSONS, SEED, BLOCK = 700, 11, 300
NO_PARAMETERS = Parameters({})


@pytest.fixture(scope="session")
def made_up_lives() -> Callable:
    """(parameters, seed, first person, count) to lives, without a mechanism."""
    return runpy.run_path(str(Path(__file__).with_name("made_up_lives.py")))["made_up_lives"]


@pytest.fixture(scope="session")
def simulate(made_up_lives) -> Callable:
    """Writes a folder of made-up people; takes the fields of `Request` that differ from the usual."""

    def write(out: Path, **changes) -> dict:
        usual = {"persons": PERSONS, "seed": SEED, "block_persons": BLOCK, "batch_persons": BLOCK, "level": "heavy"}
        return write_population(Request(out, **usual | changes), NO_PARAMETERS, made_up_lives)

    return write


@pytest.fixture(scope="session")
def messy(simulate, made_once) -> Path:
    """The folder at the heaviest level of mess."""
    return made_once("messy", lambda folder: simulate(folder / "out")) / "out"


@pytest.fixture(scope="session")
def clean(simulate, made_once) -> Path:
    """The same people at level none."""
    return made_once("clean", lambda folder: simulate(folder / "out", level="none")) / "out"
