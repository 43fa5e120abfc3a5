"""Lists of outcomes and controls: the documented ones are those of the lists, and what the protocol asks for is there."""

import csv

import pytest

from pipelines.settings import sql_root


def listed(name: str) -> list[dict[str, str]]:
    with (sql_root() / "ref" / f"{name}.csv").open(newline="") as lines:
        return list(csv.DictReader(lines))


def codes(phenotype: str, role: str = "event", vocabulary: str = "icd10cm") -> set[str]:
    return {
        row["code"]
        for row in listed("phenotype_code")
        if (row["phenotype_code"], row["role_code"], row["vocabulary_code"]) == (phenotype, role, vocabulary)
    }


@pytest.mark.parametrize(
    ("phenotype", "role", "expected"),
    [
        ("hip_fracture", "event", {"S72.0", "S72.1", "S72.2"}),
        ("vertebral_fracture", "event", {"S22.0", "S32.0", "M80.08", "M80.88", "M48.5"}),
        ("forearm_fracture", "event", {"S52.5", "S52.6"}),
        ("humerus_fracture", "event", {"S42.2"}),
        ("heart_failure", "event", {"I50", "I11.0", "I13.0", "I13.2"}),
        ("myocardial_infarction", "event", {"I21"}),
        ("myocardial_infarction", "excluded", {"I21.A1"}),
        ("ischaemic_stroke", "event", {"I63"}),
        ("venous_thromboembolism", "event", {"I26", "I80.1", "I80.2", "I82.4"}),
        ("bone_metastasis", "event", {"C79.5"}),
    ],
)
def test_codes_of_the_protocol(phenotype, role, expected):
    assert codes(phenotype, role) == expected


def test_every_phenotype_control_and_covariate_is_documented(root):
    page = (root / "docs" / "methods" / "outcomes.md").read_text()
    names = [row["phenotype_code"] for row in listed("phenotype") if row["family_code"] != "negative_control"]
    names += [row["control_code"] for row in listed("negative_control")]
    names += [row["covariate_code"] for row in listed("covariate")]
    assert [name for name in names if f"`{name}`" not in page] == []
    for row in listed("phenotype"):
        if row["family_code"] != "negative_control":
            assert row["ppv_source"] in page, row["phenotype_code"]


def test_controls_are_reviewed_and_no_accepted_one_is_an_outcome():
    controls = listed("negative_control")
    assert all(len(row["reason"]) > 10 and row["source"] for row in controls)
    accepted = [row for row in controls if row["verdict_code"] == "accepted"]
    assert sum(row["kind_code"] == "event" for row in accepted) >= 30
    assert sum(row["kind_code"] != "event" for row in accepted) >= 12
    mine = {code for row in accepted if row["kind_code"] == "event" for code in codes(row["subject_code"])}
    families = {"fracture", "cardiovascular", "metabolic", "bone", "gynaecological"}
    outcomes = [row["phenotype_code"] for row in listed("phenotype") if row["family_code"] in families]
    others = {code for name in outcomes for code in codes(name)}
    assert [(a, b) for a in mine for b in others if a.startswith(b) or b.startswith(a)] == []


def test_every_analyte_marked_as_a_control_is_an_accepted_one():
    marked = {row["analyte_code"] for row in listed("analyte") if row["negative_control"] == "yes"}
    accepted = {
        row["subject_code"]
        for row in listed("negative_control")
        if row["kind_code"] == "lab" and row["verdict_code"] == "accepted"
    }
    assert marked <= accepted
