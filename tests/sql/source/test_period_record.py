"""Spans under observation: gaps stay gaps, overlaps are joined, impossible spans are set aside (domain rows 23, 24)."""

import pytest

VIEW = "source.period_record"


def spans(run_sql, *rows: str) -> list[tuple]:
    header = "person_id | observation_period_id | observation_period_start_date | observation_period_end_date | drop_sequence"
    numbered = [f"1 | {number} | {row} | 1" for number, row in enumerate(rows, start=1)]
    inputs = {
        "raw.omop_observation_period": "\n".join((header, *numbered)),
        "staging.person": "person_id | sex_code | birth_year\n1 | female | 1950",
    }
    found = sorted(run_sql(VIEW, inputs), key=lambda row: row["source_row"])
    return [
        (r["disposition"], r["reason"], r["span_number"], str(r["ends_on"]) if r["ends_on"] else None) for r in found
    ]


def test_a_gap_makes_two_spans(run_sql):
    assert spans(run_sql, "2010-01-01 | 2011-12-31", "2013-01-01 | 2014-12-31") == [
        ("staged", None, 1, "2011-12-31"),
        ("staged", None, 2, "2014-12-31"),
    ]


def test_a_span_that_begins_the_day_after_is_one_of_its_own(run_sql):
    found = spans(run_sql, "2010-01-01 | 2011-12-31", "2012-01-01 | 2014-12-31")
    assert [row[2] for row in found] == [1, 2]


def test_overlapping_spans_are_joined_also_through_a_long_one(run_sql):
    found = spans(run_sql, "2010-01-01 | 2016-12-31", "2011-01-01 | 2011-06-30", "2016-01-01 | 2018-01-01")
    assert found == [
        ("staged", None, 1, "2018-01-01"),
        ("duplicate", "merged_period", 1, "2018-01-01"),
        ("duplicate", "merged_period", 1, "2018-01-01"),
    ]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("2010-01-01 | 2009-12-31", "ends_before_start"),
        ("2010-01-01 | ", "date_missing"),
        (" | 2010-01-01", "date_missing"),
        ("1949-12-31 | 2010-01-01", "before_birth"),
    ],
)
def test_spans_that_cannot_be(run_sql, only, row, reason):
    assert only(spans(run_sql, row))[:3] == ("quarantined", reason, None)


def test_the_same_span_twice_counts_once(run_sql):
    text = "person_id | starts_on | ends_on | record_number | drop_sequence\n1 | 2010-01-01 | 2011-01-01 | 1 | 1"
    found = run_sql(VIEW, {"raw.flat_period": f"{text}\n1 | 2010-01-01 | 2011-01-01 | 1 | 1"})
    assert sorted((r["disposition"], r["reason"]) for r in found) == [("duplicate", "repeated_row"), ("staged", None)]
