"""The claims ledger: all 28 claims by family, each part with what was found, the verdict, and what was published."""

from typing import Any

import polars as pl

from pipelines.report.gate_words import gate_words
from pipelines.report.labels import capitalized, heading, label
from pipelines.report.numerals import NBSP, NONE, compact, percent
from pipelines.report.views import Cell, Column, Row, Table, Tone, tagged, text

_TONES: dict[str, Tone] = {
    "supported": "good",
    "contradicted": "bad",
    "inconclusive": "unsure",
    "not_answerable": "plain",
    "recovered": "good",
    "missed": "unsure",
    "false_alarm": "bad",
}
_WORDS = {"not_answerable": "not answerable", "false_alarm": "false alarm"}
_ANSWERS = ("supported", "contradicted", "inconclusive")


def claims_tables(frame: pl.DataFrame) -> tuple[Table, ...]:
    """One table a family, in the order of its first claim; folded where no part of it has an answer."""
    if frame.is_empty():
        return ()
    ordered = frame.with_columns(pl.col("claim_id").str.slice(1).cast(pl.Int64).alias("place")).sort(
        "place", "part_code"
    )
    return tuple(_table(str(family), part) for (family,), part in ordered.group_by("family_code", maintain_order=True))


def count_sentence(frame: pl.DataFrame) -> str:
    """How many claims have which verdict; on simulated people, how many parts were recovered."""
    if frame.is_empty():
        return ""
    if is_simulated(frame):
        known = frame.filter(pl.col("recovery").is_not_null())
        found = {
            word: known.filter(pl.col("recovery") == word).height for word in ("recovered", "missed", "false_alarm")
        }
        listed = ", ".join(f"{n} {_WORDS.get(word, word)}" for word, n in found.items())
        told = f"{known.height}: {listed}" if known.height else "none"
        return (
            f"These people are simulated, so no claim has a verdict. Of {frame.height} parts the simulator tells the truth "
            f"of {told}."
        )
    whole = frame.unique("claim_id")
    counts = {word: whole.filter(pl.col("claim_verdict") == word).height for word in (*_ANSWERS, "not_answerable")}
    listed = ", ".join(f"{n} {_WORDS.get(word, word)}" for word, n in counts.items())
    return f"Of {whole.height} claims: {listed}. A claim stands only where every part of it does."


def is_simulated(frame: pl.DataFrame) -> bool:
    """Whether the ledger tells recovery in place of verdicts."""
    return not frame.is_empty() and frame["evidence_source"][0] == "simulated"


def _table(family: str, part: pl.DataFrame) -> Table:
    simulated = is_simulated(part)
    rows: list[Row] = []
    for (claim_id,), claim in part.group_by("claim_id", maintain_order=True):
        first = claim.row(0, named=True)
        word, published = None if simulated else first["claim_verdict"], f"Published: {first['published_answer']}"
        beside = text("", published) if word is None else tagged(_WORDS.get(word, word), _TONES[word], note=published)
        rows.append(Row(f"{claim_id}. {first['claim']}", beside=beside))
        rows += [
            Row(
                _who(row),
                (_found(row), _tag(row["recovery" if simulated else "verdict"], row["why"])),
                is_indented=True,
            )
            for row in claim.iter_rows(named=True)
        ]
    columns = (
        Column("Claim and its parts"),
        Column("Found", "interval adjusted by Holm over the family"),
        Column("Recovery" if simulated else "Verdict", "and why"),
    )
    note = f"Rules {part['rules_hash'][0]}, set down before any outcome was read. Association is no effect."
    folded = part["estimate"].is_null().all()
    return Table(f"Claims: {label(family)}", "mart.claim", columns, tuple(rows), note=note, is_folded=folded)


def _who(row: dict[str, Any]) -> str:
    return f"{heading(row['population'])}: {row['estimand'][:1].lower()}{row['estimand'][1:]}"


def _found(row: dict[str, Any]) -> Cell:
    if row["estimate"] is None:
        return text(NONE)
    low, high = (compact(row[name]) if row[name] is not None else "open" for name in ("ci_low", "ci_high"))
    needed = "" if row["delta"] is None else f"; smallest of interest {compact(row['delta'])}"
    truth = "" if row["truth"] is None else f"; truth {compact(row['truth'])}"
    confidence = f"{percent(row['confidence_pct'], 1)}{NBSP}CI"
    return text(compact(row["estimate"]), f"{confidence} {low} to {high}{needed}{truth}")


def _tag(word: str | None, why: str) -> Cell:
    note = capitalized(gate_words(why))
    return text("", note) if word is None else tagged(_WORDS.get(word, word), _TONES[word], note=note)
