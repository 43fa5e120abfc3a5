"""Who collects thirty nights of releases, knows the program and subtracts: learns no group of one to ten people.

The same attacks on the same nights without the ledger do; an attack that finds nothing there would prove nothing here.
"""

import runpy
from itertools import combinations, pairwise
from pathlib import Path

import polars as pl
import pytest

from pipelines.disclosure import to_figures
from pipelines.tables import CONTRACTS
from pipelines.tables.telling import TELLINGS
from pipelines.warehouse import released_quality, telling
from pipelines.warehouse.store import Store

world = runpy.run_path(str(Path(__file__).with_name("release_world.py")))
MIN_CELL, NIGHTS = world["MIN_CELL"], 30
Night = dict[str, pl.DataFrame]
Cell = tuple[str, tuple[object, ...], str]
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
        made = world["write_night"](settings, rows)
        verdicts = released_quality.hidden(world["results"](rows), MIN_CELL)
        basis = {**BASIS, "is_input_changed": str(night)}
        published = f"{night - 1:03}" if night else None
        found = telling.told(settings, Store(settings), world["FACTS"], verdicts, f"{night:03}", published, basis)
        found.ledger.keep(settings)
        there.append(rows)
        bare.append({**made, "mart.quality_result": verdicts})
        told.append(dict(found.frames))
    return there, bare, told


def counts(night: Night) -> dict[Cell, int]:
    """Every count that a release shows, by table, key and column."""
    found = {}
    for table, frame in night.items():
        key = CONTRACTS[table].key
        for column in TELLINGS[table].people:
            for row in frame.drop_nulls(column).iter_rows(named=True):
                found[table, tuple(row[name] for name in key), column] = round(row[column])
    return found


def events_of_steps(nights: list[Night], column: str = "risk_pct") -> dict[tuple[int, str, int, int], int]:
    """Attack: the height of a step times the people of the arm, also where its ends were told last in different nights."""
    found = {}
    known: dict[tuple[str, int], float] = {}
    for number, night in enumerate(nights):
        table = night["mart.cumulative_incidence"]
        for arm, day, risk in table.drop_nulls(column).select("arm_code", "follow_up_days", column).iter_rows():
            known[arm, day] = risk
        for arm in world["ARMS"]:
            people = night["mart.table_one"].filter(arm_code=arm, characteristic="People")["n"][0]
            days = sorted(day for of, day in known if of == arm)
            for one, other in pairwise(days):
                if people is not None:
                    found[number, arm, one, other] = round((known[arm, other] - known[arm, one]) * people / 100)
    return found


def is_small(n: float) -> bool:
    return 1 <= abs(n) < MIN_CELL


def differences_of_nights(nights: list[Night]) -> set[tuple[int, int, Cell]]:
    """Attack: the same count in two nights, whichever."""
    shown = [counts(night) for night in nights]
    return {
        (one, other, cell)
        for one, other in combinations(range(len(nights)), 2)
        for cell in shown[one].keys() & shown[other].keys()
        if is_small(shown[one][cell] - shown[other][cell])
    }


def differences_of_counts(nights: list[Night]) -> set[tuple[int, Cell, Cell]]:
    """Attack: any two counts of one night: steps of attrition, a table against another, a total against a part."""
    return {
        (number, one, other)
        for number, night in enumerate(nights)
        for (one, n), (other, m) in combinations(sorted(counts(night).items(), key=str), 2)
        if is_small(n - m)
    }


def totals_less_parts(nights: list[Night]) -> set[tuple[int, str]]:
    """Attack: everybody of an arm less the levels that are shown."""
    found = set()
    for number, night in enumerate(nights):
        table = night["mart.table_one"]
        for arm in world["ARMS"]:
            of_arm = table.filter(arm_code=arm)
            total = of_arm.filter(characteristic="People")["n"][0]
            parts = of_arm.filter(characteristic="Level")["n"].drop_nulls()
            if total is not None and is_small(total - parts.sum()):
                found.add((number, arm))
    return found


