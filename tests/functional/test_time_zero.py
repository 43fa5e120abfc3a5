"""Time-zero safety: what comes after time zero changes neither eligibility nor arm nor baseline covariates, but outcomes.

For every clinical study, everything dated after one time zero of each person is removed, moved or rewritten at random.
A leak planted in the SQL makes the comparison fail. Two counts over the whole source are held still, since no single
person's future may be read from them: the years in which both arms were in use, and which sources dispense a drug.
"""

import datetime as dt
import runpy
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa
import pytest
from polars.testing import assert_frame_equal

from pipelines import plan
from pipelines.run_facts import RunFacts
from pipelines.settings import sql_root
from pipelines.tables import CONTRACTS
from pipelines.trials.study import catalogue
from pipelines.warehouse.step import CsvProducer, PythonProducer, SqlProducer, read_csv

lives = runpy.run_path(str(Path(__file__).with_name("staged_lives.py")))
staged, randomised_after = lives["staged"], lives["randomised_after"]
Tables = dict[str, pl.DataFrame]
PERSONS, SEED = 400, 11
#: a study of modifiers has no people of its own: its strata are covariates of the trials that it names
CLINICAL = tuple(name for name, study in catalogue().items() if study.cohort)
HELD_STILL = ("cohort.overlap_year", "features.dispensing_source")
RESULTS = (
    "cohort.time_zero",
    "cohort.criterion",
    "cohort.trial_person",
    "features.covariate",
    "features.outcome_event",
)
KEY = ["study_id", "person_id", "trial_number"]
#: columns of trial_person that are known at time zero
KNOWN = [*KEY, "cohort_code", "arm_code", "index_on", "grace_ends_on", "cycle_label"]
# Surveys alone are read from it, and it is no step of SQL.
EMPTY = "features.e2_exposure"
Edits = Mapping[str, tuple[str, str]]


@lru_cache(maxsize=4)
def needed(results: tuple[str, ...]) -> frozenset[str]:
    """Every table behind the results, and the results."""
    return frozenset(results).union(*(plan.upstream(table) for table in results))


@lru_cache(maxsize=64)
def reference(table: str, studies: tuple[str, ...]) -> pa.Table:
    """A table of `ref` as the warehouse makes it."""
    producer = plan.step(table).producer
    if isinstance(producer, CsvProducer):
        return read_csv(sql_root() / "ref" / f"{table.split('.')[1]}.csv", CONTRACTS[table]).collect().to_arrow()
    assert isinstance(producer, PythonProducer)
    facts = RunFacts("run", "omop", studies, "white_female", 11, "simulated")
    return producer.resolve()({}, facts).collect().to_arrow()


def computed(
    staging: Tables,
    studies: tuple[str, ...],
    held: Mapping[str, pl.DataFrame] | None = None,
    edits: Edits | None = None,
    results: tuple[str, ...] = RESULTS,
) -> dict[str, pl.DataFrame]:
    """The results of the real SQL files on these staging tables, in the order of the plan; `edits` plant leaks."""
    made: dict[str, pl.DataFrame] = {}
    with duckdb.connect(config={"threads": 1}) as connection:
        for layer in ("ref", "source", "staging", "features", "cohort"):
            connection.execute(f"create schema {layer}")
        for step in plan.steps():
            table = step.table
            if table not in needed(results) or table.startswith("raw."):
                continue
            if table.startswith("ref."):
                content = reference(table, studies)
            elif table.startswith("staging.") or table == EMPTY:
                content = staging.get(table, CONTRACTS[table].empty()).to_arrow()
            elif held and table in held:
                content = held[table].to_arrow()
            else:
                assert isinstance(step.producer, SqlProducer), table
                old, new = (edits or {}).get(table, ("", ""))
                assert old in step.producer.query, f"{table}: no longer says {old}"
                query = step.producer.query.replace(old, new) if old else step.producer.query
                for view in step.producer.views:
                    connection.execute(f"create view if not exists {view.schema}.{view.path.stem} as {view.text}")
                connection.execute(f"create table {table} as {query}")
                if table in (*results, *HELD_STILL):
                    made[table] = connection.sql(f"from {table}").pl()
                continue
            connection.register("content", content)
            connection.execute(f"create table {table} as from content")
            connection.unregister("content")
    return made


@pytest.fixture(scope="module")
def population() -> Tables:
    return staged(PERSONS, SEED)


@pytest.fixture(scope="module")
def before(population: Tables) -> dict[str, pl.DataFrame]:
    """Results of the population as it is, all studies at once."""
    return computed(population, CLINICAL)


def anchored(before: dict[str, pl.DataFrame], study: str) -> pl.DataFrame:
    """One time zero of each person in the study, drawn at random: eligible ones where there are any."""
    zero = before["cohort.time_zero"].filter(study_id=study)
    eligible = before["cohort.trial_person"].filter(study_id=study).select(KEY, is_eligible=pl.lit(value=True))
    return (
        zero.join(eligible, on=KEY, how="left")
        .sort("person_id", "trial_number")
        .with_columns(at_random=pl.int_range(pl.len()).shuffle(seed=SEED))
        .sort("person_id", pl.col("is_eligible").is_null(), "at_random")
        .unique("person_id", keep="first", maintain_order=True)
        .select("person_id", anchor_on="index_on")
    )


