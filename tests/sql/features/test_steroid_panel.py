"""Sex steroids of one specimen: ratios by hand, bands at their edges, who was on what, and what was known on the day."""

import math

import pytest

TABLE = "features.steroid_panel"
LAB = "person_id | specimen_id | analyte_code | value | operator | assay_class | drawn_on"
EPISODE = "person_id | ingredient | drug_class | gap_days | episode_number | is_primary | starts_on | supply_ends_on"
STATUS = "person_id | period_number | known_on | known_until_on | status_code"
DAY = "2020-01-01"
INHIBITOR = "1 | anastrozole | aromatase_inhibitor | 90 | 1 | true | 2019-12-01 | 2020-02-01"


def lab(analyte: str, value, operator="=", day=DAY, assay="lc_ms_ms") -> str:
    return f"1 | s | {analyte} | {value} | {operator} | {assay} | {day}"


@pytest.fixture
def panel(run_sql):
    def run(*labs, sex="male", status=(), episodes=(), regimens="", cycle=()):
        inputs = {
            "staging.person": f"person_id | sex_code\n1 | {sex}",
            "staging.lab_result": "\n".join((LAB, *labs)),
            "features.menopausal_status": "\n".join((STATUS, *status)),
            "features.dosing_episode": "\n".join((EPISODE, *episodes)),
            "staging.observation": "\n".join(("person_id | observation_code | value | observed_on", *cycle)),
        }
        return run_sql(TABLE, inputs | ({"features.ai_regimen": regimens} if regimens else {}))

    return run


def test_ratios_of_measured_results(panel, only):
    """500 ng/dL over 25 pg/mL; 25 pg/mL are 91.783 pmol/L, 500 ng/dL 17.336 nmol/L (molar masses 272.38 and 288.42)."""
    row = only(panel(lab("estradiol", 25), lab("testosterone", 500), lab("progesterone", 0.5), lab("estriol", 0.1)))
    assert (row["t_e2_ratio"], row["log_t_e2_ratio"]) == (20, pytest.approx(math.log(20)))
    assert row["aromatisation_index"] == pytest.approx(91.7835 / 17.33583, rel=1e-5)
    assert (row["e2_p4_ratio"], row["estriol_ng_ml"]) == (50, 0.1)
    assert row["estrogen_sum_pg_ml"] is None


def test_estrone_over_estradiol_and_over_its_substrate(panel, only):
    """30 pg/mL of estrone are 110.96 pmol/L, 60 ng/dL of androstenedione 2.0949 nmol/L (270.37 and 286.41)."""
    row = only(panel(lab("estrone", 30), lab("estradiol", 10), lab("androstenedione", 60)))
    assert (row["e1_e2_ratio"], row["estrogen_sum_pg_ml"]) == (3, 40)
    assert row["e1_a4_ratio"] == pytest.approx(110.9591 / 2.094899, rel=1e-5)


@pytest.mark.parametrize(("value", "operator"), [(5, "<"), (900, ">")])
def test_a_limit_in_a_ratio_is_no_number(panel, only, value, operator):
    row = only(panel(lab("estradiol", value, operator), lab("testosterone", 500), lab("estrone", 30)))
    assert [row[c] for c in ("t_e2_ratio", "aromatisation_index", "e1_e2_ratio", "estrogen_sum_pg_ml")] == [None] * 4
    assert (row["e2_lo_pg_ml"], row["e2_hi_pg_ml"]) == ((0, 5) if operator == "<" else (900, None))


def test_a_limit_of_testosterone_is_not_its_value(panel, only):
    row = only(panel(lab("estradiol", 25), lab("testosterone", 2000, ">")))
    assert (row["testosterone_ng_dl"], row["t_e2_ratio"]) == (None, None)


def test_the_better_class_of_assay_stands(run_sql, panel, only):
    """One specimen cannot hold an analyte twice; another specimen of the day is a row of its own."""
    assert only(panel(lab("estradiol", 25, assay="immunoassay")))["e2_assay_class"] == "immunoassay"
    other = "1 | t | estradiol | 31 | = | immunoassay | 2020-01-01"
    rows = panel(lab("estradiol", 25), other)
    assert [(r["specimen_id"], r["e2_lo_pg_ml"], r["e2_assay_class"]) for r in rows] == [
        ("s", 25, "lc_ms_ms"),
        ("t", 31, "immunoassay"),
    ]


