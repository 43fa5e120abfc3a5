"""Weights of histories and multinomial chances at their edges."""

import numpy as np
import pytest

from pipelines.models import marginal_structural, standardised
from pipelines.models.errors import NotEstimable
from pipelines.models.logistic import fit_logistic
from pipelines.models.marginal_structural import WeightStage, fit_marginal, history_weights
from pipelines.models.multinomial import fit_multinomial


def periods(people: int = 300, seed: int = 1):
    """Three periods a person; treatment by a covariate."""
    rng = np.random.default_rng(seed)
    person = np.repeat(np.arange(people), 3)
    x = rng.normal(size=person.size)
    treated = (rng.random(person.size) < 1 / (1 + np.exp(-x))).astype(np.int64)
    return person, x, treated, 1.0 + 2.0 * treated + x + rng.normal(size=person.size)


def stage(person, x, treated, **changes) -> WeightStage:
    everybody = np.ones(person.size, dtype=bool)
    parts = {"name": "dose", "at_risk": everybody, "category": treated, "numerator": np.zeros((person.size, 0))}
    return WeightStage(**(parts | {"denominator": x[:, None]} | changes))


def test_two_categories_are_logistic_regression() -> None:
    _, x, treated, _ = periods()
    two, one = fit_multinomial(x[:, None], treated, 2), fit_logistic(x[:, None], treated.astype(float))
    assert two.coefficients[0] == pytest.approx([one.intercept, one.coefficients[0]], rel=1e-7)
    assert np.sqrt(two.inverse_information[1, 1]) == pytest.approx(one.standard_errors()[0], rel=1e-6)


def test_three_categories_reproduce_their_shares_at_every_level() -> None:
    rng = np.random.default_rng(2)
    level = rng.integers(0, 2, 600).astype(float)
    dose = rng.integers(0, 3, 600)
    fit = fit_multinomial(level[:, None], dose, 3)
    for at in (0.0, 1.0):
        shares = np.bincount(dose[level == at], minlength=3) / np.count_nonzero(level == at)
        assert fit.predict(np.array([[at]]))[0] == pytest.approx(shares, abs=1e-7)


def test_blocks_of_rows_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(6)
    x, dose = rng.normal(size=(500, 2)), rng.integers(0, 4, 500)
    whole = fit_multinomial(x, dose, 4, penalty=1.0)
    monkeypatch.setattr(standardised, "ROWS", 64)
    monkeypatch.setattr(standardised, "KEPT", 64)
    parts = fit_multinomial(x, dose, 4, penalty=1.0)
    assert parts.coefficients == pytest.approx(whole.coefficients, rel=1e-9)
    assert parts.inverse_information == pytest.approx(whole.inverse_information, rel=1e-9, abs=1e-14)


def test_what_scores_gather_and_spread_is_that_of_each_row_by_itself() -> None:
    """A row's score of category k is its residual there times 1 and its covariates."""
    rng = np.random.default_rng(7)
    x, dose = rng.normal(size=(60, 2)), rng.integers(0, 3, 60)
    fit = fit_multinomial(x, dose, 3, penalty=1.0)
    along, direction = rng.normal(size=(60, 2)), rng.normal(size=(6, 2))
    residual = (dose[:, None] == [1, 2]) - fit.probabilities[:, 1:]
    scores = np.stack([np.kron(r, [1.0, *row]) for r, row in zip(residual, x, strict=True)])
    assert fit.gathered(x, dose, along) == pytest.approx(scores.T @ along)
    assert fit.spread(x, dose, direction) == pytest.approx(scores @ direction)


def test_scores_sum_to_nothing_at_the_fit() -> None:
    rng = np.random.default_rng(3)
    x, dose = rng.normal(size=(400, 2)), rng.integers(0, 3, 400)
    fit = fit_multinomial(x, dose, 3)
    assert fit.gathered(x, dose, np.ones((400, 1))) == pytest.approx(np.zeros((6, 1)), abs=1e-5)
    every = fit.spread(x, dose, np.eye(6))
    assert every.sum(axis=0) == pytest.approx(np.zeros(6), abs=1e-5)
    assert every.T @ x == pytest.approx(fit.gathered(x, dose, x), abs=1e-8)


def test_carried_weights_are_products_over_a_persons_past() -> None:
    person, x, treated, _ = periods(people=50)
    carried = history_weights(person, [stage(person, x, treated)]).values
    alone = history_weights(person, [stage(person, x, treated, is_carried=False)]).values
    assert carried.reshape(-1, 3) == pytest.approx(np.cumprod(alone.reshape(-1, 3), axis=1), rel=1e-10)


def test_truncation_is_reported_and_moves_no_coefficient_of_the_weights() -> None:
    person, x, treated, y = periods()
    seen, design = np.ones(person.size, dtype=bool), treated[:, None].astype(float)
    stages = [stage(person, x, treated, is_carried=False)]
    cut = history_weights(person, stages, truncation=(0.05, 0.95))
    found = fit_marginal(y, design, person, cut, seen)
    assert found.n_truncated == pytest.approx(0.1 * person.size, abs=2)
    assert cut.largest > cut.values.max() == cut.limits[1]
    # Cut to one value nothing depends on the weight models: stacked equals known.
    flat = history_weights(person, stages, truncation=(0.5, 0.5))
    stacked = fit_marginal(y, design, person, flat, seen)
    known = fit_marginal(y, design, person, flat, seen, are_weights_known=True)
    assert stacked.standard_errors == pytest.approx(known.standard_errors, rel=0.02)


