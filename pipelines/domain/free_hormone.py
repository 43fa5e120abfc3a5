"""Free and bioavailable testosterone and estradiol from total concentrations, SHBG and albumin: the law of mass action.

Association constants are arguments, because published sets differ; the defaults name their source. Nothing here knows units
other than those of the arguments: convert first.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Values = NDArray[np.float64]

ALBUMIN_G_PER_MOL = 69_000.0  # Vermeulen 1999
ALBUMIN_DEFAULT_G_L = 43.0  # Vermeulen 1999, where albumin was not measured
_MOST_STEPS = 60  # a few are taken


@dataclass(frozen=True, slots=True)
class BindingConstants:
    """Association constants, L/mol, of testosterone and estradiol with SHBG and albumin."""

    testosterone_shbg: float
    testosterone_albumin: float
    estradiol_shbg: float
    estradiol_albumin: float
    source: str


VERMEULEN_1999 = (1.0e9, 3.6e4)
SODERGARD_1982 = BindingConstants(
    testosterone_shbg=5.97e8,
    testosterone_albumin=4.06e4,
    estradiol_shbg=3.14e8,
    estradiol_albumin=4.21e4,
    source="Sodergard 1982, J Steroid Biochem 16:801, 37 degrees C",
)


@dataclass(frozen=True, slots=True)
class FreeHormone:
    """Free and bioavailable (free plus albumin-bound) concentration, in the unit of the total; arrays of one shape."""

    free: Values
    bioavailable: Values


@dataclass(frozen=True, slots=True)
class FreeHormonePair:
    """Testosterone and estradiol that share one SHBG."""

    testosterone: FreeHormone
    estradiol: FreeHormone


def testosterone_vermeulen(
    testosterone_nmol_l: ArrayLike, shbg_nmol_l: ArrayLike, albumin_g_l: ArrayLike = ALBUMIN_DEFAULT_G_L
) -> FreeHormone:
    """Free and bioavailable testosterone, nmol/L; NaN where a total is negative, albumin is not above 0, or any is missing.

    Source: Vermeulen 1999, J Clin Endocrinol Metab 84:3666; the quadratic as the ISSAM calculator solves it.
    """
    testosterone, shbg, albumin = _arrays(testosterone_nmol_l, shbg_nmol_l, albumin_g_l)
    k_shbg, k_albumin = VERMEULEN_1999[0] * 1e-9, VERMEULEN_1999[1]  # per nmol/L; per mol/L
    n = 1 + k_albumin * albumin / ALBUMIN_G_PER_MOL
    b = n + k_shbg * (shbg - testosterone)
    # The stable form of the root: b may be large and positive, where -b + sqrt(...) cancels.
    root = np.sqrt(b**2 + 4 * k_shbg * n * testosterone)
    free = np.where(b >= 0, 2 * testosterone / np.where(b >= 0, b + root, 1), (root - b) / (2 * k_shbg * n))
    return FreeHormone(free, n * free)


def sodergard(
    testosterone_nmol_l: ArrayLike,
    estradiol_nmol_l: ArrayLike,
    shbg_nmol_l: ArrayLike,
    albumin_g_l: ArrayLike = ALBUMIN_DEFAULT_G_L,
    constants: BindingConstants = SODERGARD_1982,
) -> FreeHormonePair:
    """Free and bioavailable testosterone and estradiol, nmol/L, both competing for SHBG; NaN as in `testosterone_vermeulen`.

    With these constants free estradiol comes out near 2.9 % in men and 2.3 to 2.4 % in women, about 0.4 points above the
    fractions printed in the paper: a systematic difference, not noise.

    Source: Sodergard 1982, J Steroid Biochem 16:801.
    """
    testosterone, estradiol, shbg, albumin = _arrays(testosterone_nmol_l, estradiol_nmol_l, shbg_nmol_l, albumin_g_l)
    molar_albumin = albumin / ALBUMIN_G_PER_MOL
    n_t, n_e = 1 + constants.testosterone_albumin * molar_albumin, 1 + constants.estradiol_albumin * molar_albumin
    k_t, k_e = constants.testosterone_shbg * 1e-9, constants.estradiol_shbg * 1e-9
    # SHBG left unbound is the one unknown. Bound plus unbound grows with it, ever slower, so Newton's steps from 0 never pass it.
    unbound = np.zeros_like(shbg)
    for _ in range(_MOST_STEPS):
        part_t, part_e = n_t + k_t * unbound, n_e + k_e * unbound
        by_t, by_e = k_t * testosterone / part_t, k_e * estradiol / part_e
        missing = shbg - unbound * (1 + by_t + by_e)
        step = missing / (1 + by_t * n_t / part_t + by_e * n_e / part_e)
        unbound = unbound + step
        if not np.any(step > 1e-15 * shbg):
            break
    free_t, free_e = testosterone / (n_t + k_t * unbound), estradiol / (n_e + k_e * unbound)
    return FreeHormonePair(FreeHormone(free_t, n_t * free_t), FreeHormone(free_e, n_e * free_e))


def _arrays(*given: ArrayLike) -> list[Values]:
    """Broadcast float64 columns (last: albumin), NaN together where one is missing, negative, or albumin is 0."""
    columns = np.broadcast_arrays(*(np.asarray(values, dtype=np.float64) for values in given))
    usable = columns[-1] > 0
    for column in columns:
        usable = usable & np.isfinite(column) & (column >= 0)
    return [np.where(usable, column, np.nan) for column in columns]
