"""The list of people who withdrew: person ids, nothing else, applied at every landing and before every rollback.

The ids are keyed; without the key they lead to nobody. Removing people is `withdrawal`.
"""

from collections.abc import Iterable
from hashlib import sha256

import polars as pl

from pipelines.errors import BadInput
from pipelines.settings import Settings
from pipelines.warehouse.parquet import is_whole, write_frame

FILE = "withdrawn.parquet"


def withdrawn(settings: Settings) -> frozenset[int]:
    """Everybody who ever withdrew from this home.

    Raises:
        BadInput: the list cannot be read.
    """
    path = settings.landing / FILE
    if not path.exists():
        return frozenset()
    if not is_whole(path):
        raise BadInput(
            f"{path}: the list of people who withdrew cannot be read, and without it they would come back: put it back from a "
            "backup, or use a new --home and withdraw them there"
        )
    return frozenset(pl.read_parquet(path)["person_id"].to_list())


def add(settings: Settings, ids: Iterable[int]) -> frozenset[int]:
    """Put people on the list; returns the whole list."""
    everybody = withdrawn(settings) | frozenset(ids)
    frame = pl.LazyFrame({"person_id": sorted(everybody)}, {"person_id": pl.Int64})
    write_frame(frame, settings.landing / FILE, "withdrawn")
    (settings.landing / FILE).chmod(0o600)
    return everybody


def digest(ids: Iterable[int]) -> str:
    """Hash of a list of people, whatever its order; empty for nobody. What landing writes beside every part."""
    ordered = sorted(frozenset(ids))
    return sha256(repr(ordered).encode()).hexdigest() if ordered else ""
