"""Ids of builds sort by time even where the clock does not, and half a build never passes for one."""

import datetime as dt
import json

import pytest

from pipelines.settings import Settings
from pipelines.warehouse.publish import COMPLETE, complete_builds, next_build_id, switch

NOW = dt.datetime(2026, 3, 1, 2, 0, 0, 123_000, dt.UTC)


@pytest.fixture
def settings(tmp_path):
    return Settings(tmp_path)


def put(settings, build_id):
    folder = settings.builds / build_id
    folder.mkdir(parents=True)
    (folder / COMPLETE).write_text(json.dumps({}))
    switch(settings, build_id)


def test_an_id_is_the_time(settings):
    assert next_build_id(settings, NOW) == "20260301T020000123"


@pytest.mark.parametrize("back", [dt.timedelta(0), dt.timedelta(hours=1), dt.timedelta(days=400)])
def test_after_the_clock_was_set_back_ids_still_grow(settings, back):
    ids = [next_build_id(settings, NOW)]
    for _ in range(3):
        put(settings, ids[-1])
        ids.append(next_build_id(settings, NOW - back))
    assert ids == sorted(set(ids))
    assert complete_builds(settings) == tuple(ids[:3])


def test_at_the_end_of_a_second_too(settings):
    put(settings, "20261231T235959999")
    assert next_build_id(settings, NOW) == "20270101T000000000"
