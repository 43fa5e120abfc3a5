"""Who collects thirty nights of releases, knows the program and subtracts: learns no group of one to ten people.

The same attacks on the same nights without the ledger do; an attack that finds nothing there would prove nothing here.
"""

import runpy
from itertools import combinations, pairwise
from pathlib import Path

import polars as pl
import pytest

from pipelines.disclosure import to_figures
from pipelines.tables.telling import TELLINGS
from pipelines.warehouse import released_quality, telling
from pipelines.warehouse.store import Store

world = runpy.run_path(str(Path(__file__).with_name("release_world.py")))
attacks = runpy.run_path(str(Path(__file__).with_name("release_attacks.py")))
MIN_CELL, NIGHTS = world["MIN_CELL"], 30
Night = dict[str, pl.DataFrame]
#: what no attack here is made on
ELSEWHERE = {"mart.quality_trend": "made of verdicts as told, which are attacked: test_quality_trend"}
#: told to steps of at least `MIN_CELL` people by the rules of one night: one who comes seldom moves them
COARSE = {"mart.propensity_score"}
BASIS = {"is_code_changed": "code", "is_setting_changed": "setting", "is_any_protocol_changed": "protocol"}


@pytest.fixture(
    scope="module", params=[1, pytest.param(2, marks=pytest.mark.slow), pytest.param(3, marks=pytest.mark.slow)]
)
def nights(request, tmp_path_factory) -> tuple[list[pl.DataFrame], list[Night], list[Night]]:
    """Who was there in each night, what the mart would tell without a ledger, and what is told with it."""
    settings = world["store_in"](tmp_path_factory.mktemp("nights"))
    everybody = world["people"](NIGHTS, request.param)
    there, bare, told = [], [], []
    for night in range(NIGHTS):
        rows = everybody.on(night)
        made = world["write_night"](settings, rows, there[-1] if there else None)
        verdicts = released_quality.hidden(world["results"](rows), MIN_CELL)
        basis = {**BASIS, "is_input_changed": str(night)}
        published = f"{night - 1:03}" if night else None
        found = telling.told(settings, Store(settings), world["FACTS"], verdicts, f"{night:03}", published, basis)
        found.ledger.keep(settings)
        there.append(rows)
        bare.append({**made, "mart.quality_result": verdicts})
        told.append(dict(found.frames))
    return there, bare, told


def truth(there: pl.DataFrame, arm: str, level: str) -> int:
    return world["studied"](there).filter(arm_code=arm, level=level).height


def test_small_groups_come_go_and_stay_in_every_one_of_the_nights(nights) -> None:
    there, _, _ = nights
    sizes = [truth(rows, arm, "rare") for rows in there for arm in world["ARMS"]]
    assert sum(attacks["is_small"](n) for n in sizes) > NIGHTS / 2
    moved = [abs(one.height - other.height) for one, other in combinations(there, 2)]
    assert sum(attacks["is_small"](n) for n in moved) > 20


def test_no_two_nights_differ_by_a_small_group(nights) -> None:
    _, bare, told = nights
    assert attacks["differences_of_nights"](told) == set()
    found = attacks["differences_of_nights"](bare)
    assert {cell[0] for _, _, cell in found} == {table for table in bare[0] if TELLINGS[table].people}
    assert len(found) > 1000


def test_no_two_counts_of_a_night_differ_by_a_small_group(nights) -> None:
    _, bare, told = nights
    assert attacks["differences_of_counts"](told) == set()
    assert len(attacks["differences_of_counts"](bare)) > 50


def test_no_total_less_its_parts_is_a_small_group(nights) -> None:
    there, bare, told = nights
    assert attacks["totals_less_parts"](told) == set()
    recovered = {of for _, of in attacks["totals_less_parts"](only_the_small_hidden(there, bare))}
    assert recovered == {*world["ARMS"], "survey"}, "hiding the small part alone gives it away"


