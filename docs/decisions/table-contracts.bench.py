"""Measures who can carry and who can evaluate a table contract: dataframely, pandera, DuckDB. Feeds table-contracts.md.

Each contestant runs in its own process on the same generated `staging.lab_result`; wall, CPU and peak memory are taken
from the operating system, after the imports, which are timed apart. pandera is not a dependency of this project: give
it a venv of its own. Run it with `--scratch SCRATCH --rows 100000000 --pandera-python VENV/bin/python`.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ANALYTES = tuple(f"{2000 + number}-{number % 10}" for number in range(20))
ASSAY_CLASSES = ("lc_ms_ms", "immunoassay", "unknown")
ANALYTES_PER_SPECIMEN = 8
SPECIMENS_PER_PERSON = 12
BUCKET_ROWS = 10_000_000
MEMORY_CAP_GIB = 16
EARLIEST, LATEST = "1990-01-01", "2030-12-31"
LARGEST_VALUE = 1e5


def make(folder: Path, rows: int, faulty: bool) -> None:
    """Writes person-disjoint Parquet files of at most `BUCKET_ROWS`; `faulty` plants the faults of `PLANTED`."""
    import numpy as np
    import polars as pl

    folder.mkdir(parents=True, exist_ok=True)
    per_person = ANALYTES_PER_SPECIMEN * SPECIMENS_PER_PERSON
    for bucket, start in enumerate(range(0, rows, BUCKET_ROWS)):
        row = np.arange(start, min(start + BUCKET_ROWS, rows))
        random = np.random.default_rng(bucket)
        specimen = row // ANALYTES_PER_SPECIMEN
        censored = random.random(row.size) < 0.05
        value = np.round(np.exp(random.normal(3, 1, row.size)), 3)
        frame = pl.DataFrame(
            {
                "person_id": row // per_person + 1,
                "specimen_id": specimen + 1,
                "analyte_code": pl.Series(list(ANALYTES)).gather(
                    (specimen + row % ANALYTES_PER_SPECIMEN) % len(ANALYTES)
                ),
                "value": pl.Series(value).set(pl.Series(censored), None),
                "drawn_on": pl.Series((random.integers(7305, 20000, row.size)).astype("int32")).cast(pl.Date),
                "is_censored": censored,
                "assay_class": pl.Series(list(ASSAY_CLASSES)).gather(random.integers(0, 3, row.size)),
                "drop_id": pl.select(pl.repeat(f"drop-{bucket:04d}", row.size)).to_series(),
            }
        )
        if faulty:
            number = pl.int_range(pl.len())
            frame = frame.with_columns(
                person_id=pl.when(number < 3).then(-1).otherwise("person_id"),
                analyte_code=pl.when((number < 40) & (number % 8 == 0)).then(pl.lit("nope")).otherwise("analyte_code"),
                value=pl.when(number.is_between(20, 26)).then(1e9).otherwise("value"),
                drawn_on=pl.when(number.is_between(30, 40)).then(None).otherwise("drawn_on"),
                assay_class=pl.when(number.is_between(50, 62)).then(pl.lit("guess")).otherwise("assay_class"),
            )
            frame = pl.concat([frame, frame.slice(1000, 17)])
        frame.write_parquet(folder / f"bucket-{bucket:02d}.parquet", row_group_size=500_000)


PLANTED = {"person_id": 3, "analyte_code": 5, "value": 7, "drawn_on": 11, "assay_class": 13, "key": 17}


def dataframely_contract(with_key: bool) -> Any:
    import datetime

    import dataframely as dy
    import polars as pl

    class Code(dy.String):
        """A string from a fixed set. With `check=` instead, it could neither be sampled nor told to SQL."""

        def validation_rules(self, expr: pl.Expr) -> dict[str, pl.Expr]:
            return super().validation_rules(expr) | {"allowed": expr.is_in(self.metadata["allowed"])}

        def _sample_unchecked(self, generator: Any, n: int) -> pl.Series:
            return pl.Series(self.metadata["allowed"], dtype=pl.String).gather(
                generator.sample_int(n, min=0, max=len(self.metadata["allowed"]))
            )

    def code(allowed: tuple[str, ...], **keywords: Any) -> Code:
        return Code(metadata={"allowed": allowed}, **keywords)

    class LabResult(dy.Schema):
        """One row per specimen and analyte."""

        person_id = dy.Int64(min=1, description="person the specimen was drawn from")
        specimen_id = dy.Int64(min=1, primary_key=with_key, description="specimen")
        analyte_code = code(ANALYTES, primary_key=with_key, description="LOINC code of the analyte")
        value = dy.Float64(
            nullable=True, min=0.0, max=LARGEST_VALUE, metadata={"unit": "pg/mL"}, description="result, canonical unit"
        )
        drawn_on = dy.Date(
            min=datetime.date.fromisoformat(EARLIEST), max=datetime.date.fromisoformat(LATEST), description="day drawn"
        )
        is_censored = dy.Bool(description="below the assay's limit")
        assay_class = code(ASSAY_CLASSES, description="kind of assay")
        drop_id = dy.String(min_length=1, description="drop the row came with")

    return LabResult


def pandera_contract(with_key: bool) -> Any:
    import datetime

    import pandera.polars as pa

    def column(dtype: Any, *checks: Any, nullable: bool = False, **metadata: str) -> Any:
        return pa.Column(dtype, list(checks), nullable=nullable, metadata=metadata)

    import polars as pl

    earliest, latest = (datetime.date.fromisoformat(day) for day in (EARLIEST, LATEST))
    return pa.DataFrameSchema(
        {
            "person_id": column(pl.Int64, pa.Check.ge(1)),
            "specimen_id": column(pl.Int64, pa.Check.ge(1)),
            "analyte_code": column(pl.String, pa.Check.isin(ANALYTES)),
            "value": column(pl.Float64, pa.Check.in_range(0.0, LARGEST_VALUE), nullable=True, unit="pg/mL"),
            "drawn_on": column(pl.Date, pa.Check.in_range(earliest, latest)),
            "is_censored": column(pl.Boolean),
            "assay_class": column(pl.String, pa.Check.isin(ASSAY_CLASSES)),
            "drop_id": column(pl.String, pa.Check.str_length(min_value=1)),
        },
        unique=["specimen_id", "analyte_code"] if with_key else None,
    )


def duckdb_rules(contract: Any) -> dict[str, str]:
    """Rule name to a predicate that is true on a bad row, derived from what a dataframely column declares."""
    rules = {}
    for name, column in contract.columns().items():
        tests = [] if column.nullable else [f"{name} IS NULL"]
        if getattr(column, "min", None) is not None:
            tests.append(f"{name} < {_literal(column.min)}")
        if getattr(column, "max", None) is not None:
            tests.append(f"{name} > {_literal(column.max)}")
        if getattr(column, "min_length", None) is not None:
            tests.append(f"length({name}) < {column.min_length}")
        if column.metadata and "allowed" in column.metadata:
            tests.append(f"{name} NOT IN ({', '.join(map(_literal, column.metadata['allowed']))})")
        if tests:
            rules[name] = " OR ".join(tests)
    return rules


def _literal(value: object) -> str:
    return repr(value) if isinstance(value, int | float) else f"'{value}'"


def _duckdb(folder: Path) -> Any:
    import duckdb

    connection = duckdb.connect(config={"memory_limit": "12GB", "temp_directory": str(folder.parent / "spill")})
    connection.execute(f"CREATE VIEW lab_result AS FROM read_parquet('{folder}/*.parquet')")
    return connection


def duckdb_scan(folder: Path) -> dict[str, Any]:
    connection = _duckdb(folder)
    columns = [row[0] for row in connection.execute("DESCRIBE lab_result").fetchall()]
    select = ", ".join(f"min({name}), max({name}), count({name})" for name in columns)
    return {"rows": connection.execute(f"SELECT count(*), {select} FROM lab_result").fetchone()[0]}


def duckdb_columns(folder: Path) -> dict[str, Any]:
    rules = duckdb_rules(dataframely_contract(with_key=False))
    select = ", ".join(f"count(*) FILTER (WHERE {predicate})" for predicate in rules.values())
    found = _duckdb(folder).execute(f"SELECT {select} FROM lab_result").fetchone()
    return dict(zip(rules, found, strict=True))


def _duckdb_key(connection: Any, source: str) -> int:
    return connection.execute(
        f"SELECT coalesce(sum(n - 1), 0)::BIGINT FROM (SELECT count(*) AS n FROM {source}"
        " GROUP BY specimen_id, analyte_code HAVING count(*) > 1)"
    ).fetchone()[0]


def duckdb_columns_and_key(folder: Path) -> dict[str, Any]:
    return duckdb_columns(folder) | {"key": _duckdb_key(_duckdb(folder), "lab_result")}


def duckdb_columns_and_key_by_bucket(folder: Path) -> dict[str, Any]:
    connection = _duckdb(folder)
    key = sum(_duckdb_key(connection, f"read_parquet('{file}')") for file in sorted(folder.glob("*.parquet")))
    return duckdb_columns(folder) | {"key": key}


def _failures(contract: Any, frame: Any) -> dict[str, int]:
    """Failing rows per rule without holding rows: the failure frame is reduced inside the streaming engine."""
    import polars as pl

    failure = contract.filter(frame, eager=False).failure
    counts = failure._lf.select((~pl.col(failure._rule_columns)).sum()).collect(engine="streaming")
    return {name: count for name, count in counts.row(0, named=True).items() if count}


def dataframely_filter(folder: Path) -> dict[str, Any]:
    import polars as pl

    return _failures(dataframely_contract(with_key=False), pl.scan_parquet(folder / "*.parquet"))


def dataframely_filter_counts(folder: Path) -> dict[str, Any]:
    """The public way to the same counts, which collects with polars' in-memory engine."""
    import polars as pl

    scan = pl.scan_parquet(folder / "*.parquet")
    return dataframely_contract(with_key=False).filter(scan, eager=False).failure.counts()