def test_two_assays_of_one_specimen(run_sql, only):
    """Sources may deliver both under one number: the contract of staging forbids it, and the table does not rest on that."""
    lines = (lab("estradiol", 40, assay="immunoassay"), lab("estradiol", 24, assay="lc_ms_ms_equivalent"))
    inputs = {"staging.person": "person_id | sex_code\n1 | male", "staging.lab_result": "\n".join((LAB, *lines))}
    row = only(run_sql(TABLE, inputs))
    assert (row["e2_lo_pg_ml"], row["e2_assay_class"]) == (24, "lc_ms_ms_equivalent")


@pytest.mark.parametrize(
    ("value", "operator", "band"),
    [
        (9.9, "=", "severe"), (10, "=", "low"), (19.9, "=", "low"), (20, "=", "target"), (29.9, "=", "target"),
        (30, "=", "raised"), (39.9, "=", "raised"), (40, "=", "high"),
        (10, "<", "severe"), (15, "<", None), (40, ">", "high"), (35, ">", None),
    ],
)  # fmt: skip
def test_bands_of_men(panel, only, value, operator, band):
    """Edges of ref.e2_band: 10 (Finkelstein 2016), 20 and 30 (practice), 40."""
    assert only(panel(lab("estradiol", value, operator)))["e2_band_code"] == band


@pytest.mark.parametrize(
    ("value", "operator", "band", "high"),
    [
        (4.9, "=", "severe", False), (5, "=", "low", False), (10, "=", "target", False), (20.9, "=", "target", False),
        (21, "=", "raised", False), (21.1, "=", "raised", True), (30, "=", "high", True), (5, "<", "severe", False),
        (10, "<", None, False), (25, "<", None, None),
    ],
)  # fmt: skip
def test_bands_after_menopause(panel, only, value, operator, band, high):
    """Edges: 5 pg/mL (Cummings 1998), 21 (ARUP 0093247)."""
    row = only(panel(lab("estradiol", value, operator), sex="female", status=["1 | 1 | | | postmenopausal"]))
    assert (row["e2_band_code"], row["is_estrogen_high"]) == (band, high)


@pytest.mark.parametrize(("value", "operator", "high"), [(100, "=", False), (100.1, "=", True), (200, "<", None)])
def test_before_menopause_there_is_no_band(panel, only, value, operator, high):
    row = only(panel(lab("estradiol", value, operator), sex="female", status=["1 | 1 | | | premenopausal"]))
    assert (row["e2_band_code"], row["is_estrogen_high"], row["status_code"]) == (None, high, "premenopausal")


@pytest.mark.parametrize("status", [[], ["1 | 1 | | | unknown"]])
def test_menopause_not_known(panel, only, status):
    row = only(panel(lab("estradiol", 300), sex="female", status=status))
    assert (row["e2_band_code"], row["is_estrogen_high"]) == (None, None)


@pytest.mark.parametrize(
    ("day", "status"),
    [("2019-12-31", "premenopausal"), (DAY, "postmenopausal"), ("", None)],
    ids=("eve", "day", "undated"),
)
def test_menopause_is_what_was_known_on_the_day(panel, only, day, status):
    periods = ["1 | 1 | | 2019-12-31 | premenopausal", f"1 | 2 | {DAY} | | postmenopausal"]
    assert only(panel(lab("estradiol", 12, day=day), sex="female", status=periods))["status_code"] == status


def test_an_undated_specimen_has_the_only_status_there_is(panel, only):
    row = only(panel(lab("estradiol", 12, day=""), sex="female", status=["1 | 1 | | | postmenopausal"]))
    assert (row["status_code"], row["e2_band_code"], row["drawn_on"]) == ("postmenopausal", "target", None)


@pytest.mark.parametrize(
    ("value", "operator", "state"),
    [
        (19.9, "=", "over"), (20, "=", "correct"), (29.9, "=", "correct"), (30, "=", "under"), (55, "=", "under"),
        (20, "<", "over"), (21, "<", None), (30, ">", "under"), (25, ">", None),
    ],
)  # fmt: skip
def test_dosing_state_of_men_on_an_inhibitor(panel, only, value, operator, state):
    assert only(panel(lab("estradiol", value, operator), episodes=[INHIBITOR]))["dosing_state_code"] == state


