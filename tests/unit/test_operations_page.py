"""The operator's page and the program say the same: every phrase of the table is said somewhere, every failure has a row."""

import ast
import errno
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

# Of the system: their words are passed on.
OF_THE_SYSTEM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES)
OPEN = "…"
# `told` of a campaign is cut off there.
CUT = 150
WORDING = ("assets/run_failure.py",)


@pytest.fixture(scope="module")
def phrases(root: Path) -> list[str]:
    """What the table lists in its column `it says`."""
    page = (root / "docs" / "operations.md").read_text()
    table = page.partition("## What a failure says")[2].partition("\n\nA refused run")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    found = [phrase for row in rows for phrase in re.findall("`([^`]+)`", row)]
    assert len(found) > 40
    return found


def pieces(phrase: str) -> list[str]:
    """What is said word for word between the parts that differ."""
    return [piece.strip() for piece in phrase.split(OPEN) if piece.strip()]


def texts(source: Path) -> Iterator[str]:
    """Every text of a module, neighbours put together, what is filled in left open; no docstrings."""
    tree = ast.parse(source.read_text())
    plain = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    within = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(part.value if isinstance(part, ast.Constant) else OPEN for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and not {id(node)} & (plain | within):
            yield node.value


def memory_runs_out() -> str:
    with duckdb.connect(config={"memory_limit": "4MB", "threads": 1, "temp_directory": ""}) as small:
        try:
            small.execute("select list(range) from range(10_000_000)").fetchall()
        except duckdb.OutOfMemoryException as error:
            return str(error)
    return ""


def has_row(said: str, phrases: list[str]) -> bool:
    if any(all(piece in said for piece in pieces(phrase)) for phrase in phrases):
        return True
    begun = [piece[:12] for phrase in phrases for piece in pieces(phrase)[:1] if len(piece) > 20]
    return len(said) >= CUT and any(start in said[-40:] for start in begun)


def test_every_phrase_is_said_by_the_program(root: Path, phrases: list[str]) -> None:
    sources = [path for house in ("pipelines", "assets") for path in sorted((root / house).rglob("*.py"))]
    said = {text for source in sources for text in texts(source)}
    said |= {os.strerror(code) for code in OF_THE_SYSTEM} | {memory_runs_out()}
    # A phrase may end in the middle of what is filled in: `unexpected …Error`.
    unsaid = [
        phrase
        for phrase in phrases
        if not any(all(piece in text for piece in pieces(phrase) if piece != "Error") for text in said)
    ]
    assert unsaid == []


@pytest.mark.parametrize("campaign", ["struck.json", "soak.json"])
def test_what_nights_said_has_a_row(root: Path, phrases: list[str], campaign: str) -> None:
    frozen = (root / "tests" / "faults" / "nights" / campaign).read_text()
    told: set[str] = set()
    json.loads(frozen, object_hook=lambda held: told.add(held.get("told") or ""))
    assert len(told) > 3
    assert [said for said in sorted(told) if said and not has_row(said, phrases)] == []


@pytest.mark.parametrize("module", WORDING)
def test_every_failure_that_is_put_into_words_has_a_row(root: Path, phrases: list[str], module: str) -> None:
    sentences = [text for text in texts(root / module) if len(text.split()) > 3]
    assert len(sentences) >= 2
    assert [said for said in sentences if not has_row(said, phrases)] == []
