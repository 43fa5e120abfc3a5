"""Manifests: what each kind says, and how a file that disagrees is named."""

import json
from pathlib import Path

import pytest

from pipelines.errors import BadInput
from pipelines.sources.nhanes import manifest
from pipelines.sources.nhanes.manifest import Expected, FetchedFile

DIGEST = "ab" * 32


def test_what_fetch_writes_it_reads_again(tmp_path):
    files = {
        "2013-2014/DEMO_H.xpt": FetchedFile(
            3833200, DIGEST, "https://example.org/DEMO_H.xpt", "2026-01-02T03:04:05+00:00"
        ),
        "mortality/x.dat": FetchedFile(1, "0" * 64, "https://example.org/x", "2026-01-02T03:04:06+00:00"),
    }
    assert manifest.read_fetched(tmp_path) == {}
    manifest.write_fetched(tmp_path, files)
    assert manifest.read_fetched(tmp_path) == files
    assert sorted(path.name for path in tmp_path.iterdir()) == ["MANIFEST.json"]
    read = manifest.read(tmp_path / "MANIFEST.json")
    (tmp_path / "2013-2014").mkdir()
    assert read.expected(tmp_path / "2013-2014" / "DEMO_H.xpt") == Expected(read.path, 3833200, DIGEST)
    assert read.expected(tmp_path / "DEMO_H.xpt") is None
    assert read.absent() == ("2013-2014/DEMO_H.xpt", "mortality/x.dat")


def test_checksum_lists(tmp_path):
    path = tmp_path / "SHA256SUMS"
    path.write_text(f"# made by hand\n{DIGEST}  a/DEMO.parquet\n{DIGEST.upper()} *./b.xpt\n\n")
    read = manifest.read(path)
    assert read.expected(tmp_path / "a" / "DEMO.parquet") == Expected(path, sha256=DIGEST)
    assert read.expected(tmp_path / "b.xpt").sha256 == DIGEST


def test_row_counts_bind_a_table_wherever_it_lies(tmp_path):
    path = tmp_path / "MANIFEST.csv"
    path.write_text("cycle,suffix,table,rows,columns,bytes\n2013-2014,H,DEMO_H,10175,47,318316\n")
    expected = manifest.read(path).expected(tmp_path / "xpt" / "demo_h.XPT")
    assert expected == Expected(path, rows=10175, columns=47)


def test_another_csv_of_that_name_says_nothing(tmp_path):
    path = tmp_path / "MANIFEST.csv"
    path.write_text("file,owner\nDEMO_H,me\n")
    assert manifest.read(path).expected(tmp_path / "DEMO_H.xpt") is None


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("MANIFEST.json", "{", "not a manifest that fetch wrote"),
        ("MANIFEST.json", "[]", "not a manifest that fetch wrote"),
        ("MANIFEST.json", json.dumps({"a": {"bytes": "many"}}), "not a manifest that fetch wrote"),
        ("SHA256SUMS", f"{DIGEST}  ok\nnonsense  b", "line 2: not a checksum"),
        ("SHA256SUMS", DIGEST, "line 1: not a checksum"),
        ("MANIFEST.csv", "table,rows,columns\nDEMO,1,2\nBMX,x,2\n", "line 3: rows and columns must be whole numbers"),
    ],
)
def test_broken_manifests_are_named(tmp_path, name, text, said):
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(BadInput, match=said) as caught:
        manifest.read(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("expected", "said"),
    [
        ({}, None),
        ({"bytes": 10, "sha256": DIGEST, "rows": 3, "columns": 2}, None),
        ({"bytes": 11}, "10 bytes where MANIFEST.json has 11"),
        ({"sha256": "cd" * 32}, "its SHA-256 is not the one in MANIFEST.json"),
        ({"rows": 4}, "3 rows where MANIFEST.json has 4"),
        ({"columns": 1}, "2 columns where MANIFEST.json has 1"),
    ],
)
def test_disagreement(expected, said):
    found = manifest.disagreement(Path("/d/x"), 10, DIGEST, 3, 2, Expected(Path("/d/MANIFEST.json"), **expected))
    assert (found is None) if said is None else (said in found and "run fetch again" in found)
