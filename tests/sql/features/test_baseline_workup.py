"""What was looked at before an inhibitor, and which reason was on record by then."""

import datetime as dt

import pytest

TABLE = "features.baseline_workup"
START = dt.date(2020, 7, 1)


def on(days: int) -> dt.date:
    return START + dt.timedelta(days)


@pytest.fixture
def workup(run_sql):
    def run(labs=(), scans=(), codes=(), entered=-400, testosterone=()):
        drugs = "person_id | ingredient | drug_class | supplied_on"
        supplies = [f"1 | anastrozole | aromatase_inhibitor | {on(day)}" for day in (0, 30)]
        return run_sql(TABLE, {
            "features.drug_supply": "\n".join((drugs, *supplies, f"2 | tamoxifen | serm | {START}")),
            "staging.observation_period": f"person_id | span_number | starts_on\n1 | 1 | {on(entered)}",
            "staging.lab_result": "\n".join(
                ("person_id | specimen_id | analyte_code | drawn_on", *(f"1 | {n}{d} | {n} | {on(d)}" for n, d in labs))
            ),
            "staging.dxa_scan": "\n".join((
                "person_id | scan_id | site_code | side_code | imputation_number | is_valid | scanned_on",
                *(f"1 | {d} | total_hip | left | 0 | {valid} | {on(d)}" for d, valid in scans),
            )),
            "staging.condition": "\n".join((
                "person_id | condition_code | vocabulary_code | is_present | recorded_on",
                *(f"1 | {code} | icd10cm | true | {on(d)}" for code, d in codes),
            )),
            "features.dosing_episode": "\n".join((
                "person_id | ingredient | drug_class | is_primary | starts_on | supply_ends_on",
                *(f"1 | testosterone | androgen | true | {on(a)} | {on(b)}" for a, b in testosterone),
            )),
        })  # fmt: skip

    return run


def test_two_of_three_are_67_percent(workup, only):
    row = only(workup(labs=[("testosterone", -180), ("estradiol", -181), ("hdl_cholesterol", 0)], scans=[(0, "true")]))
    assert (row["has_testosterone"], row["has_estradiol"], row["has_bone_scan"]) == (True, False, True)
    assert (row["has_lipids"], row["has_vitamin_d"]) == (True, False)
    assert row["completeness_pct"] == pytest.approx(200 / 3)
    assert row["started_on"] == START


def test_after_the_first_day_and_unusable_scans_do_not_count(workup, only):
    row = only(workup(labs=[("estradiol", 1)], scans=[(-10, "false"), (1, "true")]))
    assert row["completeness_pct"] == 0


@pytest.mark.parametrize(("entered", "expected"), [(-180, True), (-179, False)])
def test_who_came_later_was_not_observed(workup, only, entered, expected):
    assert only(workup(entered=entered))["is_observed"] is expected


@pytest.mark.parametrize(
    ("codes", "testosterone", "expected"),
    [
        ([("C50.911", 0), ("N62", -10)], [], "breast_cancer"),
        ([("C50.911", 1)], [], "none_recorded"),
        ([("N62", -10), ("N46.9", -10)], [(-100, 0)], "gynecomastia"),
        ([("N46.9", -10)], [(-100, 0)], "infertility"),
        ([("E29.1", -10)], [(-100, 0)], "testosterone_therapy"),
        ([("E29.1", -10)], [(-100, -1)], "hypogonadism"),
        ([], [], "none_recorded"),
    ],
)
def test_the_reason_on_record_by_the_day(workup, only, codes, testosterone, expected):
    assert only(workup(codes=codes, testosterone=testosterone))["indication_code"] == expected
