"""What is prescribed in each step: starting, titrating, switching, stopping, and the forced regimes of the truth.

Here: decisions, from what a clinician can see at that step. Not here: the first choice (`assignment`), what is taken
(`course`), records of it (`dispensing`).
"""

from dataclasses import dataclass

import numpy as np

from pipelines.synth import draws
from pipelines.synth.mechanism.assignment import AI, FAR, NO_AGENT, TAMOXIFEN, Plan
from pipelines.synth.mechanism.people import ADJUVANT, FEMALE_T, MALE_T, RESTART, YEAR, People
from pipelines.synth.mechanism.regimes import NATURAL_AGENT, Regime
from pipelines.synth.parameters import Parameters

#: tablets a week and mg per tablet of the labelled daily dose, by kind 0 none, 1 anastrozole, 2 letrozole, 3 exemestane
LABEL_MG = np.array([0.0, 1.0, 2.5, 25.0])
CHECK_STEPS = 3  # estradiol every 84 days
RUNNING, NOT_YET, STOPPED = 1, 0, 2
#: reasons an aromatase inhibitor or adjuvant drug ended, as index into codes.STOP_REASONS
ONGOING, COMPLETED, SYMPTOMS, PATIENT, LOW_E2, DOSE_CHANGE, SWITCH, EVENT = range(8)


@dataclass(slots=True)
class Prescribed:
    """Running regimen, arrays [n]."""

    ai_kind: np.ndarray  # 0 none, 1 to 3
    ai_mg: np.ndarray  # mg per intake
    ai_intakes: np.ndarray  # a week
    ai_steps: np.ndarray  # steps on an aromatase inhibitor so far
    ai_ended: np.ndarray  # it was stopped for good
    ai_reason: np.ndarray  # why it ended
    tamoxifen: np.ndarray
    castrated: np.ndarray
    testosterone: np.ndarray  # on it now
    testosterone_ended: np.ndarray
    gonadorelin: np.ndarray
    clomiphene: np.ndarray
    antiresorptive: np.ndarray  # 0 none, 1 alendronate, 2 zoledronic acid, 3 denosumab
    antiresorptive_until: np.ndarray  # step
    endocrine_left: np.ndarray  # thresholds of stopping
    testosterone_left: np.ndarray
    add_on_left: np.ndarray


def nothing_yet(seed: int, people: People) -> Prescribed:
    """Before the first step."""
    n = people.person.size
    left = draws.exponentials(seed, people.person, "stopping", 3)
    whole, real, no = (lambda: np.zeros(n, dtype=np.int64)), (lambda: np.zeros(n)), (lambda: np.zeros(n, dtype=bool))
    return Prescribed(
        whole(), real(), real(), whole(), no(), whole(), no(), no(), no(), no(), no(), no(), whole(), whole(), *left
    )


@dataclass(frozen=True, slots=True)
class Seen:
    """What the clinician knows at the start of a step, arrays [k]."""

    is_check: np.ndarray  # an estradiol result from the step before
    estradiol: np.ndarray  # that result, pg/mL as measured
    has_arthralgia: np.ndarray  # began within a year, or ever on this drug
    lumbar_change: np.ndarray  # percent since entry
    has_metastasis: np.ndarray
    has_gynecomastia: np.ndarray
    scanned: np.ndarray
    worst_t: np.ndarray  # lower of spine and hip
    fractured: np.ndarray  # a fragility fracture in the step before
    u: np.ndarray  # [6, k] uniforms of this step


def decide(
    p: Parameters, now: Prescribed, plan: Plan, people: People, regime: Regime, seen: Seen, step: int, k: int
) -> None:
    """Change `now` for people 0 … k-1 according to plan, regime and what is seen."""
    protocol = people.protocol[:k]
    _adjuvant(p, now, plan, protocol, regime, seen, step, k)
    _testosterone(p, now, plan, people, regime, seen, step, k)
    _restart(p, now, plan, protocol, regime, step, k)
    if regime.add_on is None:
        _add_on(p, now, plan, protocol, regime, seen, step, k)
    else:
        _policy(now, plan, protocol, regime, seen, step, k)
    _gynecomastia(p, now, protocol, seen, k)
    _antiresorptive(p, now, plan, regime, seen, step, k)
    now.ai_steps[:k] += now.ai_kind[:k] > 0


def _stop_ai(now: Prescribed, who: np.ndarray, reason: int, k: int) -> None:
    now.ai_kind[:k][who] = 0
    now.ai_mg[:k][who] = 0.0
    now.ai_intakes[:k][who] = 0.0
    now.ai_ended[:k] |= who
    now.ai_reason[:k][who] = reason


