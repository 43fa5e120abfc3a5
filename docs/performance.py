"""Where the time of a run goes: the tables of docs/performance.md from frozen measurements of several sizes.

Measure on a quiet machine: `trabecula bench --persons 3000 --persons 12000 --json
docs/benchmarks/growth.json --plot docs/images/growth.png`; then `python docs/performance.py` writes the tables anew.
Ratios are of CPU seconds of all processes, which other work on the machine moves less than those of the clock.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
JSON, PAGE = HERE / "benchmarks" / "growth.json", HERE / "performance.md"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
COSTLIEST = 12


def page(told: dict[str, Any]) -> str:
    """The tables as Markdown: phases by size, how they grow, and the costliest steps at the largest size."""
    sizes = told["measurements"]
    grown = {growth["name"]: growth for growth in told["growth"]}
    last = sizes[-1]
    heads = [f"{one['persons']:,} people" for one in sizes]
    rows = ", ".join(f"{one['rows']:,}" for one in sizes)
    lines = [
        f"Rows of the input: {rows}. One scan of it is 1. {last['machine']['threads']} threads, "
        f"{last['machine']['memory_gb']} GB allowed; DuckDB {last['versions']['duckdb']}, Polars {last['versions']['polars']}, "
        f"Python {last['machine']['python']}.",
        "",
        f"| phase | {' | '.join(heads)} | grows with people to the power of | between the two largest | most memory, GiB |",
        f"|---|{'---:|' * (len(sizes) + 3)}",
    ]
    for name in (phase["name"] for phase in last["phases"]):
        told_of = [ratio(one, name) for one in sizes]
        growth = grown.get(name)
        powers = [f"{growth[key]:.2f}" if growth else "" for key in ("exponent", "exponent_at_the_end")]
        memory = next(phase["peak_memory_mib"] for phase in last["phases"] if phase["name"] == name) / 1024
        lines.append(
            f"| {name} | {' | '.join(f'{each:,.0f}' for each in told_of)} | {' | '.join(powers)} | {memory:.1f} |"
        )
    steps = sorted(
        (s for s in last["stages"] if s["name"] != last["stages"][0]["name"]), key=lambda s: -s["cpu_seconds"]
    )
    total = last["phases"][-1]["cpu_seconds"]
    lines += ["", f"The costliest steps at {last['persons']:,} people:", ""]
    lines += [
        "| step | share of the run | scans | grows with people to the power of | most memory, GiB |",
        "|---|---:|---:|---:|---:|",
    ]
    for step in steps[:COSTLIEST]:
        power = f"{grown[step['name']]['exponent']:.2f}" if step["name"] in grown else ""
        lines.append(
            f"| `{step['name']}` | {step['cpu_seconds'] / total:.0%} | {ratio(last, step['name']):,.1f} | "
            f"{power} | {step['peak_memory_mib'] / 1024:.1f} |"
        )
    return "\n".join(lines)


def ratio(one: dict[str, Any], name: str) -> float:
    """CPU seconds of a phase or step over those of the scan, at one size."""
    found = {stage["name"]: stage["cpu_seconds"] for stage in (*one["stages"], *one["phases"])}
    return found[name] / one["stages"][0]["cpu_seconds"]


def with_tables(text: str, told: dict[str, Any]) -> str:
    """A page with the tables put between its marks."""
    before, _, rest = text.partition(BEGIN)
    return f"{before}{BEGIN}\n\n{page(told)}\n\n{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    measured = json.loads(JSON.read_text(encoding="utf-8"))
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8"), measured), encoding="utf-8")