def dataframely_filter_key(folder: Path) -> dict[str, Any]:
    import polars as pl

    return _failures(dataframely_contract(with_key=True), pl.scan_parquet(folder / "*.parquet"))


def dataframely_filter_key_by_bucket(folder: Path) -> dict[str, Any]:
    import polars as pl

    contract = dataframely_contract(with_key=True)
    total: dict[str, int] = {}
    for file in sorted(folder.glob("*.parquet")):
        for name, count in _failures(contract, pl.scan_parquet(file)).items():
            total[name] = total.get(name, 0) + count
    return total


def dataframely_validate_sink(folder: Path) -> dict[str, Any]:
    import polars as pl

    out = folder.parent / "validated.parquet"
    try:
        dataframely_contract(with_key=False).validate(pl.scan_parquet(folder / "*.parquet")).sink_parquet(out)
    except pl.exceptions.ComputeError as error:
        return {"message": str(error)[:400]}
    finally:
        out.unlink(missing_ok=True)
    return {}


def _pandera(folder: Path, with_key: bool) -> dict[str, Any]:
    import pandera.errors
    import polars as pl

    scan = pl.scan_parquet(folder / "*.parquet")
    try:
        validated = pandera_contract(with_key).validate(scan, lazy=True)
        validated.select(pl.len()).collect(engine="streaming")
    except pandera.errors.SchemaErrors as error:
        cases = error.failure_cases
        return {
            f"{row['column']}: {row['check']}": row["len"] for row in cases.group_by("column", "check").len().to_dicts()
        }
    return {}


