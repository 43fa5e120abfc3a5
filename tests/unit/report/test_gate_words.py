"""Reasons of closed gates in words: failures first, then what could not be evaluated, and what no pattern knows as it is."""

import pytest

from pipelines.report.gate_words import because, gate_words


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("events fail", "failed: events"),
        (
            "ease not_evaluated; events fail; equipoise fail",
            "failed: events, share in equipoise (smaller arm); not evaluated: expected absolute systematic error",
        ),
        ("gate closed: people_either_side fail", "failed: people on the thinner side of the median"),
        ("events fail (waiver of 2026-01-02 expired)", "failed: events (waiver of 2026-01-02 expired)"),
        ("no diagnostic was evaluated", "no diagnostic was evaluated"),
        ("censored_share above 0.50", "share below the assay limit above 0.50"),
        (None, ""),
    ],
)
def test_a_reason_in_words(reason: str | None, words: str) -> None:
    assert gate_words(reason) == words


def test_parts_beyond_the_most_are_counted() -> None:
    assert gate_words("events fail; ease not_evaluated; equipoise fail", 2) == (
        "failed: events; not evaluated: expected absolute systematic error; and 1 more"
    )


def test_a_sentence_goes_on() -> None:
    assert because("events fail") == "; failed: events"
    assert because("no diagnostic was evaluated.") == ", because no diagnostic was evaluated"
    assert because(None) == ", because no reason was given"
