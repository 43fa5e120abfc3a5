"""Rates of clinical events and symptoms, and the clock that turns them into days.

Here: hazard of every event per step. Not here: whether anybody writes it down (`diagnoses`).

Each person has one standard-exponential threshold per event; the event happens when the cumulative hazard reaches it.
The same threshold under another regime gives the counterfactual event of the same person.
"""

from dataclasses import dataclass

import numpy as np

from pipelines.synth import draws
from pipelines.synth.mechanism.codes import RACES, SYMPTOM_CODES
from pipelines.synth.mechanism.people import ADJUVANT, YEAR, People
from pipelines.synth.parameters import Parameters

FRACTURES = ("hip_fracture", "vertebral_fracture", "forearm_fracture", "humerus_fracture", "other_fracture")
CARDIAC = (
    "heart_failure",
    "myocardial_infarction",
    "ischaemic_stroke",
    "venous_thromboembolism",
    "cardiovascular_death",
    "angina",
    "atrial_fibrillation",
)
OTHER = (
    "hypertension",
    "diabetes",
    "breast_cancer_metastasis",
    "breast_cancer_death",
    "prostate_cancer",
    "endometrial_cancer",
    "other_death",
)
SYMPTOMS = SYMPTOM_CODES
GYNECOLOGICAL = ("endometriosis", "fibroids")
EVENTS = FRACTURES + CARDIAC + OTHER + SYMPTOMS + GYNECOLOGICAL
DEATHS = ("cardiovascular_death", "breast_cancer_death", "other_death")
NEVER = np.float32(1e9)
_FRACTURE_ROWS = slice(0, len(FRACTURES))
_OLDER = len(EVENTS) - len(GYNECOLOGICAL)
_SYMPTOM_ROWS = slice(_OLDER - len(SYMPTOMS), _OLDER)
_GYNECOLOGICAL_ROWS = slice(_OLDER, len(EVENTS))
#: bone site whose density sets each fracture: lumbar_spine 0, total_hip 1, femoral_neck 2, total_body 3, radius 4
_FRACTURE_SITE = np.array([1, 0, 4, 1, 1])


def row(event: str) -> int:
    """Row of an event in the clock's arrays."""
    return EVENTS.index(event)


@dataclass(slots=True)
class Clock:
    """Running state: rates of the current step without drugs, thresholds left, days of first and second events."""

    rate: np.ndarray  # [m, n] per day
    growth: np.ndarray  # [m, 1] factor per step
    ai_factor: np.ndarray  # [m, 1]
    tamoxifen_factor: np.ndarray  # [m, 1]
    low_estradiol: np.ndarray  # [s, 1] symptoms only
    high_estradiol: np.ndarray  # [s, 1]
    per_log_estradiol: np.ndarray  # [2, 1] endometriosis, fibroids: log hazard per log estradiol
    left: np.ndarray  # [m, n]
    second_left: np.ndarray  # [5, n] fractures
    day: np.ndarray  # [m, n] days after entry, NEVER until it happens
    second_day: np.ndarray  # [5, n]


def make_clock(p: Parameters, seed: int, people: People, step_days: int) -> Clock:
    """Rates at entry: rate at age 65 x age x sex x history; the frailty nobody records raises every event."""
    n, age, male = people.person.size, people.age, people.is_male
    rate = np.zeros((len(EVENTS), n))
    growth = np.zeros((len(EVENTS), 1))
    ai, tam = np.ones((len(EVENTS), 1)), np.ones((len(EVENTS), 1))
    vascular = np.exp(
        p.number("risk.ihd") * people.has_ihd
        + p.number("risk.diabetes") * people.has_diabetes
        + p.number("risk.smoking") * (people.smoking == 2)
        + p.number("risk.per_5_bmi") * (people.bmi - 27.0) / 5.0
    )
    for i, name in enumerate(EVENTS):
        slope = p.number(f"event.{name}_per_year_of_age")
        women, men = p.number(f"event.{name}_rate_women"), p.number(f"event.{name}_rate_men")
        rate[i] = (
            np.where(male, men, women)
            / 1000.0
            * np.exp(slope * (age - 65.0) + p.number("risk.frailty") * people.frailty)
        )
        growth[i] = np.exp(slope * step_days / YEAR)
        ai[i], tam[i] = p.number(f"event.{name}_ai_hazard_ratio"), p.number(f"event.{name}_tamoxifen_hazard_ratio")
        if name in CARDIAC:
            rate[i] *= vascular
    rate[row("venous_thromboembolism")] *= np.exp(p.number("risk.thrombosis") * people.has_thrombosis)
    rate[_FRACTURE_ROWS] *= np.exp(
        p.number("risk.prior_fracture") * people.has_fracture + p.number("risk.family") * people.has_family_osteoporosis
    )
    cancer = people.protocol == ADJUVANT
    stage = np.array((0.0, *p.vector("cancer.metastasis_rate_by_stage")))[people.stage] / 1000.0
    rate[row("breast_cancer_metastasis")] = stage * cancer
    rate[row("breast_cancer_death")] = 0.0  # opened by a metastasis
    rate[row("hypertension")] *= ~people.has_hypertension
    rate[row("diabetes")] *= ~people.has_diabetes
    rate[row("arthralgia")] *= np.exp(p.number("risk.arthralgia_per_5_bmi") * (people.bmi - 27.0) / 5.0)
    rate[row("endometriosis")] *= ~people.has_endometriosis
    rate[row("fibroids")] *= ~people.has_fibroids
    rate[row("fibroids")] *= np.where(people.race == RACES.index("black"), p.number("risk.fibroids_black"), 1.0)
    thresholds = draws.exponentials(seed, people.person, "events", _OLDER + len(FRACTURES))
    gynecological = draws.exponentials(seed, people.person, "gynecological_events", len(GYNECOLOGICAL))
    low = np.array([[p.number(f"event.{name}_low_estradiol")] for name in SYMPTOMS])
    high = np.array([[p.number(f"event.{name}_high_estradiol")] for name in SYMPTOMS])
    grows = np.array([[p.number(f"event.{name}_per_log_estradiol")] for name in GYNECOLOGICAL])
    return Clock(
        rate=(rate / YEAR).astype(np.float32),
        growth=growth.astype(np.float32),
        ai_factor=ai.astype(np.float32),
        tamoxifen_factor=tam.astype(np.float32),
        low_estradiol=low.astype(np.float32),
        high_estradiol=high.astype(np.float32),
        per_log_estradiol=grows.astype(np.float32),
        left=np.concatenate([thresholds[:_OLDER], gynecological]),
        second_left=thresholds[_OLDER:],
        day=np.full((len(EVENTS), n), NEVER, dtype=np.float32),
        second_day=np.full((len(FRACTURES), n), NEVER, dtype=np.float32),
    )


