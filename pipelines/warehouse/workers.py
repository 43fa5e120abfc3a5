"""Where buckets are computed: by a pool of local processes, the workers of a Dask scheduler, or those of a Spark master.

Each is a thin launcher of `production.execute`, with the very same code and files: the home must lie under one path for all of
them. What is computed, and which files are stale, is not said here. Dask and Spark are imported where they are asked for.
"""

import os
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Protocol

from pipelines.errors import BadInput, OutOfMemory, StepFailed, TrabeculaError
from pipelines.run_facts import RunFacts
from pipelines.settings import Settings, project_root, sql_root
from pipelines.warehouse.lock import work_in, working
from pipelines.warehouse.production import Done, Work, execute

# Of a scheduler or master that does not answer, or has no worker.
_WAIT_SECONDS = 60
# Jobs that Spark is asked for at once; each is one batch, and waits for a free core there.
_MOST_JOBS = 64
# Buckets of one step that are computed at once, by one worker.
Batch = tuple[Work, ...]


class Workers(Protocol):
    """An engine that computes buckets side by side; open from its first use to `close`."""

    def execute_all(self, batches: Sequence[Batch], share: Settings, run: RunFacts) -> Iterator[Done]:
        """What was done, as each batch comes to its end; none is left at work after an error.

        Raises:
            TrabeculaError: the first of the errors of `production.execute`.
            OutOfMemory: a local worker was killed.
            StepFailed: a worker elsewhere was lost too often, or has other code than this process.
        """
        ...

    def close(self) -> None:
        """Let the workers go."""
        ...


def open_workers(settings: Settings) -> Workers:
    """The engine that a home names.

    Raises:
        BadInput: its package is missing, or nobody answers at its address.
    """
    match settings.runner:
        case "dask":
            return DaskWorkers(settings.scheduler)
        case "spark":
            return SparkWorkers(settings.scheduler)
        case _:
            return LocalProcesses(settings.home, settings.threads)


@lru_cache(maxsize=1)
def code_here() -> str:
    """Hash of the code that this process computes with: read once, as its modules are."""
    files = [*(project_root() / "pipelines").rglob("*.py"), *sql_root().rglob("*.sql"), *sql_root().rglob("*.csv")]
    digest = sha256()
    for path in sorted(files):
        digest.update(path.relative_to(project_root()).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def attempt(batch: Batch, share: Settings, run: RunFacts, code: str) -> Done | TrabeculaError:
    """What a worker elsewhere does. An error of ours is an answer: an engine would try it again, or hide it in its own."""
    if code_here() != code:
        return StepFailed(
            f"{batch[0].step.table}: a worker has other code than this run: bring it up to date, start it anew"
        )
    try:
        with working(share.home):
            return execute(batch, share, run)
    except TrabeculaError as error:
        return error


@dataclass(slots=True)
class LocalProcesses:
    """A warm pool on this machine."""

    home: Path
    count: int
    _pool: ProcessPoolExecutor = field(init=False)

    def __post_init__(self) -> None:
        self._pool = ProcessPoolExecutor(
            self.count, mp_context=get_context("forkserver"), initializer=work_in, initargs=(self.home,)
        )

    def execute_all(self, batches: Sequence[Batch], share: Settings, run: RunFacts) -> Iterator[Done]:
        try:
            futures = [self._pool.submit(execute, batch, share, run) for batch in batches]
            for future in as_completed(futures):
                yield future.result()
        except BrokenProcessPool:
            raise OutOfMemory(
                f"{batches[0][0].step.table}: a worker process was killed, as the system does when memory runs out: lower "
                "[limits] memory_gb, threads or persons_per_bucket, or give the machine more memory; nothing was published"
            ) from None

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)


class DaskWorkers:
    """The workers of a Dask scheduler. What a lost worker had begun is done again by another."""

    def __init__(self, address: str) -> None:
        try:
            from distributed import Client
        except ImportError as error:
            raise BadInput("--runner dask: there is no Dask here: pip install trabecula[dask]") from error
        if not address:
            raise BadInput("--runner dask: name its scheduler: --scheduler tcp://HOST:8786")
        try:
            self._client: Any = Client(address, timeout=_WAIT_SECONDS, set_as_default=False)
            self._client.wait_for_workers(1, timeout=_WAIT_SECONDS)
        except (OSError, TimeoutError, ValueError) as error:
            raise BadInput(
                f"--scheduler {address}: no Dask scheduler with a worker answers ({type(error).__name__}): start "
                "`dask scheduler` there, and `dask worker` with the same code and the same home"
            ) from None

    def execute_all(self, batches: Sequence[Batch], share: Settings, run: RunFacts) -> Iterator[Done]:
        from distributed import as_completed as as_dask_completes

        futures = [self._client.submit(attempt, each, share, run, code_here(), pure=False) for each in batches]
        found = []
        for future in as_dask_completes(futures, loop=self._client.loop):
            try:
                found.append(future.result())
            except Exception as error:  # of Dask, or one that nobody expected, which may quote values
                found.append(_lost(type(error).__name__))
            if not isinstance(found[-1], TrabeculaError):
                yield found[-1]
        _raise_first(found)

    def close(self) -> None:
        self._client.close()


class SparkWorkers:
    """The executors of a Spark master, a job a bucket. What a lost executor had begun is done again by another."""

    def __init__(self, master: str) -> None:
        try:
            from pyspark.sql import SparkSession  # ty: ignore[import-not-found] (a lock of its own)
        except ImportError as error:
            raise BadInput(
                "--runner spark: there is no Spark here: pip install --no-deps --require-hashes -r deploy/spark.lock"
            ) from error
        if not master:
            raise BadInput("--runner spark: name its master: --master spark://HOST:7077")
        # The setting of the same name is heeded by spark-submit alone.
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
        builder = SparkSession.builder.master(master).appName("trabecula")
        options = {
            "spark.ui.showConsoleProgress": "false",
            "spark.executorEnv.PYTHONPATH": str(project_root()),
            # A lost worker takes its executor along; the others are asked again, not the lost one.
            "spark.task.maxFailures": "4",
        }
        for name, value in options.items():
            builder = builder.config(name, value)
        try:
            self._session = builder.getOrCreate()
        except Exception as error:
            raise BadInput(
                f"--master {master}: no Spark master answers ({type(error).__name__}): it needs Java here, and a master with "
                "workers that have the same code and the same home"
            ) from None
        self._session.sparkContext.setLogLevel("ERROR")

    def execute_all(self, batches: Sequence[Batch], share: Settings, run: RunFacts) -> Iterator[Done]:
        context, code = self._session.sparkContext, code_here()

        def job(batch: Batch) -> Done | TrabeculaError:
            return context.parallelize([batch], 1).map(lambda asked: attempt(asked, share, run, code)).collect()[0]

        found = []
        with ThreadPoolExecutor(min(len(batches), _MOST_JOBS)) as pool:
            futures: list[Future[Done | TrabeculaError]] = [pool.submit(job, batch) for batch in batches]
            for future in as_completed(futures):
                try:
                    found.append(future.result())
                except Exception as error:  # its text holds the trace of the worker, which may quote values
                    found.append(_lost(type(error).__name__))
                if not isinstance(found[-1], TrabeculaError):
                    yield found[-1]
        _raise_first(found)

    def close(self) -> None:
        self._session.stop()


def _lost(kind: str) -> StepFailed:
    return StepFailed(f"workers failed or were lost ({kind}): look at their memory and their logs, then run again")


def _raise_first(found: Sequence[Done | TrabeculaError]) -> None:
    for each in found:
        if isinstance(each, TrabeculaError):
            raise each
