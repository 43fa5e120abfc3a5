"""What an analyst sees of the natural course, without any mess: the cohorts behind the naive analyses.

Here: who is in a cohort, what they took, when they are lost, which scans, draws and diagnoses there are. Not here: the
analyses (`difficulties`), the truth (`truth`), the records as a hospital would keep them (`omop`).

Measured values are used (precision and device of each scan, assay of each draw, fractures only when somebody saw them)
and an observation ends with the person's follow-up.
"""

from dataclasses import dataclass, fields

import numpy as np

from pipelines.synth import outcomes
from pipelines.synth.mechanism import densitometry, diagnoses, dispensing
from pipelines.synth.mechanism.clinics import LCMS
from pipelines.synth.mechanism.codes import BONE_SITES, SCAN_REASONS
from pipelines.synth.mechanism.course import Course, run_course
from pipelines.synth.mechanism.hazards import NEVER, row
from pipelines.synth.mechanism.people import ADJUVANT, MALE_T, PREMENOPAUSAL, STEP_DAYS, Design, make_people
from pipelines.synth.parameters import Parameters
from pipelines.synth.studies import ADD_ON_DRAW, DRAW_STEPS, only, postmenopausal_cancer

BATCH = 5_000
NONE_SEEN, AI_SEEN, TAMOXIFEN_SEEN = 0, 1, 2
_TWO_YEARS = 26  # steps
_WINDOW, _BASELINE = 90, 365  # days around 24 months; days before time zero
_DOSE_MG, _DOSE_INTAKES, _DOSE_STEPS = 0.5, 2.0, 12
EVENTS_WOMEN = ("fracture", "venous_thromboembolism", "heart_failure", "death", "arthralgia", "negative_control")
_TRACKS_WOMEN = ("ai_kind", "tamoxifen", "antiresorptive", "scanned", "bmd", "is_check", "read_estradiol")
_TRACKS_MEN = (
    *("ai_kind", "ai_mg", "ai_intakes", "on_testosterone", "antiresorptive", "is_check", "read_estradiol", "assay"),
)


@dataclass(frozen=True, slots=True)
class Women:
    """Adjuvant cohort; arrays [n], days after time zero, nan where not seen."""

    person: np.ndarray
    first: np.ndarray  # NONE_SEEN, AI_SEEN or TAMOXIFEN_SEEN at time zero
    ever_ai: np.ndarray  # at any time of follow-up
    stays: np.ndarray  # on the first drug for 24 months
    last: np.ndarray
    death: np.ndarray
    events: np.ndarray  # [len(EVENTS_WOMEN) + 1, n]; last row: vertebral fracture on record
    broke: np.ndarray  # true day of the first vertebral fracture, silent ones too, within observation; else nan
    lumbar_change: np.ndarray  # percent, baseline within a year before to 24 months ± 90 days
    hip_change: np.ndarray  # same, baseline within 28 days before
    estradiol_change: np.ndarray  # log ratio of the measured value, about 24 months over time zero


@dataclass(frozen=True, slots=True)
class Men:
    """Testosterone cohort; arrays [n]."""

    person: np.ndarray
    co_dose: np.ndarray  # began 0.5 mg twice a week with testosterone
    no_ai: np.ndarray  # had no inhibitor in the first 12 months of testosterone
    keeps: np.ndarray  # kept testosterone, and the dose or its absence, for 12 steps
    estradiol_at_year: np.ndarray  # log, mass spectrometry, 12 steps after the start
    asked: np.ndarray  # eligible for an add-on at the check of day 98
    added: np.ndarray  # and got it
    estradiol_after: np.ndarray  # log, mass spectrometry, 56 days after that decision


def _joined(parts: list):
    names = [field.name for field in fields(parts[0])]
    return type(parts[0])(**{n: np.concatenate([getattr(part, n) for part in parts], axis=-1) for n in names})


def _at(track: np.ndarray, step: np.ndarray) -> np.ndarray:
    """[n] value of a track at each person's step, 0 outside the run."""
    inside = (step >= 0) & (step < track.shape[0])
    return np.where(inside, track[np.clip(step, 0, track.shape[0] - 1), np.arange(track.shape[1])], 0)


