"""Verdicts kept beside the data: a table is judged again only where it, a table its checks read, or the judge changed.

They lie in `mart.quality_result`, one file a judged table, so that a night in which nothing changed costs nothing.
"""

from functools import lru_cache
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

import polars as pl

from expectations.judge import CheckResult, judge, to_frame
from expectations.suite import Suite, all_tables, load
from expectations.tally import stamp
from pipelines.settings import Settings
from pipelines.warehouse.parquet import fingerprint_of, write_frame
from pipelines.warehouse.quality_trend import JUDGE, READS, SUITE
from pipelines.warehouse.store import WHOLE, Store

RESULTS = "mart.quality_result"


def judge_and_record(table: str, settings: Settings) -> tuple[CheckResult, ...]:
    """The verdicts on a table: those on record where nothing changed, else new ones, which then are on record.

    Verdicts that could not be reached are not kept for good: the table is judged again next time.

    Raises:
        SuiteError: there is no suite, or it breaks a rule.
    """
    suite = load(table)
    path = _path(table, settings)
    fingerprint = _fingerprint(suite, settings)
    if fingerprint_of(path) == fingerprint:
        results = _read(path)
        if all(result.status != "could_not_evaluate" for result in results):
            return results
    results = judge(table, settings)
    frame = to_frame(results)
    plain = [pl.col(name).cast(pl.String) if dtype == pl.Enum else pl.col(name) for name, dtype in frame.schema.items()]
    facts = {SUITE: suite.fingerprint, JUDGE: _judge_version(), READS: " ".join(suite.reads)}
    write_frame(frame.lazy().select(plain), path, fingerprint, facts=facts)
    return _read(path)


def judge_all(settings: Settings) -> tuple[CheckResult, ...]:
    """The verdicts on every table that has a suite, on record afterwards."""
    return tuple(result for table in all_tables() for result in judge_and_record(table, settings))


def is_blocking(result: CheckResult) -> bool:
    """A critical check that failed, or that could not be evaluated, stops publication."""
    return result.severity == "critical" and result.status in ("fail", "could_not_evaluate")


def failures(settings: Settings) -> pl.DataFrame:
    """Blocking verdicts on record, as rows of `mart.quality_result`; tables without a suite do not count."""
    recorded = (_path(table, settings) for table in all_tables())
    results = [result for path in recorded if path.exists() for result in _read(path)]
    return to_frame(result for result in results if is_blocking(result))


def _path(table: str, settings: Settings) -> Path:
    return Store(settings).folder(RESULTS) / WHOLE / f"{table}.parquet"


def _read(path: Path) -> tuple[CheckResult, ...]:
    return tuple(CheckResult(**row) for row in pl.read_parquet(path).iter_rows(named=True))


def _fingerprint(suite: Suite, settings: Settings) -> str:
    store = Store(settings)
    files = [
        (table, str(path.relative_to(settings.data)), stamp(path))
        for table in (suite.table, *suite.reads)
        for path in store.files(table)
    ]
    return sha256(repr((suite.fingerprint, _judge_version(), files)).encode()).hexdigest()


@lru_cache(maxsize=1)
def _judge_version() -> str:
    """Hash of the code that judges and of what it runs on."""
    sources = [path.read_text() for path in sorted(Path(__file__).parent.glob("*.py"))]
    engines = [version("great-expectations"), version("duckdb"), version("duckdb-engine")]
    return sha256("\x1f".join(sources + engines).encode()).hexdigest()