def _start_ai(now: Prescribed, who: np.ndarray, kind, mg, intakes, k: int) -> None:
    now.ai_kind[:k] = np.where(who, kind, now.ai_kind[:k])
    now.ai_mg[:k] = np.where(who, mg, now.ai_mg[:k])
    now.ai_intakes[:k] = np.where(who, intakes, now.ai_intakes[:k])


def _adjuvant(
    p: Parameters, now: Prescribed, plan: Plan, protocol, regime: Regime, seen: Seen, step: int, k: int
) -> None:
    mine = protocol == ADJUVANT
    if not mine.any():
        return
    start, agent = plan.start[:k], plan.agent[:k]
    kind = np.full(k, regime.ai_kind) if regime.ai_kind else plan.ai_kind[:k]
    # prevalent users began before step 0
    begins = mine & ((start == step) | ((step == 0) & (start < 0))) & (agent != NO_AGENT)
    _start_ai(now, begins & (agent == AI), kind, LABEL_MG[kind], 7.0, k)
    before_entry = begins & (agent == AI) & (start < 0)
    now.ai_steps[:k] = np.where(before_entry, -start, now.ai_steps[:k])
    now.tamoxifen[:k] |= begins & (agent == TAMOXIFEN)
    shut = (agent == AI) | plan.goserelin_with_tamoxifen[:k]
    now.castrated[:k] |= begins & plan.is_premenopausal[:k] & shut
    since = step - start
    running = mine & ((now.ai_kind[:k] > 0) | now.tamoxifen[:k])
    switch_at = plan.planned_switch[:k]
    if regime.switch_after_steps is not None:
        switch_at = start + regime.switch_after_steps
    elif regime.is_sustained:
        switch_at = np.full(k, FAR)
    switch = running & now.tamoxifen[:k] & (agent == TAMOXIFEN) & (switch_at == step)
    now.tamoxifen[:k] &= ~switch
    _start_ai(now, switch, kind, LABEL_MG[kind], 7.0, k)
    stop_at = start + regime.stop_after_steps if regime.stop_after_steps is not None else plan.planned_stop[:k]
    done = running & (step >= stop_at) & ((regime.stop_after_steps is not None) | (not regime.is_sustained))
    if not regime.is_sustained:
        rate = np.full(k, p.number("stopping.endocrine_rate"))
        rate = np.where(since < YEAR / 28.0, rate * p.number("stopping.first_year_factor"), rate)
        if p.flag("difficulty.informative_stopping"):
            rate = rate * np.where(seen.has_arthralgia, p.number("stopping.arthralgia_factor"), 1.0)
            rate = rate * np.exp(-p.number("stopping.per_percent_lumbar_loss") * np.minimum(seen.lumbar_change, 0.0))
            rate = rate * p.number("stopping.informative_scale")
        now.endocrine_left[:k] -= np.where(running, rate * 28.0 / YEAR, 0.0)
        quits = running & (now.endocrine_left[:k] <= 0.0)
        to_tamoxifen = (
            quits & seen.has_arthralgia & (now.ai_kind[:k] > 0) & (seen.u[0] < p.number("stopping.swap_share"))
        )
        _stop_ai(now, quits & (now.ai_kind[:k] > 0), SYMPTOMS, k)
        now.tamoxifen[:k] &= ~quits
        now.tamoxifen[:k] |= to_tamoxifen
        now.endocrine_left[:k] += np.where(to_tamoxifen, 2.0, 0.0)
        now.castrated[:k] &= ~(quits & ~to_tamoxifen)
        done |= running & seen.has_metastasis
    _stop_ai(now, done & (now.ai_kind[:k] > 0), COMPLETED, k)
    now.tamoxifen[:k] &= ~done
    now.castrated[:k] &= ~done


def _testosterone(
    p: Parameters, now: Prescribed, plan: Plan, people: People, regime: Regime, seen: Seen, step: int, k: int
) -> None:
    protocol, start = people.protocol[:k], plan.start[:k]
    mine = (protocol == MALE_T) | (protocol == FEMALE_T)
    begins = mine & ((start == step) | ((step == 0) & (start < 0)))
    if regime.testosterone is False:
        begins[:] = False
    now.testosterone[:k] |= begins
    # men who will restart were on testosterone from entry
    former = (protocol == RESTART) & (step < start)
    now.testosterone[:k] = np.where(protocol == RESTART, former, now.testosterone[:k])
    if regime.add_on is None:
        _start_ai(now, begins & plan.co_start[:k], 1, plan.ai_mg[:k], plan.ai_intakes[:k], k)
    now.gonadorelin[:k] = mine & now.testosterone[:k] & plan.gonadorelin_beside_testosterone[:k]
    if regime.is_sustained:
        return
    running = mine & now.testosterone[:k]
    now.testosterone_left[:k] -= np.where(running, p.number("stopping.testosterone_rate") * 28.0 / YEAR, 0.0)
    quits = running & (now.testosterone_left[:k] <= 0.0)
    now.testosterone[:k] &= ~quits
    now.gonadorelin[:k] &= ~quits
    now.testosterone_ended[:k] |= quits
    _stop_ai(now, quits & (now.ai_kind[:k] > 0), PATIENT, k)


