"""What leaves of the change of bone density by arm: nothing of few people scanned, no number that tells few who were not."""

import polars as pl
import pytest

from pipelines import mart_curve
from pipelines.run_facts import RunFacts
from pipelines.tables import CONTRACTS

FACTS = RunFacts("run", "omop", ("s",), "white_female", 11, "simulated")
NUMBERS = ("change_pct", "se_pct", "ci_low_pct", "ci_high_pct")


def told(
    n_arm: int | None, n_observed: int | None, n_other: int | None, change: float | None = -2.0
) -> dict[str, object]:
    """One arm on one day as it leaves."""
    is_open = change is not None
    row = {
        "study_id": "s", "contrast": "a vs b, 24 months, cohort c", "outcome": "o", "population": "women", "arm_code": "a",
        "follow_up_days": 365, "evidence_source": "simulated", "change_pct": change, "se_pct": 0.2 if is_open else None,
        "ci_low_pct": -2.4 if is_open else None, "ci_high_pct": -1.6 if is_open else None, "n_arm": n_arm,
        "n_observed": n_observed, "n_observed_other": n_other, "gate_status": "open" if is_open else "closed",
        "gate_reason": None if is_open else "outcomes_smaller_arm fail",
    }  # fmt: skip
    given = pl.DataFrame([row], schema=CONTRACTS["models.bmd_trajectory"].empty().schema).lazy()
    found = mart_curve.bmd_trajectory({"models.bmd_trajectory": given}, FACTS).collect()
    CONTRACTS["mart.bmd_trajectory"].schema.validate(found, cast=True)
    assert not {"n_arm", "n_observed_other"} & set(found.columns), "they would tell what is hidden"
    return found.row(0, named=True)


@pytest.mark.parametrize(
    ("n_arm", "n_observed", "n_other", "shows_change", "shows_number"),
    [
        (500, 100, 90, True, True),
        (500, 10, 90, False, False),
        (500, 90, 10, False, False),
        (500, 11, 11, True, True),
        (500, 490, 90, True, False),
        (500, 499, 90, True, False),
        (500, 489, 90, True, True),
        (500, 500, 90, True, True),
    ],
)
def test_few_scanned_hide_all_and_few_missing_hide_the_number(
    n_arm, n_observed, n_other, shows_change, shows_number
) -> None:
    row = told(n_arm, n_observed, n_other)
    assert [row[name] is not None for name in NUMBERS] == [shows_change] * 4
    assert row["n_observed"] == (n_observed if shows_number else None)
    assert row["is_suppressed"] is not (shows_change and shows_number)


def test_a_closed_year_is_not_called_hidden() -> None:
    row = told(None, None, None, None)
    assert (row["gate_status"], row["gate_reason"]) == ("closed", "outcomes_smaller_arm fail")
    assert [row[name] for name in (*NUMBERS, "n_observed", "is_suppressed")] == [None] * 5 + [False]
