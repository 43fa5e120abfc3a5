"""An instruction cut into its base, its later steps and its conditions, and the steps read as one.

What a single step says is the reading's matter.
"""

from dataclasses import dataclass, field

from pipelines.domain.sig import kinds as k
from pipelines.domain.sig.kinds import Token
from pipelines.domain.sig.reading import Reading, read_step, same

_MARKERS = frozenset({k.THEN, k.CHANGE, k.IF, k.MAY, k.STOP, k.CALL})
_DOSE_KINDS = frozenset(
    {k.AMOUNT, k.RATE, k.RANGE_AMOUNT, k.RANGE_RATE, k.AMBIGUOUS_RATE, k.WEEKDAY, k.SLOT, k.NUMBER, k.SCHEME, k.HYBRID,
     k.PER_TIME, k.SHOT_DAY, k.AS_NEEDED, k.AS_DIRECTED}
)  # fmt: skip
_BASE = ""


@dataclass(slots=True)
class Clause:
    """Tokens behind one marker; `sentence` counts sentences."""

    marker: str
    sentence: int
    after_comma: bool = False
    tokens: list[Token] = field(default_factory=list)

    def says_dose(self) -> bool:
        """Whether any token speaks of amount or frequency."""
        return any(t.kind in _DOSE_KINDS for t in self.tokens)


def _clauses(tokens: list[Token]) -> list[Clause]:
    sentence = 0
    clauses = [Clause(_BASE, 0)]
    previous: Token | None = None
    for token in tokens:
        if token.kind == k.SENTENCE:
            sentence += 1
            clauses[-1].tokens.append(token)
            if clauses[-1].marker in (k.IF, k.MAY, k.CALL, k.STOP):
                clauses.append(Clause(_BASE, sentence))
        elif token.kind in _MARKERS:
            after_comma = previous is None or previous.kind in (k.COMMA, k.SENTENCE, k.OPEN)
            clauses.append(Clause(token.kind, sentence, after_comma))
        else:
            clauses[-1].tokens.append(token)
        previous = token
    return clauses


@dataclass(slots=True)
class Instruction:
    """The base step's tokens, later steps' tokens, and the reasons that the cutting gave."""

    base: list[Token] = field(default_factory=list)
    steps: list[list[Token]] = field(default_factory=list)
    flags: set[str] = field(default_factory=set)


def _sentences_of(clauses: list[Clause]) -> dict[int, list[Clause]]:
    grouped: dict[int, list[Clause]] = {}
    for clause in clauses:
        grouped.setdefault(clause.sentence, []).append(clause)
    return grouped


def cut(tokens: list[Token]) -> Instruction:
    """The tokens of an instruction by role: base, steps; conditions leave a flag only."""
    found = Instruction()
    clauses = _clauses(tokens)
    dose_so_far = False
    base_speaks = any(c.marker == _BASE and c.says_dose() for c in clauses)
    for group in _sentences_of(clauses).values():
        conditional = any(c.marker in (k.IF, k.MAY) for c in group)
        stepping = False
        for place, clause in enumerate(group):
            if clause.marker == _BASE:
                found.base += clause.tokens
                dose_so_far = dose_so_far or clause.says_dose()
            elif clause.marker == k.CALL:
                found.flags |= {"unread_words"} if any(t.kind == k.UNREAD for t in clause.tokens) else set()
                break
            elif conditional and not _is_step(group, place):
                _condition(found, group, place, base_speaks)
            elif clause.marker == k.STOP:
                if stepping:
                    found.flags.add("steps")
                elif dose_so_far and any(t.kind == k.BEFORE for t in clause.tokens):
                    found.flags.add("conditional")
                else:
                    found.flags.add("stop")
            else:
                empty = not any(t.kind not in (k.COMMA, k.SENTENCE) for t in clause.tokens)
                if empty and clause.marker == k.THEN and place + 1 < len(group) and group[place + 1].marker == k.CALL:
                    continue  # 'then follow up'
                stepping = True
                found.flags.add("steps")
                if clause.marker == k.CHANGE or any(t.kind not in (k.COMMA, k.SENTENCE) for t in clause.tokens):
                    found.steps.append(clause.tokens)
                dose_so_far = dose_so_far or clause.says_dose()
    return found


def _is_step(group: list[Clause], place: int) -> bool:
    """'Then' with a dose before any 'if': '1 tablet for 4 weeks, then 2 tablets, then stop if ...'."""
    clause = group[place]
    return clause.marker == k.THEN and clause.says_dose() and not any(c.marker in (k.IF, k.MAY) for c in group[:place])


def _condition(found: Instruction, group: list[Clause], place: int, base_speaks: bool) -> None:
    """A clause in a sentence with 'if' or 'may': a change keeps the base, a condition on all of it does not."""
    clause = group[place]
    changes = any(c.marker in (k.CHANGE, k.STOP) for c in group)
    if clause.marker == k.IF and not changes and base_speaks and not clause.after_comma and not clause.says_dose():
        found.flags.add("conditional_use")
    elif changes or clause.marker == k.IF or clause.says_dose():
        found.flags.add("conditional" if base_speaks else "conditional_use")
    elif any(t.kind == k.UNREAD for t in clause.tokens):
        found.flags.add("unread_words")


def read(instruction: Instruction) -> Reading:
    """The base step; with later steps, only what is the same in all of them."""
    base = read_step(instruction.base)
    if not instruction.steps:
        return base
    steps = [read_step(tokens) for tokens in instruction.steps]
    spoken = [step for step in (base, *steps) if step.says_dose]
    merged = Reading(strengths=[s for step in (base, *steps) for s in step.strengths], courses=base.courses)
    merged.flags = set().union(*(step.flags for step in (base, *steps)))
    says_nothing = any(not step.says_dose for step in steps)
    ends = "steps" in instruction.flags and all(not tokens for tokens in instruction.steps)
    if not spoken or (says_nothing and not ends):
        return merged
    merged.dose = _common_dose(spoken)
    merged.rate = _common_rate(spoken)
    return merged


def _common_dose(steps: list[Reading]) -> dict:
    if any(step.unequal or step.weekly_total or step.flags & {"range_amount", "amount_conflict"} for step in steps):
        return {}
    stated = [step.dose for step in steps if step.dose]
    if not stated:
        return {}
    shared = set.intersection(*(set(dose) for dose in stated))
    kept = {unit: stated[0][unit] for unit in stated[0] if unit in shared}
    differs = any(not same(dose[unit].value, kept[unit].value) for dose in stated for unit in kept)
    return {} if differs else kept


def _common_rate(steps: list[Reading]) -> float | None:
    unclear = {"range_frequency", "ambiguous_frequency", "frequency_conflict", "once"}
    if any(step.flags & unclear for step in steps):
        return None
    stated = [step.rate for step in steps if step.rate is not None]
    return stated[0] if stated and all(same(stated[0], rate) for rate in stated) else None
