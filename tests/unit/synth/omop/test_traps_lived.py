"""Every row of the project's list of data traps occurs in the records of simulated people, and is counted."""

import json

import pytest

from pipelines.synth.mechanism.simulate import simulate as live
from pipelines.synth.omop.mess import traps
from pipelines.synth.omop.simulate import Request, write_population
from pipelines.synth.parameters import load_parameters

DATA_TRAPS = range(1, 25)
#: too rare for six hundred people; the rows they belong to have other traps
RARE = {"fulvestrant_interference", "crp_interference", "weight_change"}


@pytest.fixture(scope="module")
def planted(tmp_path_factory) -> dict[str, int]:
    """Trap to its count in `truth.json`: six hundred people of the mechanism, records at the heaviest level."""
    out = tmp_path_factory.mktemp("lived") / "heavy"
    write_population(Request(out, persons=600, seed=5, level="heavy"), load_parameters(), live)
    told = json.loads((out / "truth.json").read_text())["planted"]
    return {code: trap["n"] for code, trap in told.items()}


def test_the_registry_covers_the_list_and_nothing_else():
    assert {trap.number for trap in traps().values()} == {0, *DATA_TRAPS}, "0 is dirt, which is not in the list"


def test_every_trap_has_a_count(planted):
    assert set(planted) == set(traps())


@pytest.mark.parametrize("number", DATA_TRAPS)
def test_every_row_of_the_list_is_planted(planted, number):
    assert sum(planted[code] for code, trap in traps().items() if trap.number == number) > 0


def test_every_trap_that_is_not_rare_occurs(planted):
    assert {code for code, n in planted.items() if n == 0} <= RARE