def numerators(nights: list[Night], *, is_exact: bool) -> dict[tuple[int, str, str], set[int]]:
    """Attack: a share times every denominator that the shown one may stand for; numerators that give the share as written."""
    found = {}
    for number, night in enumerate(nights):
        table = night["mart.table_one"]
        for row in table.filter(characteristic="Level").drop_nulls(["estimate"]).iter_rows(named=True):
            people = table.filter(arm_code=row["arm_code"], characteristic="People")["n"][0]
            if people is None or not 0 < row["estimate"] < 1:
                continue
            around = [people] if is_exact else range(people - MIN_CELL + 1, people + MIN_CELL)
            unit = 1e-12 if is_exact else 0.5 * 10.0 ** -(len(repr(row["estimate"]).split(".")[1]))
            candidates = {k for n in around for k in range(n) if abs(k / n - row["estimate"]) <= unit}
            found[number, row["arm_code"], row["level"]] = candidates
    return found


def distances_of_the_last_to_come(nights: list[Night]) -> dict[tuple[int, str], float]:
    """Attack: one person came to an arm, as the attacker happens to know; by how much the difference of the arms moved, times
    the people of the arm, is how far their value lies from the mean of the arm."""
    found = {}
    for number in range(1, len(nights)):
        before, now = (night["mart.effect_estimate"].row(0, named=True) for night in nights[number - 1 : number + 1])
        for arm, sign in zip(world["ARMS"], (1, -1), strict=True):
            if before["estimate"] != now["estimate"]:
                people = now[f"n_{arm}"] or before[f"n_{arm}"]
                found[number, arm] = sign * people * (now["estimate"] - before["estimate"])
    return found


def bounds(nights: list[Night], wide: int) -> dict[tuple[int, str, str], tuple[int, int]]:
    """Attack: what a hidden level can be at all, for who knows the program: from total and parts, `wide` about what is told."""
    found = {}
    for number, night in enumerate(nights):
        for arm in world["ARMS"]:
            table = night["mart.table_one"].filter(arm_code=arm)
            total = table.filter(characteristic="People")["n"][0]
            levels = dict(table.filter(characteristic="Level").select("level", "n").iter_rows())
            if total is None:
                continue
            shown = [n for n in levels.values() if n is not None]
            hidden = [level for level, n in levels.items() if n is None]
            least = total - wide - sum(n + wide for n in shown)
            most = total + wide - sum(max(n - wide, 0) for n in shown)
            for level in hidden:
                found[number, arm, level] = (max(0, least if len(hidden) == 1 else 0), most)
    return found


def truth(there: pl.DataFrame, arm: str, level: str) -> int:
    return world["studied"](there).filter(arm_code=arm, level=level).height


def test_small_groups_come_go_and_stay_in_every_one_of_the_nights(nights) -> None:
    there, _, _ = nights
    sizes = [truth(rows, arm, "rare") for rows in there for arm in world["ARMS"]]
    assert sum(is_small(n) for n in sizes) > NIGHTS / 2
    moved = [abs(one.height - other.height) for one, other in combinations(there, 2)]
    assert sum(is_small(n) for n in moved) > 20


def test_no_two_nights_differ_by_a_small_group(nights) -> None:
    _, bare, told = nights
    assert differences_of_nights(told) == set()
    found = differences_of_nights(bare)
    assert {cell[0] for _, _, cell in found} == set(bare[0]) - {"mart.claim", "mart.diagnostic"}
    assert len(found) > 1000


def test_no_two_counts_of_a_night_differ_by_a_small_group(nights) -> None:
    _, bare, told = nights
    assert differences_of_counts(told) == set()
    assert len(differences_of_counts(bare)) > 50


