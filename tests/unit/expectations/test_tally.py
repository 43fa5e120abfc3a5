"""Buckets are counted side by side: in order, each with its share, what fails is told; and together while rows are few."""

from itertools import pairwise
from pathlib import Path

import pytest

from expectations.tally import side_by_side, together
from pipelines.settings import Settings
from pipelines.warehouse.bucket import SLOTS, Bucket, layout


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, memory_gb=3.0, threads=3)


def test_each_has_one_thread_and_its_share_of_the_memory_and_the_order_is_kept(settings: Settings) -> None:
    found = side_by_side(lambda bucket, share: (bucket, share.threads, share.memory_gb), [3, 1, 2, 5], settings)
    assert found == [(3, 1, 1.0), (1, 1, 1.0), (2, 1, 1.0), (5, 1, 1.0)]


def test_fewer_buckets_than_threads_share_among_themselves(settings: Settings) -> None:
    assert side_by_side(lambda bucket, share: (share.threads, share.memory_gb), "ab", settings) == [(1, 1.5)] * 2


def test_one_bucket_alone_has_everything(settings: Settings) -> None:
    assert side_by_side(lambda bucket, share: (bucket, share), [None], settings) == [(None, settings)]


def test_an_error_is_not_swallowed(settings: Settings) -> None:
    with pytest.raises(ZeroDivisionError):
        side_by_side(lambda bucket, share: 1 // bucket, [1, 0, 2], settings)


@pytest.mark.parametrize(
    ("buckets", "rows", "threads", "spans"),
    [
        (32, 0, 1, 1),
        (32, 7_000_000, 1, 1),
        (32, 7_000_001, 1, 2),
        (32, 50_000_000, 2, 8),
        (32, 1_000, 2, 2),
        (32, 1_000, 3, 4),
        (32, 10**12, 2, 32),
        (1, 10**12, 8, 1),
    ],
)
def test_spans_are_as_few_as_rows_and_threads_allow(buckets: int, rows: int, threads: int, spans: int) -> None:
    laid_out = layout(buckets * 1_000, 1_000 // 2)
    assert len(laid_out) == buckets
    found = together(laid_out, rows, threads)
    assert len(found) == spans
    # Every slot once, and each span a union of buckets.
    assert found[0].first == 0 and found[-1].last == SLOTS - 1
    assert all(before.last + 1 == after.first for before, after in pairwise(found))
    assert {span.first for span in found} <= {bucket.first for bucket in laid_out}
    assert all(isinstance(span, Bucket) for span in found)
