"""How much a file may ask of this machine before it is refused as damaged or hostile."""

from dataclasses import dataclass

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """Bytes read at a time, longest row that is kept, longest row that is looked at, and what unpacking may give.

    A compressed file may unpack to `ratio` times its size, and to `ratio_free_bytes` whatever its size.
    """

    block_bytes: int = 8 * MIB
    row_bytes: int = MIB
    endless_row_bytes: int = 16 * MIB
    ratio: int = 200
    ratio_free_bytes: int = 256 * MIB
    unpacked_bytes: int = 512 * 1024 * MIB
    workbook_bytes: int = 2048 * MIB

    def allows(self, unpacked: int, packed: int) -> bool:
        """Whether so many bytes may come out of a file of that size."""
        return unpacked <= self.unpacked_bytes and unpacked <= max(self.ratio_free_bytes, self.ratio * packed)


DEFAULT = Limits()
