"""False alarms on clean data: simulated people without planted faults, several seeds, and the critical rules that failed.

Each seed goes the way of a run without the framework around it: simulate with no mess, land, every step, every suite.
`python docs/clean_seeds.py --work DIR [--seeds 1 20] [--persons 300]` adds each seed to `clean-seeds.json` as it ends, with
a hash of every suite it was judged by; results of other suites are dropped. Nothing of a person is kept there, only counts.
With `--keep` the home of each seed stays in the folder: the next time only what changed is made again, and where only suites
did, the people are simulated and judged, and nothing is built.
`--page` writes the table of docs/quality-verdicts.md from what is frozen, and judges nothing.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path
from typing import Any

from expectations.judge import CheckResult
from expectations.record import is_blocking, judge_all
from expectations.suite import all_tables, load
from pipelines import plan
from pipelines.run import Run
from pipelines.settings import Settings
from pipelines.synth.mechanism.simulate import simulate
from pipelines.synth.omop.simulate import Request, write_population
from pipelines.synth.parameters import load_parameters

JSON = Path(__file__).with_name("clean-seeds.json")
PAGE = Path(__file__).with_name("quality-verdicts.md")
BEGIN, END = "<!-- clean: begin -->", "<!-- clean: end -->"
PERSONS, SEEDS = 300, (1, 20)


def suites() -> dict[str, str]:
    """Hash of each suite: what is asked, of which rows, and every threshold."""
    return {table: load(table).fingerprint[:16] for table in all_tables()}


def judged(seed: int, persons: int, work: Path, threads: int = 1, *, keep: bool = False) -> tuple[CheckResult, ...]:
    """The verdicts on clean people of one seed; a home that was kept is brought up to date, any other is removed again."""
    if not keep:
        shutil.rmtree(work, ignore_errors=True)
    write_population(Request(work / "sim", persons, seed, "none"), load_parameters(), simulate)
    settings = Settings(home=work / "home", source="omop", folder=str(work / "sim" / "omop"), threads=threads)
    with Run(settings) as run:
        run.land()
        for step in plan.steps():
            run.step(step)
    found = judge_all(settings)
    if not keep:
        shutil.rmtree(work)
    return found


def summary(found: tuple[CheckResult, ...]) -> dict[str, Any]:
    """How many verdicts of each kind, and the rules that failed: critical ones by stratum, others by name."""
    whole = [result for result in found if result.status in ("fail", "could_not_evaluate")]
    return {
        "verdicts": len(found),
        "evaluable": sum(result.status in ("pass", "fail") for result in found),
        "critical_evaluable": sum(r.severity == "critical" and r.status in ("pass", "fail") for r in found),
        "critical_not_passed": sorted(f"{r.check_id} [{r.stratum}] {r.status}" for r in whole if is_blocking(r)),
        "others_not_passed": sorted({r.check_id for r in whole if not is_blocking(r)}),
    }


def page(told: dict[str, Any]) -> str:
    """The table as Markdown, and how many seeds stand behind it."""
    critical = sum(len(found["critical_not_passed"]) for found in told["seeds"].values())
    lines = [
        f"{len(told['seeds'])} seeds of {told['persons']} people each: {critical} critical verdicts did not pass.",
        "",
        "| seed | verdicts | evaluable | of them critical | critical not passed | other rules not passed |",
        "|---:|---:|---:|---:|---:|---:|",
    ]
    for seed, found in told["seeds"].items():
        counts = [f"{found[key]:,}" for key in ("verdicts", "evaluable", "critical_evaluable")]
        counts += [str(len(found[key])) for key in ("critical_not_passed", "others_not_passed")]
        lines.append(f"| {seed} | {' | '.join(counts)} |")
    return "\n".join(lines)


def with_table(text: str, told: dict[str, Any]) -> str:
    """A page with the table put between its marks."""
    before, _, rest = text.partition(BEGIN)
    return f"{before}{BEGIN}\n\n{page(told)}\n\n{END}{rest.partition(END)[2]}"


def main() -> None:
    """Command line."""
    asked = argparse.ArgumentParser(description=__doc__)
    wish = asked.add_mutually_exclusive_group(required=True)
    wish.add_argument("--work", type=Path, help="folder whose `seed-N` may be emptied")
    wish.add_argument("--page", action="store_true")
    asked.add_argument("--keep", action="store_true", help="leave the home of each seed, to judge it again")
    asked.add_argument("--seeds", type=int, nargs=2, default=SEEDS)
    asked.add_argument("--persons", type=int, default=PERSONS)
    asked.add_argument("--out", type=Path, default=JSON)
    given = asked.parse_args()
    if given.page:
        told = json.loads(JSON.read_text(encoding="utf-8"))
        PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8"), told), encoding="utf-8")
        return
    fresh = {"persons": given.persons, "mess": "none", "suites": suites(), "seeds": {}}
    for seed in range(given.seeds[0], given.seeds[1] + 1):
        found = summary(judged(seed, given.persons, given.work / f"seed-{seed}", keep=given.keep))
        told = json.loads(given.out.read_text(encoding="utf-8")) if given.out.exists() else fresh
        if {**told, "seeds": {}} != fresh:
            told = fresh
        seeds = told["seeds"] | {str(seed): found}
        told["seeds"] = dict(sorted(seeds.items(), key=lambda item: int(item[0])))
        given.out.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
