"""What is told again of an estimate and of a count: when people come, programs change, people withdraw, builds go back."""

import runpy
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from pipelines.errors import BlockedByCheck
from pipelines.settings import Settings
from pipelines.tables import telling as declared
from pipelines.warehouse import release_ledger, released_quality, telling
from pipelines.warehouse.damage import take_damaged_away
from pipelines.warehouse.parquet import is_whole
from pipelines.warehouse.store import Store
from pipelines.warehouse.told_estimates import WITHHELD

world = runpy.run_path(str(Path(__file__).with_name("release_world.py")))
MIN_CELL = world["MIN_CELL"]
BASIS = {"is_code_changed": "c", "is_setting_changed": "s", "is_any_protocol_changed": "p", "is_input_changed": "i"}


@pytest.fixture
def home(tmp_path: Path) -> Settings:
    return world["store_in"](tmp_path)


@pytest.fixture(scope="module")
def everybody() -> pl.DataFrame:
    return world["people"](1, 4).rows.with_columns(is_old=True, is_eligible=True)


def night(
    home: Settings,
    rows: pl.DataFrame,
    number: int,
    keep: bool = True,
    run_id: str = "",
    instead: dict[str, pl.DataFrame] | None = None,
    **basis: str,
) -> dict:
    """A publication as telling makes it; of no other input than the night before, unless told so."""
    world["write_night"](home, rows)
    for name, frame in (instead or {}).items():
        frame.write_parquet(Store(home).path(name, None))
    verdicts = released_quality.hidden(world["results"](rows), MIN_CELL)
    facts = replace(world["FACTS"], run_id=run_id or f"run{number}")
    whole = {**BASIS, "is_input_changed": str(number), **basis}
    if run_id != "as it was":
        path = Store(home).path("mart.effect_estimate", None)
        pl.read_parquet(path).with_columns(run_id=pl.lit(facts.run_id)).write_parquet(path)
    found = telling.told(home, Store(home), facts, verdicts, f"{number:03}", f"{number - 1:03}", whole)
    if keep:
        found.ledger.keep(home)
    return dict(found.frames)


def effect(frames: dict) -> dict:
    return frames["mart.effect_estimate"].row(0, named=True)


def with_others(rows: pl.DataFrame, come: int, arm: str = "target") -> pl.DataFrame:
    """More people in one arm, unlike the others."""
    more = rows.filter(arm_code=arm).head(come).with_columns(value=pl.lit(30.0))
    return pl.concat([rows, more])


def test_an_estimate_is_told_to_two_figures_of_its_error(home: Settings, everybody: pl.DataFrame) -> None:
    row = effect(night(home, everybody, 1))
    exact = world["sources"](everybody)["models.effect_estimate"].row(0, named=True)
    assert exact["estimate"] != row["estimate"] == pytest.approx(exact["estimate"], abs=exact["se"] / 10)
    assert len(f"{row['estimate']:.12f}".rstrip("0").split(".")[1]) <= 2 and 0.1 < exact["se"] < 1
    assert row["ci_low"] < row["estimate"] < row["ci_high"]
    assert row["p_value"] == 0.123
    assert row["n_target"] % MIN_CELL == row["n_comparator"] % MIN_CELL == 0


def test_it_is_held_while_few_come_and_told_again_when_enough_did(home: Settings, everybody: pl.DataFrame) -> None:
    first = effect(night(home, everybody, 1))
    few = effect(night(home, with_others(everybody, MIN_CELL - 1), 2))
    held = ("estimate", "ci_low", "ci_high", "se", "run_id")
    assert [few[name] for name in held] == [first[name] for name in held], "as it was told, by the run that told it"
    enough = effect(night(home, with_others(everybody, MIN_CELL), 3))
    assert enough["estimate"] > first["estimate"] and enough["run_id"] == "run3"
    back = effect(night(home, with_others(everybody, 1), 4))
    assert [back[name] for name in held] == [enough[name] for name in held], (
        "one more person than it was once told for: it stays with what was told last"
    )


