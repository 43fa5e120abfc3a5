"""However a laboratory spells unit, number and comparator, the staged value is the same; what cannot be read has none."""

import csv
from functools import lru_cache

import duckdb
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from pipelines.settings import sql_root
from pipelines.tables import CONTRACTS
from pipelines.warehouse import sqlfile
from pipelines.warehouse.step import read_csv


def listed(name: str) -> list[dict[str, str]]:
    with (sql_root() / "ref" / f"{name}.csv").open(newline="") as lines:
        return list(csv.DictReader(lines))


ANALYTES = {row["analyte_code"]: row for row in listed("analyte")}
FACTORS = {(row["analyte_code"], row["ucum_code"]): row for row in listed("unit_factor")}
SPELLINGS: dict[str, list[str]] = {}
for _row in listed("unit"):
    if _row["vocabulary_code"] == "text":
        SPELLINGS.setdefault(_row["ucum_code"], []).append(_row["spelling"])
NAMES: dict[str, list[str]] = {}
for _row in listed("analyte_code"):
    if _row["vocabulary_code"] == "name" and not _row["implied_unit"]:
        NAMES.setdefault(_row["analyte_code"], []).append(_row["code"])
READABLE = sorted(
    (analyte, unit)
    for (analyte, unit), row in FACTORS.items()
    if unit in SPELLINGS and analyte in NAMES and 1e-3 <= float(row["factor"]) <= 1e3
)
BELOW = ("<", "< ", "<=", "≤ ", "less than ", "below ", "LESS THAN ")
ABOVE = (">", "> ", ">=", "≥ ", "greater than ", "above ")


@lru_cache(maxsize=1)
def engine() -> duckdb.DuckDBPyConnection:
    """The real views over one empty raw table; code lists from their files."""
    file = sqlfile.read(sql_root() / "source" / "lab_record.sql")
    connection = duckdb.connect(config={"threads": 1})
    for table in sqlfile.stored_inputs(file):
        layer, name = table.split(".")
        connection.execute(f"create schema if not exists {layer}")
        path = sql_root() / "ref" / f"{name}.csv"
        if layer == "ref" and path.exists():
            listing = read_csv(path, CONTRACTS[table]).collect().to_arrow()
            connection.register("listing", listing)
            connection.execute(f"create table {table} as select * from listing")
            connection.unregister("listing")
        else:
            columns = ", ".join(f'"{c.name}" {c.duckdb_type}' for c in CONTRACTS[table].columns)
            connection.execute(f"create table {table} ({columns})")
    connection.execute("create schema if not exists source")
    for view in sqlfile.views_behind(file):
        connection.execute(f"create view {view.table} as {view.text}")
    connection.execute("insert into staging.person (person_id) select 1")
    connection.execute(f"create view record as {file.text}")
    return connection


def records(rows: list[dict[str, object]]) -> list[dict[str, object]]:
    """Flat rows, each of a specimen of its own, to their records."""
    connection = engine()
    connection.execute("delete from raw.flat_lab")
    for number, row in enumerate(rows, start=1):
        usual = {
            "person_id": 1, "source_id": "flat", "drop_id": "d", "drop_sequence": 1, "source_file": "lab.csv",
            "source_row": number, "record_number": 1, "specimen_id": f"S{number}", "drawn_on": "2020-03-04",
        }  # fmt: skip
        given_row = usual | row
        names, places = ", ".join(given_row), ", ".join("?" for _ in given_row)
        connection.execute(f"insert into raw.flat_lab ({names}) values ({places})", list(given_row.values()))
    result = connection.execute("select * from record order by source_row")
    columns = [column[0] for column in result.description]
    return [dict(zip(columns, row, strict=True)) for row in result.fetchall()]


@st.composite
def spelled(draw: st.DrawFn, text: str) -> str:
    """A spelling as somebody might type it: capitals, blanks, a Greek mu."""
    if draw(st.booleans()):
        text = text.upper()
    if draw(st.booleans()):
        text = f" {text} "
    if draw(st.booleans()) and "/" in text:
        text = text.replace("/", " / ")
    mu = draw(st.sampled_from("uµμ"))
    return text.replace("u", mu) if draw(st.booleans()) else text


@st.composite
def written_number(draw: st.DrawFn, number: float) -> str:
    """A number with point or comma, blanks around it, a flag behind it. Three digits behind a comma are ambiguous."""
    text = f"{number:.4f}" if number < 1000 else f"{number:.1f}"
    if draw(st.booleans()):
        text = text.replace(".", ",")
    return draw(st.sampled_from(["", " ", "\u00a0"])) + text + draw(st.sampled_from(["", " ", " H", "*"]))


