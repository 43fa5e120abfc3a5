"""Statements of the analyst guide by section and number, as they stand there: tests run those and no others."""

import re
from pathlib import Path

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "analyst-guide.md"
_STATEMENT = re.compile(r"^(?P<number>\d+)\. (?P<question>.+?)^```sql\n(?P<sql>.+?)^```$", re.M | re.S)


def statements(section: str) -> dict[int, str]:
    """Number to statement of a section of the guide, in its order."""
    text = GUIDE.read_text().split(f"\n## {section}\n")[1].split("\n## ")[0]
    return {int(found["number"]): found["sql"].strip() for found in _STATEMENT.finditer(text)}


FIRST = "Ten questions asked first"
SURVEY = "Ten worked queries of a survey"
