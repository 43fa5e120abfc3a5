"""Writes survival_input.csv: three made sets of weighted, clustered rows from start to stop, two causes, ties of whole months.

Sets differ by size, strata and how people leave; every number is seeded. Run: python survival_export.py, then survival.R.
"""

from pathlib import Path

import numpy as np
import polars as pl

SETS = {"small": (60, 11), "middle": (150, 12), "strata": (200, 13)}


def made(name: str, people: int, seed: int) -> pl.DataFrame:
    """Rows of one set: people enter late, have one to four rows each, and a weight of their own in every row."""
    rng = np.random.default_rng(seed)
    entry = rng.integers(0, 6, people) * (rng.random(people) < 0.4)
    x = np.round(rng.normal(size=people), 3)
    arm = (rng.random(people) < 0.5).astype(int)
    site = rng.integers(1, 3, people) if name == "strata" else np.ones(people, dtype=int)
    length = 1 + np.floor(rng.exponential(14.0 * np.exp(-0.4 * x + 0.3 * arm))).astype(int)
    event = rng.choice([0, 1, 2], people, p=[0.35, 0.4, 0.25])
    frames = []
    for part in range(4):
        start = part * 8
        stop = np.minimum(length, start + 8)
        there = stop > start
        last = length <= start + 8
        frames.append(
            pl.DataFrame(
                {
                    "set": [name] * people,
                    "person": np.arange(people),
                    "start": entry + start,
                    "stop": entry + stop,
                    "event": np.where(last, event, 0),
                    "x": x,
                    "arm": arm,
                    "z": np.round(0.1 * part + rng.normal(size=people), 3),
                    "site": site,
                    "weight": np.round(np.exp(0.4 * rng.normal(size=people)), 3),
                }
            ).filter(there)
        )
    return pl.concat(frames).sort("person", "start")


if __name__ == "__main__":
    sets = [made(name, *size) for name, size in SETS.items()]
    pl.concat(sets).write_csv(Path(__file__).with_name("survival_input.csv"))
