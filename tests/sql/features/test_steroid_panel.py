"""Sex steroids of one specimen: ratios by hand, bands at their edges, and what makes a ratio no number."""

import math

import pytest

TABLE = "features.steroid_panel"
LAB = "person_id | specimen_id | analyte_code | value | operator | assay_class | drawn_on"


@pytest.fixture
def panel(run_sql):
    def run(*labs, sex="male", status="", drawn="2020-06-01", episodes=(), regimens=(), cycle=()):
        rows = [
            f"1 | s | {lab[0]} | {lab[1]} | {(*lab, '=')[2]} | {(*lab, '=', 'lc_ms_ms')[3]} | {drawn}" for lab in labs
        ]
        tables = {
            "staging.lab_result": (LAB, rows),
            "staging.person": ("person_id | sex_code", [f"1 | {sex}"]),
            "staging.observation": ("person_id | observation_code | reading_number | value | observed_on", cycle),
            "features.menopausal_status": (
                "person_id | period_number | known_on | known_until_on | status_code", status.splitlines(),
            ),
            "features.dosing_episode": (
                "person_id | ingredient | drug_class | is_primary | starts_on | supply_ends_on", episodes,
            ),
            "features.ai_regimen": (
                "person_id | ingredient | regimen_number | starts_on | ends_on | dose_mg_per_week", regimens,
            ),
        }  # fmt: skip
        return run_sql(TABLE, {table: "\n".join((header, *body)) for table, (header, body) in tables.items()})

    return run


ANASTROZOLE = "1 | anastrozole | aromatase_inhibitor | true | 2020-01-01 | 2020-12-31"


def test_ratios_by_hand(panel, only):
    """30 pg/mL is 110.14 pmol/L, 600 ng/dL 20.803 nmol/L: 5.294; estrone 45 is 166.44 pmol/L, A4 90 is 3.142 nmol/L: 52.97."""
    row = only(panel(
        ("estradiol", 30), ("testosterone", 600), ("estrone", 45), ("androstenedione", 90), ("progesterone", 0.5), ("estriol", 2)
    ))  # fmt: skip
    assert (row["t_e2_ratio"], row["log_t_e2_ratio"]) == (20, pytest.approx(math.log(20)))
    assert row["aromatisation_index"] == pytest.approx(5.294, abs=0.001)
    assert (row["e1_e2_ratio"], row["estrogen_sum_pg_ml"], row["e2_p4_ratio"], row["estriol_ng_ml"]) == (1.5, 75, 60, 2)
    assert row["e1_a4_ratio"] == pytest.approx(52.97, abs=0.01)


@pytest.mark.parametrize("labs", [
    (("estradiol", 5, "<"), ("testosterone", 600), ("estrone", 45)),
    (("estradiol", 30), ("testosterone", 10, "<"), ("estrone", 5, "<")),
    (("testosterone", 600), ("estrone", 45)),
])  # fmt: skip
def test_a_limit_makes_no_ratio(panel, only, labs):
    row = only(panel(*labs))
    assert {row[name] for name in ("t_e2_ratio", "aromatisation_index", "e1_e2_ratio", "estrogen_sum_pg_ml")} == {None}


@pytest.mark.parametrize(
    ("value", "operator", "band", "state"),
    [
        (9.9, "=", "severe", "over"), (10, "=", "low", "over"), (19.9, "=", "low", "over"), (20, "=", "target", "correct"),
        (30, "=", "raised", "under"), (40, "=", "high", "under"), (10, "<", None, "over"), (20, "<", None, "over"),
        (24, "<", None, None), (9, "<", "severe", "over"), (40, ">", "high", "under"), (30, ">", None, None),
    ],
)  # fmt: skip
def test_bands_and_dosing_state_of_men_on_an_inhibitor(panel, only, value, operator, band, state):
    row = only(panel(("estradiol", value, operator), episodes=[ANASTROZOLE]))
    assert (row["e2_band_code"], row["dosing_state_code"]) == (band, state)
    assert only(panel(("estradiol", value, operator)))["dosing_state_code"] is None