def only_the_small_hidden(there: list[pl.DataFrame], nights: list[Night]) -> list[Night]:
    """Table 1 and the bands of every night with each count as it is, but the rare level hidden and nothing else."""
    found = []
    for rows, night in zip(there, nights, strict=True):
        exact = world["sources"](rows)["models.baseline"].select("arm_code", "characteristic", "level", "n")
        whole = night["mart.table_one"].drop("n").join(exact, on=["arm_code", "characteristic", "level"])
        bands = world["sources"](rows)["models.bone_prevalence"]
        found.append(
            {
                "mart.table_one": whole.with_columns(n=pl.when(pl.col("level") != "rare").then("n")),
                "mart.bone_prevalence": bands.with_columns(n_band=pl.when(pl.col("band") != "rare").then("n_band")),
            }
        )
    return found


def test_every_table_that_tells_of_people_is_attacked(nights) -> None:
    _, bare, told = nights
    of_people = {table for table, telling in TELLINGS.items() if telling.people or telling.estimates or telling.derived}
    assert of_people == set(told[0]) | set(ELSEWHERE)
    for table in set(told[0]) - {"mart.evidence_drift"}:
        numbers = [*TELLINGS[table].people, *TELLINGS[table].estimates]
        for column in numbers:
            assert any(night[table][column].drop_nulls().len() for night in bare), (table, column)
        assert any(night[table][column].drop_nulls().len() for night in told for column in numbers), table


@pytest.mark.parametrize("table", sorted(table for table, telling in TELLINGS.items() if telling.estimates))
def test_no_estimate_is_told_again_for_few_others(nights, table) -> None:
    """Whatever it is: without the ledger it moves with every one who comes."""
    there, bare, told = nights
    assert attacks["told_of_few"](there, told, table) == set()
    assert attacks["told_of_few"](there, bare, table) or table in COARSE


def test_nothing_that_moved_is_told_of_few(nights) -> None:
    there, bare, told = nights
    assert attacks["drifts_of_few"](there, told) == set()
    moved = [
        night["mart.evidence_drift"]["n_change"][0] for night in told if night["mart.evidence_drift"]["n_change"][0]
    ]
    assert all(n % MIN_CELL == 0 for n in moved)
    assert attacks["drifts_of_few"](there, bare), (
        "one night alone is no rule for those who come and those who leave together"
    )


def test_no_share_of_an_arm_tells_a_small_group(nights) -> None:
    there, _, told = nights
    shown = []
    for night in told:
        arms = night["mart.table_one"].filter(characteristic="People").drop_nulls("n")
        shown.append(dict(arms.select("arm_code", "n").iter_rows()))
    assert attacks["overlaps"](told, shown) == set()
    exact, computed = [], []
    for rows in there:
        bins = world["sources"](rows)["models.propensity_score"]
        exact.append({arm: of.height for arm, of in world["by_arm"](rows).items()})
        whole = pl.col("n").sum().over("arm_code")
        computed.append({"mart.propensity_score": bins.with_columns(share_pct=100 * pl.col("n") / whole)})
    assert attacks["overlaps"](computed, exact)


def test_no_share_times_a_denominator_tells_a_count(nights) -> None:
    there, bare, told = nights
    found = attacks["numerators"](told, is_exact=False)
    assert found and all(len(candidates) > 1 for candidates in found.values())
    for (number, arm, level), candidates in attacks["numerators"](bare, is_exact=True).items():
        assert candidates == {truth(there[number], arm, level)}


