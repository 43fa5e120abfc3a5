"""Tables of the population that add up: each bucket by itself, then the sum; the same as everybody at once."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from pipelines import plan
from pipelines.run_facts import RunFacts
from pipelines.settings import Settings
from pipelines.tables import CONTRACTS
from pipelines.warehouse import production
from pipelines.warehouse.bucket import SLOT_SQL, SLOTS
from pipelines.warehouse.engine import connect
from pipelines.warehouse.parquet import write_frame
from pipelines.warehouse.runner import Runner
from pipelines.warehouse.step import SqlProducer
from pipelines.warehouse.store import Store

TABLE = "models.level_change"
FACTS = RunFacts("one", "flat", (), "white_female", 11, "simulated")


def results(n_people=60):
    """A dozen dated results each, at two laboratories."""
    rng = np.random.default_rng(5)
    rows = [
        {
            "person_id": 1000 + person,
            "analyte_code": "estradiol",
            "value": float(rng.uniform(10, 40)),
            "operator": "=",
            "drawn_on": date(2015, 1, 10) + timedelta(days=91 * number),
            "lab_id": "north" if rng.random() < 0.7 else "south",
            "assay_class": "lc_ms_ms",
            "source_unit": "pg/mL",
        }
        for person in range(n_people)
        for number in range(12)
    ]
    schema = CONTRACTS["staging.lab_result"].empty().schema
    stored = {name: pl.String if dtype.base_type() == pl.Enum else dtype for name, dtype in schema.items()}
    return pl.DataFrame(rows, schema={name: dtype for name, dtype in stored.items() if name in rows[0]}).select(
        pl.col(name) if name in rows[0] else pl.lit(None, dtype).alias(name) for name, dtype in stored.items()
    )


def made(settings, n_people_a_bucket):
    """The table, from results laid out in buckets of so many people."""
    settings = replace(settings, persons_per_bucket=n_people_a_bucket)
    store, rows = Store(settings), results()
    buckets = store.lay_out(60)
    with connect(settings) as connection:
        connection.register("people", rows.select(pl.col("person_id").unique()).to_arrow())
        slots = connection.sql(f"select person_id, {SLOT_SQL} as slot from people").pl()
    placed = rows.join(slots, on="person_id")
    for bucket in buckets:
        own = placed.filter(pl.col("slot").is_between(bucket.first, bucket.last)).drop("slot")
        write_frame(own.lazy(), store.path("staging.lab_result", bucket), "given")
    with Runner(settings, FACTS) as runner:
        runner.bring_up_to_date(plan.step(TABLE))
    return len(buckets), store.scan(TABLE).collect()


def test_buckets_add_up_to_everybody(tmp_path):
    one = made(Settings(home=tmp_path / "one", memory_gb=1.0, threads=1), 60)
    many = made(Settings(home=tmp_path / "many", memory_gb=1.0, threads=1), 4)
    assert (one[0], many[0]) == (1, 8)
    assert one[1]["n_pairs"].sum() > 300
    assert_frame_equal(one[1], many[1], check_exact=False, rel_tol=1e-12)


def test_no_more_than_one_bucket_is_read_at_a_time(tmp_path, monkeypatch):
    read = []
    query = production._query

    def told(connection, step, producer, store, bucket, only=None):
        read.append(bucket)
        return query(connection, step, producer, store, bucket, only)

    monkeypatch.setattr(production, "_query", told)
    made(Settings(home=tmp_path / "many", memory_gb=1.0, threads=1), 4)
    assert sorted(each.first for each in read) == list(range(0, SLOTS, SLOTS // 8))


@pytest.mark.parametrize(
    "step",
    [s for s in plan.steps() if isinstance(s.producer, SqlProducer) and s.producer.adds_up],
    ids=lambda s: s.table,
)
def test_what_is_added_is_a_number(step):
    """A share or a word of two buckets has no sum."""
    others = [c for c in step.contract.columns if c.name not in step.contract.key]
    assert others
    assert all(c.duckdb_type in ("BIGINT", "DOUBLE") and c.unit != "%" for c in others), step.table
