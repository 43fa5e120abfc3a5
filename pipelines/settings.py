"""Machine settings: where things lie and how much may be used. No analytic choice stands here, only in studies and `sql/ref`.

Read from `HOME/trabecula.toml`, which the first run writes; the command line wins over the file.
"""

import json
import os
import tomllib
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from pipelines.errors import BadInput
from pipelines.object_url import is_url, plain

_TEMPLATE = """\
# Trabecula: the settings of this home. `trabecula doctor` explains what is set and what is missing.

[input]
source = {source}            # nhanes, omop or flat
folder = {folder}            # where the drop lies: a folder, or a prefix of an object store, s3://bucket/prefix
mapping = {mapping}            # flat: mapping file or name of a shipped one; empty: mapping.toml in the folder

[limits]
memory_gb = {memory_gb}            # DuckDB may use this much, then it spills to HOME/spill
threads = {threads}            # processes that compute buckets, or studies, side by side; each holds people of its own
persons_per_bucket = {persons_per_bucket}  # a bucket of people is the unit of work
min_cell = {min_cell}            # no released cell below this many people; may only be raised
disk_gb = {disk_gb}            # free space asked for before a run starts; 0: told from what lies here, 2 at least
most_hours = {most_hours}            # a run that takes longer is ended, so that the next night finds the home free

[workers]
runner = {runner}            # local, dask or spark: where buckets of people are computed
scheduler = {scheduler}            # address of the Dask scheduler, tcp://HOST:8786, or of the Spark master, spark://HOST:7077

[privacy]
date_shift_days = {date_shift_days}            # move each person's dates by up to this many days, all alike; 0: not at all

[bone]
reference = {bone_reference}  # reference_code of sql/ref/bone_reference.csv used for T-scores

[publish]
keep_builds = {keep_builds}
copy_to = {copy_to}            # s3://bucket/prefix: what may leave is copied there after each publication; empty: nowhere

[keep]
keep_runs = {keep_runs}            # runs of which Dagster's history and logs stay
keep_summaries = {keep_summaries}            # summaries of runs, HOME/runs

[schedule]
nightly_cron = {nightly_cron}
quiet_minutes = {quiet_minutes}            # a drop is complete when what SHA256SUMS lists is there, the rest quiet so long
fresh_hours = {fresh_hours}            # the published build should be no older

[notice]
on = {notice_on}            # failure, always or never: when a night sends a notice
command = {notice_command}            # started with the summary as JSON on its standard input
webhook = {notice_webhook}            # URL the notice is posted to as JSON; TRABECULA_WEBHOOK keeps a secret one out of here
email = {notice_email}            # address
smtp = {notice_smtp}            # mail server, host:port; login from TRABECULA_SMTP_LOGIN
"""
MIN_CELL = 11
INBOX = "inbox"
# Names in the file that differ from those here, by section.
_RENAMED = {
    ("bone", "reference"): "bone_reference",
    **{("notice", name): f"notice_{name}" for name in ("on", "command", "webhook", "email", "smtp")},
}
_TEXTS = (
    "source", "folder", "mapping", "runner", "scheduler", "bone_reference", "nightly_cron", "copy_to", *sorted(_RENAMED.values())
)  # fmt: skip
RUNNERS = ("local", "dask", "spark")
NOTICE_ON = ("failure", "always", "never")
MOST_SHIFT_DAYS = 3_650


@lru_cache(maxsize=1)
def project_root() -> Path:
    """The checkout: the unit of deployment."""
    return Path(__file__).resolve().parents[1]