def known(results: dict[str, pl.DataFrame], study: str, anchors: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """What is known at the time zeros up to the anchors: candidates, eligibility, arms, baseline covariates."""
    zero = results["cohort.time_zero"].filter(study_id=study).join(anchors, on="person_id")
    zero = zero.filter(pl.col("index_on") <= pl.col("anchor_on")).drop("anchor_on")
    trials = zero.select(KEY)
    people = results["cohort.trial_person"].select(KNOWN)
    found = {"time zero": zero, "eligibility": results["cohort.criterion"], "arm": people}
    if "features.covariate" in results:
        found["covariates"] = results["features.covariate"]
    return {name: frame.join(trials, on=KEY, how="semi").sort(pl.all()) for name, frame in found.items()}


def afterwards(
    before: dict[str, pl.DataFrame],
    population: Tables,
    study: str,
    edits: Edits | None = None,
    results: tuple[str, ...] = RESULTS,
) -> tuple[pl.DataFrame, dict[str, pl.DataFrame]]:
    """The anchors of a study, and its results once everything after them is randomised."""
    anchors = anchored(before, study)
    held = {table: before[table] for table in HELD_STILL}
    held["cohort.overlap_year"] = held["cohort.overlap_year"].filter(study_id=study)
    return anchors, computed(randomised_after(population, anchors, SEED), (study,), held, edits, results)


def differing(one: dict[str, pl.DataFrame], other: dict[str, pl.DataFrame]) -> set[str]:
    return {name for name in one if not one[name].equals(other[name])}


@pytest.mark.parametrize("study", CLINICAL)
def test_the_future_changes_outcomes_and_nothing_that_was_known(study, before, population) -> None:
    anchors, after = afterwards(before, population, study)
    was, now = known(before, study, anchors), known(after, study, anchors)
    assert was["arm"].height >= 10 and was["covariates"].height >= 300, "too few people to tell"
    for name in was:
        assert_frame_equal(was[name], now[name])
    trials = was["arm"].select(KEY)
    ends = [
        results["cohort.trial_person"].join(trials, on=KEY, how="semi").sort(KEY).drop(KNOWN[3:])
        for results in (before, after)
    ]
    assert not ends[0].equals(ends[1]), "follow-up does not change"
    if not before["features.outcome_event"].filter(study_id=study).is_empty():
        events = [
            results["features.outcome_event"].join(trials, on=KEY, how="semi").sort(*KEY, "outcome_code")
            for results in (before, after)
        ]
        assert not events[0].equals(events[1]), "outcomes do not change"


WHOLE = "order by event_on rows between unbounded preceding and unbounded following\n        ) as use_until_on"
LEAKS: dict[str, tuple[str, Edits]] = {
    "a supply of next month counts in eligibility": (
        "eligibility",
        {"cohort.criterion": ("event_on <= asked.look_until_on", "event_on <= asked.look_until_on + 30")},
    ),
    "death after time zero counts in eligibility": (
        "eligibility",
        {"cohort.criterion": ("coalesce(death.died_on >= moment.index_on, true)", "death.died_on is null")},
    ),
    "the arm is what is supplied within the next months": (
        "time zero",
        {"cohort.time_zero": ("event.event_on = candidate.index_on", "event.event_on >= candidate.index_on")},
    ),
    "use by supplies still to come": (
        "eligibility",
        {"cohort.event": ("order by event_on rows unbounded preceding\n        ) as use_until_on", WHOLE)},
    ),
    "a result drawn after time zero is a covariate": (
        "covariates",
        {"features.covariate": ("lab.drawn_on <= moment.index_on", "lab.drawn_on <= moment.index_on + 60")},
    ),
}


@pytest.mark.parametrize("leak", LEAKS)
def test_a_planted_leak_is_found(leak: str, population: Tables) -> None:
    """Immortal time and its kin: each would pass unnoticed if the comparison were blind to it."""
    where, edits = LEAKS[leak]
    study = "trt_ai_addon" if "still to come" in leak else "ai_vs_tamoxifen"
    asked = RESULTS if where == "covariates" else RESULTS[:3]
    leaky = computed(population, (study,), edits=edits, results=asked)
    anchors, after = afterwards(leaky, population, study, edits, asked)
    assert where in differing(known(leaky, study, anchors), known(after, study, anchors))


def on_the_day(population: Tables, table: str, anchors: pl.DataFrame, **said: object) -> pl.DataFrame:
    """The table with one more row for each person on the day of the anchor: the first row of the table, rewritten."""
    given = population[table]
    columns = {name: pl.lit(value, given.schema[name]) for name, value in said.items()}
    day = lives["DATED"][table][0]
    rows = given.head(1).drop("person_id").join(anchors, how="cross")
    rows = rows.with_columns(
        pl.col("anchor_on").alias(day), source_row=10_000_000 + pl.int_range(pl.len(), dtype=pl.Int64), **columns
    )
    return pl.concat([given, rows.select(given.columns).cast(given.schema)])


SAME_DAY: dict[str, Edits] = {
    "": {},
    "covariates": {"features.covariate": ("dispensed.started_on < moment", "dispensed.started_on <= moment")},
    "eligibility": {"cohort.criterion": ("'drug.') then 1 else 0", "'drug.') then 0 else 0")},
}


@pytest.mark.parametrize("where", SAME_DAY)
def test_supplies_of_the_day_itself_are_not_known(where: str, before, population) -> None:
    """Bone drug and statin on the day of time zero exclude nobody, and are no covariate; a planted leak is found."""
    study = "ai_vs_tamoxifen"
    anchors = anchored(before, study)
    held = {table: before[table] for table in HELD_STILL}
    changed = dict(population)
    for name, drug in (("alendronate", "bisphosphonate"), ("atorvastatin", "statin")):
        changed["staging.drug_exposure"] = on_the_day(
            changed, "staging.drug_exposure", anchors, ingredient=name, drug_name=name, drug_class=drug
        )
    after = computed(changed, (study,), held, SAME_DAY[where])
    was, now = known(before, study, anchors), known(after, study, anchors)
    assert was["arm"].height >= 10
    assert where in differing(was, now) if where else differing(was, now) == set()


def test_results_scans_and_diagnoses_of_the_day_itself_are_known(before, population) -> None:
    study = "ai_vs_tamoxifen"
    anchors = anchored(before, study)
    held = {table: before[table] for table in HELD_STILL}
    laboratory = {"specimen_id": "day", "analyte_code": "ldl_cholesterol_reported", "value": 444.0, "operator": "="}
    changed = population | {
        "staging.lab_result": on_the_day(
            population, "staging.lab_result", anchors, is_censored=False, **laboratory
        ).filter(
            # One result of the analyte on a day: what else was drawn on it gives way.
            pl.col("specimen_id").eq("day") | ~pl.struct("person_id", "drawn_on").is_in(_days(anchors))
        ),
        "staging.condition": on_the_day(population, "staging.condition", anchors, condition_code="S72.001A"),
        "staging.dxa_scan": on_the_day(population, "staging.dxa_scan", anchors, scan_id="day", bmd_g_cm2=0.6),
    }
    after = known(computed(changed, (study,), held), study, anchors)
    at_anchor = after["arm"].join(anchors.rename({"anchor_on": "index_on"}), on=["person_id", "index_on"], how="semi")
    assert at_anchor.height >= 10
    of_day = after["covariates"].join(at_anchor.select(KEY), on=KEY, how="semi")
    for code, value in (("ldl_reported_mg_dl", 444.0), ("ever_hip_fracture", 1.0), ("days_since_dxa", 0.0)):
        assert of_day.filter(covariate_code=code)["value"].to_list() == [value] * at_anchor.height, code


def _days(anchors: pl.DataFrame) -> pl.Series:
    return anchors.select(pl.struct("person_id", drawn_on="anchor_on")).to_series().implode()


#: dated, and yet nothing that a time zero could come before: the day on which a person entered; the last day of a delivery
UNDATED = {"staging.person", "staging.latest_day"}


def test_every_dated_table_behind_the_results_is_randomised(population: Tables) -> None:
    dated = {
        table
        for table in needed(RESULTS)
        if table.startswith("staging.") and pl.Date in CONTRACTS[table].empty().schema.values()
    }
    assert dated - UNDATED == set(lives["DATED"])
    assert {table for table in dated - UNDATED if population[table].is_empty()} == set()


def test_every_table_that_a_covariate_reads_tells_something(before) -> None:
    """A leak through a table without rows would not show."""
    reads = pl.read_csv(sql_root() / "ref" / "covariate.csv").select("covariate_code", "reads")
    told = before["features.covariate"].filter(pl.col("value") > 0).join(reads, on="covariate_code")
    assert set(reads["reads"]) - set(told["reads"]) == set()


def test_the_population_has_people_in_every_cohort(before) -> None:
    found = {tuple(row) for row in before["cohort.trial_person"].select("study_id", "cohort_code").unique().rows()}
    asked = {(name, cohort.code) for name in CLINICAL for cohort in catalogue()[name].cohort}
    assert {cohort for cohort in asked - found if not cohort[1].endswith("_history")} == set()


def test_randomising_leaves_the_past_alone(population: Tables) -> None:
    anchors = population["staging.person"].select("person_id", anchor_on=pl.lit(dt.date(2012, 6, 1)))
    changed = randomised_after(population, anchors, SEED)["staging.lab_result"]
    past = pl.col("drawn_on") <= dt.date(2012, 6, 1)
    assert_frame_equal(changed.filter(past), population["staging.lab_result"].filter(past))
    assert changed.filter(~past).height < population["staging.lab_result"].filter(~past).height
