"""Runs steps: finds the buckets whose fingerprint differs, has those computed, and leaves every other file untouched.

A table of studies is computed study by study where there are many people, as one of people is bucket by bucket.

How one bucket is computed stands in `production`, and by whom in `workers`.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from math import inf
from pathlib import Path
from types import TracebackType
from typing import Self

from pipelines.run_facts import RunFacts
from pipelines.settings import Settings
from pipelines.trials.family import families
from pipelines.trials.study import catalogue
from pipelines.warehouse.bucket import Bucket
from pipelines.warehouse.changes import ChangeLog
from pipelines.warehouse.engine import scratch_folder
from pipelines.warehouse.parquet import (
    BASIS,
    FINGERPRINT,
    GENERATION,
    content_digest,
    facts_of,
    fingerprint_of,
    row_count,
)
from pipelines.warehouse.production import Work, execute, gather, reflected, told
from pipelines.warehouse.step import Step
from pipelines.warehouse.store import Store
from pipelines.warehouse.workers import Batch, Workers, open_workers

_TIME_ZEROS = "cohort.trial_person"


@dataclass(frozen=True, slots=True)
class StepReport:
    """What one step did: rows of the table, files computed (of these, those where only changed people were), files found
    current, seconds, and the table's version.
    """

    table: str
    rows: int
    computed: int
    merged: int
    current: int
    seconds: float
    code_version: str
    data_version: str


@dataclass(slots=True)
class Runner:
    """Runs steps of one home; `tell` is called with table, files done and files asked for as each file of many is done."""

    settings: Settings
    run: RunFacts
    tell: Callable[[str, int, int], None] = lambda table, done, asked: None
    _workers: dict[str, Workers] = field(default_factory=dict, init=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end_workers()

    def bring_up_to_date(self, step: Step) -> StepReport:
        """Compute the stale buckets of a step and drop files that no longer belong to its table.

        Raises:
            BlockedByCheck: the result breaks the table's contract.
            OutOfMemory: memory ran out, or a worker was killed for it.
        """
        started = time.perf_counter()
        store = Store(self.settings)
        works = self._works(step, store)
        stale = _stale(works)
        merged = self._compute(stale)
        for path in store.files(step.table):
            if path not in works:
                path.unlink()
        versions = sorted(work.fingerprint for work in works.values())
        return StepReport(
            table=step.table,
            rows=row_count(tuple(works)),
            computed=len(stale),
            merged=merged,
            current=len(works) - len(stale),
            seconds=time.perf_counter() - started,
            code_version=step.code_version()[:16],
            data_version=sha256("".join(versions).encode()).hexdigest()[:16],
        )

    def count_stale(self, step: Step) -> tuple[int, int]:
        """Files of a step that would be computed as its inputs are now, and files in all; nothing is computed."""
        works = self._works(step, Store(self.settings))
        return len(_stale(works)), len(works)

    def _works(self, step: Step, store: Store) -> dict[Path, Work]:
        targets: tuple[Bucket | None, ...] = store.buckets() if step.is_per_person else (None,)
        return {store.path(step.table, bucket): self._work(step, store, bucket) for bucket in targets}

    def _work(self, step: Step, store: Store, bucket: Bucket | None) -> Work:
        """A population input counts by its rows, whatever made them: a list that came out the same makes nothing stale."""
        latest = ChangeLog(self.settings).latest()
        inputs: dict[str, tuple[str, ...]] = {}
        bases: dict[str, tuple[str, ...]] = {}
        reflected = [latest]
        for table in step.inputs:
            files = store.files(table, bucket)
            if not store.is_per_person(table):
                inputs[table] = bases[table] = tuple(content_digest(path) for path in files)
                continue
            footers = [facts_of(path) for path in files]
            inputs[table] = tuple(facts.get(FINGERPRINT, str(path)) for path, facts in zip(files, footers, strict=True))
            if not table.startswith("raw."):
                bases[table] = tuple(facts.get(BASIS, "") for facts in footers)
                reflected += [int(facts.get(GENERATION, 0)) for facts in footers]
        name = bucket.name if bucket else "all"
        return Work(
            step=step,
            bucket=bucket,
            path=store.path(step.table, bucket),
            fingerprint=step.fingerprint(self.run, name, inputs),
            basis=step.fingerprint(self.run, name, bases),
            generation=min(reflected),
        )

    def _compute(self, stale: list[Work]) -> int:
        """Compute what is stale; returns how many files only had their changed people computed.

        Raises:
            TrabeculaError: as the workers do.
        """
        by_study = self._families(stale)
        if len(by_study) > 1:
            self._compute_by_study(stale[0], by_study)
            return 0
        batches = self._batches(stale)
        if len(batches) <= 1 or (self.settings.runner == "local" and self.settings.threads == 1):
            return sum(execute(batch, self.settings, self.run).merged for batch in batches)
        return self._side_by_side(batches, self.settings.runner)

    def _families(self, stale: list[Work]) -> tuple[tuple[str, ...], ...]:
        """The studies that one file is of, to be computed side by side; none where people are too few to be worth a pool."""
        is_one = len(stale) == 1 and stale[0].step.is_by_study
        if not is_one or self.settings.threads == 1 or len(Store(self.settings).buckets()) == 1:
            return ()
        return families(self.run.studies, catalogue())

    def _compute_by_study(self, work: Work, by_study: Sequence[tuple[str, ...]]) -> None:
        """On this machine, whoever computes buckets: people of a study must fit in memory, and other workers may have less."""
        with scratch_folder(self.settings) as folder:
            parts = [
                replace(work, path=folder / f"{number:03d}.parquet", studies=names)
                for number, names in enumerate(by_study)
            ]
            with told(work.step, self.settings):
                parts = self._largest_first(parts)
            self._side_by_side([(part,) for part in parts], "local")
            gather(work, parts, self.settings)

    def _largest_first(self, parts: list[Work]) -> list[Work]:
        """By time zeros of their studies: the longest, begun last, would leave every other process waiting for it."""
        counted = Store(self.settings).scan(_TIME_ZEROS).group_by("study_id").len().collect()
        size = dict(counted.iter_rows())
        return sorted(parts, key=lambda part: -sum(size.get(name, 0) for name in part.studies or ()))

    def _side_by_side(self, batches: Sequence[Batch], runner: str) -> int:
        """Have workers compute batches; returns how many files only had their changed people computed."""
        if runner not in self._workers:
            self._workers[runner] = open_workers(replace(self.settings, runner=runner))
        share = Settings(home=self.settings.home, memory_gb=self.settings.memory_gb / self.settings.threads, threads=1)
        asked, files, merged = sum(map(len, batches)), 0, 0
        try:
            for done in self._workers[runner].execute_all(batches, share, self.run):
                files += done.files
                merged += done.merged
                self.tell(batches[0][0].step.table, files, asked)
        except Exception:
            self._end_workers()  # a pool that lost a worker takes no more work
            raise
        return merged

    def _batches(self, stale: list[Work]) -> list[Batch]:
        """Neighbouring buckets whose changed people are no more than one bucket has, but a batch a thread; others each alone."""
        most_files = -(-len(stale) // self.settings.threads) if self.settings.runner == "local" else 1
        log, found, people = ChangeLog(self.settings), list[list[Work]](), 0.0
        changed: dict[int, float] = {}
        for work in stale:
            landing = reflected(work) if most_files > 1 else None
            if landing is not None and landing not in changed:
                since = log.since(landing)
                changed[landing] = inf if since is None else since.height
            few = inf if landing is None or work.bucket is None else changed[landing] * work.bucket.share
            people += few
            if found and len(found[-1]) < most_files and people <= self.settings.persons_per_bucket:
                found[-1].append(work)
            else:
                found.append([work])
                people = few
        return [tuple(works) for works in found]

    def _end_workers(self) -> None:
        while self._workers:
            self._workers.popitem()[1].close()


def _stale(works: dict[Path, Work]) -> list[Work]:
    return [work for path, work in works.items() if fingerprint_of(path) != work.fingerprint]
