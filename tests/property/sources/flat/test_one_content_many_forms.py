"""The same records written in any delimiter, encoding, quoting, decimal mark, line end, split and order read the same."""

import csv
import datetime as dt
import gzip
import io
import tempfile
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.sources.flat.delivery import open_delivery
from pipelines.sources.flat.mapping import Mapping
from pipelines.sources.text_table import Limits, open_table

MARKS = {"utf-8": b"", "utf-8-sig": b"\xef\xbb\xbf", "utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff", "cp1252": b""}
DAY_FORMATS = ("%d.%m.%Y", "%m/%d/%Y", "%Y-%m-%d", "%Y%m%d", "%d-%b-%Y", "%d.%m.%y")
# No character that Windows-1252 puts between 0x80 and 0xBF: after an accented letter it could look like UTF-8.
TEXT = st.text("abz019 éüßÖñ\"'\n,;\t|.<%", max_size=12).map(lambda text: text.strip())
LETTERS = st.text("abcXYZ0123456789", min_size=1, max_size=6)
NUMBER = st.decimals(min_value=0, max_value=9999, places=3).map(lambda number: format(number.normalize(), "f"))

RECORDS = st.lists(
    st.fixed_dictionaries(
        {
            "person": LETTERS,
            "sig": TEXT,
            "value": NUMBER,
            "operator": st.sampled_from(["", "<", ">", "<= "]),
            "quantity": st.none() | NUMBER,
            "day": st.dates(dt.date(1951, 1, 1), dt.date(2049, 12, 31)),
            "time": st.times().map(lambda time: time.replace(second=0, microsecond=0)),
        }
    ),
    min_size=1,
    max_size=10,
)

FORM = st.fixed_dictionaries(
    {
        "delimiter": st.sampled_from([",", ";", "\t", "|"]),
        "encoding": st.sampled_from(sorted(MARKS)),
        "quoting": st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
        "line_end": st.sampled_from(["\n", "\r\n", "\r"]),
        "decimal": st.sampled_from([".", ","]),
        "day_format": st.sampled_from(DAY_FORMATS),
        "is_gzip": st.booleans(),
        "ends_with_line_end": st.booleans(),
        "order": st.randoms(use_true_random=False),
        "parts": st.integers(1, 3),
        "columns": st.permutations(["ID", "KEY", "SIG", "VALUE", "QTY", "DAY", "TIME"]),
    }
)


def cells(number, record, form):
    def marked(text):
        return text.replace(".", form["decimal"])

    return {
        "ID": record["person"],
        "KEY": f"k{number:03d}",
        "SIG": record["sig"],
        "VALUE": record["operator"] + marked(record["value"]),
        "QTY": "" if record["quantity"] is None else marked(record["quantity"]),
        "DAY": record["day"].strftime(form["day_format"]),
        "TIME": dt.datetime.combine(record["day"], record["time"]).strftime(f"{form['day_format']} %H:%M"),
    }


def written(rows, form):
    buffer = io.StringIO()
    writer = csv.DictWriter(
        buffer, form["columns"], delimiter=form["delimiter"], quoting=form["quoting"], lineterminator=form["line_end"]
    )
    writer.writeheader()
    writer.writerows(rows)
    text = buffer.getvalue()
    if not form["ends_with_line_end"]:
        text = text.removesuffix(form["line_end"])
    codec = "utf-8" if form["encoding"] == "utf-8-sig" else form["encoding"]
    content = MARKS[form["encoding"]] + text.encode(codec)
    return gzip.compress(content, 1) if form["is_gzip"] else content


