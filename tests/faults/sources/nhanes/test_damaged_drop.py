"""CDC's own files, damaged the ways files get damaged: each is refused by name, and none lands shorter or altered."""

import shutil

import polars as pl
import pytest

from pipelines.errors import BadInput
from pipelines.sources.nhanes import drop

FILES = (
    "2013-2014/DEMO_H.parquet",
    "xpt/HSQ_H.XPT",
    "xpt/OSQ_H.XPT",
    "mortality/NHANES_2013_2014_MORT_2019_PUBLIC.dat",
)


@pytest.fixture
def folder(nhanes, tmp_path):
    for name in FILES:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copyfile(nhanes / name, tmp_path / name)
    assert drop.examine(tmp_path).usable
    return tmp_path


def only_problem(folder, name):
    (problem,) = drop.examine(folder).problems
    assert problem.startswith(str(folder / name))
    return problem


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.77, 0.999])
def test_a_truncated_file(folder, name, share):
    path = folder / name
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size) | 1 if share else 0])
    only_problem(folder, name)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("content", [b"SEQN,AGE\n73557,69\n", b"<html><body>Not found</body></html>", b"PK\x03\x04zip"])
def test_a_file_of_another_kind_under_this_name(folder, name, content):
    (folder / name).write_bytes(content)
    problem = only_problem(folder, name)
    assert "73557" not in problem


@pytest.mark.parametrize(("name", "wrong"), [(FILES[0], "DEMO_H.XPT"), (FILES[1], "HSQ_H.parquet")])
def test_a_wrong_extension(folder, name, wrong):
    path = (folder / name).rename(folder / wrong)
    problem = only_problem(folder, wrong)
    assert "give it its right extension" in problem
    assert {".XPT": "a Parquet file", ".parquet": "a SAS transport file"}[path.suffix] in problem


def test_a_parquet_file_whose_pages_are_damaged(folder):
    path = folder / FILES[0]
    content = bytearray(path.read_bytes())
    content[1000:90000] = bytes(89000)
    path.write_bytes(content)
    (file,) = [file for file in drop.examine(folder).files if file.relative_path == FILES[0]]
    with pytest.raises(BadInput, match="damaged or truncated Parquet"):
        drop.load(file)


def test_a_file_that_shrinks_between_examination_and_loading(folder):
    files = {file.relative_path: file for file in drop.examine(folder).files}
    path = folder / FILES[2]
    path.write_bytes(path.read_bytes()[:-160])
    with pytest.raises(BadInput, match="truncated"):
        drop.load(files[FILES[2]])


def test_a_table_of_another_cycle(folder, nhanes):
    shutil.copyfile(nhanes / "2011-2012" / "BMX_G.parquet", folder / "2013-2014" / "BMX_H.parquet")
    assert "its SEQN are not those of 2013-2014" in only_problem(folder, "2013-2014/BMX_H.parquet")


def test_demo_of_another_cycle(folder, nhanes):
    shutil.copyfile(nhanes / "2011-2012" / "DEMO_G.parquet", folder / FILES[0])
    assert "SDDSRVYR does not" in only_problem(folder, FILES[0])


def test_a_twin_with_one_cell_changed(folder, nhanes):
    twin = folder / "2013-2014" / "OSQ_H.parquet"
    frame = pl.read_parquet(nhanes / "2013-2014" / "OSQ_H.parquet")
    frame.write_parquet(twin)
    assert drop.examine(folder).usable
    changed = pl.int_range(pl.len()) == 1234
    frame.with_columns(pl.when(changed).then(3.0).otherwise("OSQ060").alias("OSQ060")).write_parquet(twin)
    assert "different values in OSQ060" in only_problem(folder, FILES[2])


def test_the_manifest_shows_lost_rows(folder, nhanes):
    shutil.copyfile(nhanes / "MANIFEST.csv", folder / "MANIFEST.csv")
    assert drop.examine(folder).usable
    pl.read_parquet(folder / FILES[0]).head(10174).write_parquet(folder / FILES[0])
    assert "10174 rows where MANIFEST.csv has 10175" in only_problem(folder, FILES[0])


def test_a_mortality_file_cut_between_lines_is_said(folder):
    path = folder / FILES[3]
    path.write_bytes(b"\r\n".join(path.read_bytes().split(b"\r\n")[:5000]) + b"\r\n")
    found = drop.examine(folder)
    assert found.usable
    assert found.notes == (f"{path}: 5000 lines for 10175 people in DEMO: truncated, or a part of it",)


def test_a_dangling_link(folder):
    (folder / "BMX_H.XPT").symlink_to(folder / "nowhere")
    assert "cannot be read" in only_problem(folder, "BMX_H.XPT")
