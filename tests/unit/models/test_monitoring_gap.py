"""How users are watched: whole people counted by hand at the months after the first fill, and nothing of another episode."""

import datetime as dt
from pathlib import Path

import polars as pl

from pipelines import mart
from pipelines.models.monitoring_gap import is_described, monitoring_rows
from pipelines.report.section_people import WATCHED
from pipelines.run_facts import RunFacts
from pipelines.tables import CONTRACTS
from pipelines.trials.study import catalogue

STUDY = catalogue()["monitoring"]
START = dt.date(2020, 1, 1)
FACTS = RunFacts("run", "omop", (STUDY.id,), "white_female", 11, "simulated")


def frames(n: int = 40, stopped: int = 15) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Men who all start the same day; the last `stopped` of them are treated for four months, the others for two years."""
    people = [{"study_id": STUDY.id, "person_id": k, "trial_number": 1, "cohort_code": "men", "arm_code": "everybody",
               "index_on": START, "end_reason": "x"} for k in range(n)]  # fmt: skip
    months = []
    for k in range(n):
        for number in range(1, 5 if k >= n - stopped else 26):
            on = START + dt.timedelta(days=30 * (number - 1))
            row = {
                "person_id": k,
                "ingredient": "anastrozole",
                "episode_number": 1,
                "month_number": number,
                "month_on": on,
            }
            # The first twelve are drawn at every third month, nobody else ever; all were scanned 61 days before they began.
            drawn = {"days_since_e2": 30 * ((number - 1) % 3), "is_e2_on_schedule": True}
            never = {"days_since_e2": None, "is_e2_on_schedule": False}
            scan = {"days_since_dxa": 61 + 30 * (number - 1), "is_dxa_on_schedule": 61 + 30 * (number - 1) <= 730}
            months.append(row | (drawn if k < 12 else never) | scan)
    # A later episode of somebody else's drug says nothing of the months after time zero.
    months.append(months[0] | {"episode_number": 2, "month_on": START + dt.timedelta(days=2000), "month_number": 4})

    def framed(rows: list[dict], table: str) -> pl.DataFrame:
        schema = CONTRACTS[table].empty().schema
        return pl.DataFrame([{name: row.get(name) for name in schema} for row in rows], schema=schema)

    return framed(people, "cohort.trial_person"), framed(months, "features.monitoring")


def baseline(people: pl.DataFrame, months: pl.DataFrame) -> pl.DataFrame:
    schema = CONTRACTS["models.baseline"].empty().schema
    rows = monitoring_rows(STUDY, people.lazy(), months.lazy())
    made = pl.DataFrame([{name: row.get(name) for name in schema} for row in rows], schema=schema)
    CONTRACTS["models.baseline"].schema.validate(made, cast=True)
    return made


def test_only_the_study_that_asks_is_described_so() -> None:
    assert [name for name, study in catalogue().items() if is_described(study)] == ["monitoring"]


def test_people_are_counted_at_the_months_after_their_first_fill() -> None:
    found = {
        (row["characteristic"], row["level"]): (row["n"], row["estimate"]) for row in baseline(*frames()).to_dicts()
    }
    assert found["People", "all"] == (40, None)
    assert found["Still treated, month 3", "yes"] == (40, 1.0) and found["Still treated, month 3", "no"] == (0, 0.0)
    assert found["Still treated, month 6", "yes"] == (25, 25 / 40) and found["Still treated, month 6", "no"][0] == 15
    assert found["Estradiol on schedule, month 6", "yes"] == (12, 12 / 25)
    assert found["Estradiol on schedule, month 6", "no"] == (13, 13 / 25)
    n, since = found["Months since estradiol, month 6", "mean"]
    assert (n, since) == (12, 0.0), "drawn on that very day: month 6 is a third month"
    n, since = found["Months since bone scan, month 12", "mean"]
    assert n == 25 and since == 13.8, "(61 + 360) / 30.4375"
    # 61 + 720 days ago is beyond two years.
    assert found["Bone scan on schedule, month 24", "yes"] == (0, 0.0)
    assert not any(name.endswith("month 36") for name, _ in found), "nobody is treated then"


def test_nobody_and_people_without_any_month_have_no_rows_of_months() -> None:
    people, months = frames()
    assert baseline(people.clear(), months).is_empty()
    assert baseline(people, months.clear())["characteristic"].to_list() == ["People"]
    one = people.head(1)
    assert baseline(one, months).filter(characteristic="Still treated, month 24", level="yes")["n"].to_list() == [1]


def test_the_page_says_the_schedule_that_is_kept(root: Path) -> None:
    limits = pl.read_csv(root / "sql" / "ref" / "clinical_limit.csv", infer_schema=False)
    days = dict(limits.select("limit_code", "value").iter_rows())
    assert (days["e2_schedule_days"], days["dxa_schedule_days"]) == (str(12 * 7), str(2 * 365))
    assert "at most 12 weeks ago" in WATCHED and "in the two years before" in WATCHED


def test_two_inhibitors_begun_on_one_day_are_one_person_whatever_the_order_of_rows() -> None:
    people, months = frames()
    second = months.with_columns(ingredient=pl.lit("letrozole"), is_e2_on_schedule=pl.lit(value=True))
    told = [baseline(people, pl.concat(order)) for order in ([months, second], [second, months])]
    assert told[0].equals(told[1])
    on_time = told[0].filter(characteristic="Estradiol on schedule, month 6", level="yes")
    assert on_time["n"].to_list() == [25], "either is on schedule"


def test_few_people_stay_untold() -> None:
    rows = baseline(*frames(n=40, stopped=4))
    told = mart.table_one({"models.baseline": rows.lazy()}, FACTS).collect()
    CONTRACTS["mart.table_one"].schema.validate(told, cast=True)
    hidden = told.filter(pl.col("characteristic") == "Still treated, month 6")
    assert hidden["n"].null_count() == 2 and hidden["is_suppressed"].all(), "four who stopped, and what tells them"


def test_a_share_is_told_as_finely_as_its_own_people_allow() -> None:
    told = mart.table_one({"models.baseline": baseline(*frames(n=400, stopped=350)).lazy()}, FACTS).collect()
    shares = {row["characteristic"]: row["estimate"] for row in told.filter(level="yes").to_dicts()}
    assert shares["Still treated, month 6"] == 0.1, "50 of 400, in steps of 5 %"
    # 12 of the 50 then treated: 11 people are more than a tenth of them, and no step is wider.
    assert shares["Estradiol on schedule, month 6"] is None


def test_what_comes_after_changes_no_earlier_month() -> None:
    people, months = frames()
    later = pl.col("month_number") > 4
    shuffled = months.with_columns(
        days_since_e2=pl.when(later).then(5).otherwise(pl.col("days_since_e2")),
        is_e2_on_schedule=pl.when(later).then(pl.lit(value=True)).otherwise(pl.col("is_e2_on_schedule")),
    )
    early = pl.col("characteristic").str.ends_with("month 3")
    assert baseline(people, months).filter(early).equals(baseline(people, shuffled).filter(early))
    assert not baseline(people, months).equals(baseline(people, shuffled))
