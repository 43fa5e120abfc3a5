"""Mapping files: what they may say, and that all that is wrong with one is said at once, with its key."""

import pytest

from pipelines.errors import BadInput
from pipelines.sources.flat.mapping import find_mapping, load_mapping, shipped
from pipelines.tables.raw_flat import FLAT_COLUMNS

GOOD = """
time_zone = "Europe/Berlin"
[[table]]
kind = "lab"
files = "labs*.csv"
decimal = ","
columns = { person = "MRN", code = { value = "2243-4" }, value_text = "WERT", drawn_at = "DATUM" }
dates = { drawn_at = "%d.%m.%Y %H:%M" }
values = { value_text = { neg = "0" } }
where = { STATUS = "F", SITE = { not = ["X", 3] }, N = 1 }
"""


def load(tmp_path, text):
    path = tmp_path / "mapping.toml"
    path.write_text(text, encoding="utf-8")
    return load_mapping(path)


def test_a_mapping_reads_as_typed_objects(tmp_path):
    mapping = load(tmp_path, GOOD)
    table = mapping.table[0]
    assert (table.files, table.time_zone, table.decimal) == (("labs*.csv",), "Europe/Berlin", ",")
    assert table.columns["person"].column == "MRN"
    assert table.columns["code"].value == "2243-4"
    assert table.where["SITE"].unequal == ("X", 3.0)
    assert table.where["N"].equal == (1.0,)
    assert table.dates["drawn_at"] == ("%d.%m.%Y %H:%M",)


def test_layout_and_comments_do_not_change_the_fingerprint(tmp_path):
    first = load(tmp_path, GOOD).fingerprint
    assert load(tmp_path, "# a comment\n" + GOOD).fingerprint == first
    assert load(tmp_path, GOOD.replace('"WERT"', '"VALUE"')).fingerprint != first


def test_records_of_a_wide_row_inherit_and_override(tmp_path):
    mapping = load(
        tmp_path,
        """
[[table]]
kind = "lab"
files = "w.csv"
columns = { person = "ID", drawn_on = "D", unit_text = { value = "mg/dL" } }
[[table.record]]
name = "chol"
columns = { code = { value = "2093-3" }, value_text = "CHOL" }
[[table.record]]
name = "e2"
columns = { code = { value = "2243-4" }, value_text = "E2", unit_text = { value = "pg/mL" } }
where = { E2 = { filled = true } }
""",
    )
    chol, e2 = mapping.table[0].records()
    assert (chol.label, e2.label) == ("lab.chol", "lab.e2")
    assert chol.columns["unit_text"].value == "mg/dL"
    assert e2.columns["unit_text"].value == "pg/mL"
    assert e2.where["E2"].filled is True


