"""What each person is offered by their clinicians, fixed before follow-up: agent, dose, form, planned length.

Here: the choices at the start and their reasons (confounding by indication, the unmeasured confounder, clinic habit).
Not here: what happens later (`treatment`).
"""

from dataclasses import dataclass

import numpy as np

from pipelines.synth import draws
from pipelines.synth.mechanism.clinics import Clinics
from pipelines.synth.mechanism.people import ADJUVANT, FEMALE_T, MALE_T, PREMENOPAUSAL, RESTART, STEP_DAYS, YEAR, People
from pipelines.synth.parameters import Parameters

FAR = 100_000
NO_AGENT, AI, TAMOXIFEN = 0, 1, 2
CYPIONATE_IM, CYPIONATE_SC, GEL, PELLET = range(4)
#: mg a week of each form that stand for one mg a week by injection
FORM_MG_MEN, FORM_MG_WOMEN = (1.0, 1.0, 3.5, 0.44), (1.0, 1.0, 3.5, 0.9)


@dataclass(slots=True)
class Plan:
    """Arrays [n]. Steps count from entry."""

    start: np.ndarray  # step of the first protocol drug; FAR for none
    agent: np.ndarray  # adjuvant: NO_AGENT, AI or TAMOXIFEN
    ai_kind: np.ndarray  # 1 anastrozole, 2 letrozole, 3 exemestane
    planned_stop: np.ndarray  # step at which adjuvant therapy is complete
    planned_switch: np.ndarray  # step at which tamoxifen becomes an aromatase inhibitor
    goserelin_with_tamoxifen: np.ndarray  # ovaries shut; with an aromatase inhibitor this always happens
    is_premenopausal: np.ndarray
    testosterone_form: np.ndarray
    testosterone_mg: np.ndarray  # mg a week, as dosed
    ai_mg: np.ndarray  # add-on dose: mg per intake
    ai_intakes: np.ndarray  # add-on dose: intakes a week
    co_start: np.ndarray  # aromatase inhibitor from the first testosterone dose
    add_on_logit: np.ndarray  # log odds per check of adding one later
    gonadorelin_beside_testosterone: np.ndarray  # men: twice weekly under the skin, to keep the testes stimulated
    restart_ai: np.ndarray
    restart_gonadorelin: np.ndarray
    restart_clomiphene: np.ndarray
    restart_tamoxifen: np.ndarray