def _throughout(track: np.ndarray, zero: np.ndarray, steps: int) -> np.ndarray:
    """[n] a condition [steps, n] holds at time zero and in each of the steps after it."""
    held = np.ones(zero.size, dtype=bool)
    for ahead in range(steps + 1):
        held &= _at(track, zero + ahead) > 0
    return held


def women(p: Parameters, seed: int, persons: int) -> Women:
    """The adjuvant cohort among `persons` women in that protocol."""
    changed = p.replace(only(ADJUVANT))
    parts = []
    for first in range(1, persons + 1, BATCH):
        people = make_people(changed, seed, first, min(BATCH, persons + 1 - first), Design())
        zero = np.maximum(people.index_step, 0)
        seen = postmenopausal_cancer(people, zero) & (zero * STEP_DAYS < people.end_day - people.entry_day + 1)
        course = run_course(changed, seed, people.take(np.nonzero(seen)[0]), keep=_TRACKS_WOMEN)
        parts.append(_women(changed, seed, course))
    return _joined(parts)


def _women(p: Parameters, seed: int, course: Course) -> Women:
    people, t = course.people, course.tracks
    zero = np.maximum(people.index_step, 0)  # prevalent users: the first day they are seen
    start, last = zero * STEP_DAYS, dispensing.death_limit(course)
    ai, tamoxifen = t["ai_kind"] > 0, (t["tamoxifen"] > 0) & (t["ai_kind"] == 0)
    first = np.where(_at(ai, zero), AI_SEEN, np.where(_at(tamoxifen, zero), TAMOXIFEN_SEEN, NONE_SEEN))
    begins = np.arange(ai.shape[0])[:, None] * STEP_DAYS
    seen = (begins >= start) & (begins < last)  # the tracks of the mechanism go on after death
    stays = np.where(first == AI_SEEN, _throughout(ai, zero, _TWO_YEARS), _throughout(tamoxifen, zero, _TWO_YEARS))
    scans = densitometry.make_scans(p, seed, course, last)
    records = diagnoses.make_events(p, seed, course, scans, last)
    events = [outcomes.days_since(p, course, name, start) for name in EVENTS_WOMEN]
    events.append(_vertebral_on_record(course, records, start))
    both = (_at(t["is_check"], zero) > 0) & (_at(t["is_check"], zero + _TWO_YEARS) > 0)
    both &= people.menopause != PREMENOPAUSAL  # at entry: else estradiol still falls for a year or two
    both &= (zero + _TWO_YEARS) * STEP_DAYS + 14 < last
    with np.errstate(divide="ignore", invalid="ignore"):
        change = np.log(_at(t["read_estradiol"], zero + _TWO_YEARS) / _at(t["read_estradiol"], zero))
    death = course.death_day() - start
    broke = course.event_day[row("vertebral_fracture")].astype(np.float64) - start
    # as the study asks: alive, no metastasis and no bone drug at time zero
    ok = (death >= 0.0) & (course.event_day[row("breast_cancer_metastasis")] >= start) & (last > start)
    ok &= _at(t["antiresorptive"], zero - 1) == 0
    cohort = Women(
        person=people.person,
        first=first,
        ever_ai=np.any(ai & seen, axis=0),
        stays=stays,
        last=(last - start).astype(np.float64),
        death=death,
        events=np.array(events),
        broke=np.where((broke >= 0.0) & (broke < last - start), broke, np.nan),
        lumbar_change=_change(scans, "lumbar_spine", start, _BASELINE),
        hip_change=_change(scans, "total_hip", start, STEP_DAYS),
        estradiol_change=np.where(both, change, np.nan),
    )
    return Women(**{field.name: getattr(cohort, field.name)[..., ok] for field in fields(cohort)})


