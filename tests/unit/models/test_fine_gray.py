"""Fine and Gray at its edges: nothing that competes, nobody censored, ties of all kinds, weights of 0, refusals."""

import numpy as np
import pytest

from pipelines.models.cox import fit_cox
from pipelines.models.errors import NotEstimable
from pipelines.models.fine_gray import expanded, fit_fine_gray
from pipelines.models.survival_curve import FollowUp, follow_up


def people(n: int = 240, seed: int = 5):
    """Tied times 0.25 to 6, event 0, 1 or 2, covariates [n, 2]."""
    rng = np.random.default_rng(seed)
    x = np.column_stack([rng.random(n) < 0.5, rng.normal(size=n)]).astype(float)
    time = np.ceil(4 * np.minimum(rng.exponential(2.0 * np.exp(-0.4 * x[:, 0])), 6.0)) / 4
    return time, rng.integers(0, 3, n), x


def same(one, other, rel: float = 1e-9) -> None:
    assert one.coefficients == pytest.approx(other.coefficients, rel=rel)
    assert one.standard_errors == pytest.approx(other.standard_errors, rel=rel)


@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_without_competing_events_it_is_cox(ties) -> None:
    time, event, x = people()
    rows = follow_up(time, (event == 1).astype(int))
    fit, cox = fit_fine_gray(rows, x, 1, ties), fit_cox(rows, x, ties=ties)
    same(fit, cox)
    assert fit.log_likelihood == pytest.approx(cox.log_likelihood)


def test_with_nobody_censored_those_of_other_causes_outlive_all() -> None:
    """The definition of the subdistribution: a time without end for those whom another cause took."""
    time, event, x = people()
    event = np.where(event == 0, 1, event)
    endless = follow_up(np.where(event == 2, 100.0, time), (event == 1).astype(int))
    same(fit_fine_gray(follow_up(time, event), x), fit_cox(endless, x))


def test_censoring_known_for_all_leaves_at_it() -> None:
    """All are followed to one date: the chance of being followed is 1 until then, and no event comes after."""
    time, event, x = people()
    event = np.where(event == 0, 2, event)
    until = np.where(time < 3, event, 0), np.minimum(time, 3.0)
    endless = follow_up(np.where(until[0] == 2, 3.0, until[1]), (until[0] == 1).astype(int))
    same(fit_fine_gray(follow_up(until[1], until[0]), x), fit_cox(endless, x))


def test_ties_by_hand() -> None:
    """One of five leaves early; at month 2 one has the event, one dies, one leaves: last, of the two who are still there."""
    time, event = np.array([1.0, 1.5, 2.0, 2.0, 2.0, 3.0]), np.array([2, 0, 1, 2, 0, 1])
    found = expanded(follow_up(time, event))
    # Dead at 1: 4/5 at month 2, then half of it. Dead at 2, when 4/5 were still followed: half of one at month 3.
    assert found.origin[6:].tolist() == [0, 0, 3]
    assert found.rows.weights[6:] == pytest.approx([0.8, 0.4, 0.5])
    assert found.rows.entry[6:].tolist() == [1, 2, 2]
    assert found.rows.exit[6:].tolist() == [2, 3, 3]
    assert found.rows.event.tolist() == [0, 0, 1, 0, 0, 1, 0, 0, 0]


def test_the_other_cause_sees_its_own_events() -> None:
    time, event, x = people()
    swapped = np.array([0, 2, 1])[event]
    same(fit_fine_gray(follow_up(time, event), x, 2), fit_fine_gray(follow_up(time, swapped), x, 1))


def test_weights_are_people_and_none_are_nobody() -> None:
    time, event, x = people()
    number = np.arange(time.size) % 3
    weighted = fit_fine_gray(follow_up(time, event, None, number.astype(float)), x, ties="breslow")
    own = np.repeat(np.arange(time.size), number)
    repeated = expanded(follow_up(time[own], event[own]))
    person = own[repeated.origin]
    same(weighted, fit_cox(repeated.rows, x[own][repeated.origin], person_id=person, ties="breslow"))


def test_units_and_order_change_nothing() -> None:
    time, event, x = people()
    fit = fit_fine_gray(follow_up(time, event), x)
    other = np.random.default_rng(1).permutation(time.size)
    moved = fit_fine_gray(follow_up(365.25 * time[other], event[other]), 1e-3 * x[other] - 7)
    assert moved.coefficients == pytest.approx(1e3 * fit.coefficients, rel=1e-6)
    assert moved.standard_errors == pytest.approx(1e3 * fit.standard_errors, rel=1e-6)


def test_errors_count_people_not_the_rows_they_were_expanded_to() -> None:
    """Everybody twice, as two people: errors fall by the root of two; expanded rows by themselves would not tell."""
    time, event, x = people()
    one = fit_fine_gray(follow_up(time, event), x, ties="breslow")
    two = fit_fine_gray(follow_up(np.r_[time, time], np.r_[event, event]), np.r_[x, x], ties="breslow")
    assert two.standard_errors == pytest.approx(one.standard_errors / np.sqrt(2))
    spread = expanded(follow_up(time, event))
    rows = fit_cox(spread.rows, x[spread.origin], ties="breslow")
    assert one.standard_errors != pytest.approx(rows.standard_errors, rel=1e-3)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t, e, x: (t, np.where(e == 1, 0, e), x), "no event of cause 1"),
        (lambda t, e, x: (t, e, np.column_stack([x, np.ones(t.size)])), "same for all"),
        (lambda t, e, x: (t, e, np.column_stack([x, 2 * x[:, 1]])), "tell each other"),
        (lambda t, e, x: (t, np.where((e == 1) & (x[:, 0] == 0), 2, e), x), "runs off|did not converge"),
    ],
)
def test_what_cannot_be_told_is_refused(change, words) -> None:
    time, event, x = change(*people())
    with pytest.raises(NotEstimable, match=words):
        fit_fine_gray(follow_up(time, event, n_causes=2), x)


def test_events_of_those_without_weight_are_none() -> None:
    time, event, x = people()
    with pytest.raises(NotEstimable, match="no event of cause 1"):
        fit_fine_gray(follow_up(time, event, None, (event != 1).astype(float)), x)


def test_late_entry_is_refused() -> None:
    time, event, x = people()
    rows: FollowUp = follow_up(time, event, time / 2)
    with pytest.raises(ValueError, match="late entry"):
        fit_fine_gray(rows, x)
