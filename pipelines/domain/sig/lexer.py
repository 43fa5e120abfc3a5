"""Pieces of text to tokens: numbers read, phrases looked up longest first, one meaning chosen by the text's language.

Which order of tokens means what is the grammar's matter.
"""

import re
from collections import Counter
from fractions import Fraction

from pipelines.domain.sig import kinds as k
from pipelines.domain.sig.kinds import Token
from pipelines.domain.sig.lexicon import PHRASES, Entry, longest_from
from pipelines.domain.sig.text import clean, pieces

_SYMBOLS = {
    "/": k.PER, "-": k.DASH, ",": k.COMMA, ";": k.SENTENCE, ".": k.SENTENCE, "(": k.OPEN, ")": k.CLOSE, "=": k.EQUALS,
    "<": k.COMPARED, ">": k.COMPARED, "+": k.AND, "[": k.OPEN, "]": k.CLOSE, ":": k.COMMA, "|": k.SENTENCE, "?": k.UNREAD,
}  # fmt: skip
_FRACTION_DENOMINATORS = (2, 3, 4, 5, 8, 10)
_BEFORE_LETTER_PERIOD = (k.NUMBER, k.EVERY, k.PER, k.TIMES)
_LONGEST_NUMBER = 9
_ORDINAL = re.compile(r"([0-9]{1,2})(?:st|nd|rd|th)")
_Match = tuple[tuple[Entry, ...], str]


def _number(piece: str) -> Token | None:
    ordinal = _ORDINAL.fullmatch(piece)
    if ordinal:
        return Token(k.OTHER, int(ordinal.group(1)), piece)
    # Circled and raised figures are digits that are no numbers.
    if not (piece[0].isdecimal() or (piece[0] in ".," and len(piece) > 1)):
        return None
    if len(piece) > _LONGEST_NUMBER:
        return Token(k.UNREAD, "number", piece)
    if "/" in piece:
        top, bottom = (int(part) for part in piece.split("/"))
        if bottom in _FRACTION_DENOMINATORS and 0 < top < bottom:
            return Token(k.NUMBER, float(Fraction(top, bottom)), "fraction")
        return Token(k.UNREAD, "number", piece)
    if re.fullmatch(r"[1-9][0-9]{0,2}(?:,[0-9]{3})+", piece):
        return Token(k.NUMBER, float(piece.replace(",", "")), "thousands")
    value = float(piece.replace(",", "."))
    return Token(k.NUMBER, value, "decimal" if "." in piece or "," in piece else "whole")


def _matches(words: list[str]) -> list[Token | _Match]:
    """Numbers and symbols as tokens, phrases as all their entries, each the longest that begins there."""
    found: list[Token | _Match] = []
    at = 0
    while at < len(words):
        length, entries = _longest_phrase(words, at)
        if entries:
            found.append((entries, " ".join(words[at : at + length])))
            at += length
            continue
        found.append(_single(words[at]))
        at += 1
    return found


def _longest_phrase(words: list[str], at: int) -> tuple[int, tuple[Entry, ...] | None]:
    reach = longest_from(words[at])
    if not reach:
        return 0, None
    best: tuple[int, tuple[Entry, ...] | None] = (0, None)
    phrase: tuple[str, ...] = ()
    end = at
    while end < len(words) and len(phrase) < reach:
        if words[end] == "-" and phrase and end + 1 < len(words):  # 'bi-weekly', 'one-half'
            end += 1
            if not words[end].isalpha():
                break
            continue
        phrase = (*phrase, words[end])
        end += 1
        if phrase in PHRASES:
            best = (end - at, PHRASES[phrase])
    return best


def _single(piece: str) -> Token:
    piece = piece.replace(" ", "")
    number = _number(piece)
    if number:
        return number
    if piece in _SYMBOLS:
        return Token(_SYMBOLS[piece], None, piece)
    if len(piece) == 6 and piece.startswith("clock"):
        return Token(k.SLOT, piece, piece)
    if piece.isalpha() or piece.isdigit() or piece.isalnum():
        return Token(k.UNREAD, "word", piece)
    return Token(k.NOISE, None, piece)


def _language(found: list[Token | _Match]) -> str | None:
    """The language most phrases belong to alone; None where no phrase speaks one."""
    votes: Counter[str] = Counter()
    shared: Counter[str] = Counter()
    for item in found:
        if isinstance(item, Token):
            continue
        spoken = {language for _, _, language in item[0]} - {"latin"}
        if any(language == "latin" for _, _, language in item[0]):
            continue
        for language in spoken:
            shared[language] += 1
        if len(spoken) == 1:
            votes[spoken.pop()] += 1
    if votes:
        top = max(votes.values())
        return max((name for name in votes if votes[name] == top), key=lambda name: (shared[name], name == "en"))
    if shared:
        return max(shared, key=lambda name: (shared[name], name == "en"))
    return None


def _chosen(entries: tuple[Entry, ...], words: str, language: str | None) -> Token:
    if len(entries) > 1:
        order = (language, "latin", "en")
        entries = tuple(sorted(entries, key=lambda e: order.index(e[2]) if e[2] in order else len(order)))
    kind, value, _ = entries[0]
    if kind == k.NUMBER:
        if isinstance(value, tuple):
            return Token(k.NUMBER, float(value[0]), "fraction")
        return Token(k.NUMBER, value, "word")
    return Token(kind, value, words)


def _halves(tokens: list[Token]) -> list[Token]:
    """'and a half' adds to the number before it, unless a unit of its own follows ('... and half a tablet')."""
    out: list[Token] = []
    for token, following in zip(tokens, (*tokens[1:], Token(k.NOISE)), strict=False):
        after_number = bool(out) and out[-1].kind == k.NUMBER
        after_unit = len(out) > 1 and out[-1].kind == k.UNIT and out[-2].kind == k.NUMBER
        if token.kind != k.HALF or after_number or (after_unit and following.kind not in (k.UNIT, k.ARTICLE)):
            out.append(token)
        else:
            out += [Token(k.AND, None, "and"), Token(k.NUMBER, token.value, "fraction")]
    return out


def tokenize(text: str) -> tuple[list[Token], str | None]:
    """Tokens without harmless words, and the language of the text ('en', 'es', 'de', 'fr' or None)."""
    found = _matches([piece.replace(" ", "") for piece in pieces(clean(text))])
    language = _language(found)
    tokens: list[Token] = []
    for item in found:
        if isinstance(item, Token):
            tokens.append(item)
            continue
        entries, words = item
        letter = next((e for e in entries if e[0] == k.LETTER_PERIOD), None)
        if letter and tokens and tokens[-1].kind in _BEFORE_LETTER_PERIOD:  # 'q4w', '2x/d'
            tokens.append(Token(k.LETTER_PERIOD, letter[1], words))
            continue
        others = tuple(e for e in entries if e[0] != k.LETTER_PERIOD)
        tokens.append(_chosen(others or entries, words, language))
    tokens = _halves(tokens)
    return [token for token in tokens if token.kind != k.NOISE], language
