"""Sig against supply: which weekly dose stands, where it comes from, and when the two conflict."""

import pytest

from pipelines.domain.sig import is_supply_conflict, parse, reconcile


@pytest.mark.parametrize(
    ("sig", "supplied", "expected"),
    [
        (7.0, 7.0, False),
        (7.0, 8.75, False),
        (7.0, 8.76, True),
        (7.0, 5.25, False),
        (7.0, 5.24, True),
        (7.0, None, False),
        (None, 7.0, False),
    ],
)
def test_a_quarter_of_the_sigs_dose_is_tolerated(sig: float | None, supplied: float | None, expected: bool) -> None:
    assert is_supply_conflict(sig, supplied) is expected


def test_the_sigs_rate_stays_in_a_conflict() -> None:
    settled = reconcile(1.0, 0.9, (), 7.0)
    assert (settled.mg_per_week, settled.source, settled.confidence, settled.is_conflict) == (1.0, "sig", 0.6, True)


@pytest.mark.parametrize("flag", ["no_sig", "as_directed"])
def test_supply_speaks_where_the_sig_refers_to_it(flag: str) -> None:
    settled = reconcile(None, 0.0, (flag,), 7.0)
    assert (settled.mg_per_week, settled.source, settled.confidence) == (7.0, "quantity", 0.3)


@pytest.mark.parametrize(
    "flags", [("prn",), ("range_amount",), ("steps",), ("no_frequency",), ("stop",), ("as_directed", "prn"), ()]
)
def test_supply_never_fills_a_refused_sig(flags: tuple[str, ...]) -> None:
    settled = reconcile(None, 0.3, flags, 7.0)
    assert (settled.mg_per_week, settled.source, settled.confidence) == (None, "not_recorded", 0.0)


def test_a_vial_billed_as_28_days_is_a_conflict() -> None:
    """10 mL of 200 mg/mL as 28 days: 2000 mg x 7 / 28 = 500 mg a week against a sig of 100."""
    sig = parse("100 mg weekly", drug="testosterone cypionate", strength="200 mg/mL", quantity=10, days_supply=28)
    assert sig.supplied_mg_per_week == pytest.approx(500)
    assert sig.mg_per_week == 100
    assert "supply_conflict" in sig.flags
    assert sig.confidence == "medium"


@pytest.mark.parametrize(
    ("quantity", "days"), [(None, 30), (30, None), (0, 30), (30, 0), (-30, 30), (float("nan"), 30), (30, float("inf"))]
)
def test_no_supply_without_quantity_and_days(quantity: float | None, days: float | None) -> None:
    sig = parse(None, drug="anastrozole", strength="1 mg", quantity=quantity, days_supply=days)
    assert (sig.mg_per_week, sig.source, sig.confidence) == (None, "not_recorded", "none")


@pytest.mark.parametrize(
    ("drug", "strength", "text", "quantity", "days", "expected"),
    [
        ("anastrozole", "1 mg", "0.5 mg twice daily", 12, 84, (1.0, "quantity", "low", True)),
        ("anastrozole", "1 mg", "media tableta dos veces al día", 12, 84, (1.0, "quantity", "low", True)),
        ("testosterone cypionate", "200 mg/mL", "0.25 mL daily", 1, 28, (50.0, "quantity", "low", True)),
        ("anastrozole", "1 mg", "0.5 mg twice daily", 84, 84, (7.0, "sig", "high", False)),
        ("anastrozole", "1 mg", "0.5 mg twice daily", 42, 84, (7.0, "sig", "medium", False)),
        ("anastrozole", "1 mg", "0.5 mg twice daily", None, None, (7.0, "sig", "high", False)),
        ("anastrozole", "1 mg", "1 tablet daily", 12, 84, (7.0, "sig", "medium", False)),
        ("tamoxifen", "10 mg", "1 tablet twice daily", 24, 84, (140.0, "sig", "medium", False)),
        ("testosterone", "1 % gel", "5 g daily", 60, 84, (350.0, "sig", "medium", False)),
    ],
)
def test_daily_where_weekly_was_meant_is_what_the_supply_says(drug, strength, text, quantity, days, expected) -> None:
    sig = parse(text, drug=drug, strength=strength, quantity=quantity, days_supply=days)
    assert (sig.mg_per_week, sig.source, sig.confidence, "daily_for_weekly" in sig.flags) == expected