def _vertebral_on_record(course: Course, records: diagnoses.EventRows, start: np.ndarray) -> np.ndarray:
    """[n] days to the first vertebral fracture anybody wrote down; nan for who broke one before time zero."""
    mine = records.event == diagnoses.ALL_EVENTS.index("vertebral_fracture")
    day = np.full(start.size, float(NEVER))
    np.minimum.at(day, records.row[mine], records.detected[mine])
    since = np.where(day < NEVER, day - start, NEVER)
    before = course.event_day[row("vertebral_fracture")] < start
    return np.where(before, np.nan, np.where(since < 0.0, np.nan, since))


def _change(scans: densitometry.Scans, site: str, start: np.ndarray, before: int) -> np.ndarray:
    """[n] percent change of measured density; the nearest scan to each date, whatever the densitometer."""
    mine = (scans.site == BONE_SITES.index(site)) & (scans.reason != SCAN_REASONS.index("repeat"))
    who, day = scans.row[mine], scans.day[mine] - start[scans.row[mine]]
    value = np.log(scans.measured_bmd[mine])

    def nearest(distance: np.ndarray, allowed: np.ndarray) -> np.ndarray:
        i = np.nonzero(allowed)[0]
        i = i[np.lexsort((distance[i], who[i]))]
        owner, at = np.unique(who[i], return_index=True)
        out = np.full(start.size, np.nan)
        out[owner] = value[i[at]]
        return out

    due = round(24 * outcomes.MONTH)
    baseline = nearest(-day, (day <= 0) & (day >= -before))
    follow_up = nearest(np.abs(day - due), np.abs(day - due) <= _WINDOW)
    return 100.0 * (follow_up - baseline)


def men(p: Parameters, seed: int, persons: int) -> Men:
    """The testosterone cohort among `persons` men in that protocol; prevalent users left out."""
    changed = p.replace(only(MALE_T))
    parts = []
    for first in range(1, persons + 1, BATCH):
        people = make_people(changed, seed, first, min(BATCH, persons + 1 - first), Design())
        seen = (people.index_step >= 0) & (people.index_step * STEP_DAYS < people.end_day - people.entry_day + 1)
        course = run_course(changed, seed, people.take(np.nonzero(seen)[0]), keep=_TRACKS_MEN)
        parts.append(_men(course))
    return _joined(parts)


def _men(course: Course) -> Men:
    people, t = course.people, course.tracks
    zero, last, death = people.index_step, dispensing.death_limit(course), course.death_day()
    on, ai = t["on_testosterone"] > 0, t["ai_kind"] > 0
    with np.errstate(divide="ignore"):
        logged = np.where((t["is_check"] > 0) & (t["assay"] == LCMS), np.log(t["read_estradiol"]), np.nan)

    def draw(step: np.ndarray) -> np.ndarray:
        return np.where(step * STEP_DAYS + 14 < last, _at(logged, step), np.nan)

    dose = ai & (t["ai_mg"] == _DOSE_MG) & (t["ai_intakes"] == _DOSE_INTAKES)
    co_dose, no_ai = _at(dose, zero) > 0, _throughout(~ai, zero, _DOSE_STEPS)
    asked_at = zero + DRAW_STEPS
    ever = (ai & (np.arange(ai.shape[0])[:, None] < asked_at)).any(axis=0)
    read, low, high = _at(t["read_estradiol"], asked_at - 1), *ADD_ON_DRAW
    asked = (_at(t["is_check"], asked_at - 1) > 0) & (read > low) & (read <= high) & ~ever
    asked &= (_at(on, asked_at) > 0) & (asked_at * STEP_DAYS < last) & (death >= asked_at * STEP_DAYS)
    cohort = Men(
        person=people.person,
        co_dose=co_dose,
        no_ai=no_ai,
        keeps=_throughout(on, zero, _DOSE_STEPS) & np.where(co_dose, _throughout(dose, zero, _DOSE_STEPS), no_ai),
        estradiol_at_year=draw(zero + _DOSE_STEPS),
        asked=asked & (_at(t["antiresorptive"], asked_at - 1) == 0),
        added=_at(ai, asked_at) > 0,
        estradiol_after=draw(asked_at + 2),
    )
    ok = (death >= zero * STEP_DAYS) & (_at(t["antiresorptive"], zero - 1) == 0)
    return Men(**{field.name: getattr(cohort, field.name)[..., ok] for field in fields(cohort)})
