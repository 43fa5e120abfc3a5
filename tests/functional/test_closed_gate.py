"""Behind a closed gate the answer is nowhere: no table, file, page, log or event of a run tells the number that was not computed.

The same people, once with a diagnostic that fails, once with one that cannot be computed, and once with the failure waived, where
the same search finds the answer.
"""

import contextlib
import datetime as dt
import json
import runpy
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import polars as pl
import pytest

from assets.gates import DIAGNOSTICS, check_of
from pipelines.models import contrast_tables
from pipelines.models.point_treatment import asked
from pipelines.trials import study as studies
from pipelines.warehouse import telling
from pipelines.warehouse.store import Store

gated = runpy.run_path(str(Path(__file__).with_name("gated_home.py")))
CLOSED = {"failing": "outcomes_smaller_arm fail", "not_computable": "equipoise not_evaluated"}
REASON = "Pilot, agreed by the steering group"
QUESTION = {
    "contrast": "aromatase_inhibitor vs tamoxifen, 24 months, cohort active_comparator",
    "outcome": "lumbar_spine_bmd_change_pct",
}


@contextlib.contextmanager
def world(base: Path, kind: str) -> Iterator[None]:
    """Study files and diagnostics of a kind of run: nothing but these differs."""
    folder = Path(shutil.copytree(studies.folder(), base / "studies"))
    path = folder / f"{gated['STUDY']}.toml"
    text = path.read_text()
    with pytest.MonkeyPatch.context() as patch:
        if kind != "not_computable":
            assert "minimum_n_per_arm = 50" in text
            text = text.replace("minimum_n_per_arm = 50", "minimum_n_per_arm = 5000")
        else:
            patch.setattr(contrast_tables, "diagnose", without_equipoise)
        if kind == "waived":
            first = studies.read(path).contrast[0]
            words = {"diagnostic": "outcomes_smaller_arm", **QUESTION, "population": first.population, "reason": REASON}
            entry = "".join(f"{key} = {json.dumps(value)}\n" for key, value in words.items())
            text += f"\n[[waiver]]\n{entry}date = {dt.datetime.now(dt.UTC).date()}\n"
        path.write_text(text)
        patch.setattr(studies, "folder", lambda: folder)
        # Told as they are: rounding would hide from the search what a gate lets through.
        patch.setattr(telling, "is_public", lambda run: True)
        studies.catalogue.cache_clear()
        try:
            yield
        finally:
            studies.catalogue.cache_clear()


def without_equipoise(*given: object) -> tuple[object, ...]:
    """The diagnostics, of which one could not be computed."""
    found = diagnose(*given)
    missing = asked("equipoise", None, 0.2)
    return tuple(missing if each.diagnostic == "equipoise" else each for each in found)


diagnose = contrast_tables.diagnose


@pytest.fixture(scope="module")
def made(
    made_once: Callable, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], tuple[Path, tuple[float, ...]]]:
    """The home of a kind of run, made once, and the numbers that its gate hides or tells."""

    def make(folder: Path, kind: str) -> None:
        with world(folder, kind):
            gated["run"](folder)
            (folder / "blinded.json").write_text(json.dumps(gated["blinded"](folder)))

    def found(kind: str) -> tuple[Path, tuple[float, ...]]:
        folder = made_once(f"gated-{kind}", lambda each: make(each, kind))
        return folder / "home", tuple(json.loads((folder / "blinded.json").read_text()))

    return found


KINDS = ["failing", pytest.param("not_computable", marks=pytest.mark.slow)]


@pytest.mark.parametrize("kind", KINDS)
def test_a_closed_gate_tells_the_answer_nowhere(made: Callable, kind: str) -> None:
    home, secrets = made(kind)
    assert len(secrets) == 28 and all(abs(value) > 20 for value in secrets[0:3]), "seven estimators would have answered"
    assert gated["places"](home, secrets) == set()
    with duckdb.connect(str(home / "release.duckdb"), read_only=True) as release:
        rows = release.sql("from mart.effect_estimate").pl()
        assert release.sql("select n_gates_closed = n_gates and n_gates_waived = 0 from mart.build").fetchall() == [
            (True,)
        ]
    (row,) = rows.filter(*(pl.col(name) == value for name, value in QUESTION.items())).to_dicts()
    assert (row["gate_status"], row["gate_reason"]) == ("closed", CLOSED[kind])
    tells = ("estimate", "ci_low", "ci_high", "se", "p_value", "n_target", "n_comparator", "n_effective")
    assert [row[name] for name in tells] == [None] * len(tells)
    assert "gate closed" in (home / "report" / "index.html").read_text()


