"""From draws and regimens to gate and rows: whose draws count, when a gate closes, and what is not bounded is not told."""

import datetime as dt
import runpy
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from threadpoolctl import threadpool_limits

from pipelines import mart
from pipelines.models import e2_time_course_tables
from pipelines.models.e2_time_course_frame import TimeCourseFrame, e2_time_course_frame
from pipelines.run_facts import RunFacts
from pipelines.tables import CONTRACTS
from pipelines.trials.study import catalogue
from pipelines.trials.time_course import T90
from pipelines.trials.waiver import REQUIRED

made = runpy.run_path(str(Path(__file__).parents[2] / "recovery" / "e2_time_course_world.py"))
drawn, tables, true_fall = made["drawn"], made["tables"], made["true_fall"]
STUDY = catalogue()["e2_pkpd"]
MEN, WOMEN, PREMENOPAUSAL = STUDY.time_course
FACTS = RunFacts("run", "omop", (STUDY.id,), "white_female", 11, "simulated")
ZERO = dt.date(2020, 3, 1)
Inputs = dict[str, pl.LazyFrame]


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    with threadpool_limits(1):
        yield


def answered(given: Inputs) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Diagnostics and estimates of men."""
    judged = e2_time_course_tables.diagnostics(given, FACTS)
    found = e2_time_course_tables.effect_estimates(given | {"models.diagnostic": judged}, FACTS).collect()
    CONTRACTS["models.effect_estimate"].schema.validate(found, cast=True)
    CONTRACTS["models.diagnostic"].schema.validate(judged.collect(), cast=True)
    return judged.collect().filter(population="men"), found.filter(population="men")


@pytest.fixture(scope="module")
def whole() -> tuple[pl.DataFrame, pl.DataFrame]:
    return answered(tables(drawn(1), STUDY.id))


def test_men_have_their_falls_and_their_time(whole) -> None:
    judged, found = whole
    assert set(found["gate_status"]) == {"open"} and found["outcome"].to_list() == list(MEN.outcomes)
    assert set(judged.filter(diagnostic="ease")["status"]) == {"not_applicable"}
    assert judged.filter(diagnostic="ease")["rule"].str.contains("no arm").all()
    assert set(judged["diagnostic"]) >= set(REQUIRED["time_course"])
    rows = {row["outcome"]: row for row in found.to_dicts()}
    for outcome in MEN.outcomes[:-1]:
        row, truth = rows[outcome], true_fall(MEN.day_of(outcome))
        assert row["ci_low"] < row["estimate"] < row["ci_high"]
        assert abs(row["estimate"] - truth) < 3.5 * row["se"], outcome
    time = rows[T90]
    assert time["ci_low"] < 3.0 < time["ci_high"] and time["p_value"] is None
    assert time["se_method"].startswith("sandwich by person; interval by profile likelihood")
    assert set(found["n_target"]) == {200} and (found["n_censored"] > 50).all()


def test_the_others_are_apart_and_have_nothing() -> None:
    given = tables(drawn(1), STUDY.id)
    judged = e2_time_course_tables.diagnostics(given, FACTS)
    found = e2_time_course_tables.effect_estimates(given | {"models.diagnostic": judged}, FACTS).collect()
    assert set(found["population"]) == {"men", "postmenopausal_women", "premenopausal_women"}
    rest = found.filter(pl.col("population") != "men")
    assert set(rest["gate_status"]) == {"closed"} and rest["estimate"].is_null().all()
    assert rest["gate_reason"].str.contains("people_before_and_after fail").all()
    assert rest["gate_reason"].str.contains("censored_share not_evaluated").all()


@pytest.mark.parametrize(
    ("some", "said"),
    [
        ({"censored": 0.75}, "censored_share fail"),
        ({"days": (14, 28, 56, 84)}, "people_first_week fail"),
        ({"people": 45}, "people_before_and_after fail"),
    ],
)
def test_a_gate_closes_and_tells_nothing(some: dict, said: str) -> None:
    _, found = answered(tables(drawn(1, **some), STUDY.id))
    assert set(found["gate_status"]) == {"closed"}
    assert found["gate_reason"].str.contains(said).all()
    assert (
        found.select("estimate", "se", "ci_low", "ci_high", "p_value", "n_target").null_count().sum_horizontal()[0]
        == 36
    )


def test_draws_of_unknown_assay_close_the_gate_where_they_are_many() -> None:
    given = tables(drawn(1), STUDY.id)
    for share, status in ((0.1, "pass"), (0.6, "fail")):
        is_unknown = pl.int_range(pl.len()) % 10 < 10 * share
        changed = given["staging.lab_result"].with_columns(
            assay_class=pl.when(is_unknown).then(pl.lit("unknown")).otherwise("assay_class")
        )
        judged = e2_time_course_tables.diagnostics(given | {"staging.lab_result": changed}, FACTS).collect()
        row = judged.filter(population="men", diagnostic="unknown_assay_share").row(0, named=True)
        assert (row["value"], row["status"]) == (pytest.approx(share, abs=0.01), status)


def test_a_time_that_is_not_bounded_is_closed_and_later_falls_are_told() -> None:
    """Everybody is drawn from day 6 on, when all is over."""
    _, found = answered(tables(drawn(2, t90=0.5, days=(6, 7, 14, 28, 56, 84)), STUDY.id))
    rows = {row["outcome"]: row for row in found.to_dicts()}
    assert (rows[T90]["gate_status"], rows[T90]["estimate"], rows[T90]["se"]) == ("closed", None, None)
    assert rows[T90]["gate_reason"] == "not estimable: the time to 90 % of the fall is not bounded below"
    assert rows["estradiol_fall_day_1_pct"]["gate_reason"].startswith("not estimable: draws begin when")
    assert rows["estradiol_fall_day_28_pct"]["gate_status"] == "open"


def test_no_fall_is_no_time() -> None:
    _, found = answered(tables(drawn(1, fallen=0.0, omega=0.0), STUDY.id))
    assert set(found["gate_reason"]) == {
        "not estimable: no fall of estradiol is told from none: nothing tells how fast it was"
    }


def test_a_rise_is_told_and_has_no_time_of_a_fall() -> None:
    _, found = answered(tables(drawn(1, fallen=-0.5, omega=0.1, censored=0.0), STUDY.id))
    rows = {row["outcome"]: row for row in found.to_dicts()}
    assert rows["estradiol_fall_day_28_pct"]["ci_high"] < -40
    assert rows[T90]["gate_reason"] == "not estimable: estradiol rises: there is no fall whose time could be told"


def test_what_leaves_hides_few_people_and_keeps_the_rest(whole) -> None:
    judged, found = whole
    given = {"models.effect_estimate": found.lazy(), "models.diagnostic": judged.lazy()}
    shown = mart.effect_estimate(given, FACTS).collect()
    assert shown["estimate"].to_list() == found["estimate"].to_list()
    told = mart.diagnostic({"models.diagnostic": judged.lazy()}, FACTS).collect()
    people = told.filter(diagnostic="people_before_and_after")["value"]
    assert (people % 10 == 0).all() and not told["diagnostic"].str.starts_with("n_").any()


def frame(results: list[tuple], regimens: list[tuple], more: int = 20) -> TimeCourseFrame:
    """Person 1 as given, by day; and others with a draw before and one after, so that a class has enough people."""
    rows = [(1, *row) for row in results]
    rows += [(100 + each, day, 20.0 - day, "=", "lc_ms_ms") for each in range(more) for day in (-5, 10)]
    courses = [(1, *row) for row in regimens] + [(100 + each, "anastrozole", 0, 90) for each in range(more)]
    people = sorted({row[0] for row in rows})
    days = [ZERO + dt.timedelta(days=row[1]) for row in rows]
    lab = pl.DataFrame(
        {
            "person_id": [row[0] for row in rows],
            "analyte_code": "estradiol",
            "assay_class": [row[4] for row in rows],
            "drawn_on": days,
            "value": [row[2] for row in rows],
            "operator": [row[3] for row in rows],
        }
    )
    trial = {"person_id": people, "trial_number": 1, "study_id": STUDY.id, "cohort_code": "men", "index_on": ZERO}
    regimen = {
        "person_id": [row[0] for row in courses],
        "ingredient": [row[1] for row in courses],
        "starts_on": [ZERO + dt.timedelta(days=row[2]) for row in courses],
        "ends_on": [ZERO + dt.timedelta(days=row[3]) for row in courses],
    }
    end = pl.DataFrame(trial).with_columns(end_on=pl.lit(ZERO + dt.timedelta(days=84))).lazy()
    given = {"cohort.trial_person": end, "staging.lab_result": lab.lazy()}
    return e2_time_course_frame(given | {"features.ai_regimen": pl.DataFrame(regimen).lazy()}, STUDY, MEN)


MASS = "lc_ms_ms"
BEFORE = (-5, 30.0, "=", MASS)


@pytest.mark.parametrize(
    ("results", "regimens", "days"),
    [
        ([BEFORE, (3, 10.0, "=", MASS), (40, 8.0, "=", MASS)], [("anastrozole", 0, 90)], [0, 3, 40]),
        # The day of the first supply is before; a year and a day before is too long ago, and so is what follows the end.
        ([(0, 30.0, "=", MASS), (-366, 30.0, "=", MASS), (85, 9.0, "=", MASS)], [("anastrozole", 0, 200)], [0]),
        ([(-365, 30.0, "=", MASS), (84, 9.0, "=", MASS)], [("anastrozole", 0, 200)], [0, 84]),
        # After the last day with stock, a change of dose, and another inhibitor.
        ([BEFORE, (30, 9.0, "=", MASS), (31, 25.0, "=", MASS)], [("anastrozole", 0, 30)], [0, 30]),
        ([BEFORE, (29, 9.0, "=", MASS), (30, 5.0, "=", MASS)], [("anastrozole", 0, 60), ("letrozole", 30, 90)], [0, 29]),
        # Two inhibitors at once, or a supply of unknown length: nothing after counts.
        ([BEFORE, (10, 9.0, "=", MASS)], [("anastrozole", 0, 60), ("letrozole", 0, 60)], [0]),
        ([BEFORE, (10, 9.0, "=", MASS)], [], [0]),
        # Another class of assay than before, and one that is not known.
        ([BEFORE, (5, 9.0, "=", "immunoassay"), (6, 9.0, "=", MASS), (7, 9.0, "=", "unknown")], [("anastrozole", 0, 60)], [0, 6]),
    ],
)  # fmt: skip
def test_whose_draws_count(results: list[tuple], regimens: list[tuple], days: list[int]) -> None:
    found = frame(results, regimens)
    assert found.days[found.person == 0].tolist() == days
    assert found.n_cohort == 21 and found.classes == (MASS,)


def test_bounds_are_those_of_the_day() -> None:
    found = frame(
        [BEFORE, (3, 5.0, "<", MASS), (7, 60.0, ">", MASS), (9, 4.0, "=", MASS), (9, 6.0, "=", MASS)],
        [("anastrozole", 0, 60)],
    )
    mine = found.person == 0
    assert found.lower[mine] == pytest.approx([np.log(30), -np.inf, np.log(60), np.log(5)])
    assert found.upper[mine] == pytest.approx([np.log(30), np.log(5), np.inf, np.log(5)])
    assert found.n_censored_people == 1 and found.censored_share == pytest.approx(2 / 23)
    assert (found.n_before_and_after, found.n_first_week, found.n_after) == (21, 1, 21)


def test_a_class_that_few_people_have_is_left_out() -> None:
    found = frame([(-5, 30.0, "=", "immunoassay"), (3, 9.0, "=", "immunoassay")], [("anastrozole", 0, 60)])
    assert found.classes == (MASS,) and np.unique(found.person).size == 20
    alone = frame([BEFORE], [("anastrozole", 0, 60)], more=0)
    assert alone.classes == () and alone.censored_share is None and alone.days.size == 0
