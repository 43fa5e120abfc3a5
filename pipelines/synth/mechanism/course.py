"""The course of a batch of people, step by step: decisions, drugs, hormones, bone, events.

Here: the loop over 28-day steps and what it remembers. Not here: the equations (`treatment`, `pharmacokinetics`,
`hormones`, `bone`, `hazards`), nor records of any of it. People are sorted by length of follow-up, longest first, so
that each step works on a leading slice and nobody is computed after leaving.
"""

from dataclasses import dataclass

import numpy as np

from pipelines.synth import draws
from pipelines.synth.mechanism import assays, bone, hazards, hormones, pharmacokinetics, treatment
from pipelines.synth.mechanism.assignment import Plan, make_plan
from pipelines.synth.mechanism.clinics import Clinics, make_clinics
from pipelines.synth.mechanism.glucocorticoid import glucocorticoid_steps
from pipelines.synth.mechanism.people import (
    FEMALE_T,
    MALE_T,
    POSTMENOPAUSAL,
    PREMENOPAUSAL,
    RESTART,
    STEP_DAYS,
    SURGICAL,
    YEAR,
    People,
)
from pipelines.synth.mechanism.regimes import NATURAL, Regime
from pipelines.synth.parameters import Parameters

#: what the truth and the calibration need of each step
TRIAL_TRACKS = (
    *("estradiol", "testosterone", "lh", "shbg", "ctx", "p1np", "ai_kind", "tamoxifen", "on_testosterone", "taken"),
    *("ai_weekly_mg", "read_estradiol", "is_check", "scanned", "antiresorptive", "bmd", "supply", "assay"),
)
#: what records need
RECORD_TRACKS = (
    *TRIAL_TRACKS,
    *("fsh", "ai_mg", "ai_intakes", "concentration", "inhibited", "gonadorelin", "clomiphene", "castrated"),
    *("outside_testosterone", "estradiol_noise", "open_axis"),
)
_WHOLE = {
    "ai_kind",
    "tamoxifen",
    "on_testosterone",
    "is_check",
    "scanned",
    "antiresorptive",
    "gonadorelin",
    "clomiphene",
    "castrated",
    "assay",
}


@dataclass(frozen=True, slots=True)
class Course:
    """What happened; person axis as in `people` (sorted by follow-up, longest first)."""

    seed: int
    people: People
    plan: Plan
    clinics: Clinics
    tracks: dict[str, np.ndarray]  # [steps, n]; bmd [steps, 5, n] g/cm2 at the START of each step
    event_day: np.ndarray  # [m, n] days after entry in the order of hazards.EVENTS; hazards.NEVER if not by the end
    second_fracture_day: np.ndarray  # [5, n]
    ai_reason: np.ndarray  # [n] why the last aromatase inhibitor ended

    def death_day(self) -> np.ndarray:
        """[n] days after entry, hazards.NEVER when alive."""
        return np.min([self.event_day[hazards.row(name)] for name in hazards.DEATHS], axis=0)


def t_score(p: Parameters, bmd: np.ndarray) -> np.ndarray:
    """[5, n] T-scores on the female reference, as both sexes are read (ISCD 2023)."""
    mean = np.array(p.vector("bone.reference_mean"), dtype=np.float32)[:, None]
    sd = np.array(p.vector("bone.reference_sd"), dtype=np.float32)[:, None]
    return (bmd - mean) / sd


def run_course(
    p: Parameters, seed: int, people: People, regime: Regime = NATURAL, keep: tuple[str, ...] = TRIAL_TRACKS
) -> Course:
    """Let the people live under a regime.

    Args:
        p: parameters.
        seed: the same seed gives the same people the same luck under every regime.
        people: baseline.
        regime: forced treatment; NATURAL leaves everything to the clinicians.
        keep: names of the tracks to remember.
    """
    people = people.take(np.argsort(-people.steps, kind="stable"))
    clinics = make_clinics(p, seed)
    plan = make_plan(p, seed, people, clinics, t_score(p, people.bmd)[0])
    treatment.apply_regime(plan, people, regime)
    return _Runner(p, seed, people, plan, clinics, regime, keep).run()


