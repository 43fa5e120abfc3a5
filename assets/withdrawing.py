"""`trabecula withdraw`: removes people, computes and judges anew without them, publishes. Removing itself is `pipelines`' work.

Stands here because a new publication needs the verdicts of the suites.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from pipelines import plan
from pipelines import settings as machine
from pipelines.errors import BadInput, TrabeculaError
from pipelines.objects import release_copy
from pipelines.run import Run, withdrawing_key
from pipelines.settings import Settings
from pipelines.sources.native_id import as_landed, written_ids
from pipelines.warehouse import tombstone, withdrawal
from pipelines.warehouse.lock import writing
from pipelines.warehouse.person_scan import Search, search
from pipelines.warehouse.publish import current_build

_DROP = "the drop itself still holds them: every later landing leaves them out, and counts them"
_SHOWN = 20


def withdraw(
    home: Path, source: str, given: Sequence[str], *, is_deferred: bool, say: Callable[[str], None] = print
) -> None:
    """Remove people from a home; what is published afterwards never knew them.

    Args:
        is_deferred: compute nothing now: the publication is taken back until the next run.

    Raises:
        BadInput: no such source, key or ids; nothing was removed.
        TrabeculaError: the people are removed, but nothing could be published without them: nothing is published.
    """
    settings = machine.load(home)
    native = [as_landed(source, text) for text in written_ids(given)]
    with writing(settings):
        person_key = withdrawing_key(settings, source)
        ids = withdrawal.person_ids(settings, source, person_key.value, native)
        asked = withdrawal.begin(settings, source, ids)
        rows = withdrawal.remove_rows(settings)
        say(f"{asked.ids:,} ids given, {asked.known:,} on the list before, {asked.found:,} people found")
        say(f"{rows:,} rows removed from the working record")
        _publish(settings, asked, say, is_deferred=is_deferred)
        proof = max((settings.home / withdrawal.PROOFS).glob("*.json"))
    say(f"proof {proof}")
    say(_DROP)


def verify(home: Path, say: Callable[[str], None] = print) -> bool:
    """Search every stored file for people who withdrew; whether none was found."""
    settings = machine.load(home)
    ids = tombstone.withdrawn(settings)
    if not ids:
        raise BadInput(f"{settings.home}: nobody withdrew here")
    with writing(settings):
        found = search(settings, ids)
    for line in _search_lines(found):
        say(line)
    return found.is_clean


def _publish(settings: Settings, asked: withdrawal.Asked, say: Callable[[str], None], *, is_deferred: bool) -> None:
    if not asked.rows_before:
        withdrawal.settle(settings)
        withdrawal.close(settings)
        say("nothing was stored of them: they are on the list, and no landing will take them in")
        return
    is_published = current_build(settings) is not None
    if is_published and not is_deferred:
        try:
            build = _compute_and_publish(settings)
        except TrabeculaError as error:
            settled = withdrawal.settle(settings)
            _say_builds(settled, say)
            _follow(settings, say)
            raise type(error)(f"{error}\n{withdrawal.TAKEN_BACK}") from error
        say(f"published build {build} without them; kept builds that held them are deleted")
        _follow(settings, say)
        return
    _say_builds(withdrawal.settle(settings), say)
    _follow(settings, say)
    say("aggregates in the working record are computed anew by the next run: `trabecula nightly`")


def _compute_and_publish(settings: Settings) -> str:
    from assets.publishing import publish_judged

    with Run(settings) as run:
        for step in plan.steps():
            run.step(step)
        return publish_judged(run).build_id


def _follow(settings: Settings, say: Callable[[str], None]) -> None:
    """Copies in a store of builds that are deleted here are deleted there."""
    if (found := release_copy.follow(settings)) is not None:
        say(release_copy.line(found, settings))


def _say_builds(settled: withdrawal.Settled, say: Callable[[str], None]) -> None:
    if settled.builds_removed:
        say(f"{settled.builds_removed} kept builds held them and are deleted")
    if settled.was_unpublished:
        say(withdrawal.TAKEN_BACK)


def _search_lines(found: Search) -> list[str]:
    lines = [f"searched {found.files:,} files and {found.rows:,} rows for {found.people:,} people who withdrew"]
    lines += [f"FOUND {one.n:,} in {one.file}, {one.place}" for one in found.found[:_SHOWN]]
    lines += [f"UNREADABLE {name}" for name in found.unreadable[:_SHOWN]]
    if found.is_clean:
        return [*lines, "none of them is left"]
    return [*lines, f"{len(found.found):,} places left, {len(found.unreadable):,} files unreadable: withdraw again"]
