"""Token kinds of the sig grammar: one character each, so that a tokenised sig is a string that `re` can match.

Here are the kinds and the token. Which words have which kind is the lexicons' matter, what follows from a sequence of
kinds is the grammar's.
"""

from dataclasses import dataclass
from typing import Any

NUMBER = "N"
UNIT = "U"  # value: canonical unit
RATE = "F"  # a complete frequency; value: times a week
PERIODLY = "Y"  # daily, weekly: value in days
PERIOD = "P"  # day, week: value in days
LETTER_PERIOD = "p"  # d, h, w, j: a period only beside a number, an 'every' or a slash
EVERY = "E"
OTHER = "O"  # every OTHER day; value: 2, or the ordinal
TIMES = "X"
COUNT = "C"  # once, twice; value: how often
PER = "/"
ARTICLE = "a"
RANGE = "R"  # to, or
DASH = "-"
AND = "&"
EQUALS = "="
COMMA = ","
SENTENCE = ";"
OPEN = "("
CLOSE = ")"
WEEKDAY = "D"  # value: frozenset of days, Monday 0
MAYBE_WEEKDAY = "e"  # German Mo, Di: a weekday only beside another one
SLOT = "T"  # time of day; value: its name
AMBIGUOUS_RATE = "A"
RANGE_RATE = "G"
RANGE_AMOUNT = "q"
CYCLE = "c"  # value: (days on, days off)
ON = "g"
OFF = "h"
EXCEPT = "!"
OUT_OF = "~"
THEN = "K"
CHANGE = "I"  # increase, taper
IF = "Q"
MAY = "M"
STOP = "S"
CALL = "t"  # call the office: a clause about no dose
AS_NEEDED = "n"
AS_DIRECTED = "d"
ONLY_ONCE = "o"
SHOT = "s"
SHOT_DAY = "j"
WITH = "W"
BEFORE = "^"
MAXIMUM = "m"
UP_TO = "u"
SPLIT = "|"
FOR = "f"
START = "b"
COURSE = "r"  # value: days, or None
WATER = "w"
LAB = "l"
LAB_UNIT = "L"
COMPARED = "<"
PERCENT = "%"
U100 = "1"
DEVICE = "v"
DRUG = "@"  # value: canonical drug name
STRENGTH = "$"  # value: Strength
HYBRID = "H"  # '1 mg tablet': a strength or the dose; value: (mg, count unit)
PER_TIME = "x"  # '2/wk' without a unit; value: (number, days)
SITE = "B"  # shoulder, thigh
MINUTES = "i"
KILOGRAM = "k"
DISPENSE = "z"
HALF = "+"  # 'and a half' in all tongues
AMOUNT = "V"  # value: Amount
SCHEME = "Z"  # 1-0-1; value: the amounts a slot
PER_SITE = "y"
UNREAD = "?"
NOISE = " "  # harmless: never reaches the grammar


@dataclass(frozen=True, slots=True)
class Token:
    """One token: its kind, what it says (`value`), and the words it came from."""

    kind: str
    value: Any = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class Amount:
    """So much of a canonical unit, as one intake; `unit` None: a bare number, `is_fraction` when written '1/2', 'half'."""

    value: float
    unit: str | None
    is_fraction: bool = False


def kind_string(tokens: list[Token]) -> str:
    """The kinds of the tokens, one character a token."""
    return "".join(token.kind for token in tokens)
