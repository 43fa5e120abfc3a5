"""Where the time of a run goes: the tables of docs/performance.md from frozen measurements of several sizes.

Measure on a quiet machine: `trabecula bench --persons 3000 --persons 12000 --json
docs/benchmarks/growth.json --plot docs/images/growth.png`; then `python docs/performance.py` writes the tables anew.
Ratios are of CPU seconds of all processes, which other work on the machine moves less than those of the clock. The tables of
plain scripts are those of `docs/benchmarks/straightforward.json`, which `straightforward.py` beside it writes, that of start-up
those of `start_up.json`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
JSON, PAGE = HERE / "benchmarks" / "growth.json", HERE / "performance.md"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
COSTLIEST = 12
YARDSTICKS = HERE / "benchmarks" / "straightforward.json"
BEGIN_YARDSTICKS, END_YARDSTICKS = "<!-- yardsticks: begin -->", "<!-- yardsticks: end -->"
START_UP = HERE / "benchmarks" / "start_up.json"
BEGIN_START_UP, END_START_UP = "<!-- start-up: begin -->", "<!-- start-up: end -->"


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


def yardsticks(told: dict[str, Any]) -> str:
    """What plain scripts cost for the same results: a table a size, in scans of all inputs and as ratios to our steps."""
    versions = ", ".join(f"{name} {version}" for name, version in told["versions"].items())
    lines = [
        f"Measured on {told['measured_on']}, {told['machine']}, {told['threads']} threads, load {told['load_before']} before; "
        f"{versions}."
    ]
    if not told["scan_is_of_the_same_run"]:
        lines.append("The scan alone was measured again, right after the others.")
    for size in told["sizes"]:
        scan = size["parts"]["all"]["scan"]["cpu_s"]
        lines += [
            "",
            f"{size['persons']:,} people, {size['rows_read']:,} rows read, {size['rounds']} rounds; one scan of all inputs is 1:",
            "",
            "| part | ours | pandas | Polars | pandas / ours | Polars / ours | the same by the clock | most memory, GiB |",
            "|---|---:|---:|---:|---:|---:|---:|---:|",
        ]
        for name, part in size["parts"].items():
            ours, *scripts = (part[kind] for kind in ("ours", "pandas", "polars"))
            scans = " | ".join(f"{each['cpu_s'] / scan:.1f}" for each in (ours, *scripts))
            ratios = " | ".join(f"{each['cpu_s'] / ours['cpu_s']:.2f}" for each in scripts)
            clock = ", ".join(f"{each['wall_s'] / ours['wall_s']:.2f}" for each in scripts)
            memory = ", ".join(f"{each['peak_mib'] / 1024:.1f}" for each in (ours, *scripts))
            lines.append(f"| {name} | {scans} | {ratios} | {clock} | {memory} |")
    return "\n".join(lines)


def start_up(told: dict[str, Any]) -> str:
    """What processes cost before they work, in imports of Dagster, and what Dagster adds to an asset or check."""
    processes = told["processes"]
    unit = processes["import dagster"]["cpu_s"]
    lines = [
        f"Measured on {told['measured_on']}, {told['machine']}, load {told['load_average']:.1f}; the middle of {told['rounds']} "
        f"rounds, CPU time of whole processes. Importing Dagster is 1; a home of {told['persons']} people.",
        "",
        "| process | imports of Dagster | seconds there |",
        "|---|---:|---:|",
        *(f"| {name} | {each['cpu_s'] / unit:.1f} | {each['cpu_s']:.1f} |" for name, each in processes.items()),
        "",
        f"A second run that finds nothing changed tells of {told['assets']} assets and {told['checks']:,} checks. Dagster's part "
        f"of it, less loading the definitions, is {told['overhead_ms_per_asset_or_check']:.0f} ms each.",
    ]
    return "\n".join(lines)


def with_tables(text: str, told: dict[str, Any]) -> str:
    """A page with the tables put between its marks."""
    return _between(text, BEGIN, END, page(told))


def with_yardsticks(text: str, told: dict[str, Any]) -> str:
    """A page with the tables of plain scripts put between their marks."""
    return _between(text, BEGIN_YARDSTICKS, END_YARDSTICKS, yardsticks(told))


def with_start_up(text: str, told: dict[str, Any]) -> str:
    """A page with the table of start-up put between its marks."""
    return _between(text, BEGIN_START_UP, END_START_UP, start_up(told))


def _between(text: str, begin: str, end: str, tables: str) -> str:
    before, _, rest = text.partition(begin)
    return f"{before}{begin}\n\n{tables}\n\n{end}{rest.partition(end)[2]}"


if __name__ == "__main__":
    shown = PAGE.read_text(encoding="utf-8")
    shown = with_tables(shown, json.loads(JSON.read_text(encoding="utf-8")))
    shown = with_yardsticks(shown, json.loads(YARDSTICKS.read_text(encoding="utf-8")))
    shown = with_start_up(shown, json.loads(START_UP.read_text(encoding="utf-8")))
    PAGE.write_text(shown, encoding="utf-8")
