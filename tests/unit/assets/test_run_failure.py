"""What a failed step means: the machine's troubles by their names, and no word of an error that may quote a value."""

from concurrent.futures.process import BrokenProcessPool

import dagster as dg
import pytest

from assets.run_failure import failure
from pipelines.errors import BlockedByCheck, DiskFull, OutOfMemory


@pytest.mark.parametrize(
    ("raised", "kind", "says"),
    [
        (
            OutOfMemory("staging.person: memory ran out: lower threads"),
            OutOfMemory,
            "^staging.person: memory ran out: lower",
        ),
        (DiskFull("home: 3 MB free"), DiskFull, "^home: 3 MB free$"),
        (MemoryError(), OutOfMemory, "^rows: memory ran out: .* persons_per_bucket"),
        (BrokenProcessPool("terminated abruptly"), OutOfMemory, "^rows: memory ran out"),
        (ValueError("Jane Roe"), BlockedByCheck, r"^rows failed, nothing was published: unexpected ValueError \("),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_stopped_a_step_is_told_by_its_name(raised, kind, says):
    @dg.asset
    def rows() -> None:
        raise raised

    ended = failure(dg.materialize([rows], raise_on_error=False).all_events)
    assert type(ended.error) is kind and ended.step == "rows"
    with pytest.raises(kind, match=says):
        raise ended.error
    assert "Jane" not in str(ended.error)
