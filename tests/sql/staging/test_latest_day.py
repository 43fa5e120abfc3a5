"""Until when records of a source can be dated: the end of the month in which it was last examined."""

TABLE = "staging.latest_day"


def test_the_last_examination_decides_however_long_ago_or_ahead_a_file_was_landed(run_sql, only):
    landed = """source_file | source_id | landed_at | latest_on
a | omop | 2023-01-03 23:00:00 | 2024-02-29
b | omop | 2025-03-10 01:00:00 | 2024-02-29"""
    assert str(only(run_sql(TABLE, {"raw.manifest": landed}))["latest_on"]) == "2024-02-29"


def test_where_an_earlier_version_landed_the_last_delivery_of_each_source_decides(run_sql):
    landed = """source_file | source_id | landed_at
a | omop | 2024-01-03 23:00:00
b | omop | 2024-02-10 01:00:00
c | flat | 2023-12-31 12:00:00"""
    found = {row["source_id"]: str(row["latest_on"]) for row in run_sql(TABLE, {"raw.manifest": landed})}
    assert found == {"omop": "2024-02-29", "flat": "2023-12-31"}


def test_another_delivery_in_the_same_month_changes_nothing(run_sql, only):
    one = "source_file | source_id | landed_at\na | omop | 2024-02-03"
    two = f"{one}\nb | omop | 2024-02-25"
    first, second = (only(run_sql(TABLE, {"raw.manifest": text}))["latest_on"] for text in (one, two))
    assert first == second