def test_no_estimate_tells_the_value_of_the_one_who_came(nights) -> None:
    there, bare, told = nights
    alone: dict[tuple[int, str], float] = {}
    for number in range(1, NIGHTS):
        before, now = (world["studied"](there[n]) for n in (number - 1, number))
        new, gone = now.join(before, on=now.columns, how="anti"), before.join(now, on=now.columns, how="anti")
        if new.height == 1 and gone.is_empty() and abs(new["value"][0]) > 10:
            arm = new["arm_code"][0]
            alone[number, arm] = new["value"][0] - before.filter(arm_code=arm)["value"].mean()
    assert alone, "somebody unlike the others came alone"

    def recovered(release: list[Night]) -> int:
        found = attacks["distances_of_the_last_to_come"](release)
        return sum(abs(found.get(who, 0.0) - distance) < 5 for who, distance in alone.items())

    assert recovered(told) == 0
    figured = [_rounded_only(night) for night in bare]
    assert recovered(figured) == len(alone), "two figures of the error alone do not protect them"


def _rounded_only(night: Night) -> Night:
    effect = night["mart.effect_estimate"]
    return {"mart.effect_estimate": effect.with_columns(to_figures(pl.col("estimate"), pl.col("se")))}


def test_no_step_of_a_curve_tells_how_few_had_the_event_in_it(nights) -> None:
    """Without folding the multiplication finds the small steps; of what is told it finds none."""
    there, _, told = nights

    def right(release: list[Night]) -> int:
        n = 0
        for (number, arm, one, other), guess in attacks["events_of_steps"](release).items():
            rows = world["studied"](there[number]).filter(arm_code=arm)
            until = [
                rows.filter(pl.col("event_day") <= pl.min_horizontal(day, "until_day")).height for day in (one, other)
            ]
            n += attacks["is_small"](until[1] - until[0]) and guess == until[1] - until[0]
        return n

    computed = [
        {"mart.cumulative_incidence": made["models.cumulative_incidence"], "mart.table_one": made["models.baseline"]}
        for made in map(world["sources"], there)
    ]
    assert right(computed) > 100
    assert len(attacks["events_of_steps"](told)) > 100 and right(told) == 0


def test_two_means_are_told_in_the_nights_of_their_difference_and_no_other(nights) -> None:
    """One arm told anew beside the other as it was, or beside an estimate that is held, would tell tonight's difference."""
    _, bare, told = nights

    def told_pairs(release: list[Night]) -> list[tuple[float, ...]]:
        means = [night["mart.bmd_trajectory"].sort("arm_code")["change_pct"].to_list() for night in release]
        return [
            (*pair, night["mart.effect_estimate"]["estimate"][0]) for pair, night in zip(means, release, strict=True)
        ]

    changes = [
        [number for number, (one, other) in enumerate(pairwise(values)) if one != other]
        for values in zip(*told_pairs(told), strict=True)
    ]
    assert changes[0] == changes[1] == changes[2] and 0 < len(changes[0]) < NIGHTS - 1
    moved = [row[0] != other[0] for row, other in pairwise(told_pairs(bare))]
    assert sum(moved) > 2 * len(changes[0]), (
        "without the ledger a mean moves in every night in which somebody came or left"
    )


def test_who_knows_the_program_cannot_bound_a_hidden_group_to_few_readings(nights) -> None:
    there, bare, told = nights
    found = attacks["bounds"](told, MIN_CELL - 1)
    assert found and all(high - low >= MIN_CELL - 1 for low, high in found.values())
    assert any(low == high for low, high in attacks["bounds"](only_the_small_hidden(there, bare), 0).values())


def test_counts_are_told_within_a_threshold_of_the_truth_and_estimates_again_as_people_come(nights) -> None:
    there, bare, told = nights
    for exact, shown in zip(bare, told, strict=True):
        tonight = attacks["counts"](shown)
        for cell, n in attacks["counts"](exact).items():
            if cell in tonight and cell[0] not in ("mart.attrition", "mart.diagnostic"):
                assert abs(tonight[cell] - n) < MIN_CELL, cell
    estimates = {night["mart.effect_estimate"]["estimate"][0] for night in told}
    grown = max(world["studied"](rows).height for rows in there) - world["studied"](there[0]).height
    assert 2 <= len(estimates) <= 2 + abs(grown) // MIN_CELL + NIGHTS // 3
    assert None not in estimates
