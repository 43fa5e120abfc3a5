"""Months of treatment and when somebody last looked."""

TABLE = "features.monitoring"
EPISODE = (
    "person_id | ingredient | drug_class | gap_days | episode_number | is_primary | starts_on | supply_ends_on\n"
    "1 | anastrozole | aromatase_inhibitor | 90 | 1 | true | 2020-01-01 | 2020-06-28"
)
EVENT = "person_id | ingredient | event_number | event_on | event_code\n1 | anastrozole | 1 | 2020-01-01 | start"


def months(run_sql, draws=(), scans=(), events=EVENT, episodes=EPISODE):
    lab = [f"1 | {day} | estradiol | {day}" for day in draws]
    dxa = [f"1 | {day} | lumbar_spine | not_applicable | 0 | true | {day}" for day in scans]
    return run_sql(TABLE, {
        "features.dosing_episode": episodes,
        "features.dose_event": events,
        "staging.lab_result": "\n".join(("person_id | specimen_id | analyte_code | drawn_on", *lab)),
        "staging.dxa_scan": "\n".join(
            ("person_id | scan_id | site_code | side_code | imputation_number | is_valid | scanned_on", *dxa)
        ),
    })  # fmt: skip


def test_six_months_of_thirty_days(run_sql):
    rows = months(run_sql)
    assert [row["month_number"] for row in rows] == [1, 2, 3, 4, 5, 6]
    assert [str(row["month_on"]) for row in rows][:2] == ["2020-01-01", "2020-01-31"]
    assert {(row["days_since_e2"], row["days_since_dxa"]) for row in rows} == {(None, None)}


def test_twelve_weeks_after_a_start_the_draw_is_due(run_sql):
    assert [row["is_e2_on_schedule"] for row in months(run_sql)] == [True, True, True, False, False, False]


def test_a_draw_after_the_start_meets_the_schedule_and_one_before_does_not(run_sql):
    late = months(run_sql, draws=["2020-04-15"])
    assert [row["is_e2_on_schedule"] for row in late] == [True, True, True, False, True, True]
    assert [row["days_since_e2"] for row in late] == [None, None, None, None, 15, 45]
    before = months(run_sql, draws=["2019-12-20"])
    assert [row["is_e2_on_schedule"] for row in before] == [True, True, True, False, False, False]


def test_a_change_of_dose_opens_a_new_time(run_sql):
    events = EVENT + "\n1 | anastrozole | 2 | 2020-05-20 | dose_down\n1 | anastrozole | 3 | 2020-05-25 | stop"
    rows = months(run_sql, draws=["2020-02-01"], events=events)
    assert [row["days_since_dose_change"] for row in rows] == [0, 30, 60, 90, 120, 10]
    assert rows[5]["is_e2_on_schedule"]


def test_the_last_scan_before_the_month_counts(run_sql):
    rows = months(run_sql, scans=["2018-01-31", "2020-03-15"])
    assert [row["days_since_dxa"] for row in rows] == [700, 730, 760, 16, 46, 76]
    assert [row["is_dxa_on_schedule"] for row in rows] == [True, True, False, True, True, True]


def test_other_drugs_and_other_gaps_have_no_months(run_sql):
    assert months(run_sql, episodes=EPISODE.replace("aromatase_inhibitor", "statin")) == []
    assert months(run_sql, episodes=EPISODE.replace("| true |", "| false |")) == []


def test_it_says_of_which_course(run_sql):
    assert {(row["ingredient"], row["episode_number"]) for row in months(run_sql)} == {("anastrozole", 1)}
