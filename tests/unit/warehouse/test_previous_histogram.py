"""What a night is compared with: the values published before the latest change of the input, and of nobody who withdrew."""

import runpy
from pathlib import Path

import polars as pl
from polars.testing import assert_frame_equal

from expectations.judge import judge
from pipelines import plan
from pipelines.run import Run
from pipelines.warehouse import tombstone, withdrawal
from pipelines.warehouse.publish import publish
from pipelines.warehouse.store import Store

built_home = runpy.run_path(str(Path(__file__).with_name("built_home.py")))
NAMES = ("models.value_histogram", "models.distribution_shift")


def test_the_published_values_are_kept_when_the_input_changes_and_only_then(built, tmp_path: Path) -> None:
    settings = built_home["copy"](built, tmp_path)
    store = Store(settings)
    previous = store.path("raw.previous_histogram", None)
    with Run(settings, run_id="r") as run:
        publish(settings, run.facts, "drop", "code", built_home["write_page"])
        run.land()
        assert not previous.exists(), "nothing changed"
        published = store.scan("models.value_histogram").collect()
        assert published["n"].sum() > 1000
        results = next(Path(settings.folder).rglob("BIOPRO_H.parquet"))
        pl.read_parquet(results).head(-20).write_parquet(results)
        run.land()
        assert_frame_equal(pl.read_parquet(previous), published, check_row_order=False)
        for step in plan.steps():
            if step.table.startswith("staging.") or step.table in NAMES:
                run.step(step)
    shift = store.scan("models.distribution_shift").collect().filter(comparison="previous_publication")
    assert shift.filter(pl.col("n") < pl.col("n_reference")).height > 0
    assert {result.status for result in judge("models.distribution_shift", settings)} <= {"pass", "not_applicable"}
    person = store.scan("staging.person").collect()["person_id"][0]
    tombstone.add(settings, frozenset([person]))
    withdrawal.remove_rows(settings)
    assert not previous.exists()