def _restart(p: Parameters, now: Prescribed, plan: Plan, protocol, regime: Regime, step: int, k: int) -> None:
    mine = protocol == RESTART
    if not mine.any():
        return
    begins, ends = plan.start[:k] + 2, plan.start[:k] + 2 + round(p.number("assignment.restart_steps"))
    inside = mine & (step >= begins) & (step < ends)
    now.gonadorelin[:k] |= inside & plan.restart_gonadorelin[:k]
    now.clomiphene[:k] = inside & plan.restart_clomiphene[:k]
    now.tamoxifen[:k] = np.where(mine, inside & plan.restart_tamoxifen[:k], now.tamoxifen[:k])
    if regime.add_on is None:
        _start_ai(now, mine & (step == begins) & plan.restart_ai[:k], 1, 1.0, 2.0, k)
        _stop_ai(now, mine & (step == ends) & (now.ai_kind[:k] > 0), COMPLETED, k)


def _add_on(
    p: Parameters, now: Prescribed, plan: Plan, protocol, regime: Regime, seen: Seen, step: int, k: int
) -> None:
    """Natural course of an aromatase inhibitor beside testosterone: start, titrate, stop."""
    on = ((protocol == MALE_T) | (protocol == FEMALE_T)) & now.testosterone[:k]
    low, high = p.number("titration.low"), p.number("titration.high")
    logit = plan.add_on_logit[:k]
    if p.flag("difficulty.confounding_by_indication"):
        logit = (
            logit
            + p.number("assignment.add_on_per_10_estradiol")
            * (seen.estradiol - p.number("assignment.add_on_centre"))
            / 10.0
        )
        logit = logit - p.number("assignment.add_on_shift")
    allowed = on & (protocol == MALE_T) & seen.is_check & (now.ai_kind[:k] == 0) & ~now.ai_ended[:k]
    begins = allowed & (seen.u[1] < 1.0 / (1.0 + np.exp(-np.clip(logit, -30.0, 30.0))))
    if regime.decision_after_steps is not None:
        asked = allowed & (plan.start[:k] + regime.decision_after_steps == step)
        begins = np.where(asked, regime.decision, begins)
    running = on & (now.ai_kind[:k] > 0)
    if p.flag("difficulty.treatment_confounder_feedback"):
        down = running & seen.is_check & (seen.estradiol < low) & (seen.u[2] < p.number("titration.down_probability"))
        up = running & seen.is_check & (seen.estradiol > high) & (seen.u[2] < p.number("titration.up_probability"))
    else:
        down = running & seen.is_check & (seen.u[2] < p.number("titration.random_probability"))
        up = running & seen.is_check & (seen.u[2] > 1.0 - p.number("titration.random_probability"))
    titrated = np.clip(now.ai_mg[:k] + 0.25 * up - 0.25 * down, 0.0, 2.0)
    now.ai_mg[:k] = np.where(up | down, titrated, now.ai_mg[:k])  # letrozole and exemestane have doses above the cap
    _stop_ai(now, down & (now.ai_mg[:k] <= 0.0), LOW_E2, k)
    rate = np.full(k, p.number("stopping.add_on_rate"))
    if p.flag("difficulty.informative_stopping"):
        rate = rate * np.where(seen.has_arthralgia, p.number("stopping.arthralgia_factor"), 1.0)
        rate = rate * np.exp(-p.number("stopping.per_percent_lumbar_loss") * np.minimum(seen.lumbar_change, 0.0))
    now.add_on_left[:k] -= np.where(running, rate * 28.0 / YEAR, 0.0)
    _stop_ai(now, running & (now.add_on_left[:k] <= 0.0) & (now.ai_kind[:k] > 0), PATIENT, k)
    _start_ai(now, begins, 1, plan.ai_mg[:k], plan.ai_intakes[:k], k)