@st.composite
def result(draw: st.DrawFn) -> tuple[dict[str, object], dict[str, object], str]:
    """One result twice: in the canonical unit, plainly; and in another unit, spelled at random. And its operator."""
    analyte, unit = draw(st.sampled_from(READABLE))
    facts, factor = ANALYTES[analyte], FACTORS[analyte, unit]
    share = draw(st.floats(0.3, 0.7))
    low, high = float(facts["plausible_minimum"]) or 0.1, float(facts["plausible_maximum"])
    canonical = low * (high / low) ** share
    number = (canonical - float(factor["summand"])) / float(factor["factor"])
    if not 1 <= number < 1e6:
        number = 50.0
    number = round(number, 4) if number < 1000 else round(number, 1)
    canonical = number * float(factor["factor"]) + float(factor["summand"])
    assume(low <= canonical <= high)
    operator = draw(st.sampled_from(["=", "<", ">"]))
    words = {"=": ("",), "<": BELOW, ">": ABOVE}[operator]
    name = draw(st.sampled_from(NAMES[analyte]))
    text = draw(st.sampled_from(words)) + draw(written_number(number)).strip()
    place = draw(st.sampled_from(["text", "column"]))
    messy: dict[str, object] = {
        "name_text": draw(spelled(name)) if "/" not in name and "u" not in name else name,
        "unit_text": draw(spelled(draw(st.sampled_from(SPELLINGS[unit])))),
        "value_text": text if place == "text" or operator == "=" else draw(written_number(number)),
        "operator_text": operator if place == "column" and operator != "=" else None,
    }
    plain = {"name_text": NAMES[analyte][0], "unit_text": facts["canonical_unit"], "value_text": f"{canonical!r}"}
    return plain | {"operator_text": operator}, messy, operator


def check(results):
    """Each result as it was spelled is the result as it was meant: analyte, operator, value, unit, or the same refusal."""
    rows = records([row for plain, messy, _ in results for row in (plain, messy)])
    for (_, _, operator), plain, messy in zip(results, rows[::2], rows[1::2], strict=True):
        assert messy["reason"] == plain["reason"]
        if plain["reason"] is None:
            assert messy["analyte_code"] == plain["analyte_code"]
            assert messy["operator"] == plain["operator"] == operator
            assert messy["value"] == pytest.approx(plain["value"], rel=1e-9)
            assert messy["unit_code"] == plain["unit_code"] == ANALYTES[str(plain["analyte_code"])]["canonical_unit"]


# Planning the views costs more than many rows: few examples, of many results each.
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(result(), min_size=20, max_size=40))
def test_any_spelling_of_a_result_is_the_same_result(results):
    check(results)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(result(), min_size=40, max_size=60))
def test_any_spelling_of_ten_thousand_results_is_the_same_result(results):
    """At least 250 times 40 results, each with a unit, a spelling, a comparator and a number of its own."""
    check(results)


@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(st.sampled_from(sorted(NAMES)), st.text(max_size=10)), min_size=10, max_size=30))
def test_a_unit_nobody_knows_gives_no_value(pairs):
    known = {spelling for spellings in SPELLINGS.values() for spelling in spellings}
    rows = records(
        [{"name_text": NAMES[analyte][0], "unit_text": f"?{unit}", "value_text": "7"} for analyte, unit in pairs]
    )
    for row, (_, unit) in zip(rows, pairs, strict=True):
        assert f"?{unit}".lower() not in known
        assert (row["disposition"], row["reason"]) == ("quarantined", "unit_unknown")
        assert row["value"] is None or row["unit_basis"] == "given"


@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(st.sampled_from(sorted(NAMES)), st.floats(1e-4, 1e6)), min_size=10, max_size=30))
def test_no_value_is_staged_without_a_basis_of_its_unit(pairs):
    rows = records([{"name_text": NAMES[analyte][0], "value_text": repr(number)} for analyte, number in pairs])
    for row in rows:
        assert (row["disposition"] == "staged") <= (row["unit_basis"] is not None)
        assert row["reason"] in (None, "unit_missing", "fill_value", "value_impossible", "unit_implausible")


@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(READABLE), st.lists(st.floats(1, 900), min_size=2, max_size=8, unique=True))
def test_a_larger_number_is_never_a_smaller_value(pair, numbers):
    analyte, unit = pair
    given_rows = [
        {"name_text": NAMES[analyte][0], "unit_text": SPELLINGS[unit][0], "value_text": f"{number:.6f}"}
        for number in sorted(numbers)
    ]
    values = [row["value"] for row in records(given_rows) if row["reason"] is None]
    assert values == sorted(values)


def test_every_pair_of_units_converts_there_and_back():
    by_analyte: dict[str, list[tuple[float, float]]] = {}
    for (analyte, _), row in FACTORS.items():
        by_analyte.setdefault(analyte, []).append((float(row["factor"]), float(row["summand"])))
    assert set(by_analyte) == set(ANALYTES)
    for conversions in by_analyte.values():
        for factor, summand in conversions:
            for other_factor, other_summand in conversions:
                there = (7.0 * factor + summand - other_summand) / other_factor
                back = (there * other_factor + other_summand - summand) / factor
                assert factor > 0
                assert back == pytest.approx(7.0, rel=1e-9)


def test_the_canonical_unit_of_every_analyte_converts_to_itself():
    for analyte, facts in ANALYTES.items():
        row = FACTORS[analyte, facts["canonical_unit"]]
        assert (float(row["factor"]), float(row["summand"])) == (1, 0), analyte
