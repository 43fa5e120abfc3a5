"""What the command line said of the quality of a data set: verdicts of a home as JSON, and as tables of a page of docs.

Judge a data set first: `trabecula run --source omop --input DIR --home HOME` (or `--source nhanes`), published or stopped by
a check. Then `python docs/quality_verdicts.py --home HOME --name NAME` adds it to `quality-verdicts.json` and writes the
tables of the page anew. Counts are those of a release: what is counted of fewer rows than the smallest cell is hidden.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import polars as pl

from pipelines.settings import Settings
from pipelines.warehouse.released_quality import WHOLE_STRATUM, hidden
from pipelines.warehouse.store import Store

HERE = Path(__file__).parent
JSON, PAGE = HERE / "quality-verdicts.json", HERE / "quality-verdicts.md"
MIN_CELL = 11
BEGIN, END = "<!-- verdicts: begin -->", "<!-- verdicts: end -->"
NOT_PASSED = ("fail", "could_not_evaluate")


def summary(verdicts: pl.DataFrame) -> dict[str, Any]:
    """Of rows of `mart.quality_result`: how many verdicts of each status, and every rule that did not pass as a whole."""
    plain = verdicts.with_columns(pl.col("status", "severity").cast(pl.String))
    whole = plain.filter(pl.col("stratum") == WHOLE_STRATUM)
    failed = hidden(plain, MIN_CELL).filter(pl.col("stratum") == WHOLE_STRATUM, pl.col("status").is_in(NOT_PASSED))
    is_critical = pl.col("severity") == "critical"
    return {
        "rules": whole["check_id"].n_unique(),
        "rules_not_asked": whole.filter(pl.col("status") == "not_applicable").height,
        "verdicts": plain.height,
        "evaluable": plain.filter(pl.col("status").is_in(["pass", "fail"])).height,
        "passed": plain.filter(pl.col("status") == "pass").height,
        "critical_not_passed": plain.filter(is_critical, pl.col("status").is_in(NOT_PASSED)).height,
        "not_passed": failed.sort("check_id")
        .select("check_id", "severity", "status", "n_violated", "n_evaluated")
        .to_dicts(),
    }


def page(told: dict[str, Any]) -> str:
    """The tables as Markdown: one of all data sets, one of the rules that did not pass."""
    lines = [
        "| data set | rules | of them not asked | verdicts | evaluable | passed | critical not passed |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    keys = ("rules", "rules_not_asked", "verdicts", "evaluable", "passed", "critical_not_passed")
    lines += [f"| {name} | {' | '.join(f'{found[key]:,}' for key in keys)} |" for name, found in told.items()]
    lines += [
        "",
        "| data set | rule that did not pass as a whole | severity | violated | asked |",
        "|---|---|---|---:|---:|",
    ]
    for name, found in told.items():
        for row in found["not_passed"]:
            counts = [f"{row[key]:,}" if row[key] is not None else "hidden" for key in ("n_violated", "n_evaluated")]
            lines.append(f"| {name} | `{row['check_id']}` | {row['severity']} | {' | '.join(counts)} |")
    return "\n".join(lines)


def with_tables(text: str, told: dict[str, Any]) -> str:
    """A page with the tables put between its marks."""
    before, _, rest = text.partition(BEGIN)
    return f"{before}{BEGIN}\n\n{page(told)}\n\n{END}{rest.partition(END)[2]}"


def main() -> None:
    """Command line."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--home", type=Path, required=True)
    asked.add_argument("--name", required=True, help="how the page calls the data set")
    given = asked.parse_args()
    told = json.loads(JSON.read_text(encoding="utf-8")) if JSON.exists() else {}
    found = Store(Settings(home=given.home)).scan("mart.quality_result").collect()
    told[given.name] = summary(found) | {"judged_on": time.strftime("%Y-%m-%d")}
    JSON.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8"), told), encoding="utf-8")


if __name__ == "__main__":
    main()
