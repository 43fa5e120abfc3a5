"""Measures the counting of checks: all questions of the laboratory suite, against one scan of the columns they read.

The rows are those of `staging.lab_result` at full size, with people and code lists, made bucket by bucket. The yardstick
is one DuckDB scan over the same columns of the same files, bucket by bucket, with the same threads and memory, in the same
run, before and after (the faster counts): each column is read and enters one checksum. Beside it stand the row questions
alone, which are one pass; the suite has queries of groups as well. `judging` is Great Expectations on all counts. Memory is
the peak of the proportional set size of this process. Run `python docs/benchmarks/counting.py --rows 50000000 --scratch
SCRATCH`; `--freeze` writes `counting.json`.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import runpy
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from expectations import count
from expectations.engine import judge_counts
from expectations.question import QueryQuestion, RowQuestion
from expectations.suite import Suite, load
from pipelines.settings import Settings, sql_root
from pipelines.tables import CONTRACTS
from pipelines.warehouse.bucket import SLOT_SQL, Bucket
from pipelines.warehouse.engine import connect
from pipelines.warehouse.parquet import write_frame
from pipelines.warehouse.step import read_csv
from pipelines.warehouse.store import Store

HERE = Path(__file__).parent
TABLE = "staging.lab_result"
ROWS_PER_PERSON = 50.0
shared = runpy.run_path(str(HERE / "lab_harmonisation.py"))
PEOPLE = """
select person_id, case when person_id % 2 = 0 then 'male' else 'female' end as sex_code,
    cast(20 + person_id % 60 as double) as age_years, false as is_age_top_coded, 2000 - person_id % 60 as birth_year,
    'omop' as source_id, 'd1' as drop_id, 'person.parquet' as source_file, person_id as source_row
