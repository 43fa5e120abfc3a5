"""Free hormones: published check values, the law of mass action, and missing where an input is none."""

import math

import numpy as np
import pytest

from pipelines.domain import free_hormone
from pipelines.domain.free_hormone import ALBUMIN_G_PER_MOL, SODERGARD_1982, BindingConstants, sodergard

NG_DL_PER_NMOL_L = 28.842
vermeulen = free_hormone.testosterone_vermeulen


def test_vermeulen_as_the_issam_calculator_gives_it():
    # T 10 nmol/L, SHBG 40 nmol/L, albumin 43 g/L: free 0.1739 nmol/L (1.74 %) = 5.02 ng/dL, bioavailable 118 ng/dL.
    found = vermeulen(10, 40, 43)
    assert found.free == pytest.approx(0.1739, abs=5e-5)
    assert found.free * NG_DL_PER_NMOL_L == pytest.approx(5.02, abs=0.005)
    assert round(float(found.bioavailable) * NG_DL_PER_NMOL_L) == 118


def test_vermeulen_without_shbg_leaves_albumin_alone():
    found = vermeulen(10, 0, 43)
    assert found.bioavailable == pytest.approx(10, rel=1e-12)
    assert found.free == pytest.approx(10 / (1 + 3.6e4 * 43 / ALBUMIN_G_PER_MOL), rel=1e-12)


def test_vermeulen_balances_for_extreme_shbg():
    testosterone, shbg = np.array([0.1, 30.0, 120.0]), np.array([500.0, 5.0, 10.0])
    found = vermeulen(testosterone, shbg)
    n = 1 + 3.6e4 * 43 / ALBUMIN_G_PER_MOL
    bound = shbg * found.free / (1 + found.free)  # K = 1 L/nmol
    assert n * found.free + bound == pytest.approx(testosterone, rel=1e-12)


def test_nothing_in_nothing_out():
    assert vermeulen(0, 40).free == 0
    missing = vermeulen([-1, math.nan, 10, 10], [40, 40, math.nan, 40], [43, 43, 43, 0])
    assert np.isnan(missing.free).all()
    assert np.isnan(missing.bioavailable).all()
    assert np.isnan(sodergard(10, [math.nan, -1], 40).estradiol.free).all()


def test_sodergard_with_one_ligand_is_the_quadratic():
    alone = BindingConstants(1.0e9, 3.6e4, 1.0, 1.0, "the constants of Vermeulen")
    pair = sodergard(10, 0, 40, 43, alone)
    assert pair.testosterone.free == pytest.approx(vermeulen(10, 40, 43).free, rel=1e-9)


def test_sodergard_balances_and_competes():
    pair = sodergard(20, 0.1, 30)
    n = 1 + SODERGARD_1982.estradiol_albumin * 43 / ALBUMIN_G_PER_MOL
    assert pair.estradiol.bioavailable == pytest.approx(n * pair.estradiol.free)
    without_testosterone = sodergard(0, 0.1, 30)
    assert pair.estradiol.free > without_testosterone.estradiol.free  # testosterone takes SHBG away from estradiol


def test_sodergard_near_the_published_fractions():
    # Sodergard 1982: estradiol 2.4 % free in men, 2.0 % in women; these constants give 2.9 and 2.3 to 2.4 %.
    men, women = sodergard(20, 0.09, 30), sodergard(1.3, 0.4, 50)
    assert float(men.estradiol.free) / 0.09 * 100 == pytest.approx(2.9, abs=0.05)
    assert float(women.estradiol.free) / 0.4 * 100 == pytest.approx(2.35, abs=0.05)
    assert float(men.estradiol.free) / 0.09 * 100 == pytest.approx(2.4, abs=0.6)
    assert float(men.testosterone.free) / 20 * 100 == pytest.approx(2.0, abs=0.6)


def test_sodergard_accounts_for_all_shbg_over_every_range():
    """Bound by each hormone plus unbound is SHBG, to rounding, from nothing to amounts that no person has."""
    rng = np.random.default_rng(3)
    testosterone, estradiol = 10 ** rng.uniform(-4, 4, 5_000), 10 ** rng.uniform(-5, 3, 5_000)
    shbg, albumin = 10 ** rng.uniform(-2, 4, 5_000), rng.uniform(1, 80, 5_000)
    pair = sodergard(testosterone, estradiol, shbg, albumin)
    bound = sum(
        total - found.bioavailable for total, found in ((testosterone, pair.testosterone), (estradiol, pair.estradiol))
    )
    k_t, n_t = SODERGARD_1982.testosterone_shbg * 1e-9, pair.testosterone.bioavailable / pair.testosterone.free
    unbound = (testosterone / pair.testosterone.free - n_t) / k_t
    assert bound + unbound == pytest.approx(shbg, rel=1e-6)
    assert sodergard(10, 0.1, 0).estradiol.bioavailable == pytest.approx(0.1)
