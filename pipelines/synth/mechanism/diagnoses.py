"""Which events and symptoms reach a record: detection, settings, histories, negative controls.

Here: rows of events and symptoms. Not here: when things truly happen (`hazards`), codes of vocabularies.
"""

from dataclasses import dataclass

import numpy as np

from pipelines.synth import draws
from pipelines.synth.mechanism import codes
from pipelines.synth.mechanism.course import Course
from pipelines.synth.mechanism.densitometry import Scans
from pipelines.synth.mechanism.hazards import DEATHS, FRACTURES, NEVER, row
from pipelines.synth.mechanism.people import ADJUVANT, MALE_T, RESTART, STEP_DAYS, YEAR, People
from pipelines.synth.parameters import Parameters

ALL_EVENTS = codes.EVENT_CODES + codes.NEGATIVE_CONTROLS
_INPATIENT = {
    "hip_fracture": 0.97, "vertebral_fracture": 0.25, "forearm_fracture": 0.10, "humerus_fracture": 0.25, "other_fracture": 0.15,
    "heart_failure": 0.65, "myocardial_infarction": 0.95, "ischaemic_stroke": 0.9, "venous_thromboembolism": 0.5, "angina": 0.3,
    "atrial_fibrillation": 0.25, "appendicitis": 0.9, "pneumonia": 0.4, "diverticulitis": 0.35,
}  # fmt: skip
_EMERGENCY = {
    "forearm_fracture",
    "humerus_fracture",
    "other_fracture",
    "animal_bite",
    "burn_arm",
    "corneal_abrasion",
    "foreign_body_eye",
    "nosebleed",
    "open_wound_hand",
}


#: events of the clock that come to the record as they happen, the first of each
_RECORDED_ONCE = (
    "heart_failure",
    "myocardial_infarction",
    "ischaemic_stroke",
    "venous_thromboembolism",
    "angina",
    "atrial_fibrillation",
    "hypertension",
    "diabetes",
    "breast_cancer_metastasis",
    "prostate_cancer",
    "endometrial_cancer",
    "endometriosis",
    "fibroids",
)


@dataclass(frozen=True, slots=True)
class EventRows:
    """Arrays [e]; days after entry, `detected` NEVER when it never was."""

    row: np.ndarray
    event: np.ndarray
    day: np.ndarray
    detected: np.ndarray
    detected_by: np.ndarray
    setting: np.ndarray
    is_primary: np.ndarray
    is_history: np.ndarray


