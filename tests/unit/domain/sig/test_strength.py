"""Strength texts and product names, and which strength counts for a drug of a combined product."""

import pytest

from pipelines.domain.sig.strength import Strength, choose, drug_of, form_of, parse_strengths

SINGLE = [
    ("1 mg", Strength(1.0)),
    ("1mg", Strength(1.0)),
    ("2.5mg", Strength(2.5)),
    ("2,5 mg", Strength(2.5)),
    ("250 mcg", Strength(0.25)),
    ("0.5 g", Strength(500.0)),
    ("200 mg/mL", Strength(200.0, "mg", 1.0, "mL")),
    ("200MG/ML", Strength(200.0, "mg", 1.0, "mL")),
    ("200 mg per mL", Strength(200.0, "mg", 1.0, "mL")),
    ("0.5 mg/0.1 mL", Strength(0.5, "mg", 0.1, "mL")),
    ("250 mg/5 mL", Strength(250.0, "mg", 5.0, "mL")),
    ("50 mg/5 g", Strength(50.0, "mg", 5.0, "g")),
    ("1.62 %", Strength(16.2, "mg", 1.0, "g")),
    ("1%", Strength(10.0, "mg", 1.0, "g")),
    ("20.25 mg/actuation", Strength(20.25, "mg", 1.0, "pump")),
    ("1 MG Oral Tablet", Strength(1.0, "mg", 1.0, "tablet")),
    ("0.25 mg capsule", Strength(0.25, "mg", 1.0, "capsule")),
    ("100 mg pellet", Strength(100.0, "mg", 1.0, "pellet")),
    ("4 mg/24hr patch", Strength(4.0, "mg", 1.0, "day")),
    ("4 mg/day", Strength(4.0, "mg", 1.0, "day")),
    ("5000 units", Strength(5000.0, "IU")),
]


@pytest.mark.parametrize(("text", "expected"), SINGLE)
def test_one_strength(text: str, expected: Strength) -> None:
    (found,) = parse_strengths(text)
    assert (found.unit, found.per_unit, found.drug) == (expected.unit, expected.per_unit, None)
    assert (found.value, found.per) == pytest.approx((expected.value, expected.per))


@pytest.mark.parametrize("text", [None, "", "tablet", "unknown", "1", "0 mg", "mg", "\x00"])
def test_no_strength(text: str | None) -> None:
    assert parse_strengths(text) == ()


COMBINED = "testosterone 200 mg/mL / anastrozole 0.5 mg/mL"


@pytest.mark.parametrize(
    ("drug", "rate"), [("anastrozole", 0.5), ("testosterone", 200.0)], ids=["anastrozole", "testosterone"]
)
@pytest.mark.parametrize(
    "text",
    [
        COMBINED,
        "anastrozole 0.5 mg/mL; testosterone cypionate 200 mg/mL",
        "200 mg/mL testosterone / 0.5 mg/mL anastrozole",
    ],
)
def test_the_rows_own_drug_decides(text: str, drug: str, rate: float) -> None:
    strength, is_ambiguous = choose(parse_strengths(text), drug)
    assert strength is not None
    assert strength.rate == rate
    assert not is_ambiguous


@pytest.mark.parametrize("drug", [None, "tamoxifen"])
def test_a_combined_product_without_its_drug_is_ambiguous(drug: str | None) -> None:
    assert choose(parse_strengths(COMBINED), drug) == (None, True)


def test_product_names_tell_drug_and_form() -> None:
    assert drug_of("anastrozole 1 MG Oral Tablet [Arimidex]") == "anastrozole"
    assert form_of("anastrozole 1 MG Oral Tablet [Arimidex]") == "tablet"
    assert drug_of("Depo-Testosterone 200 mg/mL") == "testosterone"
    assert drug_of("unheard-of") is None
