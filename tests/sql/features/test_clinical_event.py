"""Clinical events: which records count, how sure they are, and which begin a new event. Codes are those of the real lists."""

import pytest

TABLE = "features.clinical_event"
HEADER = (
    "person_id | record_number | condition_code | vocabulary_code | record_type | is_present | is_history | setting_code"
    " | is_primary | source_variable | recorded_on"
)


def diagnosis(
    day: str, code: str, *, setting="inpatient", primary="true", history="false", vocabulary="icd10cm", present="true"
) -> str:
    kind = "coded_diagnosis"
    return f"1 | 1 | {code} | {vocabulary} | {kind} | {present} | {history} | {setting} | {primary} | x | {day}"


@pytest.fixture
def events(run_sql):
    """The events of one person by phenotype: (day, certainty, new event), in order of the days."""

    def run(*conditions: str, **others: str) -> dict[str, list[tuple[str, str, bool]]]:
        inputs = {"staging.condition": "\n".join((HEADER, *conditions))} if conditions else {}
        found: dict[str, list[tuple[str, str, bool]]] = {}
        for row in run_sql(TABLE, inputs | {name.replace("__", "."): text for name, text in others.items()}):
            told = (str(row["event_on"]), row["certainty_code"], row["is_new_event"])
            found.setdefault(row["phenotype_code"], []).append(told)
        return found

    return run


def test_hip_fracture_in_hospital_is_a_hip_and_a_major_and_any_fracture(events):
    found = events(diagnosis("2020-03-01", "S72.001A"))
    event = [("2020-03-01", "definite", True)]
    assert found == dict.fromkeys(("hip_fracture", "major_osteoporotic_fracture", "any_fracture"), event)


@pytest.mark.parametrize(
    ("code", "vocabulary", "phenotype"),
    [
        ("S72.141B", "icd10cm", "hip_fracture"),
        ("S72.21XC", "icd10cm", "hip_fracture"),
        ("820.21", "icd9cm", "hip_fracture"),
        ("359817006", "snomed", "hip_fracture"),
        ("S22.000A", "icd10cm", "vertebral_fracture"),
        ("S32.010A", "icd10cm", "vertebral_fracture"),
        ("M80.08XA", "icd10cm", "vertebral_fracture"),
        ("M80.88XA", "icd10cm", "vertebral_fracture"),
        ("M48.54XA", "icd10cm", "vertebral_fracture"),
        ("733.13", "icd9cm", "vertebral_fracture"),
        ("S52.501A", "icd10cm", "forearm_fracture"),
        ("S52.601A", "icd10cm", "forearm_fracture"),
        ("S42.201A", "icd10cm", "humerus_fracture"),
        ("S72.301A", "icd10cm", "other_fracture"),
        ("S32.10XA", "icd10cm", "other_fracture"),
        ("M80.051A", "icd10cm", "other_fracture"),
    ],
)
def test_sites(events, code, vocabulary, phenotype):
    found = events(diagnosis("2020-03-01", code, vocabulary=vocabulary))
    sites = {name for name in found if name.endswith("_fracture") and name not in ("any_fracture",)}
    major = {"major_osteoporotic_fracture"} if phenotype != "other_fracture" else set()
    assert sites == {phenotype} | major
    assert found["any_fracture"] == [("2020-03-01", "definite", True)]


@pytest.mark.parametrize("code", ["S02.0XXA", "S62.001A", "S92.901A", "S72", "M84.58XA", "V43.52XA"])
def test_face_hand_foot_bare_chapters_and_other_kinds_are_no_fracture(events, code):
    found = events(diagnosis("2020-03-01", code))
    assert [event for event in found.get("any_fracture", []) if event[2]] == []


