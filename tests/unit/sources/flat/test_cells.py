"""Dates, numbers, ids and translations: what reads, as what, and what is a fault instead of a guess."""

import datetime as dt

import polars as pl
import pytest

from pipelines.sources.flat import date_format
from pipelines.sources.flat.cells import native_id, plain_text, read_cells
from pipelines.sources.flat.mapping import Table


def instants(texts, formats, time_zone=None, first_year=None):
    return date_format.instants(pl.Series("t", texts, dtype=pl.String), formats, time_zone, first_year).to_list()


@pytest.mark.parametrize(
    ("stated", "text", "expected"),
    [
        ("%d.%m.%Y", "05.03.2020", dt.datetime(2020, 3, 5)),
        ("%m/%d/%Y", "3/5/2020", dt.datetime(2020, 3, 5)),
        ("%d-%b-%Y", "05-MAR-2020", dt.datetime(2020, 3, 5)),
        ("%Y%m%d", "20200305", dt.datetime(2020, 3, 5)),
        ("%m/%d/%Y %I:%M %p", "3/5/2020 2:30 PM", dt.datetime(2020, 3, 5, 14, 30)),
        ("%d.%m.%Y %H", "05.03.2020 08", dt.datetime(2020, 3, 5, 8)),
        ("iso", "2020-03-05", dt.datetime(2020, 3, 5)),
        ("iso", "2020-03-05T08:30", dt.datetime(2020, 3, 5, 8, 30)),
        ("iso", "2020-03-05 08:30:15.25", dt.datetime(2020, 3, 5, 8, 30, 15, 250_000)),
        ("days since 1960-01-01", "11078", dt.datetime(1990, 5, 1)),
        ("days since 1960-01-01", "0.7", dt.datetime(1960, 1, 1)),
        # What does not read:
        ("%d.%m.%Y", "05.03.20", None),
        ("%d.%m.%Y", "31.02.2020", None),
        ("%d.%m.%Y", "05.03.2020 08:30", None),
        ("%m/%d/%Y", "25/03/2020", None),
        ("%Y%m%d", "2020305", None),
        ("iso", "2020-03", None),
        ("iso", "2020-3-5", None),
        ("iso", "2020-03-05T08:30Z", None),
        ("iso", "0020-03-05", None),
        ("days since 1960-01-01", "1e9", None),
        ("days since 1960-01-01", "x", None),
    ],
)
def test_a_stated_format_reads_what_it_says_and_nothing_else(stated, text, expected):
    assert instants([text, None], (stated,)) == [expected, None]


def test_offsets_become_wall_time_of_the_stated_zone():
    zone = "America/New_York"
    found = instants(["2020-01-05T08:30:00Z", "2020-07-05T08:30:00+02:00", "2020-01-05T08:30:00"], ("iso",), zone)
    assert found == [dt.datetime(2020, 1, 5, 3, 30), dt.datetime(2020, 7, 5, 2, 30), dt.datetime(2020, 1, 5, 8, 30)]
    assert instants(["05.01.2020 08:30 +0000"], ("%d.%m.%Y %H:%M %z",), zone) == [dt.datetime(2020, 1, 5, 3, 30)]


def test_years_of_two_digits_lie_in_the_stated_century():
    texts = ["05.03.49", "05.03.50", "29.02.00", "05.03.99 "]
    found = instants([text.strip() for text in texts], ("%d.%m.%y",), None, 1950)
    assert [moment.year for moment in found] == [2049, 1950, 2000, 1999]
    # 2000 was a leap year, 1900 was not: no such day.
    assert instants(["29.02.00"], ("%d.%m.%y",), None, 1900) == [None]
    assert instants(["05.03.20 07:45"], ("%d.%m.%y %H:%M",), None, 1950) == [dt.datetime(2020, 3, 5, 7, 45)]


def test_several_formats_are_tried_in_order():
    assert instants(["05.03.2020", "2020-03-06", "x"], ("%d.%m.%Y", "iso"))[:2] == [
        dt.datetime(2020, 3, 5),
        dt.datetime(2020, 3, 6),
    ]


def table(**more):
    given = {
        "kind": "prescription",
        "files": "x.csv",
        "columns": {
            "person": "id",
            "drug_text": "drug",
            "quantity": "qty",
            "strength_text": "str",
            "started_on": "day",
        },
    }
    return Table.model_validate(given | more)


def read(name, cells, dtype=pl.String, **more):
    stated = table(**more)
    rule = stated.columns[name]
    found = read_cells(name, rule, stated, pl.DataFrame({rule.column: pl.Series(cells, dtype=dtype)}))
    return found.values.to_list(), found.is_fault.to_list()


def test_numbers_read_by_the_stated_marks():
    assert read("quantity", ["5.2", " 30 ", "1e2", "", "NULL", None]) == (
        [5.2, 30.0, 100.0, None, None, None],
        [False] * 6,
    )
    assert read("quantity", ["5,2", ",5", "30"], decimal=",") == ([5.2, 0.5, 30.0], [False] * 3)
    assert read("quantity", ["1.234,5", "1.234.567", "12"], decimal=",", thousands=".") == (
        [1234.5, 1234567.0, 12.0],
        [False] * 3,
    )
    assert read("quantity", ["1,234.5", "1,234"], thousands=",")[0] == [1234.5, 1234.0]
    assert read("quantity", ["1 234,5"], decimal=",", thousands=" ")[0] == [1234.5]


