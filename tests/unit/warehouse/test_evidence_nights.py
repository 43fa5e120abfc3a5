"""Evidence over real nights: a first publication, an unchanged night, a changed input, a withdrawal."""

import runpy
from pathlib import Path

import polars as pl

from expectations.judge import judge
from pipelines import plan
from pipelines.run import Run
from pipelines.run_facts import RunFacts
from pipelines.settings import Settings
from pipelines.warehouse import evidence_basis, tombstone, withdrawal
from pipelines.warehouse.publish import Build, publish
from pipelines.warehouse.store import Store

built_home = runpy.run_path(str(Path(__file__).with_name("built_home.py")))
NAMES = ("models.evidence_drift", "mart.evidence_drift")
MOVED = ["n_change", "largest_smd_change", "ease_change", "estimate_change_se"]
NEEDED = {"mart.evidence_drift", *plan.upstream("mart.evidence_drift")}


def published(settings: Settings, run: Run) -> Build:
    basis = evidence_basis.basis(Store(settings), plan.steps(), run.facts)
    return publish(settings, run.facts, "drop", "code", built_home["write_page"], basis=basis)


def night(settings: Settings, run: Run) -> pl.DataFrame:
    """Land, bring everything up to date; the drift of this night."""
    run.land()
    for step in plan.steps():
        if step.table in NEEDED:
            run.step(step)
    for table in NAMES:
        assert [r.check_id for r in judge(table, settings) if r.status not in ("pass", "not_applicable")] == []
    return Store(settings).scan("models.evidence_drift").collect()


def test_three_nights_and_a_withdrawal(built: Settings, tmp_path: Path) -> None:
    settings = built_home["copy"](built, tmp_path)
    store = Store(settings)
    previous = store.path("raw.previous_evidence", None)
    with Run(settings, run_id="r") as run:
        first = night(settings, run)
        estimates = store.scan("models.effect_estimate").collect()
        assert first.height == estimates.height > 0
        assert set(first["cause"]) == {"first"} and not previous.exists()
        published(settings, run)

        same = night(settings, run)
        assert same.height == first.height and set(same["cause"]) == {"none"}
        for name in MOVED:
            assert set(same[name].drop_nulls()) <= {0}, name
        told = estimates.filter(pl.col("estimate").is_not_null(), pl.col("se").is_not_null()).height
        assert same["estimate_change_se"].drop_nulls().len() == told
        published(settings, run)
        remembered = pl.read_parquet(previous)
        run.land()
        assert pl.read_parquet(previous).equals(remembered), "an unchanged night remembers the same"

        people = next(Path(settings.folder).rglob("DXXFEM_H.parquet"))
        pl.read_parquet(people).head(-60).write_parquet(people)
        other = night(settings, run)
        moved = other.filter(pl.col("cause") != "none")
        assert set(moved["cause"]) == {"input"} and moved["n_change"].min() < 0
        is_closed = (pl.col("gate_status") == "closed") | (pl.col("previous_gate_status") == "closed")
        assert moved.filter(is_closed)["estimate_change_se"].null_count() == moved.filter(is_closed).height

        person = store.scan("staging.person").collect()["person_id"][0]
        tombstone.add(settings, frozenset([person]))
        withdrawal.remove_rows(settings)
        assert not previous.exists(), "a difference of two nights would tell of who left"


def test_each_thing_that_evidence_rests_on_changes_its_hash_alone(built: Settings) -> None:
    store, steps = Store(built), plan.steps()
    facts = RunFacts("one", "nhanes", ("nhanes_e2_bmd",), "white_female", 11, "public_survey")

    def changed(**other: object) -> set[str]:
        values = {name: getattr(facts, name) for name in facts.__dataclass_fields__} | other
        now, then = (evidence_basis.basis(store, steps, each) for each in (facts, RunFacts(**values)))
        assert set(now) == set(then)
        return {name for name in now if now[name] != then[name]}

    assert changed(run_id="two") == set()
    assert changed(evidence_source="real") == {"is_setting_changed"}
    assert changed(studies=("nhanes_bone_prevalence",)) == {"is_any_protocol_changed"}
