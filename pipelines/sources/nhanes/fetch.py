"""Downloads CDC's public NHANES files and NCHS's linked mortality files into a folder that `drop.examine` reads.

Says which files those are and where CDC keeps them, and records each in the folder's MANIFEST.json; how one file is
brought over an unreliable line is `download`. Run again, it fetches only what is missing or no longer what it was.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Literal

import requests

from pipelines.errors import BadInput
from pipelines.sources.nhanes import manifest, mortality, xpt
from pipelines.sources.nhanes.cycle import PRE_PANDEMIC_TAG, Cycle, cycle_of_tag, cycles_through
from pipelines.sources.nhanes.download import DownloadError, NotPublishedError, Patience, download
from pipelines.sources.nhanes.family import FAMILIES, MORTALITY, Family, family_named
from pipelines.sources.nhanes.manifest import FetchedFile

BASE_URL = "https://wwwn.cdc.gov/Nchs/Data/Nhanes"
MORTALITY_BASE_URL = "https://ftp.cdc.gov/pub/Health_Statistics/NCHS/datalinkage/linked_mortality"
MORTALITY_RELEASE = 2019
UNREACHABLE_LIMIT = 3  # files in a row, after which the rest is not tried


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a fetch stands: one file (its path in the folder), its bytes so far and in all, and which of how many."""

    file: str
    state: Literal["downloading", "downloaded", "kept", "absent", "failed"]
    bytes_done: int
    bytes_total: int | None
    position: int
    files: int


@dataclass(frozen=True, slots=True)
class AbsentFile:
    """A file that CDC does not publish, and how that showed."""

    file: str
    reason: str


@dataclass(frozen=True, slots=True)
class FetchReport:
    """What a fetch did, file by file (paths in the folder). `problems` are files that could not be had this time."""

    folder: Path
    downloaded: tuple[str, ...]
    kept: tuple[str, ...]
    absent: tuple[AbsentFile, ...]
    problems: tuple[str, ...]

    @property
    def complete(self) -> bool:
        """Whether everything that CDC publishes of what was asked for is in the folder."""
        return not self.problems

    def require_complete(self) -> None:
        """Raises BadInput with every file that could not be had."""
        if self.problems:
            raise BadInput(self.problems)


@dataclass(frozen=True, slots=True)
class _Wanted:
    path: str
    urls: tuple[str, ...]
    family: Family
    cycle: Cycle | None


