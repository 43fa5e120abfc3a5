"""The frozen benchmark of `trabecula simulate` is held to its limits; `docs/benchmarks/simulate.py` makes it anew."""

import json

import pytest

GIB = 1024


@pytest.fixture
def runs(root):
    found = json.loads((root / "docs" / "benchmarks" / "simulate.json").read_text())
    return {run["persons"]: run for run in found}


def test_a_million_people_are_as_many_rows_as_a_population_has(runs):
    rows = runs[1_000_000]["rows"]
    assert rows["measurement"] >= 50_000_000
    assert rows["drug_exposure"] >= 15_000_000
    assert rows["device_exposure"] >= 2_000_000, "visits to a densitometer; each is several rows of measurement"


def test_memory_stays_within_four_gibibytes_whatever_the_number(runs):
    assert max(run["peak_memory_mib"] for run in runs.values()) <= 4 * GIB
    # Ten thousand are two batches, too few to fill the workers.
    assert runs[1_000_000]["peak_memory_mib"] <= 1.1 * runs[100_000]["peak_memory_mib"]


def test_a_person_costs_no_more_in_a_large_population(runs):
    """Start-up is in the small one, so its cost a person is higher."""
    assert runs[1_000_000]["seconds_per_thousand"] <= 1.05 * runs[10_000]["seconds_per_thousand"]
    cost = {persons: run["cpu_seconds"] / persons for persons, run in runs.items()}
    assert cost[1_000_000] <= 1.05 * cost[100_000] <= 1.1 * cost[10_000]
    (parameters,) = {run["parameters_sha256"] for run in runs.values()}
    assert len(parameters) == 64
