"""What somebody can try who has a release of every night: subtract, add up, multiply; each returns what it would learn.

No claim of any kind: what is found, and what is not, says test_release_adversary.
"""

import runpy
from itertools import combinations, pairwise
from pathlib import Path

import polars as pl

from pipelines.tables import CONTRACTS
from pipelines.tables.telling import PEOPLE_DIAGNOSTICS, TELLINGS

world = runpy.run_path(str(Path(__file__).with_name("release_world.py")))
MIN_CELL = world["MIN_CELL"]
Night = dict[str, pl.DataFrame]
Cell = tuple[str, tuple[object, ...], str]


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
    """Attack: everybody of an arm, or of a survey, less the levels that are shown."""
    found = set()
    for number, night in enumerate(nights):
        table = night["mart.table_one"]
        for arm in world["ARMS"]:
            of_arm = table.filter(arm_code=arm)
            total = of_arm.filter(characteristic="People")["n"][0]
            parts = of_arm.filter(characteristic="Level")["n"].drop_nulls()
            if total is not None and is_small(total - parts.sum()):
                found.add((number, arm))
        bands = night["mart.bone_prevalence"].drop_nulls("n")
        if bands.height and is_small(bands["n"][0] - bands["n_band"].drop_nulls().sum()):
            found.add((number, "survey"))
    return found


def tellings(nights: list[Night], table: str) -> dict[tuple[object, ...], list[int]]:
    """Nights in which the estimates of a row were told for the first time or as others than before, by row."""
    telling, found, last = TELLINGS[table], {}, {}
    for number, night in enumerate(nights):
        for row in night[table].iter_rows(named=True):
            key = tuple(row[name] for name in CONTRACTS[table].key)
            values = [row[name] for name in telling.estimates]
            if any(value is not None for value in values) and last.get(key) != values:
                found.setdefault(key, []).append(number)
                last[key] = values
    return found


def moved(there: list[pl.DataFrame], level: str | None = None) -> dict[tuple[int, int], int]:
    """How many of those studied came or left between two nights, of one level or of all."""
    rows = [world["studied"](night) for night in there]
    who = [frozenset((night.filter(level=level) if level else night).iter_rows()) for night in rows]
    return {(one, other): len(who[one] ^ who[other]) for one, other in combinations(range(len(who)), 2)}


def told_of_few(there: list[pl.DataFrame], nights: list[Night], table: str) -> set[tuple[int, int, tuple[object, ...]]]:
    """Attack: an estimate in two nights between which few of those it rests on came or left: the difference tells of them."""
    of_level = {level: moved(there, level) for level in (None, *world["LEVELS"])}
    found = set()
    for key, told_in in tellings(nights, table).items():
        if set(key) & set(PEOPLE_DIAGNOSTICS):  # counts, and attacked as such
            continue
        level = next((one for one in world["LEVELS"] if one in key), None)
        found |= {(*pair, key) for pair in combinations(told_in, 2) if is_small(of_level[level][pair])}
    return found


def drifts_of_few(there: list[pl.DataFrame], nights: list[Night]) -> set[int]:
    """Attack: what moved since the night before is of the few who came or left since then."""
    people, found = moved(there), set()
    for number in range(1, len(nights)):
        drift = nights[number]["mart.evidence_drift"].row(0, named=True)
        if is_small(people[number - 1, number]) and any(drift[n] for n in TELLINGS["mart.evidence_drift"].derived):
            found.add(number)
    return found


def overlaps(nights: list[Night], people: list[dict[str, int]]) -> set[tuple[int, str, object]]:
    """Attack: a share of an arm, or what its shares leave, times the people of the arm: small groups."""
    found = set()
    for number, night in enumerate(nights):
        for arm, n in people[number].items():
            shares = night["mart.propensity_score"].filter(arm_code=arm).drop_nulls("share_pct")
            left = [*shares.select("bin_number", "share_pct").iter_rows(), ("left", 100 - shares["share_pct"].sum())]
            found |= {(number, arm, part) for part, share in left if shares.height and is_small(share * n / 100)}
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
