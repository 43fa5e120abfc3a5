"""The de-identification guard: every rule finds its fakes in several languages, and leaves plain clinical data alone."""

import datetime as dt
from pathlib import Path

import polars as pl
import pytest

from pipelines.errors import BadInput
from pipelines.sources.delivery import Drop, ParquetRows, Part
from pipelines.sources.guard import require_deidentified, suspicions
from pipelines.sources.guard_rules import SAYS, USUAL, VALUES

IDS = [f"K{n:05d}" for n in range(8)]
ONE_IS_ENOUGH = {
    "email": ["erika.m@example.org", "write to j_doe+x@mail.example.co.uk please"],
    "phone": [
        "(555) 234-5678", "555-234-5678", "+1 555 234 5678", "+49 30 1234567", "+44 20 7946 0958", "+34 612 34 56 78",
        "030/1234567", "(030) 1234567", "06 12 34 56 78", "06.12.34.56.78", "020 7946 0958", "+4915112345678",
    ],
    "ssn": ["123-45-6789", "ssn given 078-05-1120"],
    "number": ["MRN 00123456", "mrn:A1234567", "Pat.-Nr. 8812345", "Medical record no. 998877", "NHS number 9434765919"],
    "birth": ["DOB 03/14/1951", "geb. am 14.03.1951", "geboren 14. März 1951", "born 1951-03-14", "née le 14/03/1951"],
    "age": ["a 93 year old", "94-year-old", "91 y/o", "97 jahre alt", "92 años de edad", "95 ans"],
    "address": [
        "12 Main Street", "1015 Hintz Terrace Unit 79", "455 Labadie Underpass Suite 69", "433 Mertz Crossroad",
        "221b Baker Street, London", "Hauptstraße 12", "Lindenweg 3a", "Calle Mayor 12", "12 rue de la Paix",
        "Avenida de América, 23", "Springfield, MA 02139", "PO Box 1234", "Postfach 1234", "SW1A 1AA", "K1A 0B1",
    ],
    "url": ["https://example.org/p/1", "see www.example.org"],
    "ip": ["192.168.10.44", "2001:0db8:0000:0000:0000:ff00:0042:8329"],
    "prose": [
        "Pt is a woman who was seen today in clinic. She denies pain but reports that her daughter noticed that she had "
        "been limping since last week. She was advised to rest, and lives with her husband in a house with stairs. He "
        "states that she had been well before, was never admitted and has been walking daily, today without a stick too."
    ],
}  # fmt: skip
A_COLUMN_OF = {
    "name": [
        ["Mary Johnson", "Peter Schmidt", "José García", "Anna Müller"],
        ["JOHNSON, MARY", "SCHMIDT, PETER", "GARCIA, JOSE", "MUELLER, ANNA"],
        ["DOE^JANE^A", "ROE^RICHARD", "POE^EDGAR^ALLAN", "LOW^KIM"],
        ["Mrs. Dingsbums", "Herr Dingsda", "Frau Soundso", "Dr. Irgendwer"],
        ["mary", "peter", "josé", "giulia"],
    ],
    "phone": [["612 345 678", "655 123 987", "699 888 777", "611 222 333"], ["5552345678", "4152345678", "2122345678"]],
    "ssn": [["12345678Z", "87654321X", "11223344B"], ["AB 12 34 56 C", "CE123456D", "JK 99 88 77 A"]],
    "person_id": [IDS],
}
CLINICAL = {
    "value_text": ["<5", "12.3", "ND", ">4300", "1:80", "positive", "2.1 (H)", "120/80"],
    "unit_text": ["pg/mL", "nmol/L", "mg/dL", "10*3/uL", "%", "U/L", "ng/mL", "[IU]/L"],
    "name_text": [
        "Estradiol [Mass/volume] in Serum or Plasma", "25-Hydroxyvitamin D3", "Hemoglobin A1c", "Calcium", "Creatinine",
        "C-telopeptide", "Free T4", "Rose Bengal",
    ],
    "code": ["2243-4", "14715-7", "83096-8", "1989-3", "M81.0", "C50.911", "0093-1052-01", "860975"],
    "drug_text": [
        "anastrozole 1 MG Oral Tablet", "24 HR metformin 500 MG Extended Release Tablet [Glucophage]",
        "omeprazole 20 MG DR Cap", "Estradiol 0.05 MG/DAY patch", "letrozole 2.5mg tab", "vit D3 1000 UNT",
        "zoledronic acid 4 MG per 100 ML Injection", "0.1 ML semaglutide",
    ],
    "sig_text": [
        "Take 1 tablet by mouth every day", "1 tab po qd", "half a tab MWF", "use 2 times a week", "1 daily x 5 yr",
        "apply 1 patch twice weekly", "inject 0.25 mL (50 mg) IM weekly", "take 1-2 tabs as needed for hot flashes",
    ],
    "specimen_id": [f"S-2013-{n:07d}" for n in range(8)],
    "device_id": ["Hologic Discovery W 8.1.0.3", "192.0", "GE 14.10.022", "Lunar iDXA", "QDR 4500", "A-1", "B-2", "C"],
    "drawn_text": [f"2019-03-{n + 1:02d} 08:15:00+01:00" for n in range(8)],
    "zone_text": ["EU", "US", "", "UTC+1", "none", "n/a", "00:00", "-05:00"],
}  # fmt: skip