@dataclass(frozen=True, slots=True)
class StepState:
    """What the rates of one step depend on; each [k] unless said."""

    on_ai: np.ndarray
    on_tamoxifen: np.ndarray
    on_testosterone: np.ndarray
    months_on_ai: np.ndarray
    estradiol: np.ndarray
    estradiol_to_usual: np.ndarray  # ratio to the person's own set point
    is_male: np.ndarray
    bmd: np.ndarray  # [5, k] g/cm2
    resorption: np.ndarray  # log ratio of CTx to the set point
    has_ihd: np.ndarray
    antiresorptive: np.ndarray


def step_hazards(p: Parameters, clock: Clock, state: StepState, k: int) -> np.ndarray:
    """Hazards per day of one step, [m, k]."""
    hazard = clock.rate[:, :k] * np.where(state.on_ai, clock.ai_factor, np.float32(1.0))
    hazard *= np.where(state.on_tamoxifen, clock.tamoxifen_factor, np.float32(1.0))
    reference = np.array(p.vector("fracture.reference_bmd"), dtype=np.float32)[:, None]
    spread = np.array(p.vector("fracture.reference_sd"), dtype=np.float32)[:, None]
    gradient = np.log(np.array(p.vector("fracture.relative_risk_per_sd"), dtype=np.float32))[:, None]
    z = (reference - state.bmd[_FRACTURE_SITE]) / spread
    exponent = gradient * z + p.number("fracture.turnover_effect") * state.resorption
    hazard[_FRACTURE_ROWS] *= np.exp(exponent) * np.where(
        state.on_testosterone & state.is_male,
        np.float32(p.number("fracture.testosterone_hazard_ratio")),
        np.float32(1.0),
    )
    hazard[row("venous_thromboembolism")] *= np.where(
        state.on_testosterone, p.number("risk.testosterone_thrombosis"), 1.0
    )
    for name in ("heart_failure", "myocardial_infarction", "angina"):
        hazard[row(name)] *= np.where(state.on_ai & state.has_ihd, p.number("risk.ai_ihd_interaction"), 1.0)
    low = np.maximum(
        np.where(
            state.is_male, np.log(p.number("symptom.low_cut_men") / state.estradiol), -np.log(state.estradiol_to_usual)
        ),
        0.0,
    )
    high = np.where(
        state.is_male,
        np.maximum(np.log(state.estradiol / p.number("symptom.high_cut_men")), 0.0),
        np.maximum(np.log(state.estradiol_to_usual), 0.0),
    )
    hazard[_SYMPTOM_ROWS] *= np.exp(clock.low_estradiol * low + clock.high_estradiol * high).astype(np.float32)
    cyclic = np.log(state.estradiol / p.number("symptom.gynecological_reference_estradiol"))
    hazard[_GYNECOLOGICAL_ROWS] *= np.exp(clock.per_log_estradiol * cyclic.astype(np.float32))
    early = state.on_ai & (state.months_on_ai < p.number("symptom.early_months"))
    hazard[row("arthralgia")] *= np.where(early, p.number("symptom.arthralgia_early_factor"), 1.0)
    hazard[row("gynecomastia")] *= np.where(
        state.on_testosterone, p.number("symptom.gynecomastia_on_testosterone"), 1.0
    )
    return hazard


def advance(p: Parameters, clock: Clock, hazard: np.ndarray, start_day: float, step_days: int, k: int) -> None:
    """Let one step pass: use up thresholds, note days, age the rates, open what an event opens."""
    spent = hazard.astype(np.float64) * step_days
    left = clock.left[:, :k]
    happens = (left <= spent) & (left > 0.0)
    if happens.any():
        rows, who = np.nonzero(happens)
        clock.day[rows, who] = start_day + left[rows, who] / hazard[rows, who]
        meta = who[rows == row("breast_cancer_metastasis")]
        clock.rate[row("breast_cancer_death"), meta] = p.number("cancer.death_rate_after_metastasis") / 1000.0 / YEAR
        broken = np.unique(who[rows < len(FRACTURES)])
        clock.rate[_FRACTURE_ROWS, broken] *= p.number("risk.new_fracture_ratio")
    np.subtract(left, spent, out=left)
    second = clock.second_left[:, :k]
    had = clock.day[_FRACTURE_ROWS, :k] < start_day
    spent2 = np.where(had, spent[_FRACTURE_ROWS], 0.0)
    again = had & (second <= spent2) & (second > 0.0)
    if again.any():
        rows, who = np.nonzero(again)
        clock.second_day[rows, who] = start_day + second[rows, who] / hazard[rows, who]
    np.subtract(second, spent2, out=second)
    clock.rate[:, :k] *= clock.growth
