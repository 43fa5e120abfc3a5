"""The key of the person ids: from the environment, never stored; a short check value tells a changed key.

Surveys use the public key. `flat` needs a secret one, unless it is simulated; `omop` takes one if it is there.
"""

import hmac
import json
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Literal

from pipelines import secret
from pipelines.errors import BadInput
from pipelines.settings import Settings
from pipelines.warehouse.identity import PUBLIC_KEY
from pipelines.warehouse.parquet import atomic

KeyPolicy = Literal["public", "offered", "required"]
VARIABLE, FILE_VARIABLE = "TRABECULA_KEY", "TRABECULA_KEY_FILE"
LEAST_BYTES = 16
# Long enough to notice a changed key, too short to tell a guessed one.
_CHECK_DIGITS = 6
HOW = (
    f"set {VARIABLE}, or {FILE_VARIABLE} to a file that only you can read "
    "(for example: head -c 32 /dev/urandom | base64 > KEYFILE; chmod 600 KEYFILE), kept away from the data"
)

PUBLIC_WARNING = (
    f"warning: person ids are made with the public key; who knows the source's ids finds people: set {VARIABLE}"
)

SIMULATED_NOTE = "person ids are made with the public key: the data say of themselves that they are simulated"


@dataclass(frozen=True, slots=True)
class PersonKey:
    """A key and where it came from."""

    value: bytes
    is_secret: bool


def person_key(settings: Settings, policy: KeyPolicy) -> PersonKey:
    """The key that a source of this policy uses.

    Raises:
        BadInput: none is set though one is required, the file lies open or beside the data, or the key is too short.
    """
    value = None if policy == "public" else _secret(settings)
    if value is not None:
        return PersonKey(value, is_secret=True)
    if policy == "required":
        raise BadInput(f"no key for the person ids: {HOW}")
    return PersonKey(PUBLIC_KEY, is_secret=False)


def require_same_key(settings: Settings, source: str, key: PersonKey) -> None:
    """Refuse another key, or another source, than this home was landed with.

    Raises:
        BadInput: the key or the source has changed, or what the home remembers of them cannot be read.
    """
    held = _held(settings)
    if held is None:
        return
    if held.get("source") != source:
        raise BadInput(
            f"{settings.home}: was landed from source {held.get('source')}, not {source}: give each source a home of its own"
        )
    if held.get("check") != _check(key):
        raise BadInput(
            f"{settings.home}: was landed with another key ({VARIABLE}): with this one nobody would be recognised; set the "
            "key it was landed with, or use a new --home"
        )


def landed_source(settings: Settings) -> str:
    """The source that this home was landed from; empty where nothing was landed.

    Raises:
        BadInput: what the home remembers of it cannot be read.
    """
    return str((_held(settings) or {}).get("source", ""))


def remember_key(settings: Settings, source: str, key: PersonKey) -> None:
    """Keep the check value of the key, once; never the key."""
    if not _path(settings).exists():
        with atomic(_path(settings)) as partial:
            partial.write_text(json.dumps({"source": source, "check": _check(key)}))


def _held(settings: Settings) -> dict[str, str] | None:
    """What this home remembers of its source and key; None where nothing was landed."""
    try:
        held = json.loads(_path(settings).read_text())
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        held = None
    if not isinstance(held, dict) or not {"source", "check"} <= held.keys():
        raise BadInput(
            f"{_path(settings)}: cannot be read, so nobody knows with which key this home was landed: put it back from a "
            "backup, or use a new --home"
        )
    return held


def _path(settings: Settings) -> Path:
    return settings.landing / "key.json"


def _check(key: PersonKey) -> str:
    return hmac.new(key.value, b"trabecula: key check", sha256).hexdigest()[:_CHECK_DIGITS]


def _secret(settings: Settings) -> bytes | None:
    key = secret.given(VARIABLE)
    if file := secret.file_of(VARIABLE):
        _require_apart(file, settings)
    if key is not None and len(key) < LEAST_BYTES:
        raise BadInput(f"the key is shorter than {LEAST_BYTES} bytes and could be guessed: {HOW}")
    return key


def _data_places(settings: Settings) -> list[Path]:
    """Home and input; of an input that is one file, the folder it lies in."""
    folder = settings.input_folder if settings.folder else None
    if folder is None:
        return [settings.home]
    return [settings.home, folder.parent if folder.is_file() else folder]


def _require_apart(path: Path, settings: Settings) -> None:
    """Refuse a key file beside what it protects."""
    where = path.resolve()
    for place in _data_places(settings):
        if where.is_relative_to(place.resolve()):
            raise BadInput(f"{FILE_VARIABLE}: {path} lies beside the data: keep it elsewhere")
