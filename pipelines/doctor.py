"""What is set up on this machine and in this home, and how to mend what is not. Looks only; changes nothing."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from pipelines.errors import BadInput
from pipelines.object_url import is_url
from pipelines.objects.release_copy import current_copy
from pipelines.objects.store import open_store
from pipelines.settings import Settings
from pipelines.sources.registry import SOURCES
from pipelines.warehouse import drop_log, key, run_journal, simulated
from pipelines.warehouse.disk_budget import disk_budget
from pipelines.warehouse.publish import current_build
from pipelines.warehouse.run_summary import latest

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at."""

    subject: str
    is_fine: bool
    what: str
    remedy: str = ""


def examine(settings: Settings) -> tuple[Finding, ...]:
    """Every finding, the needed ones first."""
    return (
        _settings_file(settings),
        _source(settings),
        _key(settings),
        _drop_folder(settings),
        _drops(settings),
        _disk(settings),
        _memory(settings),
        _published(settings),
        _copy(settings),
        _last_run(settings),
        _chromium(),
    )


def _settings_file(settings: Settings) -> Finding:
    exists = settings.file.exists()
    return Finding(
        "settings",
        exists,
        str(settings.file) + ("" if exists else " is not there"),
        "the first `trabecula run` writes it",
    )


def _source(settings: Settings) -> Finding:
    try:
        landed = key.landed_source(settings)
    except BadInput as error:
        return Finding("source", False, *_what_and_remedy(error))
    if not settings.source:
        return Finding("source", False, "none is named", "run `trabecula run --source … --input FOLDER` once")
    if settings.source not in SOURCES:
        known = ", ".join(SOURCES)
        return Finding("source", False, settings.source, f"name one of {known} in trabecula.toml [input] source")
    if landed and landed != settings.source:
        remedy = f"correct trabecula.toml [input] source to {landed}, or give {settings.source} a home of its own"
        return Finding("source", False, f"{settings.source}, but the home was landed from {landed}", remedy)
    told = "nothing landed yet" if not landed else "simulated data" if simulated.is_marked(settings) else "landed"
    return Finding("source", True, f"{settings.source}, {told}")


def _key(settings: Settings) -> Finding:
    if settings.source not in SOURCES:
        return Finding("key of person ids", True, "cannot be told without a source")
    policy = SOURCES[settings.source].key_policy(is_simulated=simulated.is_marked(settings))
    try:
        found = key.person_key(settings, policy)
        key.require_same_key(settings, key.landed_source(settings) or settings.source, found)
    except BadInput as error:
        return Finding("key of person ids", False, *_what_and_remedy(error))
    if found.is_secret:
        return Finding("key of person ids", True, "a secret one is set")
    told = {
        "public": "the public one: a survey is public",
        "offered": f"the public one: to hide people, set {key.VARIABLE}",
    }
    return Finding("key of person ids", True, told[policy])


def _what_and_remedy(error: BadInput) -> tuple[str, str]:
    return error.problems[0].partition(": ")[0], error.problems[0]


def _drops(settings: Settings) -> Finding:
    try:
        landed = drop_log.landed(settings)
    except BadInput as error:
        return Finding("drops", False, *_what_and_remedy(error))
    folder = settings.input_folder if settings.folder else None
    if not landed:
        return Finding("drops", True, "none landed: the folder is one snapshot, or nothing was landed yet")
    here = {path.name for path in folder.iterdir() if path.is_dir()} if folder and folder.is_dir() else set()
    gone = sorted(landed.keys() - here)
    told = f"{len(landed)} landed, {len(here - landed.keys())} other folders"
    if gone:
        told += f", not there any more: {', '.join(gone[:_SHOWN])}"
    return Finding("drops", not gone, told, "put them back: landed drops stay in the input folder")


def _drop_folder(settings: Settings) -> Finding:
    if not settings.folder:
        return Finding("drop folder", False, "none is named", "run `trabecula run --source … --input FOLDER` once")
    if is_url(settings.folder):
        return _store("drop folder", settings.folder, "[input] folder")
    exists = Path(settings.folder).exists()
    return Finding(
        "drop folder", exists, settings.folder, "mount it, or name another one in trabecula.toml [input] folder"
    )


def _store(subject: str, url: str, setting: str) -> Finding:
    """Whether a store answers at an address, and what lies there; the package that reaches it is asked for, too."""
    try:
        found = open_store(url).objects()
    except BadInput as error:
        return Finding(subject, False, *_what_and_remedy(error))
    told = f"{url}: {len(found):,} objects, {sum(one.size for one in found) / 1e6:,.1f} MB"
    return Finding(subject, bool(found), told, f"deliver, or correct trabecula.toml {setting}")


def _disk(settings: Settings) -> Finding:
    found = disk_budget(settings)
    told = f"{found.free_gb:.1f} GB free, a run may need {found.needed_gb:.1f} GB ({found.why})"
    return Finding(
        "disk", found.is_enough, told, "free space, keep fewer builds, or set trabecula.toml [limits] disk_gb"
    )


def _last_run(settings: Settings) -> Finding:
    if lost := run_journal.lost(settings):
        told = f"{lost[-1].started_at}, {lost[-1].kind}: its process ended without a word, and nobody was told yet"
        return Finding("last run", False, told, "`trabecula nightly --tell-ended` tells it, and so does the next run")
    runs = latest(settings)
    now = "".join(
        f"; {run.kind} since {run.started_at} under way (process {run.process})"
        for run in run_journal.under_way(settings)
    )
    if not runs:
        return Finding("last run", True, f"none on record{now}")
    told = f"{runs[0].ended_at}, {runs[0].kind}: {runs[0].verdict}{now}"
    remedy = f"see {settings.runs / runs[0].run_id}.json and docs/operations.md, What a failure says"
    return Finding("last run", runs[0].exit_status == 0, told, remedy)


def _memory(settings: Settings) -> Finding:
    total = _total_memory_gb()
    return Finding(
        "memory",
        total is None or settings.memory_gb <= total,
        f"limit {settings.memory_gb:g} GB, machine {total:.0f} GB" if total else f"limit {settings.memory_gb:g} GB",
        "lower trabecula.toml [limits] memory_gb",
    )


def _total_memory_gb() -> float | None:
    try:
        line = next(line for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemTotal"))
    except (OSError, StopIteration):
        return None
    return int(line.split()[1]) / 2**20


def _published(settings: Settings) -> Finding:
    file = settings.home / "warehouse.duckdb"
    return Finding("published build", file.exists(), str(file), "run `trabecula run` or `trabecula demo`")


def _copy(settings: Settings) -> Finding:
    """Whether readers of the copy in a store see the build that is published here."""
    if not settings.copy_to:
        return Finding("copy in a store", True, "none is asked for")
    try:
        store = open_store(settings.copy_to)
        found = current_copy(store)
    except BadInput as error:
        return Finding("copy in a store", False, *_what_and_remedy(error))
    there, here = found.build_id if found else "nothing", current_build(settings) or "nothing"
    told = f"{store.url}: {there}" + ("" if there == here else f", here {here}")
    return Finding("copy in a store", there == here, told, "run `trabecula copy`")


def _chromium() -> Finding:
    found = shutil.which("chromium")
    return Finding("browser for UI tests", True, found or "no chromium: UI tests will be skipped")
