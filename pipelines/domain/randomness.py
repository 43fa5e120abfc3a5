"""Counter-based random numbers: each value is a pure function of (seed, person, purpose, draw).

Row order, person bucket and runner cannot change a draw, because nothing is consumed in sequence. Distributions other
than the uniform, and what the numbers are for, belong to the callers.
"""

import hashlib

import numpy as np

_MASK32 = np.uint64(0xFFFFFFFF)
_SHIFT32 = np.uint64(32)
_MULTIPLIERS = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
_WEYL = (0x9E3779B9, 0xBB67AE85)
_ROUNDS = 10


def philox4x32(counter: np.ndarray, key: tuple[int, int]) -> np.ndarray:
    """Philox4x32-10, vectorized over counters.

    Args:
        counter: [n, 4] unsigned 32-bit words.
        key: two unsigned 32-bit words.

    Returns:
        [n, 4] uint32 words.

    Source: Salmon, Moraes, Dror, Shaw (2011), "Parallel random numbers: as easy as 1, 2, 3", SC11; known answers in
    Random123 `kat_vectors`.
    """
    c0, c1, c2, c3 = (counter[:, word].astype(np.uint64) for word in range(4))
    k0, k1 = key
    for _ in range(_ROUNDS):
        product0 = _MULTIPLIERS[0] * c0
        product1 = _MULTIPLIERS[1] * c2
        c0 = (product1 >> _SHIFT32) ^ c1 ^ np.uint64(k0)
        c2 = (product0 >> _SHIFT32) ^ c3 ^ np.uint64(k1)
        c1 = product1 & _MASK32
        c3 = product0 & _MASK32
        k0 = (k0 + _WEYL[0]) & 0xFFFFFFFF
        k1 = (k1 + _WEYL[1]) & 0xFFFFFFFF
    return np.stack([c0, c1, c2, c3], axis=1).astype(np.uint32)


def _digest(*parts: int | str) -> bytes:
    """32 bytes that name the parts; lengths are written down so that ('1', '2x') and ('12', 'x') differ."""
    return hashlib.sha256(b"".join(b"%d:%s" % (len(text), text) for text in (str(p).encode() for p in parts))).digest()


def uniforms(seed: int, person_id: np.ndarray, purpose: str, draw: int = 0) -> np.ndarray:
    """One uniform number per person, strictly inside (0, 1), on the grid (i + 1/2) / 2^52.

    Args:
        seed: any integer.
        person_id: [n] int64; the same person gets the same number wherever the row stands.
        purpose: what the number is for; different purposes are independent streams.
        draw: repetition within the purpose (an imputation, a visit), 0 to 2^32 - 1.

    Returns:
        [n] float64.

    Raises:
        TypeError: `person_id` is not an integer array.
        ValueError: `draw` is out of range.
    """
    people = np.asarray(person_id)
    if people.dtype.kind not in "iu":
        raise TypeError(f"person_id must be an integer array, got {people.dtype}")
    if not 0 <= draw < 2**32:
        raise ValueError("draw must lie in 0 to 2^32 - 1")
    digest = _digest(seed, purpose)
    key = (int.from_bytes(digest[0:4], "little"), int.from_bytes(digest[4:8], "little"))
    unsigned = people.astype(np.int64).view(np.uint64)
    counter = np.empty((people.size, 4), dtype=np.uint64)
    counter[:, 0] = unsigned & _MASK32
    counter[:, 1] = unsigned >> _SHIFT32
    counter[:, 2] = draw
    counter[:, 3] = 0
    words = philox4x32(counter, key).astype(np.uint64)
    # 52 bits, not 53: adding a half to a 53-bit integer would round the largest one up to exactly 1.
    integers = ((words[:, 0] >> np.uint64(6)) << np.uint64(26)) | (words[:, 1] >> np.uint64(6))
    return (integers.astype(np.float64) + 0.5) * 2.0**-52


def generator(seed: int, purpose: str, draw: int = 0) -> np.random.Generator:
    """A numpy generator (Philox4x64-10) for draws that belong to the population, not to a person.

    The caller must consume it in an order that does not depend on rows, e.g. one normal per model parameter.
    """
    key = int.from_bytes(_digest(seed, purpose, draw)[:16], "little")
    return np.random.Generator(np.random.Philox(key=key))
