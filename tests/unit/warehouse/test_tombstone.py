"""The list of people who withdrew: kept whole, and never taken for empty because it cannot be read."""

import pytest

from pipelines.errors import BadInput
from pipelines.warehouse import tombstone


def test_whoever_withdrew_stays_on_the_list(empty_home):
    assert tombstone.withdrawn(empty_home) == frozenset()
    tombstone.add(empty_home, [3, 1])
    assert tombstone.add(empty_home, [2, 3]) == tombstone.withdrawn(empty_home) == {1, 2, 3}


@pytest.mark.parametrize(
    "damage",
    [lambda content: b"", lambda content: content[: len(content) // 2], lambda content: b"x" * len(content)],
    ids=["empty", "cut", "overwritten"],
)
def test_a_damaged_list_is_refused(empty_home, damage):
    tombstone.add(empty_home, range(100))
    path = empty_home.landing / tombstone.FILE
    path.write_bytes(damaged := damage(path.read_bytes()))
    for act in (lambda: tombstone.withdrawn(empty_home), lambda: tombstone.add(empty_home, [7])):
        with pytest.raises(
            BadInput, match="list of people who withdrew cannot be read, and without it they would come back"
        ):
            act()
    assert path.read_bytes() == damaged
