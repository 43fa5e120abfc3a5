"""Clinics: habits, laboratories and scanners, each a function of the seed and the clinic number.

Here: which assay and which densitometer a clinic uses on a given day. Not here: what they read (`assays`,
`densitometry`).
"""

from dataclasses import dataclass

import numpy as np

from pipelines.domain.randomness import generator
from pipelines.synth.parameters import Parameters

LCMS, IMMUNOASSAY = 0, 1
#: lower limits of quantitation of estradiol, pg/mL, by class: two common ones each (Cap Today, laboratory catalogues)
LIMITS = np.array([[1.0, 2.5], [5.0, 24.0]])


@dataclass(frozen=True, slots=True)
class Clinics:
    """Arrays [count + 1]; row 0 is unused because clinics are numbered from 1. The second axis is before, after."""

    preference: np.ndarray  # standard normal: taste for aromatase inhibitors
    assay: np.ndarray  # [c, 2] LCMS or IMMUNOASSAY
    assay_limit: np.ndarray  # [c, 2] pg/mL
    laboratory: np.ndarray  # [c, 2]
    assay_switch_day: np.ndarray  # beyond the data when it never switches
    manufacturer: np.ndarray  # [c, 2] 0 hologic, 1 lunar
    model: np.ndarray  # [c, 2]
    device_offset: np.ndarray  # [c, 2] percent
    scanner_switch_day: np.ndarray
    software_day: np.ndarray  # [c, 2] when software 2 and 3 came


def make_clinics(p: Parameters, seed: int) -> Clinics:
    """All clinics of the run."""
    rows = round(p.number("clinic.count")) + 1
    rng = generator(seed, "clinics")
    changes = p.flag("difficulty.assay_scanner_changes")
    last = p.number("people.last_day")
    preference = rng.standard_normal(rows)
    before = (rng.random(rows) > p.number("clinic.lcms_share_before")).astype(np.int8)
    after = (rng.random(rows) > p.number("clinic.lcms_share_after")).astype(np.int8)
    switch = np.where(
        rng.random(rows) < p.number("clinic.assay_switch_share"), rng.uniform(0.2, 0.8, rows) * last, 10 * last
    )
    maker = (rng.random((rows, 2)) < p.number("clinic.lunar_share")).astype(np.int8)
    offset = rng.standard_normal((rows, 2)) * p.number("clinic.device_offset_sd")
    scanner = np.where(
        rng.random(rows) < p.number("clinic.scanner_switch_share"), rng.uniform(0.25, 0.75, rows) * last, 10 * last
    )
    limits = rng.integers(0, 2, (rows, 2))
    software = np.sort(rng.uniform(0.1, 0.9, (rows, 2)), axis=1) * last
    if not changes:
        switch, scanner = np.full(rows, 10 * last), np.full(rows, 10 * last)
    assay = np.stack([before, after], axis=1)
    number = np.arange(rows)
    return Clinics(
        preference=preference,
        assay=assay,
        assay_limit=LIMITS[assay, limits],
        laboratory=np.stack([number, number + rows], axis=1).astype(np.int16),
        assay_switch_day=switch,
        manufacturer=maker,
        model=np.stack([np.ones(rows), np.full(rows, 2)], axis=1).astype(np.int8),
        device_offset=offset,
        scanner_switch_day=scanner,
        software_day=software,
    )
