"""A small home with one clinical contrast behind a gate, run by Dagster and published; and a search for numbers in all of it.

The features of two arms are written as they would have been computed; from models to report everything is the real thing.
"""

import contextlib
import io
import json
import re
import runpy
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path

import dagster as dg
import duckdb
import numpy as np
import polars as pl

from assets.assembly import build_definitions
from assets.home import Home, build_line
from assets.job import prepare_instance
from assets.run_history import one_writer
from pipelines import plan
from pipelines.models.point_treatment import Prepared, estimate
from pipelines.models.propensity_model import prepared
from pipelines.run import Run
from pipelines.settings import Settings
from pipelines.tables import CONTRACTS
from pipelines.trials.study import Study, catalogue
from pipelines.warehouse.parquet import write_frame
from pipelines.warehouse.store import Store

STUDY, PEOPLE = "ai_vs_tamoxifen", 1500
#: what the target arm loses besides, so that the answer is a number unlike any other
BESIDES = -20.4571
GIVEN = ("features.outcome_value", "features.covariate")
#: every table that is made of a contrast; what is made of other tables has no rows here
COMPUTED = (
    *(f"models.{name}" for name in ("propensity_model", "diagnostic", "covariate_balance", "propensity_score")),
    *(f"models.{name}" for name in ("effect_estimate", "threshold", "dose_response", "evidence_drift", "claim")),
    *(f"mart.{name}" for name in ("effect_estimate", "diagnostic", "covariate_balance", "dose_response", "threshold")),
    *(f"mart.{name}" for name in ("evidence_drift", "claim", "study", "propensity_score", "cumulative_incidence")),
    *("models.cumulative_incidence", "models.bmd_trajectory", "mart.bmd_trajectory"),
)
features = runpy.run_path(str(Path(__file__).parents[1] / "unit" / "models" / "test_contrast_tables.py"))["inputs"]
#: written without a decimal point, a number tells little; geometry of pictures is all numbers
_NUMBER = re.compile(r"(?<![\w.])[-\u2212]?(\d+\.\d+)(?![\w.]*\d)")
_GEOMETRY = re.compile(
    r'\s(?:d|transform|x|y|x1|x2|y1|y2|cx|cy|r|width|height|points|viewBox|style)="[^"]*"|<style.*?</style>', re.S
)
_LEAST_FIGURES = 4


def settings_in(base: Path) -> Settings:
    return Settings(home=base / "home", source="omop", folder=str(base), threads=1, memory_gb=1.0)


def study() -> Study:
    return catalogue()[STUDY]


def run(base: Path) -> str:
    """Features to report; returns what was said on the way. Gates are as the study file and the data have them."""
    settings = settings_in(base)
    store = Store(settings)
    made = features(PEOPLE)
    frames = {name: made[name].collect() for name in GIVEN}
    values = frames[GIVEN[0]]
    frames[GIVEN[0]] = values.with_columns(pl.col("change") + BESIDES * pl.col("is_target").cast(pl.Float64))
    manifest = {"source_id": "omop", "source_file": "measurement.parquet", "drop_id": "one", "status_code": "landed"}
    frames["raw.manifest"] = pl.DataFrame([manifest])
    for name, frame in frames.items():
        bucket = store.buckets()[0] if store.is_per_person(name) else None
        write_frame(_whole(name, frame).lazy(), store.path(name, bucket), "given")
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
        with Run(settings, (STUDY,)) as before:
            for step in plan.steps():
                if step.table.startswith("ref."):
                    before.step(step)
        _materialize(settings)
        with Run(settings, (STUDY,), "published") as after:
            home_line = build_line(after.publish())
        print(home_line)
    (settings.home / "run.log").write_text(said.getvalue())
    return said.getvalue()


def _whole(table: str, frame: pl.DataFrame) -> pl.DataFrame:
    """With every column of the contract, unknown where it was not given."""
    schema = CONTRACTS[table].empty().schema
    plain = {name: pl.String if isinstance(kind, pl.Enum) else kind for name, kind in schema.items()}
    absent = [pl.lit(None, kind).alias(name) for name, kind in plain.items() if name not in frame.columns]
    return frame.with_columns(absent).select(pl.col(name).cast(kind) for name, kind in plain.items())


