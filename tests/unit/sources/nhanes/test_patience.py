"""How long the download waits between tries."""

from pipelines.sources.nhanes.download import Patience


def test_pauses_double_up_to_a_limit():
    patience = Patience(first_pause_seconds=1.0, longest_pause_seconds=6.0)
    assert [patience.pause_seconds(failures) for failures in (1, 2, 3, 4)] == [1.0, 2.0, 4.0, 6.0]
