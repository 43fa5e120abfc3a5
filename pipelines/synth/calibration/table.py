"""The calibration table: every target beside what the simulator gives.

Here: reading the targets, running the trials, the page. Not here: populations and quantities.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pipelines.synth.calibration.populations import TRIALS, enrol
from pipelines.synth.calibration.quantities import compare, measure
from pipelines.synth.mechanism.course import Course, run_course
from pipelines.synth.parameters import Parameters

TARGETS_FILE = Path(__file__).parents[1] / "calibration.toml"


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


@dataclass(frozen=True, slots=True)
class Agreement:
    """A target and what was simulated."""

    target: Target
    simulated: float

    @property
    def is_inside(self) -> bool:
        """Inside the band, limits included."""
        return self.target.band[0] <= self.simulated <= self.target.band[1]


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
            if target.minus is None:
                value = measure(changed, arm, target.quantity, target.month)
            else:
                value = compare(changed, arm, courses[target.minus], target.quantity, target.month)
            found[target.name] = Agreement(target, value)
    return tuple(found[target.name] for target in targets)


def page(agreements: tuple[Agreement, ...], seed: int, fingerprint: str) -> str:
    """The table as Markdown."""
    lines = [
        "# Calibration of the simulator",
        "",
        "Written by `python -m pipelines.synth.calibration`; do not edit. Published figures beside what the mechanism gives in",
        "trial-like populations under forced arms. The split into *fit* and *held out* stands in",
        "`pipelines/synth/calibration.toml` and was made before tuning; held-out figures are reported whatever they say.",
        "This is face validity and nothing more: agreement does not make the mechanism right, and each figure outside its band",
        "says where it must not be trusted. Bands of the held-out figures are published intervals where the source gave one.",
        "",
        f"Seed {seed}; parameters {fingerprint[:12]}.",
        "",
    ]
    for split, title in (("fit", "Used to tune"), ("held_out", "Held out")):
        rows = [a for a in agreements if a.target.split == split]
        inside = sum(a.is_inside for a in rows)
        lines += [
            f"## {title}: {inside} of {len(rows)} inside",
            "",
            "| target | source | unit | published | simulated | band | |",
            "|---|---|---|---:|---:|---|---|",
        ]
        for a in rows:
            t = a.target
            name = t.name.replace("_", " ")
            band = f"{t.band[0]:g} to {t.band[1]:g}"
            verdict = "inside" if a.is_inside else "**outside**"
            lines.append(
                f"| {name} | {t.source} | {t.unit} | {t.published:g} | {a.simulated:.2f} | {band} | {verdict} |"
            )
        lines.append("")
    return "\n".join(lines)
