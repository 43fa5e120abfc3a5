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


def is_described(study: Study) -> bool:
    """Whether a study file asks how people are watched."""
    return ON_SCHEDULE in study.outcomes.primary


def monitoring_rows(study: Study, people: pl.DataFrame, months: pl.DataFrame) -> list[Row]:
    """How many are still treated some months after their first fill; of these, when they were last looked at.

    Args:
        people: `cohort.trial_person` of this study; time zero is the first fill.
        months: `features.monitoring`; of the episode that begins at time zero.

    Returns:
        rows of `models.baseline`, an arm named with its cohort. Shares are of those still treated, means of those ever looked at.
    """
    rows: list[Row] = []
    treated = people.join(months, on="person_id").filter(
        pl.col("month_on") == pl.col("index_on") + pl.duration(days=30 * (pl.col("month_number") - 1))
    )
    for (cohort, arm), own in people.group_by("cohort_code", "arm_code", maintain_order=True):
        common = {"study_id": study.id, "arm_code": f"{arm}, cohort {cohort}", "is_weighted": False}
        rows.append(common | {"characteristic": "People", "level": "all", "n": own["person_id"].n_unique()})
        of_arm = treated.filter(pl.col("cohort_code") == cohort, pl.col("arm_code") == arm)
        for after in _AFTER_MONTHS:
            then = of_arm.filter(pl.col("month_number") == after + 1).unique("person_id")
            if then.height:
                rows += [common | row for row in _month(then, after, own["person_id"].n_unique())]
    return rows


def _month(then: pl.DataFrame, after: int, n_arm: int) -> list[Row]:
    """What one row a person still treated tells of one month."""
    rows = _yes_no(f"Still treated, month {after}", then.height, n_arm)
    for what, last, on_schedule in (
        ("Estradiol", "days_since_e2", "is_e2_on_schedule"),
        ("Bone scan", "days_since_dxa", "is_dxa_on_schedule"),
    ):
        rows += _yes_no(f"{what} on schedule, month {after}", int(then[on_schedule].sum()), then.height)
        known = then[last].drop_nulls()
        if known.len():
            since = {
                "level": "mean",
                "n": known.len(),
                # More digits would be one fraction alone, whose denominator is a number of people.
                "estimate": round(int(known.sum()) / known.len() / _DAYS_A_MONTH, 1),
            }
            rows.append({"characteristic": f"Months since {what.lower()}, month {after}", **since})
    return rows


def _yes_no(characteristic: str, n: int, of: int) -> list[Row]:
    common = {"characteristic": characteristic, "unit": "share"}
    return [common | {"level": level, "n": each, "estimate": each / of} for level, each in (("yes", n), ("no", of - n))]