def pandera_columns(folder: Path) -> dict[str, Any]:
    return _pandera(folder, with_key=False)


def pandera_columns_and_key(folder: Path) -> dict[str, Any]:
    return _pandera(folder, with_key=True)


def import_duckdb(folder: Path) -> dict[str, Any]:
    return {"version": importlib.import_module("duckdb").__version__}


def import_polars(folder: Path) -> dict[str, Any]:
    return {"version": importlib.import_module("polars").__version__}


def import_dataframely(folder: Path) -> dict[str, Any]:
    return {"version": importlib.import_module("dataframely").__version__}


def import_pandera(folder: Path) -> dict[str, Any]:
    import pandera
    import pandera.polars

    return {"version": pandera.__version__}


CONTESTANTS: tuple[Callable[[Path], dict[str, Any]], ...] = (
    duckdb_scan,
    duckdb_columns,
    duckdb_columns_and_key,
    duckdb_columns_and_key_by_bucket,
    dataframely_filter,
    dataframely_filter_counts,
    dataframely_validate_sink,
    dataframely_filter_key,
    dataframely_filter_key_by_bucket,
    pandera_columns,
    pandera_columns_and_key,
)
LIBRARIES = {
    "duckdb": ("duckdb", "dataframely"),
    "dataframely": ("polars", "dataframely"),
    "pandera": ("pandera.polars",),
}
IMPORTS = (import_duckdb, import_polars, import_dataframely, import_pandera)


