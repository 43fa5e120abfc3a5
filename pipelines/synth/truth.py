"""The truth: what every study would find in the mechanism itself, by intervention on everybody.

Here: running the arms of each study on the same people with the same luck, and the table that goes into `truth.json`.
Not here: the studies (`studies`), estimators (`contrasts`), what a naive analysis would say (`difficulties`).

The people are new ones, drawn from the mechanism as the recorded people are, all in the study's protocol, followed
without loss; nobody is a prevalent user. Their number is an option of its own: the truth costs the same whatever the
size of the recorded population, and no batch or process changes it.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pipelines.synth import contrasts, outcomes
from pipelines.synth.contrasts import HORIZON_STEPS
from pipelines.synth.mechanism.course import Course, run_course
from pipelines.synth.mechanism.hazards import row
from pipelines.synth.mechanism.people import ADJUVANT, NONE, STEP_DAYS, YEAR, Design, People, make_people
from pipelines.synth.mechanism.regimes import Regime
from pipelines.synth.parameters import Parameters
from pipelines.synth.studies import Study, studies

BATCH = 2_500
#: months before the index day of people without a protocol, in steps
_LEAD_IN = 14
_DEFINITIONS = {
    "bone": "percent BMD change, 100 x difference of log BMD since time zero, mean of those alive; true density",
    "metabolic": "how far drugs and a new diabetes move log LDL, log HOMA-IR (fasting) and systolic pressure (mm Hg)",
    "amounts": "true value in its unit at days after time zero",
    "levels": "natural log of the true value at days after time zero (ctx, p1np, lh, fsh, shbg as ratio to the own set point)",
    "events": "first event after time zero; risk with death competing; horizons of 364, 1092, 1820 and 3640 days",
    "hazard_ratio": "marginal, cause-specific: Cox with treatment alone, Breslow ties, steps of 28 days, up to the horizon",
    "standard_error": "Monte-Carlo, delete-a-group jackknife by person; of ratios on the log scale",
}


@dataclass(frozen=True, slots=True)
class Reading:
    """What one arm shows; arrays [n] over the eligible people, the same people in every arm of a study."""

    person: np.ndarray
    death: np.ndarray  # days after time zero
    events: dict[str, np.ndarray]  # days after time zero; nan: had it before
    values: dict[str, np.ndarray]  # nan: dead by then
    strata: dict[str, np.ndarray]  # labels

    def take(self, which: np.ndarray) -> "Reading":
        """The people of a mask or index, in this order."""
        return Reading(
            self.person[which],
            self.death[which],
            *({name: part[which] for name, part in parts.items()} for parts in (self.events, self.values, self.strata)),
        )


def counterfactual_people(p: Parameters, seed: int, first: int, count: int, study: Study) -> People:
    """New people in the study's protocol, followed for the study's years after time zero."""
    people = make_people(p, seed, first, count, Design())
    index = np.where(people.protocol == NONE, _LEAD_IN, people.index_step)
    steps = index + study.zero_after + round(study.years * YEAR / STEP_DAYS) + 2
    end = people.entry_day + steps * STEP_DAYS - 1
    lost = np.zeros_like(people.is_lost)
    return replace(people, index_step=index, steps=steps, end_day=end, is_lost=lost)


def _tracks(study: Study) -> tuple[str, ...]:
    wanted = {"antiresorptive"} | {track for track, _ in study.levels + study.amounts}
    if study.metabolic:
        wanted |= {"ai_kind", "tamoxifen", "on_testosterone"}
    if study.bone:
        wanted.add("bmd")
    if study.window:
        wanted.add("estradiol")
    if study.draw:
        wanted |= {"is_check", "read_estradiol", "ai_kind", "on_testosterone"}
    return tuple(sorted(wanted))


def eligible(study: Study, course: Course) -> np.ndarray:
    """[n] who is in the study: alive and as required at time zero. Arms do not differ before it."""
    people, t = course.people, course.tracks
    zero, who = people.index_step + study.zero_after, np.arange(course.people.person.size)
    ok = study.include(people, zero) & (people.index_step >= 0) & (course.death_day() >= zero * STEP_DAYS)
    ok &= t["antiresorptive"][zero - 1, who] == 0
    if people.protocol.size and (people.protocol == ADJUVANT).all():
        ok &= course.event_day[row("breast_cancer_metastasis")] >= zero * STEP_DAYS
    if study.draw:
        low, high = study.draw
        read, before = t["read_estradiol"][zero - 1, who], np.arange(t["ai_kind"].shape[0])[:, None] < zero
        ok &= (t["is_check"][zero - 1, who] > 0) & (read > low) & (read <= high)
        ok &= ~((t["ai_kind"] > 0) & before).any(axis=0) & (t["on_testosterone"][zero, who] > 0)
    return ok


def read_arm(p: Parameters, study: Study, course: Course, keep: np.ndarray) -> Reading:
    """The outcomes of one arm, of the people to keep."""
    people = course.people
    zero = people.index_step + study.zero_after
    start = zero * STEP_DAYS
    death = course.death_day() - start
    events, values = {}, {}
    for name in study.events:
        events[name] = outcomes.days_since(p, course, name, start)[keep]
    for site, month in study.bone:
        change = outcomes.bmd_change(course, site, month, origin=zero)
        values[f"{site}_{month}_months"] = np.where(death > month * outcomes.MONTH, change, np.nan)[keep]
    who = np.arange(people.person.size)
    for track, days in study.levels:
        level = course.tracks[track][zero + days // STEP_DAYS, who].astype(np.float64)
        logged = level if track in ("ctx", "p1np") else np.log(level)
        values[f"log_{track}_{days}_days"] = np.where(death > days, logged, np.nan)[keep]
    for track, days in study.amounts:
        amount = course.tracks[track][zero + days // STEP_DAYS, who].astype(np.float64)
        values[f"{track}_{days}_days"] = np.where(death > days, amount, np.nan)[keep]
    for name, month in study.metabolic:
        moved = outcomes.metabolic(p, course, name, month, zero)
        values[f"{name}_{month}_months"] = np.where(death > month * outcomes.MONTH, moved, np.nan)[keep]
    if study.window:
        low, high, months = study.window
        steps = round(months * outcomes.MONTH / STEP_DAYS)
        at = course.tracks["estradiol"][zero[:, None] + np.arange(steps)[None, :], who[:, None]]
        inside = ((at >= low) & (at <= high)).mean(axis=1)
        values[f"share_of_{months}_months_in_{low:g}_{high:g}"] = np.where(
            death > months * outcomes.MONTH, inside, np.nan
        )[keep]
    strata = {name: outcomes.stratum(course, name)[keep] for name in study.strata}
    return Reading(people.person[keep], death[keep], events, values, strata)


def _joined(parts: list[Reading]) -> Reading:
    return Reading(
        np.concatenate([part.person for part in parts]),
        np.concatenate([part.death for part in parts]),
        {name: np.concatenate([part.events[name] for part in parts]) for name in parts[0].events},
        {name: np.concatenate([part.values[name] for part in parts]) for name in parts[0].values},
        {name: np.concatenate([part.strata[name] for part in parts]) for name in parts[0].strata},
    )


def run_study(p: Parameters, seed: int, persons: int, study: Study) -> dict[str, Reading]:
    """Every arm of a study on the same people.

    Args:
        p: parameters of the recorded population.
        seed: of the run; the same as of the records or not.
        persons: people drawn; those eligible are fewer.
        study: what to run.
    """
    changed = p.replace(study.changes | {"difficulty.prevalent_users": False})
    parts: dict[str, list[Reading]] = {name: [] for name in study.arms}
    for first in range(1, persons + 1, BATCH):
        people = counterfactual_people(changed, seed, first, min(BATCH, persons + 1 - first), study)
        people = people.take(np.nonzero(study.include(people, people.index_step + study.zero_after))[0])
        keep: np.ndarray | None = None
        for name, regime in study.arms.items():
            course = run_course(changed, seed, people, regime, keep=_tracks(study))
            keep = eligible(study, course) if keep is None else keep
            parts[name].append(read_arm(changed, study, course, keep))
    return {name: _joined(list_) for name, list_ in parts.items()}


def value_names(study: Study) -> list[str]:
    """Names of the means a study asks for, as in `Reading.values`."""
    names = [f"{site}_{month}_months" for site, month in study.bone]
    names += [f"log_{track}_{days}_days" for track, days in study.levels]
    names += [f"{track}_{days}_days" for track, days in study.amounts]
    names += [f"{name}_{month}_months" for name, month in study.metabolic]
    if study.window:
        low, high, months = study.window
        names.append(f"share_of_{months}_months_in_{low:g}_{high:g}")
    return names


def contrast(study: Study, arm: Reading, other: Reading) -> dict[str, Any]:
    """All figures of one arm against another that the study asks for."""
    told: dict[str, Any] = {}
    for name in value_names(study):
        told[name] = contrasts.mean_contrast(
            contrasts.means(arm.values[name], arm.person), contrasts.means(other.values[name], other.person)
        )
    for name in study.events:
        one, zero = (
            contrasts.tally(reading.events[name], reading.death, np.inf, reading.person) for reading in (arm, other)
        )
        told[name] = {
            f"{years}_years": contrasts.event_contrast(one, zero, years)
            for years in HORIZON_STEPS
            if years <= study.years
        }
    return told


def by_stratum(study: Study, arm: Reading, other: Reading) -> dict[str, dict[str, Any]]:
    """The contrast in each stratum of each stratification of a study; the arms hold the same people."""
    return {
        name: {
            str(label): contrast(study, *(reading.take(arm.strata[name] == label) for reading in (arm, other)))
            for label in np.unique(arm.strata[name])
        }
        for name in study.strata
    }


def together(group: list[Study]) -> Study:
    """One study that asks for all that the studies of a group ask, of the same people and arms."""

    def union(name: str) -> tuple:
        return tuple(dict.fromkeys(item for study in group for item in getattr(study, name)))

    windows = [study.window for study in group if study.window]
    return replace(
        group[0],
        years=max(study.years for study in group),
        window=windows[0] if windows else None,
        **{name: union(name) for name in ("bone", "levels", "amounts", "metabolic", "events", "strata")},
    )


def groups(known: dict[str, Study]) -> list[list[str]]:
    """Names of the studies that share people and arms, so that each life is lived once."""
    found: list[list[str]] = []
    for name, study in known.items():
        for group in found:
            first = known[group[0]]
            same = ("changes", "include", "arms", "zero_after", "draw")
            if all(getattr(first, field) == getattr(study, field) for field in same):
                group.append(name)
                break
        else:
            found.append([name])
    return found


def describe(regime: Regime) -> dict[str, Any]:
    """The settings of a regime that differ from the natural course."""
    natural = Regime()
    fields = (name for name in Regime.__dataclass_fields__ if name != "name")
    return {name: getattr(regime, name) for name in fields if getattr(regime, name) != getattr(natural, name)}


def parameters_that_are_answers(p: Parameters) -> dict[str, Any]:
    """Truths that are parameters themselves: nothing needs to be simulated for them."""
    ldl = {name: p.number(f"laboratory.ldl_cholesterol_{name}") for name in ("ai", "tamoxifen", "testosterone")}
    return {
        "e2_threshold": {
            "unit": "pg/mL",
            "postmenopausal_women": p.number("bone.threshold_women"),
            "men": p.number("bone.threshold_men"),
            "slope_above_over_slope_below": p.number("bone.slope_above_threshold"),
            "definition": "bone loses with max(0, ln(threshold / E2)); above it with this share of the slope",
        },
        "ai_metabolic": {
            "log_ldl_on_treatment": ldl,
            "log_insulin_on_inhibitor": p.number("laboratory.insulin_ai"),
            "systolic_pressure_of_men_on_inhibitor": p.number("observation_effect.systolic_ai_men"),
        },
        "symptoms_e2": {
            "men_low_cut": p.number("symptom.low_cut_men"),
            "men_high_cut": p.number("symptom.high_cut_men"),
            "unit": "pg/mL",
        },
        "modifiers": {"rs700518_aa_extra_share_of_bone_effect": p.number("bone.rs700518_aa_extra")},
        "negative_controls": {"every_contrast": "no effect of any drug on the hazard"},
    }


def counterfactual_truth(p: Parameters, seed: int, persons: int) -> dict[str, Any]:
    """What goes into `truth.json`: every study of `studies`, and the truths that are parameters.

    Args:
        p: parameters of the recorded population.
        seed: of the run.
        persons: people drawn for each study; 0 gives an empty table.
    """
    if persons == 0:
        return {}
    told: dict[str, Any] = {
        "persons": persons,
        "definitions": _DEFINITIONS,
        "parameters": parameters_that_are_answers(p),
    }
    known = studies(p)
    found: dict[str, Any] = {}
    for group in groups(known):
        arms = run_study(p, seed, persons, together([known[name] for name in group]))
        for name in group:
            study = known[name]
            found[name] = {
                "population": study.population,
                "kind": study.kind,
                "eligible": int(next(iter(arms.values())).person.size),
                "arms": {arm: describe(regime) for arm, regime in study.arms.items()},
                "contrasts": {
                    f"{arm} vs {other}": contrast(study, arms[arm], arms[other]) for arm, other in study.contrasts
                },
            }
            if study.strata:
                found[name]["by_stratum"] = {
                    f"{arm} vs {other}": by_stratum(study, arms[arm], arms[other]) for arm, other in study.contrasts
                }
    return told | {name: found[name] for name in known}
