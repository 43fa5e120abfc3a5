"""The parameters of the simulator: read, checked and overridden from TOML files.

Here: the file format and its refusals. Every parameter of `truth.toml` is one line,
`name = { value = …, unit = "…", range = [low, high], source = "…" }`; an override file may give `name = value` or
`name = { value = …, unit = "…" }` for keys that exist. Not here: what a parameter does.
"""

import difflib
import hashlib
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.errors import BadInput

DEFAULT_FILE = Path(__file__).with_name("truth.toml")
#: shares that must not exceed one together, by section: every key of the section that starts so
_SHARES = {"people": ("share_",)}
#: lists whose elements divide everybody up: they must add up to one
_DIVISIONS = ("_shares", "_kinds")

Value = float | bool | tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One named quantity: its value, unit, allowed range (inclusive; for a list, of every element) and source."""

    value: Value
    unit: str
    low: float
    high: float
    source: str


@dataclass(frozen=True, slots=True)
class Parameters:
    """All parameters by `section.name`."""

    entries: Mapping[str, Parameter]

    def number(self, key: str) -> float:
        """The value of a scalar parameter."""
        value = self.entries[key].value
        if isinstance(value, bool | tuple):
            raise TypeError(f"{key} is not a number")
        return value

    def flag(self, key: str) -> bool:
        """The value of a switch."""
        value = self.entries[key].value
        if not isinstance(value, bool):
            raise TypeError(f"{key} is not a switch")
        return value

    def vector(self, key: str) -> tuple[float, ...]:
        """The values of a list parameter."""
        value = self.entries[key].value
        if not isinstance(value, tuple):
            raise TypeError(f"{key} is not a list")
        return value

    def replace(self, changes: Mapping[str, Value]) -> "Parameters":
        """A copy with other values; unknown keys and values out of range are refused like those of a file."""
        entries = dict(self.entries)
        problems = []
        for key, value in changes.items():
            if key not in entries:
                problems.append(f"unknown parameter {key!r}")
                continue
            problem = _problem(entries[key], value)
            if problem:
                problems.append(f"{key}: {problem}")
            else:
                entries[key] = _with_value(entries[key], value)
        if problems:
            raise BadInput(problems)
        return Parameters(entries)

    def fingerprint(self) -> str:
        """Hex digest of all values: two runs with the same one had the same truth."""
        text = "\n".join(f"{key}={entry.value!r}" for key, entry in sorted(self.entries.items()))
        return hashlib.sha256(text.encode()).hexdigest()


def _with_value(entry: Parameter, value: Any) -> Parameter:
    if isinstance(entry.value, tuple):
        fixed: Value = tuple(float(part) for part in value)
    else:
        fixed = value if isinstance(entry.value, bool) else float(value)
    return Parameter(fixed, entry.unit, entry.low, entry.high, entry.source)


def _allowed(entry: Parameter) -> str:
    if isinstance(entry.value, bool):
        return "allowed: true or false"
    return f"allowed range {entry.low:g} to {entry.high:g} {entry.unit}"


def _problem(entry: Parameter, value: Any) -> str | None:
    """What is wrong with a new value, or None."""
    allowed = _allowed(entry)
    if isinstance(entry.value, bool):
        return None if isinstance(value, bool) else "must be true or false"
    if isinstance(entry.value, tuple):
        if not isinstance(value, list | tuple) or len(value) != len(entry.value):
            return f"must be a list of {len(entry.value)} numbers; {allowed}"
        parts: Iterable[Any] = value
    else:
        parts = (value,)
    for part in parts:
        if isinstance(part, bool) or not isinstance(part, int | float):
            return f"must be a number; {allowed}"
        if not entry.low <= part <= entry.high:  # also refuses nan
            return f"{part:g} is impossible; {allowed}"
    return None


def _lines(text: str) -> dict[str, int]:
    """Line number of each `section.name`; arrays and inline tables start on the line of their key."""
    section, found = "", {}
    for number, line in enumerate(text.splitlines(), start=1):
        header = re.match(r"\s*\[([^\[\]]+)\]\s*(#.*)?$", line)
        if header:
            section = header.group(1).strip().replace('"', "")
            found.setdefault(section, number)
            continue
        key = re.match(r'\s*"?([A-Za-z0-9_.\-]+)"?\s*=', line)
        if key:
            found[f"{section}.{key.group(1)}" if section else key.group(1)] = number
    return found


def _duplicates(text: str) -> list[tuple[str, int, int]]:
    """Every `section.name` given twice: name, line of the first, line of the second."""
    section, seen, twice = "", {}, []
    for number, line in enumerate(text.splitlines(), start=1):
        header = re.match(r"\s*\[([^\[\]]+)\]\s*(#.*)?$", line)
        if header:
            section = header.group(1).strip().replace('"', "")
            continue
        key = re.match(r'\s*"?([A-Za-z0-9_.\-]+)"?\s*=', line)
        if key:
            name = f"{section}.{key.group(1)}" if section else key.group(1)
            if name in seen:
                twice.append((name, seen[name], number))
            seen.setdefault(name, number)
    return twice


def _parse(path: Path, known: Mapping[str, Parameter]) -> tuple[dict[str, Any], dict[str, int]]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path.name}: cannot be read as UTF-8 text: {type(error).__name__}") from error
    try:
        return tomllib.loads(text), _lines(text)
    except tomllib.TOMLDecodeError as error:
        twice = [
            f"{path.name}, line {second}: {name} was already given in line {first}; keep one"
            + (f"; {_allowed(known[name])}" if name in known else "")
            for name, first, second in _duplicates(text)
        ]
        if twice:
            raise BadInput(twice) from error
        said, at = str(error), re.search(r"\(at line (\d+)", str(error))
        line = at.group(1) if at else len(text.splitlines())
        shape = "write [section] lines and `name = value` lines as in " + DEFAULT_FILE.name
        raise BadInput(f"{path.name}, line {line}: not TOML: {said.split(' (at')[0]}; {shape}") from error


def _shares_problems(entries: Mapping[str, Parameter], name: str, lines: Mapping[str, int]) -> list[str]:
    problems = []
    for section, prefixes in _SHARES.items():
        for prefix in prefixes:
            keys = [key for key in entries if key.startswith(f"{section}.{prefix}")]
            values = [value for key in keys if isinstance(value := entries[key].value, float)]
            if sum(values) > 1.0 + 1e-9:
                line = max((lines.get(key, 0) for key in keys), default=0)
                problems.append(f"{name}, line {line}: {section}.{prefix}* add up to more than 1; allowed range 0 to 1")
    for key, entry in entries.items():
        if isinstance(entry.value, tuple) and key.endswith(_DIVISIONS) and abs(sum(entry.value) - 1.0) > 1e-6:
            where = f"{name}, line {lines.get(key, 0)}: {key}"
            problems.append(f"{where} adds up to {sum(entry.value):g}, not 1; allowed range of each 0 to 1 share")
    return problems


def _defaults() -> Parameters:
    tree, lines = _parse(DEFAULT_FILE, {})
    entries: dict[str, Parameter] = {}
    for section, names in tree.items():
        for name, spec in names.items():
            raw = spec["value"]
            low, high = spec.get("range", (0.0, 1.0))
            value: Value = (
                raw if isinstance(raw, bool) else tuple(map(float, raw)) if isinstance(raw, list) else float(raw)
            )
            entries[f"{section}.{name}"] = Parameter(value, spec["unit"], float(low), float(high), spec["source"])
    problems = [
        f"{DEFAULT_FILE.name}, line {lines[key]}: {key}: {problem}"
        for key, entry in entries.items()
        if (problem := _problem(entry, entry.value))
    ]
    problems += _shares_problems(entries, DEFAULT_FILE.name, lines)
    if problems:
        raise BadInput(problems)
    return Parameters(entries)


def load_parameters(override: Path | None = None) -> Parameters:
    """The default parameters, with the values of an override file where it gives any.

    Raises:
        BadInput: the override file is not TOML, names an unknown key, gives a value out of its range or in another
            unit; every problem with its line and the allowed range.
    """
    defaults = _defaults()
    if override is None:
        return defaults
    tree, lines = _parse(override, defaults.entries)
    entries, problems = dict(defaults.entries), []
    for section, names in tree.items():
        if not isinstance(names, dict):
            problems.append(f"{override.name}, line {lines.get(section, 1)}: {section!r} stands outside any [section]")
            continue
        for name, given in names.items():
            key = f"{section}.{name}"
            where = f"{override.name}, line {lines.get(key, lines.get(section, 1))}"
            if key not in entries:
                problems.append(f"{where}: unknown parameter {key!r}; {_nearest(key, entries)}")
                continue
            entry = entries[key]
            problem, value = _given_problem(entry, given)
            if problem:
                problems.append(f"{where}: {key}: {problem}")
            else:
                entries[key] = _with_value(entry, value)
    if not problems:
        problems = _shares_problems(entries, override.name, lines)
    if problems:
        raise BadInput(problems)
    return Parameters(entries)


def _nearest(key: str, entries: Mapping[str, Parameter]) -> str:
    """What an unknown key may have been meant to be."""
    near = difflib.get_close_matches(key, entries, n=1, cutoff=0.75)
    if not near:
        return f"the names are those of {DEFAULT_FILE.name}"
    return f"did you mean {near[0]} ({_allowed(entries[near[0]])})? The names are those of {DEFAULT_FILE.name}"


def _given_problem(entry: Parameter, given: Any) -> tuple[str | None, Any]:
    """Problem and value of one line of an override file."""
    if not isinstance(given, dict):
        return _problem(entry, given), given
    extra = sorted(set(given) - {"value", "unit", "range", "source"})
    if extra or "value" not in given:
        return f"a table may hold value, unit, range and source, and must hold value; {_allowed(entry)}", None
    if given.get("unit", entry.unit) != entry.unit:
        return f"unit must be {entry.unit!r}; {_allowed(entry)}", None
    if "range" in given and given["range"] != [entry.low, entry.high]:
        return f"the range is fixed; {_allowed(entry)}", None
    return _problem(entry, given["value"]), given["value"]
