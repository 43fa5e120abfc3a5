"""What was looked at in the 180 days up to the first supply of an inhibitor, and why it may be given."""

import pytest

TABLE = "features.baseline_workup"
START = "2020-06-29"
#: 180 days before the start, and the day before that.
FIRST_DAY, TOO_EARLY = "2020-01-01", "2019-12-31"
INHIBITOR = "person_id | inhibitor_from_on | baseline_from_on"
LAB = "person_id | specimen_id | analyte_code | value | drawn_on"
SCAN = "person_id | scan_id | site_code | side_code | imputation_number | is_valid | scanned_on"
CONDITION = "person_id | condition_code | vocabulary_code | is_present | recorded_on"
EPISODE = "person_id | ingredient | drug_class | gap_days | episode_number | is_primary | starts_on | supply_ends_on"


@pytest.fixture
def workup(run_sql, only):
    def run(*, labs=(), scans=(), codes=(), episodes=(), since="2015-01-01"):
        return only(
            run_sql(
                TABLE,
                {
                    "features.first_inhibitor": f"{INHIBITOR}\n1 | {START} | 2019-06-30",
                    "staging.observation_period": f"person_id | span_number | starts_on\n1 | 1 | {since}",
                    "staging.lab_result": "\n".join(
                        (LAB, *(f"1 | {n} | {a} | 1 | {d}" for n, (a, d) in enumerate(labs)))
                    ),
                    "staging.dxa_scan": "\n".join((SCAN, *scans)),
                    "staging.condition": "\n".join((CONDITION, *codes)),
                    "features.dosing_episode": "\n".join((EPISODE, *episodes)),
                },
            )
        )

    return run


@pytest.mark.parametrize(
    ("analyte", "column"),
    [
        ("testosterone", "has_testosterone"), ("estradiol", "has_estradiol"), ("vitamin_d_25oh", "has_vitamin_d"),
        ("triglycerides", "has_lipids"), ("ldl_cholesterol_direct", "has_lipids"),
    ],
)  # fmt: skip
def test_the_window_is_of_180_days_its_last_the_start(workup, analyte, column):
    found = {day: workup(labs=[(analyte, day)])[column] for day in (TOO_EARLY, FIRST_DAY, START, "2020-06-30")}
    assert list(found.values()) == [False, True, True, False]


def scan(day=FIRST_DAY, valid="true", imputation=0):
    return f"1 | s | total_hip | left | {imputation} | {valid} | {day}"


@pytest.mark.parametrize(
    ("line", "counts"),
    [
        (scan(), True),
        (scan(START), True),
        (scan(TOO_EARLY), False),
        (scan(valid="false"), False),
        (scan(imputation=1), False),
        (scan(""), False),
    ],
)
def test_valid_scans_of_the_window_count(workup, line, counts):
    assert workup(scans=[line])["has_bone_scan"] is counts


def test_completeness_is_the_share_of_three(workup):
    assert workup()["completeness_pct"] == 0
    assert workup(labs=[("estradiol", START)])["completeness_pct"] == pytest.approx(100 / 3)
    assert workup(labs=[("estradiol", START), ("testosterone", START)], scans=[scan()])["completeness_pct"] == 100
    assert workup(labs=[("vitamin_d_25oh", START)])["completeness_pct"] == 0


def code(name: str, day=START, vocabulary="icd10cm", present="true") -> str:
    return f"1 | {name} | {vocabulary} | {present} | {day}"


@pytest.mark.parametrize(
    ("name", "indication"),
    [
        ("C50.911", "breast_cancer"), ("D05.10", "breast_cancer"), ("Z85.3", "breast_cancer"), ("Z85.38", "breast_cancer"),
        ("N62", "gynecomastia"), ("N46.9", "infertility"), ("N97.9", "infertility"), ("E29.1", "hypogonadism"),
        ("E23.0", "hypogonadism"), ("M81.0", "none_recorded"),
    ],
)  # fmt: skip
def test_reason_by_code(workup, name, indication):
    assert workup(codes=[code(name)])["indication_code"] == indication


@pytest.mark.parametrize(
    "line", [code("C50.911", "2020-06-30"), code("C50.911", present="false"), code("C50.911", vocabulary="icd9cm")]
)
def test_what_was_not_on_record_by_the_day_is_no_reason(workup, line):
    assert workup(codes=[line])["indication_code"] == "none_recorded"


def test_the_first_reason_that_holds(workup):
    testosterone = ["1 | testosterone | androgen | 90 | 1 | true | 2020-01-01 | 2020-06-29"]
    reasons = ("C50.911", "N62", "N46.9", "", "E29.1")
    order = [
        workup(codes=[code(c) for c in reasons[n:] if c], episodes=testosterone)["indication_code"] for n in range(4)
    ]
    assert order == ["breast_cancer", "gynecomastia", "infertility", "testosterone_therapy"]
    over = ["1 | testosterone | androgen | 90 | 1 | true | 2020-01-01 | 2020-06-28"]
    assert workup(codes=[code("E29.1")], episodes=over)["indication_code"] == "hypogonadism"


@pytest.mark.parametrize(("since", "is_observed"), [(FIRST_DAY, True), ("2020-01-02", False), ("", None)])
def test_observed_for_all_of_the_window(workup, since, is_observed):
    row = workup(since=since)
    assert (row["is_observed"], str(row["started_on"])) == (is_observed, START)


def test_nobody_without_an_inhibitor(run_sql):
    assert run_sql(TABLE, {"staging.lab_result": f"{LAB}\n1 | 1 | testosterone | 1 | {START}"}) == []
