"""What the doctor says of source, key and drops: each finding fine, and each wrong with its remedy."""

from dataclasses import dataclass, replace

import pytest

from pipelines import doctor
from pipelines.settings import Settings
from pipelines.warehouse import drop_log, key, simulated

SECRET = "a-key-for-tests-and-nothing-else"


@dataclass(frozen=True)
class Drop:
    drop_id: str
    sequence: int
    folder: str


@pytest.fixture
def own(tmp_path, monkeypatch):
    for variable in (key.VARIABLE, key.FILE_VARIABLE):
        monkeypatch.delenv(variable, raising=False)
    (tmp_path / "drop").mkdir()
    return Settings(tmp_path / "home", "omop", str(tmp_path / "drop"))


def found(settings, subject):
    (one,) = [finding for finding in doctor.examine(settings) if finding.subject == subject]
    return one


def test_every_wrong_finding_has_a_remedy(tmp_path):
    findings = doctor.examine(Settings(tmp_path / "nowhere", "somewhere", str(tmp_path / "nothing")))
    wrong = {finding.subject: finding.remedy for finding in findings if not finding.is_fine}
    assert {"settings", "source", "drop folder", "published build"} <= wrong.keys()
    assert all(wrong.values())


def test_the_source(own):
    assert found(own, "source").what == "omop, nothing landed yet"
    assert not found(replace(own, source=""), "source").is_fine
    unknown = found(replace(own, source="hl7"), "source")
    assert not unknown.is_fine and "nhanes, omop, flat" in unknown.remedy
    key.remember_key(own, "omop", key.PersonKey(b"k" * 16, is_secret=True))
    assert found(own, "source").what == "omop, landed"
    simulated.mark(own)
    assert found(own, "source").what == "omop, simulated data"
    other = found(replace(own, source="flat"), "source")
    assert not other.is_fine and "was landed from omop" in other.what and "a home of its own" in other.remedy


def test_the_key(own, monkeypatch):
    assert "the public one" in found(own, "key of person ids").what
    assert found(replace(own, source="nhanes"), "key of person ids").what == "the public one: a survey is public"
    lacking = found(replace(own, source="flat"), "key of person ids")
    assert not lacking.is_fine and "chmod 600" in lacking.remedy
    monkeypatch.setenv(key.VARIABLE, SECRET)
    assert found(own, "key of person ids").what == "a secret one is set"
    key.remember_key(own, "omop", key.person_key(own, "offered"))
    assert found(own, "key of person ids").is_fine
    monkeypatch.setenv(key.VARIABLE, SECRET + "!")
    other = found(own, "key of person ids")
    assert not other.is_fine and "landed with another key" in other.remedy
    assert SECRET not in f"{other}"


def test_drops(own, tmp_path):
    assert found(own, "drops").is_fine
    for name in ("2024-01", "2024-02"):
        (tmp_path / "drop" / name).mkdir()
    drop_log.remember(own, [Drop("a", 1, "2024-01")])
    assert found(own, "drops").what == "1 landed, 1 other folders"
    (tmp_path / "drop" / "2024-01").rmdir()
    gone = found(own, "drops")
    assert not gone.is_fine and "not there any more: 2024-01" in gone.what and "put them back" in gone.remedy


def test_an_input_that_is_one_file_is_there(own, tmp_path):
    (tmp_path / "cdm.duckdb").touch()
    assert found(replace(own, folder=str(tmp_path / "cdm.duckdb")), "drop folder").is_fine
    assert not found(replace(own, folder=str(tmp_path / "other.duckdb")), "drop folder").is_fine


def test_a_record_that_cannot_be_read_is_a_finding(own):
    own.landing.mkdir(parents=True)
    for name in ("key.json", "drops.json"):
        (own.landing / name).write_text('{"half": ')
    for subject, name in (("source", "key.json"), ("key of person ids", "key.json"), ("drops", "drops.json")):
        one = found(own, subject)
        assert not one.is_fine and one.what == str(own.landing / name) and "from a backup" in one.remedy


def test_an_input_in_a_store_and_the_copy_there(own, monkeypatch):
    from fsspec.implementations.memory import MemoryFileSystem

    MemoryFileSystem.store.clear()
    assert found(own, "copy in a store").is_fine
    of_store = replace(own, folder="memory://hospital/drop", copy_to="memory://results/site")
    assert not found(of_store, "drop folder").is_fine
    MemoryFileSystem().pipe_file("/hospital/drop/person.csv", b"12345")
    assert found(of_store, "drop folder").what == "memory://hospital/drop: 1 objects, 0.0 MB"
    MemoryFileSystem().pipe_file("/results/site/current.json", b"{}")
    broken = found(of_store, "copy in a store")
    assert not broken.is_fine and "not a copy that trabecula made" in broken.remedy
    MemoryFileSystem.store.clear()
