"""Person buckets: each person has a stable slot 0-4095; a bucket is a range of slots, so growing never re-hashes anyone."""

from dataclasses import dataclass

SLOTS = 4096
# First 12 bits of sha256 of the id as text: the same on every engine and version, unlike DuckDB's hash().
SLOT_SQL = "('0x' || substr(sha256(person_id::varchar), 1, 3))::integer"


@dataclass(frozen=True, slots=True, order=True)
class Bucket:
    """Slots `first` to `last`, both included."""

    first: int
    last: int

    @property
    def name(self) -> str:
        """Folder or file stem, e.g. `0000-4095`."""
        return f"{self.first:04d}-{self.last:04d}"

    @classmethod
    def parse(cls, name: str) -> "Bucket":
        """Inverse of `name`.

        Raises:
            ValueError: not a bucket name.
        """
        first, last = name.split("-")
        bucket = cls(int(first), int(last))
        if not 0 <= bucket.first <= bucket.last < SLOTS:
            raise ValueError(f"{name}: slots run from 0 to {SLOTS - 1}")
        return bucket

    @property
    def share(self) -> float:
        """The share of all slots, and about that of all people."""
        return (self.last - self.first + 1) / SLOTS

    def overlaps(self, other: "Bucket") -> bool:
        return self.first <= other.last and other.first <= self.last


def layout(persons: int, persons_per_bucket: int) -> tuple[Bucket, ...]:
    """The buckets of a population: one while it is small, then doubling, so that growing splits buckets in half."""
    count = 1
    while count < SLOTS and persons > count * persons_per_bucket * 2:
        count *= 2
    width = SLOTS // count
    return tuple(Bucket(first, first + width - 1) for first in range(0, SLOTS, width))
