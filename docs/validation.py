"""The page of validation: published values beside ours, known truths given back, naive forms that fail, what is missing.

`python docs/validation.py --published DIR` computes our values anew (DIR holds `published_values.csv` and its data sets) into
`validation.json`; without it, as in `make docs`, the tables of `validation.md` are made of what is frozen there and in
`tests/recovery/engine_figures.json` and `trial_anchors.json`.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import validation_published as published  # noqa: E402
import validation_recovered as recovered  # noqa: E402

JSON, PAGE = HERE / "validation.json", HERE / "validation.md"


def values(rows: list[dict[str, Any]]) -> str:
    """Published values, ours, and the tolerance of the row."""
    lines = [
        "| row | data | quantity | published | ours | tolerance | source | also held by |",
        "|---|---|---|---:|---:|---:|---|---|",
    ]
    for row in rows:
        ours = row["why_not"] if row["ours"] is None else numbers(row["ours"])
        tolerance = f"{row['tolerance']:g}{' relative' if row['is_relative'] else ''}"
        cells = [row["id"], row["data"], row["quantity"], numbers(row["published"]), ours, tolerance, row["source"]]
        held = f"`{row['test']}`" if row["test"] else ""
        lines.append(f"| {' | '.join(cells)} | {held} |")
    return "\n".join(lines)


def numbers(found: list[float]) -> str:
    return ", ".join(f"{each:.8g}".replace("-", recovered.MINUS) for each in found)


def with_tables(text: str, rows: list[dict[str, Any]]) -> str:
    """A page with the tables put between its marks."""
    told = recovered.cases()
    tables = {
        "published": values(rows),
        "whole": recovered.whole(told),
        "kills": recovered.kills(told),
        "naive": recovered.naive(told),
        "self-tests": recovered.self_tests(told),
        "anchors": recovered.anchors(told),
    }
    for name, table in tables.items():
        begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
        before, _, rest = text.partition(begin)
        text = f"{before}{begin}\n\n{table}\n\n{end}{rest.partition(end)[2]}"
    return text


def main() -> None:
    """Command line."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--published", type=Path, help="holds published_values.csv: compute our values anew")
    folder = asked.parse_args().published
    if folder is not None:
        if not (folder / "published_values.csv").is_file():
            sys.exit(f"{folder} does not hold published_values.csv: give the folder of the published values")
        JSON.write_text(json.dumps(published.told(folder), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    rows = json.loads(JSON.read_text(encoding="utf-8"))
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8"), rows), encoding="utf-8")


if __name__ == "__main__":
    main()