def fetch(
    out: Path,
    cycles: Sequence[Cycle] | None = None,
    tables: Iterable[str] | None = None,
    *,
    base_url: str = BASE_URL,
    mortality_base_url: str = MORTALITY_BASE_URL,
    mortality_release: int = MORTALITY_RELEASE,
    patience: Patience = Patience(),  # noqa: B008  frozen
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> FetchReport:
    """Downloads what is not there yet into `out`/<cycle>/, `out`/lookup/ and `out`/mortality/.

    Default cycles are all two-year cycles begun by this year (2017 to March 2020 shares its people with 2017-2018 and
    is fetched on request); default tables are all families, `tables` names some of them or any other CDC table. A file
    that CDC does not publish is reported as absent; where a cycle's DEMO is absent, so is the cycle. Raises BadInput
    for a table name CDC would not use, and where the folder cannot be written.
    """
    families = _families(tables)
    chosen = cycles_through(date.today().year) if cycles is None else tuple(dict.fromkeys(cycles))
    urls = (base_url.rstrip("/"), mortality_base_url.rstrip("/"))
    wanted = _wanted(chosen, families, *urls, mortality_release)
    if not wanted:
        raise BadInput("nothing to fetch: name at least one cycle and one table that CDC had in it")
    try:
        out.mkdir(parents=True, exist_ok=True)
        with requests.Session() as session:
            return _Fetch(out, session, patience, on_progress).run(wanted)
    except OSError as error:
        raise BadInput(
            f"{error.filename or out}: cannot be written ({error.strerror}): give a folder you own"
        ) from error


class _Fetch:
    """One run: goes through the wanted files, keeps the manifest current, and sums up."""

    def __init__(
        self, out: Path, session: requests.Session, patience: Patience, on_progress: Callable[[Progress], None]
    ) -> None:
        self.out, self.session, self.patience, self.on_progress = out, session, patience, on_progress
        self.record = manifest.read_fetched(out)
        self.downloaded: list[str] = []
        self.kept: list[str] = []
        self.absent: list[AbsentFile] = []
        self.problems: list[str] = []

    def run(self, wanted: Sequence[_Wanted]) -> FetchReport:
        unpublished: set[Cycle] = set()
        unreachable = 0
        for position, file in enumerate(wanted, 1):
            if unreachable == UNREACHABLE_LIMIT:
                self.problems.append(f"{len(wanted) - position + 1} more files not tried: run fetch again later")
                break

            def tell(state, done=0, total=None, path=file.path, position=position) -> None:
                self.on_progress(Progress(path, state, done, total, position, len(wanted)))

            if self._is_here(file.path):
                self.kept.append(file.path)
                tell("kept")
                continue
            if file.cycle in unpublished and file.family is not MORTALITY:
                self.absent.append(AbsentFile(file.path, f"CDC has no DEMO of {file.cycle.label}"))
                tell("absent")
                continue
            try:
                self._get(file, tell)
                unreachable = 0
                self.downloaded.append(file.path)
                tell("downloaded", self.record[file.path].bytes, self.record[file.path].bytes)
            except NotPublishedError as reason:
                unreachable = 0
                self.absent.append(AbsentFile(file.path, str(reason)))
                if file.family.name == "demo" and file.cycle:
                    unpublished.add(file.cycle)
                tell("absent")
            except DownloadError as failure:
                unreachable = unreachable + 1 if failure.is_unreachable else 0
                self.problems.append(f"{file.path}: {failure}")
                tell("failed")
        return FetchReport(self.out, tuple(self.downloaded), tuple(self.kept), tuple(self.absent), tuple(self.problems))

    def _get(self, file: _Wanted, tell: Callable[..., None]) -> None:
        target = self.out / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        for url in file.urls:
            try:
                done = download(
                    self.session,
                    url,
                    target,
                    lambda path: _check(path, file.family),
                    self.patience,
                    lambda so_far, total: tell("downloading", so_far, total),
                )
            except NotPublishedError:
                if url == file.urls[-1]:
                    raise
                continue
            now = datetime.now(UTC).isoformat(timespec="seconds")
            self.record[file.path] = FetchedFile(done.bytes, done.sha256, url, now)
            manifest.write_fetched(self.out, self.record)
            return

    def _is_here(self, path: str) -> bool:
        known, target = self.record.get(path), self.out / path
        if known is None or not target.is_file() or target.stat().st_size != known.bytes:
            return False
        with target.open("rb") as content:
            return hashlib.file_digest(content, "sha256").hexdigest() == known.sha256


def _check(path: Path, family: Family) -> None:
    if family is MORTALITY:
        mortality.read(path)
        return
    structure = xpt.inspect(path)
    if family.key not in structure.columns or structure.rows == 0:
        raise BadInput(f"{path}: no rows with {family.key}")


def _families(tables: Iterable[str] | None) -> tuple[Family, ...]:
    if tables is None:
        return FAMILIES
    named = {table: family_named(table) for table in tables}
    unknown = [
        f"{table}: not a CDC table name: write it as CDC does, such as DEMO" for table in named if not named[table]
    ]
    if unknown:
        raise BadInput(unknown)
    return tuple(dict.fromkeys(family for family in named.values() if family))


def _wanted(
    cycles: Sequence[Cycle], families: Sequence[Family], base_url: str, mortality_base_url: str, release: int
) -> tuple[_Wanted, ...]:
    wanted: dict[str, _Wanted] = {}
    # DEMO first: it tells whether there is such a cycle.
    ordered = sorted(families, key=lambda family: family.name != "demo")
    for family in ordered:
        if not family.has_cycle:
            for name in family.names:
                path = f"lookup/{name.table}.xpt"
                wanted[path] = _Wanted(path, (f"{base_url}/{name.place}/{name.table}.xpt",), family, None)
    for cycle in cycles:
        for family in ordered:
            for name in family.names if family.has_cycle else ():
                stem = name.in_cycle(cycle)
                if stem is not None:
                    path = f"{cycle.label}/{stem}.xpt"
                    url = f"{base_url}/{name.place.format(year=cycle.first_year)}/{stem}.xpt"
                    earlier = wanted[path].urls if path in wanted else ()
                    wanted[path] = _Wanted(path, (*earlier, url), family, cycle)
        if MORTALITY in families:
            # Deaths of 2017 to March 2020 are released for the people of 2017-2018 alone.
            linked = cycle_of_tag("J") if cycle.tag == PRE_PANDEMIC_TAG else cycle
            name = mortality.file_name(linked, release)
            wanted[f"mortality/{name}"] = _Wanted(
                f"mortality/{name}", (f"{mortality_base_url}/{name}",), MORTALITY, linked
            )
    return tuple(wanted.values())