BAD = {
    "not TOML": ("kind = \n", "not valid TOML: .*line 1"),
    "nothing in it": ('title = "x"', "no \\[\\[table\\]\\] and no \\[fhir\\]"),
    "unknown key at the top": ("tables = 1", "tables: unknown key; keys here are title, time_zone, table, fhir"),
    "unknown key in a table": (
        GOOD.replace("decimal =", "dezimal ="),
        "dezimal: unknown key; keys here are kind, files",
    ),
    "unknown kind": (GOOD.replace('"lab"', '"labs"'), "kind 'labs' is not one of person, period, lab"),
    "unknown column": (
        GOOD.replace("code =", "loinc ="),
        "columns.loinc: lab has no such column; it has person, record_id",
    ),
    "no person": (GOOD.replace('person = "MRN", ', ""), "columns.person: missing"),
    "a constant person": (GOOD.replace('"MRN"', '{ value = "1" }'), "columns.person: must be a column of the file"),
    "a needed column": (GOOD.replace('value_text = "WERT", ', ""), "columns: lab needs value_text"),
    "no date": (
        GOOD.replace(', drawn_at = "DATUM"', ""),
        "columns: lab needs drawn_at or drawn_on or resulted_at",
    ),
    "column and constant": (
        GOOD.replace('{ value = "2243-4" }', '{ column = "C", value = "x" }'),
        "columns.code: state either a column of the file or a constant",
    ),
    "a date format that is none": (
        GOOD.replace("%d.%m.%Y %H:%M", "dd.mm.yyyy"),
        "dates.drawn_at: 'dd.mm.yyyy' is no date",
    ),
    "an unknown directive": (GOOD.replace("%H:%M", "%Q"), "uses %Q; directives are %Y, %y"),
    "two digits without a century": (GOOD.replace("%Y %H", "%y %H"), "state first_year"),
    "an offset without a zone": (
        GOOD.replace('time_zone = "Europe/Berlin"\n', "").replace("%H:%M", "%H:%M %z"),
        "has a time zone in it: state time_zone",
    ),
    "day and month in two ways": (
        GOOD.replace('"%d.%m.%Y %H:%M"', '["%d/%m/%Y", "%m/%d/%Y"]'),
        "'%d/%m/%Y' and '%m/%d/%Y' read the same text in two ways",
    ),
    "a date format for a text": (
        GOOD.replace("{ drawn_at = ", "{ value_text = "),
        "dates.value_text: not a date column",
    ),
    "an unknown zone": (GOOD.replace("Europe/Berlin", "Berlin"), "time_zone 'Berlin' is not a time zone"),
    "one mark for two things": (GOOD + 'thousands = ","', "decimal and thousands are the same character"),
    "an unknown encoding": (GOOD + 'encoding = "ebcdic"', "encoding 'ebcdic' is not one of utf-8"),
    "mapped and dropped": (GOOD + 'drop = ["WERT"]', "columns.value_text: the column WERT is also under drop"),
    "an empty condition": (GOOD.replace('"F"', "{}"), "where.STATUS: state a value"),
    "a translated date": (GOOD.replace("value_text = { neg", "drawn_at = { neg"), "values.drawn_at: only text can be"),
    "two tables of one name": (GOOD + GOOD.partition("\n[[")[2].join(["[[", ""]), "several tables are called lab"),
    "FHIR without a zone": ("[fhir]\n", "fhir.time_zone: missing"),
    "a wrong type": (GOOD + 'first_year = "1950s"', "table\\[1\\].first_year: .*integer"),
}


@pytest.mark.parametrize("what", BAD)
def test_a_wrong_mapping_is_refused_with_key_and_remedy(tmp_path, what):
    text, message = BAD[what]
    with pytest.raises(BadInput, match=message) as refused:
        load(tmp_path, text)
    assert all(str(problem).startswith(str(tmp_path / "mapping.toml")) for problem in refused.value.problems)


def test_all_problems_are_said_at_once(tmp_path):
    text = GOOD.replace("code =", "loinc =").replace("%H:%M", "%Q").replace("Europe/Berlin", "Berlin")
    with pytest.raises(BadInput) as refused:
        load(tmp_path, text)
    assert len(refused.value.problems) >= 4


def test_every_shipped_mapping_is_right_and_says_what_it_is_for():
    assert {"synthea", "framingham", "lava_calcium", "lava_bmd", "loon_bone"} <= set(shipped())
    for path in shipped().values():
        mapping = load_mapping(path)
        assert mapping.title
        assert all(table.kind in FLAT_COLUMNS for table in mapping.table)


def test_a_mapping_is_found_by_name_by_path_or_in_the_folder(tmp_path):
    (tmp_path / "mapping.toml").write_text(GOOD)
    assert find_mapping(tmp_path) == find_mapping(tmp_path, str(tmp_path / "mapping.toml"))
    assert find_mapping(tmp_path, "synthea").title == "Synthea CSV export"
    with pytest.raises(BadInput, match="no such folder"):
        find_mapping(tmp_path / "elsewhere")
    (tmp_path / "mapping.toml").unlink()
    with pytest.raises(BadInput, match="no mapping there: .*trabecula map FILE.*synthea"):
        find_mapping(tmp_path)
