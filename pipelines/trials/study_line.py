"""In which line of a study file a problem stands. Reads the layout of TOML as study files use it; validates nothing."""

import re
from collections.abc import Sequence

Path = tuple[str | int, ...]
_TABLE = re.compile(r"^\s*(\[\[?)\s*([\w.\-]+)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"^\s*([\w\-]+)\s*=")
_NAMED = re.compile(r"^(?:Value error, )?([a-z_]+(?:\.[a-z0-9_]+)*): ")


def line_of(text: str, path: Sequence[str | int], message: str = "") -> int | None:
    """The line, from 1, of what a path names, or of the nearest part of the file above it; None where nothing is near.

    Args:
        text: of the file.
        path: keys and indices as the validator gives them; words that name a kind of rule, and no key, are passed over.
        message: of the problem; one that begins with a dotted name and a colon says more precisely where.
    """
    lines = _lines(text)
    named = _NAMED.match(message)
    asked = [*path, *(int(part) if part.isdigit() else part for part in named[1].split("."))] if named else [*path]
    found: Path = ()
    for part in asked:
        if (*found, part) in lines:
            found = (*found, part)
    return lines.get(found)


def _lines(text: str) -> dict[Path, int]:
    """Every table, array of tables and key with its line; an array as a whole stands where its first table does."""
    found: dict[Path, int] = {}
    counts: dict[Path, int] = {}
    table: Path = ()
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _TABLE.match(line):
            table = ()
            *above, name = header[2].split(".")
            for part in above:
                table = (*table, part)
                if table in counts:
                    table = (*table, counts[table] - 1)
            table = (*table, name)
            found.setdefault(table, number)
            if header[1] == "[[":
                counts[table] = counts.get(table, 0) + 1
                table = (*table, counts[table] - 1)
                found[table] = number
        elif key := _KEY.match(line):
            found.setdefault((*table, key[1]), number)
    return found