@pytest.mark.parametrize("kind", KINDS)
def test_every_diagnostic_is_a_check_and_the_one_that_closes_is_red(made: Callable, kind: str) -> None:
    checks = json.loads((made(kind)[0] / "checks.json").read_text())
    assert {check_of(name) for name in DIAGNOSTICS} | {"all_gates_open"} <= set(checks)
    assert not checks["all_gates_open"] and not checks[check_of(CLOSED[kind].split()[0])]


@pytest.mark.parametrize("kind", KINDS)
def test_the_night_after_tells_nothing_of_it_either(made: Callable, kind: str) -> None:
    drift = Store(gated["settings_in"](made(kind)[0].parent)).scan("mart.evidence_drift").collect()
    assert drift.height > 0 and drift["estimate_change_se"].null_count() == drift.height


def test_the_search_finds_it_in_every_kind_of_place(made: Callable, tmp_path: Path) -> None:
    """What a leak would look like, planted one at a time in a home in which there is none."""
    home, secrets = made("failing")
    estimate = secrets[0]
    copy = Path(shutil.copytree(home, tmp_path / "home", symlinks=True))
    events = next(p for p in copy.rglob("*.db") if "history" in p.parts)
    page = copy.resolve() / "builds" / next(copy.glob("builds/*")).name / "report" / "index.html"

    def in_events(*statement: object) -> None:
        with contextlib.closing(sqlite3.connect(events)) as log:
            log.execute(*statement)
            log.commit()

    in_events("create table leak (said text, number real)")
    table = copy / "data" / "mart" / "diagnostic" / "all.parquet"
    whole = pl.read_parquet(table)
    said = f"the estimate is {estimate:.2f}"

    leaks: dict[str, Callable[[], object]] = {
        "a column of numbers": lambda: whole.with_columns(value=pl.lit(abs(estimate))).write_parquet(table),
        "a reason": lambda: whole.with_columns(rule=pl.lit(said)).write_parquet(table),
        "an event": lambda: in_events("insert into leak (said) values (?)", (json.dumps({"text": said}),)),
        "a number of an event": lambda: in_events("insert into leak (number) values (?)", (estimate,)),
        "the page": lambda: page.write_text(page.read_text() + f"<p>\u2212{abs(estimate):.3f}</p>"),
        "a picture": lambda: page.write_text(page.read_text() + f'<svg aria-label="{said}"></svg>'),
        "a log": lambda: (copy / "run.log").write_text(f"{(copy / 'run.log').read_text()}\n{said}"),
        "a manifest": lambda: (copy / "manifest.json").write_text(json.dumps({"estimate": estimate})),
    }
    for what, plant in leaks.items():
        kept = {path: path.read_bytes() for path in (table, events, page, copy / "run.log")}
        plant()
        assert len(gated["places"](copy, secrets)) == 1, what
        for path, content in kept.items():
            path.write_bytes(content)
        (copy / "manifest.json").unlink(missing_ok=True)
    assert gated["places"](copy, secrets) == set()


@pytest.mark.slow
def test_the_same_search_finds_the_answer_where_the_failure_is_waived(made: Callable) -> None:
    home, secrets = made("waived")
    assert secrets == pytest.approx(made("failing")[1], rel=1e-9), "the number that the closed gate hides"
    found = gated["places"](home, secrets)
    for place in (
        "warehouse.duckdb models.effect_estimate",
        "release.duckdb mart.effect_estimate",
        "release.duckdb mart.claim",
    ):
        assert place in found
    assert any(place.endswith("report/index.html") for place in found)
    assert any(place.endswith("data/mart/effect_estimate/all.parquet estimate") for place in found)


@pytest.mark.slow
def test_a_waiver_is_told_in_every_output(made: Callable) -> None:
    home, _ = made("waived")
    words = f"outcomes_smaller_arm fail, waived {dt.datetime.now(dt.UTC).date()}: {REASON}"
    with duckdb.connect(str(home / "release.duckdb"), read_only=True) as release:
        gates = release.sql(
            "select distinct gate_status, gate_reason from mart.effect_estimate where estimate is not null"
        )
        assert gates.fetchall() == [("waived", words)]
        assert release.sql("select distinct waiver from mart.diagnostic where waiver is not null").fetchall() == [
            (words,)
        ]
        assert release.sql("select n_gates_waived from mart.build").fetchall() == [(1,)]
        told = release.sql(
            "select count(*), count_if(contains(why, 'gate waived: ')) from mart.claim where estimate is not null"
        )
        assert (counts := told.fetchall()[0])[0] == counts[1] > 0
    page = (home / "report" / "index.html").read_text()
    assert page.count(REASON) >= 2 and "open by waiver" in page and "gate waived" in page
    assert "open by waiver" in (home / "run.log").read_text()
    checks = json.loads((home / "checks.json").read_text())
    assert not checks[check_of("outcomes_smaller_arm")], "what fails goes on failing"
