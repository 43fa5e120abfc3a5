"""Counter-based random numbers: known answers, and independence of everything but seed, person, purpose and draw."""

import numpy as np
import pytest
from scipy import stats

from pipelines.domain import randomness
from pipelines.domain.randomness import generator, philox4x32, uniforms

# Random123 v1.14.0, tests/kat_vectors, "philox4x32 10": counter, key, answer.
KNOWN_ANSWERS = [
    ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
]


def words(text):
    return [int(word, 16) for word in text.split()]


@pytest.mark.parametrize(("counter", "key", "answer"), KNOWN_ANSWERS)
def test_philox_gives_the_known_answers(counter, key, answer):
    assert philox4x32(np.array([words(counter)], dtype=np.uint64), tuple(words(key))).tolist() == [words(answer)]


def test_philox_is_vectorized_over_counters():
    counters = np.array([words(counter) for counter, _, _ in KNOWN_ANSWERS], dtype=np.uint64)
    together = philox4x32(counters, (1, 2))
    assert together.tolist() == [philox4x32(counters[[i]], (1, 2))[0].tolist() for i in range(3)]


def test_a_person_keeps_the_number_in_any_order_and_subset():
    people = np.array([7, -3, 2**40 + 7, 0, 2**63 - 1], dtype=np.int64)
    numbers = dict(zip(people.tolist(), uniforms(11, people, "e2", 4), strict=True))
    assert len(set(numbers.values())) == 5
    shuffled = people[[3, 0, 4, 2, 1]]
    assert uniforms(11, shuffled, "e2", 4).tolist() == [numbers[p] for p in shuffled.tolist()]
    assert uniforms(11, people[[2]], "e2", 4)[0] == numbers[2**40 + 7]


def test_each_part_of_the_key_matters():
    people = np.arange(50)
    base = uniforms(1, people, "a", 0)
    for other in (uniforms(2, people, "a", 0), uniforms(1, people, "b", 0), uniforms(1, people, "a", 1)):
        assert not np.any(base == other)
    assert not np.any(uniforms(1, people, "2x") == uniforms(12, people, "x"))


def test_numbers_are_frozen():
    """Stored results are reproducible only while these never change."""
    frozen = [0.7538242951003197, 0.6356757316246769]
    assert uniforms(20260101, np.array([1, 73557]), "nhanes_e2_bmd/e2", 3).tolist() == frozen


def test_numbers_are_uniform_and_uncorrelated_between_draws():
    people = np.arange(100_000)
    first, second = uniforms(5, people, "u", 0), uniforms(5, people, "u", 1)
    assert stats.kstest(first, "uniform").pvalue > 0.001
    for pair in ((first, second), (first[:-1], first[1:])):
        assert abs(np.corrcoef(*pair)[0, 1]) < 4 / np.sqrt(people.size)


@pytest.mark.parametrize(("word", "expected"), [(0, 2.0**-53), (0xFFFFFFFF, 1 - 2.0**-53)])
def test_the_extremes_stay_strictly_inside_0_and_1(monkeypatch, word, expected):
    monkeypatch.setattr(
        randomness, "philox4x32", lambda counter, key: np.full((len(counter), 4), word, dtype=np.uint32)
    )
    assert uniforms(0, np.array([1]), "x")[0] == expected
    assert 0 < expected < 1


def test_refuses_ids_that_are_not_integers_and_draws_out_of_range():
    with pytest.raises(TypeError, match="integer"):
        uniforms(0, np.array([1.0]), "x")
    for draw in (-1, 2**32):
        with pytest.raises(ValueError, match="draw"):
            uniforms(0, np.array([1]), "x", draw)
    assert uniforms(0, np.array([], dtype=np.int64), "x").size == 0


def test_generator_is_keyed_by_seed_purpose_and_draw():
    numbers = {
        key: tuple(generator(*key).standard_normal(3)) for key in [(1, "p", 0), (2, "p", 0), (1, "q", 0), (1, "p", 1)]
    }
    assert len(set(numbers.values())) == 4
    assert tuple(generator(1, "p", 0).standard_normal(3)) == numbers[1, "p", 0]
