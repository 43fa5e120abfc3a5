"""Units of laboratory concentrations as UCUM writes them: parsing, comparing and converting. Not the whole of UCUM.

Read are: an SI prefix and a base unit (g, mol, eq, [IU], U, kat, L, %, 1, powers of ten such as 10*9), one division, and
curly-brace annotations, which UCUM gives no meaning. How sources misspell units is a code list (`sql/ref/unit.csv`), not this.
"""

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

PREFIXES = {
    "": 0,
    "k": 3,
    "h": 2,
    "da": 1,
    "d": -1,
    "c": -2,
    "m": -3,
    "u": -6,
    "n": -9,
    "p": -12,
    "f": -15,
    "a": -18,
}
# Symbol -> kind. [IU], [iU] and the enzyme unit U are arbitrary units: never one another's equal by UCUM.
BASES = {
    "g": "mass",
    "mol": "substance",
    "eq": "equivalent",
    "[IU]": "international_unit",
    "[iU]": "international_unit",
    "U": "enzyme_unit",
    "kat": "catalytic_activity",
    "L": "volume",
    "l": "volume",
}
_POWER_OF_TEN = re.compile(r"10[*^](?P<exponent>\d{1,2})")
_ANNOTATION = re.compile(r"\{[^{}]*\}")
_BY_LENGTH = sorted(BASES, key=len, reverse=True)


class UcumError(ValueError):
    """Not a unit of concentration that is read here; the message names the spelling."""


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit as exact magnitude times kinds: `magnitude` counts base units (g, mol, L ...) in numerator over denominator."""

    magnitude: Fraction
    numerator: str
    denominator: str

    def is_commensurable(self, other: "Unit") -> bool:
        """True where a factor alone converts."""
        return (self.numerator, self.denominator) == (other.numerator, other.denominator)


@lru_cache(maxsize=4096)
def parse(spelling: str) -> Unit:
    """The unit a UCUM spelling means, case-sensitive.

    Raises:
        UcumError: it is none of the concentrations read here.
    """
    text = _ANNOTATION.sub("", spelling).strip()
    numerator, slash, denominator = text.partition("/")
    if not text or "/" in denominator or (slash and not denominator):
        raise UcumError(f"'{spelling}' is not a unit of concentration")
    top, top_kind = _term(numerator or "1", spelling)
    bottom, bottom_kind = _term(denominator or "1", spelling)
    if top_kind == bottom_kind:  # mmol/mol, g/g: a plain number
        top_kind = bottom_kind = "number"
    return Unit(top / bottom, top_kind, bottom_kind)


def factor(given: str, wanted: str, *, grams_per_mole: float | None = None) -> float:
    """What a value in `given` is multiplied with to be in `wanted`; mass and substance convert through the molar mass.

    A unit that hides its substance (`nmol{BCE}/L`) converts like one that does not. Equivalents equal moles only for
    substances of charge one, so they never convert here.

    Raises:
        UcumError: the two do not measure the same, or a molar mass is needed and was not given.
    """
    source, target = parse(given), parse(wanted)
    ratio = source.magnitude / target.magnitude
    if source.is_commensurable(target):
        return float(ratio)
    kinds = (source.numerator, target.numerator)
    if source.denominator != target.denominator or set(kinds) != {"mass", "substance"}:
        raise UcumError(f"'{given}' and '{wanted}' do not measure the same")
    if grams_per_mole is None or grams_per_mole <= 0:
        raise UcumError(f"'{given}' to '{wanted}' needs a molar mass")
    return float(ratio) / grams_per_mole if kinds[0] == "mass" else float(ratio) * grams_per_mole


def _term(text: str, spelling: str) -> tuple[Fraction, str]:
    if text == "1":
        return Fraction(1), "number"
    if text == "%":
        return Fraction(1, 100), "number"
    if power := _POWER_OF_TEN.fullmatch(text):
        return Fraction(10) ** int(power["exponent"]), "number"
    for base in _BY_LENGTH:
        prefix = text.removesuffix(base)
        if prefix != text and prefix in PREFIXES:
            return Fraction(10) ** PREFIXES[prefix], BASES[base]
    raise UcumError(f"'{spelling}' is not a unit of concentration")
