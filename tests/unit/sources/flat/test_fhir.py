"""FHIR resources as canonical records: what is read of each type, what never is, and which lines are set aside."""

import datetime as dt
import json

import polars as pl
import pytest

from pipelines.errors import BadInput
from pipelines.sources.flat.delivery import open_delivery
from pipelines.sources.flat.fhir import open_resources
from pipelines.sources.flat.mapping import FhirFiles, Mapping

OPTIONS = FhirFiles(time_zone="America/New_York", birth_year=True)
LOINC, RXNORM = "http://loinc.org", "http://www.nlm.nih.gov/research/umls/rxnorm"
PATIENT = {
    "resourceType": "Patient",
    "id": "p1",
    "name": [{"family": "Secretname", "given": ["Ann"]}],
    "address": [{"line": ["1 Hidden Street"], "city": "Nowhere"}],
    "telecom": [{"value": "555-1234"}],
    "identifier": [{"value": "SSN-1"}],
    "gender": "female",
    "birthDate": "1950-03-05",
    "extension": [
        {
            "url": "http://hl7.org/fhir/us/core/StructureDefinition/us-core-race",
            "extension": [
                {"url": "ombCategory", "valueCoding": {"code": "x"}},
                {"url": "text", "valueString": "White"},
            ],
        },
        {"url": "http://other", "valueDecimal": 1.5},
    ],
}


def subject(person="p1"):
    return {"subject": {"reference": f"Patient/{person}", "display": "Secretname"}}


def observation(code, category="laboratory", **more):
    given = {
        "resourceType": "Observation",
        "id": "o1",
        "status": "final",
        "category": [{"coding": [{"code": category}]}],
        "code": {"coding": [{"system": "local", "code": "L1"}, {"system": LOINC, "code": code, "display": "said"}]},
        "effectiveDateTime": "2020-01-05T13:30:00Z",
    }
    return given | subject() | more


def records(tmp_path, kind, *resources, options=OPTIONS):
    path = tmp_path / "export.ndjson"
    path.write_text("".join((r if isinstance(r, str) else json.dumps(r)) + "\n" for r in resources), encoding="utf-8")
    file = open_resources(path, options)
    columns = ["native_id", "record_number", *pl.DataFrame(schema=file_schema(kind)).columns]
    batches = list(file.batches(kind, columns))
    return file, pl.concat([b.rows for b in batches]), pl.concat([b.rejects for b in batches])


def file_schema(kind):
    from pipelines.tables.raw_flat import FLAT_COLUMNS

    return dict.fromkeys(FLAT_COLUMNS[kind], pl.String)


def test_of_a_patient_sex_race_and_birth_year_are_read_and_nothing_else(tmp_path):
    _, found, _ = records(tmp_path, "person", PATIENT)
    assert found.select("native_id", "sex_text", "birth_year", "race_text").row(0) == ("p1", "female", 1950, "White")
    assert "Secretname" not in str(found.to_dicts())
    _, found, _ = records(tmp_path, "person", PATIENT, options=FhirFiles(time_zone="UTC"))
    assert found["birth_year"].to_list() == [None], "only where the mapping says so"


def test_a_death_is_a_record_of_its_own(tmp_path):
    dead = PATIENT | {"id": "p2", "deceasedDateTime": "2021-02-03T23:30:00-05:00"}
    said = PATIENT | {"id": "p3", "deceasedBoolean": True}
    file, found, _ = records(tmp_path, "death", PATIENT, dead, said)
    assert file.rows == {"person": 3, "death": 2}
    assert found.select("source_row", "native_id", "died_on").rows() == [
        (2, "p2", dt.date(2021, 2, 3)),
        (3, "p3", None),
    ]


