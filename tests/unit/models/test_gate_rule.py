"""The gate fails closed: every diagnostic in turn, made to fail or not to be evaluated, shuts it; a waiver opens one alone."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace

import polars as pl
import pytest

from pipelines.models import gate_rule
from pipelines.models.gate_rule import marked, waived, why_closed, with_waivers
from pipelines.run_facts import RunFacts
from pipelines.tables import CONTRACTS
from pipelines.trials.study import Study, catalogue
from pipelines.trials.waiver import REQUIRED, Waiver, closing_diagnostics

DAY = dt.date(2026, 2, 1)
CLINICAL = [study for study in catalogue().values() if study.contrast or study.curve or study.dose or study.policy]
KINDS = {
    (study.id, question): closing
    for study in CLINICAL
    for question, closing in closing_diagnostics(study.contrast, study.curve, study.dose, study.policy).items()
}
#: one question of each kind
EXAMPLES = {closing: key for key, closing in reversed(KINDS.items())}
STUDY = catalogue()["ai_vs_tamoxifen"]
QUESTION = next(question for name, question in KINDS if name == STUDY.id)


def judged(study_id: str, question: tuple[str, str, str], **statuses: str | None) -> pl.DataFrame:
    """`models.diagnostic` of a question: all pass but those named."""
    contrast, outcome, population = question
    rows = [
        {
            "study_id": study_id,
            "contrast": contrast,
            "outcome": outcome,
            "population": population,
            "diagnostic": name,
            "rule": "at least",
            "status": statuses.get(name, "pass"),
        }
        for name in KINDS[study_id, question]
    ]
    return pl.DataFrame(rows, schema=CONTRACTS["models.diagnostic"].empty().schema)


def waiving(*diagnostics: str, until: dt.date | None = None, date: dt.date = DAY) -> Study:
    """The study with waivers of diagnostics of its first question."""
    contrast, outcome, population = QUESTION
    words = {"contrast": contrast, "outcome": outcome, "population": population}
    entries = tuple(Waiver(diagnostic=d, date=date, reason="a pilot", until=until, **words) for d in diagnostics)
    return STUDY.model_copy(update={"waiver": entries})


@pytest.fixture
def facts(monkeypatch: pytest.MonkeyPatch) -> Iterator[RunFacts]:
    """A run of the study with two waivers, on the day of them."""
    study = waiving("censored_share", "equipoise")
    monkeypatch.setattr(gate_rule, "catalogue", lambda: {STUDY.id: study})
    return RunFacts("run", "omop", (STUDY.id,), "white_female", 11, "simulated", today=DAY)


def answer(study_id: str = STUDY.id, question: tuple[str, str, str] = QUESTION, gate: str = "open") -> pl.LazyFrame:
    row = dict(zip(("contrast", "outcome", "population"), question, strict=True))
    told = {"estimate": 1.0 if gate == "open" else None, "gate_reason": None if gate == "open" else "not estimable"}
    return pl.DataFrame(
        [{"study_id": study_id, **row, "gate_status": gate, **told}],
        schema_overrides={"gate_reason": pl.String, "estimate": pl.Float64, "gate_status": pl.Enum(("open", "closed", "waived"))},
    ).lazy()  # fmt: skip


@pytest.mark.parametrize(
    ("key", "diagnostic"), [(key, name) for closing, key in EXAMPLES.items() for name in closing], ids=str
)
def test_each_diagnostic_in_turn_closes(key: tuple[str, tuple[str, str, str]], diagnostic: str) -> None:
    study_id, question = key
    study = catalogue()[study_id]
    assert why_closed(judged(study_id, question), study, DAY) == ""
    for status in ("fail", "not_evaluated"):
        asked = judged(study_id, question, **{diagnostic: status})
        assert why_closed(asked, study, DAY) == f"{diagnostic} {status}"
        # Whatever else is there: a reported number, and one that does not apply, close nothing and open nothing.
        assert why_closed(asked.vstack(judged(study_id, question)), study, DAY) == f"{diagnostic} {status}"


def test_an_unknown_verdict_and_none_at_all_close() -> None:
    asked = judged(STUDY.id, QUESTION)
    unknown = asked.with_columns(
        pl.when(pl.col("diagnostic") == "equipoise").then(None).otherwise(pl.col("status")).alias("status")
    )
    assert why_closed(unknown, STUDY, DAY) == "equipoise None"
    assert why_closed(asked.clear(), STUDY, DAY) == "no diagnostic was evaluated"
    assert why_closed(asked.clear(), waiving(*REQUIRED["contrast"]), DAY) == "no diagnostic was evaluated"


def test_a_waiver_opens_what_fails_and_nothing_else() -> None:
    study = waiving("censored_share")
    assert why_closed(judged(STUDY.id, QUESTION, censored_share="fail"), study, DAY) == ""
    both = judged(STUDY.id, QUESTION, censored_share="fail", equipoise="fail")
    assert why_closed(both, study, DAY) == "equipoise fail"
    other = next(question for name, question in KINDS if name == STUDY.id and question != QUESTION)
    assert why_closed(judged(STUDY.id, other, censored_share="fail"), study, DAY) == "censored_share fail"


def test_what_was_not_evaluated_cannot_be_waived() -> None:
    told = why_closed(judged(STUDY.id, QUESTION, censored_share="not_evaluated"), waiving("censored_share"), DAY)
    assert told == "censored_share not_evaluated (waiver of 2026-02-01: only what fails can be waived)"
    everything = waiving(*REQUIRED["contrast"])
    for name in REQUIRED["contrast"]:
        assert why_closed(judged(STUDY.id, QUESTION, **{name: "not_evaluated"}), everything, DAY).startswith(name)


@pytest.mark.parametrize(
    ("today", "said"),
    [
        (dt.date(2026, 1, 31), "censored_share fail (waiver of 2026-02-01 is not yet in force)"),
        (dt.date(2026, 2, 1), ""),
        (dt.date(2026, 3, 1), ""),
        (dt.date(2026, 3, 2), "censored_share fail (waiver of 2026-02-01 expired after 2026-03-01)"),
    ],
)
def test_a_waiver_counts_from_its_day_to_its_last(today: dt.date, said: str) -> None:
    study = waiving("censored_share", until=dt.date(2026, 3, 1))
    assert why_closed(judged(STUDY.id, QUESTION, censored_share="fail"), study, today) == said


def test_a_gate_open_by_waivers_says_so(facts: RunFacts) -> None:
    asked = judged(STUDY.id, QUESTION, censored_share="fail", equipoise="fail")
    said = "equipoise fail, waived 2026-02-01: a pilot; censored_share fail, waived 2026-02-01: a pilot"
    assert waived(asked, facts)["waiver"].to_list() == [said]
    (row,) = marked(answer(), asked, facts).collect().to_dicts()
    assert (row["gate_status"], row["gate_reason"], row["estimate"]) == ("waived", said, 1.0)
    told = with_waivers(asked, facts)
    assert told.filter(pl.col("waiver").is_not_null())["diagnostic"].to_list() == ["equipoise", "censored_share"]


def test_a_waiver_that_is_not_needed_or_does_not_suffice_marks_nothing(facts: RunFacts) -> None:
    for statuses in (
        {},
        {"censored_share": "not_evaluated"},
        {"censored_share": "fail", "detectable_difference": "fail"},
    ):
        assert waived(judged(STUDY.id, QUESTION, **statuses), facts).is_empty()
    asked = judged(STUDY.id, QUESTION, censored_share="fail")
    (row,) = marked(answer(gate="closed"), asked, facts).collect().to_dicts()
    assert (row["gate_status"], row["gate_reason"]) == ("closed", "not estimable"), "a waiver estimates nothing"
    late = replace(facts, today=DAY - dt.timedelta(1))
    assert waived(asked, late).is_empty()
    assert with_waivers(asked, late)["waiver"].null_count() == asked.height
