"""What is read off a trial: one number per target, from the true values of its arms.

Here: the quantities that `calibration.toml` names. Not here: populations, targets, the table.
"""

import re

import numpy as np

from pipelines.synth import draws, outcomes
from pipelines.synth.mechanism import assays
from pipelines.synth.mechanism.clinics import IMMUNOASSAY
from pipelines.synth.mechanism.codes import BONE_SITES
from pipelines.synth.mechanism.course import Course, t_score
from pipelines.synth.mechanism.people import YEAR
from pipelines.synth.parameters import Parameters

_RELATIVE = {"estradiol_change", "estradiol_change_immunoassay"}


def _immunoassay(p: Parameters, course: Course, estradiol: np.ndarray) -> np.ndarray:
    noise = draws.normal(course.seed, course.people.person, "calibration_assay")
    return assays.read_estradiol(p, estradiol, np.full(estradiol.size, IMMUNOASSAY), noise)


def _usual_estradiol(course: Course) -> np.ndarray:
    people = course.people
    return np.where(people.is_male | (people.menopause == 1), people.estradiol, people.estradiol_postmenopausal)


def _geometric(ratio: np.ndarray) -> float:
    return 100.0 * (float(np.exp(np.mean(np.log(ratio)))) - 1.0)


def measure(p: Parameters, course: Course, quantity: str, month: float) -> float:
    """The quantity in one arm.

    Raises:
        ValueError: the quantity is unknown.
    """
    people = course.people
    if quantity in BONE_SITES:
        return float(outcomes.bmd_change(course, quantity, month).mean())
    for prefix, (later, before) in {
        "rebound_": (84.0, 60.0),
        "after_switch_": (30.3 + month, 30.3),
        "second_year_": (30.3 + 24.0, 30.3 + 12.0),
        "after_stop_": (60.0 + month, 60.0),
    }.items():
        if quantity.startswith(prefix):
            return float(outcomes.bmd_change(course, quantity.removeprefix(prefix), later, before).mean())
    if quantity.startswith("front_loading_"):
        site = quantity.removeprefix("front_loading_")
        early, whole = outcomes.bmd_change(course, site, 24.0).mean(), outcomes.bmd_change(course, site, 60.0).mean()
        return float((early / 2.0) / ((whole - early) / 3.0))
    usual = _usual_estradiol(course)
    if quantity == "estradiol_change":
        return _geometric(outcomes.value_at(course, "estradiol", month) / usual)
    if quantity == "estradiol_change_immunoassay":
        now = _immunoassay(p, course, outcomes.value_at(course, "estradiol", month))
        return _geometric(now / _immunoassay(p, course, usual))
    if quantity == "share_estradiol_not_below_baseline":
        noise = [draws.normal(course.seed, people.person, f"calibration_noise{i}") for i in (0, 1)]
        sd = p.number("hormone.within_person_log_sd")
        now = outcomes.value_at(course, "estradiol", month) * np.exp(sd * noise[0])
        return 100.0 * float((now >= usual * np.exp(sd * noise[1])).mean())
    if quantity.startswith("share_estradiol_below_"):
        return 100.0 * float((outcomes.value_at(course, "estradiol", month) < float(quantity.rsplit("_", 1)[1])).mean())
    level = re.fullmatch(r"(estradiol|estradiol_immunoassay)_(bmi|age)_(\d+)_(\d+)", quantity)
    if level:
        by = people.bmi if level[2] == "bmi" else people.age
        inside = (by >= float(level[3])) & (by < float(level[4]))
        values = _immunoassay(p, course, usual) if level[1].endswith("immunoassay") else usual
        return float(np.median(values[inside]))
    prevalence = re.fullmatch(r"femoral_neck_osteoporosis_(\d+)_(\d+)", quantity)
    if prevalence:
        inside = (people.age >= float(prevalence[1])) & (people.age < float(prevalence[2]))
        return 100.0 * float((t_score(p, people.bmd)[2][inside] <= -2.5).mean())
    if quantity == "testosterone_ratio":
        return float(np.exp(np.log(outcomes.value_at(course, "testosterone", month) / people.testosterone).mean()))
    if quantity == "lh_ratio":
        return float(np.exp(np.log(outcomes.value_at(course, "lh", month)).mean()))
    if quantity == "lh_share_of_usual":
        return 100.0 * float(outcomes.value_at(course, "lh", month).mean())
    if quantity == "aromatisation_change":
        now = outcomes.value_at(course, "estradiol", month) / outcomes.value_at(course, "testosterone", month)
        return _geometric(now / (people.estradiol / people.testosterone))
    if quantity == "shbg_change":
        return _geometric(outcomes.value_at(course, "shbg", month))
    if quantity in ("ctx_change", "p1np_change"):
        return _geometric(np.exp(outcomes.value_at(course, quantity.removesuffix("_change"), month)))
    if quantity == "persistence":
        return 100.0 * float(_on_treatment(course, month)[_began_ai(course)].mean())
    if quantity.startswith("covered_year_"):
        year = int(quantity.rsplit("_", 1)[1])
        begin, end = round((year - 1) * YEAR / 28.0), round(year * YEAR / 28.0)
        still = _began_ai(course) & _on_treatment(course, (year - 1) * 12.0 + 0.5)
        on = (course.tracks["ai_kind"][begin:end] > 0) | (course.tracks["tamoxifen"][begin:end] > 0)
        return float((course.tracks["taken"][begin:end] * on).mean(axis=0)[still].mean())
    kind, _, outcome = quantity.partition(":")
    if kind in ("risk", "rate") and outcome:
        day, death = outcomes.event_day(p, course, outcome), course.death_day()
        if kind == "risk":
            return 100.0 * outcomes.risk(day, death, month / 12.0)
        events, years = outcomes.rate(day, death, month / 12.0)
        return 1000.0 * events / years
    raise ValueError(f"unknown quantity {quantity!r}")


def _began_ai(course: Course) -> np.ndarray:
    return course.tracks["ai_kind"][1] > 0


def _on_treatment(course: Course, month: float) -> np.ndarray:
    return (outcomes.value_at(course, "ai_kind", month) > 0) | (outcomes.value_at(course, "tamoxifen", month) > 0)


def compare(p: Parameters, arm: Course, other: Course, quantity: str, month: float) -> float:
    """The quantity in one arm against another: a ratio where it is one, else a difference.

    Hazard ratios are ratios of first-event rates. "hazard_ratio_from_60" counts `month` months from five years on.
    """
    kind, _, outcome = quantity.partition(":")
    if kind in ("hazard_ratio", "hazard_ratio_from_60", "risk_ratio", "odds_ratio"):
        since = 5.0 if kind == "hazard_ratio_from_60" else 0.0
        sides = []
        for course in (arm, other):
            day, death = outcomes.event_day(p, course, outcome), course.death_day()
            events, years = outcomes.rate(day, death, since + month / 12.0, since)
            share = outcomes.risk(day, death, month / 12.0)
            sides.append(
                {
                    "hazard_ratio": events / years,
                    "hazard_ratio_from_60": events / years,
                    "risk_ratio": share,
                    "odds_ratio": share / (1.0 - share),
                }[kind]
            )
        return sides[0] / sides[1]
    if quantity in _RELATIVE:
        track = [outcomes.value_at(c, "estradiol", month) for c in (arm, other)]
        if quantity.endswith("immunoassay"):
            track = [_immunoassay(p, c, values) for c, values in zip((arm, other), track, strict=True)]
        return _geometric(track[0] / track[1])
    return measure(p, arm, quantity, month) - measure(p, other, quantity, month)