@pytest.mark.parametrize(
    ("values", "more"),
    [
        (["5,2"], {}),
        (["1,234"], {}),
        (["1.234"], {"decimal": ","}),
        (["1.23"], {"decimal": ",", "thousands": "."}),
        (["12,34.5"], {"thousands": ","}),
        (["1234,567"], {"thousands": ","}),
        (["1,2.345"], {"decimal": ",", "thousands": "."}),
        (["1,2,3"], {"decimal": ","}),
        (["1."], {"decimal": ",", "thousands": "."}),
        (["5 mg"], {}),
        (["0x10"], {}),
        (["inf"], {}),
        (["٣"], {}),
    ],
)
def test_a_number_that_reads_in_two_ways_or_none_is_a_fault(values, more):
    assert read("quantity", values, **more) == ([None], [True])


def test_numbers_in_text_get_a_point_and_nothing_else_changes():
    values = ["5,2 mg", "5,2", "<0,5", ">= 1.234,5", "2,5/3", "positive, weak", None]
    found, faults = read("strength_text", values, decimal=",", thousands=".")
    assert found == ["5,2 mg", "5.2", "<0.5", ">= 1234.5", "2,5/3", "positive, weak", None]
    assert not any(faults)
    assert read("strength_text", ["<= 1 234,5"], decimal=",", thousands=" ")[0] == ["<= 1234.5"]
    assert read("strength_text", ["<1,5", "1.5", "a, b"]) == (["<1,5", "1.5", "a, b"], [True, False, False])


def test_parquet_numbers_and_dates_are_taken_as_they_are():
    assert read("quantity", [5.5, float("nan"), None], pl.Float64) == ([5.5, None, None], [False] * 3)
    assert read("quantity", [float("inf")], pl.Float64) == ([None], [True])
    assert read("started_on", [dt.date(2020, 1, 5)], pl.Date) == ([dt.date(2020, 1, 5)], [False])
    assert read("started_on", [dt.datetime(2020, 1, 5, 9)], pl.Datetime) == ([dt.date(2020, 1, 5)], [False])
    zoned = pl.Datetime("us", "UTC")
    moment = [dt.datetime(2020, 1, 5, 2, tzinfo=dt.UTC)]
    assert read("started_on", moment, zoned, time_zone="America/New_York") == ([dt.date(2020, 1, 4)], [False])
    assert read("started_on", moment, zoned) == ([None], [True])
    days = {"started_on": "days since 1960-01-01"}
    assert read("started_on", [11078, None], pl.Int64, dates=days) == ([dt.date(1990, 5, 1), None], [False] * 2)


def test_values_are_translated_and_what_is_not_listed_stays():
    assert read("drug_text", ["1", " 2 ", "x", None], values={"drug_text": {"1": "a", "2": "b"}})[0] == [
        "a",
        "b",
        "x",
        None,
    ]
    columns = {
        "person": "id",
        "started_on": "day",
        "drug_text": {"column": "d", "values": {"1": "a"}, "otherwise": "?"},
    }
    assert read("drug_text", ["1", "2", None], columns=columns)[0] == ["a", "?", "?"]


def test_texts_that_mean_nothing_are_empty_as_stated():
    assert read("drug_text", ["n/a", "-", "x"], empty=["-", "n/a"])[0] == [None, None, "x"]


def test_a_constant_stands_on_every_row():
    stated = table(columns={"person": "id", "started_on": {"value": "2020-01-05"}, "drug_text": {"value": "x"}})
    found = read_cells("started_on", stated.columns["started_on"], stated, pl.DataFrame({"id": ["1", "2"]}))
    assert found.values.to_list() == [dt.date(2020, 1, 5)] * 2


def test_a_birth_date_gives_its_year_only():
    given = {
        "kind": "person",
        "files": "x",
        "columns": {"person": "id", "birth_year": "dob"},
        "dates": {"birth_year": "%d.%m.%Y"},
    }
    stated = Table.model_validate(given)
    found = read_cells(
        "birth_year", stated.columns["birth_year"], stated, pl.DataFrame({"dob": ["05.03.1950", "1950"]})
    )
    assert found.values.to_list() == [1950, None]
    assert found.is_fault.to_list() == [False, True]


def test_ids_are_the_same_however_they_are_stored():
    text = native_id(pl.Series("id", ["12", " 12 ", "12.0", "+12", "012", "12.5", "A-1", "", "NULL", None]))
    assert text.to_list() == ["12", "12", "12", "12", "012", "12.5", "A-1", None, None, None]
    assert native_id(pl.Series("id", [12.0, None])).to_list() == ["12", None]
    assert native_id(pl.Series("id", [12, None])).to_list() == ["12", None]


def test_plain_text_of_numbers_and_moments():
    assert plain_text(pl.Series("x", [38265.0, 1.5, float("nan")])).to_list() == ["38265", "1.5", None]
    assert plain_text(pl.Series("x", [dt.datetime(2020, 1, 5, 8, 30)])).to_list() == ["2020-01-05T08:30:00.000000"]
