"""A batch of lives: the same person whatever the batch, nothing missing or negative, every parameter read."""

from dataclasses import fields

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from pipelines.synth.mechanism.life import SCHEMAS, Lives
from pipelines.synth.mechanism.simulate import simulate
from pipelines.synth.parameters import Parameters, load_parameters

SEED = 2
#: read under a switch that is off by default
READ_ELSEWHERE = {"titration.random_probability"}
#: columns that the interface says may be null
MAY_BE_NULL = {
    "death_day",
    "death_cause",
    "index_day",
    "menopause_day",
    "cancer_stage",
    "surgery_day",
    "is_er_positive",
    "metastasis_day",
    "assay_limit",
    "days_since_injection",
    "vertebrae",
    "detected_day",
}
#: columns that may be below zero: days before the epoch, and a standard normal
MAY_BE_NEGATIVE = {"menopause_day", "surgery_day", "frailty", "index_day"}


class Noting(dict):
    """A mapping that notes which keys are read."""

    def __init__(self, entries) -> None:
        super().__init__(entries)
        self.read: set[str] = set()

    def __getitem__(self, key):
        self.read.add(key)
        return super().__getitem__(key)


@pytest.fixture(scope="module")
def lives() -> Lives:
    return simulate(load_parameters(), SEED, 1, 600)


def test_a_person_is_the_same_whatever_the_batch(lives):
    alone = simulate(load_parameters(), SEED, 301, 150)
    for field in fields(lives):
        whole = getattr(lives, field.name).filter(pl.col("person").is_between(301, 450))
        assert_frame_equal(whole, getattr(alone, field.name), check_exact=True)


def test_another_seed_gives_other_people(lives):
    other = simulate(load_parameters(), SEED + 1, 1, 100).people
    assert not other["height_cm"].equals(lives.people["height_cm"].head(100))


@pytest.mark.parametrize("name", SCHEMAS)
def test_no_value_is_missing_not_a_number_or_below_zero(lives, name):
    frame = getattr(lives, name)
    assert frame.height > 0
    for column in frame.columns:
        values = frame[column]
        if column not in MAY_BE_NULL:
            assert values.null_count() == 0, column
        if values.dtype.is_float():
            assert values.is_finite().all(), column
        if values.dtype.is_numeric() and column not in MAY_BE_NEGATIVE:
            assert values.min() is None or values.min() >= 0, column


def test_densities_and_doses_are_possible(lives):
    assert lives.scans["true_bmd"].is_between(0.15, 2.2).all()
    assert lives.people["body_mass_index"].is_between(16.0, 58.0).all()
    assert lives.fills["quantity"].min() > 0
    assert (lives.orders["start_day"] <= lives.orders["end_day"]).all()
    assert (lives.people["entry_day"] <= lives.people["exit_day"]).all()


def test_every_parameter_is_read():
    default = load_parameters()
    noting = Noting(default.entries)
    p = Parameters(noting)
    noting.read.clear()
    simulate(p, SEED, 1, 300)
    assert set(default.entries) - noting.read == READ_ELSEWHERE
    without = Noting(default.replace({"difficulty.treatment_confounder_feedback": False}).entries)
    simulate(Parameters(without), SEED, 1, 300)
    assert "titration.random_probability" in without.read


def test_every_parameter_has_a_unit_a_range_and_a_source():
    for key, entry in load_parameters().entries.items():
        assert entry.unit.strip(), key
        assert entry.source.strip(), key
        assert entry.low < entry.high, key
