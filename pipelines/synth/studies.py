"""The studies the truth answers: population, time zero, arms by intervention, outcomes; named as the estimands name them.

Here: the list. Not here: how a contrast is estimated (`contrasts`), how it is run (`truth`), published trials
(`calibration.populations`).

Three kinds of arm. *start*: everybody starts (or does not), all that follows is natural — stopping, switching, missed
doses, bone drugs: an intention to treat. *sustained*: nobody stops or switches, doses are missed as in life. *one
decision*: natural before and after one forced choice.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pipelines.synth.mechanism.people import ADJUVANT, FEMALE_T, MALE_T, NONE, RESTART, STEP_DAYS, YEAR, People
from pipelines.synth.mechanism.regimes import Regime
from pipelines.synth.parameters import Parameters, Value

_SHARES = {
    ADJUVANT: "breast_cancer_adjuvant",
    MALE_T: "male_testosterone",
    FEMALE_T: "female_testosterone",
    RESTART: "restart",
}
_METASTATIC_STAGE = 4
Include = Callable[[People, np.ndarray], np.ndarray]


def only(protocol: int, is_male: bool | None = None) -> dict[str, Value]:
    """Parameter changes that put everybody into one protocol."""
    changes: dict[str, Value] = {f"people.share_{name}": float(number == protocol) for number, name in _SHARES.items()}
    return changes if is_male is None else changes | {"people.male_share_none": float(is_male)}


def is_postmenopausal(people: People, step: np.ndarray) -> np.ndarray:
    """[n] women past their last period at a step."""
    return ~people.is_male & (people.age + step * STEP_DAYS / YEAR >= np.nan_to_num(people.menopause_age))


def postmenopausal_cancer(people: People, step: np.ndarray) -> np.ndarray:
    """Postmenopausal, hormone-receptor positive, not metastatic at diagnosis."""
    return is_postmenopausal(people, step) & people.is_er_positive & (people.stage < _METASTATIC_STAGE)


def _premenopausal(people: People, step: np.ndarray) -> np.ndarray:
    return ~people.is_male & ~is_postmenopausal(people, step)


def everybody(people: People, step: np.ndarray) -> np.ndarray:
    """No condition."""
    return np.ones(people.person.size, dtype=bool)


@dataclass(frozen=True, slots=True)
class Study:
    """One population with its arms.

    Attributes:
        population: in words.
        changes: parameters that differ, so that everybody is in the protocol.
        include: condition on the people at time zero.
        arms: by name.
        contrasts: pairs (arm, reference).
        kind: "start", "sustained" or "one decision".
        zero_after: steps from the index day (first protocol drug due) to time zero.
        draw: time zero is an estradiol check: needs one in this range (measured, pg/mL), no inhibitor before.
        years: follow-up after time zero.
        bone: (site, month) of percent BMD change since time zero.
        levels: (track, days) log of a hormone or marker at a day after time zero.
        amounts: (track, days) the hormone itself, in its unit.
        metabolic: (figure, month) of `outcomes.metabolic`.
        window: (low, high, months) share of time with true estradiol inside, over the first months.
        events: outcomes with risks.
        strata: names of `outcomes.stratum`; means of bone and levels are then told in each stratum as well.
    """

    population: str
    changes: dict[str, Value]
    include: Include
    arms: dict[str, Regime]
    contrasts: tuple[tuple[str, str], ...]
    kind: str
    zero_after: int = 0
    draw: tuple[float, float] | None = None
    years: int = 2
    bone: tuple[tuple[str, int], ...] = ()
    levels: tuple[tuple[str, int], ...] = ()
    amounts: tuple[tuple[str, int], ...] = ()
    metabolic: tuple[tuple[str, int], ...] = ()
    window: tuple[float, float, int] | None = None
    events: tuple[str, ...] = ()
    strata: tuple[str, ...] = ()


SUSTAINED: dict[str, Any] = {"is_sustained": True, "misses_doses": True}
_SITES = ("lumbar_spine", "total_hip", "femoral_neck")
_CORE = tuple((site, month) for site in _SITES for month in (12, 24))
_LONG = tuple((site, month) for site in _SITES for month in (12, 24, 60))
CARDIOVASCULAR = (
    *("heart_failure", "myocardial_infarction", "ischaemic_stroke", "venous_thromboembolism", "cardiovascular_death"),
    *("mace", "death"),
)
FRACTURE = ("fracture", "major_fracture", "hip_fracture", "vertebral_fracture")
SYMPTOMS_WOMEN = (
    *("arthralgia", "fatigue", "depression", "insomnia", "low_libido", "vaginal_dryness", "hot_flush", "carpal_tunnel"),
    *("water_retention", "hair_loss", "cognitive_complaint"),
)
SYMPTOMS_MEN = (
    *("arthralgia", "fatigue", "depression", "irritability", "low_libido", "erectile_dysfunction", "gynecomastia"),
    *("water_retention", "breast_tenderness"),
)
#: what a dose too high or too low would do to men beside testosterone
_MEN_ON_DOSES = ("fracture", "major_fracture", *CARDIOVASCULAR, *SYMPTOMS_MEN)
_METABOLIC = tuple((name, 12) for name in ("log_ldl_cholesterol", "systolic_pressure", "log_homa_ir"))
#: what may modify the effect of an inhibitor
_MODIFIERS = ("body_mass_index", "rs700518", "rs10046")
_CANCER = "postmenopausal women, receptor-positive breast cancer, no metastasis, no bone drug; adjuvant therapy is due"
_THREE = (("aromatase_inhibitor", "none"), ("tamoxifen", "none"), ("aromatase_inhibitor", "tamoxifen"))
_PAIR = (("testosterone_and_inhibitor", "testosterone"),)


def adjuvant_arms(**more) -> dict[str, Regime]:
    """The three arms of the adjuvant studies; `more` are settings of every regime."""
    return {
        "aromatase_inhibitor": Regime(name="aromatase_inhibitor", adjuvant_agent=1, **more),
        "tamoxifen": Regime(name="tamoxifen", adjuvant_agent=2, **more),
        "none": Regime(name="none", adjuvant_agent=0, **more),
    }


def fixed_dose(mg: float, per_week: float, kind: int = 1, after: int = 0) -> Regime:
    """Men or women on testosterone who keep one dose of an inhibitor."""
    return Regime(
        name="fixed",
        add_on="fixed",
        add_on_after_steps=after,
        ai_kind=kind,
        ai_mg_per_intake=mg,
        ai_intakes_per_week=per_week,
        **SUSTAINED,
    )


NO_ADD_ON = Regime(name="none", add_on="none", **SUSTAINED)


def _policy(add_on: str, low: float = 20.0, high: float = 30.0) -> Regime:
    return replace(
        fixed_dose(0.5, 2.0, after=DRAW_STEPS), name=add_on, add_on=add_on, estradiol_low=low, estradiol_high=high
    )


#: steps from the first testosterone dose to the action on the estradiol drawn 84 days and 14 days after it
DRAW_STEPS = 4
#: estradiol of men who may be offered an inhibitor, pg/mL as measured
ADD_ON_DRAW = (30.0, 80.0)
_NEVER_UP = 1e6
_DOSES = {
    "anastrozole_0.5_mg_per_week": (0.25, 2.0, 1),
    "anastrozole_1_mg_per_week": (0.5, 2.0, 1),
    "anastrozole_2_mg_per_week": (1.0, 2.0, 1),
    "anastrozole_3.5_mg_per_week": (1.0, 3.5, 1),
    "anastrozole_7_mg_per_week": (1.0, 7.0, 1),
    "letrozole_2.5_mg_per_week": (2.5, 1.0, 2),
    "letrozole_5_mg_per_week": (2.5, 2.0, 2),
    "letrozole_17.5_mg_per_week": (2.5, 7.0, 2),
    "exemestane_25_mg_per_week": (25.0, 1.0, 3),
    "exemestane_50_mg_per_week": (25.0, 2.0, 3),
    "exemestane_175_mg_per_week": (25.0, 7.0, 3),
}


def one_decision(decision: bool) -> Regime:
    """Natural course but for one choice at an estradiol check."""
    return Regime(name="add" if decision else "not", decision_after_steps=DRAW_STEPS, decision=decision)


def _women() -> dict[str, Study]:
    """Adjuvant therapy."""
    cancer, sustained = only(ADJUVANT), adjuvant_arms(**SUSTAINED)
    names = ("anastrozole", "letrozole", "exemestane")
    agents = {name: Regime(adjuvant_agent=1, ai_kind=kind, **SUSTAINED) for kind, name in enumerate(names, 1)}
    stop = {
        "stop": Regime(adjuvant_agent=1, stop_after_steps=65, **SUSTAINED),
        "continue": sustained["aromatase_inhibitor"],
    }

    def study(arms: dict[str, Regime], contrasts: tuple[tuple[str, str], ...], kind: str, **more) -> Study:
        return Study(_CANCER, cancer, postmenopausal_cancer, arms, contrasts, kind, **more)

    against_none = tuple((name, "none") for name in agents)
    start, levels = adjuvant_arms(), tuple(("estradiol", days) for days in (1, 28, 84))
    return {
        "ai_vs_tamoxifen": study(start, _THREE, "start", years=5, bone=_LONG),
        "ai_vs_tamoxifen/sustained": study(sustained, _THREE, "sustained", years=5, bone=_LONG),
        "ai_vs_tamoxifen/agents": study(
            agents | {"none": sustained["none"]},
            against_none,
            "sustained",
            years=5,
            bone=_LONG,
            levels=(("estradiol", 84),),
            events=FRACTURE + CARDIOVASCULAR,
        ),
        "ai_cardiovascular": study(start, _THREE, "start", years=10, events=CARDIOVASCULAR),
        "ai_cardiovascular/sustained": study(sustained, _THREE, "sustained", years=5, events=CARDIOVASCULAR),
        "ai_fracture": study(start, _THREE, "start", years=10, events=FRACTURE),
        "ai_metabolic": study(start, _THREE, "start", metabolic=_METABOLIC),
        "modifiers": study(
            sustained,
            _THREE[:1],
            "sustained",
            bone=(("lumbar_spine", 12), ("total_hip", 12)),
            levels=(("estradiol", 84),),
            amounts=(("estradiol", 84),),
            strata=_MODIFIERS,
        ),
        "symptoms_e2": study(start, _THREE, "start", years=5, events=SYMPTOMS_WOMEN),
        "bone_turnover": study(sustained, _THREE, "sustained", years=1, levels=(("ctx", 140), ("p1np", 140))),
        "e2_pkpd": study(sustained, _THREE[:1], "sustained", years=1, levels=levels),
        "recovery_after_stop": study(
            stop, (("stop", "continue"),), "sustained", zero_after=65, years=5, bone=_LONG, events=FRACTURE
        ),
    }


def _men(p: Parameters) -> dict[str, Study]:
    """Testosterone, restart, and men without either."""
    men_on_t, male_t, intact = "men starting testosterone, no bone drug", only(MALE_T), only(NONE, is_male=True)
    nobody = "men without testosterone therapy"
    doses = {name: fixed_dose(*dose) for name, dose in _DOSES.items()}
    policies = {
        "fixed_0.5_mg_twice_weekly": fixed_dose(0.5, 2.0, after=DRAW_STEPS),
        "fixed_1_mg_daily": fixed_dose(1.0, 7.0, after=DRAW_STEPS),
        "titrate_to_20_30": _policy("titrate"),
        "titrate_above_change_point": _policy("titrate", p.number("bone.threshold_men"), _NEVER_UP),
        "stop_below_20": _policy("stop_low"),
    }
    co_start = {"testosterone_and_inhibitor": Regime(co_start=True), "testosterone": Regime(co_start=False)}
    kept = {"testosterone_and_inhibitor": fixed_dose(1.0, 7.0), "testosterone": NO_ADD_ON}
    restart = {"restart_and_inhibitor": fixed_dose(1.0, 2.0, after=2), "restart": NO_ADD_ON}
    off = {
        "inhibitor": replace(fixed_dose(1.0, 7.0), testosterone=False),
        "none": replace(NO_ADD_ON, testosterone=False),
    }
    against = (("inhibitor", "none"),)
    axis = tuple((track, 84) for track in ("lh", "fsh", "testosterone", "estradiol"))
    levels, e2 = tuple(("estradiol", days) for days in (1, 28, 84)), (("estradiol", 84),)
    return {
        "ai_fracture/men": Study(men_on_t, male_t, everybody, co_start, _PAIR, "start", years=5, events=FRACTURE),
        "symptoms_e2/men": Study(men_on_t, male_t, everybody, co_start, _PAIR, "start", years=5, events=SYMPTOMS_MEN),
        "ai_metabolic/men": Study(men_on_t, male_t, everybody, co_start, _PAIR, "start", metabolic=_METABOLIC),
        "modifiers/men": Study(
            men_on_t,
            male_t,
            everybody,
            {"testosterone_and_inhibitor": fixed_dose(0.5, 2.0), "testosterone": NO_ADD_ON},
            _PAIR,
            "sustained",
            bone=(("lumbar_spine", 12), ("total_hip", 12)),
            levels=e2,
            amounts=e2,
            strata=_MODIFIERS,
        ),
        "e2_pkpd/men": Study(nobody, intact, everybody, off, against, "sustained", years=1, levels=levels),
        "trt_ai_addon/co_start": Study(
            men_on_t, male_t, everybody, co_start, _PAIR, "start", years=5, bone=_LONG, levels=e2, events=CARDIOVASCULAR
        ),
        "trt_ai_addon/add_on": Study(
            men_on_t + "; estradiol 30 to 80 pg/mL at the check of day 98, no inhibitor yet",
            male_t,
            everybody,
            {"add": one_decision(True), "not": one_decision(False)},
            (("add", "not"),),
            "one decision",
            zero_after=DRAW_STEPS,
            draw=ADD_ON_DRAW,
            years=5,
            bone=_LONG,
            levels=e2,
            events=("fracture", "gynecomastia"),
        ),
        "ai_dose_response": Study(
            men_on_t,
            male_t,
            everybody,
            doses | {"none": NO_ADD_ON},
            tuple((dose, "none") for dose in doses),
            "sustained",
            years=5,
            bone=_LONG,
            levels=(("estradiol", 365),),
            events=_MEN_ON_DOSES,
        ),
        "titration_policy": Study(
            men_on_t + "; an estradiol above 30 pg/mL at the check of day 98",
            male_t,
            everybody,
            policies | {"no_inhibitor": NO_ADD_ON},
            tuple((name, "no_inhibitor") for name in policies),
            "sustained",
            zero_after=DRAW_STEPS,
            draw=(30.0, 1e6),
            years=5,
            bone=_LONG,
            window=(20.0, 30.0, 24),
            events=_MEN_ON_DOSES,
        ),
        "restart_protocol": Study(
            "men, 56 days after the last testosterone; restart is due",
            only(RESTART),
            everybody,
            restart,
            (("restart_and_inhibitor", "restart"),),
            "sustained",
            zero_after=2,
            years=1,
            levels=axis,
        ),
        "hpg_response/intact": Study(nobody, intact, everybody, off, against, "sustained", years=1, levels=axis),
        "hpg_response/on_testosterone": Study(
            men_on_t, male_t, everybody, kept, _PAIR, "sustained", years=1, levels=axis
        ),
    }


def studies(p: Parameters) -> dict[str, Study]:
    """All studies; the policy that keeps estradiol above the change-point takes it from the parameters."""
    arms = {"testosterone_and_inhibitor": fixed_dose(0.5, 2.0), "testosterone": NO_ADD_ON}
    e2 = (("estradiol", 84),)

    def women_on_t(words: str, include: Include, **more) -> Study:
        return Study(f"{words} women starting testosterone", only(FEMALE_T), include, arms, _PAIR, "sustained", **more)

    return {
        **_women(),
        **_men(p),
        "female_testosterone_ai/postmenopausal": women_on_t(
            "postmenopausal", is_postmenopausal, bone=(("lumbar_spine", 12),), levels=e2
        ),
        "female_testosterone_ai/premenopausal": women_on_t("premenopausal", _premenopausal, levels=e2),
    }
