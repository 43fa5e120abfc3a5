"""How far evidence moved since the publication before, why, and that a closed gate tells nothing of it."""

import polars as pl
import pytest

from pipelines.models.evidence_drift import CHANGED, KEY, PREVIOUS, QUESTION, evidence, evidence_drift
from pipelines.run_facts import RunFacts
from pipelines.tables import CONTRACTS

FACTS = RunFacts("run", "omop", (), "white_female", 11, "simulated")
Rows = list[dict[str, object]]
WHO = dict(zip(QUESTION, ("s", "a vs b", "bone", "women"), strict=True))


def frame(table: str, rows: Rows) -> pl.LazyFrame:
    schema = CONTRACTS[table].empty().schema
    assert not {key for row in rows for key in row} - set(schema)
    return pl.DataFrame([{name: row.get(name) for name in schema} for row in rows], schema=schema).lazy()


def night(estimate: float | None = -1.0, gate: str = "open", **other: object) -> dict[str, pl.LazyFrame]:
    """One estimate with its diagnostics; `other` changes people, difference between arms, and protocol."""
    told = {"n": 200, "smd": 0.05, "ease": None, "protocol": "abc", "se": 0.5} | other
    answer = WHO | {"estimator": "aipw", "evidence_source": "simulated", "protocol_hash": told["protocol"]}
    answer |= {"estimate": estimate, "se": told["se"] if estimate is not None else None, "gate_status": gate}
    values = {"n_target": 80, "n_comparator": told["n"] - 80, "n_observed_target": 40}
    values |= {"largest_standardised_difference": told["smd"], "ease": told["ease"], "equipoise": 0.5}
    rows = [WHO | {"diagnostic": name, "value": value, "status": "pass"} for name, value in values.items()]
    made = {"models.effect_estimate": [answer], "models.diagnostic": rows}
    return {table: frame(table, of) for table, of in made.items()}


def published(of: dict[str, pl.LazyFrame], *changed: str) -> pl.LazyFrame:
    """What landing remembers of a night, and what has changed since."""
    found = evidence(of["models.effect_estimate"], of["models.diagnostic"]).drop("evidence_source")
    return found.with_columns(pl.lit(name in changed).alias(name) for name in CHANGED).lazy()


def drift(now: dict[str, pl.LazyFrame], before: pl.LazyFrame) -> dict[str, object]:
    found = evidence_drift(now | {PREVIOUS: before}, FACTS).collect()
    CONTRACTS["models.evidence_drift"].schema.validate(found)
    (row,) = found.to_dicts()
    return row


def test_the_same_is_none_with_nothing_moved_whatever_else_changed() -> None:
    for changed in ((), tuple(CHANGED)):
        row = drift(night(), published(night(), *changed))
        assert (row["cause"], row["n"], row["n_change"]) == ("none", 200, 0)
        assert (row["largest_smd_change"], row["estimate_change_se"]) == (0.0, 0.0)
        assert row["ease_change"] is None


def test_a_change_is_told_in_people_and_standard_errors_of_before() -> None:
    row = drift(night(-1.3, n=230, smd=0.08, ease=0.1, se=0.4), published(night(ease=0.3), "is_input_changed"))
    assert row["n_change"] == 30
    assert row["largest_smd_change"] == pytest.approx(0.03)
    assert row["ease_change"] == pytest.approx(-0.2)
    assert row["estimate_change_se"] == pytest.approx(-0.3 / 0.5)
    assert row["cause"] == "input"


@pytest.mark.parametrize(("column", "cause"), CHANGED.items())
def test_each_cause_is_named(column: str, cause: str) -> None:
    assert drift(night(-1.1), published(night(), column))["cause"] == cause


def test_several_causes_are_listed_and_the_own_protocol_stands_for_any() -> None:
    now = night(-1.1, protocol="def")
    row = drift(now, published(night(), "is_any_protocol_changed", "is_code_changed"))
    assert row["cause"] == "protocol, code"


@pytest.mark.parametrize(
    "now",
    [night(-1.0001), night(n=201), night(smd=0.06), night(ease=0.1), night(se=0.6), night(None, "closed")],
    ids=["estimate", "people", "arms", "negative controls", "error", "gate"],
)
def test_what_moves_without_a_cause_is_unexplained(now: dict[str, pl.LazyFrame]) -> None:
    assert drift(now, published(night()))["cause"] == "unexplained"


def test_rounding_of_machines_is_no_change() -> None:
    assert drift(night(-1.0 - 1e-13), published(night()))["cause"] == "none"


def test_a_first_publication_has_nothing_to_compare() -> None:
    row = drift(night(), CONTRACTS[PREVIOUS].empty().lazy())
    assert row["cause"] == "first"
    assert [row[name] for name in row if name.endswith(("_change", "_se")) or name.startswith("previous")] == [None] * 5


@pytest.mark.parametrize(
    ("now", "before"),
    [
        (night(None, "closed"), night()),
        (night(), night(None, "closed")),
        (night(-5.0, "closed"), night(-7.0, "closed")),
    ],
    ids=["closes", "opens", "closed with a number upstream"],
)
def test_a_closed_gate_on_either_side_tells_nothing_of_the_answer(
    now: dict[str, pl.LazyFrame], before: dict[str, pl.LazyFrame]
) -> None:
    row = drift(now, published(before, "is_input_changed"))
    assert row["estimate_change_se"] is None
    assert row["n_change"] == 0, "people are known before the gate"
    assert published(before).collect()["estimate"].to_list() in ([None], [-1.0])


def test_people_of_a_survey_and_of_a_curve_are_counted_too() -> None:
    rows = [WHO | {"diagnostic": "unweighted_n", "value": 120.0, "status": "pass"}]
    found = evidence(night()["models.effect_estimate"], frame("models.diagnostic", rows))
    assert found["n"].to_list() == [120]
    rows = [WHO | {"diagnostic": "n_target", "value": 70.0, "status": "not_applicable"}]
    found = evidence(night()["models.effect_estimate"], frame("models.diagnostic", rows))
    assert found.select(*KEY, "n").row(0)[-1] == 70


def test_what_landing_remembers_has_the_columns_of_its_contract() -> None:
    assert set(published(night()).collect_schema()) == {column.name for column in CONTRACTS[PREVIOUS].columns}
