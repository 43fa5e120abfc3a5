"""Public OMOP data sets: every row their descriptions count is accounted for, and what cannot be used says why.

Eunomia GiBleed (Synthea, CDM 5.3.1): values of all measurements are empty, 2,649 observation periods have no person.
MIMIC-IV demo (Kallfelz 2021, PhysioNet, doi 10.13026/p1f5-7x35): 100 patients, dates in the 22nd century.
"""

from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from pipelines import plan
from pipelines.run import Run
from pipelines.settings import Settings
from pipelines.tables import CONTRACTS
from pipelines.warehouse.store import Store

Ask = Callable[[str], list[tuple]]
GIBLEED = {
    "person": 2_694, "observation_period": 5_343, "condition_occurrence": 65_332, "drug_exposure": 67_707,
    "measurement": 44_053, "procedure_occurrence": 37_409, "observation": 1_477, "visit_occurrence": 1_037,
    "concept": 442, "concept_ancestor": 65_690, "concept_relationship": 8, "cdm_source": 1,
    # Files that nobody reads count as out of scope as a whole.
    "condition_era": 65_719, "drug_era": 52_508, "concept_synonym": 1_064, "vocabulary": 125, "relationship": 480,
    "domain": 45,
}  # fmt: skip
MIMIC = {
    "person": 100, "observation_period": 100, "death": 15, "visit_occurrence": 852, "condition_occurrence": 16_441,
    "drug_exposure": 18_229, "procedure_occurrence": 18_447, "care_site": 31, "2b_concept": 3_885,
    "2b_concept_relationship": 7_716, "cdm_source": 1, "condition_era": 3_771, "drug_era": 7_931, "specimen": 150,
    "2b_vocabulary": 27,
}  # fmt: skip


def staged(folder: Path, home: Path) -> Ask:
    """Queries over a home in which the folder was landed and staged, and nothing else."""
    settings = Settings(home=home, source="omop", folder=str(folder), threads=1)
    with Run(settings) as run:
        run.land()
        for step in plan.steps():
            if step.table.startswith(("ref.", "staging.")):
                run.step(step)
    store, connection = Store(settings), duckdb.connect()
    for name in CONTRACTS:
        if store.files(name):
            store.create_view(connection, name)
    return lambda query: connection.execute(query).fetchall()


@pytest.fixture(scope="module")
def gibleed(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Ask:
    folder = shared_data / "omop_gibleed"
    if not folder.is_dir():
        pytest.skip(f"GiBleed not found at {folder}")
    return staged(folder, tmp_path_factory.mktemp("gibleed"))


@pytest.fixture(scope="module")
def mimic(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Ask:
    folder = shared_data / "omop_mimic4_demo"
    if not folder.is_dir():
        pytest.skip(f"MIMIC-IV demo not found at {folder}")
    return staged(folder, tmp_path_factory.mktemp("mimic"))


def rows_in(ask: Ask) -> dict[str, int]:
    return {file.split(".")[0]: rows for file, rows in ask("select source_file, rows_in from staging.conservation")}


def fates(ask: Ask, file: str) -> dict[tuple[str, str | None], int]:
    found = ask(
        "select disposition, reason, count(*) from staging.source_row where record_number = 1 and "
        f"starts_with(source_file, '{file}.') group by all"
    )
    return {(disposition, reason): n for disposition, reason, n in found}


def test_gibleed_has_the_rows_it_says(gibleed):
    assert rows_in(gibleed) == GIBLEED


def test_mimic_has_the_rows_it_says(mimic):
    assert rows_in(mimic) == MIMIC


@pytest.mark.parametrize("name", ["gibleed", "mimic"])
def test_every_file_balances(name, request):
    ask = request.getfixturevalue(name)
    assert ask("select source_file from staging.conservation where not is_balanced") == []
    # What must be staged is there, and what must not be is not.
    assert ask("select count(*) from staging.source_row where is_found <> (disposition = 'staged')") == [(0,)]


def test_gibleed_measurements_have_no_value(gibleed):
    """655 forearm T-scores have a date and nothing else; 826 rows are laboratory codes that are read; the rest are not."""
    assert fates(gibleed, "measurement") == {
        ("quarantined", "no_value"): 655,
        ("out_of_scope", "no_value"): 826,
        ("out_of_scope", "code_not_listed"): 42_572,
    }
    assert (
        gibleed("select count(*) from staging.dxa_scan") == gibleed("select count(*) from staging.lab_result") == [(0,)]
    )


def test_gibleed_periods_without_a_person_are_in_quarantine(gibleed):
    assert fates(gibleed, "observation_period") == {("staged", None): 2_694, ("quarantined", "person_unknown"): 2_649}
    listed = gibleed(
        "select count(*), count(distinct source_row), min(reason) from staging.quarantine where rule_code = "
        "'person_unknown'"
    )
    assert listed == [(2_649, 2_649, "No usable person row for this person: deliver the person table with it")]


@pytest.mark.parametrize("file", ["person", "condition_occurrence", "procedure_occurrence", "visit_occurrence"])
def test_gibleed_files_of_which_everything_is_staged(gibleed, file):
    assert fates(gibleed, file) == {("staged", None): GIBLEED[file]}


def test_gibleed_drugs(gibleed):
    """Aspirin and vaccines are not read here; ids that one person has twice with different rows are set aside."""
    found = fates(gibleed, "drug_exposure")
    assert sum(found.values()) == GIBLEED["drug_exposure"]
    assert set(found) == {
        ("staged", None), ("out_of_scope", "drug_not_listed"), ("quarantined", "conflicting_id"),
        ("quarantined", "before_birth"),
    }  # fmt: skip
    assert found["quarantined", "conflicting_id"] == 6
    assert gibleed("select count(*) from staging.drug_exposure where drug_class = 'aromatase_inhibitor'") == [(0,)]
    assert gibleed("select count(*) > 0 from staging.drug_exposure where ingredient = 'alendronate'") == [(True,)]


def test_gibleed_diagnoses_that_matter_are_found_by_their_codes(gibleed):
    """The description counts 171 people with osteoporosis (SNOMED 64859006) and 67 with a heart attack (22298006)."""
    query = (
        "select condition_code, count(distinct person_id) from staging.condition where vocabulary_code = 'snomed' and "
        "condition_code in ('64859006', '22298006') group by all order by all"
    )
    assert gibleed(query) == [("22298006", 67), ("64859006", 171)]


@pytest.mark.parametrize(
    "file",
    ["person", "observation_period", "death", "visit_occurrence", "condition_occurrence", "procedure_occurrence"],
)
def test_mimic_files_of_which_everything_is_staged(mimic, file):
    """Dates were shifted into the 22nd century: no record of these people is in the future."""
    assert fates(mimic, file) == {("staged", None): MIMIC[file]}


def test_mimic_drugs_without_a_vocabulary_wait_for_it(mimic):
    """Eleven-digit NDC codes: nobody can read them without the vocabulary tables, and the reason says so."""
    found = fates(mimic, "drug_exposure")
    assert found["quarantined", "drug_code_unknown"] == 15_252
    assert sum(found.values()) == MIMIC["drug_exposure"]
    ((reason,),) = mimic("select distinct reason from staging.quarantine where rule_code = 'drug_code_unknown'")
    assert "deliver the vocabulary tables" in reason