def _kilobytes(field: str, pid: str) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return sum(int(line.split()[1]) for line in status.splitlines() if line.startswith(field))


def measure(contestant: str, folder: Path, python: str) -> dict[str, Any]:
    """Runs one contestant in a process of its own and ends that process if it holds more than `MEMORY_CAP_GIB`."""
    command = [python, __file__, "--run", contestant, "--scratch", str(folder)]
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    peak, stopped = 0.0, False
    while process.poll() is None:
        held = _kilobytes("VmRSS", str(process.pid)) / 2**20
        peak = max(peak, held)
        if held > MEMORY_CAP_GIB:
            process.kill()
            stopped = True
        time.sleep(0.02)
    out, err = process.communicate()
    wall = time.perf_counter() - started
    result: dict[str, Any] = {"contestant": contestant, "process_s": round(wall, 2), "peak_gib": round(peak, 2)}
    if stopped:
        return result | {"stopped": f"over {MEMORY_CAP_GIB} GiB"}
    if process.returncode:
        return result | {"failed": (err.strip().splitlines() or ["no message"])[-1][:300], "status": process.returncode}
    return result | json.loads(out.strip().splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scratch", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=BUCKET_ROWS)
    parser.add_argument("--pandera-python", default=sys.executable)
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--keep", action="store_true", help="keep the generated rows")
    parser.add_argument("--run", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    by_name = {function.__name__: function for function in CONTESTANTS + IMPORTS}
    if arguments.run:
        libraries = [] if arguments.run.startswith("import") else LIBRARIES[arguments.run.split("_")[0]]
        # pandera reads it when imported; without it a LazyFrame's values are not looked at, and anything passes
        os.environ["PANDERA_VALIDATION_DEPTH"] = "SCHEMA_AND_DATA"
        for library in libraries:
            importlib.import_module(library)
        before, started = os.times(), time.perf_counter()
        found = by_name[arguments.run](arguments.scratch)
        used = os.times()
        print(
            json.dumps(
                {
                    "wall_s": round(time.perf_counter() - started, 2),
                    "cpu_s": round(used.user + used.system - before.user - before.system, 2),
                    "peak_gib": round(_kilobytes("VmHWM", "self") / 2**20, 2),
                    "found": found,
                },
                default=str,
            )
        )
        return
    folder = arguments.scratch / "rows"
    if not folder.is_dir():
        make(folder, arguments.rows, faulty=False)
        make(arguments.scratch / "faulty", 20_000, faulty=True)
    print(json.dumps({"planted": PLANTED}))
    for name in arguments.only or [*(3 * [f.__name__ for f in IMPORTS]), *(f.__name__ for f in CONTESTANTS)]:
        python = arguments.pandera_python if "pandera" in name else sys.executable
        if not name.startswith(("import", "duckdb_scan")):
            print(json.dumps({"faulty": measure(name, arguments.scratch / "faulty", python)}), flush=True)
        print(json.dumps(measure(name, folder, python)), flush=True)
    if not arguments.keep:
        shutil.rmtree(arguments.scratch)


if __name__ == "__main__":
    main()
