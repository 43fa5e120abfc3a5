"""A catalogue of bad input: each form is refused with file, place and remedy, and what was published stays as it is.

The forms stand in bad_files.py and bad_mappings.py; forms of single rows, which are set aside while the rest goes on, in
test_rows_set_aside.py. docs/bad-input.md lists them all.
"""

import runpy
from dataclasses import replace
from pathlib import Path

import pytest

from pipelines.errors import BadInput
from pipelines.run import Run

HERE = Path(__file__).parent
small_home = runpy.run_path(str(HERE / "small_home.py"))
files = runpy.run_path(str(HERE / "bad_files.py"))
mappings = runpy.run_path(str(HERE / "bad_mappings.py"))
write_drop, digest = small_home["write_drop"], small_home["digest"]

pytestmark = pytest.mark.usefixtures("_key")


def assert_refused(home, folder, says, named):
    """The drop is refused with status 2; the message names what it must, and nothing of the home has changed."""
    before = digest(home.home)
    with Run(replace(home, folder=str(folder))) as run, pytest.raises(BadInput) as refused:
        run.land()
    said = str(refused.value)
    assert refused.value.exit_status == 2
    for phrase in (named, *says):
        assert phrase in said
    for value in (files["VALUE"], "Muster", "östradiol", "2020-03-04"):
        assert value not in said
    assert digest(home.home) == before


@pytest.mark.parametrize("form", files["REFUSED"])
def test_a_file_that_cannot_be_read_stops_the_drop(published_home, tmp_path, form):
    make, says = files["REFUSED"][form]
    folder = write_drop(tmp_path / "drop", labs_csv=make())
    assert_refused(published_home, folder, says, "labs.csv")


@pytest.mark.parametrize("form", mappings["MAPPINGS"])
def test_a_mapping_that_cannot_be_followed_stops_the_drop(published_home, tmp_path, form):
    old, new, says = mappings["MAPPINGS"][form]
    folder = write_drop(tmp_path / "drop")
    mappings["_edit"](folder, old, new)
    assert_refused(published_home, folder, says, "labs.csv" if "labs.csv" in says else str(folder / "mapping.toml"))


@pytest.mark.parametrize("form", mappings["FOLDERS"])
def test_a_folder_that_cannot_be_a_drop_is_refused(published_home, tmp_path, form):
    spoil, says = mappings["FOLDERS"][form]
    folder = write_drop(tmp_path / "drop")
    spoil(folder)
    assert_refused(published_home, folder, says, str(folder))


def listed(text):
    """The forms in the tables of docs/bad-input.md: (form, exit status, what is said or done)."""
    rows = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("| ") and "---" not in line]
    return [tuple(cell.strip() for cell in row) for row in rows if row[0].strip() != "Form"]


def catalogued():
    """The same from the cases themselves."""
    rows = runpy.run_path(str(HERE / "bad_rows.py"))
    omop = runpy.run_path(str(HERE / "bad_omop.py"))
    found = [(form, "2", "; ".join(says)) for form, (_, says) in files["REFUSED"].items()]
    found += [(form, "2", "; ".join(says)) for form, (_, _, says) in mappings["MAPPINGS"].items()]
    found += [(form, "2", "; ".join(says)) for form, (_, says) in mappings["FOLDERS"].items()]
    for form, (*_, rules) in rows["SET_ASIDE"].items():
        found.append((form, "0", ", ".join(sorted(set(rules.values()))) or "repeated_row"))
    found += [(form, "0", "read as it is") for form in rows["HARMLESS"]]
    found += [(f"OMOP: {form}", "2", "; ".join(says)) for form, (_, _, says) in omop["REFUSED"].items()]
    found += [(f"OMOP: {form}", "0", rule) for form, (_, rule) in omop["ROWS"].items()]
    return [tuple(" ".join(cell.split()) for cell in row) for row in found]


def test_the_documented_catalogue_is_the_tested_one(root):
    """Where this fails, put the right side of the difference into docs/bad-input.md."""
    assert listed((root / "docs" / "bad-input.md").read_text()) == catalogued()
    assert len(catalogued()) >= 45
