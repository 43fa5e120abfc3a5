"""Episodes of symptoms: what parts two, what makes one incident, and that drugs and weight stay apart from codes."""

import datetime as dt

import pytest

TABLE = "features.symptom_episode"
ENTRY = dt.date(2015, 1, 1)


def on(days: int) -> dt.date:
    return ENTRY + dt.timedelta(days)


@pytest.fixture
def episodes(run_sql):
    """Symptoms as (name, day), drugs as (class, ingredient, route, day), draws as (day, band); days from entry."""

    def run(
        symptoms=(),
        drugs=(),
        *,
        sex="female",
        cancer=None,
        gains=(),
        draws=(),
        inhibitor=None,
        dosing=(),
        status="completed",
    ):
        drawn = {
            "staging.person": ("person_id | sex_code", [f"1 | {sex}"]),
            "staging.observation_period": ("person_id | span_number | starts_on", [f"1 | 1 | {ENTRY}"]),
            "staging.symptom": ("person_id | symptom_code | recorded_on", [f"1 | {name} | {on(day)}" for name, day in symptoms]),
            "staging.drug_exposure": (
                "person_id | drug_class | ingredient | route_code | status_code | started_on",
                [f"1 | {kind} | {name} | {route} | {status} | {on(day)}" for kind, name, route, day in drugs],
            ),
            "staging.condition": (
                "person_id | condition_code | vocabulary_code | is_present | recorded_on",
                [] if cancer is None else [f"1 | C50.9 | icd10cm | true | {on(cancer)}"],
            ),
            "features.body_measure": (
                "person_id | measured_on | weight_gain_kg", [f"1 | {on(day)} | {kg}" for day, kg in gains],
            ),
            "features.steroid_panel": (
                "person_id | specimen_id | drawn_on | e2_lo_pg_ml | e2_band_code",
                [f"1 | {day}{n} | {on(day)} | 1 | {band}" for n, (day, band) in enumerate(draws)],
            ),
            "features.drug_supply": (
                "person_id | ingredient | drug_class | supplied_on",
                [] if inhibitor is None else [f"1 | anastrozole | aromatase_inhibitor | {on(inhibitor)}"],
            ),
            "features.dosing_episode": (
                "person_id | ingredient | drug_class | is_primary | starts_on | supply_ends_on",
                [f"1 | {name} | {kind} | true | {on(a)} | {on(b)}" for name, kind, a, b in dosing],
            ),
        }  # fmt: skip
        return run_sql(TABLE, {table: "\n".join((header, *body)) for table, (header, body) in drawn.items()})

    return run


def brief(rows):
    return [
        (r["system_code"], r["basis_code"], r["episode_number"], (r["starts_on"] - ENTRY).days, r["n_records"])
        for r in rows
    ]


def test_a_year_without_a_record_parts_two_episodes(episodes):
    rows = episodes([("arthralgia", 400), ("stiffness", 700), ("arthralgia", 1065), ("arthralgia", 1431)])
    assert brief(rows) == [("joint", "diagnosis", 1, 400, 3), ("joint", "diagnosis", 2, 1431, 1)]
    assert (rows[0]["last_on"] - ENTRY).days == 1065


@pytest.mark.parametrize(("day", "expected"), [(364, False), (365, True)])
def test_incident_after_a_year_under_observation(episodes, only, day, expected):
    row = only(episodes([("fatigue", day)]))
    assert (row["is_incident"], row["lookback_days"]) == (expected, day)


def test_before_entry_nothing_was_seen(episodes, only):
    row = only(episodes([("fatigue", -10)]))
    assert (row["is_incident"], row["lookback_days"]) == (False, None)


def test_systems_are_apart(episodes):
    names = [
        "depression",
        "irritability",
        "insomnia",
        "low_libido",
        "cognition",
        "carpal_tunnel",
        "bloating",
        "infertility",
    ]
    found = {row["system_code"] for row in episodes([(name, 400) for name in names])}
    assert found == {"mood", "irritability", "sleep", "libido", "cognition", "connective_tissue", "fluid", "fertility"}


def test_drugs_stand_beside_codes_and_not_for_them(episodes):
    rows = episodes([("arthralgia", 400)], [("nsaid", "naproxen", "oral", 400), ("nsaid", "ibuprofen", "oral", 430)])
    assert brief(rows) == [("joint", "diagnosis", 1, 400, 1), ("joint", "drug_start", 1, 400, 2)]


@pytest.mark.parametrize(
    ("drug", "sex", "system"),
    [
        (("pde5_inhibitor", "sildenafil", "oral"), "male", "erectile"),
        (("pde5_inhibitor", "sildenafil", "oral"), "female", None),
        (("estrogen", "estradiol", "vaginal"), "female", "vaginal"),
        (("estrogen", "estradiol", "oral"), "female", None),
        (("estrogen", "estradiol", ""), "female", None),
        (("serm", "tamoxifen", "oral"), "male", "gynecomastia"),
        (("serm", "raloxifene", "oral"), "male", None),
        (("serm", "tamoxifen", "oral"), "female", None),
        (("loop_diuretic", "furosemide", "oral"), "male", "fluid"),
        (("ssri", "sertraline", "oral"), "male", "mood"),
        (("statin", "atorvastatin", "oral"), "male", None),
    ],
)
def test_which_drug_may_stand_for_what(episodes, drug, sex, system):
    assert [row["system_code"] for row in episodes(drugs=[(*drug, 400)], sex=sex)] == ([system] if system else [])


def test_tamoxifen_of_a_man_with_breast_cancer_and_a_drug_not_fetched_say_nothing(episodes):
    tamoxifen = [("serm", "tamoxifen", "oral", 400)]
    assert episodes(drugs=tamoxifen, sex="male", cancer=400) == []
    assert len(episodes(drugs=tamoxifen, sex="male", cancer=401)) == 1
    assert episodes(drugs=tamoxifen, sex="male", status="not_filled") == []


def test_two_kilograms_within_90_days(episodes):
    assert brief(episodes(gains=[(400, 1.9), (500, 2.0)])) == [("fluid", "weight_gain", 1, 500, 1)]


def test_estradiol_of_the_last_draw_before(episodes, only):
    draws = [(380, "low"), (399, "target"), (400, "high")]
    row = only(episodes([("fatigue", 400)], draws=draws))
    assert (row["e2_band_code"], row["days_since_e2"]) == ("target", 1)
    row = only(episodes([("fatigue", 400)], draws=[(399, "low"), (399, "target")]))
    assert (row["e2_band_code"], row["days_since_e2"]) == (None, 1)
    assert only(episodes([("fatigue", 400)], draws=[(219, "low")]))["days_since_e2"] is None
    assert only(episodes([("fatigue", 400)], draws=[(220, "low")]))["days_since_e2"] == 180


def test_what_was_taken_on_the_first_day(episodes, only):
    dosing = [("anastrozole", "aromatase_inhibitor", 300, 400), ("testosterone", "androgen", 100, 399)]
    row = only(episodes([("fatigue", 400)], inhibitor=300, dosing=dosing))
    assert (row["is_on_inhibitor"], row["is_on_testosterone"], row["days_since_inhibitor_start"]) == (True, False, 100)