def test_no_total_less_its_parts_is_a_small_group(nights) -> None:
    there, bare, told = nights
    assert totals_less_parts(told) == set()
    assert totals_less_parts(only_the_small_hidden(there, bare)), "hiding the small part alone gives it away"


def only_the_small_hidden(there: list[pl.DataFrame], nights: list[Night]) -> list[Night]:
    """Table 1 of every night with each count as it is, but the rare level hidden and nothing else."""
    found = []
    for rows, night in zip(there, nights, strict=True):
        exact = world["sources"](rows)["models.baseline"].select("arm_code", "characteristic", "level", "n")
        whole = night["mart.table_one"].drop("n").join(exact, on=["arm_code", "characteristic", "level"])
        found.append({"mart.table_one": whole.with_columns(n=pl.when(pl.col("level") != "rare").then("n"))})
    return found


def test_no_share_times_a_denominator_tells_a_count(nights) -> None:
    there, bare, told = nights
    found = numerators(told, is_exact=False)
    assert found and all(len(candidates) > 1 for candidates in found.values())
    for (number, arm, level), candidates in numerators(bare, is_exact=True).items():
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
        found = distances_of_the_last_to_come(release)
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
        for (number, arm, one, other), guess in events_of_steps(release).items():
            rows = world["studied"](there[number]).filter(arm_code=arm)
            until = [
                rows.filter(pl.col("event_day") <= pl.min_horizontal(day, "until_day")).height for day in (one, other)
            ]
            n += is_small(until[1] - until[0]) and guess == until[1] - until[0]
        return n

    computed = [
        {"mart.cumulative_incidence": made["models.cumulative_incidence"], "mart.table_one": made["models.baseline"]}
        for made in map(world["sources"], there)
    ]
    assert right(computed) > 100
    assert len(events_of_steps(told)) > 100 and right(told) == 0


def test_two_means_are_told_in_the_nights_of_their_difference_and_no_other(nights) -> None:
    """One arm told anew beside the other as it was, or beside an estimate that is held, would tell tonight's difference."""
    _, bare, told = nights

    def tellings(release: list[Night]) -> list[tuple[float, ...]]:
        means = [night["mart.bmd_trajectory"].sort("arm_code")["change_pct"].to_list() for night in release]
        return [
            (*pair, night["mart.effect_estimate"]["estimate"][0]) for pair, night in zip(means, release, strict=True)
        ]

    changes = [
        [number for number, (one, other) in enumerate(pairwise(values)) if one != other]
        for values in zip(*tellings(told), strict=True)
    ]
    assert changes[0] == changes[1] == changes[2] and 0 < len(changes[0]) < NIGHTS - 1
    moved = [row[0] != other[0] for row, other in pairwise(tellings(bare))]
    assert sum(moved) > 2 * len(changes[0]), (
        "without the ledger a mean moves in every night in which somebody came or left"
    )


def test_who_knows_the_program_cannot_bound_a_hidden_group_to_few_readings(nights) -> None:
    there, bare, told = nights
    found = bounds(told, MIN_CELL - 1)
    assert found and all(high - low >= MIN_CELL - 1 for low, high in found.values())
    assert any(low == high for low, high in bounds(only_the_small_hidden(there, bare), 0).values())


def test_counts_are_told_within_a_threshold_of_the_truth_and_estimates_again_as_people_come(nights) -> None:
    there, bare, told = nights
    for exact, shown in zip(bare, told, strict=True):
        tonight = counts(shown)
        for cell, n in counts(exact).items():
            if cell in tonight and cell[0] not in ("mart.attrition", "mart.diagnostic"):
                assert abs(tonight[cell] - n) < MIN_CELL, cell
    estimates = {night["mart.effect_estimate"]["estimate"][0] for night in told}
    grown = max(world["studied"](rows).height for rows in there) - world["studied"](there[0]).height
    assert 2 <= len(estimates) <= 2 + abs(grown) // MIN_CELL + NIGHTS // 3
    assert None not in estimates
