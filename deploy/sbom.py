"""Writes deploy/sbom.json: what is installed from the locks, as a CycloneDX 1.6 bill of materials. Reads no network.

Names and versions are those of the locks; licences and dependencies come from the metadata of what is installed here. Nothing
in it depends on the hour or the machine, so that a test can hold it current. Hashes stay in the
locks.
"""

import argparse
import json
import re
import sys
import uuid
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import PackageMetadata, PackageNotFoundError, metadata
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
FILE = ROOT / "deploy" / "sbom.json"
# Lock -> whether everybody installs it.
LOCKS = {
    ROOT / "requirements.lock": True,
    ROOT / "deploy" / "postgres.lock": False,
    ROOT / "deploy" / "spark.lock": False,
}
_PIN = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s;\\]+)", re.MULTILINE)
_MOST_LETTERS = 80


@dataclass(frozen=True, slots=True)
class Pin:
    """A package as a lock names it."""

    name: str
    version: str
    is_required: bool

    @property
    def purl(self) -> str:
        """Its package URL (https://github.com/package-url/purl-spec)."""
        return f"pkg:pypi/{self.name}@{self.version}"


def locked(locks: dict[Path, bool] = LOCKS) -> list[Pin]:
    """Every pin of the locks, by name."""
    found = [
        Pin(canonicalize_name(name), version, is_required)
        for path, is_required in locks.items()
        for name, version in _PIN.findall(path.read_text())
    ]
    return sorted(found, key=lambda pin: (pin.name, pin.version))


def bill(pins: list[Pin]) -> dict[str, Any]:
    """The bill of materials."""
    by_name = {pin.name: pin for pin in pins}
    hashes = "".join(sha256(path.read_bytes()).hexdigest() for path in LOCKS)
    said = {pin: _metadata(pin) for pin in pins}
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, hashes)}",
        "version": 1,
        "metadata": {"component": {"type": "application", "bom-ref": "trabecula", "name": "trabecula"}},
        "components": [_component(pin, said[pin]) for pin in pins],
        "dependencies": [
            {"ref": pin.purl, "dependsOn": _depends_on(said[pin], by_name)} for pin in pins if said[pin] is not None
        ],
    }


def _metadata(pin: Pin) -> PackageMetadata | None:
    """What the installed package says; None where it, or this version of it, is not installed here."""
    try:
        found = metadata(pin.name)
    except PackageNotFoundError:
        return None
    return found if found["Version"] == pin.version else None


def _component(pin: Pin, said: PackageMetadata | None) -> dict[str, Any]:
    component: dict[str, Any] = {
        "type": "library",
        "bom-ref": pin.purl,
        "name": pin.name,
        "version": pin.version,
        "purl": pin.purl,
        "scope": "required" if pin.is_required else "optional",
    }
    licence = _licence(said) if said is not None else None
    return component | ({"licenses": [licence]} if licence else {})


def _licence(said: PackageMetadata) -> dict[str, Any] | None:
    """An SPDX expression where the package gives one, else the name that it gives; None: it says nothing."""
    if expression := said.get("License-Expression"):
        return {"expression": expression}
    named = [text.rpartition(" :: ")[2] for text in said.get_all("Classifier", []) if text.startswith("License :: ")]
    text = " ".join((said.get("License") or "").split())
    name = " and ".join(sorted(named)) or (text if len(text) <= _MOST_LETTERS else "")
    return {"license": {"name": name}} if name else None


def _depends_on(said: PackageMetadata | None, by_name: dict[str, Pin]) -> list[str]:
    """Locked packages that it names, for any system; those of its extras are left out."""
    asked = [Requirement(text) for text in (said.get_all("Requires-Dist", []) if said is not None else [])]
    names = {canonicalize_name(each.name) for each in asked if "extra" not in str(each.marker or "")}
    return sorted(by_name[name].purl for name in names & by_name.keys())


def is_current(held: dict[str, Any], made: dict[str, Any]) -> bool:
    """Whether a bill says what one made here says; of packages that are not installed here it may say more."""
    here = {each["ref"] for each in made["dependencies"]}

    def seen(told: dict[str, Any]) -> dict[str, Any]:
        components = [
            each if each["bom-ref"] in here else {name: each[name] for name in each if name != "licenses"}
            for each in told["components"]
        ]
        return told | {"components": components, "dependencies": [e for e in told["dependencies"] if e["ref"] in here]}

    return seen(held) == seen(made)


def main() -> int:
    """Write the bill, or say whether the one there is current."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="Write nothing; exit 1 if deploy/sbom.json is not current."
    )
    made = bill(locked())
    if not parser.parse_args().check:
        FILE.write_text(json.dumps(made, indent=1) + "\n")
        return 0
    if is_current(json.loads(FILE.read_text()), made):
        return 0
    print("deploy/sbom.json is not that of the locks: make docs", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
