"""The runner on the real plan: what is computed again and what is not, and tables that do not depend on the buckets."""

import runpy
import shutil
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from pipelines import plan
from pipelines.run import Run
from pipelines.warehouse.bucket import SLOT_SQL, Bucket
from pipelines.warehouse.engine import connect, literal
from pipelines.warehouse.parquet import fingerprint_of
from pipelines.warehouse.step import SqlProducer
from pipelines.warehouse.store import Store

built_home = runpy.run_path(str(Path(__file__).with_name("built_home.py")))
bring_up_to_date, whole = built_home["bring_up_to_date"], built_home["whole"]


def downstream(*changed):
    """Tables whose steps read one of these, directly or not, by walking the plan."""
    reached = set(changed)
    for step in plan.steps():
        if reached & set(step.inputs):
            reached.add(step.table)
    return reached - set(changed)


def state(settings):
    return {p: (p.stat().st_ino, fingerprint_of(p)) for p in settings.data.rglob("*.parquet")}


def test_a_second_run_computes_and_writes_nothing(home):
    before = state(home)
    assert len(before) > 100
    assert bring_up_to_date(home) == {}
    assert state(home) == before


def test_a_deleted_file_is_computed_again_alone(home):
    store = Store(home)
    for table in ("staging.lab_result", "features.covariate", "mart.effect_estimate", "ref.drug"):
        (path,) = store.files(table)
        before, content = fingerprint_of(path), pl.read_parquet(path)
        path.unlink()
        assert bring_up_to_date(home) == {table: 1}
        assert fingerprint_of(path) == before
        again = pl.read_parquet(path)
        # The run that computed the rows signs them.
        assert_frame_equal(again.drop("run_id", strict=False), content.drop("run_id", strict=False), rel_tol=1e-9)


def test_a_truncated_file_is_computed_again_alone(home):
    (path,) = Store(home).files("staging.person")
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    assert bring_up_to_date(home) == {"staging.person": 1}
    assert path.read_bytes() == content


def test_a_changed_source_file_is_followed_downstream_and_no_further(home):
    """The manifest names the new checksum, so what reads the manifest follows too; a list that came out the same ends it."""
    source = Path(home.folder) / "2005-2006" / "SMQ_D.parquet"
    before = state(home)
    smokers = pl.read_parquet(source)
    smokers.head(smokers.height - 1).write_parquet(source)
    computed = bring_up_to_date(home)
    population = ("raw.manifest", "raw.missing_piece", "raw.rejected_row")
    reachable = downstream("raw.nhanes_smq", *population)
    assert set(computed) <= reachable
    assert {"staging.observation", "features.covariate", "models.effect_estimate"} <= set(computed)
    assert reachable.isdisjoint({"staging.drug_product", "ref.drug"})
    # These read a list of days that hangs on the manifest, and that came out the same.
    assert set(computed).isdisjoint({"staging.person", "staging.dxa_scan", "staging.lab_result"})
    assert "mart.attrition" in reachable - set(computed), "its input, a table of counts, came out the same"
    layers = {"/".join(p.relative_to(home.data).parts[:2]) for p, kept in state(home).items() if before[p] != kept}
    assert layers == {table.replace(".", "/") for table in set(computed) | {"raw.nhanes_smq", *population}}


def test_another_threshold_reaches_only_what_depends_on_it(home):
    asked = {step.table for step in plan.steps() if "min_cell" in step.depends_on}
    computed, reachable = set(bring_up_to_date(replace(home, min_cell=12))), asked | downstream(*asked)
    assert asked <= computed <= reachable
    assert reachable - computed == {"models.claim", "models.evidence_drift"}, (
        "estimates came out the same, which ends it there"
    )


def test_rows_and_fingerprint_are_of_the_same_text(home, tmp_path):
    """A query edited under a running server: the file must not carry the new rows under the old text's name."""
    person = plan.step("staging.person")
    path = tmp_path / "person.sql"
    step = replace(person, producer=SqlProducer(path, person.producer.views))
    ages = {}
    query = person.producer.query
    for text in (
        query,
        query.replace(
            "select * from source.nhanes_person", "select * replace (1.0 as age_years) from source.nhanes_person"
        ),
    ):
        path.write_text(text)
        with Run(home) as run:
            run.step(step)
        (file,) = Store(home).files("staging.person")
        ages.setdefault(fingerprint_of(file), set()).add(pl.read_parquet(file)["age_years"].sum())
        file.unlink()
    assert len(ages) == 2 and all(len(sums) == 1 for sums in ages.values())


def test_files_of_buckets_that_are_no_more_are_removed(home):
    path = Store(home).path("staging.person", None)
    own = Store(home).path("staging.person", Bucket(0, 4095))
    strangers = [path, own.with_name("0000-0511.parquet")]
    for stranger in strangers:
        shutil.copyfile(own, stranger)
    with Run(home) as run:
        report = run.step(plan.step("staging.person"))
    assert (report.computed, report.current) == (0, 1)
    assert Store(home).files("staging.person") == (own,)
    assert report.rows == pl.read_parquet(own).height


def test_files_are_stored_in_the_order_of_their_key(built):
    for step in plan.steps():
        for path in Store(built).files(step.table):
            if key := list(step.contract.key):
                frame = pl.read_parquet(path, columns=key)
                assert_frame_equal(frame, frame.sort(key, nulls_last=True), check_row_order=True)


PER_PERSON_LAYERS = built_home["PER_PERSON_LAYERS"]


@pytest.mark.parametrize("table", [s.table for s in plan.steps() if s.contract.layer in PER_PERSON_LAYERS])
def test_four_buckets_give_the_rows_of_one(built, in_four_buckets, table):
    """Keys, whole numbers, codes and texts to the letter; measured and computed numbers to 1e-9."""
    one, four = (whole(settings, table) for settings in (built, in_four_buckets))
    assert_frame_equal(one, four, check_exact=False, rel_tol=1e-9, abs_tol=1e-12)


def test_the_buckets_hold_their_own_people(in_four_buckets):
    store = Store(in_four_buckets)
    with connect(in_four_buckets) as connection:
        for table in ("staging.person", "features.e2_exposure", "raw.nhanes_demo"):
            for bucket in store.buckets():
                files = [p for p in store.files(table) if bucket.name in str(p)]
                assert files
                listed = ", ".join(literal(path) for path in files)
                (low, high) = connection.execute(
                    f"select min({SLOT_SQL}), max({SLOT_SQL}) from read_parquet([{listed}])"
                ).fetchone()
                assert bucket.first <= low <= high <= bucket.last


def test_going_back_to_one_bucket_gives_the_first_files_again(built, in_four_buckets, tmp_path):
    settings = replace(built, home=tmp_path / "home")
    shutil.copytree(in_four_buckets.home, settings.home)
    with Run(settings) as run:
        run.land()
        run.step(plan.step("staging.person"))
    assert [p.name for p in Store(settings).files("staging.person")] == ["0000-4095.parquet"]
    assert_frame_equal(whole(settings, "staging.person"), whole(built, "staging.person"))
