"""Mappings and folders of flat drops that are refused: what is changed in the good drop, and what the message has to say."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

Said = tuple[str, ...]


def _edit(folder: Path, old: str, new: str) -> None:
    path = folder / "mapping.toml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


# Form -> (text of the good mapping, what stands in its place, what is said).
MAPPINGS: dict[str, tuple[str, str, Said]] = {
    "a mapping that is no TOML": ('kind = "lab"', "kind = lab", ("mapping.toml: not valid TOML", "line 7")),
    "a mapping with an unknown key": (
        'files = "labs*"',
        'files = "labs*"\ncolour = "red"',
        ("table[2].colour: unknown key", "keys here are"),
    ),
    "a mapping of an unknown kind": ('kind = "lab"', 'kind = "labs"', ("kind 'labs' is not one of",)),
    "a mapping with an unknown meaning": (
        'value_text = "value"',
        'value_text = "value", colour = "unit"',
        ("columns.colour: lab has no such column", "it has person"),
    ),
    "a mapping that names an unknown column": (
        'name_text = "test"',
        'name_text = "analyte"',
        ("labs.csv", "no column analyte", "correct the mapping"),
    ),
    "a mapping without the person": ('person = "id", name_text', "name_text", ("columns.person: missing",)),
    "a mapping without the date": (', drawn_on = "day"', "", ("lab needs drawn_at or drawn_on or resulted_at",)),
    "a mapping with an unknown date format": (
        'files = "labs*"',
        'files = "labs*"\ndates = { drawn_on = "%Q/%m" }',
        ("table[2] (lab): dates.drawn_on",),
    ),
    "a mapping with a two-digit year and no century": (
        'files = "labs*"',
        'files = "labs*"\ndates = { drawn_on = "%d.%m.%y" }',
        ("table[2] (lab): dates.drawn_on", "first_year"),
    ),
    "a mapping with an unknown time zone": ("Europe/Berlin", "Mars/Olympus", ("is not a time zone", "Europe/Berlin")),
    "a mapping with an unknown encoding": (
        'files = "labs*"',
        'files = "labs*"\nencoding = "ebcdic"',
        ("encoding 'ebcdic' is not one of",),
    ),
    "a mapping whose decimal and thousands marks are one": (
        'files = "labs*"',
        'files = "labs*"\ndecimal = ","\nthousands = ","',
        ("decimal and thousands are the same character",),
    ),
}


def _no_mapping(folder: Path) -> None:
    (folder / "mapping.toml").unlink()


def _empty(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()


def _no_match(folder: Path) -> None:
    for name in ("people", "labs", "dxa", "drugs"):
        (folder / f"{name}.csv").rename(folder / f"other_{name}.csv")


def _outside(folder: Path) -> None:
    secret = folder.parent / "outside.csv"
    (folder / "labs.csv").rename(secret)
    (folder / "labs.csv").symlink_to(secret)


def _loop(folder: Path) -> None:
    (folder / "labs.csv").unlink()
    (folder / "labs.csv").symlink_to(folder / "labs.csv")


def _dangling(folder: Path) -> None:
    (folder / "labs.csv").unlink()
    (folder / "labs.csv").symlink_to(folder / "nowhere.csv")


def _pipe(folder: Path) -> None:
    (folder / "labs.csv").unlink()
    os.mkfifo(folder / "labs.csv")


# Form -> (what is done to the good drop, what is said).
FOLDERS: dict[str, tuple[Callable[[Path], None], Said]] = {
    "no mapping": (_no_mapping, ("mapping.toml: no mapping there", "trabecula map FILE")),
    "no such folder": (shutil.rmtree, ("no such folder",)),
    "an empty folder": (_empty, ("no mapping there",)),
    "a folder of files that no table names": (_no_match, ("none of its 4 files is named by the mapping",)),
    "a link out of the folder": (
        _outside,
        ("labs.csv: a link that leads out of the folder", "put the file itself there"),
    ),
    "a link in a circle": (_loop, ("labs.csv: a link that leads nowhere", "put the file itself there")),
    "a link to nothing": (_dangling, ("labs.csv: a link that leads nowhere", "put the file itself there")),
    "a pipe instead of a file": (_pipe, ("labs.csv: not a regular file", "put the file itself there")),
}