def part_of(folder: Path, columns: dict[str, object], table: str = "raw.flat_lab", exempt: dict | None = None) -> Part:
    path = folder / "delivered.parquet"
    pl.DataFrame({"id": IDS, **columns}).write_parquet(path)
    names = {name: name.lower() for name in columns}
    return Part(table, "delivered.parquet", "0", ParquetRows(path), names, {}, "id", Drop("d"), exempt=exempt or {})


def rules_of(part: Part) -> set[tuple[str, str]]:
    return {(found.column, found.rule) for found in suspicions(part)}


def eight(values: list[str]) -> list[str | None]:
    return (values * 8)[:8]


@pytest.mark.parametrize(("rule", "value"), [(rule, v) for rule, values in ONE_IS_ENOUGH.items() for v in values])
def test_one_value_among_others_is_enough(rule, value, tmp_path):
    part = part_of(tmp_path, {**CLINICAL, "answer_text": ["yes", "no", None, value, "", "7", "no", "yes"]})
    assert ("answer_text", rule) in rules_of(part)
    assert {column for column, _ in rules_of(part)} == {"answer_text"}


@pytest.mark.parametrize(("rule", "values"), [(rule, v) for rule, lists in A_COLUMN_OF.items() for v in lists])
def test_a_column_of_such_values_is_found(rule, values, tmp_path):
    assert (("answer_text", rule)) in rules_of(part_of(tmp_path, {**CLINICAL, "answer_text": eight(values)}))


def test_every_rule_of_values_is_tried():
    assert set(VALUES) <= set(ONE_IS_ENOUGH)
    assert set(USUAL) <= set(A_COLUMN_OF)
    assert set(VALUES) | set(USUAL) | {"person_id", "prose", "contact"} == set(SAYS)


def test_clinical_data_pass(tmp_path):
    numbers = {
        "value": [1.5 * n for n in range(8)],
        "on": [dt.date(2020, 1, 1)] * 8,
        "n": [2_125_551_234 + n for n in range(8)],
    }
    assert rules_of(part_of(tmp_path, {**CLINICAL, **numbers})) == set()


@pytest.mark.parametrize(
    ("column", "values", "rule"),
    [
        ("PatientName", ["x"], "name"),
        ("first_name", ["x"], "name"),
        ("Nachname", ["x"], "name"),
        ("apellidos", ["x"], "name"),
        ("MRN", ["7"], "number"),
        ("social security number", ["7"], "number"),
        ("Passport_No", ["7"], "number"),
        ("e-mail", ["x"], "contact"),
        ("Home Phone", ["7"], "contact"),
        ("ZIP", ["02139"], "address"),
        ("postcode", ["x"], "address"),
        ("PLZ", ["10115"], "address"),
        ("lat", ["52.5"], "address"),
        ("Clinical_Notes", ["was seen in clinic"], "prose"),
        ("Bemerkung", ["bitte noch einmal anrufen"], "prose"),
        ("DOB", ["1951-03-14"], "birth"),
        ("BirthDate", ["19510314"], "birth"),
        ("Geburtsdatum", ["14.03.1951"], "birth"),
        ("fecha_nacimiento", ["14/03/1951"], "birth"),
    ],
)
def test_names_of_columns_tell(column, values, rule, tmp_path):
    assert {rule} == {rule for _, rule in rules_of(part_of(tmp_path, {column: eight(values)}))}


