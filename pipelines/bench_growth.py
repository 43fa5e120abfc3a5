"""How the cost of a run grows with people: exponents fitted over measurements of several sizes, and their picture.

Cost is CPU time of all processes: wall time of small runs is mostly waiting for workers to start. One size is for `bench`.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipelines.bench import SCAN, Measurement, Stage
from pipelines.errors import BadInput

#: below this share of a run at its largest size, a stage's exponent says little
LEAST_SHARE = 0.01


@dataclass(frozen=True, slots=True)
class Growth:
    """Cost of one phase or stage as a power of people: `exponent` over all sizes, and between the two largest."""

    name: str
    exponent: float
    exponent_at_the_end: float
    share: float


@dataclass(frozen=True, slots=True)
class Curve:
    """Measurements by size, ascending, and how phases and the stages that matter grow between them."""

    measurements: tuple[Measurement, ...]
    growth: tuple[Growth, ...]

    def as_json(self) -> str:
        """The curve as JSON."""
        return json.dumps(asdict(self), indent=1) + "\n"


def curve(measurements: Sequence[Measurement]) -> Curve:
    """Exponents by least squares of log CPU seconds on log persons.

    Raises:
        BadInput: fewer than two sizes.
    """
    ordered = tuple(sorted(measurements, key=lambda one: one.persons))
    if len({one.persons for one in ordered}) < 2:
        raise BadInput("growth needs measurements of two sizes at least: repeat --persons")
    persons = [one.persons for one in ordered]
    total = ordered[-1].phases[-1].cpu_seconds
    costs = [{stage.name: stage.cpu_seconds for stage in _told(one)} for one in ordered]
    found = []
    for name, last in costs[-1].items():
        seconds = [cost.get(name, 0.0) for cost in costs]
        if last >= LEAST_SHARE * total and min(seconds) > 0:
            found.append(Growth(name, _slope(persons, seconds), _slope(persons[-2:], seconds[-2:]), last / total))
    return Curve(ordered, tuple(found))


def read(path: Path) -> tuple[Measurement, ...]:
    """Measurements that were written before: of one size, or of a curve.

    Raises:
        BadInput: the file is missing or holds none.
    """
    try:
        told = json.loads(path.read_text())
        return tuple(_measurement(each) for each in told.get("measurements", [told]))
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise BadInput(
            f"{path}: no measurement that `trabecula bench --json` wrote ({type(error).__name__}): measure that size again"
        ) from None


def _measurement(told: dict[str, Any]) -> Measurement:
    rows: dict[str, Any] = {name: tuple(Stage(**each) for each in told[name]) for name in ("phases", "stages")}
    return Measurement(**told | rows)


def _told(measured: Measurement) -> tuple[Stage, ...]:
    """Phases, and stages that are not one themselves."""
    return (*measured.phases, *(stage for stage in measured.stages if "." in stage.name or stage.name == SCAN))


def _slope(persons: Sequence[int], seconds: Sequence[float]) -> float:
    slope = np.polyfit([math.log(n) for n in persons], [math.log(s) for s in seconds], 1)[0]
    return round(float(slope), 3)


def draw(found: Curve, path: Path) -> None:
    """CPU seconds of every phase against people, both on log scales, with a line of slope 1 to hold them against."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.6), layout="constrained")
    axes = figure.add_subplot()
    persons = [one.persons for one in found.measurements]
    exponents = {growth.name: growth.exponent for growth in found.growth}
    names = [phase.name for phase in found.measurements[-1].phases]
    for name in names:
        seconds = [next(p.cpu_seconds for p in one.phases if p.name == name) for one in found.measurements]
        told = f"{name}: n^{exponents[name]:.2f}" if name in exponents else name
        axes.plot(persons, seconds, marker="o", label=told, linewidth=2.2 if name == "total" else 1.2)
    scans = [one.stages[0].cpu_seconds for one in found.measurements]
    axes.plot(persons, scans, marker="s", color="black", linestyle="--", label="one scan of the input")
    first = found.measurements[0].phases[-1].cpu_seconds
    axes.plot(persons, [first * n / persons[0] for n in persons], color="grey", linewidth=0.8, label="slope 1")
    axes.set(xscale="log", yscale="log", xlabel="people", ylabel="CPU seconds")
    axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    axes.grid(visible=True, which="major", linewidth=0.3)
    figure.savefig(path, dpi=130, metadata={"Software": None})
