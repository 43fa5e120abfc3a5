"""Words to token kinds, per language as data, and the phrase index built of them. What word order means is the grammar's."""

from pipelines.domain.sig import kinds as k
from pipelines.domain.sig.lexicon import english, french, german, shared, spanish
from pipelines.domain.sig.text import pieces, plain

Entry = tuple[str, object, str]  # kind, value, language

LANGUAGES = {"en": english, "es": spanish, "de": german, "fr": french}
_Rows = tuple[tuple[str, object, str], ...]


def _index_rows(index: dict[tuple[str, ...], list[Entry]], rows: _Rows, language: str) -> None:
    for kind, value, phrases in rows:
        for phrase in phrases.split(";"):
            words = tuple(pieces(plain(phrase)))
            index.setdefault(words, []).append((kind, value, language))


def _phrase_index() -> dict[tuple[str, ...], tuple[Entry, ...]]:
    index: dict[tuple[str, ...], list[Entry]] = {}
    _index_rows(index, shared.ENTRIES, "latin")
    for language, words in LANGUAGES.items():
        _index_rows(index, words.ENTRIES, language)
        _index_rows(index, tuple((k.NUMBER, float(number), word) for word, number in words.NUMBERS.items()), language)
        fractions = tuple((k.NUMBER, (number,), word) for word, number in words.FRACTIONS.items())
        _index_rows(index, fractions, language)
        days = tuple((k.WEEKDAY, frozenset({day}), names) for day, names in enumerate(words.WEEKDAYS))
        _index_rows(index, days, language)
    maybe = tuple((k.MAYBE_WEEKDAY, frozenset({day}), name) for day, name in enumerate(german.MAYBE_WEEKDAYS))
    _index_rows(index, maybe, "de")
    return {words: tuple(entries) for words, entries in index.items() if words}


PHRASES = _phrase_index()
_LONGEST: dict[str, int] = {}
for _words in PHRASES:
    _LONGEST[_words[0]] = max(_LONGEST.get(_words[0], 0), len(_words))


def longest_from(word: str) -> int:
    """How many words the longest phrase has that begins with `word`; 0 for an unknown word."""
    return _LONGEST.get(word, 0)
