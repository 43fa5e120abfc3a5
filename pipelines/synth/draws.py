"""Random numbers of the simulator: many draws per person at once, each a pure function of (seed, person, purpose, draw).

Here: uniforms, normals, exponentials and choices for grids (people x draws) and for rows. Not here: the cipher itself
(`pipelines.domain.randomness.philox4x32`), nor what a number is for. Nothing is consumed in sequence, so neither the
batch nor the order of people can change a value.
"""

import hashlib

import numpy as np

_MASK32 = np.uint64(0xFFFFFFFF)
_SHIFT32 = np.uint64(32)
_M0, _M1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_WEYL = (0x9E3779B9, 0xBB67AE85)
_CHUNK = 8192
_SCALE32 = np.float64(2.0**-32)


def _philox(c0: np.ndarray, c1: np.ndarray, c2: np.ndarray, key: tuple[int, int], out: np.ndarray) -> None:
    """Philox4x32-10 of counters (c0, c1, c2, 0) into `out` [4, n] uint64, in chunks that stay in the cache.

    The same numbers as `pipelines.domain.randomness.philox4x32`; written in place because it is the inner loop.
    """
    for start in range(0, c0.size, _CHUNK):
        part = slice(start, min(start + _CHUNK, c0.size))
        x0, x1, x2 = c0[part].copy(), c1[part].copy(), c2[part].copy()
        x3 = np.zeros_like(x0)
        k0, k1 = key
        product0, product1 = np.empty_like(x0), np.empty_like(x0)
        for _ in range(10):
            np.multiply(x0, _M0, out=product0)
            np.multiply(x2, _M1, out=product1)
            np.right_shift(product1, _SHIFT32, out=x0)
            x0 ^= x1
            x0 ^= np.uint64(k0)
            np.right_shift(product0, _SHIFT32, out=x2)
            x2 ^= x3
            x2 ^= np.uint64(k1)
            np.bitwise_and(product1, _MASK32, out=x1)
            np.bitwise_and(product0, _MASK32, out=x3)
            k0 = (k0 + _WEYL[0]) & 0xFFFFFFFF
            k1 = (k1 + _WEYL[1]) & 0xFFFFFFFF
        out[0, part], out[1, part], out[2, part], out[3, part] = x0, x1, x2, x3


def words(seed: int, person: np.ndarray, purpose: str, draw: np.ndarray | int = 0) -> np.ndarray:
    """Four 32-bit words per row.

    Args:
        seed: any integer.
        person: [n] integer.
        purpose: stream name.
        draw: [n] or one integer, 0 to 2^32 - 1.

    Returns:
        [4, n] uint64, each below 2^32.
    """
    digest = hashlib.sha256(f"{seed}:{purpose}".encode()).digest()
    key = (int.from_bytes(digest[0:4], "little"), int.from_bytes(digest[4:8], "little"))
    who = np.asarray(person).astype(np.int64).view(np.uint64)
    which = np.broadcast_to(np.asarray(draw).astype(np.uint64), who.shape)
    out = np.empty((4, who.size), dtype=np.uint64)
    _philox(who & _MASK32, who >> _SHIFT32, which, key, out)
    return out


def _unit(word: np.ndarray) -> np.ndarray:
    return (word.astype(np.float64) + 0.5) * _SCALE32


def uniform(seed: int, person: np.ndarray, purpose: str, draw: np.ndarray | int = 0) -> np.ndarray:
    """[n] float64 strictly inside (0, 1), on a grid of 2^-32."""
    return _unit(words(seed, person, purpose, draw)[0])


def uniforms(seed: int, person: np.ndarray, purpose: str, count: int) -> np.ndarray:
    """[count, n] independent uniforms per person; row j does not depend on `count`."""
    blocks = [words(seed, person, purpose, block) for block in range((count + 3) // 4)]
    return _unit(np.concatenate(blocks, axis=0)[:count])


def _box_muller(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    radius = np.sqrt(-2.0 * np.log(_unit(first))).astype(np.float32)
    angle = (second.astype(np.float32) + np.float32(0.5)) * np.float32(2.0 * np.pi * 2.0**-32)
    return radius * np.cos(angle), radius * np.sin(angle)


def normal(seed: int, person: np.ndarray, purpose: str, draw: np.ndarray | int = 0) -> np.ndarray:
    """[n] float32 standard normal."""
    four = words(seed, person, purpose, draw)
    return _box_muller(four[0], four[1])[0]


def normal_quad(seed: int, person: np.ndarray, purpose: str, draw: np.ndarray | int = 0) -> tuple[np.ndarray, ...]:
    """Four [n] float32 independent standard normals per row, for one cipher call."""
    four = words(seed, person, purpose, draw)
    return (*_box_muller(four[0], four[1]), *_box_muller(four[2], four[3]))


def normals(seed: int, person: np.ndarray, purpose: str, count: int) -> np.ndarray:
    """[count, n] float32 independent standard normals per person; row j does not depend on `count`."""
    out = np.empty((((count + 3) // 4) * 4, np.asarray(person).size), dtype=np.float32)
    for block in range((count + 3) // 4):
        out[4 * block : 4 * block + 4] = normal_quad(seed, person, purpose, block)
    return out[:count]


def exponentials(seed: int, person: np.ndarray, purpose: str, count: int) -> np.ndarray:
    """[count, n] float64 independent standard exponentials: thresholds of cumulative hazards."""
    return -np.log(uniforms(seed, person, purpose, count))


def choice(unit: np.ndarray, probabilities: tuple[float, ...] | np.ndarray) -> np.ndarray:
    """Index of the chosen alternative for each uniform.

    Args:
        unit: [n] uniforms.
        probabilities: [m] shares, or [m, n] shares per person; the last takes what is left.
    """
    shares = np.asarray(probabilities, dtype=np.float64)
    edges = np.cumsum(shares[:-1], axis=0)
    if shares.ndim == 1:
        return np.searchsorted(edges, unit, side="right").astype(np.int8)
    return (unit[None, :] >= edges).sum(axis=0).astype(np.int8)
