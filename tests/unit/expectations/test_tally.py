"""Buckets are counted side by side: in order, each with its share, and what fails is told."""

from pathlib import Path

import pytest

from expectations.tally import side_by_side
from pipelines.settings import Settings


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
