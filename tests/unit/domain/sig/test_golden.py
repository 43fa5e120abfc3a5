"""Sigs with what an honest reader makes of them: the golden set, and two held-out sets written before the parser saw them."""

import csv
from pathlib import Path

import pytest

from pipelines.domain.sig import Sig, parse

FOLDER = Path(__file__).parent
TOLERANCE = 0.01
LONG_INTERVAL_TOLERANCE = 0.10
LONG_INTERVAL_TIMES_PER_WEEK = 0.26  # 28 d, 30 d and 30.4 d months are all honest


def _number(text: str) -> float | None:
    return float(text) if text.strip() else None


def _rows(name: str) -> list[dict[str, str]]:
    with (FOLDER / name).open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def _parse(row: dict[str, str]) -> Sig:
    return parse(
        row["sig"] or None,
        drug=row["drug"] or None,
        strength=row["strength"] or None,
        quantity=_number(row["quantity"]),
        days_supply=_number(row["days"]),
    )


def _same(value: float | None, expected: float | None, tolerance: float) -> bool:
    if value is None or expected is None:
        return value is expected
    return abs(value - expected) <= tolerance * abs(expected)


def _differences(row: dict[str, str]) -> list[str]:
    sig = _parse(row)
    times = _number(row["times_per_week"])
    tolerance = LONG_INTERVAL_TOLERANCE if times is not None and times <= LONG_INTERVAL_TIMES_PER_WEEK else TOLERANCE
    found = []
    if not _same(sig.amount, _number(row["amount"]), TOLERANCE):
        found.append(f"amount {sig.amount}")
    if (sig.unit or "") != row["unit"]:
        found.append(f"unit {sig.unit}")
    if not _same(sig.times_per_week, times, tolerance):
        found.append(f"times_per_week {sig.times_per_week}")
    if not _same(sig.mg_per_week, _number(row["mg_per_week"]), tolerance):
        found.append(f"mg_per_week {sig.mg_per_week}")
    if sig.is_prn != (row["prn"] == "1"):
        found.append(f"prn {sig.is_prn}")
    if sig.is_flagged != (row["flagged"] == "1"):
        found.append(f"confidence {sig.confidence} {sig.flags}")
    return found


GOLDEN = _rows("golden.csv")
HELD_OUT = _rows("held_out.csv") + _rows("held_out_second.csv")


@pytest.mark.parametrize("row", GOLDEN, ids=lambda row: f"{row['sig']}|{row['drug']}|{row['strength']}")
def test_golden_sig_is_read_as_the_conventions_say(row: dict[str, str]) -> None:
    assert _differences(row) == []


def test_golden_set_is_large_and_multilingual() -> None:
    assert len(GOLDEN) >= 200
    assert {sig.language for sig in map(_parse, GOLDEN)} >= {"en", "es", "de", "fr"}


@pytest.mark.parametrize("row", HELD_OUT, ids=lambda row: f"{row['sig']}|{row['drug']}|{row['strength']}")
def test_held_out_sig_is_never_silently_wrong(row: dict[str, str]) -> None:
    sig = _parse(row)
    wrong = [text for text in _differences(row) if not text.startswith("confidence")]
    assert not wrong or sig.is_flagged


def test_held_out_set_is_mostly_read_exactly() -> None:
    exact = sum(not _differences(row) for row in HELD_OUT)
    assert len(HELD_OUT) >= 120
    assert exact >= 0.95 * len(HELD_OUT)