def test_errors_are_those_of_leaving_each_person_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """With weights that are known, of a line: the spread of the fits without each person (Mancl and DeRouen 2001), exactly."""
    person, x, treated, y = periods(people=30)
    design, seen = np.column_stack([treated, x]).astype(float), np.ones(person.size, dtype=bool)
    weights = history_weights(person, [stage(person, x, treated, is_carried=False)])
    monkeypatch.setattr(marginal_structural, "_PERSONS_AT_ONCE", 7)
    found = fit_marginal(y, design, person, weights, seen, are_weights_known=True)
    columns = np.column_stack([np.ones(person.size), design])
    moved = []
    for one in range(30):
        root, rest = np.sqrt(weights.values[person != one]), person != one
        moved.append(np.linalg.lstsq(columns[rest] * root[:, None], y[rest] * root, rcond=None)[0] - found.coefficients)
    assert found.covariance == pytest.approx(np.array(moved).T @ np.array(moved), rel=1e-8)
    plain = fit_marginal(y, design, person, weights, seen, are_weights_known=True, leaves_out=False)
    assert np.all(found.standard_errors > plain.standard_errors)


def test_a_term_that_one_person_tells_alone_has_no_error() -> None:
    person, x, treated, y = periods(people=30)
    weights, seen = history_weights(person, [stage(person, x, treated)]), np.ones(person.size, dtype=bool)
    alone = (person == 11).astype(float)[:, None]
    with pytest.raises(NotEstimable, match="one person alone"):
        fit_marginal(y, alone, person, weights, seen)


def test_repeats_of_a_person_are_one_person() -> None:
    """Every row twice within its person: an error by rows would shrink by a root of two, that by persons must not."""
    person, x, treated, y = periods()
    twice = np.repeat(np.arange(person.size), 2)
    design, seen = treated[:, None].astype(float), np.ones(person.size, dtype=bool)
    once = fit_marginal(y, design, person, history_weights(person, [stage(person, x, treated, is_carried=False)]), seen)
    again = stage(person[twice], x[twice], treated[twice], is_carried=False)
    both = fit_marginal(y[twice], design[twice], person[twice], history_weights(person[twice], [again]), seen[twice])
    assert both.standard_errors == pytest.approx(once.standard_errors, rel=1e-6)
    assert both.coefficients == pytest.approx(once.coefficients, rel=1e-8)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"category": np.ones(900, dtype=np.int64)}, "dose: nobody is in category 0"),
        ({"denominator": np.column_stack([np.arange(900.0), np.arange(900.0)])}, "dose: covariates"),
        ({"at_risk": np.zeros(900, dtype=bool)}, "dose: everybody has the same category"),
        ({"numerator": np.ones((900, 1))}, "dose: a covariate .* constant"),
    ],
)
def test_a_model_that_cannot_be_fitted_is_named(changes, words) -> None:
    person, x, treated, _ = periods()
    with pytest.raises(NotEstimable, match=words):
        history_weights(person, [stage(person, x, treated, **changes)])


def test_separation_is_said() -> None:
    person, x, _, _ = periods()
    with pytest.raises(NotEstimable, match="separat"):
        history_weights(person, [stage(person, x, (x > 0).astype(np.int64))])


def test_rows_out_of_order_are_refused() -> None:
    person, x, treated, _ = periods()
    with pytest.raises(ValueError, match="sorted"):
        history_weights(person[::-1].copy(), [stage(person, x, treated)])


def test_nobody_seen_has_no_answer() -> None:
    person, x, treated, y = periods()
    weights = history_weights(person, [stage(person, x, treated)])
    with pytest.raises(NotEstimable, match="nobody"):
        fit_marginal(y, treated[:, None].astype(float), person, weights, np.zeros(person.size, dtype=bool))


def test_a_penalty_gives_a_fit_where_a_rare_history_separates() -> None:
    """Twenty of a thousand have a mark, and none of them happens: the log odds stop at what the prior allows."""
    rng = np.random.default_rng(4)
    mark, other = np.arange(1000) < 20, rng.normal(size=1000)
    happened = (rng.random(1000) < 0.5) & ~mark
    design = np.column_stack([mark, other]).astype(float)
    with pytest.raises(NotEstimable, match="separation|converge"):
        fit_multinomial(design, happened.astype(np.int64), 2)
    fit = fit_multinomial(design, happened.astype(np.int64), 2, penalty=0.1)
    assert -8 < fit.coefficients[0, 1] * mark.std() < -0.3
    loose = fit_multinomial(design[:, 1:], happened.astype(np.int64), 2, penalty=1e-9)
    assert loose.coefficients == pytest.approx(
        fit_multinomial(design[:, 1:], happened.astype(np.int64), 2).coefficients
    )
    # At the mode the scores sum to the pull of the prior.
    scores = (happened - fit.probabilities[:, 1]) @ ((design - design.mean(axis=0)) / design.std(axis=0))
    assert scores == pytest.approx(0.1 * fit.coefficients[0, 1:] * design.std(axis=0), abs=1e-5)
