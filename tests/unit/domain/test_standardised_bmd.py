"""Standardised BMD: the published equations, and no number for makers without one."""

import numpy as np
import pytest

from pipelines.domain.standardised_bmd import STANDARDISATIONS, standardised_bmd_mg_cm2


@pytest.mark.parametrize(
    ("manufacturer", "site", "bmd", "expected"),
    [
        # Hui 1997, J Bone Miner Res 12:1463: at the centre of each maker the European spine phantom mean of 1.0436.
        ("hologic", "lumbar_spine", 0.972, 1043.6),
        ("lunar", "lumbar_spine", 1.100, 1043.6),
        ("norland", "lumbar_spine", 0.969, 1043.6),
        ("hologic", "lumbar_spine", 1.072, 1000 * (1.0550 * 0.1 + 1.0436)),
        # Lu 2001, Osteoporos Int 12:438.
        ("hologic", "femoral_neck", 0.858, 1000 * (0.019 + 1.087 * 0.858)),
        ("lunar", "femoral_neck", 0.980, 1000 * (-0.023 + 0.939 * 0.980)),
        ("norland", "total_hip", 0.900, 1000 * (0.026 + 1.012 * 0.900)),
    ],
)
def test_published_equations(manufacturer, site, bmd, expected):
    assert standardised_bmd_mg_cm2(bmd, manufacturer, site) == pytest.approx(expected, rel=1e-12)


def test_two_makers_agree_on_one_spine_after_standardisation():
    # Genant 1994, J Bone Miner Res 9:1503: Hologic spine = 0.906 Lunar - 0.025.
    lunar = 1.100
    pair = standardised_bmd_mg_cm2([0.906 * lunar - 0.025, lunar], ["hologic", "lunar"], "lumbar_spine")
    assert pair[0] == pytest.approx(pair[1], rel=0.01)


@pytest.mark.parametrize(
    ("bmd", "maker", "site"),
    [
        (0, "hologic", "total_hip"),
        (-1, "hologic", "total_hip"),
        (14.2, "hologic", "total_hip"),
        (1, "unknown", "total_hip"),
        (1, "hologic", "forearm"),
        (np.nan, "lunar", "total_hip"),
    ],
)
def test_no_number_without_an_equation(bmd, maker, site):
    assert np.isnan(standardised_bmd_mg_cm2(bmd, maker, site))


def test_each_maker_and_site_once():
    assert len({(row.manufacturer, row.site_code) for row in STANDARDISATIONS}) == len(STANDARDISATIONS) == 9
