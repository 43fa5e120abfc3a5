"""What became of each drop of a delivery: counts of its files and rows, told after the whole folder was landed.

A drop is a subfolder of the input folder; where the folder is one snapshot, that is the only one. Which drops there may be, and
that a landed one never changes, stands in `drop_log`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pipelines.warehouse.landing import SNAPSHOT, AnyPart
from pipelines.warehouse.ledger import Entry


@dataclass(frozen=True, slots=True)
class LandedDrop:
    """One drop. Of `rows_read`, `rows` were landed, the others rejected or of people who withdrew.

    Attributes:
        files: files that hold rows of it.
        files_written: of these, those that were read and written; the others were current.
    """

    name: str
    files: int
    files_written: int
    rows_read: int
    rows: int
    rows_rejected: int
    rows_withdrawn: int


def drop_of(part: AnyPart) -> str:
    """Name of the drop that a part came with."""
    drop = getattr(part, "drop", None)
    return (drop.folder if drop is not None else "") or SNAPSHOT


def landed_drops(
    parts: Iterable[AnyPart], written: frozenset[tuple[str, str]], entries: Sequence[Entry]
) -> tuple[LandedDrop, ...]:
    """What became of each drop, in the order of their names.

    Args:
        written: table and name of the parts that were written.
    """
    of = {(part.table, part.name): drop_of(part) for part in parts}
    found = []
    for name in sorted(set(of.values())):
        mine = [entry for entry in entries if of[entry.table, entry.name] == name]
        found.append(
            LandedDrop(
                name,
                len({entry.source_file for entry in mine}),
                len({entry.source_file for entry in mine if (entry.table, entry.name) in written}),
                sum(entry.rows_read for entry in mine),
                sum(entry.rows for entry in mine),
                sum(entry.rows_rejected for entry in mine),
                sum(entry.rows_withdrawn for entry in mine),
            )
        )
    return tuple(found)
