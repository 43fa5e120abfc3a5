"""Episodes of symptoms on three bases that are kept apart, whether they are new, and estradiol before them."""

import pytest

TABLE = "features.symptom_episode"
SYMPTOM = "person_id | symptom_code | recorded_on"
DRUG = "person_id | ingredient | drug_class | route_code | status_code | started_on"
BODY = "person_id | measured_on | weight_gain_kg"
PANEL = "person_id | specimen_id | drawn_on | e2_lo_pg_ml | e2_band_code"
EPISODE = "person_id | ingredient | drug_class | gap_days | episode_number | is_primary | starts_on | supply_ends_on"
CONDITION = "person_id | condition_code | vocabulary_code | is_present | recorded_on"
SUPPLY = "person_id | inhibitor_from_on | baseline_from_on"


@pytest.fixture
def episodes(run_sql):
    def run(
        *, symptoms=(), drugs=(), body=(), draws=(), dosing=(), codes=(), supply=(), sex="male", since="2015-01-01"
    ):
        inputs = {
            "staging.person": f"person_id | sex_code\n1 | {sex}",
            "staging.observation_period": f"person_id | span_number | starts_on\n1 | 1 | {since}",
            "staging.symptom": "\n".join((SYMPTOM, *(f"1 | {code} | {day}" for code, day in symptoms))),
            "staging.drug_exposure": "\n".join((DRUG, *drugs)),
            "staging.condition": "\n".join((CONDITION, *codes)),
            "features.body_measure": "\n".join((BODY, *(f"1 | {day} | {gain}" for day, gain in body))),
            "features.steroid_panel": "\n".join(
                (PANEL, *(f"1 | {n} | {d} | {lo} | {b}" for n, (d, lo, b) in enumerate(draws)))
            ),
            "features.dosing_episode": "\n".join((EPISODE, *dosing)),
            "features.first_inhibitor": "\n".join((SUPPLY, *supply)),
        }
        return run_sql(TABLE, inputs)

    return run


def test_more_than_a_year_without_a_record_parts_two_episodes(episodes):
    """2019-01-01 to 2020-01-01 are 365 days; 2020-01-01 to 2021-01-01 are 366, 29 February between."""
    days = ("2019-01-01", "2020-01-01", "2020-01-01", "2021-01-01")
    rows = episodes(symptoms=[("arthralgia", day) for day in days])
    assert [(r["episode_number"], str(r["starts_on"]), str(r["last_on"]), r["n_records"]) for r in rows] == [
        (1, "2019-01-01", "2020-01-01", 2),
        (2, "2021-01-01", "2021-01-01", 1),
    ]


def test_symptoms_of_one_system_are_one_episode_and_bases_are_apart(episodes):
    rows = episodes(
        symptoms=[("depression", "2019-01-01"), ("anxiety", "2019-02-01"), ("fatigue", "2019-02-01")],
        drugs=["1 | sertraline | ssri | oral | completed | 2019-01-15"],
    )
    assert {(r["system_code"], r["basis_code"], r["n_records"]) for r in rows} == {
        ("mood", "diagnosis", 2),
        ("mood", "drug_start", 1),
        ("fatigue", "diagnosis", 1),
    }


@pytest.mark.parametrize(
    ("since", "lookback", "incident"),
    [("2019-01-01", 365, True), ("2019-01-02", 364, False), ("2020-02-01", None, False), ("", None, None)],
)
def test_incident_after_a_year_of_observation(episodes, only, since, lookback, incident):
    row = only(episodes(symptoms=[("fatigue", "2020-01-01")], since=since))
    assert (row["lookback_days"], row["is_incident"]) == (lookback, incident)


