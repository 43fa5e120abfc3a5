"""Linked mortality files: layout, both releases, and the deaths that NCHS's own files hold."""

import polars as pl
import pytest

from pipelines.errors import BadInput
from pipelines.sources.nhanes import mortality
from pipelines.sources.nhanes.cycle import cycle_of_tag

ALIVE = "73557         10   ..                     78 78"
DEAD = "73558         1100710                     8  7"
CHILD = "73562         2.   ..                     .  ."
OLDER_RELEASE = "21017         1100100                      89 88"


def write(tmp_path, *lines, end="\r\n"):
    path = tmp_path / "NHANES_2013_2014_MORT_2019_PUBLIC.dat"
    path.write_bytes(end.join([*lines, ""]).encode("latin-1"))
    return path


@pytest.mark.parametrize("end", ["\r\n", "\n"])
def test_fields_by_position(tmp_path, end):
    frame = mortality.read(write(tmp_path, ALIVE, DEAD, CHILD, OLDER_RELEASE, end=end))
    assert frame.schema == dict.fromkeys(mortality.COLUMNS, pl.Int64)
    assert frame.rows() == [
        (73557, 1, 0, None, None, None, 78, 78),
        (73558, 1, 1, 7, 1, 0, 8, 7),
        (73562, 2, None, None, None, None, None, None),
        (21017, 1, 1, 1, 0, 0, 89, 88),
    ]


@pytest.mark.parametrize(
    "line",
    [
        ALIVE[:45],  # cut
        ALIVE + "  ",  # too long
        ALIVE.replace("         1", "        1"),  # shifted by one
        "x" + ALIVE[1:],
        ALIVE[:14] + "4" + ALIVE[15:],  # no such eligibility
        ALIVE[:14] + "20" + ALIVE[16:],  # not eligible, yet a vital status
        ALIVE[:14] + "1." + ALIVE[16:],  # eligible, yet none
        DEAD[:16] + "011" + DEAD[19:],  # no such leading cause
        ALIVE[:42] + "7x 78",
        ALIVE[:30] + "5" + ALIVE[31:],
        "",
    ],
)
def test_a_malformed_line_is_named_by_number_and_never_shown(tmp_path, line):
    path = write(tmp_path, ALIVE, line, DEAD)
    with pytest.raises(BadInput, match=r"line 2: not laid out .*\(1 of 3 lines\)") as caught:
        mortality.read(path)
    assert str(path) in str(caught.value)
    assert "7355" not in str(caught.value)


def test_many_malformed_lines_are_counted(tmp_path):
    with pytest.raises(BadInput, match=r"line 1, 2, 3, 4, 5, …: .*\(9 of 9 lines\)"):
        mortality.read(write(tmp_path, *["x"] * 9))


def test_text_that_is_not_ascii(tmp_path):
    with pytest.raises(BadInput, match="line 2: not a linked mortality file"):
        mortality.read(write(tmp_path, ALIVE, "é" + ALIVE[1:]))


def test_an_empty_file(tmp_path):
    with pytest.raises(BadInput, match="line 1"):
        mortality.read(write(tmp_path))


def test_names():
    named = mortality.parse_name("nhanes_2013_2014_mort_2019_public")
    assert (named.cycle, named.release) == (cycle_of_tag("H"), 2019)
    assert mortality.file_name(named.cycle, 2019) == "NHANES_2013_2014_MORT_2019_PUBLIC.dat"
    for other in ("NHANES_III_MORT_2019_PUBLIC", "NHIS_2013_MORT_2019_PUBLIC", "NHANES_2012_2013_MORT_2019_PUBLIC"):
        assert mortality.parse_name(other) is None


@pytest.mark.parametrize(
    ("name", "lines", "deaths", "not_released"),
    [
        ("NHANES_2003_2004_MORT_2015_PUBLIC.dat", 10122, 1094, 4502),
        ("NHANES_2005_2006_MORT_2015_PUBLIC.dat", 10348, 774, 4786),
        ("NHANES_2011_2012_MORT_2019_PUBLIC.dat", 9756, 628, 3892),
        ("NHANES_2013_2014_MORT_2019_PUBLIC.dat", 10175, 467, 4062),
    ],
)
def test_nchs_files(nhanes, name, lines, deaths, not_released):
    """Counts taken with awk from the files: lines; character 16 is 1; characters 15 and 16 are `2.`."""
    frame = mortality.read(nhanes / "mortality" / name)
    assert frame.height == frame["SEQN"].n_unique() == lines
    assert frame["MORTSTAT"].sum() == deaths
    assert (frame["ELIGSTAT"] == 2).sum() == not_released
    assert frame.filter(pl.col("MORTSTAT") == 1)["PERMTH_INT"].null_count() == 0
    assert frame.filter(pl.col("PERMTH_EXM") > pl.col("PERMTH_INT")).height == 0


def test_deaths_among_people_with_estradiol_and_femoral_bmd(nhanes):
    """2013-2014, followed to 2019: 2,888 eligible people with both, 244 deaths, 77 from heart or stroke."""
    folder = nhanes / "2013-2014"
    hormones = pl.read_parquet(folder / "TST_H.parquet").filter(pl.col("LBXEST").is_not_null())
    bone = pl.read_parquet(folder / "DXXFEM_H.parquet").filter(pl.col("DXXOFBMD").is_not_null())
    linked = mortality.read(nhanes / "mortality" / "NHANES_2013_2014_MORT_2019_PUBLIC.dat").filter(
        pl.col("ELIGSTAT") == 1
    )
    linked = linked.join(hormones.join(bone, on="SEQN").select(pl.col("SEQN").cast(pl.Int64)), on="SEQN")
    dead = linked.filter(pl.col("MORTSTAT") == 1)
    assert (linked.height, dead.height) == (2888, 244)
    assert dead["UCOD_LEADING"].is_in([1, 5]).sum() == 77