def make_events(p: Parameters, seed: int, course: Course, scans: Scans, last: np.ndarray) -> EventRows:
    """Everything that happened by the last day of observation, with whether and how it came to light."""
    people = course.people
    parts: list[tuple[np.ndarray, ...]] = []

    def add(
        name: str,
        who: np.ndarray,
        day: np.ndarray,
        detected=None,
        by: str = "clinical",
        history: bool = False,
        nth: int = 0,
    ) -> None:
        inside = (day < last[who]) & (day >= 0)
        found = day if detected is None else detected
        who, day, found = who[inside], np.floor(day[inside]), np.floor(found[inside])
        found = np.where(found < last[who], found, NEVER)
        u = draws.words(seed, people.person[who], f"setting_{name}", nth)
        a, b = draws._unit(u[0]), draws._unit(u[1])
        setting = np.where(a < _INPATIENT.get(name, 0.03), 2, np.where(name in _EMERGENCY, 1, 0))
        code = np.full(who.size, ALL_EVENTS.index(name))
        way = np.where(found < NEVER, codes.DETECTION.index(by), codes.DETECTION.index("never"))
        primary = (setting == 2) & (b < 0.85) | (setting != 2) & (b < 0.6)
        parts.append((who, code, day, found, way, setting, primary & (not history), np.full(who.size, history)))

    everyone = np.arange(people.person.size)
    for i, name in enumerate(FRACTURES):
        for nth, days in enumerate((course.event_day[i], course.second_fracture_day[i])):
            who = np.nonzero(days < NEVER)[0]
            if name != "vertebral_fracture":
                add(name, who, days[who], nth=nth)
                continue
            clinical = draws.uniform(seed, people.person[who], "vertebral_clinical", nth) < p.number(
                "fracture.vertebral_clinical_share"
            )
            add(name, who[clinical], days[who[clinical]], nth=nth)
            silent = who[~clinical]
            add(
                name,
                silent,
                days[silent],
                _next_scan(p, seed, course, scans, silent, days[silent]),
                "scan",
                nth=nth + 2,
            )
    for name in _RECORDED_ONCE:
        days = course.event_day[row(name)]
        who = np.nonzero(days < NEVER)[0]
        add(name, who, days[who])
    metastasis = course.event_day[row("breast_cancer_metastasis")]
    who = np.nonzero(
        (metastasis < NEVER)
        & (draws.uniform(seed, people.person, "bone_metastasis") < p.number("cancer.bone_metastasis_share"))
    )[0]
    add("bone_metastasis", who, metastasis[who] + 20.0)
    for name, has in (
        ("ischaemic_heart_disease", people.has_ihd),
        ("hypertension", people.has_hypertension),
        ("diabetes", people.has_diabetes),
        ("endometriosis", people.has_endometriosis),
        ("fibroids", people.has_fibroids),
    ):
        who = np.nonzero(has)[0]
        add(name, who, np.zeros(who.size), history=True, nth=9)
    who = np.nonzero((people.protocol == MALE_T) | (people.protocol == RESTART))[0]
    add("hypogonadism", who, np.maximum(people.index_step[who] * STEP_DAYS - 10.0, 0.0))
    who = np.nonzero(people.protocol == RESTART)[0]
    add("infertility", who, np.maximum(people.index_step[who] * STEP_DAYS - 5.0, 0.0))
    who = np.nonzero(people.protocol == ADJUVANT)[0]
    add("breast_cancer", who, np.maximum(surgery_day(course)[who] - 20, 0).astype(np.float64))
    _density_diagnoses(p, course, scans, add)
    days = draws.exponentials(seed, people.person, "cataract", 1)[0] / (p.number("event.cataract_rate") / 1000.0)
    days = days / _frailty_of_age(p, people) * YEAR
    who = everyone[days < last]
    add("cataract", who, days[who])
    for name, days in zip(codes.NEGATIVE_CONTROLS, negative_control_days(p, seed, people), strict=True):
        who = everyone[days < last]
        add(name, who, days[who])
    return EventRows(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def negative_control_days(p: Parameters, seed: int, people: People) -> np.ndarray:
    """[40, n] day after entry of each negative control, in the order of codes: frailty and age matter, no drug does."""
    clocks = draws.exponentials(seed, people.person, "negative_controls", len(codes.NEGATIVE_CONTROLS))
    rates = np.array([[p.number(f"negative_control.{name}_rate")] for name in codes.NEGATIVE_CONTROLS]) / 1000.0
    return clocks / (rates * _frailty_of_age(p, people)) * YEAR


def _frailty_of_age(p: Parameters, people: People) -> np.ndarray:
    """[n] factor of the rate of everyday diseases: frailty, and 2 % a year from 60."""
    return np.exp(p.number("risk.frailty") * people.frailty) * np.exp(0.02 * (people.age - 60.0))


def surgery_day(course: Course) -> np.ndarray:
    """[n] days after entry of breast surgery: 35 to 150 days before therapy, longer with chemotherapy."""
    u = draws.uniform(course.seed, course.people.person, "surgery")
    wait = 35 + np.floor(u * 50) + 70 * course.people.had_chemotherapy
    return (course.people.index_step * STEP_DAYS - wait).astype(np.int64)


def _next_scan(p: Parameters, seed: int, course: Course, scans: Scans, who: np.ndarray, day: np.ndarray) -> np.ndarray:
    """Day of the first scan after a silent fracture that shows it, NEVER if none."""
    order = np.lexsort((scans.day, scans.row))
    key = scans.row[order].astype(np.int64) * 100_000 + scans.day[order]
    at = np.searchsorted(key, who.astype(np.int64) * 100_000 + np.floor(day).astype(np.int64))
    inside = at < key.size
    found = np.where(inside, key[np.minimum(at, max(key.size - 1, 0))] if key.size else 0, 0)
    same = inside & (found // 100_000 == who)
    shown = draws.uniform(seed, course.people.person[who], "vertebral_on_scan") < p.number(
        "fracture.vertebral_seen_on_scan"
    )
    return np.where(same & shown, found % 100_000, NEVER).astype(np.float64)


def _density_diagnoses(p: Parameters, course: Course, scans: Scans, add) -> None:
    """Osteoporosis and osteopenia by the first scan whose worst T-score falls in the band."""
    site = np.array(p.vector("bone.reference_mean"))[scans.site], np.array(p.vector("bone.reference_sd"))[scans.site]
    t = (scans.true_bmd - site[0]) / site[1]
    hip_or_spine = scans.site <= 2
    for name, band in (("osteoporosis", t <= -2.5), ("osteopenia", (t > -2.5) & (t < -1.0))):
        which = np.nonzero(hip_or_spine & band)[0]
        first_day = np.full(course.people.person.size, NEVER, dtype=np.float64)
        np.minimum.at(first_day, scans.row[which], scans.day[which] + 4.0)
        coded = draws.uniform(course.seed, course.people.person, f"coded_{name}") < p.number(
            "densitometry.diagnosis_coded_share"
        )
        who = np.nonzero((first_day < NEVER) & coded)[0]
        add(name, who, first_day[who])


def make_symptoms(p: Parameters, seed: int, course: Course, last: np.ndarray) -> tuple[np.ndarray, ...]:
    """Person row, symptom code, day, severity, coded?"""
    parts = []
    for code, name in enumerate(codes.SYMPTOM_CODES):
        days = course.event_day[row(name)]
        who = np.nonzero((days < NEVER) & (days < last))[0]
        u = draws.words(seed, course.people.person[who], "symptom", code)
        severity = 1 + draws.choice(draws._unit(u[0]), (0.45, 0.38, 0.17))
        coded = draws._unit(u[1]) < np.array([0.45, 0.7, 0.95])[severity - 1]
        parts.append((who, np.full(who.size, code), np.floor(days[who]), severity, coded))
    return tuple(np.concatenate(column) for column in zip(*parts, strict=True))


def death(course: Course, last: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """[n] day of death after entry (NEVER when alive at exit) and its cause as a code."""
    days = np.stack([course.event_day[row(name)] for name in DEATHS])
    first = days.min(axis=0)
    cause = np.argmin(days, axis=0)
    return np.where(np.floor(first) < last, np.floor(first), NEVER), cause
