"""Characters of a sig before any word is looked up: case, accents, dates, codes, clock times, day letters.

Nothing here knows a word's meaning. All expressions are linear in the length of the text, which is capped.
"""

import re
import unicodedata

LONGEST_TEXT = 2000  # an instruction is never longer; what is longer is refused, not cut
_DASHES = "\u2010\u2011\u2012\u2013\u2014\u2212"
_QUOTES = "\u2018\u2019\u00b4\u0060"
_FANCY = str.maketrans(
    {
        **dict.fromkeys(_DASHES, "-"),
        **dict.fromkeys(_QUOTES, "'"),
        **dict.fromkeys("\u2044\u2215", "/"),
        **dict.fromkeys("\n\r\u2022", ";"),
        **{"\u00d7": "x", "\u03bc": "u", "\u00b5": "u", "\u2265": ">", "\u2264": "<", "\u2236": ":", "\u00b7": "."},
        **{"\u00df": "ss", "\u0153": "oe", "\u00e6": "ae", "\u00f8": "o", "\u0142": "l", "@": " at "},
    }
)
_DAY_LETTERS = {
    "m": "monday", "t": "tuesday", "tu": "tuesday", "w": "wednesday", "th": "thursday", "f": "friday", "s": "saturday",
    "sa": "saturday", "su": "sunday",
}  # fmt: skip
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_MONTH = r"(?:jan|feb|mar|apr|jun|jul|aug|sep|sept|oct|nov|dec)[a-z]{0,6}\.?"

_CODES = re.compile(
    r"\b(?:icd(?:-?\s?(?:9|10))?(?:-?cm)?)\b|\b[a-pr-tv-wyz][0-9]{2}\.[0-9]{1,4}[a-z]?\b|\b[cnmezi][0-9]{2}(?![0-9./]|\s?mg)\b"
    r"|\b[0-9]{4,5}-[0-9]{3,4}-[0-9]{1,2}\b|\b[0-9]{3}[-.][0-9]{3}[-.][0-9]{4}\b|\b(?:rx|ndc)\s?#?\s?[0-9]{4,}\b"
)
_DATES = re.compile(
    r"\b[0-9]{4}-[0-9]{2}-[0-9]{2}\b|\b[0-9]{1,2}([/.-])[0-9]{1,2}\1(?:[0-9]{4}|[0-9]{2})\b"
    rf"|\b{_MONTH}\s[0-9]{{1,2}}(?:st|nd|rd|th)?(?:,?\s[0-9]{{4}})?\b|\b[0-9]{{1,2}}(?:st|nd|rd|th)?\s{_MONTH}(?:\s[0-9]{{4}})?(?![a-z])"
    rf"|\b{_MONTH}\s[0-9]{{4}}\b|\bmay\s[0-9]{{4}}\b|\bmay\s[0-9]{{1,2}},?\s[0-9]{{4}}\b|\b(?:start(?:ing)?|begin(?:ning)?)(?:\son)?\s[0-9]{{1,2}}/[0-9]{{1,2}}(?:/[0-9]{{2,4}})?\b"
)
_CLOCK = re.compile(
    r"(?:\bat\s)?\b([0-9]{1,2}):([0-9]{2})(?:\s?([ap])\.?m\b\.?|\s?(?:uhr|hrs?|h)\b)?"
    r"|\bat\s([0-9]{1,2})\s?([ap])\.?m\b\.?|\b([5-9]|1[0-2])\s?([ap])\.?m\b(?!\s(?:tag|abend|morgen|mittag))\.?|\bum\s([0-9]{1,2})\suhr\b"
)
_DAY_LIST = re.compile(
    r"(?<![a-z0-9/.])(?:m|tu?|w|th|f|sa?|su)(?:\s?[/,&-]\s?(?:m|tu?|w|th|f|sa?|su)){1,6}(?![a-z0-9/'])"
)
_BRITISH = re.compile(r"\b(for|x|every|q|each|after|in)\s?([0-9]{1,2})/(7|52|12)\b")
_BRITISH_UNIT = {"7": "days", "52": "weeks", "12": "months"}
_PIECE = re.compile(
    r"[0-9]{1,2}(?:st|nd|rd|th)\b|[0-9]+\s?/\s?[0-9]+(?![0-9]*[/.])|[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])|[0-9]+(?:[.,][0-9]+)?"
    r"|(?<![0-9a-z])[.,][0-9]+|[a-z]+|[^\W0-9a-z_]+|[^\s0-9a-z]"
)


