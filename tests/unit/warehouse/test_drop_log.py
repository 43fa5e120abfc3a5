"""Drops that were landed: never changed, never gone, never preceded; snapshots are free."""

from dataclasses import dataclass

import pytest

from pipelines.errors import BadInput
from pipelines.warehouse.drop_log import remember, require_unchanged


@dataclass(frozen=True)
class Named:
    drop_id: str
    sequence: int = 1
    folder: str = ""


JANUARY, FEBRUARY = Named("a", 1, "2024-01"), Named("b", 2, "2024-02")


@pytest.mark.parametrize(
    ("now", "says"),
    [
        ([Named("other", 1, "2024-01")], "drop 2024-01: .* deliver the correction as a new drop"),
        ([], "drop 2024-01: .* put it back, or use a new --home"),
        ([Named("snapshot")], "drop 2024-01: .* no longer in the input folder"),
        ([Named("z", 1, "2023-12"), Named("a", 2, "2024-01")], "drop 2024-01: a drop was put before it"),
    ],
    ids=["changed", "gone", "replaced by a snapshot", "preceded"],
)
def test_a_landed_drop_stands(empty_home, now, says):
    remember(empty_home, [JANUARY])
    with pytest.raises(BadInput, match=says):
        require_unchanged(empty_home, now)


def test_new_drops_come_after(empty_home):
    require_unchanged(empty_home, [JANUARY])
    remember(empty_home, [JANUARY])
    require_unchanged(empty_home, [JANUARY, FEBRUARY])
    remember(empty_home, [JANUARY, FEBRUARY])
    with pytest.raises(BadInput, match="2024-02"):
        require_unchanged(empty_home, [JANUARY])


def test_every_contradiction_is_said_at_once(empty_home):
    remember(empty_home, [JANUARY, FEBRUARY])
    with pytest.raises(BadInput) as refused:
        require_unchanged(empty_home, [Named("other", 1, "2024-01")])
    assert len(refused.value.problems) == 2


def test_a_snapshot_is_not_remembered(empty_home):
    remember(empty_home, [Named("snapshot")])
    assert not (empty_home.landing / "drops.json").exists()
    require_unchanged(empty_home, [Named("another")])


@pytest.mark.parametrize("content", ["", '{"2024-01": ["a', "[]", '{"2024-01": 1}', '{"2024-01": ["a"]}', "null"])
def test_a_damaged_list_of_drops_lets_none_in(empty_home, content):
    remember(empty_home, [JANUARY])
    (empty_home.landing / "drops.json").write_text(content)
    for act in (require_unchanged, remember):
        with pytest.raises(
            BadInput, match="landing/drops.json: cannot be read, so nobody knows which drops were landed"
        ):
            act(empty_home, [JANUARY, FEBRUARY])
    assert (empty_home.landing / "drops.json").read_text() == content
