"""The claims ledger as a page: `mart.claim` of a home as JSON, and the tables of `claims.md` made anew from it.

Make a home first: `trabecula run --source nhanes --input DIR --home HOME`, or `trabecula simulate` and `trabecula run --source
omop`. Then `python docs/claims.py --home HOME --name NAME` adds it to `claims.json` and writes the tables of the page.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import polars as pl

from pipelines.settings import Settings
from pipelines.trials.claim_rule import claim_rules
from pipelines.warehouse.store import Store

HERE = Path(__file__).parent
JSON, PAGE = HERE / "claims.json", HERE / "claims.md"
BEGIN, END = "<!-- claims: begin -->", "<!-- claims: end -->"
#: what the published answers lead one to expect of a survey: nothing on dosing, a threshold or a change over time
EXPECTED_OF_SURVEY = {"H7": "contradicted"}
RECOVERIES = ("recovered", "missed", "false_alarm")
_KEPT = (
    *("claim_id", "part_code", "estimate", "ci_low", "ci_high", "confidence_pct", "delta", "verdict", "claim_verdict"),
    *("recovery", "truth", "why"),
)


def frozen(ledger: pl.DataFrame) -> dict[str, Any]:
    """What the page keeps of a ledger: figures to four significant digits."""
    codes = [name for name, dtype in ledger.schema.items() if dtype == pl.Enum]
    plain = ledger.with_columns(pl.col(codes).cast(pl.String), pl.col(pl.Float64).round_sig_figs(4))
    return {
        "evidence_source": plain["evidence_source"][0],
        "rules_hash": plain["rules_hash"][0],
        "parts": plain.sort("claim_id", "part_code").select(_KEPT).to_dicts(),
    }


def page(told: dict[str, Any]) -> str:
    """The tables as Markdown: the claims with what each home found, then every part with an answer or a truth."""
    surveys = {name: found for name, found in told.items() if found["evidence_source"] != "simulated"}
    simulated = {name: found for name, found in told.items() if found["evidence_source"] == "simulated"}
    heads = [f"{name}: found" for name in surveys] + [f"{name}: recovery of its parts" for name in simulated]
    lines = [f"| | claim | published | expected of a survey | {' | '.join(heads)} |", "|---" * (4 + len(told)) + "|"]
    for claim in claim_rules().claims:
        cells = [_words(_parts(found, claim.id)[0]["claim_verdict"]) for found in surveys.values()]
        cells += [_recoveries(_parts(found, claim.id)) for found in simulated.values()]
        expected = _words(EXPECTED_OF_SURVEY.get(claim.id, "not_answerable"))
        lines.append(f"| {claim.id} | {claim.claim} | {claim.published} | {expected} | {' | '.join(cells)} |")
    for name, found in told.items():
        lines += ["", *_answers(name, found)]
    return "\n".join(lines)


def _answers(name: str, found: dict[str, Any]) -> list[str]:
    is_simulated = found["evidence_source"] == "simulated"
    shown = [row for row in found["parts"] if row["estimate"] is not None or row["truth"] is not None]
    shown.sort(key=lambda row: (int(row["claim_id"][1:]), row["part_code"]))
    told = "truth | recovery" if is_simulated else "verdict"
    lines = [
        f"{name}, rules `{found['rules_hash']}`: parts with an answer{' or a truth' if is_simulated else ''}.",
        "",
        f"| claim and part | estimate | adjusted interval | confidence, % | smallest of interest | {told} | why |",
        "|---|---:|---|---:|---:|" + ("---:|---|---|" if is_simulated else "---|---|"),
    ]
    for row in shown:
        answer = [_figure(row["truth"]), _words(row["recovery"])] if is_simulated else [_words(row["verdict"])]
        interval = "" if row["estimate"] is None else f"{_figure(row['ci_low'])} to {_figure(row['ci_high'])}"
        cells = [f"{row['claim_id']} {row['part_code'].replace('_', ' ')}", _figure(row["estimate"]), interval]
        cells += [_figure(row["confidence_pct"]), _figure(row["delta"]), *answer, row["why"]]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _parts(found: dict[str, Any], claim_id: str) -> list[dict[str, Any]]:
    return [row for row in found["parts"] if row["claim_id"] == claim_id]


def _recoveries(parts: list[dict[str, Any]]) -> str:
    counts = {word: sum(row["recovery"] == word for row in parts) for word in RECOVERIES}
    listed = ", ".join(f"{n} {_words(word)}" for word, n in counts.items() if n)
    return listed or "no truth to hold it against"


def _words(code: str | None) -> str:
    return "" if code is None else code.replace("_", " ")


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def with_table(text: str, told: dict[str, Any]) -> str:
    """A page with the tables put between its marks."""
    before, _, rest = text.partition(BEGIN)
    return f"{before}{BEGIN}\n\n{page(told)}\n\n{END}{rest.partition(END)[2]}"


def main() -> None:
    """Command line."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--home", type=Path, required=True)
    asked.add_argument("--name", required=True, help="how the page calls the home")
    given = asked.parse_args()
    told = json.loads(JSON.read_text(encoding="utf-8")) if JSON.exists() else {}
    told[given.name] = frozen(Store(Settings(home=given.home)).scan("mart.claim").collect())
    JSON.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8"), told), encoding="utf-8")


if __name__ == "__main__":
    main()