def test_a_laboratory_result_keeps_comparator_unit_limits_and_wall_time(tmp_path):
    result = observation(
        "2243-4",
        valueQuantity={"value": 5.25, "comparator": "<", "unit": "pg per mL", "code": "pg/mL"},
        referenceRange=[{"low": {"value": 10}, "high": {"value": 40.5}}],
        method={"text": "LC-MS/MS"},
        specimen={"reference": "Specimen/s1"},
        performer=[{"reference": "Organization/lab1"}],
        issued="2020-01-06T09:00:00.123-05:00",
    )
    _, found, _ = records(tmp_path, "lab", result)
    row = found.row(0, named=True)
    expected = {
        "native_id": "p1",
        "record_id": "Observation/o1",
        "status_text": "final",
        "code": "2243-4",
        "code_system": "LOINC",
        "name_text": "said",
        "value_text": "<5.25",
        "unit_text": "pg/mL",
        "reference_low_text": "10",
        "reference_high_text": "40.5",
        "method_text": "LC-MS/MS",
        "lab_id": "Organization/lab1",
        "specimen_id": "Specimen/s1",
        "drawn_at": dt.datetime(2020, 1, 5, 8, 30),
        "drawn_on": dt.date(2020, 1, 5),
        "resulted_at": dt.datetime(2020, 1, 6, 9, 0, 0, 123_000),
    }
    assert {name: row[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"valueString": "not detected"}, "not detected"),
        ({"valueInteger": 7}, "7"),
        ({"valueBoolean": True}, "true"),
        ({"valueCodeableConcept": {"coding": [{"code": "c", "display": "Negative"}]}}, "Negative"),
        ({"dataAbsentReason": {"text": "unknown"}}, None),
    ],
)
def test_values_of_any_type_come_as_text(tmp_path, value, expected):
    _, found, _ = records(tmp_path, "lab", observation("2243-4", **value))
    assert found["value_text"].to_list() == [expected]


def test_observations_are_labs_scans_or_others_and_each_line_is_one_of_them(tmp_path):
    scan = observation(
        "24966-4", "imaging", valueQuantity={"value": 0.95, "unit": "g/cm2"}, device={"display": "Hologic 1"}
    )
    vital = observation("8480-6", "vital-signs", valueQuantity={"value": 120, "unit": "mm[Hg]"})
    file, found, _ = records(tmp_path, "dxa", observation("2243-4"), scan, vital, observation("2243-4"))
    assert file.rows == {"lab": 2, "dxa": 1, "observation": 1}
    row = found.row(0, named=True)
    assert (row["source_row"], row["site_text"], row["bmd_text"], row["device_id"]) == (
        2,
        "lumbar_spine",
        "0.95",
        "Hologic 1",
    )
    assert row["scanned_on"] == dt.date(2020, 1, 5)


def test_orders_and_fills_keep_sig_quantity_and_days(tmp_path):
    drug = {"medicationCodeableConcept": {"text": "letrozole 2.5 MG", "coding": [{"system": RXNORM, "code": "310489"}]}}
    order = {
        "resourceType": "MedicationRequest",
        "id": "m1",
        "status": "active",
        "authoredOn": "2020-01-05",
        "dosageInstruction": [{"text": "half a tab MWF", "route": {"text": "oral"}}, {"text": "for 4 weeks"}],
        "dispenseRequest": {
            "quantity": {"value": 30, "unit": "tablet"},
            "numberOfRepeatsAllowed": 2,
            "expectedSupplyDuration": {"value": 1, "unit": "month"},
        },
        "reasonCode": [{"coding": [{"code": "E29.1"}]}],
    }
    fill = {
        "resourceType": "MedicationDispense",
        "id": "d1",
        "status": "completed",
        "category": {"text": "one concept here, a list elsewhere"},
        "whenHandedOver": "2020-01-06T10:00:00Z",
        "daysSupply": {"value": 28, "code": "d"},
        "medicationReference": {"display": "Femara"},
    }
    _, found, _ = records(tmp_path, "prescription", order | drug | subject(), fill | subject())
    columns = ("record_type_text", "drug_text", "code", "sig_text", "quantity", "days_supply", "refills", "started_on")
    assert found.select(columns).rows() == [
        (
            "order",
            "letrozole 2.5 MG",
            "310489",
            "half a tab MWF; then for 4 weeks",
            30.0,
            None,
            2.0,
            dt.date(2020, 1, 5),
        ),
        ("fill", "Femara", None, None, None, 28.0, None, dt.date(2020, 1, 6)),
    ]
    assert found["indication_code"].to_list() == ["E29.1", None]


