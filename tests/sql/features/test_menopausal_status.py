"""Menopausal status: what surveys ask, what clinics record, and that nothing recorded later is known earlier."""

import datetime as dt
from itertools import pairwise

import pytest

TABLE = "features.menopausal_status"
CODES = {
    "ovaries": "both_ovaries_removed",
    "reason": "no_menses_reason",
    "menses": "menses_past_year",
    "hyst": "hysterectomy",
}
DAY = dt.date(2015, 7, 1)


def status(run_sql, age: int | str, sex: str = "female", **answers: int) -> list[tuple[str, str]]:
    observed = "\n".join(f"1 | {CODES[name]} | 1 | {value}" for name, value in answers.items())
    inputs = {
        "staging.person": f"person_id | sex_code | age_years\n1 | {sex} | {age}",
        "staging.observation": f"person_id | observation_code | reading_number | value\n{observed}",
    }
    return [(row["status_code"], row["rule_code"]) for row in run_sql(TABLE, inputs)]


@pytest.mark.parametrize(
    ("age", "answers", "expected"),
    [
        (60, {}, ("postmenopausal", "age_60")),
        (59, {}, ("unknown", "no_answer")),
        ("", {}, ("unknown", "no_answer")),
        (60, {"menses": 1}, ("postmenopausal", "age_60")),
        (45, {"ovaries": 1, "menses": 1}, ("postmenopausal", "both_ovaries_removed")),
        (45, {"ovaries": 1, "hyst": 1}, ("postmenopausal", "both_ovaries_removed")),
        (52, {"reason": 7, "menses": 2}, ("postmenopausal", "natural_menopause")),
        (52, {"reason": 7, "hyst": 1}, ("postmenopausal", "natural_menopause")),
        (48, {"menses": 1}, ("premenopausal", "menses_past_year")),
        (30, {"menses": 2, "reason": 1}, ("premenopausal", "pregnant_or_breast_feeding")),
        (30, {"menses": 2, "reason": 2}, ("premenopausal", "pregnant_or_breast_feeding")),
        (59, {"hyst": 1}, ("unknown", "hysterectomy_alone")),
        (59, {"menses": 2, "reason": 3}, ("unknown", "hysterectomy_alone")),
        (59, {"hyst": 1, "ovaries": 2}, ("unknown", "hysterectomy_alone")),
        (60, {"hyst": 1}, ("postmenopausal", "age_60")),
        (50, {"menses": 2, "reason": 9}, ("unknown", "no_answer")),
    ],
)
def test_rules_of_a_survey_in_order(run_sql, age, answers, expected):
    assert status(run_sql, age, **answers) == [expected]


def test_men_have_no_row(run_sql):
    assert status(run_sql, 70, sex="male") == []


def on(days: int) -> dt.date:
    return DAY + dt.timedelta(days=days)


def told(code: str, value: float, days: int) -> str:
    return f"1 | {code} | 1 | {value} | {on(days)}"


def last_period(before: int, days: int) -> str:
    """Told `days` after the first of July 2015: the last period was `before` days earlier."""
    return told("last_period", (on(days - before) - dt.date(1970, 1, 1)).days, days)


def coded(code: str, days: int, vocabulary: str = "icd10cm", *, history: bool = False) -> str:
    return f"1 | {code} | {vocabulary} | true | {on(days)} | {history}"


def operated(name: str, days: int, code: str = "58661", vocabulary: str = "cpt4") -> str:
    return f"1 | {code} | {vocabulary} | {name} | {on(days)}"


def lab(analyte: str, value: float, days: int, operator: str = "=") -> str:
    return f"1 | {analyte}{days} | {analyte} | {value} | {operator} | {on(days)}"


