"""Kills nights at random points and checks what readers find and what the next night makes of it.

    python tests/faults/nights/killed.py --points 200 --in-a-row 4 --layer ref --layer staging --json killed.json

Each point: a night that lands another delivery than the one before is killed by SIGKILL after a random part of its time. Then
what is published must open and be the old or the new; the next night must end well without help; working record and
publication must equal those of nights nobody disturbed; no row lost or doubled; nothing left over. `--in-a-row N` kills N nights
one after the other before one may end.
"""

import argparse
import json
import os
import random
import runpy
import tempfile
import time
from collections import Counter
from pathlib import Path

scene = runpy.run_path(str(Path(__file__).with_name("scene.py")))
FEW_POINTS = 10
in_child, night, put = scene["in_child"], scene["night"], scene["put"]


def undisturbed(settings, folder: Path, drops: list, layers: tuple[str, ...], *, is_fresh: bool) -> tuple[list, float]:
    """What each delivery leads to, and how long a night takes that changes it.

    Args:
        is_fresh: the second delivery is also computed in a home of its own, from nothing.
    """
    contents, seconds = [], 0.0
    for drop in drops:
        put(Path(settings.folder), drop)
        ended = in_child(lambda say: night(settings, say, layers), folder)
        assert ended.status == 0, ended.error
        seconds = ended.seconds
        contents.append(in_child(lambda say: scene["content"](settings), folder).value)
    if is_fresh:
        fresh = scene["settings_in"](folder / "fresh")
        put(Path(fresh.folder), drops[-1])
        ended = in_child(lambda say: night(fresh, say, layers) and scene["content"](fresh), folder)
        different = scene["different"](ended.value, contents[-1])
        assert not different, (
            f"a night that computes what changed differs from one that computes everything: {different}"
        )
    return contents, seconds


def _morning(settings) -> dict:
    scene["balance"](settings)
    return {"content": scene["content"](settings), "published": scene["published"](settings)}


def point(settings, folder: Path, new: dict, seconds: float, chance: random.Random, kills: int, layers: tuple) -> dict:
    """A night that is killed so often, then one that may end. Returns what happened.

    Raises:
        AssertionError: something is not as it must be.
    """
    before, begun, kept = scene["seen"](settings), [], 0
    for _ in range(kills):
        after = chance.random() * seconds * 1.05 * min(1.0, 3 / kills)
        ended = in_child(lambda say: night(settings, say, layers), folder, after)
        opened = in_child(lambda say: scene["opens"](settings), folder)
        assert opened.status == 0, f"the published file does not open: {opened.error}"
        if ended.status >= 0:
            assert ended.status == 0, ended.error
            break
        begun.append(ended.begun)
        # What is not yesterday's untouched must be tonight's: that is compared below, once nothing writes any more.
        kept += scene["seen"](settings) == before
    if not begun:
        return {"begun": [], "seconds": ended.seconds}
    is_new = scene["seen"](settings) != before
    if is_new:
        shown = in_child(lambda say: scene["published"](settings), folder)
        different = scene["different"](shown.value, new)
        assert not different, f"what is published is neither the old build nor the new one: {different}"
    again = in_child(lambda say: night(settings, say, layers), folder)
    assert again.status == 0, f"the next night failed: {again.error}"
    found = in_child(lambda say: _morning(settings), folder)
    assert found.status == 0, found.error
    different = scene["different"](found.value["content"], new)
    assert not different, f"tables differ from an undisturbed night: {different}"
    different = scene["different"](found.value["published"], new)
    assert not different, f"the publication differs from the working record: {different}"
    assert not scene["leftovers"](settings), f"left over: {scene['leftovers'](settings)}"
    return {"begun": begun, "old": kept, "new": len(begun) - kept, "seconds": again.seconds}


def campaign(
    points: int, seed: int, kills: int, folder: Path, layers: tuple[str, ...] = (), most_seconds: float = 1e9
) -> dict:
    """Points until so many nights were killed; those that ended before their kill do not count."""
    os.environ["TRABECULA_KEY"] = scene["KEY"]
    scene["warm"]()
    settings = scene["settings_in"](folder)
    drops = [scene["small_home"]["DROP"], scene["other_drop"]()]
    contents, first_seconds = undisturbed(settings, folder, drops, layers, is_fresh=points > FEW_POINTS)
    seconds = [first_seconds, first_seconds]
    chance = random.Random(seed)
    done, early, failures, target = [], 0, [], 0
    end = time.monotonic() + most_seconds
    while time.monotonic() < end and sum(len(one["begun"]) for one in done) + len(failures) < points:
        put(Path(settings.folder), drops[target])
        try:
            found = point(settings, folder, contents[target], seconds[target], chance, kills, layers)
        except AssertionError as error:
            failures.append(str(error)[:600])
            in_child(lambda say: night(settings, say, layers), folder)
            found = {}
        print(len(done), found, failures[-1:], flush=True)
        if found.get("begun"):
            done.append(found)
            # The time of a night drifts with the load of the machine.
            seconds[target] = 0.8 * seconds[target] + 0.2 * max(found["seconds"], 0.7 * seconds[target])
        elif found:
            early += 1
            seconds[target] = found["seconds"]
        target = 1 - target
    killed_in = Counter(begun.split(".")[0] for one in done for begun in one["begun"])
    return {
        "asked": points,
        "kills": sum(len(one["begun"]) for one in done),
        "nights_killed": len(done),
        "kills_in_a_row_at_most": kills,
        "seed": seed,
        "nights_that_ended_before_their_kill": early,
        "killed_in": dict(sorted(killed_in.items())),
        "distinct_tables_at_work_when_killed": len({begun for one in done for begun in one["begun"]}),
        "published_after_the_kill": {name: sum(one[name] for one in done) for name in ("old", "new")},
        "next_night_succeeded": len(done),
        "layers": list(layers) or "all",
        "tables_compared": len(contents[0]),
        "failures": failures,
    }


def main() -> None:
    given = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    given.add_argument("--points", type=int, default=200)
    given.add_argument("--in-a-row", type=int, default=1)
    given.add_argument("--seed", type=int, default=20)
    given.add_argument("--layer", action="append", default=[], help="Only steps of this layer; may be repeated.")
    given.add_argument("--seconds", type=float, default=1e9, help="Begin no further point after so long.")
    given.add_argument("--json", type=Path)
    asked = given.parse_args()
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        found = campaign(asked.points, asked.seed, asked.in_a_row, Path(folder), tuple(asked.layer), asked.seconds)
    text = json.dumps(found, indent=2) + "\n"
    print(f"{text}{time.monotonic() - started:.0f} s")
    if asked.json:
        asked.json.write_text(text)
    raise SystemExit(1 if found["failures"] else 0)


if __name__ == "__main__":
    main()
