"""Aromatase inhibition and the hypothalamic-pituitary-gonadal axis, one step at a time.

Here: estradiol, testosterone, LH, FSH and SHBG from the drugs on board. Not here: drug concentrations
(`pharmacokinetics`), assays (`laboratory`), what estradiol does to bone (`bone`).

Men without testosterone: with i = ln(1 - inhibition), t = ln(T/T0), l = ln(LH/LH0), e = ln(E2/E20) = i + t, the axis is
l = -a e - b t and t = g l, so l = -a i / (1 + (a + b) g): less estradiol feedback raises LH, which raises testosterone,
which is aromatised again. On testosterone LH follows the suppressed axis alone, whatever the aromatase inhibitor does
(Pitteloud 2008: hypothalamic suppression by testosterone needs no aromatisation).
"""

from dataclasses import dataclass

import numpy as np

from pipelines.synth.parameters import Parameters


@dataclass(frozen=True, slots=True)
class Axis:
    """Hormones of one step, each [n]."""

    estradiol: np.ndarray  # pg/mL
    testosterone: np.ndarray  # ng/dL
    lh_ratio: np.ndarray  # to the set point
    fsh_ratio: np.ndarray
    shbg_ratio: np.ndarray


def inhibition(p: Parameters, concentration, agent, is_male, is_premenopausal, is_non_suppressor, c50_scale=1.0):
    """Share of aromatisation lost, [n] 0 to 1: an Emax curve of the anastrozole-equivalent concentration.

    `agent` is 0 none, 1 anastrozole, 2 letrozole, 3 exemestane.
    """
    women = np.array((0.0, *p.vector("aromatase.maximum_women")))[agent]
    men = np.array((0.0, *p.vector("aromatase.maximum_men")))[agent]
    top = np.where(is_male, men, np.where(is_premenopausal, p.number("aromatase.maximum_premenopausal"), women))
    top = np.where(is_non_suppressor, p.number("aromatase.non_suppressor_maximum"), top)
    c50 = np.where(is_male, p.number("aromatase.c50_men"), p.number("aromatase.c50_women")) * c50_scale
    return top * concentration / (c50 + concentration)


def next_suppression(p: Parameters, open_axis, on_testosterone, stimulated, days: float):
    """How open the axis is (1 = free, towards 0 = suppressed by outside testosterone), after one step."""
    floor = p.number("axis.suppressed_level")
    down = np.exp(-days / p.number("axis.suppression_days"))
    up = np.exp(
        -days / (p.number("axis.recovery_days") * np.where(stimulated, p.number("axis.stimulated_recovery"), 1.0))
    )
    return np.where(on_testosterone, floor + (open_axis - floor) * down, 1.0 + (open_axis - 1.0) * up)


def men(
    p: Parameters, testosterone0, estradiol0, open_axis, outside_testosterone, inhibited, serm, gonadorelin
) -> Axis:
    """Hormones of men; `outside_testosterone` in ng/dL, the switches 0 or 1.

    A SERM hides part of the estradiol from the pituitary; gonadorelin adds to LH.
    """
    a, b, g = (
        p.number("axis.lh_per_log_estradiol"),
        p.number("axis.lh_per_log_testosterone"),
        p.number("axis.testosterone_per_log_lh"),
    )
    loss = np.log1p(-inhibited)
    drive = np.log(open_axis) + p.number("axis.gonadorelin_log_lh") * gonadorelin
    drive = drive + p.number("axis.serm_log_lh") * serm * open_axis
    feedback = np.where(outside_testosterone > 0.0, 0.0, -a * loss / (1.0 + (a + b) * g))
    log_lh = drive + feedback
    own = testosterone0 * np.exp(g * np.minimum(log_lh, p.number("axis.log_lh_ceiling")))
    testosterone = own + outside_testosterone
    estradiol = estradiol0 * testosterone / testosterone0 * (1.0 - inhibited)
    lh = np.exp(log_lh)
    fsh = np.exp(p.number("axis.fsh_per_log_lh") * log_lh)
    shbg = np.exp(
        p.number("axis.shbg_per_log_estradiol") * np.log(estradiol / estradiol0)
        - p.number("axis.shbg_per_log_testosterone") * np.log(testosterone / testosterone0)
        + p.number("axis.shbg_serm_log") * serm
    )
    return Axis(estradiol, testosterone, lh, fsh, shbg)


def women(p: Parameters, estradiol0, testosterone0, outside_testosterone, inhibited, tamoxifen, castrated) -> Axis:
    """Hormones of women; `castrated` = ovaries shut by goserelin (the set point given is already the lower one)."""
    added = p.number("hormone.aromatisation_women") * outside_testosterone
    estradiol = (estradiol0 + added) * (1.0 - inhibited)
    testosterone = testosterone0 + outside_testosterone
    ratio = np.log(estradiol / estradiol0)
    lh = np.exp(
        -p.number("axis.lh_per_log_estradiol_women") * ratio - 0.3 * (outside_testosterone > 0.0) - 2.0 * castrated
    )
    fsh = np.exp(
        -p.number("axis.lh_per_log_estradiol_women") * ratio - 0.2 * (outside_testosterone > 0.0) - 1.5 * castrated
    )
    shbg = np.exp(
        p.number("axis.shbg_per_log_estradiol") * 0.3 * ratio
        - p.number("axis.shbg_per_log_testosterone") * np.log(testosterone / testosterone0)
        + p.number("axis.shbg_serm_log") * tamoxifen
    )
    return Axis(estradiol, testosterone, lh, fsh, shbg)
