"""What a copy in a store says of itself: its build, and every object of it with size and SHA-256.

`current.json` is such a text, and so is `builds/<id>.json` of each copy that is kept. Objects have the hash of their content in
their name, so that copies share what is alike, and one that was sent is never another afterwards.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pipelines.errors import BadInput

POINTER = "current.json"
FORMAT = 1
MART = "mart"
_HASH = r"[0-9a-f]{32}"
# Everything that a copy may consist of; what else lies there is not ours.
OWN = re.compile(rf"mart/([a-z][a-z0-9_]*)/{_HASH}\.parquet|release/{_HASH}\.duckdb|report/{_HASH}/[^\\\0]+")
KEPT = re.compile(r"builds/(\d{8}T\d{9})\.json")


@dataclass(frozen=True, slots=True)
class CopiedObject:
    """An object of a copy: its path below the prefix, its bytes, and their SHA-256."""

    path: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """A copy: the home it is of (an id that says nothing), its build as `mart.build` tells it, and its objects."""

    home: str
    build: dict[str, Any]
    objects: tuple[CopiedObject, ...]

    @property
    def build_id(self) -> str:
        """The build it is a copy of."""
        return str(self.build["build_id"])

    @property
    def key(self) -> str:
        """Where it is kept, beside being the current one or not."""
        return f"builds/{self.build_id}.json"

    def tables(self) -> dict[str, CopiedObject]:
        """The Parquet file of each table of `mart`, by its name without the schema."""
        found = ((OWN.fullmatch(one.path), one) for one in self.objects)
        return {match[1]: one for match, one in found if match and match[1]}

    def as_bytes(self) -> bytes:
        """As it is written: the same for the same copy."""
        told = {"format": FORMAT, **asdict(self)}
        return (json.dumps(told, indent=1, sort_keys=True) + "\n").encode()


def read_manifest(content: bytes, where: str) -> Manifest:
    """A manifest as it lies in a store. What it names is checked: whoever writes there decides nothing here.

    Raises:
        BadInput: it is none, of a later version, or names something that no copy consists of.
    """
    try:
        told = json.loads(content)
        version = told["format"]
        objects = tuple(
            CopiedObject(str(one["path"]), int(one["bytes"]), str(one["sha256"])) for one in told["objects"]
        )
        found = Manifest(str(told["home"]), dict(told["build"]), objects)
        is_sound = bool(KEPT.fullmatch(found.key)) and are_own(one.path for one in objects)
    except (ValueError, KeyError, TypeError) as error:
        raise BadInput(f"{where}: not a copy that trabecula made: name another prefix") from error
    if version != FORMAT:
        raise BadInput(f"{where}: a copy of format {version}, this program reads {FORMAT}: upgrade, or copy again")
    if not is_sound:
        raise BadInput(f"{where}: names what no copy consists of: it was changed: take it away, then copy again")
    return found


def are_own(paths: "Sequence[str] | Any") -> bool:
    """Whether all are paths of objects that a copy may consist of, none leading elsewhere."""
    return all(OWN.fullmatch(path) and ".." not in path.split("/") for path in paths)
