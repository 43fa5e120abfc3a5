"""A folder becomes parts and a manifest: which file is what, what is kept, what is counted, what is said."""

import polars as pl
import pytest

from pipelines.errors import BadInput
from pipelines.sources.delivery import Drop
from pipelines.sources.flat.delivery import open_delivery
from pipelines.sources.flat.mapping import Mapping

LAB = {
    "kind": "lab",
    "files": "labs*.csv",
    "columns": {"person": "MRN", "record_id": "ID", "name_text": "TEST", "value_text": "RESULT", "drawn_on": "DAY"},
    "drop": ["NAME"],
}
HEADER = "MRN,NAME,ID,TEST,RESULT,DAY,CODE,Site\n"


def mapping(*tables):
    return Mapping.model_validate({"table": list(tables)})


def rows_of(part, *columns):
    return pl.concat([b.rows for b in part.rows.read([*columns] or ["native_id", *part.columns])])


def rejects_of(part):
    return pl.concat([b.rejects for b in part.rows.read(["native_id", *part.columns])])


def drop(folder, **files):
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_csv", ".csv")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def test_columns_are_mapped_dropped_or_kept_under_their_own_names(tmp_path):
    drop(tmp_path, labs_csv=HEADER + "7,Ann,k1,E2,<5,2020-01-05,X,north\n")
    (part,) = open_delivery(tmp_path, mapping(LAB)).parts
    found = rows_of(part)
    assert (part.table, part.source_file, part.id_column) == ("raw.flat_lab", "labs.csv", "native_id")
    assert found["native_id"].to_list() == ["7"]
    assert found.select("record_id", "name_text", "value_text").row(0) == ("k1", "E2", "<5")
    # CODE would be taken for the canonical column, so it is kept as source_CODE.
    assert found.select("source_CODE", "Site").row(0) == ("X", "north")
    assert not {"NAME", "MRN", "RESULT"} & set(found.columns)
    assert "native_id" not in part.columns, "the native id is never landed"
    assert "person_id" not in part.columns
    assert part.kinds["drawn_on"] == "day"


def test_cells_that_do_not_read_and_malformed_rows_are_set_aside(tmp_path):
    drop(
        tmp_path,
        labs_csv=HEADER + '1,a,k1,E2,5,2020-01-05,,\n2,b,k2,E2,"1,5",2020-01-05,,\n3,c\n4,d,k4,E2,5,05.01.2020,,\n',
    )
    (part,) = open_delivery(tmp_path, mapping(LAB)).parts
    found = rejects_of(part).select("source_row", "rule_code").rows()
    assert found == [(2, "ambiguous_number"), (3, "wrong_cell_count"), (4, "not_a_date")]
    assert rows_of(part)["source_row"].to_list() == [1]
    assert part.rows.count() == 4
    reasons = " ".join(rejects_of(part)["reason"])
    assert "column drawn_on (from DAY)" in reasons
    assert "05.01" not in reasons


def test_one_file_of_two_tables_gives_a_part_each_and_counts_what_neither_takes(tmp_path):
    vital = {
        "kind": "observation",
        "files": "labs*.csv",
        "where": {"Site": "vital"},
        "drop": ["*"],
        "columns": {"person": "MRN", "name_text": "TEST", "value_text": "RESULT", "observed_on": "DAY"},
    }
    day = "2020-01-05"
    lines = [f"1,a,k{n},T,5,{day},,{site}\n" for n, site in enumerate(["lab", "vital", "vital", "other", "lab"])]
    drop(tmp_path, labs_csv=HEADER + "".join(lines) + "broken\n")
    delivery = open_delivery(tmp_path, mapping(LAB | {"where": {"Site": "lab"}}, vital))
    counts = {part.source_file: part.rows.count() for part in delivery.parts}
    # The malformed row is counted once, with the first part.
    assert counts == {"labs.csv#lab": 3, "labs.csv#observation": 2}
    assert [rejects_of(part).height for part in delivery.parts] == [1, 0]
    rest = delivery.manifest.filter(pl.col("status_code") == "out_of_scope")
    assert rest["source_file"].to_list() == ["labs.csv#unmatched"]
    assert rest["reason"].to_list() == ["1 rows meet the conditions of no table of the mapping"]


def test_a_wide_row_gives_a_part_for_each_record_with_the_row_number_of_the_file(tmp_path):
    wide = {
        "kind": "lab",
        "files": "w.csv",
        "columns": {"person": "ID", "drawn_on": "D", "unit_text": {"value": "mg/dL"}},
        "record": [
            {"name": "chol", "columns": {"code": {"value": "2093-3"}, "value_text": "CHOL"}},
            {
                "name": "hdl",
                "columns": {"code": {"value": "2085-9"}, "value_text": "HDL"},
                "where": {"HDL": {"filled": True}},
            },
        ],
    }
    drop(tmp_path, w_csv="ID,D,CHOL,HDL,ARM\n1,2020-01-05,200,50,a\n2,2020-01-05,210,,b\n")
    chol, hdl = open_delivery(tmp_path, mapping(wide)).parts
    assert (chol.source_file, hdl.source_file) == ("w.csv#lab.chol", "w.csv#lab.hdl")
    columns = ("source_row", "record_number", "code", "value_text", "unit_text")
    both = pl.concat([rows_of(chol).select(columns), rows_of(hdl).select(columns)])
    assert both.rows() == [
        (1, 1, "2093-3", "200", "mg/dL"),
        (2, 1, "2093-3", "210", "mg/dL"),
        (1, 2, "2085-9", "50", "mg/dL"),
    ]
    assert "ARM" in chol.columns
    assert "ARM" not in hdl.columns, "other columns are kept once a row"


