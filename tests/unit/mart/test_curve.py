"""What leaves of a curve: no day on which few had the event or were left, and no step of few people."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines import mart_curve
from pipelines.disclosure import hidden_steps, hidden_together
from pipelines.run_facts import RunFacts
from pipelines.tables import CONTRACTS

FACTS = RunFacts("run", "omop", ("s",), "white_female", 11, "simulated")
DAYS = (0, 91, 182, 273, 365, 456)


def told(points: list[tuple[int, int]], arm: str = "a", contrast: str = "a vs b, {} months, cohort c") -> pl.DataFrame:
    """People at risk and events by day; the days after the first year belong to a question of its own."""
    rows = [
        {"study_id": "s", "contrast": contrast.format(12 if day <= 365 else 36), "outcome": "stroke", "population": "women",
         "arm_code": arm, "follow_up_days": day, "evidence_source": "simulated", "risk_pct": events / 10, "se_pct": 0.1,
         "ci_low_pct": 0.0, "ci_high_pct": 9.0, "n_at_risk": n, "n_events": events, "gate_status": "open",
         "gate_reason": None}
        for day, (n, events) in zip(DAYS, points, strict=False)
    ]  # fmt: skip
    given_rows = pl.DataFrame(rows, schema=CONTRACTS["models.cumulative_incidence"].empty().schema).lazy()
    found = mart_curve.cumulative_incidence({"models.cumulative_incidence": given_rows}, FACTS).collect()
    CONTRACTS["mart.cumulative_incidence"].schema.validate(found, cast=True)
    return found.sort("follow_up_days")


def test_a_step_of_few_events_is_folded_into_the_next_and_the_last_day_stays() -> None:
    found = told([(1000, 0), (950, 12), (900, 20), (850, 33), (800, 40), (700, 51)])
    assert found["is_suppressed"].to_list() == [False, True, False, True, False, False]
    hidden, shown = found.filter("is_suppressed"), found.filter(~pl.col("is_suppressed"))
    for name in ("risk_pct", "se_pct", "ci_low_pct", "ci_high_pct"):
        assert hidden[name].null_count() == hidden.height and shown[name].null_count() == 0
    assert found["n_at_risk"].to_list() == [1000, 950, 900, 850, 800, 700], "those left are many, and no step is small"
    assert "n_events" not in found.columns


@pytest.mark.parametrize(
    ("points", "hidden"),
    [
        ([(1000, 0), (900, 4)], [False, True]),
        ([(1000, 0), (995, 0), (900, 15)], [True, False, False]),
        ([(1000, 0), (500, 40), (7, 60)], [False, False, True]),
        ([(1000, 0), (900, 0), (800, 0)], [False, False, False]),
        ([(40, 0), (11, 12), (0, 25)], [False, False, False]),
    ],
)
def test_few_events_few_left_or_few_gone_hide_a_day_and_nobody_does_not(points, hidden) -> None:
    assert told(points)["is_suppressed"].to_list() == hidden


def test_few_who_left_hide_their_number_and_few_left_hide_the_risk_too() -> None:
    found = told([(1000, 0), (980, 15), (975, 15), (900, 30), (5, 60)])
    assert found["n_at_risk"].to_list() == [1000, None, 975, 900, None]
    assert found["risk_pct"].to_list() == [0.0, None, 1.5, 3.0, None]


def test_days_of_two_horizons_are_one_curve() -> None:
    """The first day of the second question follows the last one of the first: a small step between them is hidden, too."""
    found = told([(1000, 0), (950, 12), (900, 24), (850, 36), (800, 48), (700, 53)])
    assert found["is_suppressed"].to_list()[-2:] == [True, False]


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=1, max_size=20), st.integers(2, 20))
def test_no_two_days_shown_differ_by_few(steps: list[tuple[int, int]], min_cell: int) -> None:
    left = [sum(gone for gone, _ in steps[i:]) for i in range(len(steps))]
    events = [sum(event for _, event in steps[: i + 1]) for i in range(len(steps))]
    hidden = hidden_together([left, events], min_cell)
    for chain in (left, events):
        shown = [n for n, is_hidden in zip(chain, hidden, strict=True) if not is_hidden]
        apart = [abs(one - other) for i, one in enumerate(shown) for other in shown[:i]]
        assert not any(0 < n < min_cell for n in (*shown, *apart))
    assert hidden_steps(left, min_cell) == hidden_together([left], min_cell)
