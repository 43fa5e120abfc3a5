"""Bone turnover and bone density from estradiol and drugs, one step at a time.

Here: deficit of estradiol, turnover markers, BMD by site. Not here: scanners (`densitometry`), fractures (`hazards`).

Model. Deficit d = max(0, ln(threshold / E2)) + slope above x min(0, ln(threshold / E2)), by sex. BMD change in percent
has a reversible part F with dF/dt = (target - F) / tau, target proportional to d - d(entry) and to the drugs, and an
irreversible part that accumulates at age trend + slow x d + drugs. Loss is therefore fast at first; after stopping only
F comes back, which is large at the spine and small at the hip (Eastell 2011, Sestak 2021).
"""

from dataclasses import dataclass

import numpy as np

from pipelines.synth.mechanism.codes import BONE_SITES
from pipelines.synth.parameters import Parameters


def deficit(p: Parameters, estradiol, is_male):
    """Estradiol deficit, natural-log units, [n]."""
    threshold = np.where(is_male, p.number("bone.threshold_men"), p.number("bone.threshold_women"))
    gap = np.log(threshold / estradiol)
    return np.maximum(gap, 0.0) + p.number("bone.slope_above_threshold") * np.minimum(gap, 0.0)


@dataclass(frozen=True, slots=True)
class BoneCoefficients:
    """Per-person coefficients, [5, n] in the order of BONE_SITES; percent, or percent a year for slow ones."""

    fast: np.ndarray
    slow: np.ndarray
    tamoxifen_fast: np.ndarray
    tamoxifen_slow: np.ndarray
    antiresorptive_fast: np.ndarray
    antiresorptive_slow: np.ndarray
    androgen_fast: np.ndarray


def coefficients(p: Parameters, is_male, response, rs700518) -> BoneCoefficients:
    """Sex-specific effects times the person's response (and genotype, for estradiol effects)."""
    gene = 1.0 + p.number("bone.rs700518_aa_extra") * (rs700518 == 2)

    def pick(name: str, scale: np.ndarray) -> np.ndarray:
        rows = [
            np.where(is_male, p.number(f"bone.{s}_{name}_men"), p.number(f"bone.{s}_{name}_women")) for s in BONE_SITES
        ]
        return (np.array(rows) * scale).astype(np.float32)

    def both(name: str) -> np.ndarray:
        return (np.array([[p.number(f"bone.{s}_{name}")] for s in BONE_SITES]) * response).astype(np.float32)

    men_only = (np.array([[p.number(f"bone.{s}_androgen_fast")] for s in BONE_SITES]) * is_male).astype(np.float32)
    return BoneCoefficients(
        fast=pick("fast", response * gene),
        slow=pick("slow", response * gene),
        tamoxifen_fast=both("tamoxifen_fast"),
        tamoxifen_slow=both("tamoxifen_slow"),
        antiresorptive_fast=both("antiresorptive_fast"),
        antiresorptive_slow=both("antiresorptive_slow"),
        androgen_fast=men_only,
    )


def trend(p: Parameters, is_male, age, years_after_menopause, castrated):
    """Percent a year without drugs, [5, n]: menopause in women, age in men.

    `years_after_menopause` is negative before; `castrated` women lose as in the menopausal years.
    """
    phase = np.where(
        years_after_menopause < -1.0,
        0,
        np.where(years_after_menopause < 2.0, 1, np.where(years_after_menopause < 7.0, 2, 3)),
    )
    phase = np.where(castrated, 1, phase)
    old = np.exp(p.number("bone.aging_acceleration_per_year") * np.maximum(age - 65.0, 0.0))
    rows = []
    for site in BONE_SITES:
        women = np.array(p.vector(f"bone.{site}_trend_women"), dtype=np.float32)[phase]
        men = p.number(f"bone.{site}_trend_men") * old
        rows.append(np.where(is_male, men, women))
    return np.array(rows, dtype=np.float32)


def turnover_targets(p: Parameters, change, is_male, tamoxifen, antiresorptive, androgen):
    """Log ratios the resorption (CTx, NTx) and formation (P1NP, BALP) markers move to, two [n] arrays."""
    resorption = change * np.where(
        is_male, p.number("turnover.ctx_per_deficit_men"), p.number("turnover.ctx_per_deficit_women")
    )
    formation = change * np.where(
        is_male, p.number("turnover.p1np_per_deficit_men"), p.number("turnover.p1np_per_deficit_women")
    )
    resorption = (
        resorption
        + p.number("turnover.ctx_tamoxifen") * tamoxifen
        + p.number("turnover.ctx_antiresorptive") * antiresorptive
    )
    formation = (
        formation
        + p.number("turnover.p1np_tamoxifen") * tamoxifen
        + p.number("turnover.p1np_antiresorptive") * antiresorptive
    )
    return resorption, formation + p.number("turnover.p1np_androgen") * androgen