def test_the_manifest_names_every_file(tmp_path):
    content = HEADER + "1,a,k1,E2,5,2020-01-05,,\n"
    drop(
        tmp_path,
        labs1_csv=content,
        labs2_csv=content,
        labs3_csv=content + "2,a,k2,E2,5,2020-01-05,,\n",
        notes_csv="x\n1\n",
    )
    (tmp_path / "mapping.toml").write_text("")
    (tmp_path / ".hidden").write_text("")
    delivery = open_delivery(tmp_path, mapping(LAB, {**LAB, "name": "more", "files": "more*.csv"}))
    listed = delivery.manifest.sort("source_file").select("source_file", "status_code", "rows_in", "table_name").rows()
    assert listed == [
        ("labs1.csv", "landed", 1, "flat_lab"),
        ("labs2.csv", "duplicate", 1, None),
        ("labs3.csv", "landed", 2, "flat_lab"),
        ("notes.csv", "out_of_scope", None, None),
    ]
    assert delivery.missing["file_group"].to_list() == ["drop: more (more*.csv)"]
    assert delivery.persons == 2


def test_a_change_of_the_mapping_or_the_file_changes_the_part(tmp_path):
    drop(tmp_path, labs_csv=HEADER + "1,a,k1,E2,5,2020-01-05,,\n")
    first = open_delivery(tmp_path, mapping(LAB))
    assert open_delivery(tmp_path, mapping(LAB)).parts[0].sha256 == first.parts[0].sha256
    other = open_delivery(tmp_path, mapping(LAB | {"decimal": ","}))
    assert other.parts[0].sha256 != first.parts[0].sha256
    assert other.drop_id == first.drop_id
    drop(tmp_path, labs_csv=HEADER + "1,a,k1,E2,6,2020-01-05,,\n")
    assert open_delivery(tmp_path, mapping(LAB)).drop_id != first.drop_id


def test_each_subfolder_can_be_a_drop_of_its_own(tmp_path):
    drop(
        tmp_path,
        d1__labs_csv=HEADER + "1,a,k1,E2,5,2020-01-05,,\n",
        d2__labs_csv=HEADER + "1,a,k1,E2,6,2020-01-05,,\n",
    )
    delivery = open_delivery(tmp_path, mapping(LAB), [Drop("d1", 1, "d1"), Drop("d2", 2, "d2")])
    assert [(p.source_file, p.drop.sequence) for p in delivery.parts] == [("d1/labs.csv", 1), ("d2/labs.csv", 2)]


def test_spelling_of_columns_and_files_may_differ_by_letter_case(tmp_path):
    drop(tmp_path, LABS_csv=HEADER.lower() + "1,a,k1,E2,5,2020-01-05,,\n")
    (part,) = open_delivery(tmp_path, mapping(LAB)).parts
    assert rows_of(part)["value_text"].to_list() == ["5"]


BAD = {
    "no folder": (None, LAB, "no such folder"),
    "no file that is named": ({"other_csv": "a,b\n1,2\n"}, LAB, "none of its 1 files is named by the mapping"),
    "a column renamed": (
        {"labs_csv": HEADER.replace("RESULT", "WERT") + "1,a,k1,E2,5,2020-01-05,,\n"},
        LAB,
        "labs.csv, table lab: columns.value_text: no column RESULT in the file; it has MRN, NAME",
    ),
    "a condition on no column": (
        {"labs_csv": HEADER},
        LAB | {"where": {"STATE": "F"}},
        "where.STATE: no column STATE in the file",
    ),
    "half a file": (
        {"labs_csv": HEADER + "1,a,k1,E2,5,2020-01-05,,\n2,b"},
        LAB,
        "the file ends in the middle of a row",
    ),
}


@pytest.mark.parametrize("what", BAD)
def test_a_bad_folder_is_refused_as_a_whole(tmp_path, what):
    files, table, message = BAD[what]
    folder = drop(tmp_path, **files) if files else tmp_path / "absent"
    with pytest.raises(BadInput) as refused:
        open_delivery(folder, mapping(table))
    assert message in str(refused.value)


def test_every_problem_of_a_folder_is_said(tmp_path):
    drop(tmp_path, labs1_csv="a,a\n1,2\n", labs2_csv="", labs3_csv=HEADER.replace("DAY", "D"))
    with pytest.raises(BadInput) as refused:
        open_delivery(tmp_path, mapping(LAB))
    assert len(refused.value.problems) == 3
