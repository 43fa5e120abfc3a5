"""Outcomes of a course as an analyst defines them: days of first events, BMD change, hormones at a month.

Here: definitions shared by the truth, the naive analyses and the calibration. Not here: contrasts of regimes.
"""

import numpy as np

from pipelines.synth import draws
from pipelines.synth.mechanism.codes import BONE_SITES
from pipelines.synth.mechanism.course import Course
from pipelines.synth.mechanism.diagnoses import negative_control_days
from pipelines.synth.mechanism.hazards import FRACTURES, NEVER, row
from pipelines.synth.mechanism.laboratory import DIABETES_EFFECT, drug_effect
from pipelines.synth.mechanism.people import STEP_DAYS, YEAR
from pipelines.synth.parameters import Parameters

MONTH = YEAR / 12.0
GENOTYPES = ("rs700518", "rs4646", "rs10046")
#: composite outcomes and their parts
COMPOSITES = {
    "fracture": FRACTURES,
    "major_fracture": ("hip_fracture", "vertebral_fracture", "forearm_fracture", "humerus_fracture"),
    "mace": ("myocardial_infarction", "ischaemic_stroke", "cardiovascular_death"),
    "coronary": ("myocardial_infarction", "angina"),
    "death": ("cardiovascular_death", "breast_cancer_death", "other_death"),
}


def event_day(p: Parameters, course: Course, outcome: str) -> np.ndarray:
    """[n] days after entry of the first event of an outcome, NEVER without; silent vertebral fractures do not count."""
    if outcome == "any_vertebral_fracture":  # clinical or silent
        return course.event_day[row("vertebral_fracture")]
    parts = COMPOSITES.get(outcome, (outcome,))
    days = []
    for name in parts:
        day = course.event_day[row(name)]
        if name == "vertebral_fracture":
            seen = draws.uniform(course.seed, course.people.person, "vertebral_clinical", 0)
            day = np.where(seen < p.number("fracture.vertebral_clinical_share"), day, NEVER)
        days.append(day)
    return np.min(days, axis=0)


def days_since(p: Parameters, course: Course, outcome: str, start: np.ndarray) -> np.ndarray:
    """[n] days from `start` (days after entry) to the first event; nan for who had it before, NEVER without.

    "negative_control" is the first of all negative controls that comes after `start`, whoever had another before.
    """
    if outcome == "negative_control":
        days = negative_control_days(p, course.seed, course.people)
        return np.where(days >= start, days, NEVER).min(axis=0) - start
    day = event_day(p, course, outcome).astype(np.float64)
    since = np.where(day < NEVER, day - start, NEVER)
    return np.where(since < 0.0, np.nan, since)


def step_at(course: Course, months: float, origin: np.ndarray | int = 0) -> np.ndarray:
    """Step that holds a month after the index day (plus `origin` steps), kept inside follow-up; [n]."""
    steps = course.tracks["bmd"].shape[0] if "bmd" in course.tracks else next(iter(course.tracks.values())).shape[0]
    wanted = np.broadcast_to(np.asarray(origin) + round(months * MONTH / STEP_DAYS), course.people.person.shape)
    return np.clip(wanted, 0, steps - 1)


def value_at(course: Course, track: str, months: float, origin: np.ndarray | int = 0) -> np.ndarray:
    """[n] value of a track at a month."""
    return course.tracks[track][step_at(course, months, origin), np.arange(course.people.person.size)]


def bmd_change(
    course: Course, site: str, months: float, since: float = 0.0, origin: np.ndarray | int = 0
) -> np.ndarray:
    """[n] percent change, 100 x difference of log BMD between two months after the index day."""
    j, who = BONE_SITES.index(site), np.arange(course.people.person.size)
    track = course.tracks["bmd"]
    later, before = track[step_at(course, months, origin), j, who], track[step_at(course, since, origin), j, who]
    return 100.0 * np.log(later / before)


def metabolic(p: Parameters, course: Course, name: str, months: float, origin: np.ndarray | int = 0) -> np.ndarray:
    """[n] how far drugs and a new diabetes move a metabolic figure at a month; whatever else moves it is left out.

    Args:
        p: parameters.
        course: with the tracks ai_kind, tamoxifen and on_testosterone.
        name: "log_ldl_cholesterol", "log_homa_ir" (fasting glucose times insulin) or "systolic_pressure" (mm Hg).
        months: after the index day, plus `origin` steps.
        origin: steps, one or [n].

    Raises:
        ValueError: the figure is unknown.
    """
    ai, tamoxifen, testosterone = (
        (value_at(course, track, months, origin) > 0).astype(np.float64)
        for track in ("ai_kind", "tamoxifen", "on_testosterone")
    )
    if name == "systolic_pressure":
        return p.number("observation_effect.systolic_ai_men") * ai * course.people.is_male
    if name == "log_ldl_cholesterol":
        return np.zeros(ai.size) + drug_effect(p, "ldl_cholesterol", ai, tamoxifen, testosterone)
    if name == "log_homa_ir":
        at = step_at(course, months, origin) * STEP_DAYS
        ill = ~course.people.has_diabetes & (course.event_day[row("diabetes")] < at)
        parts = ("glucose", "insulin")
        drugs = sum(drug_effect(p, part, ai, tamoxifen, testosterone) for part in parts)
        return np.zeros(ai.size) + drugs + sum(DIABETES_EFFECT[part] for part in parts) * ill
    raise ValueError(f"unknown metabolic figure {name!r}")


def stratum(course: Course, name: str) -> np.ndarray:
    """[n] label of each person in a stratification: dosage of an allele (0 to 2), or body mass index at entry.

    Raises:
        ValueError: the stratification is unknown.
    """
    people = course.people
    if name == "body_mass_index":
        labels = np.array(["below_25", "25_to_30", "30_and_above"])
        return labels[np.searchsorted([25.0, 30.0], people.bmi, side="right")]
    if name not in GENOTYPES:
        raise ValueError(f"unknown stratification {name!r}")
    return people.genotype[GENOTYPES.index(name)].astype(str)


def alive_at(course: Course, months: float) -> np.ndarray:
    """[n] still alive at a month after entry."""
    return course.death_day() > months * MONTH


def risk(day: np.ndarray, death: np.ndarray, years: float) -> float:
    """Cumulative incidence with death as competing event: nobody is lost, so it is a share."""
    return float(((day <= years * YEAR) & (day <= death)).mean())


def rate(day: np.ndarray, death: np.ndarray, years: float, since_years: float = 0.0) -> tuple[float, float]:
    """First events and person-years between two times, death ending follow-up."""
    start, end = since_years * YEAR, years * YEAR
    stop = np.minimum(np.minimum(day, death), end)
    at_risk = (day > start) & (death > start)
    events = ((day <= end) & (day <= death) & at_risk).sum()
    return float(events), float(np.maximum(stop - start, 0.0)[at_risk].sum() / YEAR)
