"""Visits, vital signs, patient-reported scores and procedures.

Here: when people are seen and what is noted besides laboratory and densitometry. Not here: the notes' messy form.
"""

from dataclasses import dataclass

import numpy as np

from pipelines.synth import draws
from pipelines.synth.mechanism import codes
from pipelines.synth.mechanism.course import Course
from pipelines.synth.mechanism.diagnoses import ALL_EVENTS, EventRows, surgery_day
from pipelines.synth.mechanism.dispensing import Fills, Regimens
from pipelines.synth.mechanism.hazards import NEVER, row
from pipelines.synth.mechanism.people import ADJUVANT, PREMENOPAUSAL, STEP_DAYS, YEAR
from pipelines.synth.parameters import Parameters

#: observation -> share of office visits at which it is noted
_NOTED = {
    "systolic_pressure": 0.9,
    "diastolic_pressure": 0.9,
    "weight": 0.85,
    "height": 0.2,
    "body_mass_index": 0.5,
    "waist": 0.06,
    "fat_percent": 0.03,
    "lean_mass": 0.03,
    "visceral_fat": 0.02,
    "reactive_hyperaemia_index": 0.004,
    "trabecular_bone_score": 0.02,
    "phq9": 0.12,
    "facit_fatigue": 0.06,
    "brief_pain": 0.08,
    "moca": 0.02,
    "iief": 0.1,
    "libido": 0.08,
    "insomnia_severity": 0.04,
    "sf36_vitality": 0.05,
    "steps": 0.03,
    "grip_strength": 0.02,
    "alcohol": 0.15,
    "cycle_day": 0.3,
    "nail_length": 0.01,
    "shoe_size": 0.01,
}


@dataclass(frozen=True, slots=True)
class Offices:
    """Office and telehealth visits, arrays [v]: person row, day after entry, telehealth?"""

    row: np.ndarray
    day: np.ndarray
    is_telehealth: np.ndarray


def make_offices(p: Parameters, seed: int, course: Course, last: np.ndarray) -> Offices:
    """Regular visits: every 84 days around treatment, rarer without; and the first day."""
    people, t = course.people, course.tracks
    steps, n = t["ai_kind"].shape
    treated = (t["ai_kind"] > 0) | (t["tamoxifen"] > 0) | (t["on_testosterone"] > 0)
    every = np.where(
        treated, round(p.number("monitoring.visit_steps_treated")), round(p.number("monitoring.visit_steps_others"))
    )
    step, who = np.nonzero(((np.arange(steps)[:, None] + people.person[None, :] % 6) % every) == 0)
    four = draws.words(seed, people.person[who], "office", step)
    kept = draws._unit(four[0]) < p.number("monitoring.visit_kept_share")
    day = step * STEP_DAYS + np.floor(draws._unit(four[1]) * 28).astype(np.int64)
    remote = draws._unit(four[2]) < 0.12
    kept &= day < last[who]
    who, day, remote = who[kept], day[kept], remote[kept]
    everyone = np.arange(n)
    who = np.concatenate([everyone, who])
    day = np.concatenate([np.zeros(n, dtype=np.int64), day])
    remote = np.concatenate([np.zeros(n, dtype=bool), remote])
    order = np.lexsort((day, who))
    return Offices(who[order], day[order], remote[order])


