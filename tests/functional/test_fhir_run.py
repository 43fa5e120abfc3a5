"""A FHIR bulk export from NDJSON to staging: every line is accounted for, comparators and components are kept."""

import json

import polars as pl
import pytest

from pipelines import plan
from pipelines.run import Run
from pipelines.settings import Settings
from pipelines.warehouse.store import Store

LOINC, RXNORM = "http://loinc.org", "http://www.nlm.nih.gov/research/umls/rxnorm"
LETROZOLE = {"medicationCodeableConcept": {"text": "letrozole 2.5 mg tablet"}}
WANTED = ("staging.lab_result", "staging.observation", "staging.drug_exposure", "staging.condition")
ACCOUNT = ("staging.conservation", "staging.quarantine")


def resource(kind, number, person, **more):
    return {"resourceType": kind, "id": f"{kind}{number}", "subject": {"reference": f"Patient/{person}"}, **more}


def observation(number, code, category, **more):
    given = {
        "status": "final",
        "category": [{"coding": [{"code": category}]}],
        "code": {"coding": [{"system": LOINC, "code": code}]},
        "effectiveDateTime": f"2020-01-{number:02d}",
    }
    return resource("Observation", number, "a", **given | more)


def mercury(value):
    return {"value": value, "unit": "mmHg", "code": "mm[Hg]"}


PATIENTS = [
    {"resourceType": "Patient", "id": name, "gender": sex, "birthDate": f"{year}-05-06"}
    for name, sex, year in (("a", "female", 1950), ("b", "male", 1960))
]
OBSERVATIONS = [
    observation(
        1, "2243-4", "laboratory", valueQuantity={"value": 5, "comparator": "<", "unit": "pg/mL", "code": "pg/mL"}
    ),
    observation(2, "2243-4", "laboratory", valueQuantity={"value": 21.5, "unit": "pg/mL", "code": "pg/mL"}),
    observation(3, "2243-4", "laboratory", dataAbsentReason={"coding": [{"code": "not-performed"}]}),
    observation(
        4,
        "85354-9",
        "vital-signs",
        component=[
            {"code": {"coding": [{"system": LOINC, "code": "8480-6"}]}, "valueQuantity": mercury(131)},
            {"code": {"coding": [{"system": LOINC, "code": "8462-4"}]}, "valueQuantity": mercury(82)},
        ],
    ),
]
DRUGS = [
    resource(
        "MedicationRequest",
        1,
        "a",
        status="active",
        authoredOn="2020-02-01",
        dosageInstruction=[{"text": "1 tablet daily"}],
        **LETROZOLE,
    ),
    resource(
        "MedicationDispense",
        1,
        "a",
        status="completed",
        whenHandedOver="2020-02-03",
        quantity={"value": 30},
        daysSupply={"value": 30, "unit": "days"},
        **LETROZOLE,
    ),
    resource(
        "MedicationAdministration",
        1,
        "b",
        status="completed",
        effectiveDateTime="2020-02-05T08:00:00Z",
        dosage={"dose": {"value": 2.5, "unit": "mg"}},
        **LETROZOLE,
    ),
]
CONDITIONS = [
    resource(
        "Condition",
        1,
        "a",
        code={"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "C50.911"}]},
        recordedDate="2020-01-01",
    )
]
FILES = {"Patient": PATIENTS, "Observation": OBSERVATIONS, "Medication": DRUGS, "Condition": CONDITIONS}


@pytest.fixture(scope="module")
def staged(tmp_path_factory):
    base = tmp_path_factory.mktemp("fhir")
    folder = base / "drop"
    folder.mkdir()
    for name, resources in FILES.items():
        (folder / f"{name}.ndjson").write_text("".join(json.dumps(each) + "\n" for each in resources))
    with (folder / "Condition.ndjson").open("a") as file:
        file.write('{"resourceType": "Condition", "id": \n')
    (folder / "mapping.toml").write_text('[fhir]\ntime_zone = "Europe/Berlin"\nbirth_year = true\n')
    settings = Settings(base / "home", "flat", str(folder), memory_gb=1.0, threads=1)
    needed = {*WANTED, *ACCOUNT}.union(*(plan.upstream(table) for table in (*WANTED, *ACCOUNT)))
    with pytest.MonkeyPatch.context() as patch, Run(settings) as run:
        patch.setenv("TRABECULA_KEY", "a-key-for-tests-and-nothing-else")
        run.land()
        for step in plan.steps():
            if step.table in needed:
                run.step(step)
    return {table: Store(settings).scan(table).collect() for table in (*WANTED, *ACCOUNT)}


def test_results_keep_their_comparator(staged):
    found = staged["staging.lab_result"].sort("drawn_on").select("analyte_code", "operator", "value", "is_censored")
    assert found.rows() == [("estradiol", "<", 5.0, True), ("estradiol", "=", 21.5, False)]


def test_components_are_observations_of_their_own(staged):
    found = staged["staging.observation"].filter(pl.col("source_file").str.contains("component"))
    assert sorted(found.select("source_variable", "value", "source_row").rows()) == [
        ("8462-4", 82.0, 4),
        ("8480-6", 131.0, 4),
    ]


def test_orders_fills_and_administrations_are_told_apart(staged):
    found = staged["staging.drug_exposure"].sort("record_type")
    assert found["record_type"].to_list() == ["administered", "fill", "order"]
    assert found["ingredient"].unique().to_list() == ["letrozole"]
    order = found.row(2, named=True)
    assert (order["dose_mg_per_week"], order["dose_source"]) == (17.5, "sig")
    assert found.row(1, named=True)["quantity"] == 30


def test_every_line_is_accounted_for(staged):
    account = staged["staging.conservation"]
    assert account["is_balanced"].all()
    rows = dict(account.select("source_file", "rows_in").iter_rows())
    assert rows == {
        "Patient.ndjson": 2,
        "Observation.ndjson#lab": 3,
        "Observation.ndjson#observation": 1,
        "Observation.ndjson#observation.component1": 1,
        "Observation.ndjson#observation.component2": 1,
        "Medication.ndjson": 3,
        "Condition.ndjson": 2,
    }
    absent = account.filter(pl.col("source_file") == "Observation.ndjson#lab").row(0, named=True)
    assert (absent["rows_staged"], absent["rows_out_of_scope"]) == (2, 1), "a result that is absent holds no value"
    assert staged["staging.quarantine"].select("source_file", "source_row", "rule_code").rows() == [
        ("Condition.ndjson", 2, "not_json")
    ]
    assert staged["staging.condition"]["condition_code"].len() == 1