def test_the_same_people_are_told_anew_by_another_program(home: Settings, everybody: pl.DataFrame) -> None:
    night(home, everybody, 1)
    again = effect(night(home, everybody, 2, is_input_changed="1", is_code_changed="mended"))
    assert again["run_id"] == "run2"


def test_other_people_and_another_program_are_told_only_with_enough_people(
    home: Settings, everybody: pl.DataFrame
) -> None:
    first = night(home, everybody, 1)
    both = night(home, with_others(everybody, 2), 2, is_code_changed="mended")
    assert effect(both)["estimate"] is None and effect(both)["gate_reason"] == WITHHELD
    assert effect(both)["n_target"] == effect(first)["n_target"]
    told = effect(night(home, with_others(everybody, MIN_CELL + 2), 3, is_code_changed="mended"))
    assert told["estimate"] is not None and told["gate_reason"] is None


def test_another_rule_that_leaves_few_out_is_not_told(home: Settings, everybody: pl.DataFrame) -> None:
    """The same input: what the new rule took away would be told by the difference."""
    night(home, everybody, 1)
    narrower = night(home, everybody.slice(3), 2, is_input_changed="1", is_any_protocol_changed="narrower")
    assert effect(narrower)["estimate"] is None


def test_who_withdrew_is_in_no_estimate_and_is_not_told_by_their_absence(
    home: Settings, everybody: pl.DataFrame
) -> None:
    first = night(home, with_others(everybody, 2), 1)
    release_ledger.forget_estimates(home)
    kept = release_ledger.read(home)
    values = kept.held["mart.effect_estimate"].select("estimate", "ci_low", "ci_high", "se", "p_value")
    assert values.null_count().row(0) == (1,) * 5
    after = night(home, everybody, 2)
    assert effect(after)["estimate"] is None and effect(after)["gate_reason"] == WITHHELD
    assert effect(after)["n_target"] == effect(first)["n_target"]
    grown = effect(night(home, with_others(everybody, MIN_CELL + 2), 3))
    assert grown["estimate"] is not None


def test_after_a_withdrawal_what_nobody_of_them_was_in_is_told_as_before(
    home: Settings, everybody: pl.DataFrame
) -> None:
    first = night(home, everybody, 1)
    release_ledger.forget_estimates(home)
    after = night(home, everybody, 2)
    assert effect(after)["estimate"] == effect(first)["estimate"]
    assert after["mart.table_one"].equals(first["mart.table_one"])


def test_without_knowing_what_it_rests_on_nothing_is_held(home: Settings, everybody: pl.DataFrame) -> None:
    for number, rows in enumerate((everybody, with_others(everybody, 2)), 1):
        world["write_night"](home, rows)
        verdicts = world["results"](rows)
        found = telling.told(home, Store(home), world["FACTS"], verdicts, f"{number:03}", None, None)
        found.ledger.keep(home)
    assert effect(dict(found.frames))["estimate"] is None


def test_the_same_ledger_tells_the_same(home: Settings, everybody: pl.DataFrame) -> None:
    night(home, everybody, 1)
    rows = with_others(everybody, 5)
    one, other = (night(home, rows.sample(fraction=1, shuffle=True, seed=seed), 2, keep=False) for seed in (1, 2))
    assert all(one[name].equals(other[name]) for name in one)


def test_what_was_told_and_never_seen_is_told_again(home: Settings, everybody: pl.DataFrame) -> None:
    """A run that died after the ledger and before the switch: the next one says the same."""
    night(home, everybody, 1)
    lost = night(home, with_others(everybody, MIN_CELL), 2)
    again = night(home, with_others(everybody, MIN_CELL), 3)
    assert effect(again) | {"run_id": ""} == effect(lost) | {"run_id": ""}
    assert again["mart.attrition"].equals(lost["mart.attrition"])


