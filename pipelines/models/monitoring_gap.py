"""How users of an inhibitor are watched: rows of `models.baseline` for a study that describes monitoring and compares nobody.

What a day of treatment knows of the last draw and scan is `features.monitoring`; here people are counted, some months after the
first fill. Arms of comparisons are described in `arm_description`.
"""

import polars as pl

from pipelines.models.propensity_model import Row
from pipelines.trials.study import Study

#: outcome of a study file that asks for this description
ON_SCHEDULE = "on_schedule"
#: months of 30 days after the first fill: the first checks, and yearly scans
_AFTER_MONTHS = (3, 6, 12, 24, 36)
_DAYS_A_MONTH = 30.4375
_LOOKED_AT = {"Estradiol": "days_since_e2", "Bone scan": "days_since_dxa"}
_ON_TIME = {"Estradiol": "is_e2_on_schedule", "Bone scan": "is_dxa_on_schedule"}


def is_described(study: Study) -> bool:
    """Whether a study file asks how people are watched."""
    return ON_SCHEDULE in study.outcomes.primary


def monitoring_rows(study: Study, people: pl.LazyFrame, months: pl.LazyFrame) -> list[Row]:
    """How many are still treated some months after their first fill; of these, when they were last looked at.

    Args:
        people: `cohort.trial_person` of this study; time zero is the first fill.
        months: `features.monitoring`; of the episode that begins at time zero.

    Returns:
        rows of `models.baseline`, an arm named with its cohort. Shares are of those still treated, means of those ever looked at.
    """
    arm = ("cohort_code", "arm_code")
    counted = people.group_by(*arm).agg(pl.col("person_id").n_unique().alias("n")).sort(*arm).collect()
    # Of all months of everybody, a handful is read.
    treated = (
        months.filter(pl.col("month_number").is_in([after + 1 for after in _AFTER_MONTHS]))
        .join(people.select(*arm, "person_id", "index_on"), on="person_id")
        .filter(pl.col("month_on") == pl.col("index_on") + pl.duration(days=30 * (pl.col("month_number") - 1)))
        # Who begins two inhibitors on one day is one person, on schedule where either is.
        .group_by(*arm, "person_id", "month_number")
        .agg(*(pl.col(name).min() for name in _LOOKED_AT.values()), *(pl.col(name).any() for name in _ON_TIME.values()))
        .collect()
    )
    rows: list[Row] = []
    for cohort, name, n_arm in counted.iter_rows():
        common = {"study_id": study.id, "arm_code": f"{name}, cohort {cohort}", "is_weighted": False}
        rows.append(common | {"characteristic": "People", "level": "all", "n": n_arm})
        for after in _AFTER_MONTHS:
            then = treated.filter(cohort_code=cohort, arm_code=name, month_number=after + 1)
            if then.height:
                rows += [common | row for row in _month(then, after, n_arm)]
    return rows


def _month(then: pl.DataFrame, after: int, n_arm: int) -> list[Row]:
    """What one row a person still treated tells of one month."""
    rows = _yes_no(f"Still treated, month {after}", then.height, n_arm)
    for what, last in _LOOKED_AT.items():
        rows += _yes_no(f"{what} on schedule, month {after}", int(then[_ON_TIME[what]].sum()), then.height)
        known = then[last].drop_nulls()
        if known.len():
            # More digits would be one fraction alone, whose denominator is a number of people.
            mean = round(int(known.sum()) / known.len() / _DAYS_A_MONTH, 1)
            row = {"level": "mean", "n": known.len(), "estimate": mean}
            rows.append({"characteristic": f"Months since {what.lower()}, month {after}", **row})
    return rows


def _yes_no(characteristic: str, n: int, of: int) -> list[Row]:
    common = {"characteristic": characteristic, "unit": "share"}
    return [common | {"level": level, "n": each, "estimate": each / of} for level, each in (("yes", n), ("no", of - n))]
