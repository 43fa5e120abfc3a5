"""Which row stands for a person: sex, age at entry, nobody told to be over 89."""

import pytest

VIEW = "source.person_record"
FLAT = "person_id | sex_text | birth_year | age_years | age_on | race_text"
OMOP = "person_id | gender_concept_id | gender_source_value | year_of_birth | race_concept_id | ethnicity_concept_id"
SPAN = "person_id | observation_period_start_date | observation_period_end_date\n1 | 2012-05-01 | 2015-01-01"


def flat(run_sql, *rows: str) -> list[dict]:
    text = "\n".join((f"{FLAT} | record_number | drop_sequence", *(f"{row} | 1 | 1" for row in rows)))
    return sorted(run_sql(VIEW, {"raw.flat_person": text}), key=lambda row: row["source_row"])


def omop(run_sql, row: str, span: str = SPAN) -> dict:
    text = f"{OMOP} | drop_sequence\n{row} | 1"
    (found,) = run_sql(VIEW, {"raw.omop_person": text, "raw.omop_observation_period": span})
    return found


@pytest.mark.parametrize(
    ("born", "age", "is_top", "year"),
    [(1950, 62, False, 1950), (1923, 89, False, 1923), (1922, 89, True, None), (1900, 89, True, None)],
)
def test_age_is_that_at_entry_and_ends_at_89(run_sql, born, age, is_top, year):
    row = omop(run_sql, f"1 | 8532 | | {born} | 8527 |")
    assert (row["age_years"], row["is_age_top_coded"], row["birth_year"]) == (age, is_top, year)
    assert str(row["entered_on"]) == "2012-05-01"


def test_birth_after_entry_tells_no_age(run_sql):
    row = omop(run_sql, "1 | 8532 | | 2013 | 8527 |")
    assert (row["age_years"], row["birth_year"], row["disposition"]) == (None, None, "staged")


@pytest.mark.parametrize(
    ("concept", "word", "sex"),
    [("8507", "F", "male"), ("8532", "", "female"), ("0", "M", "male"), ("", "female", "female"), ("0", "U", None)],
)
def test_the_concept_decides_and_the_word_only_where_it_says_nothing(run_sql, concept, word, sex):
    row = omop(run_sql, f"1 | {concept} | {word} | 1950 | 8527 |")
    assert row["sex_code"] == sex
    assert (row["disposition"], row["reason"]) == (("staged", None) if sex else ("quarantined", "no_sex"))


def test_a_stated_age_counts_from_its_day(run_sql, only):
    row = only(flat(run_sql, "1 | F | | 61.9 | 2020-06-01 | white"))
    assert (row["age_years"], row["birth_year"], str(row["entered_on"])) == (61, 1959, "2020-06-01")


def test_rows_that_disagree_say_nothing_and_equal_ones_count_once(run_sql):
    rows = flat(
        run_sql, "1 | F | 1950 | | |", "1 | M | 1950 | | |", "2 | F | 1950 | | |", "2 | F | 1950 | | |",
        "3 | F | 1950 | | |", "3 | F | 1951 | | |",
    )  # fmt: skip
    fates = [(row["disposition"], row["reason"]) for row in rows]
    assert fates[:2] == fates[4:] == [("quarantined", "conflicting_person")] * 2
    assert fates[2:4] == [("staged", None), ("duplicate", "repeated_row")]


def test_a_later_delivery_replaces_a_person(run_sql):
    text = f"{FLAT} | record_number | drop_sequence\n1 | F | 1950 | | | | 1 | 1\n1 | M | 1951 | | | | 1 | 2"
    first, second = sorted(run_sql(VIEW, {"raw.flat_person": text}), key=lambda row: row["source_row"])
    assert (first["disposition"], first["reason"]) == ("duplicate", "superseded")
    assert (second["disposition"], second["sex_code"]) == ("staged", "male")
