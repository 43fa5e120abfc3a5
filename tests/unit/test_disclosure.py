"""Which cells are hidden, by hand; that nothing leaks from them is in the property tests."""

import pytest

from pipelines.disclosure import hidden_parts, hidden_steps, hide_small


def shown(counts: list[int], hidden: list[bool]) -> list[int | None]:
    return [None if h else n for n, h in zip(counts, hidden, strict=True)]


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ([], []),
        ([11, 40], [11, 40]),
        ([10, 40, 30], [None, 40, None]),
        ([10, 40], [None, None]),
        ([0, 40, 30], [0, 40, 30]),
        ([5, 0, 40, 30], [None, 0, 40, None]),
        ([5, 6, 100], [None, None, 100]),
        ([5, 5, 100, 50], [None, None, 100, None]),
        ([4], [None]),
    ],
)
def test_parts_of_a_known_total(counts, expected):
    assert shown(counts, hidden_parts(counts, 11)) == expected


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ([], []),
        ([100, 80, 60], [100, 80, 60]),
        ([100, 100, 60], [100, 100, 60]),
        ([100, 95, 60], [None, 95, 60]),
        ([100, 70, 65], [100, None, 65]),
        ([100, 89, 0], [100, 89, 0]),
        ([100, 5, 0], [100, None, 0]),
        ([100, 50, 5], [100, 50, None]),
    ],
)
def test_steps_of_an_attrition(counts, expected):
    assert shown(counts, hidden_steps(counts, 11)) == expected


@pytest.mark.parametrize(("n", "expected"), [(None, None), (0, 0), (1, None), (10, None), (11, 11)])
def test_count_that_stands_alone(n, expected):
    assert hide_small(n, 11) == expected
