"""Which deliveries an input folder holds: itself, as one snapshot, or subfolders, as drops that never change.

Data files at the top (or folders named after tables) make a snapshot, whose content may be replaced. A folder of subfolders
alone is a row of drops, in the order of their names; each is known by the hash of its files.
"""

from collections.abc import Callable
from functools import lru_cache
from hashlib import file_digest
from pathlib import Path

from pipelines.errors import BadInput
from pipelines.sources.delivery import Drop, delivery_id

TRUTH_FILE = "truth.json"
SNAPSHOT = "snapshot"
_SAYS_NO_DATA = ("readme", "license", "licence", "truth.json", "mapping.toml", "manifest", "checksums", "sha256sums")


def drops_of(folder: Path, is_table_folder: Callable[[Path], bool] = lambda path: False) -> tuple[Drop, ...]:
    """The deliveries of an input folder, in order.

    Args:
        is_table_folder: whether a subfolder holds the part-files of one table, and so belongs to a snapshot.

    Raises:
        BadInput: no such folder, or one without data.
    """
    if folder.is_file():
        return (Drop(SNAPSHOT),)
    if not folder.is_dir():
        raise BadInput(f"{folder}: no such folder: name the folder that holds the drop")
    inside = [path for path in sorted(folder.iterdir()) if not path.name.startswith((".", "~$"))]
    files = [path for path in inside if path.is_file() and not path.name.lower().startswith(_SAYS_NO_DATA)]
    folders = [path for path in inside if path.is_dir() and any(visible_files(path))]
    if not files and not folders:
        raise BadInput(f"{folder}: the folder is empty: name the folder that holds the drop")
    if files or any(is_table_folder(path) for path in folders):
        return (Drop(SNAPSHOT),)
    drops = []
    for sequence, path in enumerate(folders, 1):
        hashes = {file.relative_to(path).as_posix(): file_hash(file) for file in visible_files(path)}
        drops.append(Drop(delivery_id(hashes), sequence, path.name))
    return tuple(drops)


def visible_files(folder: Path) -> list[Path]:
    """Files of a folder and its subfolders, hidden ones left out, in the order of their paths."""
    found = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return [path for path in found if not any(p.startswith((".", "~$")) for p in path.relative_to(folder).parts)]


def file_hash(path: Path) -> str:
    """SHA-256 of a file; asked twice of an unchanged file it is computed once.

    Raises:
        BadInput: the file cannot be read.
    """
    try:
        known = path.stat()
        return _hash(path, known.st_size, known.st_mtime_ns)
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror}): check that it is there and readable") from error


@lru_cache(maxsize=65_536)
def _hash(path: Path, size: int, changed: int) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()