from bucket_person
"""
RESULTS = """
with analyte as (
    select *, row_number() over (order by analyte_code) - 1 as number from ref.analyte
),
drawn as (
    select person.person_id, row.n, hash(person.person_id, row.n) % 1000000 / 1e6 as u, person.person_id % 25 as lab_number,
        (hash(person.person_id, row.n // 8) + row.n % 8 * 7) % (select count(*) from analyte) as number
    from bucket_person as person cross join range(50) as row (n)
)
select person_id, 'S' || (n // 8) || '-' || (n % 8) as specimen_id, analyte_code, 'omop' as source_id, 'd1' as drop_id,
    'measurement.parquet' as source_file, person_id * 64 + n as source_row, 1 as record_number, 'X' || number as source_variable,
    round(least(exp((ln(greatest(plausible_minimum, 0.01)) + ln(plausible_maximum)) / 2), 1e4) * exp(u - 0.5), 2) as value,
    value as source_value, case when u < 0.03 then '<' else '=' end as operator, u < 0.03 as is_censored,
    case when u < 0.03 then value end as lloq, canonical_unit as unit_code, 'given' as unit_basis,
    case when lab_number < 8 then 'lc_ms_ms' when lab_number < 16 then 'immunoassay' else 'unknown' end as assay_class,
    case when lab_number < 16 then 'method' else 'none' end as assay_basis, 'L' || lab_number as lab_id, 'final' as status_code,
    1 as n_replicates, date '2012-01-01' + cast(floor(u * 3600) as integer) as drawn_on, 'recorded' as date_reason
from drawn join analyte using (number)
"""


def generate(settings: Settings, bucket: Bucket, persons: int) -> int:
    """Write results and people of one bucket; returns the number of results."""
    store = Store(settings)
    with connect(settings) as connection:
        shared["create_reference"](connection, "ref.analyte")
        connection.execute(
            f"create table bucket_person as select range as person_id from range({persons}) where {SLOT_SQL} between "
            f"{bucket.first} and {bucket.last}"
        )
        for table, query, order in (("staging.person", PEOPLE, "person_id"), (TABLE, RESULTS, "person_id, source_row")):
            text = _contracted(connection, query, table)
            rows = shared["write"](connection, text, store.path(table, bucket), order)
    return rows


def _contracted(connection: duckdb.DuckDBPyConnection, query: str, table: str) -> str:
    """The query with the columns of the contract, in its types, NULL where it gives none."""
    given = {row[0] for row in connection.execute(f"describe {query}").fetchall()}
    columns = (
        f"cast({c.name if c.name in given else 'null'} as {c.duckdb_type}) as {c.name}"
        for c in CONTRACTS[table].columns
    )
    return f"select {', '.join(columns)} from ({query})"


def write_beside(settings: Settings, suite: Suite) -> None:
    """The code lists that the suite reads, and empty tables in place of all else."""
    for table in suite.reads:
        path = sql_root() / "ref" / f"{table.split('.')[1]}.csv"
        if table.startswith("ref."):
            write_frame(read_csv(path, CONTRACTS[table]), Store(settings).path(table, None), "benchmark")
        elif not Store(settings).files(table):
            write_frame(CONTRACTS[table].empty().lazy(), Store(settings).path(table, None), "benchmark")


def columns_read(suite: Suite) -> list[str]:
    """Columns of the table that any question of the suite names."""
    asked = [check.question for check in suite.checks]
    texts = [f"{q.holds} {q.where} {' '.join(q.by)}" for q in asked if isinstance(q, RowQuestion)]
    texts += [q.query for q in asked if isinstance(q, QueryQuestion)]
    words = set("".join(ch if ch.isalnum() or ch == "_" else " " for ch in " ".join(texts)).split())
    return [column.name for column in CONTRACTS[TABLE].columns if column.name in words]


def scan(settings: Settings, buckets: list[Bucket], columns: list[str]) -> None:
    """Every one of the columns of every row, once, bucket by bucket, into one number."""
    for bucket in buckets:
        with connect(settings) as connection:
            Store(settings).create_view(connection, TABLE, bucket)
            connection.execute(f"select count(*), bit_xor(hash({', '.join(columns)})) from {TABLE}").fetchone()


def count_all(settings: Settings, buckets: list[Bucket], suite: Suite) -> pl.DataFrame:
    """All counts of the suite: questions within a person by bucket, the others of the whole table."""
    parts = [count.count(count.of_bucket(suite), suite.reads, settings, bucket) for bucket in buckets]
    return count.added_up([*parts, count.count(count.of_table(suite), suite.reads, settings)])


def measure(settings: Settings, persons: int) -> dict[str, Any]:
    """Generate, scan, count, judge; seconds of each and the ratios."""
    suite, buckets = load(TABLE), list(Store(settings).lay_out(persons))
    rows = sum(generate(settings, bucket, persons) for bucket in buckets)
    write_beside(settings, suite)
    columns = columns_read(suite)
    only_rows = replace(suite, checks=tuple(c for c in suite.checks if isinstance(c.question, RowQuestion)))

    def timed(work: Callable[[], Any]) -> tuple[Any, float, int]:
        with shared["Watch"]() as watch:
            found = work()
        return found, watch.wall_s, watch.peak

    before = timed(lambda: scan(settings, buckets, columns))[1]
    _, pass_s, pass_peak = timed(lambda: count_all(settings, buckets, only_rows))
    counts, counting_s, counting_peak = timed(lambda: count_all(settings, buckets, suite))
    scan_s = min(before, timed(lambda: scan(settings, buckets, columns))[1])
    outcomes, judging_s, judging_peak = timed(lambda: judge_counts(counts, suite))
    assert counts["n_evaluated"].null_count() == 0, "a question could not be counted"
    return {
        "rows": rows,
        "buckets": len(buckets),
        "columns": columns,
        "row_questions": len(only_rows.checks),
        "questions": len({*counts["check_id"]}),
        "verdicts": len(outcomes),
        "scan_s": round(scan_s, 2),
        "row_questions_s": round(pass_s, 2),
        "counting_s": round(counting_s, 2),
        "judging_s": round(judging_s, 2),
        "row_questions_over_scan": round(pass_s / scan_s, 2),
        "counting_over_scan": round(counting_s / scan_s, 2),
        "peak_memory_gib": round(max(pass_peak, counting_peak, judging_peak) / 2**30, 2),
    }


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--rows", type=int, default=1_000_000)
    asked.add_argument("--scratch", type=Path, required=True)
    asked.add_argument("--threads", type=int, default=2)
    asked.add_argument("--memory-gb", type=float, default=1.2)
    asked.add_argument("--persons-per-bucket", type=int, default=25_000)
    asked.add_argument("--freeze", action="store_true")
    given = asked.parse_args()
    home = given.scratch / "counting"
    shutil.rmtree(home, ignore_errors=True)
    settings = Settings(
        home=home, memory_gb=given.memory_gb, threads=given.threads, persons_per_bucket=given.persons_per_bucket
    )
    result = measure(settings, int(given.rows / ROWS_PER_PERSON))
    result |= {"threads": given.threads, "memory_gb": given.memory_gb, "load_average": os.getloadavg()[0]}
    result |= {"duckdb": duckdb.__version__, "python": platform.python_version(), "machine": shared["_machine"]()}
    result |= {"suite_sha256": load(TABLE).fingerprint, "measured_on": time.strftime("%Y-%m-%d")}
    text = json.dumps(result, indent=2)
    print(text)
    if given.freeze:
        (HERE / "counting.json").write_text(text + "\n")
    shutil.rmtree(home)


if __name__ == "__main__":
    main()
