"""How a contract writes a column: one short function a type, meaning first. Shared columns (person, provenance) live here."""

import datetime as dt
from collections.abc import Sequence
from typing import Any, TypedDict, Unpack

import dataframely as dy


class Derivation(TypedDict, total=False):
    """How a feature comes about: formula, days looked at, publication or rule behind it, and what leaves it NULL.

    Window and source stand once for the table where they are the same for most of its columns.
    """

    formula: str
    window: str
    source: str
    null: str


def _facts(unit: str | None, derivation: Derivation) -> dict[str, Any] | None:
    return ({"unit": unit} if unit else {}) | dict(derivation) or None


def text(
    meaning: str,
    *,
    key: bool = False,
    optional: bool = False,
    allowed: Sequence[str] = (),
    **derivation: Unpack[Derivation],
) -> dy.Column:
    """A name, code or sentence; `allowed` lists the codes that may occur."""
    facts = _facts(None, derivation)
    if allowed:
        return dy.Enum(list(allowed), nullable=optional, primary_key=key, description=meaning, metadata=facts)
    return dy.String(nullable=optional, primary_key=key, description=meaning, metadata=facts)


def number(
    meaning: str,
    unit: str | None = None,
    *,
    optional: bool = False,
    minimum: float | None = None,
    maximum: float | None = None,
    **derivation: Unpack[Derivation],
) -> dy.Float64:
    """A measured or computed quantity, never NaN or infinite."""
    facts = _facts(unit, derivation)
    return dy.Float64(nullable=optional, min=minimum, max=maximum, description=meaning, metadata=facts)


def whole(
    meaning: str,
    unit: str | None = None,
    *,
    key: bool = False,
    optional: bool = False,
    minimum: int | None = None,
    maximum: int | None = None,
    **derivation: Unpack[Derivation],
) -> dy.Int64:
    """A count or an ordinal."""
    facts = _facts(unit, derivation)
    return dy.Int64(nullable=optional, primary_key=key, min=minimum, max=maximum, description=meaning, metadata=facts)


def flag(meaning: str, *, optional: bool = False, **derivation: Unpack[Derivation]) -> dy.Bool:
    """True or false; NULL only where `optional`, meaning unknown."""
    return dy.Bool(nullable=optional, description=meaning, metadata=_facts(None, derivation))


def day(meaning: str, *, optional: bool = False) -> dy.Date:
    """A calendar date."""
    return dy.Date(nullable=optional, min=dt.date(1900, 1, 1), max=dt.date(2300, 1, 1), description=meaning)


def instant(meaning: str, *, optional: bool = False) -> dy.Datetime:
    """A moment in UTC."""
    return dy.Datetime(nullable=optional, description=meaning)


def person_id(*, key: bool = True) -> dy.Int64:
    """The one identifier of a person."""
    return dy.Int64(
        primary_key=key,
        min=0,
        description="Surrogate id: 63 bits of HMAC-SHA256(key, source and native id); says nothing by itself",
    )


def source_id() -> dy.Column:
    """Where the row came from."""
    return text("Source system of the row (nhanes, omop, flat)")


def drop_id() -> dy.Column:
    """Which delivery the row came with."""
    return text("Delivery the row came with; snapshot where each delivery replaces the one before")


def raw_provenance(*, is_person: bool) -> dict[str, dy.Column]:
    """The columns that every raw table of a clinical source carries before its own."""
    person = {"person_id": person_id(key=False)} if is_person else {}
    return person | {
        "source_id": source_id(),
        "drop_id": drop_id(),
        "drop_sequence": whole("Order of the delivery, from 1; the latest stands", minimum=1),
        "source_file": text("Path inside the input folder", key=True),
        "source_row": whole("Row number in the file, from 1, header not counted", key=True, minimum=1),
        "cycle_code": text("Survey cycle letter; NULL outside surveys", optional=True),
    }