def make_plan(p: Parameters, seed: int, people: People, clinics: Clinics, lumbar_t: np.ndarray) -> Plan:
    """Draw the plan; `lumbar_t` is the T-score at entry (what the clinician would see)."""
    u = iter(draws.uniforms(seed, people.person, "plan", 24))
    is_adjuvant, on_t = people.protocol == ADJUVANT, (people.protocol == MALE_T) | (people.protocol == FEMALE_T)
    is_restart = people.protocol == RESTART
    hidden = p.number("assignment.frailty_effect") * people.frailty * p.flag("difficulty.unmeasured_confounder")
    taste = p.number("assignment.clinic_effect") * clinics.preference[people.site]
    # as she is when therapy is due, not when she entered
    age = people.age + np.where(people.protocol == 0, 0, people.index_step) * STEP_DAYS / YEAR
    premenopausal = (people.menopause == PREMENOPAUSAL) & (age < np.nan_to_num(people.menopause_age))

    treated = is_adjuvant & people.is_er_positive & (next(u) < p.number("assignment.adjuvant_treated_share"))
    logit = np.where(premenopausal, p.number("assignment.ai_logit_premenopausal"), p.number("assignment.ai_logit"))
    if p.flag("difficulty.confounding_by_indication"):
        logit = (
            logit
            + p.number("assignment.ai_per_t_score") * (lumbar_t - p.number("assignment.t_score_centre"))
            + p.number("assignment.ai_per_decade") * (people.age - 62.0) / 10.0
            + p.number("assignment.ai_prior_thrombosis") * people.has_thrombosis
            + p.number("assignment.ai_prior_ihd") * people.has_ihd
        )
    is_ai = next(u) < 1.0 / (1.0 + np.exp(-(logit + hidden + taste * 0.5)))
    agent = np.where(treated, np.where(is_ai, AI, TAMOXIFEN), NO_AGENT)
    kind = 1 + draws.choice(next(u), p.vector("assignment.ai_kind_shares"))
    start = np.where(people.protocol == 0, FAR, people.index_step)
    start = np.where(is_adjuvant & (agent == NO_AGENT), FAR, start)
    per_year = YEAR / 28.0
    years = np.where(next(u) < p.number("assignment.extended_share"), 8.0, p.number("assignment.adjuvant_years"))
    planned_stop = np.where(is_adjuvant, people.index_step + np.round(years * per_year), FAR)
    # drawn for everybody: who would switch if given tamoxifen first is a trait, not a consequence of the choice
    switches = (next(u) < p.number("assignment.switch_share")) & p.flag("difficulty.immortal_time")
    switches &= ~premenopausal
    planned_switch = np.where(switches, people.index_step + np.round((1.5 + 1.5 * next(u)) * per_year), FAR)
    castrated = premenopausal & (next(u) < p.number("assignment.goserelin_with_tamoxifen"))

    form = np.where(
        people.is_male,
        draws.choice(next(u), p.vector("assignment.form_shares_men")),
        draws.choice(next(u), p.vector("assignment.form_shares_women")),
    )
    doses = np.array(p.vector("assignment.testosterone_mg_men"))
    mg_men = doses[draws.choice(next(u), p.vector("assignment.testosterone_mg_men_shares"))]
    mg_women = np.array(p.vector("assignment.testosterone_mg_women"))[draws.choice(next(u), (0.4, 0.35, 0.25))]
    mg = np.where(people.is_male, mg_men, mg_women)
    by_form = np.where(people.is_male, np.array(FORM_MG_MEN)[form], np.array(FORM_MG_WOMEN)[form])
    regimen = draws.choice(next(u), p.vector("assignment.add_on_shares"))
    ai_mg = np.array(p.vector("assignment.add_on_mg_per_intake"))[regimen]
    intakes = np.array(p.vector("assignment.add_on_intakes_per_week"))[regimen]
    co_logit = np.where(
        people.is_male, p.number("assignment.co_start_logit_men"), p.number("assignment.co_start_logit_women")
    )
    co_start = on_t & (next(u) < 1.0 / (1.0 + np.exp(-(co_logit + taste + hidden))))
    return Plan(
        start=start.astype(np.int64),
        agent=agent,
        ai_kind=kind.astype(np.int64),
        planned_stop=planned_stop.astype(np.int64),
        planned_switch=planned_switch.astype(np.int64),
        goserelin_with_tamoxifen=castrated,
        is_premenopausal=premenopausal,
        testosterone_form=form.astype(np.int64),
        testosterone_mg=mg * by_form,
        ai_mg=ai_mg,
        ai_intakes=intakes,
        co_start=co_start,
        add_on_logit=p.number("assignment.add_on_logit") + taste + hidden,
        gonadorelin_beside_testosterone=(people.protocol == MALE_T)
        & (
            draws.uniform(seed, people.person, "gonadorelin_beside_testosterone")
            < p.number("assignment.gonadorelin_beside_testosterone_share")
        ),
        restart_ai=is_restart & (next(u) < p.number("assignment.restart_ai_share")),
        restart_gonadorelin=is_restart & (next(u) < p.number("assignment.restart_gonadorelin_share")),
        restart_clomiphene=is_restart & (next(u) < p.number("assignment.restart_clomiphene_share")),
        restart_tamoxifen=is_restart & (next(u) < p.number("assignment.restart_tamoxifen_share")),
    )
