"""The engine of the grammar: a rule is a regular expression over token kinds and a function that rewrites its match."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from pipelines.domain.sig.kinds import Token, kind_string

Build = Callable[[list[Token]], list[Token] | None]


@dataclass(frozen=True, slots=True)
class Rule:
    """`pattern` over the kind string; `build` gives the tokens instead, or None to leave the match as it is."""

    pattern: str
    build: Build
    compiled: re.Pattern[str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "compiled", re.compile(self.pattern))


def drop(_: list[Token]) -> list[Token]:
    """A build function: the match says nothing about dose."""
    return []


def _rewritten(tokens: list[Token], kinds: str, rule: Rule) -> list[Token]:
    out: list[Token] = []
    last = 0
    for match in rule.compiled.finditer(kinds):
        built = rule.build(tokens[match.start() : match.end()])
        if built is None:
            continue
        out += tokens[last : match.start()]
        out += built
        last = match.end()
    return out + tokens[last:] if last else tokens


def rewrite(tokens: list[Token], rule: Rule) -> list[Token]:
    """The tokens with every non-overlapping match of the rule rewritten, left to right."""
    return _rewritten(tokens, kind_string(tokens), rule)


def rewrite_all(tokens: list[Token], rules: Sequence[Rule]) -> list[Token]:
    """The rules one after another."""
    kinds = kind_string(tokens)
    for rule in rules:
        after = _rewritten(tokens, kinds, rule)
        if after is not tokens:
            tokens, kinds = after, kind_string(after)
    return tokens