@pytest.mark.parametrize(
    ("drug", "sex", "system"),
    [
        ("ibuprofen | nsaid | oral | completed", "female", "joint"),
        ("venlafaxine | snri | oral | completed", "female", "mood"),
        ("sildenafil | pde5_inhibitor | oral | completed", "male", "erectile"),
        ("sildenafil | pde5_inhibitor | oral | completed", "female", None),
        ("estradiol | estrogen | vaginal | completed", "female", "vaginal"),
        ("estradiol | estrogen | oral | completed", "female", None),
        ("furosemide | loop_diuretic | oral | completed", "male", "fluid"),
        ("tamoxifen | serm | oral | completed", "male", "gynecomastia"),
        ("raloxifene | serm | oral | completed", "male", None),
        ("ibuprofen | nsaid | oral | cancelled", "male", None),
        ("ibuprofen | nsaid | oral | not_filled", "male", None),
        ("ibuprofen | nsaid | oral | returned", "male", None),
        ("ibuprofen | nsaid | oral | unknown", "male", "joint"),
    ],
)
def test_drugs_that_may_stand_for_a_symptom(episodes, drug, sex, system):
    rows = episodes(drugs=[f"1 | {drug} | 2020-01-01"], sex=sex)
    assert [(r["system_code"], r["basis_code"]) for r in rows] == ([(system, "drug_start")] if system else [])


@pytest.mark.parametrize(("code", "day", "counts"), [("C50.921", "2020-01-01", False), ("C50.921", "2020-01-02", True)])
def test_tamoxifen_of_men_with_breast_cancer_by_then_is_no_gynecomastia(episodes, code, day, counts):
    rows = episodes(
        drugs=["1 | tamoxifen | serm | oral | completed | 2020-01-01"], codes=[f"1 | {code} | icd10cm | true | {day}"]
    )
    assert bool(rows) is counts


def test_undated_drugs_are_left_out(episodes):
    assert episodes(drugs=["1 | ibuprofen | nsaid | oral | completed | "]) == []


@pytest.mark.parametrize(("gain", "counts"), [(1.9, False), (2, True)])
def test_two_kilograms_within_ninety_days(episodes, gain, counts):
    rows = episodes(body=[("2020-01-01", gain)])
    assert [(r["system_code"], r["basis_code"]) for r in rows] == ([("fluid", "weight_gain")] if counts else [])


@pytest.mark.parametrize(
    ("day", "days", "band"),
    [
        ("2020-06-29", None, None),  # the day itself
        ("2020-06-28", 1, "low"),
        ("2020-01-01", 180, "low"),
        ("2019-12-31", None, None),
    ],
)
def test_estradiol_is_of_a_draw_before(episodes, only, day, days, band):
    row = only(episodes(symptoms=[("fatigue", "2020-06-29")], draws=[(day, 12, "low")]))
    assert (row["days_since_e2"], row["e2_band_code"]) == (days, band)


def test_the_last_draw_before_and_none_where_two_of_a_day_disagree(episodes, only):
    draws = [("2020-01-01", 25, "target"), ("2020-05-30", 12, "low"), ("2020-08-01", 50, "high")]
    row = only(episodes(symptoms=[("fatigue", "2020-06-29")], draws=draws))
    assert (row["days_since_e2"], row["e2_band_code"]) == (30, "low")
    row = only(episodes(symptoms=[("fatigue", "2020-06-29")], draws=[*draws, ("2020-05-30", 25, "target")]))
    assert (row["days_since_e2"], row["e2_band_code"]) == (30, None)


@pytest.mark.parametrize(("day", "is_on"), [("2020-01-01", True), ("2020-03-31", True), ("2020-04-01", False)])
def test_on_a_drug_on_the_first_day(episodes, only, day, is_on):
    dosing = [
        "1 | anastrozole | aromatase_inhibitor | 90 | 1 | true | 2020-01-01 | 2020-03-31",
        "1 | testosterone | androgen | 90 | 1 | true | 2020-01-01 | 2020-03-31",
    ]
    supply = ["1 | 2020-01-01 | 2019-01-01"]
    row = only(episodes(symptoms=[("fatigue", day)], dosing=dosing, supply=supply))
    assert (row["is_on_inhibitor"], row["is_on_testosterone"]) == (is_on, is_on)
    assert row["days_since_inhibitor_start"] == {"2020-01-01": 0, "2020-03-31": 90, "2020-04-01": 91}[day]
