"""The key of the person ids: where it may come from, what is refused, and that it is written nowhere."""

import json
from dataclasses import replace

import pytest

from pipelines.errors import BadInput
from pipelines.settings import Settings
from pipelines.warehouse import key

SECRET = "correct-horse-battery-staple"


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A home beside an input folder; no key is set."""
    for variable in (key.VARIABLE, key.FILE_VARIABLE):
        monkeypatch.delenv(variable, raising=False)
    (tmp_path / "drop").mkdir()
    return Settings(home=tmp_path / "home", folder=str(tmp_path / "drop"))


def key_file(folder, monkeypatch, mode=0o600, content=SECRET + "\n"):
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "keyfile"
    path.write_text(content)
    path.chmod(mode)
    monkeypatch.setenv(key.FILE_VARIABLE, str(path))
    return path


def test_policies_without_a_key(own):
    assert not key.person_key(own, "public").is_secret
    assert key.person_key(own, "offered") == key.person_key(own, "public")
    with pytest.raises(BadInput, match="no key for the person ids: set TRABECULA_KEY") as refused:
        key.person_key(own, "required")
    assert refused.value.exit_status == 2


def test_a_secret_key_is_taken_where_it_is_offered_and_never_for_public_sources(own, monkeypatch):
    monkeypatch.setenv(key.VARIABLE, SECRET)
    for policy in ("offered", "required"):
        assert key.person_key(own, policy) == key.PersonKey(SECRET.encode(), is_secret=True)
    assert not key.person_key(own, "public").is_secret


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_a_file_that_only_its_owner_reads_gives_the_key_without_its_line_end(own, monkeypatch, tmp_path, mode):
    key_file(tmp_path / "safe", monkeypatch, mode)
    assert key.person_key(own, "required").value == SECRET.encode()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o700])
def test_a_file_that_others_may_read_is_refused(own, monkeypatch, tmp_path, mode):
    key_file(tmp_path / "safe", monkeypatch, mode)
    with pytest.raises(BadInput, match=f"mode is {mode:04o}: chmod 600") as refused:
        key.person_key(own, "required")
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize("place", ["home", "home/landing", "drop", "drop/2024"])
def test_a_key_beside_the_data_is_refused(own, monkeypatch, tmp_path, place):
    key_file(tmp_path / place, monkeypatch)
    with pytest.raises(BadInput, match="lies beside the data: keep it elsewhere"):
        key.person_key(own, "required")


def test_a_key_reached_by_a_link_lies_where_it_lies(own, monkeypatch, tmp_path):
    path = key_file(own.home, monkeypatch)
    (tmp_path / "link").symlink_to(path)
    monkeypatch.setenv(key.FILE_VARIABLE, str(tmp_path / "link"))
    with pytest.raises(BadInput, match="lies beside the data"):
        key.person_key(own, "required")


def test_a_key_beside_a_database_that_is_the_input_is_refused(own, monkeypatch, tmp_path):
    database = tmp_path / "drop" / "cdm.duckdb"
    database.touch()
    key_file(tmp_path / "drop", monkeypatch)
    with pytest.raises(BadInput, match="lies beside the data"):
        key.person_key(replace(own, folder=str(database)), "offered")


def test_what_is_no_key_is_refused(own, monkeypatch, tmp_path):
    monkeypatch.setenv(key.FILE_VARIABLE, str(tmp_path / "nowhere"))
    with pytest.raises(BadInput, match="nowhere: cannot be read"):
        key.person_key(own, "required")
    monkeypatch.setenv(key.VARIABLE, SECRET)
    with pytest.raises(BadInput, match="both set: unset one"):
        key.person_key(own, "required")
    monkeypatch.delenv(key.FILE_VARIABLE)
    monkeypatch.setenv(key.VARIABLE, "fifteen-bytes-.")
    with pytest.raises(BadInput, match="shorter than 16 bytes") as refused:
        key.person_key(own, "offered")
    assert "fifteen" not in str(refused.value)


def test_a_home_knows_its_key_again_and_holds_only_a_check_value(own):
    secret = key.PersonKey(SECRET.encode(), is_secret=True)
    key.require_same_key(own, "omop", secret)
    key.remember_key(own, "omop", secret)
    key.require_same_key(own, "omop", secret)
    assert key.landed_source(own) == "omop"
    held = json.loads((own.landing / "key.json").read_text())
    assert set(held) == {"source", "check"} and len(held["check"]) == 6
    for path in own.home.rglob("*"):
        assert path.is_dir() or SECRET.encode() not in path.read_bytes()


@pytest.mark.parametrize(
    ("source", "value", "says"),
    [
        ("omop", b"another-key-of-16-bytes", "landed with another key .* set the key it was landed with"),
        ("flat", SECRET.encode(), "was landed from source omop, not flat: give each source a home of its own"),
    ],
)
def test_another_key_or_source_is_refused_with_the_remedy(own, source, value, says):
    key.remember_key(own, "omop", key.PersonKey(SECRET.encode(), is_secret=True))
    with pytest.raises(BadInput, match=says):
        key.require_same_key(own, source, key.PersonKey(value, is_secret=True))


def test_the_first_key_stays(own):
    key.remember_key(own, "omop", key.PersonKey(SECRET.encode(), is_secret=True))
    before = (own.landing / "key.json").read_bytes()
    key.remember_key(own, "omop", key.PersonKey(b"another-key-of-16-bytes", is_secret=True))
    assert (own.landing / "key.json").read_bytes() == before


@pytest.mark.parametrize("content", ["", '{"source": "om', "[]", "{}", '{"source": "omop"}', "\x00\x00\x00"])
def test_a_home_that_forgot_its_key_takes_none(own, content):
    """Not even the right one: nobody could tell that it is."""
    secret = key.PersonKey(SECRET.encode(), is_secret=True)
    key.remember_key(own, "omop", secret)
    (own.landing / "key.json").write_text(content)
    says = "landing/key.json: cannot be read, so nobody knows with which key .* put it back from a backup"
    with pytest.raises(BadInput, match=says):
        key.require_same_key(own, "omop", secret)
    with pytest.raises(BadInput, match=says):
        key.landed_source(own)
    key.remember_key(own, "omop", secret)
    assert (own.landing / "key.json").read_text() == content, "the damage was written over"