def test_conditions_procedures_and_encounters(tmp_path):
    code = {
        "code": {
            "coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "M81.0", "display": "Osteoporosis"}]
        }
    }
    condition = {
        "resourceType": "Condition",
        "id": "c1",
        "verificationStatus": {"coding": [{"code": "refuted"}]},
        "category": [{"coding": [{"code": "encounter-diagnosis"}]}],
        "onsetDateTime": "2020-01-05",
    }
    _, found, _ = records(tmp_path, "diagnosis", condition | code | {"subject": {"reference": "urn:uuid:p9"}})
    columns = ("native_id", "code", "code_system", "status_text", "recorded_on")
    assert found.select(columns).row(0) == ("p9", "M81.0", "ICD-10-CM", "refuted", dt.date(2020, 1, 5))
    procedure = {
        "resourceType": "Procedure",
        "id": "x",
        "status": "completed",
        "performedPeriod": {"start": "2020-01-05"},
    }
    _, found, _ = records(tmp_path, "procedure", procedure | code | subject())
    assert found.select("code", "performed_on").row(0) == ("M81.0", dt.date(2020, 1, 5))
    visit = {"resourceType": "Encounter", "id": "e", "class": {"code": "IMP"}, "period": {"start": "2020-01-05"}}
    _, found, _ = records(
        tmp_path, "visit", visit | {"subject": {"reference": "https://x.org/fhir/Patient/p1/_history/2"}}
    )
    assert found.select("native_id", "visit_type_text", "starts_on", "ends_on").row(0) == (
        "p1",
        "IMP",
        dt.date(2020, 1, 5),
        None,
    )


def test_lines_that_are_no_resources_and_cells_that_do_not_read_are_set_aside(tmp_path):
    good = observation("2243-4", valueString="5")
    partial = observation("2243-4", effectiveDateTime="2020-01")
    wrong_shape = observation("2243-4", valueQuantity="five")
    other = {"resourceType": "Organization", "id": "x", "name": "Clinic"}
    lines = ['{"resourceType": "Observation"', good, "[1, 2]", partial, wrong_shape, other, '{"id": "no type"}', good]
    file, found, rejects = records(tmp_path, "lab", *lines)
    assert found["source_row"].to_list() == [2, 8]
    assert rejects.select("source_row", "rule_code").rows() == [
        (1, "not_json"),
        (3, "not_json"),
        (4, "not_a_date"),
        (5, "not_a_resource"),
        (7, "not_a_resource"),
    ]
    assert file.rows == {"Organization": 1, "lab": 7}
    assert found.height + rejects.height == file.rows["lab"]


def test_a_reference_to_no_patient_gives_no_id(tmp_path):
    _, found, _ = records(tmp_path, "lab", observation("2243-4", subject={"reference": "Group/g1"}))
    assert found["native_id"].to_list() == [None]


def test_a_folder_of_resources_is_a_delivery(tmp_path):
    (tmp_path / "Patient.ndjson").write_text(json.dumps(PATIENT) + "\n")
    (tmp_path / "Observation.ndjson").write_text(json.dumps(observation("2243-4")) + "\n")
    (tmp_path / "Organization.ndjson").write_text('{"resourceType": "Organization", "name": "Clinic"}\n')
    delivery = open_delivery(tmp_path, Mapping(fhir=OPTIONS))
    assert [(p.source_file, p.table) for p in delivery.parts] == [
        ("Observation.ndjson", "raw.flat_lab"),
        ("Patient.ndjson", "raw.flat_person"),
    ]
    status = dict(delivery.manifest.select("source_file", "status_code").rows())
    assert status["Organization.ndjson#Organization"] == "out_of_scope"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b"not json\n", "none of its lines is a FHIR resource"),
        (b"PAR1xxxx", "not NDJSON but parquet"),
        (json.dumps(observation("1")).encode() + b'\n{"x": "\xfc"}\n', "line 2: not UTF-8"),
    ],
)
def test_files_of_no_resources_are_refused(tmp_path, content, message):
    path = tmp_path / "x.ndjson"
    path.write_bytes(content)
    with pytest.raises(BadInput, match=message):
        open_resources(path, OPTIONS)