def test_drift_is_told_between_numbers_that_were_told(home: Settings, everybody: pl.DataFrame) -> None:
    from pipelines.tables import CONTRACTS

    moved = {"n_change": 10, "estimate_change_se": 0.5, "cause": "input", "gate_status": "open"}
    base = {"study_id": "study", "contrast": "one vs other", "outcome": "bone", "population": "everybody"}
    base |= {"estimator": "difference", "evidence_source": "real", "is_suppressed": False}
    schema = {
        n: pl.String if isinstance(k, pl.Enum) else k
        for n, k in CONTRACTS["mart.evidence_drift"].empty().schema.items()
    }
    model = {
        n: pl.String if isinstance(k, pl.Enum) else k
        for n, k in CONTRACTS["models.evidence_drift"].empty().schema.items()
    }
    found = []
    for number, come in enumerate((0, 4, 30, 60), 1):
        row = {**base, **moved, "n": everybody.height + come}
        drift = {
            name: pl.DataFrame([{n: row.get(n) for n in columns}], schema=columns)
            for name, columns in (("mart.evidence_drift", schema), ("models.evidence_drift", model))
        }
        frames = night(home, with_others(everybody, come), number, instead=drift)
        found.append(frames["mart.evidence_drift"].row(0, named=True))
    assert [row["estimate_change_se"] for row in found] == [None, None, None, 0.5], (
        "the night before held another number"
    )
    assert [row["is_suppressed"] for row in found] == [True, True, True, False]
    assert found[-1]["n_change"] % MIN_CELL == 0 < found[-1]["n_change"]


def test_a_number_that_nobody_declared_stops_the_publication(
    home: Settings, everybody: pl.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    attrition = replace(declared.TELLINGS["mart.attrition"], people=())
    monkeypatch.setitem(declared.TELLINGS, "mart.attrition", attrition)
    with pytest.raises(BlockedByCheck, match=r"telling\.py: mart\.attrition n_after"):
        night(home, everybody, 1)


def test_every_number_of_the_mart_is_declared() -> None:
    telling.require_declared()


def test_the_ledger_names_no_cell_in_clear(home: Settings, everybody: pl.DataFrame) -> None:
    night(home, everybody, 1)
    cells = release_ledger.read(home).cells
    assert cells["cell"].str.contains(r"^[0-9a-f]{16}$").all() and cells.height > 20
    assert cells["told"].drop_nulls().filter(cells["told"].drop_nulls() % MIN_CELL != 0).is_empty()


def spoil(path: Path) -> None:
    """The footer stays, the rows do not."""
    content = path.read_bytes()
    middle = len(content) // 2
    path.write_bytes(content[:4] + bytes(255 - byte for byte in content[4:middle]) + content[middle:])


@pytest.mark.parametrize("name", ["cells", "tellings", "held.mart.effect_estimate"])
@pytest.mark.parametrize("damage", [spoil, Path.unlink])
def test_a_ledger_that_is_damaged_or_gone_is_read_from_its_copy(name, damage, home, everybody) -> None:
    """An estimate told again because nobody knew that it had been told would tell of the one who came."""
    first = effect(night(home, everybody, 1))
    known = release_ledger.read(home).tellings
    damage(release_ledger.folder_of(home) / f"{name}.parquet")
    take_damaged_away(home)
    assert release_ledger.read(home).tellings.equals(known)
    second = effect(night(home, with_others(everybody, 1), 2))
    assert (second["estimate"], second["run_id"]) == (first["estimate"], first["run_id"])
    assert is_whole(release_ledger.folder_of(home) / f"{name}.parquet"), "the next telling writes both again"


def test_where_the_copy_is_damaged_too_nothing_is_told(home, everybody) -> None:
    night(home, everybody, 1)
    for folder in (release_ledger.folder_of(home), release_ledger.copies(home)):
        spoil(folder / "tellings.parquet")
    assert take_damaged_away(home) == ()
    with pytest.raises(BlockedByCheck, match=r"the release ledger is damaged, and so is its copy.*from a backup"):
        night(home, with_others(everybody, 1), 2)


def test_who_withdrew_is_in_no_copy(home, everybody) -> None:
    night(home, everybody, 1)
    release_ledger.forget_estimates(home)
    for folder in (release_ledger.folder_of(home), release_ledger.copies(home)):
        held = pl.read_parquet(folder / "held.mart.effect_estimate.parquet")
        assert held.height and held["estimate"].null_count() == held.height
