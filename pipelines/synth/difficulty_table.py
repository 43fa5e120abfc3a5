"""The table of naive against truth: all difficulties off, and each on alone; as JSON and as a page.

`python -m pipelines.synth.difficulty_table` computes it afresh (minutes); tests and docs hold the result.
"""

import argparse
import json
import multiprocessing
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from pipelines.synth.comparisons import COMPARISONS
from pipelines.synth.difficulties import SPOILS, gaps, with_only
from pipelines.synth.parameters import load_parameters
from pipelines.worker import end_with_parent

SEED, TRUTH_SEED = 1, 2
OFF = "all off"
#: people behind the naive estimates of each row group; the bias of a change of assays needs more to be seen
PEOPLE = {OFF: 200_000} | dict.fromkeys(SPOILS, 300_000) | {"assay_scanner_changes": 900_000}
TRUTH_PERSONS = 60_000
BEGIN, END = "<!-- table: begin -->", "<!-- table: end -->"
Job = tuple[str, int, int]


def scenario(job: Job) -> dict[str, Any]:
    """One row group of the table: name of the difficulty (or OFF), people of the naive cohorts, people of the truths."""
    name, persons, truth_persons = job
    p = with_only(load_parameters(), None if name == OFF else name)
    wanted = set(COMPARISONS) if name == OFF else set(SPOILS[name])
    found = gaps(p, wanted, persons, truth_persons, SEED, TRUTH_SEED)
    return {
        "persons": persons,
        "truth_persons": truth_persons,
        "comparisons": {key: gap.as_json() for key, gap in found.items()},
    }


def compute(people: Mapping[str, int], truth_persons: int, processes: int = 1) -> dict[str, Any]:
    """The whole table, or some row groups of it, ready for JSON.

    Args:
        people: row group (OFF or a difficulty) to the number behind each of its naive estimates.
        truth_persons: behind each truth.
        processes: at a time.
    """
    jobs = [(name, persons, truth_persons) for name, persons in people.items()]
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=context, initializer=end_with_parent) as pool:
        found = dict(zip((job[0] for job in jobs), pool.map(scenario, jobs), strict=True))
    sha256 = load_parameters().fingerprint()
    return {"seed": SEED, "truth_seed": TRUTH_SEED, "parameters_sha256": sha256, "scenarios": found}


def page(told: dict[str, Any]) -> str:
    """The table as Markdown."""
    lines = [
        "| difficulty | estimand | naive analysis | unit | people | truth | naive | bias | SE of bias | bias / SE |",
        "|---|---|---|---|---:|---:|---:|---:|---:|---:|",
    ]
    for name, group in told["scenarios"].items():
        for key, gap in group["comparisons"].items():
            c = COMPARISONS[key]
            figures = [gap["truth"]["value"], gap["naive"]["value"], gap["bias"], gap["standard_error"]]
            shown = " | ".join(f"{figure:.3f}" for figure in figures)
            title = name.replace("_", " ")
            ratio = gap["bias"] / gap["standard_error"]
            people = f"{group['persons']:,}"
            lines.append(f"| {title} | {c.estimand} | {c.naive} | {c.unit} | {people} | {shown} | {ratio:.1f} |")
    others = max(group["truth_persons"] for group in told["scenarios"].values())
    lines += ["", f"Behind each truth {others:,} other people. Parameters {told['parameters_sha256'][:12]}."]
    return "\n".join(lines)


def with_table(text: str, told: dict[str, Any]) -> str:
    """A page with the table put between its marks."""
    before, _, rest = text.partition(BEGIN)
    return f"{before}{BEGIN}\n\n{page(told)}\n\n{END}{rest.partition(END)[2]}"


def main() -> None:
    """Command line."""
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("--truth-persons", type=int, default=TRUTH_PERSONS)
    reader.add_argument("--processes", type=int, default=2)
    reader.add_argument("--only", nargs="*", choices=(OFF, *SPOILS), help="row groups to compute; the others stay")
    reader.add_argument("--out", type=Path, default=Path("tests/recovery/synth/difficulties.json"))
    reader.add_argument("--page", type=Path, default=Path("docs/simulator-truth.md"))
    wish = reader.parse_args()
    people = {name: PEOPLE[name] for name in wish.only or PEOPLE}
    told = compute(people, wish.truth_persons, wish.processes)
    if wish.only:
        before = json.loads(wish.out.read_text(encoding="utf-8"))
        if before["parameters_sha256"] != told["parameters_sha256"]:
            raise SystemExit("the parameters have changed: compute the whole table, without --only")
        told = before | {"scenarios": before["scenarios"] | told["scenarios"]}
    wish.out.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    wish.page.write_text(with_table(wish.page.read_text(encoding="utf-8"), told), encoding="utf-8")


if __name__ == "__main__":
    main()
