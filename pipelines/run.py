"""One run of one home, without any framework: open the drop, land it, bring steps up to date, publish.

Dagster's assets and the command line both call this; it orders nothing itself (see `plan`) and computes nothing.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Self

import polars as pl

from pipelines import plan
from pipelines.errors import BadInput, DropChanged
from pipelines.models.evidence_drift import PREVIOUS, evidence
from pipelines.objects.inbox import require_whole, told_by_address
from pipelines.run_facts import EvidenceSource, RunFacts
from pipelines.settings import Settings
from pipelines.sources import planted_truth
from pipelines.sources.delivery import Delivery, Part, delivery_id
from pipelines.sources.guard import GUARD_VERSION, require_deidentified
from pipelines.sources.nhanes import landing as nhanes
from pipelines.sources.registry import SOURCES, source_named
from pipelines.trials.study import select
from pipelines.warehouse import (
    arrival,
    drop_log,
    evidence_basis,
    foreign,
    key,
    quality_trend,
    simulated,
    tombstone,
    withdrawal,
)
from pipelines.warehouse.bucket import Bucket, layout
from pipelines.warehouse.engine import sweep_spill, told_when_full
from pipelines.warehouse.landed_drop import LandedDrop, drop_of, landed_drops
from pipelines.warehouse.landing import SNAPSHOT, AnyPart, Landed, Origin, land, stale, write_population
from pipelines.warehouse.manifest import counted
from pipelines.warehouse.parquet import sweep_partials
from pipelines.warehouse.publish import Build, code_version, current_build, publish
from pipelines.warehouse.quality_trend import hash_of
from pipelines.warehouse.runner import Runner, StepReport
from pipelines.warehouse.step import Step
from pipelines.warehouse.store import Store

__all__ = ["SOURCES", "LandingReport", "Run"]


@dataclass(frozen=True, slots=True)
class LandingReport:
    """What landing found: files of the drop, parts written and current, rejected rows, missing pieces and remarks."""

    drop_id: str
    files: int
    landed: Landed
    missing: tuple[str, ...]
    notes: tuple[str, ...]
    drops: tuple[LandedDrop, ...] = ()


@dataclass(frozen=True, slots=True)
class _Examined:
    """An input that may be landed: its delivery, the key of its people, and how its rows will lie."""

    delivery: Delivery | nhanes.Delivery
    key: key.PersonKey
    origin: Origin
    buckets: tuple[Bucket, ...]
    files: frozenset[tuple[str, int, int]]


# Here, not in a run: between the examination and the landing Dagster starts, which carries nothing but names.
_examined: dict[Settings, _Examined] = {}


@dataclass(slots=True)
class Run:
    """A run of one home: its settings, its facts, and a warm runner while it is open.

    `tell` is called with table, files done and files asked for as each file of a table with many is computed.
    """

    settings: Settings
    studies: tuple[str, ...] = ()
    run_id: str = field(default_factory=lambda: uuid.uuid4().hex[:12])
    tell: Callable[[str, int, int], None] = lambda table, done, asked: None
    _runner: Runner | None = field(default=None, init=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self._runner:
            self._runner.__exit__(None, None, None)
            self._runner = None

    @property
    def facts(self) -> RunFacts:
        """The facts of this run. Evidence is what the landed manifest says, never what a caller says.

        Raises:
            BadInput: the source or a study does not exist.
        """
        source = self.settings.source
        source_named(source)
        return RunFacts(
            run_id=self.run_id,
            source=source,
            studies=select(self.studies, source),
            bone_reference=self.settings.bone_reference,
            min_cell=self.settings.min_cell,
            evidence_source=self._evidence(),
        )

    def examine(self) -> str:
        """Examine the input: landing, later in this process, takes it as examined here, and reads it no second time.

        Returns the hash of the delivery.

        Raises:
            BadInput: with every problem of the input; nothing was written.
        """
        _examined.clear()
        with told_by_address(self.settings):
            _examined[self.settings] = examined = self._examine()
        return examined.delivery.drop_id

    def would_land(self) -> tuple[AnyPart, ...]:
        """The parts that a landing would write, after the same examination; nothing is written.

        Raises:
            BadInput: with every problem of the input.
        """
        with told_by_address(self.settings):
            examined = self._examine()
        return stale(examined.delivery.parts, self.settings, examined.buckets, examined.origin)

    def land(
        self,
        on_part: Callable[[AnyPart, bool], None] = lambda part, was_current: None,
        again: frozenset[str] = frozenset(),
    ) -> LandingReport:
        """Examine the input, unless `examine` did, and write its raw tables.

        Args:
            again: names of drops whose files are read and written though they are current.

        Raises:
            BadInput: with every problem of the input, or there is no such drop; nothing was written.
        """
        with told_when_full(self.settings), told_by_address(self.settings):
            return self._land(on_part, again)

    def _land(self, on_part: Callable[[AnyPart, bool], None], again: frozenset[str]) -> LandingReport:
        settings = self.settings
        proofs = settings.home / withdrawal.PROOFS
        for folder in (settings.data, settings.landing, settings.home / "state", settings.runs, proofs):
            sweep_partials(folder)
        # Not below: what lies in builds, and in an input that lies in the home, is for others to sweep.
        sweep_partials(settings.home, is_deep=False)
        sweep_spill(settings)
        source = source_named(settings.source)
        examined = (None if again else _examined.pop(settings, None)) or self._examine(again)
        delivery, person_key, origin, buckets = examined.delivery, examined.key, examined.origin, examined.buckets
        Store(settings).lay_out(delivery.persons)
        key.remember_key(settings, settings.source, person_key)
        if delivery.is_simulated:
            simulated.mark(settings)
        written = set[tuple[str, str]]()

        def tell(part: AnyPart, was_current: bool) -> None:
            if not was_current:
                written.add((part.table, part.name))
            on_part(part, was_current)

        landed = land(
            delivery.parts,
            settings,
            buckets,
            origin,
            tell,
            lambda: self._confirm(examined),
            lambda part: drop_of(part) in again,
        )
        self._confirm(examined)
        if not delivery.is_simulated:
            simulated.unmark(settings)
        drop_log.remember(settings, delivery.drops)
        arrival.remember(settings, examined.files)
        write_population(settings, "raw.manifest", *counted(settings, delivery.manifest, landed.entries))
        write_population(settings, "raw.missing_piece", delivery.missing, delivery.drop_id)
        write_population(settings, planted_truth.TABLE, *planted_truth.planted_truth(delivery.truth))
        if landed.written:
            self._remember_histogram()
        self._remember_evidence()
        missing = tuple(delivery.missing["consequence"])
        notes = delivery.notes
        if source.key == "offered" and not person_key.is_secret:
            notes = (key.SIMULATED_NOTE if delivery.is_simulated else key.PUBLIC_WARNING, *notes)
        drops = landed_drops(delivery.parts, frozenset(written), landed.entries)
        return LandingReport(delivery.drop_id, delivery.manifest.height, landed, missing, notes, drops)

    def _confirm(self, examined: "_Examined") -> None:
        if arrival.files_as_they_are(self.settings) != examined.files:
            raise DropChanged(
                f"{self.settings.folder}: files changed while they were read: let the delivery come to an end, then run again"
            )

    def _examine(self, again: frozenset[str] = frozenset()) -> "_Examined":
        settings = self.settings
        source = source_named(settings.source)
        require_whole(settings)
        files = arrival.files_as_they_are(settings)
        delivery = source.open(settings, _database_tables)
        drop_log.require_unchanged(settings, delivery.drops)
        if unknown := again - {drop_of(part) for part in delivery.parts}:
            raise BadInput(
                [f"drop {name}: not in {settings.folder}: choose one that is there" for name in sorted(unknown)]
            )
        person_key = key.person_key(settings, source.key_policy(is_simulated=delivery.is_simulated))
        key.require_same_key(settings, settings.source, person_key)
        if settings.date_shift_days and not person_key.is_secret:
            raise BadInput(
                f"[privacy] date_shift_days: dates moved under a key that anyone knows hide nothing: {key.HOW}"
            )
        buckets = layout(delivery.persons, settings.persons_per_bucket)
        reader_version = source.reader_version or GUARD_VERSION
        withdrawn = tombstone.withdrawn(settings)
        origin = Origin(
            settings.source, SNAPSHOT, reader_version, person_key.value, settings.date_shift_days, withdrawn
        )
        if source.is_guarded:
            changed = stale(delivery.parts, settings, buckets, origin, lambda part: drop_of(part) in again)
            require_deidentified(part for part in changed if isinstance(part, Part))
        return _Examined(delivery, person_key, origin, buckets, files)

    def step(self, step: Step) -> StepReport:
        """Bring one table up to date."""
        if self._runner is None:
            self._runner = Runner(self.settings, self.facts, self.tell)
        return self._runner.bring_up_to_date(step)

    def publish(self) -> Build:
        """Publish what the working record holds."""
        from pipelines.report.build import build_report

        manifest = Store(self.settings).scan("raw.manifest").select("drop_id", "source_file", "sha256").collect()
        if manifest.is_empty():
            raise BadInput(f"{self.settings.home}: nothing was landed here yet; run `trabecula run` first")
        versions = code_version(step.code_version() for step in plan.steps())
        report = partial(build_report, min_cell=self.settings.min_cell)
        ids = set(manifest["drop_id"])
        hashes = dict(manifest.select("source_file", pl.col("sha256").fill_null("")).iter_rows())
        drop_id = ids.pop() if len(ids) == 1 and SNAPSHOT not in ids else delivery_id(hashes)
        rest_on = quality_trend.versions(Store(self.settings), plan.steps(), self.facts)
        basis = evidence_basis.basis(Store(self.settings), plan.steps(), self.facts)
        with told_when_full(self.settings):
            build = publish(self.settings, self.facts, drop_id, versions, report, rest_on, basis)
        withdrawal.settle(self.settings, build.build_id)
        return build

    def _remember_histogram(self) -> None:
        """The values of the published build are what tonight's are compared with; an unchanged night keeps the old ones."""
        build = current_build(self.settings)
        if build is not None:
            published = Store(replace(self.settings, home=self.settings.builds / build))
            histogram = published.scan("models.value_histogram").collect()
            write_population(self.settings, "raw.previous_histogram", histogram, build)

    def _remember_evidence(self) -> None:
        """The estimates of the published build, and what has changed since: tonight's are compared with them."""
        build = current_build(self.settings)
        if build is None:
            Store(self.settings).path(PREVIOUS, None).unlink(missing_ok=True)
            return
        now = evidence_basis.basis(Store(self.settings), plan.steps(), self.facts)
        changed = evidence_basis.changed_since(self.settings, build, now)
        published = Store(replace(self.settings, home=self.settings.builds / build))
        found = evidence(published.scan("models.effect_estimate"), published.scan("models.diagnostic"))
        marked = found.drop("evidence_source").with_columns(
            pl.lit(value).alias(name) for name, value in changed.items()
        )
        # By content, not by build: a night after which nothing is another leaves the file as it is.
        write_population(self.settings, PREVIOUS, marked, hash_of(marked.rows()))

    def _evidence(self) -> EvidenceSource:
        return "simulated" if simulated.is_marked(self.settings) else SOURCES[self.settings.source].evidence


def withdrawing_key(settings: Settings, source: str) -> key.PersonKey:
    """The key that the people of a home were landed with.

    Raises:
        BadInput: nothing was landed from this source here, or the key is not the one it was landed with.
    """
    policy = source_named(source).key_policy(is_simulated=simulated.is_marked(settings))
    if not (settings.landing / "key.json").exists():
        raise BadInput(f"{settings.home}: nothing was landed here yet; name the home with --home")
    person_key = key.person_key(settings, policy)
    key.require_same_key(settings, source, person_key)
    return person_key


def _database_tables(path: Path) -> tuple[foreign.ForeignTable, ...] | None:
    return foreign.tables_of(path) if foreign.is_database(path) else None
