"""Blood draws: who, when, why, fasting or not. Not here: what is measured in them (`laboratory`)."""

from dataclasses import dataclass

import numpy as np

from pipelines.synth import draws
from pipelines.synth.mechanism import codes
from pipelines.synth.mechanism.course import Course
from pipelines.synth.mechanism.hazards import NEVER, row
from pipelines.synth.mechanism.people import RESTART, STEP_DAYS
from pipelines.synth.mechanism.treatment import CHECK_STEPS
from pipelines.synth.parameters import Parameters

HORMONES, METABOLIC, BONE, EARLY, SEMEN = 1, 2, 4, 8, 16  # combinations run from 1 to 16: see the key
_PROMPTS = (
    "low_libido",
    "fatigue",
    "erectile_dysfunction",
    "gynecomastia",
    "water_retention",
    "irritability",
    "hot_flush",
)
_EARLY_DAYS = (1, 3, 7, 14)


@dataclass(frozen=True, slots=True)
class Tubes:
    """Arrays [t], sorted by person row, day and kind."""

    row: np.ndarray
    day: np.ndarray  # after entry
    step: np.ndarray
    kind: np.ndarray
    reason: np.ndarray
    is_check: np.ndarray  # the estradiol the course acted on
    minute: np.ndarray
    is_fasting: np.ndarray
    key: np.ndarray  # names the tube in random draws, whatever the batch
    number: np.ndarray  # 1-based within person
    days_on_ai: np.ndarray  # days since the aromatase inhibitor began, if it began in this step; else -1


def _reason(name: str) -> int:
    return codes.DRAW_REASONS.index(name)


def make_tubes(p: Parameters, seed: int, course: Course, last: np.ndarray) -> Tubes:
    """All draws up to the last day of observation."""
    people, t = course.people, course.tracks
    steps, n = t["ai_kind"].shape
    u = draws.uniforms(seed, people.person, "tubes", 12)
    rows, days, kinds, reasons, checks = [], [], [], [], []

    def add(row_, day, kind: int, reason, check: bool = False) -> None:
        rows.append(row_)
        days.append(day)
        kinds.append(np.full(row_.size, kind))
        reasons.append(np.broadcast_to(np.asarray(reason), row_.shape))
        checks.append(np.full(row_.size, check))

    step, who = np.nonzero(t["is_check"])
    before = step < course.plan.start[who]
    on_t = t["on_testosterone"][step, who] > 0
    reason = np.where(
        before & (step >= course.plan.start[who] - 6),
        _reason("baseline"),
        np.where(on_t, _reason("titration"), _reason("routine")),
    )
    add(who, step * STEP_DAYS + 14, HORMONES, reason, True)

    phase = np.floor(u[0] * 13).astype(np.int64)
    step, who = np.nonzero((np.arange(steps)[:, None] % 13) == phase[None, :])
    done = draws.uniform(seed, people.person[who], "metabolic", step) < p.number("monitoring.metabolic_panel_share")
    step, who = step[done], who[done]
    jitter = np.floor(draws.uniform(seed, people.person[who], "metabolic_day", step) * 28).astype(np.int64)
    add(who, step * STEP_DAYS + jitter, METABOLIC, _reason("routine"))

    begins = (t["ai_kind"] > 0) & (np.vstack([np.zeros((1, n)), t["ai_kind"][:-1]]) == 0)
    endocrine = (t["ai_kind"] > 0) | (t["tamoxifen"] > 0)
    first_endocrine = endocrine & (np.vstack([np.zeros((1, n)), endocrine[:-1]]) == 0)
    step, who = np.nonzero(first_endocrine)
    followed = u[1][who] < p.number("monitoring.bone_panel_share")
    for offset in (-7, 100, 180, 365):
        add(
            who[followed],
            step[followed] * STEP_DAYS + offset,
            BONE | HORMONES,
            _reason("baseline" if offset < 0 else "routine"),
        )
    step, who = np.nonzero(t["scanned"])
    with_scan = draws.uniform(seed, people.person[who], "bone_panel", step) < p.number(
        "monitoring.bone_panel_with_scan"
    )
    add(who[with_scan], step[with_scan] * STEP_DAYS + 3, BONE, _reason("routine"))
    step, who = np.nonzero(begins)
    early = draws.uniform(seed, people.person[who], "early", step) < p.number("monitoring.early_draw_share")
    for offset in _EARLY_DAYS:
        add(who[early], step[early] * STEP_DAYS + offset, EARLY, _reason("routine"))
    for i, name in enumerate(_PROMPTS):
        onset = course.event_day[row(name)]
        who = np.nonzero(
            (onset < NEVER) & (draws.uniform(seed, people.person, "prompt", i) < p.number("monitoring.prompted_share"))
        )[0]
        add(who, np.floor(onset[who]).astype(np.int64) + 9, HORMONES, _reason("prompted"))
    spread = np.arange(steps)[:, None] - course.plan.start[None, :]
    wanted = (people.protocol == RESTART) & (spread >= 0) & (spread % CHECK_STEPS == 0)
    step, who = np.nonzero(wanted & (spread <= p.number("monitoring.semen_analysis_steps")))
    done = draws.uniform(seed, people.person[who], "semen", step) < p.number("monitoring.semen_analysis_share")
    first = step[done] == course.plan.start[who[done]]
    reason = np.where(first, _reason("baseline"), _reason("routine"))
    add(who[done], step[done] * STEP_DAYS + 5, SEMEN, reason)
    return _sorted(seed, course, last, *(np.concatenate(part) for part in (rows, days, kinds, reasons, checks)), begins)


def _sorted(seed: int, course: Course, last, row_, day, kind, reason, check, begins) -> Tubes:
    day = day.astype(np.int64)
    keep = (day >= 0) & (day < last[row_])
    row_, day, kind, reason, check = (part[keep] for part in (row_, day, kind, reason, check))
    order = np.lexsort((kind, day, row_))
    row_, day, kind, reason, check = (part[order] for part in (row_, day, kind, reason, check))
    step = np.minimum(day // STEP_DAYS, begins.shape[0] - 1)
    key = (day * 16 + kind) * 2 + check
    person = course.people.person[row_]
    four = draws.words(seed, person, "tube", key)
    a, b, c = (draws._unit(four[j]) for j in range(3))
    minute = np.where(a < 0.7, 420 + 240 * b, 660 + 360 * b).astype(np.int64)
    fasting = (minute < 640) & (c < np.where(kind & (METABOLIC | BONE), 0.8, 0.35))
    started = begins[step, row_]
    starts = np.concatenate([[True], row_[1:] != row_[:-1]]) if row_.size else np.zeros(0, dtype=bool)
    number = np.arange(row_.size) - np.maximum.accumulate(np.where(starts, np.arange(row_.size), 0)) + 1
    return Tubes(
        row_,
        day,
        step,
        kind,
        reason,
        check,
        minute,
        fasting,
        key,
        number,
        np.where(started, day - step * STEP_DAYS, -1),
    )
