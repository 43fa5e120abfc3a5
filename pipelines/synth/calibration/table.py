"""The calibration table: every target beside what the simulator gives.

Here: reading the targets, running the trials, the page. Not here: populations and quantities.
"""

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from pipelines.synth.calibration.populations import TRIALS, enrol
from pipelines.synth.calibration.quantities import compare, measure
from pipelines.synth.mechanism.course import Course, run_course
from pipelines.synth.parameters import Parameters

TARGETS_FILE = Path(__file__).parents[1] / "calibration.toml"
#: groups of people left out in turn for the Monte-Carlo standard error
GROUPS = 10


@dataclass(frozen=True, slots=True)
class Target:
    """One published figure and the band it should fall into."""

    name: str
    split: str  # fit or held_out
    trial: str
    arm: str
    minus: str | None
    quantity: str
    month: float
    published: float
    band: tuple[float, float]
    unit: str
    source: str
    remark: str = ""  # why the mechanism misses it, where it does


@dataclass(frozen=True, slots=True)
class Agreement:
    """A target, what was simulated, and how far chance alone moves that (Monte-Carlo standard error)."""

    target: Target
    simulated: float
    standard_error: float

    @property
    def is_inside(self) -> bool:
        """Inside the band, limits included."""
        return self.is_inside_widened(0.0)

    def is_inside_widened(self, standard_errors: float) -> bool:
        """Inside the band made wider by so many standard errors on each side."""
        margin = standard_errors * self.standard_error
        return self.target.band[0] - margin <= self.simulated <= self.target.band[1] + margin


def read_targets(path: Path = TARGETS_FILE) -> tuple[Target, ...]:
    """The targets in the order of the file.

    Raises:
        ValueError: a target names no known trial, arm or split.
    """
    targets = []
    for name, entry in tomllib.loads(path.read_text(encoding="utf-8")).items():
        low, high = entry.pop("band")
        target = Target(name=name, minus=entry.pop("minus", None), band=(low, high), **entry)
        arms = TRIALS[target.trial].arms if target.trial in TRIALS else {}
        known = target.arm in arms and (target.minus is None or target.minus in arms)
        if not known or target.split not in ("fit", "held_out"):
            raise ValueError(f"target {name} names no known trial, arm or split")
        targets.append(target)
    return tuple(targets)


def calibrate(p: Parameters, seed: int, targets: tuple[Target, ...], scale: float = 1.0) -> tuple[Agreement, ...]:
    """Run every trial the targets need once, and read the targets off.

    Args:
        p: parameters, before the changes of each population.
        seed: of the simulator.
        targets: what to compare with.
        scale: multiplies the numbers screened.
    """
    found: dict[str, Agreement] = {}
    for name in dict.fromkeys(target.trial for target in targets):
        trial = TRIALS[name]
        changed, people = enrol(p, seed, trial, scale)
        wanted = [target for target in targets if target.trial == name]
        used = {target.arm for target in wanted} | {target.minus for target in wanted if target.minus}
        courses: Mapping[str, Course] = {
            arm: run_course(changed, seed, people, trial.arms[arm], keep=trial.keep)
            for arm in trial.arms
            if arm in used
        }
        for target in wanted:
            arm = courses[target.arm]
            minus = courses[target.minus] if target.minus else None
            found[target.name] = _agreement(changed, target, arm, minus)
    return tuple(found[target.name] for target in targets)


def _read_off(p: Parameters, target: Target, arm: Course, minus: Course | None) -> float:
    if minus is None:
        return measure(p, arm, target.quantity, target.month)
    return compare(p, arm, minus, target.quantity, target.month)


def _without(course: Course, group: int) -> Course:
    """The course without every tenth person; the plan, which no quantity reads, is left whole."""
    kept = np.nonzero(course.people.person % GROUPS != group)[0]
    return replace(
        course,
        people=course.people.take(kept),
        tracks={name: track[..., kept] for name, track in course.tracks.items()},
        event_day=course.event_day[:, kept],
        second_fracture_day=course.second_fracture_day[:, kept],
        ai_reason=course.ai_reason[kept],
    )


def _agreement(p: Parameters, target: Target, arm: Course, minus: Course | None) -> Agreement:
    """The value, and its standard error by the grouped jackknife; the arms share their people, so groups are paired."""
    parts = [
        _read_off(p, target, _without(arm, group), _without(minus, group) if minus else None) for group in range(GROUPS)
    ]
    error = float(np.sqrt((GROUPS - 1) / GROUPS * np.sum((np.array(parts) - np.mean(parts)) ** 2)))
    return Agreement(target, _read_off(p, target, arm, minus), error)


def stamp(p: Parameters) -> str:
    """What a page was made from: digests of the parameters and of the targets; another stamp means a stale page."""
    targets = hashlib.sha256(TARGETS_FILE.read_bytes()).hexdigest()
    return f"Parameters {p.fingerprint()[:12]}, targets {targets[:12]}."


_HEAD = """# Calibration of the simulator

Written by `python -m pipelines.synth.calibration`; do not edit. Published figures beside what the mechanism gives in
trial-like populations under forced arms. The split into *fit* and *held out* stands in
`pipelines/synth/calibration.toml` and was made before tuning; held-out figures are reported whatever they say.
This is face validity and nothing more: agreement does not make the mechanism right, and each figure outside its band
says where it must not be trusted. Bands of the held-out figures are published intervals where the source gave one.
MC SE is the Monte-Carlo standard error of the simulated figure (jackknife over ten groups of people).
"""


def page(agreements: tuple[Agreement, ...], seed: int, p: Parameters) -> str:
    """The table as Markdown, and below it what is outside and why."""
    lines = [_HEAD, f"Seed {seed}. {stamp(p)}", ""]
    for split, title in (("fit", "Used to tune"), ("held_out", "Held out")):
        rows = [a for a in agreements if a.target.split == split]
        lines += [
            f"## {title}: {sum(a.is_inside for a in rows)} of {len(rows)} inside",
            "",
            "| target | source | unit | published | simulated | MC SE | band | |",
            "|---|---|---|---:|---:|---:|---|---|",
            *(_line(a) for a in rows),
            "",
        ]
    lines += ["## Outside, and why", ""]
    lines += [
        f"- **{_title(a.target)}** ({a.target.split.replace('_', ' ')}): "
        f"{a.target.remark or 'not explained; do not rely on it.'}"
        for a in agreements
        if not a.is_inside
    ]
    return "\n".join(lines) + "\n"


def _title(target: Target) -> str:
    return target.name.replace("_", " ")


def _line(a: Agreement) -> str:
    t = a.target
    verdict = "inside" if a.is_inside else "**outside**"
    return (
        f"| {_title(t)} | {t.source} | {t.unit} | {t.published:g} | {a.simulated:.2f} | {a.standard_error:.2f} "
        f"| {t.band[0]:g} to {t.band[1]:g} | {verdict} |"
    )
