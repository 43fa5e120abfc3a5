"""The disk budget: where the need comes from, and that a run without room is refused before it writes anything."""

from collections import namedtuple

import pytest

from pipelines.doctor import examine
from pipelines.errors import DiskFull
from pipelines.settings import Settings
from pipelines.warehouse import disk_budget
from pipelines.warehouse.disk_budget import LEAST_GB, require_space, size_of

GB = 2**30
Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def free(monkeypatch):
    """Sets how much is free, in GB, and how much there lies in a place, in GB."""

    def put(gb: float, **places: float) -> None:
        monkeypatch.setattr(disk_budget.shutil, "disk_usage", lambda place: Usage(0, 0, int(gb * GB)))
        if places:
            monkeypatch.setattr(disk_budget, "size_of", lambda place: int(places.get(place.name.split(".")[0], 0) * GB))

    return put


def test_the_bytes_of_a_place(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "one").write_bytes(b"x" * 700)
    (tmp_path / "two").write_bytes(b"x" * 300)
    (tmp_path / "link").symlink_to(tmp_path / "a")
    assert size_of(tmp_path) == 1000
    assert size_of(tmp_path / "two") == 300
    assert size_of(tmp_path / "nothing") == 0


@pytest.mark.parametrize(
    ("places", "needed", "why"),
    [
        ({"data": 30.0, "warehouse": 2.0, "release": 1.0, "report": 0.5}, 33.5, "working record"),
        ({"data": 0.1}, LEAST_GB, "the least for any run"),
        ({"drop": 4.0}, 12.0, "three times the delivery"),
        ({"drop": 0.1}, LEAST_GB, "the least for any run"),
    ],
)
def test_where_the_need_comes_from(tmp_path, free, places, needed, why):
    settings = Settings(tmp_path / "home", folder=str(tmp_path / "drop"))
    free(needed + 0.1, **places)
    found = require_space(settings)
    assert found.needed_gb == pytest.approx(needed) and why in found.why
    free(needed - 0.1, **places)
    with pytest.raises(DiskFull, match=r"keep_builds.*disk_gb.*nothing was started"):
        require_space(settings)
    assert not settings.home.exists()


def test_what_the_operator_asks_for_wins(tmp_path, free):
    free(0.5, data=30.0)
    assert require_space(Settings(tmp_path, disk_gb=0.4)).why.endswith("disk_gb")
    with pytest.raises(DiskFull):
        require_space(Settings(tmp_path, disk_gb=0.6))


def test_doctor_says_the_same(tmp_path, free):
    free(1.0)
    (finding,) = [one for one in examine(Settings(tmp_path)) if one.subject == "disk"]
    assert not finding.is_fine and "1.0 GB free" in finding.what and "2.0 GB" in finding.what
