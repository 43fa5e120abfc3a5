"""Slots and buckets hold for every id and every size of population."""

from hashlib import sha256

import duckdb
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.warehouse.bucket import SLOT_SQL, SLOTS, Bucket, layout

PERSON_IDS = st.integers(0, 2**63 - 1)


@settings(max_examples=60, deadline=None)
@given(st.lists(PERSON_IDS, min_size=1, max_size=200, unique=True))
def test_slot_in_sql_is_the_first_12_bits_of_sha256(ids):
    with duckdb.connect() as connection:
        rows = connection.execute(
            f"select person_id, {SLOT_SQL} from (select unnest(?::bigint[]) as person_id)", [ids]
        ).fetchall()
    assert len(rows) == len(ids)
    assert dict(rows) == {i: int.from_bytes(sha256(str(i).encode()).digest()[:2], "big") >> 4 for i in ids}


@settings(deadline=None)
@given(st.integers(0, 10**9), st.integers(1, 10**6))
def test_buckets_partition_the_slots_and_are_as_few_as_the_size_allows(persons, per_bucket):
    buckets = layout(persons, per_bucket)
    assert [slot for b in buckets for slot in range(b.first, b.last + 1)] == list(range(SLOTS))
    count = len(buckets)
    assert count.bit_count() == 1
    assert persons <= 2 * per_bucket * count or count == SLOTS
    assert count == 1 or persons > 2 * per_bucket * (count // 2)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10**5), st.integers(0, 10**5), st.integers(1, 10**3))
def test_growing_splits_buckets_and_never_mixes_them(persons, joined, per_bucket):
    old = layout(persons, per_bucket)
    new = layout(persons + joined, per_bucket)
    assert len(new) >= len(old)
    for bucket in new:
        holders = [b for b in old if b.overlaps(bucket)]
        assert len(holders) == 1
        assert holders[0].first <= bucket.first <= bucket.last <= holders[0].last


@given(st.integers(0, SLOTS - 1), st.integers(0, SLOTS - 1))
def test_a_bucket_is_read_back_from_its_name(one, other):
    bucket = Bucket(min(one, other), max(one, other))
    assert Bucket.parse(bucket.name) == bucket


@given(*[st.integers(0, SLOTS - 1)] * 4)
def test_overlap_means_a_common_slot(a, b, c, d):
    one, other = Bucket(min(a, b), max(a, b)), Bucket(min(c, d), max(c, d))
    common = set(range(one.first, one.last + 1)) & set(range(other.first, other.last + 1))
    assert one.overlaps(other) == other.overlaps(one) == bool(common)
