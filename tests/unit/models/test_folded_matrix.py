"""A folded matrix does what the laid-out one does, in a part of its memory."""

import tracemalloc

import numpy as np
import polars as pl
import pytest

from pipelines.models.design_matrix import terms
from pipelines.models.folded_matrix import FoldedMatrix
from pipelines.models.multinomial import fit_multinomial
from pipelines.models.repeated_logistic import Decided, fit_repeated
from pipelines.models.standardised import location


def covariates(n: int, n_flags: int = 12) -> pl.DataFrame:
    rng = np.random.default_rng(8)
    flags = {f"flag_{k}": (rng.random(n) < 0.1 + 0.8 * k / n_flags).astype(np.int8) for k in range(n_flags)}
    return pl.DataFrame({"age": rng.normal(60, 9, n), **flags, "dose": rng.exponential(1, n)})


def both(n: int) -> tuple[FoldedMatrix, np.ndarray]:
    """Two bands before the covariates, folded and laid out in the same order; SDs beyond 2 count as 2."""
    found = terms(covariates(n))
    bands = np.arange(n)[:, None] % 3 == np.arange(1, 3)
    folded = found.folded(bands, 2.0)
    plain = np.clip(found.into(np.empty((n, len(found.names)))), -2.0, 2.0)
    is_flag = [column.is_flag for column in found.columns]
    order = np.r_[np.flatnonzero(is_flag), np.flatnonzero(~np.array(is_flag))]
    return folded, np.column_stack([bands, plain[:, order]])


@pytest.mark.parametrize("n", [400, 9_000])
def test_rows_and_products_are_those_of_the_laid_out_one(n: int) -> None:
    folded, plain = both(n)
    assert folded.shape == plain.shape and folded.size == plain.size
    assert folded.flags.shape[1] == 2 + 12 and np.ptp(plain, axis=0).min() > 0
    assert folded[:] == pytest.approx(plain, abs=1e-14)
    assert folded[3:11] == pytest.approx(plain[3:11], abs=1e-14)
    rng = np.random.default_rng(1)
    p = plain.shape[1]
    for right in (rng.normal(size=p), rng.normal(size=(p, 3))):
        assert folded @ right == pytest.approx(plain @ right, abs=1e-10)
    for left in (rng.normal(size=n), rng.normal(size=(3, n))):
        assert left @ folded == pytest.approx(left @ plain, abs=1e-9)
    for mine, theirs in zip(location(folded), location(plain), strict=True):
        assert mine == pytest.approx(theirs, abs=1e-13)
    assert folded.without(2)[:] == pytest.approx(plain[:, 2:], abs=1e-14)


def test_only_flags_are_cut_off_and_only_columns_have_a_mean() -> None:
    folded, _ = both(40)
    with pytest.raises(ValueError, match="two values"):
        folded.without(folded.flags.shape[1] + 1)
    with pytest.raises(ValueError, match="columns"):
        folded.mean(axis=1)


# Above and below the number of rows of which a standardised copy is kept.
@pytest.mark.parametrize("n", [9_000, 70_000])
def test_fits_are_the_same(n: int) -> None:
    folded, plain = both(n)
    rng = np.random.default_rng(3)
    person = np.repeat(np.arange(n), 2)
    chance = 1 / (1 + np.exp(-(0.5 + plain[person, 3] - 0.3 * plain[person, -1])))
    outcome, terms_of_rows = (rng.random(2 * n) < chance).astype(float), rng.normal(size=(2 * n, 1))
    mine, theirs = (fit_repeated(Decided(person, base, terms_of_rows, outcome), 1.0) for base in (folded, plain))
    assert mine.coefficients == pytest.approx(theirs.coefficients, abs=1e-9)
    gradient = rng.normal(size=(2 * n, 2))
    assert mine.corrections(gradient) == pytest.approx(theirs.corrections(gradient), abs=1e-8)
    category = np.arange(n) % 3
    fits = [fit_multinomial(x, category, 3, penalty=1.0) for x in (folded.without(2), plain[:, 2:])]
    assert fits[0].probabilities == pytest.approx(fits[1].probabilities, abs=1e-10)
    along = rng.normal(size=(n, 2))
    gathered = [
        fit.gathered(x, category, along) for fit, x in zip(fits, (folded.without(2), plain[:, 2:]), strict=True)
    ]
    assert gathered[0] == pytest.approx(gathered[1], abs=1e-6)
    spread = [
        fit.spread(x, category, gathered[1]) for fit, x in zip(fits, (folded.without(2), plain[:, 2:]), strict=True)
    ]
    assert spread[0] == pytest.approx(spread[1], rel=1e-9, abs=1e-6)


def test_it_takes_a_part_of_the_memory() -> None:
    n = 50_000
    found = terms(covariates(n, n_flags=60))
    tracemalloc.start()
    try:
        folded = found.folded(np.zeros((n, 0), dtype=bool), 5.0)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 0.4 * 8 * folded.size
