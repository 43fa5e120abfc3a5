"""The trial-like populations and their arms, named as `calibration.toml` names them.

Here: who is enrolled and what each arm takes. Not here: what is read off (`quantities`).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pipelines.synth.mechanism.course import t_score
from pipelines.synth.mechanism.people import MALE, PREMENOPAUSAL, Design, People, make_people
from pipelines.synth.mechanism.regimes import NATURAL, Regime
from pipelines.synth.parameters import Parameters, Value

_CANCER: dict[str, Value] = {
    "people.share_breast_cancer_adjuvant": 1.0,
    "people.share_male_testosterone": 0.0,
    "people.share_female_testosterone": 0.0,
    "people.share_restart": 0.0,
}
_HYPOGONADAL = _CANCER | {"people.share_breast_cancer_adjuvant": 0.0, "people.share_male_testosterone": 1.0}
_NOBODY = _CANCER | {"people.share_breast_cancer_adjuvant": 0.0}
_MEN, _WOMEN = _NOBODY | {"people.male_share_none": 1.0}, _NOBODY | {"people.male_share_none": 0.0}
Inclusion = Callable[[Parameters, People], np.ndarray]


def _ages(mean: float, sd: float, low: float) -> dict[str, Value]:
    return {"people.age_mean": (mean,) * 5, "people.age_sd": (sd,) * 5, "people.age_low": (low,) * 5}


def _postmenopausal(p: Parameters, people: People) -> np.ndarray:
    return (people.menopause != PREMENOPAUSAL) & (people.menopause != MALE) & people.is_er_positive & (people.age < 80)


def _premenopausal(p: Parameters, people: People) -> np.ndarray:
    return people.menopause == PREMENOPAUSAL


def _osteopenic(p: Parameters, people: People) -> np.ndarray:
    worst = t_score(p, people.bmd)[:2].min(axis=0)
    return _postmenopausal(p, people) & (worst < -1.0) & (worst > -2.5)


def _not_osteoporotic(p: Parameters, people: People) -> np.ndarray:
    return _postmenopausal(p, people) & (t_score(p, people.bmd)[:2].min(axis=0) > -2.0)


def _older_low_t(p: Parameters, people: People) -> np.ndarray:
    return (people.age >= 60) & (people.testosterone < 350)


def _eugonadal(p: Parameters, people: People) -> np.ndarray:
    return people.testosterone > 350


def _near_menopause(p: Parameters, people: People) -> np.ndarray:
    ahead = people.menopause_age - people.age
    return (ahead > 4.5) & (ahead < 5.5)


def _aromatisers(p: Parameters, people: People) -> np.ndarray:
    return people.estradiol / people.testosterone > 0.075


def _all(p: Parameters, people: People) -> np.ndarray:
    return np.ones(people.person.size, dtype=bool)


@dataclass(frozen=True, slots=True)
class Trial:
    """A population, its arms, length of follow-up and how many are screened by default."""

    changes: dict[str, Value]
    include: Inclusion
    arms: dict[str, Regime]
    years: float
    screened: int
    keep: tuple[str, ...] = field(default=("bmd", "estradiol", "testosterone", "lh", "shbg", "ctx", "p1np"))


def _adjuvant(name: str, agent: int, kind: int = 0, **more) -> Regime:
    settings: dict[str, Any] = {"is_sustained": True, "no_antiresorptive": True} | more
    return Regime(name=name, adjuvant_agent=agent, ai_kind=kind, **settings)


def _add_on(name: str, mg: float, per_week: float, kind: int = 1, testosterone: bool = False) -> Regime:
    return Regime(
        name=name,
        testosterone=testosterone,
        add_on="fixed",
        ai_kind=kind,
        ai_mg_per_intake=mg,
        ai_intakes_per_week=per_week,
        is_sustained=True,
        no_antiresorptive=True,
    )


_UNTREATED = Regime(name="untreated", testosterone=False, add_on="none", is_sustained=True, no_antiresorptive=True)
_T_ALONE = Regime(
    name="testosterone_alone", testosterone=True, add_on="none", is_sustained=True, no_antiresorptive=True
)
_FIVE_YEARS = 65
_EVENT_ARM = {"is_sustained": False, "no_antiresorptive": False}
_LIGHT = ("ai_kind",)

TRIALS: dict[str, Trial] = {
    "adjuvant": Trial(
        _CANCER,
        _postmenopausal,
        {
            "anastrozole": _adjuvant("anastrozole", 1, 1, stop_after_steps=_FIVE_YEARS),
            "letrozole": _adjuvant("letrozole", 1, 2, stop_after_steps=_FIVE_YEARS),
            "tamoxifen": _adjuvant("tamoxifen", 2, stop_after_steps=_FIVE_YEARS),
            "none": _adjuvant("none", 0),
        },
        7.1,
        5000,
    ),
    "adjuvant_events": Trial(
        _CANCER,
        _postmenopausal,
        {
            "anastrozole": _adjuvant("anastrozole", 1, 1, **_EVENT_ARM),
            "tamoxifen": _adjuvant("tamoxifen", 2, **_EVENT_ARM),
            "none": _adjuvant("none", 0, **_EVENT_ARM),
        },
        5.1,
        40000,
        _LIGHT,
    ),
    "risedronate": Trial(
        _CANCER,
        _osteopenic,
        {
            "anastrozole": _adjuvant("anastrozole", 1, 1),
            "anastrozole_risedronate": _adjuvant("both", 1, 1, no_antiresorptive=False, everybody_antiresorptive=1),
        },
        3.1,
        5000,
    ),
    "zofast": Trial(
        _CANCER,
        _postmenopausal,
        {
            "letrozole": _adjuvant("letrozole", 1, 2),
            "letrozole_antiresorptive": _adjuvant("both", 1, 2, no_antiresorptive=False, everybody_antiresorptive=2),
        },
        1.2,
        3000,
    ),
    "map3": Trial(
        _CANCER,
        _postmenopausal,
        {"exemestane": _adjuvant("exemestane", 1, 3), "untreated": _adjuvant("untreated", 0)},
        3.1,
        20000,
    ),
    "ma27b": Trial(
        _CANCER,
        _not_osteoporotic,
        {"exemestane": _adjuvant("exemestane", 1, 3), "anastrozole": _adjuvant("anastrozole", 1, 1)},
        2.1,
        5000,
    ),
    "ies": Trial(
        _CANCER, _postmenopausal, {"switch_exemestane": _adjuvant("ies", 2, 3, switch_after_steps=33)}, 4.7, 4000
    ),
    "ma17": Trial(
        _CANCER,
        _postmenopausal,
        {
            "letrozole": _adjuvant("letrozole", 2, 2, switch_after_steps=_FIVE_YEARS),
            "none": _adjuvant("none", 2, stop_after_steps=_FIVE_YEARS),
        },
        7.6,
        15000,
    ),
    "premenopausal": Trial(
        _CANCER | _ages(44, 4, 30),
        _premenopausal,
        {
            "goserelin_anastrozole": _adjuvant("goserelin_anastrozole", 1, 1, goserelin=True),
            "goserelin_tamoxifen": _adjuvant("goserelin_tamoxifen", 2, goserelin=True),
        },
        3.1,
        3000,
    ),
    "practice": Trial(
        _CANCER, _postmenopausal, {"women_on_ai": NATURAL}, 5.1, 12000, ("ai_kind", "tamoxifen", "taken")
    ),
    "women": Trial(_WOMEN | _ages(62, 9, 50), _postmenopausal, {"untreated": _UNTREATED}, 0.2, 20000),
    "swan": Trial(_WOMEN | _ages(46, 3, 40), _near_menopause, {"untreated": _UNTREATED}, 10.1, 20000, ("bmd",)),
    "men_older": Trial(
        _HYPOGONADAL | _ages(68, 6, 60),
        _older_low_t,
        {
            "anastrozole_7": _add_on("anastrozole_7", 1.0, 7.0),
            "anastrozole_2": _add_on("anastrozole_2", 1.0, 2.0),
            "untreated": _UNTREATED,
        },
        1.2,
        4000,
    ),
    "men_taxel": Trial(_MEN | _ages(71, 4, 65), _eugonadal, {"anastrozole_14": _add_on("taxel", 1.0, 14.0)}, 0.4, 4000),
    "men_gibb": Trial(_MEN | _ages(32, 8, 20), _eugonadal, {"anastrozole_7": _add_on("gibb", 1.0, 7.0)}, 0.4, 4000),
    "men_young": Trial(
        _MEN | _ages(25, 4, 18),
        _eugonadal,
        {
            "letrozole_17.5": _add_on("letrozole", 2.5, 7.0, kind=2),
            "anastrozole_3.5": _add_on("half", 0.5, 7.0),
            "anastrozole_7": _add_on("one", 1.0, 7.0),
        },
        0.4,
        4000,
    ),
    "men_nhanes": Trial(_MEN | _ages(52, 18, 20), _all, {"untreated": _UNTREATED}, 0.2, 20000),
    "men_cawthon": Trial(_MEN | _ages(73, 6, 65), _all, {"untreated": _UNTREATED}, 4.8, 4000),
    "trt": Trial(
        _HYPOGONADAL,
        _all,
        {"testosterone_alone": _T_ALONE, "testosterone_anastrozole_1": _add_on("add_on", 0.5, 2.0, testosterone=True)},
        0.7,
        4000,
    ),
    "trt_high": Trial(
        _HYPOGONADAL,
        _aromatisers,
        {
            "testosterone_alone": _T_ALONE,
            "testosterone_anastrozole_1.5": _add_on("add_on", 0.5, 3.0, testosterone=True),
        },
        0.7,
        20000,
    ),
    "trt_older": Trial(
        _HYPOGONADAL | _ages(72, 5, 65),
        _older_low_t,
        {"testosterone_alone": _T_ALONE, "untreated": _UNTREATED},
        1.2,
        4000,
    ),
    "trt_events": Trial(
        _HYPOGONADAL | _ages(63, 8, 45),
        _all,
        {"testosterone_alone": _T_ALONE, "untreated": _UNTREATED},
        3.3,
        60000,
        _LIGHT,
    ),
}


def enrol(p: Parameters, seed: int, trial: Trial, scale: float = 1.0) -> tuple[Parameters, People]:
    """The parameters as changed for the population, and the people who meet its inclusion rule."""
    changed = p.replace(trial.changes)
    screened = make_people(
        changed, seed, 1, max(round(trial.screened * scale), 200), Design(is_trial=True, horizon_years=trial.years)
    )
    return changed, screened.take(np.nonzero(trial.include(changed, screened))[0])
