"""One death a person: which row stands, which are set aside, how a cause is written (domain row 24)."""

import pytest

VIEW = "source.death_record"
PERSON = "person_id | sex_code | birth_year | source_id\n1 | female | 1950 | flat"


def deaths(run_sql, *rows: str, **more: object) -> list[dict]:
    text = "\n".join(
        ("person_id | died_on | cause_code | drop_sequence | record_number", *(f"1 | {r} | 1" for r in rows))
    )
    inputs = {"staging.person": PERSON, "raw.flat_death": text} | more
    return sorted(run_sql(VIEW, inputs), key=lambda row: row["source_row"])


def fates(rows: list[dict]) -> list[tuple[str, str | None]]:
    return [(row["disposition"], row["reason"]) for row in rows]


def test_two_dates_in_one_delivery_are_none(run_sql):
    assert (
        fates(deaths(run_sql, "2020-01-01 | | 1", "2020-01-02 | | 1"))
        == [("quarantined", "conflicting_death_date")] * 2
    )


def test_the_row_with_a_cause_stands_and_the_other_repeats_it(run_sql):
    found = deaths(run_sql, "2020-01-01 | | 1", "2020-01-01 | I21.9 | 1")
    assert fates(found) == [("duplicate", "repeated_row"), ("staged", None)]


def test_a_later_delivery_replaces(run_sql):
    assert fates(deaths(run_sql, "2020-01-01 | | 1", "2020-01-05 | | 2")) == [
        ("duplicate", "superseded"),
        ("staged", None),
    ]


@pytest.mark.parametrize(
    ("day", "reason"),
    [("", "date_missing"), ("1949-06-01", "before_birth"), ("2024-07-01", None), ("2025-07-02", "date_in_future")],
)
def test_days(run_sql, only, day, reason):
    """A death may be up to a year later than what is known: it may come from a register."""
    delivered = [{"source_id": "flat", "latest_on": "2024-06-30"}]
    row = only(deaths(run_sql, f"{day} | | 1", **{"staging.latest_day": delivered}))
    assert (row["disposition"], row["reason"]) == ("quarantined" if reason else "staged", reason)


@pytest.mark.parametrize(
    ("written", "cause"),
    [
        ("I219", "I21.9"),
        ("i21.9", "I21.9"),
        ("C50", "C50"),
        ("S72.001A", "S72.001A"),
        ("heart attack", None),
        ("", None),
    ],
)
def test_causes_in_one_way_of_writing(run_sql, only, written, cause):
    assert only(deaths(run_sql, f"2020-01-01 | {written} | 1"))["cause_code"] == cause