@pytest.fixture
def periods(run_sql):
    """Periods of a woman who was `age` in 2015 as (days since the first of July 2015, status, rule).

    `silenced` are supplies of a GnRH analogue in one episode, first and last day.
    """

    def run(*, age: int = 52, told=(), conditions=(), procedures=(), labs=(), supplies=(), silenced=(), until=None):
        drawn = {
            "staging.person": ("person_id | sex_code | age_years | entered_on", [f"1 | female | {age} | {DAY}"]),
            "staging.observation": ("person_id | observation_code | reading_number | value | observed_on", told),
            "staging.condition": (
                "person_id | condition_code | vocabulary_code | is_present | recorded_on | is_history", conditions,
            ),
            "staging.procedure": (
                "person_id | source_code | vocabulary_code | procedure_code | performed_on", procedures,
            ),
            "staging.lab_result": (
                "person_id | specimen_id | analyte_code | value | operator | drawn_on", labs,
            ),
            "features.drug_supply": (
                "person_id | ingredient | drug_class | supplied_on | cover_from_on | cover_days",
                [
                    *(f"1 | drug | {name} | {on(days)} | {on(days)} | 1" for name, days in supplies),
                    *(f"1 | goserelin | gnrh_analogue | {on(a)} | {on(a)} | {b - a + 1}" for a, b in silenced),
                ],
            ),
            "features.dosing_episode": (
                "person_id | ingredient | drug_class | is_primary | starts_on | supply_ends_on",
                [f"1 | goserelin | gnrh_analogue | true | {on(silenced[0][0])} | {on(silenced[-1][1])}"]
                if silenced
                else [],
            ),
            "staging.observation_period": (
                "person_id | span_number | ends_on", [] if until is None else [f"1 | 1 | {on(until)}"],
            ),
        }  # fmt: skip
        rows = run_sql(TABLE, {table: "\n".join((header, *body)) for table, (header, body) in drawn.items()})
        for one, next_one in pairwise(rows):
            assert one["known_until_on"] + dt.timedelta(1) == next_one["known_on"]
        assert rows[0]["known_on"] is None
        assert rows[-1]["known_until_on"] is None
        return [
            ((row["known_on"] - DAY).days if row["known_on"] else None, row["status_code"], row["rule_code"])
            for row in rows
        ]

    return run


AT_60 = (dt.date(2023, 1, 1) - DAY).days
NOTHING = (None, "unknown", "no_answer")
OLD = (AT_60, "postmenopausal", "age_60")


def test_without_evidence_unknown_until_the_year_of_60(periods):
    assert periods() == [NOTHING, OLD]
    assert periods(age=71)[1][0] == (dt.date(2004, 1, 1) - DAY).days


def test_a_told_state_is_known_from_its_day_on_and_not_before(periods):
    after = (100, "postmenopausal", "menopausal_state")
    assert periods(told=[told("menopausal_state", 2, 100)]) == [NOTHING, after, OLD]
    # Told again, nothing is new.
    assert periods(told=[told("menopausal_state", 2, 100), told("menopausal_state", 2, 400)]) == [NOTHING, after, OLD]


def test_what_is_recorded_later_changes_nothing_before(periods):
    early = periods(told=[told("menopausal_state", 0, 0)])
    more = periods(
        told=[told("menopausal_state", 0, 0), told("menopausal_state", 2, 300)],
        conditions=[coded("Z90.722", 500)],
        silenced=[(350, 400)],
    )
    assert more[:2] == early[:2] == [NOTHING, (0, "premenopausal", "premenopausal_state")]
    assert more[2:] == [
        (300, "postmenopausal", "menopausal_state"),
        (378, "suppressed", "ovarian_suppression"),
        (401, "postmenopausal", "menopausal_state"),
        (500, "postmenopausal", "both_ovaries_removed"),
        OLD,
    ]


def test_that_the_ovaries_work_fades_after_two_years_but_not_before_45(periods):
    faded = (730, "unknown", "evidence_too_old")
    assert periods(told=[told("menopausal_state", 1, 0)])[1:3] == [(0, "premenopausal", "perimenopausal_state"), faded]
    fresh = periods(told=[told("menopausal_state", 0, 0), told("menopausal_state", 0, 500)])
    assert fresh[2][0] == 500 + 730
    young = periods(age=30, told=[told("menopausal_state", 0, 0)])
    assert young[2][0] == (dt.date(2030, 1, 1) - DAY).days


