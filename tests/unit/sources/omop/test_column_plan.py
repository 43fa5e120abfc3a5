"""Columns of a delivered table: letter case, what is never landed, what a table cannot do without."""

import pytest

from pipelines.errors import BadInput
from pipelines.sources.omop.column_plan import NEVER_LANDED, REQUIRED, plan_columns
from pipelines.tables.raw_omop import OMOP_COLUMNS, OMOP_POPULATION_TABLES


def test_letter_case_does_not_matter_and_unknown_columns_are_text():
    plan = plan_columns("death", ["Person_ID", "DEATH_DATE", "ward"], "death.csv")
    assert plan.columns == {"DEATH_DATE": "death_date", "ward": "ward"}
    assert plan.kinds == {"death_date": "day", "ward": "text"}
    assert plan.id_column == "Person_ID"
    assert plan.notes == ()


def test_what_leads_to_a_person_is_not_landed_and_said():
    columns = ["person_id", "gender_concept_id", *sorted(NEVER_LANDED["person"])]
    plan = plan_columns("person", columns, "person.csv")
    assert plan.columns == {"gender_concept_id": "gender_concept_id"}
    (note,) = plan.notes
    for name in ("birth_datetime", "day_of_birth", "person_source_value", "location_id"):
        assert name in note


def test_a_column_that_takes_a_name_of_ours_is_left_out_and_said():
    plan = plan_columns("death", ["person_id", "death_date", "drop_id", "SOURCE_FILE"], "death.csv")
    assert plan.columns == {"death_date": "death_date"}
    assert plan.notes == ("not landed, for the names are taken: drop_id, source_file",)


def test_two_columns_that_differ_in_letter_case_are_refused():
    with pytest.raises(BadInput, match=r"death.csv: two columns are called death_date but for letter case"):
        plan_columns("death", ["person_id", "death_date", "DEATH_DATE"], "death.csv")


@pytest.mark.parametrize("table", sorted(REQUIRED))
def test_every_table_says_what_it_cannot_do_without(table):
    groups = [group for group in REQUIRED[table] if group]
    is_person = table not in OMOP_POPULATION_TABLES
    if not groups and not is_person:
        assert plan_columns(table, ["anything"], f"{table}.csv").id_column is None
        return
    with pytest.raises(BadInput) as refused:
        plan_columns(table, ["renamed"], f"{table}.csv")
    said = str(refused.value)
    assert said.startswith(f"{table}.csv: no column ") and "give the columns their OMOP names" in said
    assert ("person_id" in said) is is_person
    for group in groups:
        assert " or ".join(group) in said
        assert set(group) <= OMOP_COLUMNS[table].keys()


def test_every_landed_table_has_a_rule():
    assert REQUIRED.keys() == OMOP_COLUMNS.keys()


def test_one_column_of_a_group_is_enough():
    for date in ("measurement_date", "measurement_datetime"):
        for code in ("measurement_concept_id", "measurement_source_value"):
            assert plan_columns("measurement", ["person_id", date, code], "m.csv").columns == {date: date, code: code}
