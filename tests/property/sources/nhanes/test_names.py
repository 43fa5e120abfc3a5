"""Table names and cycles, for any table CDC might ever name and any cycle."""

from hypothesis import given
from hypothesis import strategies as st

from pipelines.sources.nhanes.cycle import (
    NAME_LENGTH,
    PRE_PANDEMIC,
    cycle_of_tag,
    cycle_of_text,
    cycle_of_years,
    parse_table_name,
    table_name,
)

CYCLES = st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZ").map(cycle_of_tag)
TABLES = st.from_regex(r"[A-Z][A-Z0-9]{1,4}(_[A-Z0-9]{1,2})?", fullmatch=True).filter(
    lambda table: not table.startswith("P_") and len(table) <= NAME_LENGTH - 2
)


@given(TABLES, CYCLES)
def test_a_name_made_by_the_rule_is_read_back(table, cycle):
    name = table_name(table, cycle)
    parsed = parse_table_name(name)
    assert parsed is not None
    assert (parsed.table, parsed.cycle) == (table, cycle)


@given(TABLES, CYCLES, st.data())
def test_case_does_not_matter(table, cycle, data):
    name = table_name(table, cycle)
    mixed = "".join(data.draw(st.sampled_from((letter, letter.lower()))) for letter in name)
    assert parse_table_name(mixed) == parse_table_name(name)


@given(CYCLES)
def test_years_and_letter_say_the_same(cycle):
    assert cycle_of_text(cycle.label) == cycle
    assert cycle_of_years(cycle.first_year, cycle.last_year) == cycle
    assert cycle == PRE_PANDEMIC or cycle.survey_code == (cycle.first_year - 1999) // 2 + 1


@given(st.text(max_size=12))
def test_any_text_is_a_name_or_none(text):
    parsed = parse_table_name(text)
    if parsed is not None:
        stem = text.strip().upper()
        assert stem in (parsed.table, table_name(parsed.table, parsed.cycle), f"{parsed.table}_A")
