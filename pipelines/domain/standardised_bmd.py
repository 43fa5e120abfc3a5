"""Standardised bone mineral density: what makers' densitometers read, on one scale, for comparing people, never one person.

Change over time is computed within one device and needs no standardisation: the error of a single person is about 3.5 %.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Values = NDArray[np.float64]
BMD_MAX_G_CM2 = 3.0  # above it no living bone: a unit or typing error


@dataclass(frozen=True, slots=True)
class Standardisation:
    """sBMD in mg/cm2, shape of the inputs; makers in lower case.

    NaN for a maker or site without published constants, and for BMD outside (0, 3] g/cm2.
    """

    manufacturer: str
    site_code: str
    intercept: float
    slope: float
    source: str


_HUI = "Hui 1997, J Bone Miner Res 12:1463"
_LU = "Lu 2001, Osteoporos Int 12:438"


def _spine(manufacturer: str, slope: float, centre: float) -> Standardisation:
    """The spine equations are printed around a centre: 1000 [slope (BMD - centre) + 1.0436]."""
    return Standardisation(manufacturer, "lumbar_spine", 1.0436 - slope * centre, slope, _HUI)


STANDARDISATIONS = (
    _spine("hologic", 1.0550, 0.972),
    _spine("lunar", 0.9683, 1.100),
    _spine("norland", 0.9743, 0.969),
    Standardisation("hologic", "femoral_neck", 0.019, 1.087, _LU),
    Standardisation("lunar", "femoral_neck", -0.023, 0.939, _LU),
    Standardisation("norland", "femoral_neck", 0.006, 0.985, _LU),
    Standardisation("hologic", "total_hip", 0.006, 1.008, _LU),
    Standardisation("lunar", "total_hip", -0.031, 0.979, _LU),
    Standardisation("norland", "total_hip", 0.026, 1.012, _LU),
)


def standardised_bmd_mg_cm2(bmd_g_cm2: ArrayLike, manufacturer: ArrayLike, site_code: ArrayLike) -> Values:
    """sBMD in mg/cm2, shape of the inputs; makers in lower case.

    NaN for a maker or site without published constants, and for BMD outside (0, 3] g/cm2.
    """
    bmd, makers, sites = np.broadcast_arrays(
        np.asarray(bmd_g_cm2, dtype=np.float64), np.asarray(manufacturer), np.asarray(site_code)
    )
    standardised = np.full(bmd.shape, np.nan)
    usable = (bmd > 0) & (bmd <= BMD_MAX_G_CM2)
    for row in STANDARDISATIONS:
        chosen = usable & (makers == row.manufacturer) & (sites == row.site_code)
        standardised = np.where(chosen, 1000 * (row.intercept + row.slope * bmd), standardised)
    return standardised