@pytest.mark.parametrize("column", ["PatientName", "MRN", "ZIP", "DOB", "notes"])
def test_an_empty_column_of_any_name_passes(column, tmp_path):
    assert rules_of(part_of(tmp_path, {column: [None, "", " "] + [None] * 5})) == set()


@pytest.mark.parametrize(("oldest", "stops"), [(89, False), (90, True), (121, True)])
@pytest.mark.parametrize("kind", [int, float, str])
def test_ages_over_89_stop(oldest, stops, kind, tmp_path):
    part = part_of(tmp_path, {"Age": [kind(n) for n in [40, 50, 60, 70, 80, 85, 88, oldest]]})
    assert ({("Age", "age")} if stops else set()) == rules_of(part)


def test_a_year_of_birth_is_no_date_of_birth(tmp_path):
    assert rules_of(part_of(tmp_path, {"birth_date": [1950 + n for n in range(8)]}, "raw.flat_person")) == set()


def test_unknown_days_beside_a_person_are_taken_for_births(tmp_path):
    days = [f"{1940 + n}-05-0{n + 1}" for n in range(8)]
    assert rules_of(part_of(tmp_path, {"c17": days}, "raw.flat_person")) == {("c17", "birth")}
    assert rules_of(part_of(tmp_path, {"c17": days})) == set()
    assert rules_of(part_of(tmp_path, {"age_on": days}, "raw.flat_person")) == set()


def test_directions_may_be_long_but_hold_no_address(tmp_path):
    exempt = {"sig_text": frozenset({"prose"})}
    long = "she was told that he had been advised to take it today " * 6
    assert rules_of(part_of(tmp_path, {"sig_text": eight([long])}, exempt=exempt)) == set()
    found = rules_of(part_of(tmp_path, {"sig_text": eight(["1 daily", "call 555-234-5678"])}, exempt=exempt))
    assert found == {("sig_text", "phone")}


def test_the_last_of_many_rows_is_seen(tmp_path):
    n = 600_000
    for repeats in (True, False):
        values = ["7" if repeats else f"s-{i}" for i in range(n - 1)] + ["078-05-1120"]
        path = tmp_path / "big.parquet"
        pl.DataFrame({"id": range(n), "c": values}).write_parquet(path)
        part = Part("raw.flat_lab", "big.parquet", "0", ParquetRows(path), {"c": "c"}, {}, "id", Drop("d"))
        assert rules_of(part) == {("c", "ssn")}


def test_a_file_without_people_is_not_asked(tmp_path):
    path = tmp_path / "care_site.parquet"
    pl.DataFrame({"address": ["12 Main Street"]}).write_parquet(path)
    rows = ParquetRows(path)
    require_deidentified([Part("raw.omop_care_site", "c", "0", rows, {"address": "address"}, {}, None, Drop("d"))])


def test_everything_is_said_at_once_and_no_value_repeated(tmp_path):
    part = part_of(
        tmp_path,
        {"first_name": eight(["Zebulon"]), "x": eight(["078-05-1120"]), "078-05-1120": eight(["zeb@example.org"])},
    )
    with pytest.raises(BadInput) as refused:
        require_deidentified([part])
    said = refused.value.problems
    assert len(said) == 3
    assert any("column first_name looks like names of people: remove the column" in line for line in said)
    assert any("column x looks like social security numbers" in line for line in said)
    assert any("column number 3 looks like e-mail addresses" in line for line in said)
    assert all("nothing was written" in line for line in said)
    assert not any(value in line for line in said for value in ("Zebulon", "078", "zeb@"))