def _policy(now: Prescribed, plan: Plan, protocol, regime: Regime, seen: Seen, step: int, k: int) -> None:
    """A forced aromatase inhibitor beside (or without) testosterone."""
    if regime.add_on == "none":
        return
    mine = protocol != ADJUVANT
    due = mine & (plan.start[:k] + regime.add_on_after_steps == step)
    _start_ai(now, due, regime.ai_kind or 1, regime.ai_mg_per_intake, regime.ai_intakes_per_week, k)
    if regime.add_on == "fixed":
        return
    started = mine & (step > plan.start[:k] + regime.add_on_after_steps) & seen.is_check
    low = started & (seen.estradiol < regime.estradiol_low)
    if regime.add_on == "stop_low":
        _stop_ai(now, low & (now.ai_kind[:k] > 0), LOW_E2, k)
        return
    high = started & (seen.estradiol > regime.estradiol_high)
    mg = np.clip(now.ai_mg[:k] + 0.25 * high - 0.25 * low, 0.0, 2.0)
    changed = high | low
    now.ai_mg[:k] = np.where(changed, mg, now.ai_mg[:k])
    now.ai_kind[:k] = np.where(changed, (mg > 0.0).astype(np.int64), now.ai_kind[:k])
    now.ai_intakes[:k] = np.where(changed, regime.ai_intakes_per_week * (mg > 0.0), now.ai_intakes[:k])


def _gynecomastia(p: Parameters, now: Prescribed, protocol, seen: Seen, k: int) -> None:
    """Tamoxifen for gynecomastia: an indication that is not cancer."""
    treated = (
        (protocol == MALE_T) & seen.has_gynecomastia & (seen.u[3] < p.number("treatment.gynecomastia_tamoxifen_share"))
    )
    now.tamoxifen[:k] |= treated
    off = (protocol == MALE_T) & now.tamoxifen[:k] & (seen.u[4] < p.number("treatment.gynecomastia_tamoxifen_stop"))
    now.tamoxifen[:k] &= ~off


def _antiresorptive(p: Parameters, now: Prescribed, plan: Plan, regime: Regime, seen: Seen, step: int, k: int) -> None:
    if regime.no_antiresorptive:
        return
    if regime.everybody_antiresorptive:
        now.antiresorptive[:k] = np.where(step >= plan.start[:k], regime.everybody_antiresorptive, 0)
        return
    on_ai = now.ai_kind[:k] > 0
    cut = np.where(on_ai, p.number("treatment.antiresorptive_t_on_ai"), p.number("treatment.antiresorptive_t"))
    low = seen.scanned & (seen.worst_t < cut) & (seen.u[5] < p.number("treatment.antiresorptive_share"))
    broken = seen.fractured & (seen.u[5] < p.number("treatment.antiresorptive_after_fracture"))
    begins = (low | broken) & (now.antiresorptive[:k] == 0) & (now.antiresorptive_until[:k] == 0)
    which = 1 + draws.choice(seen.u[4], p.vector("treatment.antiresorptive_kinds"))
    now.antiresorptive[:k] = np.where(begins, which, now.antiresorptive[:k])
    length = round(p.number("treatment.antiresorptive_years") * YEAR / 28.0)
    now.antiresorptive_until[:k] = np.where(begins, step + length, now.antiresorptive_until[:k])
    ends = (now.antiresorptive[:k] > 0) & (now.antiresorptive_until[:k] <= step)
    now.antiresorptive[:k] = np.where(ends, 0, now.antiresorptive[:k])


def apply_regime(plan: Plan, people: People, regime: Regime) -> None:
    """Overwrite the first choices of the plan that the regime forces."""
    is_adjuvant = people.protocol == ADJUVANT
    if regime.adjuvant_agent != NATURAL_AGENT:
        plan.agent = np.where(is_adjuvant, regime.adjuvant_agent, plan.agent)
        first = FAR if regime.adjuvant_agent == NO_AGENT else people.index_step
        plan.start = np.where(is_adjuvant, first, plan.start)
    if regime.add_on is not None:  # people without a protocol take part as well
        plan.start = np.where(people.protocol == 0, people.index_step, plan.start)
    if regime.co_start is not None:
        plan.co_start = np.full_like(plan.co_start, regime.co_start)
    if regime.goserelin is not None:
        plan.goserelin_with_tamoxifen = np.full_like(plan.goserelin_with_tamoxifen, regime.goserelin)
    if regime.is_sustained:
        plan.planned_switch = np.full_like(plan.planned_switch, FAR)
    if regime.testosterone_mg_per_week is not None:
        plan.testosterone_mg = np.full_like(plan.testosterone_mg, regime.testosterone_mg_per_week)
        plan.testosterone_form = np.zeros_like(plan.testosterone_form)