def test_two_that_contradict_on_one_day_tell_nothing(periods):
    both = [told("menopausal_state", 0, 0), told("menopausal_state", 2, 0)]
    assert periods(told=both) == [NOTHING, (0, "unknown", "conflicting_evidence"), OLD]


@pytest.mark.parametrize(
    ("code", "vocabulary", "expected"),
    [
        ("Z78.0", "icd10cm", "menopause_code"),
        ("N95.0", "icd10cm", "menopause_code"),
        ("V49.81", "icd9cm", "menopause_code"),
        ("76498008", "snomed", "menopause_code"),
        ("E89.41", "icd10cm", "ovarian_failure"),
        ("Z90.722", "icd10cm", "both_ovaries_removed"),
        # Women in the transition have it, and hot flushes under any treatment.
        ("N95.1", "icd10cm", None),
        ("Z90.721", "icd10cm", None),
        ("764980081", "snomed", None),
        ("Z78.0", "icd9cm", None),
    ],
)
def test_codes(periods, code, vocabulary, expected):
    found = periods(conditions=[coded(code, 10, vocabulary)])
    assert found == ([NOTHING, (10, "postmenopausal", expected), OLD] if expected else [NOTHING, OLD])


def test_a_code_of_menopause_needs_45_years_and_no_hormonal_drug_in_the_year_before(periods):
    assert len(periods(age=44, conditions=[coded("Z78.0", 10)])) == 2
    assert len(periods(age=45, conditions=[coded("Z78.0", 10)])) == 3
    dry = [coded("N95.2", 400)]
    for drug, day, known in (
        ("aromatase_inhibitor", 35, False),
        ("aromatase_inhibitor", 34, True),
        ("statin", 300, True),
    ):
        assert (len(periods(conditions=dry, supplies=[(drug, day)])) == 3) is known
    # Ovaries that failed early did so whatever the age.
    assert periods(age=35, conditions=[coded("E28.310", 10)])[1][2] == "ovarian_failure"


def test_an_inhibitor_alone_decides_nothing(periods):
    assert periods(supplies=[("aromatase_inhibitor", day) for day in range(0, 900, 30)]) == [NOTHING, OLD]


def test_both_ovaries_by_code_or_for_cancer(periods):
    gone = [NOTHING, (50, "postmenopausal", "both_ovaries_removed"), OLD]
    assert periods(procedures=[operated("oophorectomy", 50, "65.61", "icd9proc")]) == gone
    assert periods(procedures=[operated("oophorectomy", 50, "0UT20ZZ", "icd10pcs")]) == gone
    # CPT may mean one ovary; after breast cancer both are removed, and the cancer must have been known.
    one = [operated("oophorectomy", 50)]
    assert periods(procedures=one) == [NOTHING, OLD]
    assert periods(procedures=one, conditions=[coded("C50.912", 49)]) == gone
    assert periods(procedures=one, conditions=[coded("C50.912", 51)]) == [NOTHING, OLD]


def test_a_year_without_a_period_counts_when_told_then(periods):
    assert periods(told=[last_period(365, 10)]) == [NOTHING, (10, "postmenopausal", "no_period_for_a_year"), OLD]
    assert periods(told=[last_period(364, 10)])[1] == (10, "premenopausal", "menses_past_year")
    assert len(periods(age=44, told=[last_period(400, 10)])) == 2
    assert len(periods(told=[last_period(400, 10)], supplies=[("progestin", -50)])) == 2
    assert len(periods(told=[last_period(400, 10)], procedures=[operated("chemotherapy", -50, "96413")])) == 2
    without = periods(told=[last_period(400, 10)], procedures=[operated("hysterectomy", -600, "58150")])
    assert without == [NOTHING, (-600, "unknown", "hysterectomy_alone"), OLD]


