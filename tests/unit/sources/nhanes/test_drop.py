"""Examining a folder: what lands, what is a twin, what is refused and why."""

import os
import subprocess
import sys
from collections import Counter

import polars as pl
import pyreadstat
import pytest

from pipelines.errors import BadInput
from pipelines.sources.nhanes import drop
from pipelines.sources.nhanes.cycle import cycle_of_tag

FIRST_SEQN = {"": 1, "_A": 1, "_B": 9966, "_G": 62161, "_H": 73557, "_J": 93703, "P_": 93703}


def table(folder, name, rows=3, start=None, table_name=None, **columns):
    """Writes a small table under CDC's name; its SEQN are those of the cycle its name says."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    stem = path.stem.upper()
    affix = "P_" if stem.startswith("P_") else f"_{stem[-1]}" if stem[-2:-1] == "_" else ""
    first = FIRST_SEQN.get(affix, 1) if start is None else start
    values = [sum(stem.encode()) + 0.5 + row for row in range(rows)]
    frame = pl.DataFrame({"SEQN": [float(first + row) for row in range(rows)], "V": values})
    frame = frame.with_columns(**{key: pl.lit(value) for key, value in columns.items()})
    if path.suffix.lower() == ".xpt":
        pyreadstat.write_xport(frame, path, file_format_version=5, table_name=table_name or stem[:8])
    else:
        frame.write_parquet(path)
    return path


def mortality(folder, name="NHANES_2013_2014_MORT_2019_PUBLIC.dat", rows=3, start=73557):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{start + row:<14}10   ..{' ' * 21}78 78\n" for row in range(rows)))
    return path


def by_path(found):
    return {file.relative_path: file for file in found.files}


@pytest.fixture(scope="module")
def public(nhanes):
    return drop.examine(nhanes)


def test_the_public_folder(public):
    found = public
    assert (found.problems, found.notes) == ((), ())
    assert found.usable
    assert Counter(file.status for file in found.files) == {"recognized": 197, "duplicate": 10, "out_of_scope": 2}
    assert [cycle.tag for cycle in found.cycles] == list("ABCDFGH")
    files = by_path(found)
    assert files["xpt/HSQ_H.XPT"].status == "recognized"
    assert files["xpt/DEMO_H.XPT"].reason == "same cells as 2013-2014/DEMO_H.parquet, which is kept"
    assert files["lookup/RXQ_DRUG.parquet"].cycle is None
    drugs = files["2013-2014/RXQ_RX_H.parquet"]
    assert (drugs.family, drugs.rows, len(drugs.columns), drugs.bytes) == ("rxq_rx", 20194, 13, 162740)
    assert files["1999-2000/DXX.parquet"].columns[:2] == ("SEQN", "_MULT_")
    assert sum(file.rows_without_key for file in found.tables) == 0
    assert max(Counter((file.family, file.cycle) for file in found.tables).values()) == 1


def test_what_lands_is_what_the_manifest_counts(nhanes, public):
    counted = pl.read_csv(nhanes / "MANIFEST.csv")
    files = {file.path.stem: file for file in public.tables if file.format == "parquet"}
    assert len(files) == counted.height == 192
    for stem, rows, columns, size in counted.select("table", "rows", "columns", "bytes").rows():
        assert (files[stem].rows, len(files[stem].columns), files[stem].bytes) == (rows, columns, size), stem


def test_every_table_loads(public):
    for file in public.tables:
        frame = drop.load(file)
        assert (frame.height, tuple(frame.columns)) == (file.rows, file.columns)
        if "SEQN" in file.columns:
            assert frame.schema["SEQN"] == pl.Int64
            assert frame["SEQN"].null_count() == 0


def test_any_arrangement_of_files(tmp_path):
    table(tmp_path, "DEMO.XPT", SDDSRVYR=1.0)
    table(tmp_path, "deep/er/demo_h.parquet", SDDSRVYR=8.0)
    table(tmp_path, "2013-2014/Bmx_H.xpt")
    table(tmp_path, "LAB13.parquet")
    table(tmp_path, "lookup/RXQ_DRUG.parquet", RXDDRGID="d00001")
    table(tmp_path, "INS_H.xpt")
    mortality(tmp_path, "nhanes_2013_2014_mort_2019_public.DAT")
    (tmp_path / "notes.csv").write_text("SEQN\n1\n")
    (tmp_path / ".DS_Store").write_bytes(b"x")
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "DEMO_B.xpt").write_bytes(b"x")
    (tmp_path / "BPX_H.xpt.part").write_bytes(b"x")
    found = drop.examine(tmp_path)
    assert found.problems == ()
    landing = {file.relative_path: (file.family, file.cycle and file.cycle.tag, file.format) for file in found.tables}
    assert landing == {
        "DEMO.XPT": ("demo", "A", "xpt"),
        "deep/er/demo_h.parquet": ("demo", "H", "parquet"),
        "2013-2014/Bmx_H.xpt": ("bmx", "H", "xpt"),
        "LAB13.parquet": ("lab13", "A", "parquet"),
        "lookup/RXQ_DRUG.parquet": ("rxq_drug", None, "parquet"),
        "INS_H.xpt": ("ins", "H", "xpt"),
        "nhanes_2013_2014_mort_2019_public.DAT": ("mortality", "H", "mortality"),
    }
    reasons = {file.relative_path: file.reason for file in found.files if file.status == "out_of_scope"}
    assert set(reasons) == {"notes.csv", ".DS_Store", "BPX_H.xpt.part"}
    assert reasons["BPX_H.xpt.part"] == "unfinished download: run fetch again"


def test_a_linked_folder_is_followed_once(tmp_path):
    table(tmp_path / "elsewhere", "DEMO_H.parquet")
    (tmp_path / "drop").mkdir()
    (tmp_path / "drop" / "2013-2014").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "up").symlink_to(tmp_path / "drop")
    found = drop.examine(tmp_path / "drop")
    assert [file.relative_path for file in found.files] == ["2013-2014/DEMO_H.parquet"]
    assert found.usable


@pytest.mark.parametrize("make", [lambda path: None, lambda path: path.mkdir(), lambda path: path.write_text("x")])
def test_no_folder_or_nothing_in_it(tmp_path, make):
    make(tmp_path / "drop")
    with pytest.raises(BadInput, match="run fetch first"):
        drop.examine(tmp_path / "drop")


def test_a_folder_without_any_table(tmp_path):
    (tmp_path / "README.md").write_text("x")
    found = drop.examine(tmp_path)
    assert not found.usable
    with pytest.raises(BadInput, match="none of its 1 files is an NHANES table"):
        found.require_usable()


def test_twins_of_one_table(tmp_path):
    table(tmp_path, "xpt/BMX_H.XPT")
    table(tmp_path, "2013-2014/BMX_H.parquet")
    table(tmp_path, "copy/of/BMX_H.parquet")
    files = by_path(drop.examine(tmp_path))
    assert files["2013-2014/BMX_H.parquet"].status == "recognized"
    assert files["copy/of/BMX_H.parquet"].reason == "same bytes as 2013-2014/BMX_H.parquet"
    assert files["xpt/BMX_H.XPT"].reason == "same cells as 2013-2014/BMX_H.parquet, which is kept"
    assert {files[name].status for name in ("copy/of/BMX_H.parquet", "xpt/BMX_H.XPT")} == {"duplicate"}


def test_twins_that_disagree(tmp_path):
    first = table(tmp_path, "BMX_H.parquet")
    second = table(tmp_path, "old/BMX_H.XPT", V=9.5)
    (problem,) = drop.examine(tmp_path).problems
    assert str(first) in problem
    assert str(second) in problem
    assert "different values in V" in problem
    assert "keep one of them" in problem
    assert "9.5" not in problem


def test_the_same_content_under_two_names(tmp_path):
    right = table(tmp_path, "BMX_H.parquet")
    wrong = tmp_path / "BMX_G.parquet"
    wrong.write_bytes(right.read_bytes())
    (problem,) = drop.examine(tmp_path).problems
    assert "the same content" in problem
    assert {str(right), str(wrong)} <= {word.rstrip(":,") for word in problem.split()}


def test_a_copy_under_no_cdc_name_is_a_duplicate(tmp_path):
    original = table(tmp_path, "BMX_H.parquet")
    (tmp_path / "BMX_H (1).parquet").write_bytes(original.read_bytes())
    table(tmp_path, "BPX_H.XPT")
    (tmp_path / "BPX_H - Copy.XPT").write_bytes((tmp_path / "BPX_H.XPT").read_bytes())
    found = drop.examine(tmp_path)
    assert found.usable
    assert {file.path.name: file.reason for file in found.files if file.status == "duplicate"} == {
        "BMX_H (1).parquet": "same bytes as BMX_H.parquet",
        "BPX_H - Copy.XPT": "same bytes as BPX_H.XPT",
    }


def test_a_file_under_another_cycles_name(tmp_path):
    table(tmp_path, "DEMO_G.parquet", rows=100)
    table(tmp_path, "DEMO_H.parquet", rows=100)
    wrong = table(tmp_path, "BMX_H.parquet", start=62170)
    linked = mortality(tmp_path, start=62161)
    problems = drop.examine(tmp_path).problems
    assert [problem.split(":")[0] for problem in problems] == [str(wrong), str(linked)]
    assert all("not those of 2013-2014 but of 2011-2012" in problem for problem in problems)


def test_a_file_with_nobody_of_its_own_cycle(tmp_path):
    table(tmp_path, "DEMO_H.parquet", rows=100)
    table(tmp_path, "BMX_H.parquet", start=5)
    (problem,) = drop.examine(tmp_path).problems
    assert "its SEQN are not those of 2013-2014, by DEMO" in problem


def test_a_survey_code_that_contradicts_the_name(tmp_path):
    table(tmp_path, "DEMO_H.parquet", SDDSRVYR=7.0)
    (problem,) = drop.examine(tmp_path).problems
    assert "its name says 2013-2014 but SDDSRVYR does not" in problem


@pytest.mark.parametrize("folder", ["2011-2012", "2011_2012/data", "NHANES 2011-2012"])
def test_a_folder_that_contradicts_the_name(tmp_path, folder):
    table(tmp_path, f"{folder}/BMX_H.parquet")
    (problem,) = drop.examine(tmp_path).problems
    assert "its name says 2013-2014 and its folder 2011-2012" in problem


def test_the_drop_folder_itself_may_be_a_cycle(tmp_path):
    table(tmp_path, "2011-2012/BMX_H.parquet")
    assert not drop.examine(tmp_path / "2011-2012").usable
    table(tmp_path, "2013-2014/BMX_H.parquet")
    assert drop.examine(tmp_path / "2013-2014").usable


def test_a_cycle_that_has_not_begun(tmp_path):
    table(tmp_path, "DEMO_Z.parquet")
    (problem,) = drop.examine(tmp_path).problems
    assert "2049-2050, which has not begun" in problem


def test_a_renamed_transport_file_says_what_it_is(tmp_path):
    table(tmp_path, "osteoporosis.XPT", table_name="OSQ_H")
    found = drop.examine(tmp_path)
    (file,) = found.tables
    assert (file.family, file.cycle) == ("osq", cycle_of_tag("H"))
    assert "read as OSQ_H, the table name inside the file" in found.notes[0]


def test_a_transport_file_that_contradicts_its_name(tmp_path):
    table(tmp_path, "BMX_H.XPT", table_name="BMX_G")
    table(tmp_path, "BPX_H.XPT", table_name="DATASET")
    table(tmp_path, "L40_B.XPT", table_name="LAB18_B")
    (problem,) = drop.examine(tmp_path).problems
    assert "BMX_H.XPT: holds BMX of 2011-2012" in problem


@pytest.mark.parametrize(
    ("name", "key"), [("DEMO_H.parquet", "SEQN"), ("DEMO_H.XPT", "SEQN"), ("RXQ_DRUG.parquet", "RXDDRGID")]
)
def test_a_known_table_without_its_key(tmp_path, name, key):
    path = tmp_path / name
    frame = pl.DataFrame({"PERSON": [1.0]})
    if path.suffix == ".XPT":
        pyreadstat.write_xport(frame, path, file_format_version=5, table_name="DEMO_H")
    else:
        frame.write_parquet(path)
    (problem,) = drop.examine(tmp_path).problems
    assert f"{path}: no column {key}" in problem


def test_unknown_tables(tmp_path):
    table(tmp_path, "DEMO_H.parquet")
    table(tmp_path, "SSANA2_A.parquet", start=60000, rows=20000)  # one of CDC's that hold several cycles
    table(tmp_path, "my_merged_table.parquet")
    pl.DataFrame({"FOODCODE": [1.0]}).write_parquet(tmp_path / "DRXFCD_H.parquet")
    found = drop.examine(tmp_path)
    assert found.problems == ()
    assert {file.family for file in found.tables} == {"demo", "ssana2"}
    reasons = {file.relative_path: file.reason for file in found.files}
    assert reasons["my_merged_table.parquet"] == "not a CDC table name"
    assert reasons["DRXFCD_H.parquet"].startswith("no column SEQN")


def test_rows_without_a_key_are_counted_and_kept(tmp_path):
    frame = pl.DataFrame({"seqn": [73557.0, None, 73558.5, 73559.0], "BMXBMI": [20.0, 21.0, 22.0, 23.0]})
    frame.write_parquet(tmp_path / "BMX_H.parquet")
    found = drop.examine(tmp_path)
    (file,) = found.tables
    assert found.usable
    assert (file.rows, file.rows_without_key) == (4, 2)
    assert drop.load(file).rows() == [(73557, 20.0), (None, 21.0), (None, 22.0), (73559, 23.0)]


def test_the_later_mortality_release_is_taken_and_said(tmp_path):
    mortality(tmp_path, "NHANES_2013_2014_MORT_2015_PUBLIC.dat")
    later = mortality(tmp_path, "NHANES_2013_2014_MORT_2019_PUBLIC.dat", rows=4)
    mortality(tmp_path, "copy/NHANES_2013_2014_MORT_2019_PUBLIC.dat", rows=4)
    found = drop.examine(tmp_path)
    assert [file.path for file in found.tables] == [later]
    assert [file.status for file in found.files] == ["superseded", "recognized", "duplicate"]
    assert found.usable
    assert "earlier release than NHANES_2013_2014_MORT_2019_PUBLIC.dat" in found.notes[0]


def test_two_copies_of_a_mortality_release_that_disagree(tmp_path):
    mortality(tmp_path, rows=4)
    mortality(tmp_path / "copy", rows=5)
    (problem,) = drop.examine(tmp_path).problems
    assert "4 and 5 rows" in problem


def test_mortality_of_another_survey_is_out_of_scope(tmp_path):
    table(tmp_path, "DEMO_H.parquet")
    mortality(tmp_path, "NHANES_III_MORT_2019_PUBLIC.dat")
    found = drop.examine(tmp_path)
    assert found.usable
    assert "not the linked mortality file" in by_path(found)["NHANES_III_MORT_2019_PUBLIC.dat"].reason


def test_cycles_that_share_people_land_once(tmp_path):
    for name in ("DEMO_J", "BMX_J", "DXX_J", "P_DEMO", "P_BMX"):
        table(tmp_path, f"{name}.parquet")
    mortality(tmp_path, "NHANES_2017_2018_MORT_2019_PUBLIC.dat", start=93703)
    found = drop.examine(tmp_path)
    assert found.usable
    assert {file.relative_path.split(".")[0] for file in found.tables} == {
        "P_DEMO",
        "P_BMX",
        "NHANES_2017_2018_MORT_2019_PUBLIC",
    }
    assert {file.status for file in found.files} == {"recognized", "superseded"}
    assert sum("not landed: 2017-2018 and 2017-2020 share people" in note for note in found.notes) == 3


def test_without_pre_pandemic_demo_the_two_year_files_land(tmp_path):
    for name in ("DEMO_J", "BMX_J", "P_BMX", "P_TST"):
        table(tmp_path, f"{name}.parquet")
    found = drop.examine(tmp_path)
    assert {file.path.stem for file in found.tables} == {"DEMO_J", "BMX_J", "P_TST"}
    assert by_path(found)["P_BMX.parquet"].status == "superseded"


def test_manifests_are_held_against_the_files(tmp_path):
    good = table(tmp_path, "a/BMX_H.parquet")
    bad = table(tmp_path, "a/BPX_H.parquet")
    short = table(tmp_path, "a/DEMO_H.parquet")
    lines = [f"{by_path(drop.examine(tmp_path))['a/BMX_H.parquet'].sha256}  a/{good.name}", f"{'0' * 64}  a/{bad.name}"]
    (tmp_path / "SHA256SUMS").write_text("\n".join([*lines, f"{'1' * 64}  a/SMQ_H.parquet"]))
    (tmp_path / "a" / "MANIFEST.csv").write_text("table,rows,columns\nDEMO_H,4,2\nBMX_H,3,2\n")
    found = drop.examine(tmp_path)
    assert [problem.split(": ")[0] for problem in found.problems] == [str(bad), str(short)]
    assert "SHA-256" in found.problems[0]
    assert "3 rows where MANIFEST.csv has 4" in found.problems[1]
    assert found.notes == (f"{tmp_path / 'SHA256SUMS'}: lists a/SMQ_H.parquet, which is not there",)
    assert [file.status for file in found.files if file.format] == ["recognized", "rejected", "rejected"]


def test_every_problem_of_a_drop_is_said_at_once(tmp_path):
    table(tmp_path, "2011-2012/BMX_H.parquet")
    (tmp_path / "BPX_H.XPT").write_text("SEQN,BPXSY1\n1,120\n")
    (tmp_path / "DEMO_H.parquet").write_bytes(b"PAR1")
    (tmp_path / "MANIFEST.json").write_text("{")
    (tmp_path / "NHANES_2013_2014_MORT_2019_PUBLIC.dat").write_text("x\n")
    found = drop.examine(tmp_path)
    assert len(found.problems) == 5
    with pytest.raises(BadInput) as caught:
        found.require_usable()
    assert caught.value.problems == found.problems
    assert drop.missing(found) == drop.missing(found)
    with pytest.raises(BadInput, match="no rows to read"):
        drop.load(by_path(found)["BPX_H.XPT"])


def test_a_survey_code_of_no_plain_type(tmp_path):
    pl.DataFrame({"SEQN": [73557.0], "SDDSRVYR": [[8.0]]}).write_parquet(tmp_path / "DEMO_H.parquet")
    (problem,) = drop.examine(tmp_path).problems
    assert "no plain number" in problem


def test_importing_it_is_light():
    """What Dagster definitions import must not pull in the SAS reader or the HTTP client."""
    code = "import sys, pipelines.sources.nhanes.drop; print({'pyreadstat', 'requests', 'pandas'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read_is_said(tmp_path):
    path = table(tmp_path, "DEMO_H.parquet")
    table(tmp_path, "closed/BMX_H.parquet").parent.chmod(0)
    path.chmod(0)
    try:
        found = drop.examine(tmp_path)
    finally:
        (tmp_path / "closed").chmod(0o700)
    assert len(found.problems) == 2
    assert all("permissions" in problem for problem in found.problems)
