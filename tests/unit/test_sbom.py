"""The bill of materials and the audit of deploy/: what they say of the locks, and that they say when they cannot."""

import json
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

DEPLOY = Path(__file__).parents[2] / "deploy"


@pytest.fixture
def sbom(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(DEPLOY))
    import sbom

    return sbom


@pytest.fixture
def audit(sbom: ModuleType) -> ModuleType:
    import audit

    return audit


def test_the_bill_names_every_pin_of_the_locks(sbom: ModuleType) -> None:
    held = json.loads(sbom.FILE.read_text())
    pins = {
        line.split(" ")[0].rstrip(";")
        for lock in sbom.LOCKS
        for line in lock.read_text().splitlines()
        if re.match(r"[A-Za-z0-9]", line)
    }
    named = {f"{each['name']}=={each['version']}" for each in held["components"]}
    assert named == {pin.lower().replace("_", "-").replace(".", "-", pin.split("==")[0].count(".")) for pin in pins}
    assert (held["bomFormat"], held["specVersion"]) == ("CycloneDX", "1.6")
    assert re.fullmatch(r"urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", held["serialNumber"])
    known = {each["bom-ref"] for each in held["components"]}
    assert {ref for each in held["dependencies"] for ref in (each["ref"], *each["dependsOn"])} <= known
    by_name = {each["name"]: each for each in held["components"]}
    assert by_name["polars"]["licenses"] and by_name["polars"]["scope"] == "required"
    assert by_name["dagster-postgres"]["scope"] == "optional"
    (dagster,) = [each["dependsOn"] for each in held["dependencies"] if each["ref"] == by_name["dagster"]["purl"]]
    assert by_name["sqlalchemy"]["purl"] in dagster


def test_the_bill_is_current_and_another_one_is_not(sbom: ModuleType) -> None:
    held, made = json.loads(sbom.FILE.read_text()), sbom.bill(sbom.locked())
    assert sbom.is_current(held, made)
    other = json.loads(json.dumps(held))
    other["components"][0]["version"] = "0"
    assert not sbom.is_current(other, made)
    bare = held | {"components": [{k: v for k, v in c.items() if k != "licenses"} for c in held["components"]]}
    assert not sbom.is_current(bare, made)


def advisory(**affected: object) -> dict:
    return {"id": "PYSEC-1", "affected": [{"package": {"name": "Some_Package", "ecosystem": "PyPI"}, **affected}]}


def ecosystem(*events: dict[str, str]) -> dict:
    return advisory(ranges=[{"type": "ECOSYSTEM", "events": list(events)}])


@pytest.mark.parametrize(
    ("told", "is_found"),
    [
        (advisory(versions=["1.9", "1.10"]), True),
        (advisory(versions=["1.9"]), False),
        (ecosystem({"introduced": "0"}), True),
        (ecosystem({"introduced": "0"}, {"fixed": "1.10"}), False),
        (ecosystem({"introduced": "0"}, {"fixed": "1.11"}), True),
        (ecosystem({"introduced": "1.11"}), False),
        (ecosystem({"introduced": "0"}, {"last_affected": "1.10"}), True),
        (ecosystem({"introduced": "0"}, {"last_affected": "1.9"}), False),
        (ecosystem({"fixed": "1.2"}, {"introduced": "0"}, {"introduced": "1.9"}), True),
        (ecosystem({"introduced": "0"}, {"fixed": "1.2"}, {"introduced": "2.0"}), False),
        (advisory(ranges=[{"type": "GIT", "events": [{"introduced": "0"}]}]), False),
        (
            {"id": "x", "affected": [{"package": {"name": "some-package", "ecosystem": "npm"}, "versions": ["1.10"]}]},
            False,
        ),
    ],
)
def test_a_pin_is_found_where_an_advisory_names_its_version(sbom, audit, told, is_found) -> None:
    pins = [sbom.Pin("some-package", "1.10", True), sbom.Pin("other", "1.10", True)]
    found = audit.findings(pins, iter([told]))
    assert [each.pin.name for each in found] == (["some-package"] if is_found else [])


def ask(folder: Path | str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(DEPLOY / "audit.py")], capture_output=True, text=True, env={"ADVISORIES": str(folder)}
    )


def test_the_audit_says_what_it_could_not_do(tmp_path: Path) -> None:
    without = ask("")
    assert without.returncode == 0 and re.match(r"not audited: \d+ pins", without.stderr)
    assert ask(tmp_path).returncode == 2, "an empty copy is no ground to call the locks sound"
    (tmp_path / "PYSEC-1.yaml").write_text("id: PYSEC-1\naffected:\n- package: {name: polars, ecosystem: PyPI}\n")
    sound = ask(tmp_path)
    assert sound.returncode == 0 and "against 1 advisories, 0 found" in sound.stderr
    (tmp_path / "PYSEC-2.yaml").write_text(
        "id: PYSEC-2\naffected:\n- package: {name: polars, ecosystem: PyPI}\n"
        "  ranges:\n  - type: ECOSYSTEM\n    events:\n    - introduced: 0\n    - fixed: 999.10\n"
    )
    found = ask(tmp_path)
    assert found.returncode == 1 and "PYSEC-2, mended in 999.10" in found.stderr
    (tmp_path / "PYSEC-3.json").write_text("{")
    assert ask(tmp_path).returncode == 2