def test_nobody_else_has_a_dosing_state(panel, only):
    assert only(panel(lab("estradiol", 15)))["dosing_state_code"] is None
    women = {"sex": "female", "status": ["1 | 1 | | | postmenopausal"], "episodes": [INHIBITOR]}
    assert only(panel(lab("estradiol", 15), **women))["dosing_state_code"] is None
    row = only(panel(lab("estradiol", 15, day=""), episodes=[INHIBITOR]))
    assert [row[f"is_on_{drug}"] for drug in ("inhibitor", "testosterone", "progestin")] == [None] * 3
    assert row["dosing_state_code"] is None


@pytest.mark.parametrize(
    ("day", "is_on"), [("2019-11-30", False), ("2019-12-01", True), ("2020-02-01", True), ("2020-02-02", False)]
)
def test_on_a_drug_from_the_first_to_the_last_day_of_its_supply(panel, only, day, is_on):
    episodes = [
        INHIBITOR,
        "1 | testosterone | androgen | 90 | 1 | true | 2019-12-01 | 2020-02-01",
        "1 | progesterone | progestin | 90 | 1 | true | 2019-12-01 | 2020-02-01",
        "1 | progesterone | progestin | 30 | 1 | false | 2019-01-01 | 2021-01-01",
    ]
    row = only(panel(lab("estradiol", 25, day=day), episodes=episodes))
    assert [row[f"is_on_{drug}"] for drug in ("inhibitor", "testosterone", "progestin")] == [is_on] * 3


def test_dose_as_a_share_of_the_label(panel, only):
    """Anastrozole 0.5 mg twice a week: 1 of 7 mg; with 2.5 mg of letrozole daily, 17.5 mg a week, its label, 114.3 %."""
    header = "person_id | ingredient | regimen_number | starts_on | ends_on | dose_mg_per_week"
    one = "1 | anastrozole | 1 | 2019-12-01 | 2020-03-01 | 1"
    two = "1 | letrozole | 1 | 2019-12-01 | 2020-03-01 | 17.5"
    unknown = "1 | letrozole | 1 | 2019-12-01 | 2020-03-01 | "
    later = "1 | anastrozole | 1 | 2020-01-02 | 2020-03-01 | 1"
    shares = [
        only(panel(lab("estradiol", 25), regimens="\n".join((header, *lines))))["label_dose_pct"]
        for lines in ((one,), (one, two), (one, unknown), (later,))
    ]
    assert shares == [pytest.approx(100 / 7), pytest.approx(100 / 7 + 100), None, None]


def test_cycle_day_of_the_day_unless_two_disagree(panel, only):
    told = [f"1 | cycle_day | 14 | {DAY}", "1 | cycle_day | 20 | 2020-01-07"]
    assert only(panel(lab("estradiol", 25), sex="female", cycle=told))["cycle_day"] == 14
    told.append(f"1 | cycle_day | 15 | {DAY}")
    assert only(panel(lab("estradiol", 25), sex="female", cycle=told))["cycle_day"] is None


def test_no_value_no_row(panel):
    assert panel(lab("estradiol", "")) == []
    assert panel(lab("ldl_cholesterol_direct", 100)) == []


def test_what_was_measured_beside_stands_as_it_is(panel, only):
    row = only(panel(lab("estrone", 30), lab("androstenedione", 60), lab("progesterone", 0.5), lab("testosterone", 40)))
    names = ("estrone_pg_ml", "androstenedione_ng_dl", "progesterone_ng_ml", "testosterone_ng_dl", "e2_lo_pg_ml")
    assert [row[name] for name in names] == [30, 60, 0.5, 40, None]


TAKEN = {
    "is_on_progestin": ("progesterone", "progestin"), "is_on_inhibitor": ("anastrozole", "aromatase_inhibitor"),
    "is_on_testosterone": ("testosterone", "androgen"),
}  # fmt: skip


@pytest.mark.parametrize("flag", TAKEN)
def test_each_drug_at_the_draw_sets_its_own_flag(panel, only, flag):
    drug, drug_class = TAKEN[flag]
    on = f"1 | {drug} | {drug_class} | 90 | 1 | true | 2019-12-01 | 2020-02-01"
    row = only(panel(lab("estradiol", 25), episodes=(on,)))
    assert {name for name in TAKEN if row[name]} == {flag}


def test_it_says_on_which_day(panel, only):
    assert str(only(panel(lab("estradiol", 25)))["drawn_on"]) == DAY
