"""Numbers for what is named by words here and by numbers elsewhere: the same words give the same number in every build.

Not here: identifiers of people, which are never made from names.
"""

from collections.abc import Iterable
from hashlib import sha256

#: what a signed 32-bit column holds, and what R reads of a 64-bit one without loss
INT_BITS, BIGINT_BITS = 31, 53


def number_of(words: str, bits: int = BIGINT_BITS) -> int:
    """A positive number below 2^bits, by the words alone."""
    return int.from_bytes(sha256(words.encode()).digest()) >> (256 - bits) or 1


def numbered(words: Iterable[str], bits: int = BIGINT_BITS) -> dict[str, int]:
    """Words to numbers.

    Raises:
        ValueError: two of them share a number.
    """
    found = {each: number_of(each, bits) for each in sorted(set(words))}
    if len(set(found.values())) < len(found):
        raise ValueError("two names share one number; a wider column is needed")
    return found