def sql_root() -> Path:
    """The one place that knows `sql/` stands beside `pipelines/`."""
    return project_root() / "sql"


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything a run needs to know about this machine and this home."""

    home: Path
    source: str = ""
    folder: str = ""
    mapping: str = ""
    memory_gb: float = 4.0
    threads: int = os.cpu_count() or 1
    persons_per_bucket: int = 25_000
    min_cell: int = MIN_CELL
    runner: str = "local"
    scheduler: str = ""
    bone_reference: str = "white_female"
    keep_builds: int = 3
    copy_to: str = ""
    nightly_cron: str = "0 2 * * *"
    date_shift_days: int = 0
    disk_gb: float = 0.0
    most_hours: float = 12.0
    keep_runs: int = 14
    keep_summaries: int = 400
    quiet_minutes: int = 15
    fresh_hours: int = 30
    notice_on: str = "failure"
    notice_command: str = ""
    notice_webhook: str = ""
    notice_email: str = ""
    notice_smtp: str = "localhost:25"

    def __post_init__(self) -> None:
        if self.min_cell < MIN_CELL:
            raise BadInput(
                f"trabecula.toml [limits] min_cell: {self.min_cell} is below {MIN_CELL}; it may only be raised"
            )
        above_zero = ("memory_gb", "threads", "persons_per_bucket", "keep_builds", "keep_runs", "keep_summaries")
        for name in (*above_zero, "fresh_hours", "most_hours"):
            if getattr(self, name) <= 0:
                raise BadInput(f"trabecula.toml {name}: must be above 0")
        for name in ("disk_gb", "quiet_minutes"):
            if getattr(self, name) < 0:
                raise BadInput(f"trabecula.toml {name}: must not be below 0")
        if is_url(self.folder):
            plain(self.folder, "[input] folder")
        if self.copy_to:
            plain(self.copy_to, "trabecula.toml [publish] copy_to")
        if self.runner not in RUNNERS:
            raise BadInput(f"trabecula.toml [workers] runner: must be {', '.join(RUNNERS)}")
        if self.notice_on not in NOTICE_ON:
            raise BadInput(f"trabecula.toml [notice] on: must be {', '.join(NOTICE_ON)}")
        if not 0 <= self.date_shift_days <= MOST_SHIFT_DAYS:
            raise BadInput(f"trabecula.toml [privacy] date_shift_days: must be from 0 to {MOST_SHIFT_DAYS}")

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def spill(self) -> Path:
        return self.home / "spill"

    @property
    def inbox(self) -> Path:
        """Copies of what lies in object stores: drops as they were delivered, for the owner alone."""
        return self.home / INBOX

    @property
    def input_folder(self) -> Path:
        """The folder that landing reads: the one that is named, or the copy of a store's prefix."""
        if not is_url(self.folder):
            return Path(self.folder)
        return self.inbox / sha256(plain(self.folder, "[input] folder").encode()).hexdigest()[:16]

    @property
    def landing(self) -> Path:
        """What landing remembers of parts, drops and the key; counts and hashes only."""
        return self.home / "landing"

    @property
    def builds(self) -> Path:
        return self.home / "builds"

    @property
    def runs(self) -> Path:
        """Summaries of runs."""
        return self.home / "runs"

    @property
    def dagster_home(self) -> Path:
        return self.home / "dagster"

    @property
    def file(self) -> Path:
        return self.home / "trabecula.toml"

    def write(self) -> None:
        """Write `trabecula.toml`, atomically; the comments in it are the documentation.

        Analysts of the group read limits in it, unless it holds the address of a webhook: whoever has that can post there.
        """
        self.home.mkdir(parents=True, exist_ok=True)
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        for name in set(_TEXTS):
            values[name] = json.dumps(values[name], ensure_ascii=False)  # a JSON string is a TOML basic string
        # By hand: what writes everything else atomically knows the settings, so these do not know it.
        partial = self.file.with_name(f".{self.file.name}.part")
        with partial.open("w") as file:
            file.write(_TEMPLATE.format_map(values))
            os.fchmod(file.fileno(), 0o600 if self.notice_webhook else 0o640)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(self.file)
        folder = os.open(self.home, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def home_from_environment() -> Path:
    """`TRABECULA_HOME`, else `./trabecula_home`."""
    return Path(os.environ.get("TRABECULA_HOME", "trabecula_home")).expanduser().resolve()


def input_named(given: str | Path) -> str:
    """An input as settings keep it: the address of a store, or a path from the root.

    Raises:
        BadInput: an address that holds a login, or names no bucket.
    """
    text = str(given)
    return plain(text, "--input") if is_url(text) else str(Path(given).expanduser().resolve())


def load(home: Path, **overrides: Any) -> Settings:
    """Settings of a home; keyword arguments that are not None win over the file.

    Raises:
        BadInput: the file is not TOML, or names a setting that does not exist, or a value of the wrong kind.
    """
    settings = Settings(home=home.expanduser().resolve())
    if settings.file.exists():
        try:
            sections = tomllib.loads(settings.file.read_text())
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise BadInput(f"{settings.file}: not valid TOML: {error}") from error
        if loose := [name for name, section in sections.items() if not isinstance(section, dict)]:
            raise BadInput(f"{settings.file}: '{loose[0]}' stands outside a section such as [limits]")
        flat = {
            _RENAMED.get((name, key), key): value
            for name, section in sections.items()
            for key, value in section.items()
        }
        _check(settings, flat)
        settings = replace(settings, **flat)
    given = {key: value for key, value in overrides.items() if value is not None}
    return replace(settings, **given)


def _check(settings: Settings, values: dict[str, Any]) -> None:
    known = {f.name for f in fields(settings)} - {"home"}
    problems = [
        f"{settings.file}: unknown setting '{key}'; known are {', '.join(sorted(known))}"
        for key in values
        if key not in known
    ]
    for key in known & values.keys():
        wanted = type(getattr(settings, key))
        fits = isinstance(values[key], (int, float) if wanted is float else wanted)
        if not fits or isinstance(values[key], bool):
            problems.append(f"{settings.file}: '{key}' must be a {wanted.__name__}")
    if problems:
        raise BadInput(problems)
