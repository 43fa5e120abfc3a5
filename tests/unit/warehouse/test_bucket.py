"""Buckets: sizes at which a population splits, and names that are none."""

import pytest

from pipelines.warehouse.bucket import Bucket, layout


@pytest.mark.parametrize(
    ("persons", "count"), [(0, 1), (1, 1), (200, 1), (201, 2), (400, 2), (401, 4), (800, 4), (801, 8), (10**9, 4096)]
)
def test_a_bucket_splits_when_it_holds_twice_its_size(persons, count):
    assert len(layout(persons, 100)) == count


def test_names_sort_as_their_slots():
    buckets = layout(10**9, 1)
    assert sorted(b.name for b in buckets) == [b.name for b in buckets]
    assert layout(0, 1)[0].name == "0000-4095"


@pytest.mark.parametrize("name", ["", "all", "0000", "0000-4096", "0005-0004", "-001-0004", "0000-0511-1023", "a-b"])
def test_other_names_are_refused(name):
    with pytest.raises(ValueError):
        Bucket.parse(name)
