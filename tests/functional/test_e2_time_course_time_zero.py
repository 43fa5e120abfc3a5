"""Time-zero safety of the frame of time courses: draws before a first supply do not change with its future, those after it do.

Which class of assay a person has is read from draws; one taken after the first supply must not tell it.
"""

import runpy
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from pipelines.models import e2_time_course_frame as frames
from pipelines.models.e2_time_course_frame import TimeCourseFrame, e2_time_course_frame
from pipelines.trials.study import catalogue

time_zero = runpy.run_path(str(Path(__file__).with_name("test_time_zero.py")))
computed, anchored = time_zero["computed"], time_zero["anchored"]
lives = time_zero["lives"]
STUDY = catalogue()["e2_pkpd"]
REGIMEN = "features.ai_regimen"
STEPS = (*time_zero["RESULTS"][:4], REGIMEN)
PERSONS, SEED = 400, 11
Tables = dict[str, pl.DataFrame]


@pytest.fixture(scope="module", autouse=True)
def every_class():
    """A few hundred lives: every class of assay counts, however few have it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(frames, "LEAST_OF_CLASS", 1)
        yield


def results(staging: Tables) -> Tables:
    made = computed(staging, (STUDY.id,), results=STEPS)
    return {**made, "staging.lab_result": staging["staging.lab_result"]}


def frame(tables: Tables, question) -> TimeCourseFrame:
    return e2_time_course_frame({name: table.lazy() for name, table in tables.items()}, STUDY, question)


def only(tables: Tables, people: pl.Series) -> Tables:
    """The same tables of these people."""
    return {
        name: table.filter(pl.col("person_id").is_in(people.implode())) if "person_id" in table.columns else table
        for name, table in tables.items()
    }


@pytest.fixture(scope="module")
def both() -> tuple[Tables, Tables]:
    """Results, and results once everything after the time zeros is randomised, of those whose first time zero it is."""
    population = lives["staged"](PERSONS, SEED)
    before = results(population)
    anchors = anchored(before, STUDY.id)
    after = results(lives["randomised_after"](population, anchors, SEED))
    trial = before["cohort.trial_person"].filter(study_id=STUDY.id).join(anchors, on="person_id")
    people = trial.filter(pl.col("index_on") == pl.col("anchor_on"))["person_id"]
    return only(before, people), only(after, people)


def known(found: TimeCourseFrame) -> list[tuple[float, ...]]:
    """Draws before the first supply, with the class of the person."""
    rows = found.days == 0
    names = np.array([*found.classes, ""])[found.assay[rows]]
    return sorted(zip(found.lower[rows], found.upper[rows], names, strict=True))


def test_the_future_changes_draws_after_the_first_supply_and_none_before(both) -> None:
    before, after = both
    compared, later = 0, False
    for question in STUDY.time_course:
        one, other = frame(before, question), frame(after, question)
        assert one.n_cohort == other.n_cohort
        assert known(one) == known(other)
        compared += len(known(one))
        later |= not np.array_equal(one.lower[one.is_after], other.lower[other.is_after])
    assert compared >= 10, "too few draws to tell"
    assert later, "nothing after the first supply was changed"


def test_later_draws_that_tell_the_start_are_found(both, monkeypatch: pytest.MonkeyPatch) -> None:
    """A leak: every draw is taken for one before the first supply, so that later ones tell start and class."""
    real = frames._with_regimen
    monkeypatch.setattr(
        frames, "_with_regimen", lambda inputs, daily: real(inputs, daily.with_columns(day=pl.col("day") - 10_000))
    )
    before, after = both
    assert any(known(frame(before, each)) != known(frame(after, each)) for each in STUDY.time_course)
