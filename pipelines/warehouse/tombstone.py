"""The list of people who withdrew: person ids, nothing else, applied at every landing and before every rollback.

The ids are keyed; without the key they lead to nobody. Removing people is `withdrawal`.
"""

from collections.abc import Iterable

import polars as pl

from pipelines.settings import Settings
from pipelines.warehouse.parquet import write_frame

FILE = "withdrawn.parquet"


def withdrawn(settings: Settings) -> frozenset[int]:
    """Everybody who ever withdrew from this home."""
    path = settings.landing / FILE
    return frozenset(pl.read_parquet(path)["person_id"].to_list()) if path.exists() else frozenset()


def add(settings: Settings, ids: Iterable[int]) -> frozenset[int]:
    """Put people on the list; returns the whole list."""
    everybody = withdrawn(settings) | frozenset(ids)
    frame = pl.LazyFrame({"person_id": sorted(everybody)}, {"person_id": pl.Int64})
    write_frame(frame, settings.landing / FILE, "withdrawn")
    (settings.landing / FILE).chmod(0o600)
    return everybody
