"""Time-zero safety of the frame of symptoms: nothing that is known of a draw changes with its future, but what came after does.

Whether a symptom was there before is read from episodes, which go on after the draw: a leak there would be easy to plant.
"""

import runpy
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from pipelines.models.symptom_frame import SymptomFrame, symptom_frame
from pipelines.trials.study import catalogue

time_zero = runpy.run_path(str(Path(__file__).with_name("test_time_zero.py")))
computed, anchored, reference, KEY = (time_zero[name] for name in ("computed", "anchored", "reference", "KEY"))
lives = time_zero["lives"]
STUDY = catalogue()["symptoms_e2"]
MEN, WOMEN, DOSED = STUDY.symptom
RULE = "ref.episode_rule"
RESULTS = (
    "cohort.trial_person",
    "features.covariate",
    "features.steroid_panel",
    "features.symptom_episode",
    "features.drug_supply",
)
STEPS = (*time_zero["RESULTS"][:4], *RESULTS[2:])
PERSONS, SEED = 400, 11
#: a leak: the days until the next supply are covered, whatever was supplied
LATER = """    ) * 0 + greatest(
        0, coalesce(lead(day) over (partition by person_id, ingredient order by day) - cover_from_day, followed.supply_days)
    ) as cover_days,"""
EPISODE = "features.symptom_episode"


def results(
    staging: dict[str, pl.DataFrame], edits: dict[str, tuple[str, str]] | None = None
) -> dict[str, pl.DataFrame]:
    made = computed(staging, (STUDY.id,), edits=edits, results=STEPS)
    limits = pl.from_arrow(reference("ref.clinical_limit", (STUDY.id,)))
    rule = pl.from_arrow(reference(RULE, (STUDY.id,)))
    return {**made, "staging.symptom": staging["staging.symptom"], "ref.clinical_limit": limits, RULE: rule}


def frame(tables: dict[str, pl.DataFrame], symptom) -> tuple[SymptomFrame, pl.DataFrame]:
    """The frame, and the keys of its draws in order."""
    given = {name: table.lazy() for name, table in tables.items()}
    trials = tables["cohort.trial_person"].filter(study_id=STUDY.id, cohort_code=symptom.cohort)
    return symptom_frame(given, STUDY, symptom), trials.select(*KEY, "index_on").sort(KEY)


@pytest.fixture(scope="module")
def population() -> dict[str, pl.DataFrame]:
    return lives["staged"](PERSONS, SEED)


@pytest.fixture(scope="module")
def before(population) -> dict[str, pl.DataFrame]:
    return results(population)


def differing(before, after, anchors: pl.DataFrame, symptom) -> tuple[set[str], set[str], int]:
    """Fields known at the draws up to each anchor that differ, fields of follow-up that do, and how many draws were compared."""
    one, keys = frame(before, symptom)
    other, keys_after = frame(after, symptom)
    held = keys.with_row_index("was").join(anchors, on="person_id").filter(pl.col("index_on") <= pl.col("anchor_on"))
    both = held.join(keys_after.with_row_index("now"), on=[*KEY, "index_on"], how="inner")
    assert both.height == held.height, "a draw was lost"
    was, now = both["was"].to_numpy(), both["now"].to_numpy()
    known = {
        name
        for name in ("band", "log2_e2", "is_prompted", "is_prevalent")
        if not np.array_equal(getattr(one, name)[was], getattr(other, name)[now], equal_nan=name == "log2_e2")
    }
    if not one.covariates[was].equals(other.covariates.select(one.covariates.columns)[now]):
        known.add("covariates")
    later = {
        name
        for name in ("is_early", "event_day", "followed_days")
        if not np.array_equal(getattr(one, name)[was], getattr(other, name)[now], equal_nan=name == "event_day")
    }
    return known, later, both.height


def after_the_anchors(before, population, edits=None) -> tuple[pl.DataFrame, dict[str, pl.DataFrame]]:
    anchors = anchored(before, STUDY.id)
    return anchors, results(lives["randomised_after"](population, anchors, SEED), edits)


@pytest.fixture(scope="module")
def another_future(before, population) -> tuple[pl.DataFrame, dict[str, pl.DataFrame]]:
    return after_the_anchors(before, population)


@pytest.mark.parametrize("symptom", [MEN, WOMEN, DOSED], ids=lambda each: each.population)
def test_the_future_changes_what_came_after_a_draw_and_nothing_that_was_known(symptom, before, another_future) -> None:
    anchors, after = another_future
    known, later, n_draws = differing(before, after, anchors, symptom)
    assert n_draws >= 10, "too few draws to tell"
    assert known == set()
    assert "followed_days" in later


def test_men_show_that_every_known_field_tells_something(before) -> None:
    found, _ = frame(before, MEN)
    assert np.unique(found.band).size > 3 and np.isfinite(found.log2_e2).any() and np.isnan(found.log2_e2).any()
    assert found.is_prompted.any() and found.is_prevalent.any() and np.isfinite(found.event_day).any()


def test_doses_before_a_draw_tell_something(before) -> None:
    found, _ = frame(before, DOSED)
    counts = np.bincount(found.band + 1, minlength=6)
    assert counts[0] and counts[1] and counts[2:].any(), counts


def test_stock_that_is_told_by_later_supplies_is_found(before, population) -> None:
    """A supply that covers until the next one comes knows of it."""
    edits = {"features.drug_supply": ("    ) as cover_days,", LATER)}
    leaky = results(population, edits)
    anchors, after = after_the_anchors(leaky, population, edits)
    assert "band" in differing(leaky, after, anchors, DOSED)[0]


def test_an_episode_that_knows_of_later_records_is_found(before, population) -> None:
    """A washout without end makes one episode of all records of a person: then the first of them is not what was known."""
    edits = {EPISODE: ("min(recorded_on) as starts_on", "max(recorded_on) as starts_on")}
    leaky = results(population, edits)
    anchors, after = after_the_anchors(leaky, population, edits)
    assert "is_prevalent" in differing(leaky, after, anchors, MEN)[0]