def test_women_have_bands_and_highs_by_what_was_known_on_the_day(panel, only):
    status = "1 | 1 | | 2020-05-31 | premenopausal\n1 | 2 | 2020-06-01 | | postmenopausal"
    before = only(panel(("estradiol", 22), sex="female", status=status, drawn="2020-05-31"))
    after = only(panel(("estradiol", 22), sex="female", status=status, episodes=[ANASTROZOLE]))
    assert (before["status_code"], before["e2_band_code"], before["is_estrogen_high"]) == ("premenopausal", None, False)
    assert (after["status_code"], after["e2_band_code"], after["is_estrogen_high"]) == (
        "postmenopausal",
        "raised",
        True,
    )
    assert after["dosing_state_code"] is None
    for value, operator, high in ((100, "=", False), (100.1, "=", True), (120, "<", None), (110, ">", True)):
        row = only(panel(("estradiol", value, operator), sex="female", status=status, drawn="2020-01-01"))
        assert row["is_estrogen_high"] is high
    assert only(panel(("estradiol", 500), sex="female", status="1 | 1 | | | unknown"))["is_estrogen_high"] is None
    assert only(panel(("estradiol", 500)))["is_estrogen_high"] is None


def test_the_better_assay_of_two_stands(panel, only):
    row = only(panel(("estradiol", 40, "=", "immunoassay"), ("estradiol", 24), ("testosterone", 480)))
    assert (row["e2_assay_class"], row["e2_lo_pg_ml"], row["t_e2_ratio"]) == ("lc_ms_ms", 24, 20)


def test_dose_and_drugs_of_the_day(panel, only):
    """0.5 mg twice weekly is 1 of 7 mg: 14.3 %; a second inhibitor adds by its label, an unknown dose hides the sum."""
    one = "1 | anastrozole | 1 | 2020-01-01 | 2020-06-01 | 1"
    two = "1 | letrozole | 1 | 2020-06-01 | 2020-07-01 | 17.5"
    episodes = [ANASTROZOLE, "1 | testosterone | androgen | true | 2020-06-01 | 2020-06-01",
                "1 | progesterone | progestin | false | 2020-01-01 | 2020-12-31"]  # fmt: skip
    row = only(panel(("estradiol", 24), episodes=episodes, regimens=[one]))
    assert row["label_dose_pct"] == pytest.approx(100 / 7)
    assert (row["is_on_inhibitor"], row["is_on_testosterone"], row["is_on_progestin"]) == (True, True, False)
    assert only(panel(("estradiol", 24), regimens=[one, two]))["label_dose_pct"] == pytest.approx(100 + 100 / 7)
    assert only(panel(("estradiol", 24), regimens=[one, two.replace("17.5", "")]))["label_dose_pct"] is None
    assert only(panel(("estradiol", 24), drawn="2020-07-02", regimens=[one, two]))["label_dose_pct"] is None


def test_the_cycle_day_of_the_day(panel, only):
    told = "1 | cycle_day | 1 | {} | {}"
    assert only(panel(("estradiol", 24), cycle=[told.format(14, "2020-06-01")]))["cycle_day"] == 14
    assert only(panel(("estradiol", 24), cycle=[told.format(14, "2020-06-02")]))["cycle_day"] is None
    two = [told.format(14, "2020-06-01"), told.format(15, "2020-06-01")]
    assert only(panel(("estradiol", 24), cycle=two))["cycle_day"] is None


def test_a_survey_has_no_day_and_still_a_panel(panel, only):
    row = only(
        panel(("estradiol", 3), ("testosterone", 20), sex="female", status="1 | 1 | | | postmenopausal", drawn="")
    )
    assert (row["drawn_on"], row["e2_band_code"], row["is_on_inhibitor"]) == (None, "severe", False)


def test_other_analytes_alone_make_no_panel(panel):
    assert panel(("tsh", 1)) == []