@pytest.mark.parametrize(
    ("day_of_other", "code", "counts"),
    [
        ("2020-03-01", "V43.52XA", False),
        ("2020-03-01", "M84.551A", False),
        ("2020-03-01", "M84.751A", False),
        ("2020-03-01", "M97.01XA", False),
        ("2020-03-02", "V43.52XA", True),
        ("2020-03-01", "W18.30XA", True),
        ("2020-03-01", "V00.811A", True),
    ],
)
def test_excluding_records_count_on_the_same_day_only(events, day_of_other, code, counts):
    found = events(diagnosis("2020-03-01", "S72.001A"), diagnosis(day_of_other, code, primary="false"))
    assert ("hip_fracture" in found) is counts


@pytest.mark.parametrize(
    ("code", "setting", "certainty"),
    [
        ("S72.001A", "outpatient", "elsewhere"),
        ("S72.001A", "emergency", "elsewhere"),
        ("S72.001A", "unknown", "possible"),
        ("S72.001D", "inpatient", "history"),
        ("S72.001S", "inpatient", "history"),
        ("S72.00", "inpatient", "possible"),
        ("S72.001D", "outpatient", "history"),
    ],
)
def test_what_a_record_is_worth(events, code, setting, certainty):
    assert events(diagnosis("2020-03-01", code, setting=setting))["hip_fracture"] == [("2020-03-01", certainty, False)]


@pytest.mark.parametrize(
    ("setting", "primary", "certainty"),
    [
        ("inpatient", "true", "definite"),
        ("inpatient", "false", "elsewhere"),
        ("inpatient", "", "possible"),
        ("unknown", "true", "possible"),
        ("outpatient", "", "elsewhere"),
    ],
)
def test_heart_failure_is_first_listed_in_hospital(events, setting, primary, certainty):
    found = events(diagnosis("2020-03-01", "I50.9", setting=setting, primary=primary))
    assert found["heart_failure"] == [("2020-03-01", certainty, certainty == "definite")]
    assert found["charlson_heart_failure"] == [("2020-03-01", "definite", True)]


def test_the_longest_code_decides(events):
    """I21.A1 is taken out of I21; I25.2 and I22 speak of an infarction before."""
    assert "myocardial_infarction" not in events(diagnosis("2020-03-01", "I21.A1"))
    assert events(diagnosis("2020-03-01", "I21.A9"))["myocardial_infarction"] == [("2020-03-01", "definite", True)]
    assert events(diagnosis("2020-03-01", "I25.2"))["myocardial_infarction"] == [("2020-03-01", "history", False)]
    assert "vertebral_fracture" in events(diagnosis("2020-03-01", "S22.000A"))
    assert "other_fracture" not in events(diagnosis("2020-03-01", "S22.000A"))


def test_ambiguous_absent_and_told_records_do_not_count(events):
    told = diagnosis("2020-03-01", "I21.9").replace("coded_diagnosis", "self_report")
    absent = diagnosis("2020-03-01", "I21.9", present="false")
    assert events(told, absent, diagnosis("2020-03-01", "I21.9", vocabulary="ambiguous")) == {}


def test_a_record_of_the_past_is_history(events):
    assert events(diagnosis("2020-03-01", "I63.9", history="true"))["ischaemic_stroke"][0][1] == "history"


def test_a_gap_of_180_days_makes_a_new_hip_fracture(events):
    """1 January and 180 days is 30 June in 2021. The gap counts from the last record."""
    found = events(diagnosis("2021-01-01", "S72.001A"), diagnosis("2021-06-30", "S72.001A"))["hip_fracture"]
    assert [new for _, _, new in found] == [True, True]
    found = events(diagnosis("2021-01-01", "S72.001A"), diagnosis("2021-06-29", "S72.001A"))["hip_fracture"]
    assert [new for _, _, new in found] == [True, False]
    found = events(
        diagnosis("2021-01-01", "S72.001A"),
        diagnosis("2021-04-01", "S72.001D", setting="outpatient"),
        diagnosis("2021-06-30", "S72.001A"),
    )["hip_fracture"]
    assert [new for _, _, new in found] == [True, False, False]


