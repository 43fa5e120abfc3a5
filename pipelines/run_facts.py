"""What a run was asked: the only thing besides its input frames that a step may depend on."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import polars as pl

Inputs = Mapping[str, pl.LazyFrame]
EvidenceSource = Literal["real", "public_survey", "simulated"]


@dataclass(frozen=True, slots=True)
class RunFacts:
    """Facts of one run; a step names those it depends on, and only those enter its fingerprint."""

    run_id: str
    source: str
    studies: tuple[str, ...]
    bone_reference: str
    min_cell: int
    evidence_source: EvidenceSource
