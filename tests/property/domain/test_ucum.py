"""Every prefix on every base converts, there and back, as powers of ten say."""

import math

from hypothesis import given
from hypothesis import strategies as st

from pipelines.domain.ucum import BASES, PREFIXES, factor, parse

PREFIX = st.sampled_from(sorted(PREFIXES))
AMOUNT = st.sampled_from(sorted(set(BASES) - {"L", "l"}))
VOLUME = st.sampled_from(["L", "l"])


@given(PREFIX, PREFIX, PREFIX, PREFIX, AMOUNT, VOLUME)
def test_prefixes_are_powers_of_ten(top, bottom, other_top, other_bottom, base, litre):
    first, second = f"{top}{base}/{bottom}{litre}", f"{other_top}{base}/{other_bottom}{litre}"
    exponent = PREFIXES[top] - PREFIXES[bottom] - PREFIXES[other_top] + PREFIXES[other_bottom]
    assert math.isclose(factor(first, second), 10.0**exponent, rel_tol=1e-12)


@given(PREFIX, PREFIX, PREFIX, st.floats(1, 1e6))
def test_mass_to_substance_and_back(top, other, bottom, grams_per_mole):
    mass, substance = f"{top}g/{bottom}L", f"{other}mol/{bottom}L"
    there = factor(mass, substance, grams_per_mole=grams_per_mole)
    back = factor(substance, mass, grams_per_mole=grams_per_mole)
    assert math.isclose(there * back, 1, rel_tol=1e-12)


@given(st.text(max_size=12))
def test_any_text_is_a_unit_or_refused(text):
    try:
        unit = parse(text)
    except ValueError:
        return
    assert unit.magnitude > 0