def _materialize(settings: Settings) -> None:
    """Every computed table with its checks, by Dagster, with the history of the run in the home."""
    home = Home(path=str(settings.home), source="omop", folder=settings.folder, studies=[STUDY], progress=True)
    every = build_definitions(home)
    keys = [table.split(".") for table in COMPUTED]
    job = dg.define_asset_job("gated", selection=dg.AssetSelection.assets(*keys))
    definitions = dg.Definitions(
        assets=every.assets,
        asset_checks=every.asset_checks,
        jobs=[job],
        resources={"home": home},
        executor=dg.in_process_executor,
    )
    prepare_instance(settings)
    with one_writer(settings) as instance:
        result = definitions.resolve_job_def("gated").execute_in_process(instance=instance)
        assert result.success
        checks = {check.check_name: check.passed for check in result.get_asset_check_evaluations()}
        (settings.home / "checks.json").write_text(json.dumps(checks))


def blinded(base: Path) -> tuple[float, ...]:
    """Estimate, limits and standard error of every estimator, as an open gate would have told them."""
    store = Store(settings_in(base))
    inputs = {name: store.scan(name) for name in (*GIVEN, "ref.continuous_outcome", "models.propensity_model")}
    found = prepared(inputs, study(), study().contrast[0])
    assert isinstance(found, Prepared)
    answers = [each.estimate for each in estimate(found, study().seed)]
    return tuple(
        float(value) for each in answers for value in (each.estimate, each.ci_low, each.ci_high, each.standard_error)
    )


def places(home: Path, secrets: Iterable[float]) -> set[str]:
    """Where in a home a number is told, as a number or in words: kinds of places, such as `release.duckdb mart.claim`."""
    sought = np.abs(np.array(list(secrets)))
    found: set[str] = set()
    for path in sorted(p for p in home.rglob("*") if p.is_file() and not p.is_symlink()):
        where = str(path.relative_to(home))
        match path.suffix:
            case ".parquet":
                frame = pl.read_parquet(path)
                found |= {f"{where} {name}" for name in frame.columns if _told(frame[name], sought)}
            case ".duckdb":
                found |= {f"{path.name} {table}" for table, column in _columns(path) if _told(column, sought)}
            case ".db":
                found |= {
                    f"{where} {name}" for name, values in _cells(path) if any(_in_cell(v, sought) for v in values)
                }
            case _:
                if _in_words(path.read_bytes().decode("utf-8", "replace"), sought):
                    found.add(where)
    return found


def _told(column: pl.Series, sought: np.ndarray) -> bool:
    if column.dtype.is_float():
        values = np.abs(column.drop_nulls().to_numpy())
        return bool(np.isclose(values[:, None], sought[None, :], rtol=1e-6, atol=0).any())
    if column.dtype in (pl.String, pl.Categorical) or isinstance(column.dtype, pl.Enum):
        return any(_in_words(value, sought) for value in column.cast(pl.String).drop_nulls().unique())
    return False


def _columns(path: Path) -> Iterator[tuple[str, pl.Series]]:
    with duckdb.connect(str(path), read_only=True) as reader:
        query = "select table_schema || '.' || table_name from information_schema.tables where table_schema <> 'raw'"
        for (table,) in reader.execute(query).fetchall():
            for column in reader.sql(f"from {table}").pl():
                yield table, column


def _cells(path: Path) -> Iterator[tuple[str, list[object]]]:
    with contextlib.closing(sqlite3.connect(path)) as reader:
        tables = [row[0] for row in reader.execute("select name from sqlite_master where type = 'table'")]
        for table in tables:
            yield table, [value for row in reader.execute(f'select * from "{table}"') for value in row]


def _in_cell(value: object, sought: np.ndarray) -> bool:
    if isinstance(value, float):
        return bool(np.isclose(abs(value), sought, rtol=1e-6, atol=0).any())
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    return isinstance(value, str) and _in_words(value, sought)


def _in_words(text: str, sought: np.ndarray) -> bool:
    """Whether a number of at least four figures in a text is one of those sought, rounded as it is written."""
    for written in set(_NUMBER.findall(_GEOMETRY.sub("", text))):
        figures = len(written.replace(".", "").lstrip("0"))
        decimals = len(written.split(".")[1])
        if figures >= _LEAST_FIGURES and np.any(np.abs(sought - float(written)) <= 0.5000001 * 10.0**-decimals):
            return True
    return False
