"""The SQL of one scan of row questions: strata, answers, and how many rows are alike. Nothing here runs SQL.

Each question leaves two bits of a row: that it was asked, and that it does not hold; the bits of many stand in one
number, and rows alike in all numbers and strata are counted together. Questions of codes alone need not be asked of each
row: rows are counted by their codes first, and the questions are asked of the few combinations there are.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from expectations.question import QUERY_WORDS, RowQuestion
from pipelines.tables import CONTRACTS, Column
from pipelines.warehouse.engine import quoted

# Two bits each must fit the sign-free part of a BIGINT.
_QUESTIONS_OF_NUMBER = 31
_JOINS = re.compile(r"left join (?P<table>\S+) as (?P<alias>\w+) using \((?P<key>\w+)\)")
_ALIKE = "n_rows_alike"

Rows = tuple[str, RowQuestion]
Condition = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Scan:
    """Questions that are asked together; `codes` are the columns by which rows are counted first, if they are.

    `source` is what the questions are asked of, with `{batch}` for the table.
    """

    table: str
    source: str
    rows: tuple[Rows, ...]
    codes: tuple[str, ...] = ()

    @property
    def strata(self) -> list[str]:
        """Columns by which any of the questions is judged; the n-th is `s<n>` in the result."""
        return list(dict.fromkeys(column for _, question in self.rows for column in question.by))

    @property
    def conditions(self) -> list[Condition]:
        """What is asked, each once, though several questions may ask it with different strata or thresholds."""
        return list(dict.fromkeys((question.holds, question.where) for _, question in self.rows))

    def bits(self, question: RowQuestion) -> tuple[str, int, int]:
        """Where its answer stands: column, the bit that it was asked, the bit that it is broken."""
        number, place = divmod(self.conditions.index((question.holds, question.where)), _QUESTIONS_OF_NUMBER)
        return f"answers{number}", 1 << 2 * place, 2 << 2 * place

    @property
    def query(self) -> str:
        """One row for rows alike: `s0`, `s1`, ... the strata, `answers0`, ... and `n`, how many they are."""
        labels = [f"{column} as s{n}" for n, column in enumerate(self.strata)]
        asked = self.conditions
        numbers = [asked[start : start + _QUESTIONS_OF_NUMBER] for start in range(0, len(asked), _QUESTIONS_OF_NUMBER)]
        answers = [
            f"{' | '.join(_answer(*condition, place) for place, condition in enumerate(number))} as answers{n}"
            for n, number in enumerate(numbers)
        ]
        told = ", ".join([*labels, *answers])
        if not self.codes:
            source = self.source.replace("{batch}", qualified(self.table))
            return f"select *, count(*) as n from (select {told} from {source}) group by all"
        columns = ", ".join(quoted(code) for code in self.codes)
        batch = f"(select {columns}, count(*) as {_ALIKE} from {qualified(self.table)} group by all)"
        source = self.source.replace("{batch}", batch)
        return (
            f"select * exclude ({_ALIKE}), cast(sum({_ALIKE}) as bigint) as n "
            f"from (select {told}, {_ALIKE} from {source}) group by all"
        )


def split(whole: Scan) -> tuple[Scan, ...]:
    """Questions of codes apart from all others, which see the rows themselves."""
    own = CONTRACTS[whole.table].columns
    names = {column.name for column in own}
    few = {column.name for column in own if _is_code(column)}
    joins = [(found["table"], found["alias"], found["key"]) for found in _JOINS.finditer(whole.source)]

    def joined(words: set[str]) -> list[tuple[str, str, str]]:
        """The joins of which a text names the table or a column that only it has."""
        found = []
        for table, alias, key in joins:
            columns = {column.name for column in CONTRACTS[table].columns} - names
            if alias in words or words & columns:
                found.append((table, alias, key))
        return found

    def of_codes(question: RowQuestion) -> bool:
        words = _words(question)
        # `is distinct from` is a comparison, and no query.
        if QUERY_WORDS.search(f"{question.holds} {question.where}".replace("distinct from", "")):
            return False
        return words & names <= few and all(key in few for _, _, key in joined(words))

    coded = tuple(row for row in whole.rows if of_codes(row[1]))
    # One question alone is as cheap among the others as in a pass of its own.
    if len(coded) < 2:
        return (whole,)
    words = set().union(*(_words(question) for _, question in coded))
    needed = joined(words)
    codes = tuple(c.name for c in own if c.name in words or c.name in {key for _, _, key in needed})
    batch = whole.source.split(" left join ", 1)[0]
    source = " ".join([batch, *(f"left join {table} as {alias} using ({key})" for table, alias, key in needed)])
    rest = tuple(row for row in whole.rows if row not in coded)
    parts = (Scan(whole.table, source, coded, codes), Scan(whole.table, whole.source, rest))
    return tuple(part for part in parts if part.rows)


def qualified(table: str) -> str:
    """The quoted name of a table."""
    layer, name = table.split(".")
    return f"{quoted(layer)}.{quoted(name)}"


def _is_code(column: Column) -> bool:
    """A column that holds few different values; were they many, counting by it would be slow, and as right."""
    is_listed = column.duckdb_type == "VARCHAR" and column.name.endswith(("_code", "_flags"))
    return bool(column.allowed) or column.duckdb_type == "BOOLEAN" or is_listed


def _words(question: RowQuestion) -> set[str]:
    """Every word of a question, so that no column that it reads is missed, and some may be taken for read."""
    texts: Iterable[str] = (question.holds, question.where, *question.by)
    return {word for text in texts for word in re.findall(r"\w+", text)}


def _answer(holds: str, where: str, place: int) -> str:
    """Not asked, holds or broken, at its place; a condition that is NULL does not hold, and is not asked."""
    answer = f"(case when ({holds}) then {1 << 2 * place} else {3 << 2 * place} end)"
    return answer if where == "true" else f"(case when ({where}) then {answer} else 0 end)"
