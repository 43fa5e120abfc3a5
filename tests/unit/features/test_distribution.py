"""Counts of people for pictures: by hand, small cells merged or hidden, no least or greatest value told."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.features.distribution import bin_edges, of_code, of_number


def people(*values: object) -> pl.DataFrame:
    """One row and person a value."""
    return pl.DataFrame({"person_id": range(len(values)), "value": list(values)}, strict=False)


def test_a_person_counts_once_in_a_bin_and_an_edge_belongs_above() -> None:
    rows = pl.DataFrame({"person_id": [1, 1, 1, 2, 3, 4], "value": [0.5, 0.6, 1.5, 0.1, 1.0, None]})
    found = of_number(rows, (0.0, 1.0, 2.0), min_cell=2)
    assert found is not None
    assert (found.people, found.edges, found.null_pct) == ((2, 2), (0.0, 1.0, 2.0), 17)


def test_values_beyond_the_edges_count_in_the_outer_bins() -> None:
    found = of_number(people(-50.0, 0.5, 1.5, 90.0), (0.0, 1.0, 2.0), min_cell=2)
    assert found is not None
    assert found.people == (2, 2)


def test_a_small_bin_joins_the_next_and_a_small_last_one_the_one_before() -> None:
    rows = people(*[0.5] * 3, *[1.5] * 9, *[2.5] * 12, *[3.5] * 2)
    found = of_number(rows, (0.0, 1.0, 2.0, 3.0, 4.0), min_cell=11)
    assert found is not None
    assert (found.people, found.edges) == ((12, 14), (0.0, 2.0, 4.0))


def test_too_few_people_are_not_told_of() -> None:
    assert of_number(people(*[1.0] * 10), (0.0, 2.0), min_cell=11) is None
    assert of_code(people(*["a"] * 10), min_cell=11) is None


def test_small_codes_are_hidden_with_what_would_give_them_away() -> None:
    found = of_code(people(*["a"] * 40, *["b"] * 20, *["c"] * 3), min_cell=11)
    assert found is not None
    assert (found.codes, found.people, found.hidden) == (("a",), (40,), 2)


def test_yes_and_no_are_codes() -> None:
    found = of_code(people(*[True] * 12, *[False] * 30), min_cell=11)
    assert found is not None
    assert dict(zip(found.codes, found.people, strict=True)) == {"false": 30, "true": 12}


def test_edges_are_round_and_leave_the_extremes_out() -> None:
    edges = bin_edges([np.append(np.linspace(0, 100, 1001), 1e6)], bins=10)
    assert edges == tuple(float(edge) for edge in range(0, 101, 10))


def test_one_value_and_no_value() -> None:
    assert len(bin_edges([np.full(20, 7.0)])) >= 2
    assert bin_edges([np.empty(0)]) == ()
    assert bin_edges([]) == ()


@given(st.lists(st.integers(0, 30), min_size=1, max_size=12))
def test_no_bin_is_small(counts: list[int]) -> None:
    rows = people(*[place + 0.5 for place, n in enumerate(counts) for _ in range(n)])
    found = of_number(rows, tuple(float(edge) for edge in range(len(counts) + 1)), min_cell=11)
    if sum(counts) < 11:
        assert found is None
    else:
        assert found is not None
        assert [n for n in found.people if 0 < n < 11] == []
        assert sum(found.people) == sum(counts)


@pytest.mark.parametrize("order", [slice(None), slice(None, None, -1)])
def test_order_of_rows_does_not_matter(order: slice) -> None:
    rows = people(*["b"] * 12, *["a"] * 12, *[None] * 4)[order]
    found = of_code(rows, min_cell=11)
    assert found is not None
    assert (found.codes, found.null_pct) == (("a", "b"), 14)
