"""Rows that describe others are counted, as out of scope, so that every file balances."""

VIEW = "source.aside_record"


def test_devices_and_retractions(run_sql):
    rows = run_sql(
        VIEW,
        {
            "raw.omop_device_exposure": "person_id | device_exposure_id | source_file\n1 | 7 | device",
            "raw.flat_retraction": "person_id | record_number | record_id | kind | source_file\n1 | 1 | a | dxa | retraction",
        },
    )
    found = {(row["source_file"], row["family"], row["disposition"], row["reason"]) for row in rows}
    assert found == {
        ("device", "device", "out_of_scope", "describes_device"),
        ("retraction", "retraction", "out_of_scope", "retraction"),
    }
