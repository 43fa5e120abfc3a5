"""One run of one home, without any framework: open the drop, land it, bring steps up to date, publish.

Dagster's assets and the command line both call this; it orders nothing itself (see `plan`) and computes nothing.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Self

from pipelines import plan
from pipelines.errors import BadInput
from pipelines.run_facts import EvidenceSource, RunFacts
from pipelines.settings import Settings
from pipelines.sources.nhanes import landing as nhanes
from pipelines.trials.study import select
from pipelines.warehouse.identity import PUBLIC_KEY
from pipelines.warehouse.landing import SNAPSHOT, Landed, Origin, RawPart, land, write_population
from pipelines.warehouse.parquet import sweep_partials
from pipelines.warehouse.publish import Build, code_version, publish
from pipelines.warehouse.runner import Runner, StepReport
from pipelines.warehouse.step import Step
from pipelines.warehouse.store import Store

SOURCES = ("nhanes",)


@dataclass(frozen=True, slots=True)
class LandingReport:
    """What landing found: files of the drop, parts written and current, rejected rows, missing pieces and remarks."""

    drop_id: str
    files: int
    landed: Landed
    missing: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(slots=True)
class Run:
    """A run of one home: its settings, its facts, and a warm runner while it is open."""

    settings: Settings
    studies: tuple[str, ...] = ()
    run_id: str = field(default_factory=lambda: uuid.uuid4().hex[:12])
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
        if source not in SOURCES:
            raise BadInput(f"source '{source}' is not one of {', '.join(SOURCES)}: name it with --source")
        return RunFacts(
            run_id=self.run_id,
            source=source,
            studies=select(self.studies, source),
            bone_reference=self.settings.bone_reference,
            min_cell=self.settings.min_cell,
            evidence_source=self._evidence(),
        )

    def land(self, on_part: Callable[[RawPart, bool], None] = lambda part, was_current: None) -> LandingReport:
        """Examine the drop folder and write its raw tables.

        Raises:
            BadInput: with every problem of the folder; nothing was written.
        """
        sweep_partials(self.settings.data)
        delivery = nhanes.open_delivery(self._folder())
        store = Store(self.settings)
        origin = Origin(nhanes.SOURCE, SNAPSHOT, nhanes.READER_VERSION, PUBLIC_KEY)
        landed = land(delivery.parts, self.settings, store.lay_out(delivery.persons), origin, on_part)
        write_population(self.settings, "raw.manifest", delivery.manifest, delivery.drop_id)
        write_population(self.settings, "raw.missing_piece", delivery.missing, delivery.drop_id)
        _mark_simulated(self.settings, delivery.is_simulated)
        missing = tuple(delivery.missing["consequence"])
        return LandingReport(delivery.drop_id, delivery.manifest.height, landed, missing, delivery.notes)

    def step(self, step: Step) -> StepReport:
        """Bring one table up to date."""
        if self._runner is None:
            self._runner = Runner(self.settings, self.facts)
        return self._runner.bring_up_to_date(step)

    def publish(self) -> Build:
        """Publish what the working record holds."""
        from pipelines.report.build import build_report

        manifest = Store(self.settings).scan("raw.manifest").select("drop_id").head(1).collect()
        if manifest.is_empty():
            raise BadInput(f"{self.settings.home}: nothing was landed here yet; run `trabecula run` first")
        versions = code_version(step.code_version() for step in plan.steps())
        report = partial(build_report, min_cell=self.settings.min_cell)
        return publish(self.settings, self.facts, manifest["drop_id"][0], versions, report)

    def _folder(self) -> Path:
        if not self.settings.folder:
            raise BadInput("no drop folder: name it with --input, or in trabecula.toml [input] folder")
        return Path(self.settings.folder)

    def _evidence(self) -> EvidenceSource:
        return "simulated" if _simulated_mark(self.settings).exists() else "public_survey"


def _simulated_mark(settings: Settings) -> Path:
    return settings.data / "raw" / "SIMULATED"


def _mark_simulated(settings: Settings, is_simulated: bool) -> None:
    mark = _simulated_mark(settings)
    if is_simulated:
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.touch()
    else:
        mark.unlink(missing_ok=True)