def plain(text: str) -> str:
    """Lower case without accents or control characters; vulgar fractions as n/d; idempotent."""
    if text.isascii():
        line = text.translate(_FANCY).lower()
        return " ".join((line if line.isprintable() else _CONTROL.sub(" ", line)).split())
    parts = []
    for character in text:
        if character.isascii():
            parts.append(character)
            continue
        expanded = unicodedata.normalize("NFKC", character)
        parts.append(f" {expanded} " if "\u2044" in expanded else character)
    folded = unicodedata.normalize("NFKC", "".join(parts)).translate(_FANCY).casefold()
    bare = "".join(c for c in unicodedata.normalize("NFD", folded) if unicodedata.category(c) != "Mn").translate(_FANCY)
    spaced = "".join(" " if unicodedata.category(c) in ("Cc", "Cf", "Co", "Cs", "Cn") else c for c in bare)
    return " ".join(spaced.split())


def _clock_word(match: re.Match[str]) -> str:
    colon_hour, _, colon_half, at_hour, at_half, bare_hour, bare_half, german_hour = match.groups()
    hour = int(colon_hour or at_hour or bare_hour or german_hour)
    half = colon_half or at_half or bare_half
    if half and hour <= 12:
        hour = hour % 12 + (12 if half == "p" else 0)
    return f" clock{chr(ord('a') + hour)} " if hour < 24 else " "


def _day_names(match: re.Match[str]) -> str:
    return " " + re.sub(r"[a-z]+", lambda letters: _DAY_LETTERS[letters.group()], match.group()) + " "


def clean(text: str) -> str:
    """The plain text without dates and codes, with clock times, day letters and glued abbreviations written out."""
    line = plain(text)
    line = re.sub(r"\((?:s|es|n|en)\)", "", line)
    line = _DATES.sub(" ", line)
    line = _CODES.sub(" ", line)
    line = _CLOCK.sub(_clock_word, line)
    line = re.sub(r"\b([a-z])\.(?=[a-z]\b(?!'))", r"\1", line)
    line = re.sub(r"\b(?:don't|dont)\b", "do not", line)
    line = re.sub(r"\b([ldjnsmc]|jusqu|qu)'", r" ", line)
    line = line.replace("'", "")
    line = re.sub(
        r"\bt(?=\s(?:inj|shot|cyp|injection|injections|shots|pin|day|enanthate|cypionate)\b)", "testosterone", line
    )
    line = re.sub(r"(?<=[0-9]\s)t(?=\s(?:po|by|q|qd|daily|bid|every|once|twice)\b)", "tablet", line)
    line = re.sub(r"\be2\s(?:was|is|of|at|remains|now)\b", "e2", line)
    line = re.sub(r"(?<=[0-9])\s?x(?=[a-z]{2})", " x ", line)
    line = re.sub(r"\blt\.", "laut", line)
    line = re.sub(r"\bb\.\s?(?=bed)", "b ", line)
    line = re.sub(r"\bq\.(?=\s?(?:[a-z]{2}|[0-9]))", "q ", line)
    line = re.sub(r"^t\s(?=[0-9])", "take ", line)
    line = re.sub(r"\bbei\s(?=e2\b)", "wenn ", line)
    line = re.sub(r"\bc/\s?(?=[0-9])", "cada ", line)
    line = re.sub(r"\b(?:1|un)\s?j(?:our)?\s?(?:/|sur)\s?2\b", "un jour sur deux", line)
    line = re.sub(r"\b(jeden|jede|jd)\.?\s?([0-9])\.", r"\1 \2", line)
    line = re.sub(r"\bi(?=\s(?:tab|cap|tablet|capsule|po)\b)", "1", line)
    if "needle" in line or "syringe" in line or "inch" in line:
        line = re.sub(r"\b(?:1[6-9]|2[0-9]|3[01])\s?-?g\b", " ", line)  # a gauge, not grams
    line = _DAY_LIST.sub(_day_names, line)
    line = re.sub(r"\be2\b(?!\s?d\b)", " estradiollevel ", line)
    line = re.sub(r"\be\s?(?=[0-9]+(?:\.[0-9]+)?\s?d\b)", " every ", line)
    line = re.sub(r"\bu\s?-?\s?100\b", " uhundred ", line)
    line = re.sub(r"(?<![a-z0-9/])w/\s?(?![ko]\b)", " with ", line)
    line = _BRITISH.sub(lambda m: f"{m.group(1)} {m.group(2)} {_BRITISH_UNIT[m.group(3)]}", line)
    return " ".join(line.split())


def pieces(line: str) -> list[str]:
    """Numbers, words and single symbols of a plain line, in order."""
    return _PIECE.findall(line)