def mapping(form):
    common = {"files": "part*", "decimal": form["decimal"], "first_year": 1950, "drop": ["*"]}
    day = form["day_format"]
    return Mapping.model_validate(
        {
            "table": [
                common
                | {
                    "kind": "prescription",
                    "columns": {
                        "person": "ID",
                        "record_id": "KEY",
                        "sig_text": "SIG",
                        "drug_text": {"value": "letrozole"},
                        "quantity": "QTY",
                        "started_on": "DAY",
                    },
                    "dates": {"started_on": day},
                },
                common
                | {
                    "kind": "lab",
                    "columns": {
                        "person": "ID",
                        "record_id": "KEY",
                        "code": {"value": "2243-4"},
                        "value_text": "VALUE",
                        "drawn_at": "TIME",
                    },
                    "dates": {"drawn_at": f"{day} %H:%M"},
                },
            ]
        }
    )


def read(delivery, table):
    frames = [
        batch.rows
        for part in delivery.parts
        if part.table == table
        for batch in part.rows.read(["native_id", *part.columns])
    ]
    return pl.concat(frames).sort("record_id")


def check(records, form):
    if form["line_end"] == "\r":
        # A line feed inside a cell cannot be told from a line end where carriage returns end lines.
        records = [record | {"sig": record["sig"].replace("\n", " ")} for record in records]
    rows = [cells(number, record, form) for number, record in enumerate(records)]
    form["order"].shuffle(rows)
    with tempfile.TemporaryDirectory() as folder:
        for part in range(form["parts"]):
            share = rows[part :: form["parts"]]
            suffix = ".csv.gz" if form["is_gzip"] else ".csv"
            (Path(folder) / f"part{part}{suffix}").write_bytes(written(share, form))
        delivery = open_delivery(Path(folder), mapping(form))
        orders, labs = read(delivery, "raw.flat_prescription"), read(delivery, "raw.flat_lab")
        counted = sum(part.rows.count() for part in delivery.parts)
    assert counted == 2 * len(records)
    assert orders["native_id"].to_list() == [record["person"] for record in records]
    assert orders["sig_text"].to_list() == [record["sig"] or None for record in records]
    assert orders["quantity"].to_list() == [r["quantity"] and float(r["quantity"]) for r in records]
    assert orders["started_on"].to_list() == [record["day"] for record in records]
    assert labs["value_text"].to_list() == [record["operator"] + record["value"] for record in records]
    assert labs["drawn_at"].to_list() == [dt.datetime.combine(record["day"], record["time"]) for record in records]
    assert orders.schema["quantity"] == pl.Float64
    assert labs.schema["drawn_at"] == pl.Datetime("us")


SLOWLY = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow, HealthCheck.data_too_large]}


@settings(max_examples=200, **SLOWLY)
@given(RECORDS, FORM)
def test_records_do_not_depend_on_how_they_are_written(records, form):
    check(records, form)


@pytest.mark.slow
@pytest.mark.timeout(7200)
@settings(max_examples=10_000, **SLOWLY)
@given(RECORDS, FORM)
def test_records_do_not_depend_on_how_they_are_written_in_many_more_cases(records, form):
    check(records, form)


@settings(max_examples=300, **SLOWLY)
@given(
    st.lists(st.sampled_from(['"', '""', ",", "\n", "a", "\r\n", "\r", "x,y\n", '"q"', "é", "\0"]), max_size=60),
    st.integers(3, 40),
)
def test_every_row_of_any_bytes_is_either_read_or_set_aside_whatever_the_block(pieces, block):
    """Rows, row numbers and faults do not depend on where the blocks of a file happen to end."""
    from pipelines.errors import BadInput

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "any.csv"
        path.write_bytes(b"ca,cb\n" + "".join(pieces).encode())
        found = []
        for limits in (Limits(block_bytes=block), Limits()):
            try:
                table = open_table(path, delimiter=",", limits=limits)
            except BadInput as error:
                found.append(str(error))
                continue
            batches = list(table.batches())
            rows = pl.concat([batch.rows for batch in batches])
            rejects = pl.concat([batch.rejects for batch in batches])
            numbers = sorted(rows["source_row"].to_list() + rejects["source_row"].to_list())
            assert numbers == list(range(1, table.rows + 1))
            found.append((rows.rows(), rejects.rows()))
    assert found[0] == found[1]