class _Runner:
    """State of one run. The attributes ending in 0 are values at entry."""

    def __init__(self, p, seed, people: People, plan: Plan, clinics: Clinics, regime: Regime, keep) -> None:
        self.p, self.seed, self.people, self.plan, self.clinics, self.regime = p, seed, people, plan, clinics, regime
        n, steps = people.person.size, int(people.steps.max(initial=0))
        self.now = treatment.nothing_yet(seed, people)
        self.clock = hazards.make_clock(p, seed, people, STEP_DAYS)
        self.bone = bone.coefficients(p, people.is_male, people.bone_response, people.genotype[0])
        shapes = {name: (steps, 5, n) if name == "bmd" else (steps, n) for name in keep}
        self.tracks = {k: np.zeros(s, dtype=np.int8 if k in _WHOLE else np.float32) for k, s in shapes.items()}
        f4 = np.float32
        self.fast, self.slow = np.zeros((5, n), dtype=f4), np.zeros((5, n), dtype=f4)
        self.bmd0 = people.bmd.astype(f4)
        self.resorption, self.formation = np.zeros(n, dtype=f4), np.zeros(n, dtype=f4)
        self.concentration = np.zeros(n, dtype=f4)
        self.clearance = (p.number("pharmacokinetics.clearance") * people.clearance).astype(f4)
        self.open_axis = np.where(people.protocol == RESTART, p.number("axis.suppressed_level"), 1.0)
        former = (people.protocol == MALE_T) & people.is_prevalent
        self.open_axis = np.where(former, p.number("axis.suppressed_level"), self.open_axis)
        self.read = np.full(n, 30.0, dtype=f4)
        self.checked, self.scanned, self.looked = (np.zeros(n, dtype=bool) for _ in range(3))
        self.since_scan = np.full(n, 99.0, dtype=f4)
        self.deficit0 = bone.deficit(p, people.estradiol, people.is_male).astype(f4)
        self.c50_scale = np.exp(p.number("aromatase.c50_log_sd") * draws.normal(seed, people.person, "c50")).astype(f4)
        self.level = np.exp(
            p.number("pharmacokinetics.testosterone_log_sd") * draws.normal(seed, people.person, "t_level")
        )
        per_mg = np.array(p.vector("pharmacokinetics.testosterone_per_mg"))[plan.testosterone_form]
        self.steroid = glucocorticoid_steps(p, seed, people)
        came_to_light = draws.uniform(seed, people.person, "vertebral_clinical", 0)
        self.silent = came_to_light >= p.number("fracture.vertebral_clinical_share")
        self.outside = (plan.testosterone_mg * per_mg * self.level).astype(f4)

    def run(self) -> Course:
        active = np.searchsorted(-self.people.steps, -np.arange(self.people.steps.max(initial=0)), side="left")
        for step, k in enumerate(int(v) for v in active):
            self._step(step, k)
        return Course(
            self.seed,
            self.people,
            self.plan,
            self.clinics,
            self.tracks,
            self.clock.day,
            self.clock.second_day,
            self.now.ai_reason,
        )

    def _step(self, step: int, k: int) -> None:
        p, people, now = self.p, self.people, self.now
        who = people.person[:k]
        u = np.concatenate([draws._unit(draws.words(self.seed, who, f"step{part}", step)) for part in (0, 1)])
        z = draws.normal_quad(self.seed, who, "step_z", step)
        age = people.age[:k] + step * STEP_DAYS / YEAR
        after = np.nan_to_num(age - people.menopause_age[:k], nan=0.0)
        bmd = self.bmd0[:, :k] * np.exp((self.fast[:, :k] + self.slow[:, :k]) * np.float32(0.01))
        t = t_score(p, bmd)
        day = self.clock.day[:, :k]
        start_day = step * STEP_DAYS
        known = day[:5].copy()  # a silent vertebral fracture moves nobody to act
        known[hazards.row("vertebral_fracture"), self.silent[:k]] = hazards.NEVER
        arthralgia = day[hazards.row("arthralgia")] < start_day
        seen = treatment.Seen(
            is_check=self.checked[:k],
            estradiol=self.read[:k],
            has_arthralgia=arthralgia,
            lumbar_change=self.fast[0, :k] + self.slow[0, :k],
            has_metastasis=day[hazards.row("breast_cancer_metastasis")] < start_day,
            has_gynecomastia=(day[hazards.row("gynecomastia")] >= start_day - STEP_DAYS)
            & (day[hazards.row("gynecomastia")] < start_day),
            scanned=self.looked[:k],
            worst_t=np.minimum(t[0], t[1]),
            fractured=np.any((known[:2] >= start_day - STEP_DAYS) & (known[:2] < start_day), axis=0),
            u=u,
        )
        treatment.decide(p, now, self.plan, people, self.regime, seen, step, k)
        taken = self._taken(step, k, z[0])
        axis, inhibited, mean_concentration, set_point = self._hormones(step, k, taken, after)
        self._bone(step, k, axis, age, after)
        self._events(step, k, axis, set_point, bmd)
        assay = self._measure(step, k, axis, u, z)
        self._scan(step, k, u)
        self._remember(step, k, axis, inhibited, mean_concentration, taken, bmd, assay, z)

    def _taken(self, step: int, k: int, z) -> np.ndarray:
        if self.regime.is_sustained and not self.regime.misses_doses:
            return np.ones(k, dtype=np.float32)
        p = self.p
        years = np.maximum(step - np.minimum(self.plan.start[:k], step), 0) * STEP_DAYS / YEAR
        base = self.people.adherence[:k] * (1.0 - p.number("adherence.decline_per_year") * np.minimum(years, 6.0))
        return np.clip(base + p.number("adherence.step_sd") * z, 0.0, 1.0).astype(np.float32)

    def _hormones(self, step: int, k: int, taken, after):
        p, now, people = self.p, self.now, self.people
        male = people.is_male[:k]
        label = treatment.LABEL_MG[now.ai_kind[:k]]
        share = np.divide(now.ai_mg[:k], label, out=np.zeros(k), where=label > 0.0)
        weekly = (share * now.ai_intakes[:k] * taken).astype(np.float32)
        before = self.concentration[:k]
        if step == 0:
            before = np.where(
                people.is_prevalent[:k], pharmacokinetics.steady_state(weekly, self.clearance[:k]), before
            )
        mean, self.concentration[:k] = pharmacokinetics.step_mean(
            before, weekly, STEP_DAYS, self.clearance[:k], np.float32(p.number("pharmacokinetics.volume"))
        )
        premenopausal = ~male & (after < 0.0) & ~now.castrated[:k]
        inhibited = hormones.inhibition(
            p, mean, now.ai_kind[:k], male, premenopausal, people.is_non_suppressor[:k], self.c50_scale[:k]
        ).astype(np.float32)
        outside = np.where(
            now.testosterone[:k], self.outside[:k] * np.where(self.plan.testosterone_form[:k] == 2, taken, 1.0), 0.0
        )
        stimulated = now.tamoxifen[:k] | now.gonadorelin[:k] | now.clomiphene[:k]
        self.open_axis[:k] = hormones.next_suppression(p, self.open_axis[:k], outside > 0.0, stimulated, STEP_DAYS)
        serm = np.maximum(now.clomiphene[:k], now.tamoxifen[:k]).astype(np.float32)
        man = hormones.men(
            p,
            people.testosterone[:k],
            people.estradiol[:k],
            self.open_axis[:k],
            outside,
            inhibited,
            serm,
            now.gonadorelin[:k],
        )
        weight = 1.0 / (1.0 + np.exp(-after / p.number("hormone.menopause_transition_years")))
        weight = np.where(people.menopause[:k] == PREMENOPAUSAL, weight, 1.0)
        weight = np.where(now.castrated[:k], 1.0, weight)
        old, young = people.estradiol_postmenopausal[:k], people.estradiol[:k]
        set_point = np.exp(weight * np.log(old) + (1.0 - weight) * np.log(young))
        woman = hormones.women(
            p, set_point, people.testosterone[:k], outside, inhibited, now.tamoxifen[:k], now.castrated[:k]
        )
        axis = hormones.Axis(
            *(
                np.where(male, getattr(man, f), getattr(woman, f)).astype(np.float32)
                for f in hormones.Axis.__dataclass_fields__
            )
        )
        return axis, inhibited, mean, np.where(male, young, set_point).astype(np.float32)

    def _bone(self, step: int, k: int, axis, age, after) -> None:
        p, now, people, c = self.p, self.now, self.people, self.bone
        male = people.is_male[:k]
        d = bone.deficit(p, axis.estradiol, male).astype(np.float32)
        change = d - self.deficit0[:k]
        androgen = np.log(axis.testosterone / people.testosterone[:k].astype(np.float32)) * male
        androgen = np.clip(androgen, 0.0, 1.5) * now.testosterone[:k]
        tam = now.tamoxifen[:k].astype(np.float32) * ~male
        strength = np.array((0.0, *p.vector("treatment.antiresorptive_strength")), dtype=np.float32)[
            now.antiresorptive[:k]
        ]
        target = c.fast[:, :k] * change + c.tamoxifen_fast[:, :k] * tam + c.antiresorptive_fast[:, :k] * strength
        target += c.androgen_fast[:, :k] * androgen.astype(np.float32)
        tau, years = p.number("bone.reversible_years"), STEP_DAYS / YEAR
        if step == 0:
            past = np.maximum(-people.index_step[:k], 0) * years
            start = (target * (1.0 - np.exp(-past / tau))).astype(np.float32)
            self.fast[:, :k] = np.where(people.is_prevalent[:k], start, 0.0)
            self.bmd0[:, :k] *= np.exp(-self.fast[:, :k] * np.float32(0.01))
        rate = bone.trend(p, male, age, np.where(male, 99.0, after), now.castrated[:k])
        rate += c.slow[:, :k] * d + c.tamoxifen_slow[:, :k] * tam + c.antiresorptive_slow[:, :k] * strength
        rate += p.number("bone.glucocorticoid_rate") * ((self.steroid[0][:k] <= step) & (step < self.steroid[1][:k]))
        self.fast[:, :k] += (target - self.fast[:, :k]) * np.float32(1.0 - np.exp(-years / tau))
        self.slow[:, :k] += rate * np.float32(years)
        to_resorption, to_formation = bone.turnover_targets(p, change, male, tam, strength, androgen)
        lag = np.float32(1.0 - np.exp(-years / p.number("turnover.lag_years")))
        self.resorption[:k] += (to_resorption.astype(np.float32) - self.resorption[:k]) * lag
        self.formation[:k] += (to_formation.astype(np.float32) - self.formation[:k]) * lag

    def _events(self, step: int, k: int, axis, set_point, bmd) -> None:
        now, people = self.now, self.people
        state = hazards.StepState(
            on_ai=now.ai_kind[:k] > 0,
            on_tamoxifen=now.tamoxifen[:k],
            on_testosterone=now.testosterone[:k],
            months_on_ai=now.ai_steps[:k] * (STEP_DAYS / YEAR * 12.0),
            estradiol=axis.estradiol,
            estradiol_to_usual=axis.estradiol / set_point,
            is_male=people.is_male[:k],
            bmd=bmd,
            resorption=self.resorption[:k],
            has_ihd=people.has_ihd[:k],
            antiresorptive=now.antiresorptive[:k],
        )
        hazard = hazards.step_hazards(self.p, self.clock, state, k)
        hazards.advance(self.p, self.clock, hazard, step * STEP_DAYS, STEP_DAYS, k)

    def _measure(self, step: int, k: int, axis, u, z):
        """Estradiol tests of this step, 14 days in; the result is acted on at the next step."""
        p, people, now = self.p, self.people, self.now
        since = step - self.plan.start[:k]
        on_t = (people.protocol[:k] == MALE_T) | (people.protocol[:k] == FEMALE_T) | (people.protocol[:k] == RESTART)
        every = np.where(on_t, treatment.CHECK_STEPS, round(p.number("monitoring.check_steps_others")))
        due = (since % every == 0) & ((since >= -every) | ~on_t)
        hit = np.where(
            on_t, p.number("monitoring.check_done_on_testosterone"), p.number("monitoring.check_done_others")
        )
        self.checked[:k] = due & (u[6] < hit)
        day = people.entry_day[:k] + step * STEP_DAYS + 14
        site = people.site[:k]
        late = (day >= self.clinics.assay_switch_day[site]).astype(np.int64)
        assay = self.clinics.assay[site, late]
        old = (people.menopause[:k] == POSTMENOPAUSAL) | (people.menopause[:k] == SURGICAL) | people.is_male[:k]
        sd = np.where(old, p.number("hormone.within_person_log_sd"), p.number("hormone.cycle_log_sd"))
        drawn = axis.estradiol * np.exp(sd * z[1])
        self.read[:k] = assays.read_estradiol(p, drawn, assay, z[2], now.ai_kind[:k] == 3)
        return assay

    def _scan(self, step: int, k: int, u) -> None:
        """Does a densitometry happen in this step?"""
        p, now, people = self.p, self.now, self.people
        start_day = step * STEP_DAYS
        on_ai = now.ai_kind[:k] > 0
        near = np.abs(step - self.plan.start[:k]) <= 1
        odds = np.where(
            self.since_scan[:k] < p.number("monitoring.scan_gap_steps"), 0.0, p.number("monitoring.scan_probability")
        )
        odds = np.where(people.protocol[:k] == 0, odds * p.number("monitoring.scan_untreated_factor"), odds)
        odds = np.where(near & (self.since_scan[:k] > 2), p.number("monitoring.scan_at_start"), odds)
        if p.flag("difficulty.informative_dxa"):
            odds = odds * np.where(on_ai, p.number("monitoring.scan_ai_factor"), 1.0)
            day = self.clock.day[:5, :k]
            broke = (day >= start_day) & (day < start_day + STEP_DAYS)
            broke[hazards.row("vertebral_fracture")] &= ~self.silent[:k]
            broke = broke.any(axis=0)
            loss = np.maximum(-(self.fast[0, :k] + self.slow[0, :k]), 0.0)
            odds = odds * np.exp(p.number("monitoring.scan_per_percent_loss") * np.minimum(loss, 10.0))
            odds = np.where(broke, np.maximum(odds, p.number("monitoring.scan_after_fracture")), odds)
        self.scanned[:k] = u[7] < odds
        self.looked[:k] = self.scanned[:k]
        if not p.flag("difficulty.informative_dxa"):
            # treatment then follows an occasion of its own: being scanned must tell nothing about being treated
            self.looked[:k] = draws.uniform(self.seed, people.person[:k], "unrecorded_look", step) < odds
        self.since_scan[:k] = np.where(self.scanned[:k], 0.0, self.since_scan[:k] + 1.0)

    def _remember(self, step: int, k: int, axis, inhibited, concentration, taken, bmd, assay, z) -> None:
        now = self.now
        values = {
            "estradiol": axis.estradiol,
            "testosterone": axis.testosterone,
            "lh": axis.lh_ratio,
            "fsh": axis.fsh_ratio,
            "shbg": axis.shbg_ratio,
            "ctx": self.resorption[:k],
            "p1np": self.formation[:k],
            "ai_kind": now.ai_kind[:k],
            "ai_mg": now.ai_mg[:k],
            "ai_intakes": now.ai_intakes[:k],
            "ai_weekly_mg": now.ai_mg[:k] * now.ai_intakes[:k],
            "tamoxifen": now.tamoxifen[:k],
            "on_testosterone": now.testosterone[:k],
            "outside_testosterone": self.outside[:k] * now.testosterone[:k],
            "taken": taken,
            "supply": (taken > 0.0) * ((now.ai_kind[:k] > 0) | now.tamoxifen[:k]),
            "concentration": concentration,
            "inhibited": inhibited,
            "read_estradiol": self.read[:k],
            "estradiol_noise": z[1],
            "is_check": self.checked[:k],
            "scanned": self.scanned[:k],
            "antiresorptive": now.antiresorptive[:k],
            "gonadorelin": now.gonadorelin[:k],
            "clomiphene": now.clomiphene[:k],
            "castrated": now.castrated[:k],
            "open_axis": self.open_axis[:k],
            "assay": assay,
            "bmd": bmd,
        }
        for name, track in self.tracks.items():
            track[step, ..., :k] = values[name]
