"""A night on which few people changed: those alone are computed, and every table is what a full rebuild gives."""

import runpy
from dataclasses import replace
from pathlib import Path

import duckdb
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from pipelines import plan
from pipelines.errors import BlockedByCheck
from pipelines.run import Run
from pipelines.warehouse import production
from pipelines.warehouse.bucket import SLOT_SQL, Bucket
from pipelines.warehouse.changes import ChangeLog
from pipelines.warehouse.contract_check import check_contract
from pipelines.warehouse.parquet import FINGERPRINT, facts_of, fingerprint_of, write_frame
from pipelines.warehouse.runner import Runner
from pipelines.warehouse.store import Store

HERE = Path(__file__)
built_home = runpy.run_path(str(HERE.with_name("built_home.py")))
LAB = Path("2013-2014") / "TST_H.parquet"
OF_A_LANDING = {
    "raw.manifest",
    "raw.rejected_row",
    "raw.missing_piece",
    "raw.previous_histogram",
    "raw.previous_evidence",
}
ESTIMATES = {"staging.dxa_precision", "features.bone_norm", "features.bmd_slope_norm", "cohort.index_year"}


def reports(settings):
    with Run(settings) as run:
        run.land()
        return {step.table: run.step(step) for step in plan.steps()}


def rebuilt(settings, tmp_path):
    """The same drop in a new home."""
    again = replace(settings, home=tmp_path / "rebuilt")
    built_home["bring_up_to_date"](again)
    return again


def same_rows(one, other):
    for step in plan.steps():
        rows = [Store(settings).scan(step.table).collect() for settings in (one, other)]
        volatile = [name for name in ("run_id", "landed_at") if name in rows[0].columns]
        assert_frame_equal(*(frame.drop(volatile) for frame in rows), rel_tol=1e-9, abs_tol=1e-12)


def change_one_value(home):
    """Another estradiol for one person; their SEQN."""
    labs = pl.read_parquet(home.folder / LAB)
    row = labs.with_row_index().filter(pl.col("LBXEST") > 30)["index"][0]
    changed = labs.with_columns(pl.when(pl.int_range(pl.len()) == row).then(77.7).otherwise("LBXEST").alias("LBXEST"))
    changed.write_parquet(home.folder / LAB)
    return labs["SEQN"][row]


@pytest.fixture(scope="module")
def after_one_value(built, tmp_path_factory):
    """A new home of the drop in which one value is another, to be read only."""
    folder = tmp_path_factory.mktemp("one_value")
    changed = built_home["copy"](built, folder)
    change_one_value(changed)
    return rebuilt(changed, folder)


@pytest.fixture
def night(home):
    return replace(home, folder=Path(home.folder))


def test_one_changed_person_is_computed_alone_and_the_result_is_that_of_a_rebuild(night, after_one_value):
    change_one_value(night)
    found = reports(night)
    changed = ChangeLog(night).since(ChangeLog(night).latest() - 1)
    assert changed.height == 1
    assert found["staging.lab_result"].merged == found["staging.lab_result"].computed == 1
    assert found["features.e2_exposure"].merged == 1
    assert found["staging.dxa_scan"].computed == 0
    same_rows(night, after_one_value)
    for table in ("staging.lab_result", "features.e2_exposure"):
        (merged,), (whole,) = Store(night).files(table), Store(after_one_value).files(table)
        assert fingerprint_of(merged) == fingerprint_of(whole), "a merged file carries the name of a rebuilt one"


def test_the_contract_is_asked_of_what_is_merged_and_what_breaks_it_is_not(night, monkeypatch):
    change_one_value(night)
    (path,) = Store(night).files("staging.lab_result")
    before, asked = path.read_bytes(), []

    def refuse(rows, contract, settings):
        if contract.name == "staging.lab_result":
            asked.append(rows)
            raise BlockedByCheck("it breaks its contract")
        check_contract(rows, contract, settings)

    monkeypatch.setattr(production, "check_contract", refuse)
    with pytest.raises(BlockedByCheck):
        reports(night)
    (changed,) = ChangeLog(night).since(ChangeLog(night).latest() - 1)["person_id"]
    assert [set(rows["person_id"]) for rows in asked] == [{changed}]
    assert path.read_bytes() == before


def change_some_values(home, share):
    """Another estradiol for one person in so many."""
    labs = pl.read_parquet(home.folder / LAB)
    is_asked = pl.int_range(pl.len()) % share == 0
    labs.with_columns(pl.when(is_asked).then(pl.col("LBXEST") + 1.5).otherwise("LBXEST")).write_parquet(
        home.folder / LAB
    )


def of_people(settings):
    """Land, and bring the tables before the models up to date."""
    with Run(settings) as run:
        run.land()
        layers = built_home["PER_PERSON_LAYERS"]
        return {step.table: run.step(step) for step in plan.steps() if step.contract.layer in layers}


def test_changed_people_of_several_buckets_are_computed_at_once_and_lie_in_their_own(in_four_buckets, tmp_path):
    copied = built_home["copy"](in_four_buckets, tmp_path)
    night = replace(copied, folder=Path(copied.folder))
    change_some_values(night, 40)
    found = of_people(night)
    assert found["staging.lab_result"].merged == found["staging.lab_result"].computed == 4
    assert found["features.e2_exposure"].merged == 4
    again = replace(night, home=tmp_path / "again", persons_per_bucket=10_000, threads=1)
    assert of_people(again)["staging.lab_result"].computed == 1
    for table in found:
        one, other = (built_home["whole"](settings, table) for settings in (night, again))
        volatile = [name for name in ("run_id", "landed_at") if name in one.columns]
        assert_frame_equal(one.drop(volatile), other.drop(volatile), rel_tol=1e-9, abs_tol=1e-12)
    for path in Store(night).files("staging.lab_result"):
        slots = duckdb.sql(f"select distinct {SLOT_SQL} as slot from read_parquet('{path}')").pl()["slot"]
        bucket = Bucket.parse(path.stem)
        assert slots.is_between(bucket.first, bucket.last).all()


