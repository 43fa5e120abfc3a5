"""A delivery staged in one DuckDB connection, without files, buckets or ids under a key: the real SQL, a light way to it."""

import datetime as dt
from graphlib import TopologicalSorter
from types import SimpleNamespace

import duckdb
import polars as pl

from pipelines import plan
from pipelines.sources.delivery import Delivery
from pipelines.tables import CONTRACTS
from pipelines.warehouse.step import CsvProducer, PythonProducer, SqlProducer, read_csv

WANTED = (
    "staging.conservation",
    "staging.quarantine",
    "staging.lab_result",
    "staging.dxa_scan",
    "staging.drug_exposure",
)


class Staging:
    """Code lists and empty raw tables, made once; `stage` fills the raw tables and computes what is wanted."""

    def __init__(self) -> None:
        self.connection = duckdb.connect(config={"threads": 1})
        needed = set(WANTED).union(*(plan.upstream(table) for table in WANTED))
        steps = {step.table: step for step in plan.steps() if step.table in needed}
        order = TopologicalSorter({name: [i for i in step.inputs if i in steps] for name, step in steps.items()})
        self.steps = [steps[name] for name in order.static_order()]
        for schema in ("raw", "ref", "staging", "source"):
            self.connection.execute(f"create schema {schema}")
        for name in sorted(CONTRACTS):
            if name.startswith(("raw.", "staging.")):
                self._create(name)
        for step in self.steps:
            if isinstance(step.producer, CsvProducer):
                self._fill(step.table, read_csv(step.producer.path, CONTRACTS[step.table]).collect())
        self.views = {
            view.table: view
            for step in self.steps
            if isinstance(step.producer, SqlProducer)
            for view in step.producer.views
        }
        for view in self.views.values():
            self.connection.execute(f"create view {view.table} as {view.text}")

    def stage(self, delivery: Delivery) -> dict[str, pl.DataFrame]:
        """The wanted tables; persons are numbered by a hash of their native id (`person`)."""
        for name in CONTRACTS:
            if name.startswith(("raw.", "staging.")):
                self.connection.execute(f"delete from {name}")
        landed: dict[str, list[pl.DataFrame]] = {}
        for part in delivery.parts:
            for batch in part.rows.read(["native_id", *part.columns]):
                known = {"source_id": "flat", "drop_id": part.drop.drop_id, "source_file": part.source_file}
                provenance = [pl.lit(text).alias(name) for name, text in known.items()]
                rows = batch.rows.with_columns(*provenance, pl.lit(part.drop.sequence).alias("drop_sequence"))
                person = person_of(rows["native_id"]).alias("person_id")
                landed.setdefault(part.table, []).append(rows.with_columns(person).drop("native_id"))
                landed.setdefault("raw.rejected_row", []).append(batch.rejects.with_columns(*provenance))
        landed["raw.manifest"] = [delivery.manifest.with_columns(pl.lit(dt.date.today()).alias("latest_on"))]
        for name, frames in landed.items():
            self._insert(name, pl.concat(frames))
        for step in self.steps:
            match step.producer:
                case SqlProducer() as producer:
                    self.connection.execute(f"insert into {step.table} by name {producer.query}")
                case PythonProducer() as producer:
                    inputs = {name: self.connection.sql(f"from {name}").pl().lazy() for name in step.inputs}
                    self._insert(step.table, producer.resolve()(inputs, SimpleNamespace()).collect())
        return {name: self.connection.sql(f"from {name}").pl() for name in WANTED}

    def _create(self, name: str) -> None:
        listed = ", ".join(f'"{column.name}" {column.duckdb_type}' for column in CONTRACTS[name].columns)
        self.connection.execute(f"create table {name} ({listed})")

    def _fill(self, name: str, frame: pl.DataFrame) -> None:
        self._create(name)
        self._insert(name, frame)

    def _insert(self, name: str, frame: pl.DataFrame) -> None:
        self.connection.register("given", frame.to_arrow())
        self.connection.execute(f"insert into {name} by name from given")
        self.connection.unregister("given")


def person_of(native: pl.Series) -> pl.Series:
    """A number for each native id."""
    return (native.hash(7) // 2).cast(pl.Int64)
