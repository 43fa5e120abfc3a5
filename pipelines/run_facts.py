"""What a run was asked: the only thing besides its input frames that a step may depend on."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import polars as pl

Inputs = Mapping[str, pl.LazyFrame]
EvidenceSource = Literal["real", "public_survey", "simulated"]


@dataclass(frozen=True, slots=True)
class RunFacts:
    """Facts of one run; a step names those it depends on, and only those enter its fingerprint.

    `today` is the UTC day of the run: of it a step may ask only which waivers are in force.
    """

    run_id: str
    source: str
    studies: tuple[str, ...]
    bone_reference: str
    min_cell: int
    evidence_source: EvidenceSource
    today: dt.date = field(default_factory=lambda: dt.datetime.now(dt.UTC).date())
