"""The hormone axis: which way each drug moves it, by how much at a worked point, and where it stops."""

import numpy as np
import pytest

from pipelines.synth.mechanism import hormones
from pipelines.synth.parameters import load_parameters

P = load_parameters()
ONE = np.ones(1)


def man(inhibited=0.0, outside=0.0, open_axis=1.0, serm=0.0, gonadorelin=0.0) -> hormones.Axis:
    return hormones.men(
        P, 480.0 * ONE, 25.0 * ONE, open_axis * ONE, outside * ONE, inhibited * ONE, serm * ONE, gonadorelin * ONE
    )


def inhibited(concentration, agent=1, male=False, premenopausal=False, non_suppressor=False) -> float:
    yes = [np.array([flag]) for flag in (male, premenopausal, non_suppressor)]
    return float(hormones.inhibition(P, np.array([concentration]), np.array([agent]), *yes)[0])


def test_without_a_drug_everything_is_at_its_set_point():
    axis = man()
    assert (axis.estradiol[0], axis.testosterone[0]) == pytest.approx((25.0, 480.0))
    assert axis.lh_ratio[0] == axis.fsh_ratio[0] == axis.shbg_ratio[0] == pytest.approx(1.0)


def test_less_estradiol_raises_lh_fsh_and_testosterone_in_men():
    before, after = man(), man(inhibited=0.5)
    assert after.estradiol[0] < before.estradiol[0]
    for name in ("lh_ratio", "fsh_ratio", "testosterone"):
        assert getattr(after, name)[0] > getattr(before, name)[0], name
    assert after.shbg_ratio[0] < 1.0


def test_closed_form_of_the_feedback_solves_its_own_equations():
    """l = -a e - b t, t = g l, e = i + t, below the ceiling."""
    axis = man(inhibited=0.4)
    a, b, g = (
        P.number(f"axis.{k}") for k in ("lh_per_log_estradiol", "lh_per_log_testosterone", "testosterone_per_log_lh")
    )
    log_lh, t, e = np.log(axis.lh_ratio[0]), np.log(axis.testosterone[0] / 480.0), np.log(axis.estradiol[0] / 25.0)
    assert log_lh == pytest.approx(-a * e - b * t)
    assert t == pytest.approx(g * log_lh)
    assert e == pytest.approx(np.log(0.6) + t)


def test_outside_testosterone_shuts_lh_and_an_inhibitor_does_not_reopen_it():
    floor = P.number("axis.suppressed_level")
    alone, with_inhibitor = man(0.0, 600.0, floor), man(0.6, 600.0, floor)
    assert alone.lh_ratio[0] == with_inhibitor.lh_ratio[0] == pytest.approx(floor)
    assert with_inhibitor.estradiol[0] == pytest.approx(0.4 * alone.estradiol[0])
    assert alone.testosterone[0] > 600.0


def test_serm_and_gonadorelin_raise_lh_in_men():
    assert man(serm=1.0).lh_ratio[0] == pytest.approx(np.exp(P.number("axis.serm_log_lh")))
    assert man(gonadorelin=1.0).lh_ratio[0] == pytest.approx(np.exp(P.number("axis.gonadorelin_log_lh")))
    assert man(serm=1.0).testosterone[0] > 480.0


def test_own_testosterone_has_a_ceiling():
    top = 480.0 * np.exp(P.number("axis.testosterone_per_log_lh") * P.number("axis.log_lh_ceiling"))
    assert man(inhibited=0.999, gonadorelin=1.0).testosterone[0] == pytest.approx(top)


def test_axis_closes_fast_and_reopens_slowly_faster_when_stimulated():
    yes, no = np.array([True]), np.array([False])
    shut = hormones.next_suppression(P, ONE, yes, no, 28.0)
    assert P.number("axis.suppressed_level") < shut[0] < 0.2
    slow, fast = (hormones.next_suppression(P, 0.03 * ONE, no, s, 28.0)[0] for s in (no, yes))
    assert 0.03 < slow < fast < 1.0
    assert hormones.next_suppression(P, 0.03 * ONE, no, no, 5000.0)[0] == pytest.approx(1.0)


def test_inhibition_is_an_emax_curve_that_starts_at_zero_and_keeps_its_maximum():
    top = P.vector("aromatase.maximum_women")[0]
    assert inhibited(0.0) == 0.0
    assert inhibited(P.number("aromatase.c50_women")) == pytest.approx(top / 2)
    assert inhibited(1e9) == pytest.approx(top)
    curve = [inhibited(c, male=True) for c in (0.1, 1.0, 5.0, 20.0, 80.0)]
    assert curve == sorted(curve)
    assert inhibited(1e9, male=True) < inhibited(1e9)


def test_who_is_inhibited_little():
    assert inhibited(40.0, premenopausal=True) <= P.number("aromatase.maximum_premenopausal")
    assert inhibited(40.0, non_suppressor=True) <= P.number("aromatase.non_suppressor_maximum")
    assert inhibited(40.0, agent=0) == 0.0


def test_women_lose_estradiol_gain_some_from_testosterone_and_are_castrated_by_goserelin():
    def woman(inhibited=0.0, outside=0.0, tamoxifen=0.0, castrated=0.0):
        return hormones.women(
            P, 6.0 * ONE, 22.0 * ONE, outside * ONE, inhibited * ONE, tamoxifen * ONE, castrated * ONE
        )

    assert woman(0.85).estradiol[0] == pytest.approx(0.9)
    assert woman(0.85).lh_ratio[0] > 1.0
    assert woman(0.85).fsh_ratio[0] > 1.0
    assert woman(0.0, 80.0).estradiol[0] == pytest.approx(6.0 + 80.0 * P.number("hormone.aromatisation_women"))
    assert woman(castrated=1.0).lh_ratio[0] < 0.2
    assert woman(tamoxifen=1.0).shbg_ratio[0] > 1.0
