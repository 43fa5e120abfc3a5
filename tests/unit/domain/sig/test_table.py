"""Distinct sigs as a table, and the summary of what was read."""

import polars as pl
import pytest

from pipelines.domain.sig import lexicon, parse
from pipelines.domain.sig.coverage import coverage
from pipelines.domain.sig.table import OUTPUT, parse_table

ROWS = {
    "sig_text": ["1 tab daily", None, "1-2 tabs daily", "1 tab daily", "1 tab prn", "1 tab daily blorf"],
    "drug_text": ["anastrozole", "anastrozole", None, "anastrozole", "anastrozole", "anastrozole"],
    "strength_text": ["1 mg", "1 mg", None, "1 mg", "1 mg", "1 mg"],
}


def test_every_row_has_its_parse_in_order() -> None:
    frame = pl.DataFrame(ROWS).with_columns(sig_id=pl.int_range(6))
    parsed = parse_table(frame)
    assert parsed.columns == [*frame.columns, *OUTPUT]
    assert parsed["sig_id"].to_list() == list(range(6))
    assert parsed["mg_per_week"].to_list() == [7.0, None, None, 7.0, None, 7.0]
    assert parsed["confidence_code"].to_list() == ["high", "none", "low", "high", "low", "medium"]
    assert parsed["confidence"].to_list() == [0.9, 0.0, 0.3, 0.9, 0.3, 0.6]
    assert parsed["flags"].to_list() == ["", "no_sig", "range_amount", "", "prn", "unread_words"]
    assert parsed["is_prn"].to_list() == [False, False, False, False, True, False]
    assert parsed["language"].to_list() == ["en", None, "en", "en", "en", "en"]


def test_no_rows_give_no_rows_of_the_same_types() -> None:
    empty = pl.DataFrame(schema={"sig_text": pl.String, "drug_text": pl.String, "strength_text": pl.String})
    parsed = parse_table(empty)
    assert parsed.height == 0
    assert dict(parsed.schema) | dict(OUTPUT) == dict(parsed.schema)
    assert coverage(parsed)["n_sigs"].sum() == 0


def test_a_missing_column_is_refused() -> None:
    with pytest.raises(pl.exceptions.ColumnNotFoundError):
        parse_table(pl.DataFrame({"sig_text": ["1 tab daily"]}))


def test_coverage_counts_confidence_dose_and_reasons() -> None:
    summary = coverage(parse_table(pl.DataFrame(ROWS)))
    counts = {(measure, code): n for measure, code, n, _ in summary.iter_rows()}
    assert [counts["confidence", code] for code in ("high", "medium", "low", "none")] == [2, 1, 2, 1]
    assert counts["dose", "mg_per_week"] == 3
    assert counts["dose", "blank"] == 3
    assert counts["flag", "prn"] == 1
    assert summary.filter(measure="confidence")["share"].sum() == pytest.approx(1)


def test_a_phrase_has_one_meaning_in_a_language() -> None:
    meanings: dict[tuple[tuple[str, ...], str], set[tuple[str, str]]] = {}
    for words, entries in lexicon.PHRASES.items():
        for kind, value, language in entries:
            meanings.setdefault((words, language), set()).add((kind, str(value)))
    assert {key: found for key, found in meanings.items() if len(found) > 1} == {}


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("1 tab daily x 90 days", 90),
        ("1 tab daily for 2 weeks", 14),
        ("1 tab daily", None),
        ("1 Tablette täglich für 10 Tage", 10),
    ],
)
def test_course_length_is_told_but_is_no_dose(text: str, days: float | None) -> None:
    sig = parse(text, strength="1 mg")
    assert sig.duration_days == days
    assert sig.mg_per_week == 7
