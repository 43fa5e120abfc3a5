"""What is an address of a store, and which addresses are refused without being repeated."""

import pytest

from pipelines import settings as machine
from pipelines.errors import BadInput
from pipelines.object_url import is_url, plain
from pipelines.settings import Settings

SECRET = "hunter2"


@pytest.mark.parametrize("text", ["s3://bucket/prefix", "gs://bucket", "memory://a/b", "abfs://box@account/x"])
def test_an_address_is_told_from_a_path(text):
    assert is_url(text)
    assert plain(f"{text}/", "--input") == text


@pytest.mark.parametrize("text", ["/srv/drop", "drop", "c://x", "s3:/bucket", "./s3://x", ""])
def test_a_path_is_no_address(text):
    assert not is_url(text)


@pytest.mark.parametrize(
    "text",
    [
        f"s3://user:{SECRET}@bucket/x",
        f"s3://{SECRET}@bucket/x",
        f"abfs://box:{SECRET}@account/x",
        f"s3://bucket/x?signature={SECRET}",
        f"s3://bucket/x#{SECRET}",
        f"simplecache::s3://{SECRET}",
        f"file:///{SECRET}",
        "s3://",
    ],
)
def test_what_is_refused_is_not_repeated(text):
    with pytest.raises(BadInput) as refused:
        plain(text, "--input")
    assert SECRET not in str(refused.value) and str(refused.value).startswith("--input: ")


def test_settings_take_no_login_and_keep_an_address_as_it_is(tmp_path):
    home = Settings(tmp_path, "omop", "s3://bucket/prefix", copy_to="s3://results/site")
    home.write()
    assert machine.load(tmp_path) == home
    for name in ("folder", "copy_to"):
        with pytest.raises(BadInput):
            machine.load(tmp_path, **{name: f"s3://user:{SECRET}@bucket"})


def test_an_input_is_an_address_or_a_path_from_the_root(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert machine.input_named("s3://bucket/prefix/") == "s3://bucket/prefix"
    assert machine.input_named("drop") == str(tmp_path / "drop")
    assert Settings(tmp_path, "omop", "drop").input_folder.name == "drop"
    one, other = (Settings(tmp_path, "omop", f"s3://bucket/{name}").input_folder for name in "ab")
    assert one != other and one.parent == other.parent == tmp_path / "inbox"
    assert Settings(tmp_path, "omop", "s3://bucket/a/").input_folder == one
