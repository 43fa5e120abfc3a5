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
    files, folders = _inside(folder)
    if not files and not folders:
        raise BadInput(f"{folder}: the folder is empty: name the folder that holds the drop")
    if _is_snapshot(files, folders, is_table_folder):
        return (Drop(SNAPSHOT),)
    drops = []
    for sequence, path in enumerate(folders, 1):
        hashes = {file.relative_to(path).as_posix(): file_hash(file) for file in visible_files(path)}
        drops.append(Drop(delivery_id(hashes), sequence, path.name))
    return tuple(drops)


def drop_names(folder: Path, is_table_folder: Callable[[Path], bool] = lambda path: False) -> tuple[str, ...]:
    """Names of the deliveries of an input folder, in order; no file is read.

    Raises:
        BadInput: a folder holds a link out of it.
    """
    if not folder.is_dir():
        return (SNAPSHOT,)
    files, folders = _inside(folder)
    return (SNAPSHOT,) if _is_snapshot(files, folders, is_table_folder) else tuple(path.name for path in folders)


def _inside(folder: Path) -> tuple[list[Path], list[Path]]:
    """Data files at the top of a folder, and its subfolders that hold files."""
    inside = [path for path in sorted(folder.iterdir()) if not path.name.startswith((".", "~$"))]
    files = [path for path in inside if path.is_file() and not path.name.lower().startswith(_SAYS_NO_DATA)]
    return files, [path for path in inside if path.is_dir() and any(visible_files(path))]


def _is_snapshot(files: list[Path], folders: list[Path], is_table_folder: Callable[[Path], bool]) -> bool:
    return bool(files) or any(is_table_folder(path) for path in folders)


def visible_files(folder: Path) -> list[Path]:
    """Files of a folder and its subfolders, hidden ones left out, in the order of their paths.

    Raises:
        BadInput: with every entry that is a link out of the folder or to nothing, or neither a file nor a folder.
    """
    found, problems = [], []
    for path in sorted(folder.rglob("*")):
        if any(part.startswith((".", "~$")) for part in path.relative_to(folder).parts):
            continue
        if path.is_symlink() and (wrong := _wrong_link(path, folder)):
            problems.append(f"{path}: {wrong}: put the file itself there, or take the link away")
        elif path.is_file():
            found.append(path)
        elif not path.is_dir():
            problems.append(f"{path}: not a regular file: put the file itself there, or take it away")
    if problems:
        raise BadInput(problems)
    return found


def _wrong_link(path: Path, folder: Path) -> str | None:
    """What is wrong with a link of a drop: it must lead to something in its folder."""
    try:
        target = path.resolve(strict=True)
    except (OSError, RuntimeError):
        return "a link that leads nowhere"
    return None if target.is_relative_to(folder.resolve()) else "a link that leads out of the folder"


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