def make_observations(p: Parameters, seed: int, course: Course, offices: Offices) -> tuple[np.ndarray, ...]:
    """Person row, day, observation code, true and measured value."""
    people, t = course.people, course.tracks
    between = draws.normals(seed, people.person, "observation", len(codes.OBSERVATIONS))
    parts = []
    for code, name in enumerate(codes.OBSERVATIONS):
        u = draws.words(seed, people.person[offices.row], f"note_{name}", offices.day)
        chosen = (draws._unit(u[2]) < _NOTED[name]) & ~offices.is_telehealth
        if name == "cycle_day":
            chosen &= people.menopause[offices.row] == PREMENOPAUSAL
        if name == "iief":
            chosen &= people.is_male[offices.row]
        i = np.nonzero(chosen)[0]
        who, day = offices.row[i], offices.day[i]
        step = np.minimum(day // STEP_DAYS, t["ai_kind"].shape[0] - 1)
        z_true, z_read = draws._box_muller(u[0][i], u[1][i])
        true = _note(p, name, course, who, day, step, between[code, who], z_true, t)
        noise = p.vector(f"observation.{name}")[3]
        measured = true + noise * z_read
        if name == "diastolic_pressure":
            true, measured = _diastolic(p, seed, course, who, day, step, between, (z_true, z_read), t)
        if name == "cycle_day":
            true = measured = 1.0 + np.floor(28.0 * draws._unit(u[0][i]))
        most = codes.SCORE_MAXIMA.get(name, np.inf)
        parts.append((who, day, np.full(i.size, code), np.clip(true, 0.0, most), np.clip(measured, 0.0, most)))
    return tuple(np.concatenate(column) for column in zip(*parts, strict=True))


def _weight(course: Course, who: np.ndarray, day: np.ndarray) -> np.ndarray:
    people = course.people
    drift = 0.15 * (day / YEAR) + 1.2 * (course.event_day[row("water_retention"), who] < day)
    return people.bmi[who] * (people.height[who] / 100.0) ** 2 + drift


def _diastolic(p: Parameters, seed: int, course: Course, who, day, step, between, z, t):
    """True and measured diastolic pressure beside the systolic one of the same visit, whether that was noted or not."""
    names = ("systolic_pressure", "diastolic_pressure")
    above, below = (codes.OBSERVATIONS.index(name) for name in names)
    u = draws.words(seed, course.people.person[who], "note_systolic_pressure", day)
    z_above = draws._box_muller(u[0], u[1])
    shared = p.number("observation_effect.pressure_correlation")
    own = np.sqrt(1.0 - shared * shared)
    person = shared * between[above, who] + own * between[below, who]
    z_true, z_read = (shared * one + own * other for one, other in zip(z_above, z, strict=True))
    systolic = _note(p, names[0], course, who, day, step, between[above, who], z_above[0], t)
    diastolic = _note(p, names[1], course, who, day, step, person, z_true, t)
    least = p.number("observation_effect.least_pulse_pressure")
    read = [p.vector(f"observation.{name}")[3] * noise for name, noise in zip(names, (z_above[1], z_read), strict=True)]
    true = np.minimum(diastolic, systolic - least)
    return true, np.minimum(true + read[1], systolic + read[0] - least)


def _note(p: Parameters, name: str, course: Course, who, day, step, between, z, t) -> np.ndarray:
    """True value: typical for the sex, person deviate, drugs and symptoms."""
    people = course.people
    male = people.is_male[who]
    women, men, sd, _ = p.vector(f"observation.{name}")
    base = np.where(male, men, women) + sd * between
    on_ai = t["ai_kind"][step, who] > 0
    low = np.log(np.clip(18.0 / t["estradiol"][step, who], 1.0, 6.0)) * male
    had = {
        s: course.event_day[row(s), who] < day
        for s in ("depression", "arthralgia", "fatigue", "low_libido", "erectile_dysfunction", "insomnia")
    }
    if name == "weight":
        return _weight(course, who, day) + 0.6 * z
    if name == "height":
        return people.height[who] + 0.0 * z
    if name == "body_mass_index":
        return _weight(course, who, day) / (people.height[who] / 100.0) ** 2
    if name == "alcohol":
        return people.alcohol[who] + 0.0 * z
    if name == "systolic_pressure":
        effect = p.number("observation_effect.systolic_ai_men") * on_ai * male + 7.0 * people.has_hypertension[who]
        return base + effect + 0.4 * (people.age[who] - 60.0) + 0.8 * (people.bmi[who] - 27.0) + 6.0 * z
    if name == "diastolic_pressure":
        return base + 0.4 * (people.bmi[who] - 27.0) + 3.0 * people.has_hypertension[who] + 4.0 * z
    if name in ("waist", "fat_percent", "visceral_fat"):
        per_bmi = {"waist": 2.2, "fat_percent": 0.9, "visceral_fat": 6.0}[name]
        return (
            base
            + per_bmi * (people.bmi[who] - 27.0)
            + p.number("observation_effect.fat_per_low_estradiol") * low * (name != "waist")
        )
    shift = {
        "phq9": 5.0 * had["depression"],
        "facit_fatigue": -8.0 * had["fatigue"],
        "brief_pain": 2.2 * had["arthralgia"],
        "libido": -2.0 * had["low_libido"],
        "iief": -7.0 * had["erectile_dysfunction"],
        "insomnia_severity": 5.0 * had["insomnia"],
        "sf36_vitality": -9.0 * had["fatigue"],
        "steps": -900.0 * had["arthralgia"],
        "reactive_hyperaemia_index": p.number("observation_effect.hyperaemia_ai") * on_ai,
        "trabecular_bone_score": 0.3 * np.log(t["bmd"][step, 0, who] / people.bmd[0, who]),
    }.get(name, 0.0)
    within = 0.0 if name in ("shoe_size", "nail_length") else 0.4 * sd
    return base + shift + within * z


def make_procedures(
    course: Course,
    regimens: Regimens,
    fills: Fills,
    scan_days: tuple[np.ndarray, np.ndarray],
    semen_days: tuple[np.ndarray, np.ndarray],
    events: EventRows,
    last: np.ndarray,
) -> tuple[np.ndarray, ...]:
    """Person row, day, procedure code, side code; the days are those of scans and of semen analyses."""
    people, seed = course.people, course.seed
    names, parts = codes.PROCEDURES, []

    def add(name: str, who, day, side=0) -> None:
        inside = (day >= 0) & (day < last[who])
        side = np.broadcast_to(np.asarray(side), who.shape)
        parts.append(
            (
                who[inside],
                np.asarray(day)[inside].astype(np.int64),
                np.full(int(inside.sum()), names.index(name)),
                side[inside],
            )
        )

    add("dxa_scan", *scan_days)
    add("semen_analysis", *semen_days)
    surgery = surgery_day(course)
    cancer = np.nonzero(people.protocol == ADJUVANT)[0]
    side = 1 + (draws.uniform(seed, people.person, "cancer_side") < 0.49).astype(np.int64)
    add("breast_surgery", cancer, surgery[cancer], side[cancer])
    chemo = cancer[people.had_chemotherapy[cancer]]
    for cycle in range(4):
        add("chemotherapy", chemo, surgery[chemo] + 30 + 21 * cycle)
    radiated = cancer[draws.uniform(seed, people.person[cancer], "radiotherapy") < 0.65]
    add("radiotherapy", radiated, surgery[radiated] + 35 + 60 * people.had_chemotherapy[radiated])
    removed = cancer[
        (people.menopause[cancer] == PREMENOPAUSAL)
        & (draws.uniform(seed, people.person[cancer], "oophorectomy") < 0.05)
    ]
    add("oophorectomy", removed, surgery[removed] + 90)
    c = regimens.columns
    order, day = fills.order[~fills.is_returned], fills.day[~fills.is_returned]
    form, ingredient = c["form"][order], c["ingredient"][order]
    pellets = (form == codes.FORMS.index("pellet")) & (ingredient == codes.INGREDIENTS.index("testosterone"))
    add("pellet_implant", c["row"][order][pellets], day[pellets])
    infusions = ingredient == codes.INGREDIENTS.index("zoledronic_acid")
    add("zoledronate_infusion", c["row"][order][infusions], day[infusions])
    vials = (ingredient == codes.INGREDIENTS.index("testosterone")) & (
        c["route"][order] == codes.ROUTES.index("intramuscular")
    )
    in_clinic = vials & (draws.uniform(seed, people.person[c["row"][order]], "in_clinic") < 0.25)
    for week in range(4):
        add("testosterone_injection", c["row"][order][in_clinic], day[in_clinic] + 7 * week)
    found = events.detected < NEVER
    for name, event, share in (
        ("hip_repair", "hip_fracture", 0.95),
        ("vertebroplasty", "vertebral_fracture", 0.1),
        ("cataract_surgery", "cataract", 0.5),
    ):
        which = np.nonzero(found & (events.event == ALL_EVENTS.index(event)))[0]
        which = which[draws.uniform(seed, people.person[events.row[which]], name) < share]
        add(name, events.row[which], events.detected[which] + (1 if name == "hip_repair" else 30))
    return tuple(np.concatenate(column) for column in zip(*parts, strict=True))


def make_visits(offices: Offices, tube_days, scan_days, events: EventRows, procedure_days) -> tuple[np.ndarray, ...]:
    """Person row, day, last day, kind code; one row per person, day and kind."""
    kinds = codes.VISIT_KINDS
    found = events.detected < NEVER
    stay = np.where(events.setting == 2, 4, 0)
    kind_of = np.array([kinds.index("office"), kinds.index("emergency"), kinds.index("inpatient")])[events.setting]
    who = np.concatenate([offices.row, tube_days[0], scan_days[0], events.row[found], procedure_days[0]])
    day = np.concatenate(
        [offices.day, tube_days[1], scan_days[1], events.detected[found].astype(np.int64), procedure_days[1]]
    )
    kind = np.concatenate([
        np.where(offices.is_telehealth, kinds.index("telehealth"), kinds.index("office")),
        np.full(tube_days[0].size, kinds.index("laboratory")),
        np.full(scan_days[0].size, kinds.index("imaging")),
        kind_of[found],
        np.full(procedure_days[0].size, kinds.index("office")),
    ])  # fmt: skip
    end = day + np.concatenate(
        [
            np.zeros(offices.row.size + tube_days[0].size + scan_days[0].size),
            stay[found],
            np.zeros(procedure_days[0].size),
        ]
    )
    order = np.lexsort((-end, kind, day, who))
    who, day, kind, end = who[order], day[order], kind[order], end[order]
    fresh = np.concatenate([[True], (who[1:] != who[:-1]) | (day[1:] != day[:-1]) | (kind[1:] != kind[:-1])])
    return who[fresh], day[fresh], end[fresh].astype(np.int64), kind[fresh]
