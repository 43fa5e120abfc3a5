"""What a folder's own manifests say its files should be: `MANIFEST.json`, `SHA256SUMS` and `MANIFEST.csv`.

`fetch` writes MANIFEST.json; the other two come with copies made elsewhere. A manifest holds for its folder and all
below it.
"""

import csv
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath

from pipelines.errors import BadInput

FETCHED = "MANIFEST.json"
CHECKSUMS = "SHA256SUMS"
ROW_COUNTS = "MANIFEST.csv"
NAMES = (FETCHED, CHECKSUMS, ROW_COUNTS)


@dataclass(frozen=True, slots=True)
class FetchedFile:
    """One downloaded file: its size, checksum, address and the instant (UTC, ISO 8601) it was complete."""

    bytes: int
    sha256: str
    url: str
    fetched_at: str


@dataclass(frozen=True, slots=True)
class Expected:
    """What one manifest says of one file; None where it does not say."""

    manifest: Path
    bytes: int | None = None
    sha256: str | None = None
    rows: int | None = None
    columns: int | None = None


@dataclass(frozen=True, slots=True)
class Manifest:
    """One manifest file: by relative path (MANIFEST.json, SHA256SUMS) or by upper-case table name (MANIFEST.csv)."""

    path: Path
    by_path: Mapping[PurePosixPath, Expected]
    by_table: Mapping[str, Expected]

    def expected(self, file: Path) -> Expected | None:
        """What it says of a file in its folder or below."""
        relative = PurePosixPath(file.relative_to(self.path.parent).as_posix())
        return self.by_path.get(relative) or self.by_table.get(file.stem.upper())

    def absent(self) -> tuple[str, ...]:
        """Relative paths that it lists and that are not there."""
        return tuple(str(path) for path in self.by_path if not (self.path.parent / path).is_file())


def read(path: Path) -> Manifest:
    """Reads a manifest by its name; BadInput, naming the line or entry, where it is not one of its kind."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path}: cannot be read: mend it or take it away, then examine the folder again") from error
    if path.name == FETCHED:
        return Manifest(path, {k: Expected(path, v.bytes, v.sha256) for k, v in _fetched(path, text).items()}, {})
    if path.name == CHECKSUMS:
        return Manifest(path, _checksums(path, text), {})
    return Manifest(path, {}, _row_counts(path, text))


def read_fetched(folder: Path) -> dict[str, FetchedFile]:
    """The files that `fetch` has recorded in this folder, by relative path; none where it never ran."""
    path = folder / FETCHED
    if not path.exists():
        return {}
    return {str(name): file for name, file in _fetched(path, path.read_text(encoding="utf-8")).items()}


def write_fetched(folder: Path, files: Mapping[str, FetchedFile]) -> None:
    """Replaces the folder's MANIFEST.json in one step, so that a crash leaves the old one or the new one."""
    text = json.dumps({name: asdict(files[name]) for name in sorted(files)}, indent=1) + "\n"
    temporary = folder / f".{FETCHED}.tmp"
    with temporary.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(folder / FETCHED)


def disagreement(
    file: Path, size: int, sha256: str | None, rows: int | None, columns: int | None, expected: Expected
) -> str | None:
    """The first way in which a file is not what a manifest says, as a problem with its remedy; None where it is."""
    source = expected.manifest.name
    if expected.bytes is not None and expected.bytes != size:
        return f"{file}: {size} bytes where {source} has {expected.bytes}: {_CHANGED}"
    if expected.sha256 is not None and sha256 is not None and expected.sha256 != sha256:
        return f"{file}: its SHA-256 is not the one in {source}: {_CHANGED}"
    for what, found, stated in (("rows", rows, expected.rows), ("columns", columns, expected.columns)):
        if found is not None and stated is not None and found != stated:
            return f"{file}: {found} {what} where {source} has {stated}: {_CHANGED}"
    return None


_CHANGED = "truncated or changed since download; run fetch again, or correct the manifest"


def _fetched(path: Path, text: str) -> dict[PurePosixPath, FetchedFile]:
    try:
        entries = {
            PurePosixPath(name): FetchedFile(
                int(entry["bytes"]), str(entry["sha256"]).lower(), str(entry["url"]), str(entry["fetched_at"])
            )
            for name, entry in json.loads(text).items()
        }
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadInput(f"{path}: not a manifest that fetch wrote: take it away and run fetch again") from error
    return entries


def _checksums(path: Path, text: str) -> dict[PurePosixPath, Expected]:
    files = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        digest, _, name = line.partition(" ")
        name = name.lstrip(" *").removeprefix("./")
        if len(digest) != 64 or set(digest.lower()) - set("0123456789abcdef") or not name:
            raise BadInput(f"{path}, line {number}: not a checksum and a file name: write it again with sha256sum")
        files[PurePosixPath(name)] = Expected(path, sha256=digest.lower())
    return files


def _row_counts(path: Path, text: str) -> dict[str, Expected]:
    # Its checksum is that of the file before conversion and its size that of one particular Parquet encoding, so only
    # rows and columns bind a table file.
    reader = csv.DictReader(text.splitlines())
    if not {"table", "rows", "columns"} <= set(reader.fieldnames or ()):
        return {}
    tables = {}
    for entry in reader:
        if not (entry["rows"] or "").isdigit() or not (entry["columns"] or "").isdigit():
            raise BadInput(f"{path}, line {reader.line_num}: rows and columns must be whole numbers: mend the line")
        tables[entry["table"].upper()] = Expected(path, rows=int(entry["rows"]), columns=int(entry["columns"]))
    return tables