def test_a_forearm_needs_90_days(events):
    found = events(diagnosis("2021-01-01", "S52.501A"), diagnosis("2021-04-01", "S52.501A"))["forearm_fracture"]
    assert [new for _, _, new in found] == [True, True]
    found = events(diagnosis("2021-01-01", "S52.501A"), diagnosis("2021-03-31", "S52.501A"))["forearm_fracture"]
    assert [new for _, _, new in found] == [True, False]


def test_an_episode_opened_elsewhere_counts_from_its_first_definite_record(events):
    found = events(diagnosis("2021-01-01", "S72.001A", setting="emergency"), diagnosis("2021-01-02", "S72.001A"))[
        "hip_fracture"
    ]
    assert found == [("2021-01-01", "elsewhere", False), ("2021-01-02", "definite", True)]


def test_an_episode_opened_by_aftercare_is_no_new_event(events):
    found = events(diagnosis("2021-01-01", "S72.001D"), diagnosis("2021-02-01", "S72.001A"))["hip_fracture"]
    assert [new for _, _, new in found] == [False, False]


def test_sites_have_episodes_of_their_own_within_major_fractures(events):
    found = events(diagnosis("2021-01-01", "S72.001A"), diagnosis("2021-01-11", "S52.501A"))
    assert [new for _, _, new in found["major_osteoporotic_fracture"]] == [True, True]


def test_what_is_chronic_begins_once(events):
    found = events(diagnosis("2015-01-01", "E11.9"), diagnosis("2021-01-11", "E11.9"))["diabetes"]
    assert [new for _, _, new in found] == [True, False]


def test_deaths_by_cause(events):
    death = "person_id | died_on | cause_code | source_file\n1 | 2021-05-01 | {} | d"
    found = events(staging__death=death.format("I21.9"))
    event = [("2021-05-01", "definite", True)]
    assert found == dict.fromkeys(("death", "cardiovascular_death", "major_cardiovascular_event"), event)
    assert set(events(staging__death=death.format("C50.9"))) == {"death"}
    assert set(events(staging__death=death.format("I82.9"))) == {"death"}


def test_a_death_without_a_cause_may_be_cardiovascular(run_sql):
    rows = run_sql(TABLE, {"staging.death": "person_id | died_on | source_file\n1 | 2021-05-01 | d"})
    found = {row["phenotype_code"]: row for row in rows}
    assert (found["death"]["certainty_code"], found["death"]["is_new_event"]) == ("definite", True)
    row = found["cardiovascular_death"]
    assert (row["certainty_code"], row["is_new_event"], row["is_possible_event"]) == ("possible", False, True)
    assert row["n_records"] == 1


def test_drugs_and_procedures(events):
    drugs = (
        "person_id | record_number | ingredient | drug_name | record_type | status_code | started_on\n"
        "1 | 1 | palbociclib | x | fill | completed | 2021-05-01\n1 | 1 | fulvestrant | x | fill | returned | 2021-06-01"
    )
    surgery = "person_id | record_number | source_code | procedure_code | performed_on\n1 | 1 | 1 | breast_surgery | 2020-01-05"
    found = events(staging__drug_exposure=drugs, staging__procedure=surgery)
    event = [("2021-05-01", "definite", True)]
    assert found.pop("breast_surgery") == [("2020-01-05", "definite", True)]
    assert found == dict.fromkeys(("metastatic_drug", "metastatic_disease"), event)


def test_one_row_a_day_with_the_best_record(run_sql):
    rows = run_sql(
        TABLE,
        {
            "staging.condition": "\n".join((
                HEADER,
                diagnosis("2021-01-01", "I26.99", setting="outpatient"),
                diagnosis("2021-01-01", "I82.409", setting="emergency"),
                diagnosis("2021-01-31", "I82.409", setting="outpatient"),
            ))
        },
    )  # fmt: skip
    first, second = (row for row in rows if row["phenotype_code"] == "venous_thromboembolism")
    assert (first["certainty_code"], first["n_records"], first["days_since_previous"]) == ("definite", 2, None)
    assert (second["certainty_code"], second["n_records"], second["days_since_previous"]) == ("elsewhere", 1, 30)