@pytest.mark.parametrize(
    ("chosen", "lengths"),
    [
        ({}, [2, 2]),
        ({"threads": 1}, [4]),
        ({"threads": 4}, [1, 1, 1, 1]),
        ({"threads": 1, "persons_per_bucket": 3}, [2, 2]),
        ({"runner": "dask"}, [1, 1, 1, 1]),
    ],
)
def test_no_more_people_at_once_than_one_bucket_has(in_four_buckets, tmp_path, chosen, lengths):
    copied = built_home["copy"](in_four_buckets, tmp_path)
    night = replace(copied, folder=Path(copied.folder))
    change_some_values(night, 40)
    with Run(night) as run:
        run.land()
        runner = Runner(replace(night, **chosen), run.facts)
    works = runner._works(plan.step("staging.lab_result"), Store(night))
    assert len(ChangeLog(night).since(ChangeLog(night).latest() - 1)) == 5
    assert [len(batch) for batch in runner._batches(list(works.values()))] == lengths


@pytest.mark.parametrize("step", [step for step in plan.steps() if step.is_per_person], ids=lambda step: step.table)
def test_no_step_of_people_reads_what_every_landing_changes(step):
    assert not OF_A_LANDING & set(step.inputs)


@pytest.mark.parametrize(
    "table", ["cohort.trial_person", "features.covariate", "features.outcome_event", "features.outcome_value"]
)
def test_cohorts_and_covariates_rest_on_no_estimate(table):
    """An estimate moves with everybody's rows: what is made from one through tables of people is made again for everybody."""
    of_people = {step.table: step for step in plan.steps() if step.is_per_person}
    chain, waiting = set(), [table]
    while waiting:
        name = waiting.pop()
        if name in of_people and name not in chain:
            chain.add(name)
            waiting.extend(of_people[name].inputs)
    read = {name for each in chain for name in of_people[each].inputs}
    assert "staging.lab_result" in chain and "ref.study" in read
    assert not ESTIMATES & read


def test_nobody_elses_rows_are_read_or_touched(night):
    """Everybody else's rows in the old file are marked: the marks must survive, for only the changed person is computed."""
    change_one_value(night)
    (path,) = Store(night).files("staging.lab_result")
    facts = facts_of(path)
    marked = pl.read_parquet(path).with_columns(source_variable=pl.lit("marked"))
    write_frame(marked.lazy(), path, facts[FINGERPRINT], facts=facts)
    reports(night)
    (changed,) = ChangeLog(night).since(ChangeLog(night).latest() - 1)["person_id"]
    is_marked = pl.read_parquet(path).select("person_id", marked=pl.col("source_variable") == "marked")
    assert is_marked.filter(pl.col("person_id") == changed)["marked"].any() is False
    assert is_marked.filter(pl.col("person_id") != changed)["marked"].all()


def test_a_person_who_left_the_drop_leaves_every_table(night, tmp_path):
    for file in Path(night.folder).rglob("*.parquet"):
        rows = pl.read_parquet(file)
        if "SEQN" in rows.columns and (file.stem == "DEMO_D" or file.stem == "BMX_D"):
            # The last one: anybody else's leaving would give everybody after another row number.
            rows.filter(pl.col("SEQN") != rows["SEQN"].max()).write_parquet(file)
    found = reports(night)
    assert found["staging.person"].merged == 1
    same_rows(night, rebuilt(night, tmp_path))


def test_a_landing_that_changes_nothing_is_no_generation(night):
    before = ChangeLog(night).latest()
    reports(night)
    assert ChangeLog(night).latest() == before


def test_changed_code_of_an_earlier_step_reaches_everybody(night, tmp_path):
    """The people did not change, the rule did: nothing may be merged."""
    person = plan.step("staging.person")
    path = tmp_path / "person.sql"
    path.write_text(
        person.producer.query.replace("85 else 80 end, false)", "85 else 80 end, true)") + "\n-- another rule"
    )
    other = replace(person, producer=replace(person.producer, path=path))
    steps = tuple(other if step.table == person.table else step for step in plan.steps())
    with Run(night) as run:
        run.land()
        found = {step.table: run.step(step) for step in steps}
    assert found["staging.person"].computed == found["staging.lab_result"].computed == 1
    assert found["staging.person"].merged == found["staging.lab_result"].merged == 0


def test_a_step_made_from_an_older_input_is_made_again_when_the_input_follows(night, after_one_value):
    """One asset materialised alone between two landings must not pass for up to date."""
    change_one_value(night)
    with Run(night) as run:
        run.land()
        run.step(plan.step("features.e2_exposure"))
    reports(night)
    same_rows(night, after_one_value)


def test_a_log_that_does_not_reach_back_means_everybody(night, after_one_value):
    change_one_value(night)
    with Run(night) as run:
        run.land()
    for path in ChangeLog(night).folder.glob("*"):
        path.unlink()
    found = reports(night)
    assert (found["staging.lab_result"].computed, found["staging.lab_result"].merged) == (1, 0)
    same_rows(night, after_one_value)
