"""Densitometry visits: regions, devices, precision error, artefacts, repeats.

Here: true and measured BMD of each scan. Not here: when scans happen (`course`), T-scores as printed (the renderer).
Lunar scales from the standardised-BMD equations (Hui 1997, Lu 2001) and Genant's spine regression.
"""

from dataclasses import dataclass

import numpy as np

from pipelines.synth import draws
from pipelines.synth.mechanism.codes import BONE_SITES, SCAN_REASONS, SIDES
from pipelines.synth.mechanism.course import Course
from pipelines.synth.mechanism.people import STEP_DAYS, YEAR
from pipelines.synth.parameters import Parameters

_SITE_SHARE = (0.95, 0.97, 0.97, 0.10, 0.12)
_AREA = (56.0, 34.0, 5.2, 2050.0, 7.5)


@dataclass(frozen=True, slots=True)
class Scans:
    """Arrays [s], one row per region and visit; names as in `life.SCANS`, `day` after entry."""

    row: np.ndarray
    scan: np.ndarray
    day: np.ndarray
    site: np.ndarray
    side: np.ndarray
    true_bmd: np.ndarray
    measured_bmd: np.ndarray
    device: np.ndarray
    manufacturer: np.ndarray
    model: np.ndarray
    software: np.ndarray
    vertebrae: np.ndarray
    area_cm2: np.ndarray
    is_artefact: np.ndarray
    reason: np.ndarray


def to_lunar(site: int, hologic: np.ndarray) -> np.ndarray:
    """A hologic density on the lunar scale, g/cm2; `site` indexes BONE_SITES."""
    if site == 0:
        return (hologic + 0.025) / 0.906
    if site == 1:
        return (0.006 + 1.008 * hologic + 0.031) / 0.979
    if site == 2:
        return (0.019 + 1.087 * hologic + 0.023) / 0.939
    return hologic * 1.03


def make_scans(p: Parameters, seed: int, course: Course, last: np.ndarray) -> Scans:
    """All regions of all densitometry visits."""
    people, t, clinics = course.people, course.tracks, course.clinics
    step, who = np.nonzero(t["scanned"])
    order = np.lexsort((step, who))
    step, who = step[order], who[order]
    person = people.person[who]
    u = [draws._unit(w) for part in (0, 1) for w in draws.words(seed, person, f"scan{part}", step)]
    day = step * STEP_DAYS + np.floor(u[0] * STEP_DAYS).astype(np.int64)
    keep = day < last[who]
    step, who, person, day = step[keep], who[keep], person[keep], day[keep]
    u = [part[keep] for part in u]
    first = np.concatenate([[True], who[1:] != who[:-1]]) if who.size else np.zeros(0, dtype=bool)
    number = np.arange(who.size) - np.maximum.accumulate(np.where(first, np.arange(who.size), 0)) + 1
    calendar = people.entry_day[who] + day
    late = (calendar >= clinics.scanner_switch_day[people.site[who]]).astype(np.int64)
    site_of = people.site[who]
    maker = clinics.manufacturer[site_of, late]
    software = 1 + (calendar[:, None] >= clinics.software_day[site_of]).sum(axis=1)
    near_start = np.abs(step - course.plan.start[who]) <= 1
    informative = p.flag("difficulty.informative_dxa") & ~near_start & (u[1] < 0.3)
    reason = np.where(
        near_start,
        SCAN_REASONS.index("baseline"),
        np.where(informative, SCAN_REASONS.index("prompted"), SCAN_REASONS.index("routine")),
    )
    right = draws.uniform(seed, person, "side") < 0.15
    other_side = right ^ (u[2] < 0.04)
    steps = t["bmd"].shape[0]
    age = people.age[who] + day / YEAR
    degenerates = (draws.uniform(seed, person, "artefact") < p.number("densitometry.artefact_share")) & (age > 62.0)
    drift = degenerates * p.number("densitometry.artefact_rate") * np.maximum(age - 62.0, 0.0)
    vertebrae = np.where(u[3] < 0.88, 4, np.where(u[3] < 0.97, 3, 2))
    parts = []
    for site, name in enumerate(BONE_SITES):
        for repeat in (False, True):
            chosen = draws.uniform(seed, person, f"region_{name}", step) < _SITE_SHARE[site]
            if repeat:
                chosen &= u[4] < p.number("densitometry.repeat_share")
            i = np.nonzero(chosen)[0]
            after = np.minimum(step[i] + 1, steps - 1)
            share = (day[i] - step[i] * STEP_DAYS) / STEP_DAYS
            lower, upper = t["bmd"][step[i], site, who[i]], t["bmd"][after, site, who[i]]
            true = np.where(upper > 0.0, lower + share * (upper - lower), lower)
            z, _ = draws._box_muller(*draws.words(seed, person[i], f"precision_{name}_{repeat}", step[i])[:2])
            cv = np.array(p.vector("densitometry.precision_cv"))[site] / 100.0
            device_cv = np.where(maker[i] == 1, 1.1, 1.0) * cv
            seen = true * (1.0 + drift[i] / 100.0 * (site == 0)) * np.exp(device_cv * z)
            seen = seen * (1.0 + clinics.device_offset[site_of[i], late[i]] / 100.0)
            seen = np.where(maker[i] == 1, to_lunar(site, seen), seen)
            sided = site in (1, 2, 4)
            side = (
                np.where(other_side[i], SIDES.index("right"), SIDES.index("left"))
                if sided
                else np.zeros(i.size, dtype=np.int64)
            )
            levels = vertebrae[i] if site == 0 else np.full(i.size, -1)
            area = (
                _AREA[site]
                * (people.height[who[i]] / 166.0)
                * np.where(site == 0, levels / 4.0, 1.0)
                * np.exp(0.012 * z)
            )
            parts.append(
                (who[i], number[i], day[i], np.full(i.size, site), side, true, seen, site_of[i] * 2 - 1 + late[i], maker[i],
                 clinics.model[site_of[i], late[i]], software[i], levels, area, degenerates[i] & (site == 0),
                 np.full(i.size, SCAN_REASONS.index("repeat")) if repeat else reason[i])
            )  # fmt: skip
    return Scans(*(np.concatenate(column) for column in zip(*parts, strict=True)))