@pytest.mark.parametrize(
    ("fsh", "e2", "is_after"),
    [
        (("=", 30), ("=", 21), True),
        (("=", 29.9), ("=", 21), False),
        (("=", 80), ("=", 21.1), False),
        (("=", 80), ("<", 10), True),
        (("=", 80), ("<", 24), False),
        ((">", 100), ("=", 5), True),
        (("<", 40), ("=", 5), False),
        (("=", 80), (">", 5), False),
    ],
)
def test_fsh_with_estradiol_of_the_day(periods, fsh, e2, is_after):
    labs = [lab("fsh", fsh[1], 5, fsh[0]), lab("estradiol", e2[1], 5, e2[0])]
    expected = [NOTHING, (5, "postmenopausal", "fsh_and_estradiol"), OLD]
    assert periods(labs=labs) == (expected if is_after else [NOTHING, OLD])


def test_fsh_of_another_day_or_under_a_drug_does_not_count(periods):
    assert len(periods(labs=[lab("fsh", 80, 5), lab("estradiol", 5, 6)])) == 2
    both = [lab("fsh", 80, 5), lab("estradiol", 5, 5)]
    assert len(periods(labs=both, supplies=[("serm", 5)])) == 2
    assert len(periods(labs=both, supplies=[("serm", 6)])) == 3
    assert len(periods(age=44, labs=both)) == 2


def test_suppression_begins_after_four_weeks_and_ends_with_the_supply(periods):
    assert periods(silenced=[(0, 100)]) == [
        NOTHING,
        (28, "suppressed", "ovarian_suppression"),
        (101, "unknown", "no_answer"),
        OLD,
    ]
    assert periods(silenced=[(0, 27)]) == [NOTHING, OLD]


def test_a_gap_in_the_supply_is_not_filled_by_what_comes_after_it(periods):
    before = periods(silenced=[(0, 83)])
    after = periods(silenced=[(0, 83), (100, 183)])
    assert before == [NOTHING, (28, "suppressed", "ovarian_suppression"), (84, "unknown", "no_answer"), OLD]
    # Resumed within the gap of the episode, the drug acts at once.
    assert after == [*before[:3], (100, "suppressed", "ovarian_suppression"), (184, "unknown", "no_answer"), OLD]
    assert periods(silenced=[(0, 83), (84, 167)])[1:3] == [
        (28, "suppressed", "ovarian_suppression"),
        (168, "unknown", "no_answer"),
    ]


def test_pregnancy_and_periods_speak_for_working_ovaries(periods):
    assert periods(age=30, told=[told("pregnancy_status", 1, 3)])[1] == (
        3,
        "premenopausal",
        "pregnant_or_breast_feeding",
    )
    assert periods(age=30, conditions=[coded("O80", 3)])[1] == (3, "premenopausal", "ovaries_work_code")
    assert len(periods(age=30, conditions=[coded("O80", 3, history=True)])) == 2
    # A cycle day is often left standing in a form.
    assert len(periods(told=[told("cycle_day", 14, 3)])) == 2


def test_nothing_comes_of_itself_when_nobody_looks(periods):
    pre = [NOTHING, (0, "premenopausal", "premenopausal_state")]
    state = [told("menopausal_state", 0, 0)]
    assert periods(told=state, until=729) == pre
    assert periods(told=state, until=730) == [*pre, (730, "unknown", "evidence_too_old")]
    assert periods(until=AT_60 - 1) == [NOTHING]
    assert periods(until=AT_60) == [NOTHING, OLD]


@pytest.mark.parametrize(
    ("answer", "since"),
    [
        (last_period(400, 100), 100 - 400 + 365),
        (told("menopausal_state", 2, 100), 100),
        (told("menopausal_state", 0, 100), None),
    ],
)
def test_since_when_it_has_been_so(run_sql, answer, since):
    """A year after the last period; else the day it was told; before menopause no day."""
    inputs = {
        "staging.person": f"person_id | sex_code | age_years | entered_on\n1 | female | 52 | {DAY}",
        "staging.observation": f"person_id | observation_code | reading_number | value | observed_on\n{answer}",
    }
    row = next(row for row in run_sql(TABLE, inputs) if row["known_on"] == on(100))
    assert row["since_on"] == (None if since is None else on(since))


def test_periods_are_numbered_from_one(run_sql, only):
    inputs = {"staging.person": "person_id | sex_code | age_years\n1 | female | 60"}
    assert only(run_sql(TABLE, inputs))["period_number"] == 1
