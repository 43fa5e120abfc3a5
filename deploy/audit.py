"""Compares the locks with a copy of the Python advisory database, offline; where there is no copy, it says so and fails nothing.

The copy is a folder of advisories in the OSV format, one YAML or JSON file each, such as a checkout of the advisory database of
the Python Packaging Authority; the variable ADVISORIES names it. Nothing is fetched.
"""

import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version
from sbom import Pin, locked

_ENDINGS = {".yaml", ".yml", ".json"}


@dataclass(frozen=True, slots=True)
class Finding:
    """A pin that an advisory names; `fixed` are the versions that mend it, as the advisory gives them."""

    pin: Pin
    advisory: str
    fixed: tuple[str, ...]


def advisories(folder: Path) -> Iterator[dict[str, Any]]:
    """Every advisory of a folder that was not withdrawn.

    Raises:
        ValueError: a file is no advisory; a copy that cannot be read is no ground to call the locks sound.
    """
    for path in sorted(path for path in folder.rglob("*") if path.suffix in _ENDINGS and path.is_file()):
        try:
            text = path.read_text()
            # Texts only: YAML would read version 1.10 as the number 1.1.
            told = json.loads(text) if path.suffix == ".json" else yaml.load(text, Loader=yaml.BaseLoader)
        except (ValueError, yaml.YAMLError) as error:
            raise ValueError(f"{path}: cannot be read") from error
        if not isinstance(told, dict) or not {"id", "affected"} <= told.keys():
            raise ValueError(f"{path}: no advisory in the OSV format")
        if not told.get("withdrawn"):
            yield told


def findings(pins: list[Pin], told: Iterator[dict[str, Any]]) -> list[Finding]:
    """The pins that advisories name."""
    by_name: dict[str, list[Pin]] = {}
    for pin in pins:
        by_name.setdefault(pin.name, []).append(pin)
    found = []
    for advisory in told:
        for affected in advisory["affected"]:
            package = affected.get("package", {})
            if package.get("ecosystem") != "PyPI":
                continue
            for pin in by_name.get(canonicalize_name(package["name"]), []):
                if _is_affected(pin.version, affected):
                    fixed = {event["fixed"] for event in _events(affected) if "fixed" in event}
                    found.append(Finding(pin, advisory["id"], tuple(sorted(fixed))))
    return found


def _events(affected: dict[str, Any]) -> list[dict[str, str]]:
    ranges = affected.get("ranges") or []
    return [event for each in ranges if each.get("type") == "ECOSYSTEM" for event in each["events"]]


def _is_affected(version: str, affected: dict[str, Any]) -> bool:
    """OSV's rule: listed by name, or the last event at or before it leaves it affected (https://ossf.github.io/osv-schema/)."""
    asked = Version(version)
    if asked in {_place(text) for text in affected.get("versions") or []}:
        return True
    for each in affected.get("ranges") or []:
        if each.get("type") != "ECOSYSTEM":
            continue
        is_in = False
        for kind, text in sorted(_pairs(each["events"]), key=lambda pair: _place(pair[1])):
            at = _place(text)
            if kind == "introduced" and asked >= at:
                is_in = True
            elif (kind == "fixed" and asked >= at) or (kind == "last_affected" and asked > at):
                is_in = False
        if is_in:
            return True
    return False


def _pairs(events: list[dict[str, str]]) -> list[tuple[str, str]]:
    return [(kind, str(text)) for event in events for kind, text in event.items()]


def _place(text: str) -> Version:
    try:
        return Version(text)
    except InvalidVersion:
        # No version that pip would install: it stands before all.
        return Version("0.dev0")


def main() -> int:
    """Say what was found; 1 if an advisory names a pin, 2 if the copy cannot be read."""
    named = os.environ.get("ADVISORIES", "")
    pins = locked()
    if not named or not Path(named).is_dir():
        why = f"{named}: no such folder" if named else "ADVISORIES names no copy of the advisory database"
        print(f"not audited: {len(pins)} pins, {why}", file=sys.stderr)
        return 0
    try:
        told = list(advisories(Path(named)))
    except ValueError as error:
        print(f"not audited: {error}", file=sys.stderr)
        return 2
    if not told:
        print(f"not audited: {named} holds no advisory", file=sys.stderr)
        return 2
    found = findings(pins, iter(told))
    for each in found:
        mended = f"mended in {', '.join(each.fixed)}" if each.fixed else "no version mends it"
        print(f"{each.pin.name} {each.pin.version}: {each.advisory}, {mended}", file=sys.stderr)
    print(f"audited: {len(pins)} pins against {len(told)} advisories, {len(found)} found", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
