"""The negative controls the simulator plants are accepted ones, under codes and names by which the pipeline knows them."""

import csv

import polars as pl
import pytest

from pipelines.settings import sql_root
from pipelines.synth.mechanism import codes
from pipelines.synth.mechanism.simulate import simulate
from pipelines.synth.omop.concepts import analyte_units, analytes, conditions
from pipelines.synth.parameters import load_parameters

SOURCE_VALUE = dict(conditions().select("event", "source_value").iter_rows())


def listed(name: str) -> list[dict[str, str]]:
    with (sql_root() / "ref" / f"{name}.csv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def accepted(*kinds: str) -> set[str]:
    return {
        row["subject_code"]
        for row in listed("negative_control")
        if row["verdict_code"] == "accepted" and row["kind_code"] in kinds
    }


def phenotypes_of(code: str) -> dict[str, str]:
    """Phenotype to role of the longest ICD-10-CM code listed for it that the record's code begins with."""
    found: dict[str, tuple[str, str]] = {}
    for row in listed("phenotype_code"):
        if row["record_code"] == "diagnosis" and row["vocabulary_code"] == "icd10cm" and code.startswith(row["code"]):
            found[row["phenotype_code"]] = max(
                found.get(row["phenotype_code"], ("", "")), (row["code"], row["role_code"])
            )
    return {name: role for name, (_, role) in found.items()}


def test_enough_controls_are_planted_and_each_is_accepted():
    events = {f"nc_{name}" for name in codes.NEGATIVE_CONTROLS}
    assert events <= accepted("event")
    assert len(events) == len(codes.NEGATIVE_CONTROLS) >= 36
    values = set(codes.CONTINUOUS_NEGATIVE_CONTROLS)
    assert values <= accepted("lab", "observation")
    assert len(values) >= 12


@pytest.mark.parametrize("name", codes.NEGATIVE_CONTROLS)
def test_the_code_of_a_planted_control_is_that_of_its_phenotype_alone(name):
    found = {phenotype: role for phenotype, role in phenotypes_of(SOURCE_VALUE[name]).items() if "nc_" in phenotype}
    assert found == {f"nc_{name}": "event"}


@pytest.mark.parametrize("name", [name for name in codes.CONTINUOUS_NEGATIVE_CONTROLS if name in codes.ANALYTES])
def test_the_code_of_a_planted_measurement_is_that_of_its_analyte(name):
    known = {(row["vocabulary_code"], row["code"]): row["analyte_code"] for row in listed("analyte_code")}
    units = analyte_units().filter(pl.col("analyte") == name)
    (printed,) = analytes().filter(pl.col("analyte") == name)["printed_name"]
    factors = {row["ucum_code"] for row in listed("unit_factor") if row["analyte_code"] == name}
    assert {known["loinc", code] for code in units["code"]} == {name}
    assert known.get(("name", printed.lower()), name) == name
    assert set(units["unit"]) <= factors
    assert not [key for key in load_parameters().entries if key.startswith(f"laboratory.{name}_")], "no drug acts on it"


def test_all_of_them_occur_among_simulated_people():
    lives = simulate(load_parameters(), 1, 1, 3000)
    assert set(codes.NEGATIVE_CONTROLS) <= set(lives.events["event"].unique())
    assert set(codes.CONTINUOUS_NEGATIVE_CONTROLS) & set(codes.ANALYTES) <= set(lives.draws["analyte"].unique())
    assert set(codes.CONTINUOUS_NEGATIVE_CONTROLS) & set(codes.OBSERVATIONS) <= set(
        lives.observations["observation"].unique()
    )
