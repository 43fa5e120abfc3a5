"""Measures the counting of checks: all questions of the laboratory suite, against one scan of the columns they read.

The table is `staging.lab_result` as the real steps make it of the raw rows of `lab_harmonisation.py`, with their mess. The
yardstick is one DuckDB scan over the same columns of the same files, bucket by bucket, as many at once, with the same
threads and memory, in the same run: each column is read and enters one checksum. Five rounds, each between two scans; the
ratio is the median of the rounds, for the speed of a shared machine drifts by a third within minutes.
Beside it stand the row questions alone, which are one pass; the suite has queries of groups as well. `judging` is Great
Expectations on all counts.
Beside the ratios of seconds stand those of CPU seconds of this process, which other work on the machine moves less.
Memory is the peak of the proportional set size of this process. Run `python docs/benchmarks/counting.py --rows 50000000
--scratch SCRATCH`; `--made` measures a table that an earlier run with `--keep` made there; `--freeze` writes
`counting.json`.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any

import duckdb
import polars as pl

from expectations import count
from expectations.engine import judge_counts
from expectations.question import QueryQuestion, RowQuestion
from expectations.suite import Suite, load
from expectations.tally import side_by_side, together
from pipelines.settings import Settings, sql_root
from pipelines.tables import CONTRACTS
from pipelines.warehouse.bucket import Bucket
from pipelines.warehouse.engine import connect
from pipelines.warehouse.parquet import row_count, write_frame
from pipelines.warehouse.runner import Runner
from pipelines.warehouse.step import read_csv
from pipelines.warehouse.store import Store

HERE = Path(__file__).parent
TABLE = "staging.lab_result"
RESULTS_PER_PERSON = 46.3  # of the 50.4 raw rows; the others are copies or unusable
ROUNDS = 5
SECONDS, CPU = 1, 2  # of what `timed` tells
Timed = tuple[Any, float, float, int]
MAKING_GB = 3.0  # of making the table, which is not measured

# By name, not by path: workers must be able to import what they are asked to run.
sys.path.insert(0, str(HERE))
import lab_harmonisation as harmonisation  # noqa: E402


def make(settings: Settings, persons: int) -> None:
    """Raw rows and people, and every step from them to the results."""
    buckets = Store(settings).lay_out(persons)
    share = replace(settings, memory_gb=settings.memory_gb / settings.threads, threads=1)
    with ProcessPoolExecutor(settings.threads, mp_context=get_context("forkserver")) as pool:
        list(pool.map(harmonisation.generate, [share] * len(buckets), buckets, [persons] * len(buckets)))
    harmonisation.write_manifest(settings)
    with Runner(settings, harmonisation.RUN) as runner:
        harmonisation.make_reference(runner)
        harmonisation.run_steps(runner)


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

    def one(bucket: Bucket, share: Settings) -> None:
        with connect(share) as connection:
            Store(share).create_view(connection, TABLE, bucket)
            connection.execute(f"select count(*), bit_xor(hash({', '.join(columns)})) from {TABLE}").fetchone()

    side_by_side(one, buckets, settings)


def count_all(settings: Settings, buckets: list[Bucket], suite: Suite) -> pl.DataFrame:
    """All counts of the suite: questions within a person by spans of buckets, the others of the whole table."""
    within = count.of_bucket(suite)
    spans = together(buckets, row_count(Store(settings).files(TABLE)), settings.threads)
    parts = side_by_side(lambda span, share: count.count(within, suite.reads, share, span), spans, settings)
    return count.added_up([*parts, count.count(count.of_table(suite), suite.reads, settings)])


def over(rounds: list[Timed], scans: list[Timed], which: int) -> float:
    """Median over rounds of the ratio to the scans before and after it."""
    beside = [(before[which] + after[which]) / 2 for before, after in pairwise(scans)]
    return round(median(one[which] / scan for one, scan in zip(rounds, beside, strict=True)), 2)


def measure(settings: Settings) -> dict[str, Any]:
    """Scan, count, judge; seconds of each and the ratios."""
    suite, buckets = load(TABLE), list(Store(settings).buckets())
    write_beside(settings, suite)
    rows = row_count(Store(settings).files(TABLE))
    columns = columns_read(suite)
    only_rows = replace(suite, checks=tuple(c for c in suite.checks if isinstance(c.question, RowQuestion)))

    def timed(work: Callable[[], Any]) -> Timed:
        cpu = time.process_time()
        with harmonisation.Watch() as watch:
            found = work()
        return found, watch.wall_s, time.process_time() - cpu, watch.peak

    scans, passes, whole = [timed(lambda: scan(settings, buckets, columns))], [], []
    for _ in range(ROUNDS):
        passes.append(timed(lambda: count_all(settings, buckets, only_rows)))
        whole.append(timed(lambda: count_all(settings, buckets, suite)))
        scans.append(timed(lambda: scan(settings, buckets, columns)))
    counts = whole[-1][0]
    outcomes, judging_s, _, judging_peak = timed(lambda: judge_counts(counts, suite))
    assert counts["n_evaluated"].null_count() == 0, "a question could not be counted"
    return {
        "rows": rows,
        "buckets": len(buckets),
        "columns": columns,
        "row_questions": len(only_rows.checks),
        "questions": len({*counts["check_id"]}),
        "verdicts": len(outcomes),
        "scan_s": [round(seconds, 2) for _, seconds, _, _ in scans],
        "row_questions_s": [round(seconds, 2) for _, seconds, _, _ in passes],
        "counting_s": [round(seconds, 2) for _, seconds, _, _ in whole],
        "judging_s": round(judging_s, 2),
        "row_questions_over_scan": over(passes, scans, SECONDS),
        "counting_over_scan": over(whole, scans, SECONDS),
        "row_questions_over_scan_cpu": over(passes, scans, CPU),
        "counting_over_scan_cpu": over(whole, scans, CPU),
        "peak_memory_gib": round(max(judging_peak, *(peak for *_, peak in (*passes, *whole))) / 2**30, 2),
    }


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--rows", type=int, default=1_000_000)
    asked.add_argument("--scratch", type=Path, required=True)
    asked.add_argument("--threads", type=int, default=2)
    asked.add_argument("--memory-gb", type=float, default=1.2)
    asked.add_argument("--persons-per-bucket", type=int, default=25_000)
    asked.add_argument("--made", action="store_true")
    asked.add_argument("--keep", action="store_true")
    asked.add_argument("--freeze", action="store_true")
    given = asked.parse_args()
    home = given.scratch / "counting"
    settings = Settings(
        home=home, memory_gb=given.memory_gb, threads=given.threads, persons_per_bucket=given.persons_per_bucket
    )
    if not given.made:
        shutil.rmtree(home, ignore_errors=True)
        make(replace(settings, memory_gb=MAKING_GB), int(given.rows / RESULTS_PER_PERSON))
    result = measure(settings)
    result |= {"threads": given.threads, "memory_gb": given.memory_gb, "load_average": os.getloadavg()[0]}
    result |= {"duckdb": duckdb.__version__, "python": platform.python_version(), "machine": harmonisation.machine()}
    result |= {"suite_sha256": load(TABLE).fingerprint, "measured_on": time.strftime("%Y-%m-%d")}
    text = json.dumps(result, indent=2)
    print(text)
    if given.freeze:
        (HERE / "counting.json").write_text(text + "\n")
    if not given.keep:
        shutil.rmtree(home)


if __name__ == "__main__":
    main()
