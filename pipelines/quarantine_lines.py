"""What `trabecula quarantine` says: the list, and what a change of rules let in. Finding rows is `warehouse.quarantine`."""

import json
from collections.abc import Iterator
from dataclasses import replace

import polars as pl

from pipelines import plan
from pipelines.errors import BadInput
from pipelines.run import Run
from pipelines.settings import Settings
from pipelines.warehouse import key
from pipelines.warehouse import quarantine as warehouse
from pipelines.warehouse.lock import writing
from pipelines.warehouse.quarantine import Filter, Readmitted
from pipelines.warehouse.store import Store

_LAYERS = ("ref", "staging")


def listed(settings: Settings, wanted: Filter, *, rows: bool, as_json: bool) -> Iterator[str]:
    """The list by file and reason, or row by row; never a value of a row.

    Raises:
        BadInput: nothing was staged in this home.
    """
    _require_staged(settings)
    found = warehouse.set_aside(settings, wanted)
    table = found if rows else warehouse.summary(found)
    if as_json:
        yield table.write_json()
    elif rows:
        for file, row, name, rule, _ in table.iter_rows():
            yield f"{file}\t{row}\t{name or ''}\t{rule}"
    else:
        for file, _, rule, reason, remedy, n in table.iter_rows():
            yield f"{n:>11,}  {rule:<22} {file}"
            yield f"{'':13}{reason}"
            yield f"{'':13}remedy: {remedy}"
        yield f"{found.height:,} rows in quarantine"


def readmitted(settings: Settings, wanted: Filter, *, as_json: bool) -> Iterator[str]:
    """Land the files with rejected rows again, bring staging up to date, and say what left quarantine.

    Raises:
        BadInput: nothing was staged in this home, or the drop is refused.
    """
    _require_staged(settings)
    with writing(settings):
        before = warehouse.set_aside(settings, wanted)
        files, remark = _land_again(settings, wanted)
        computed = _stage(settings)
        found = warehouse.compare(settings, before, wanted)
    yield from [_as_json(found, files, computed)] if as_json else _lines(found, files, computed, remark)


def _require_staged(settings: Settings) -> None:
    if not Store(settings).files("staging.quarantine"):
        raise BadInput(f"{settings.home}: nothing is staged there yet; run `trabecula run` first")


def _land_again(settings: Settings, wanted: Filter) -> tuple[tuple[str, ...], str]:
    """Files landed again because landing had rejected rows of them; and what has to be said if the drop is not there."""
    if not settings.folder or not settings.input_folder.exists():
        return (), "the drop is not there: rows that landing rejected stay as they are until it is"
    with Run(_of_source(settings)) as run:
        files = warehouse.forget_rejecting_parts(settings, wanted)
        run.land()
    return files, ""


def _stage(settings: Settings) -> tuple[str, ...]:
    """The tables of which anything was computed: code and code lists are part of every fingerprint."""
    with Run(_of_source(settings)) as run:
        steps = [step for step in plan.steps() if step.table.split(".")[0] in _LAYERS]
        reports = [run.step(step) for step in steps]
    return tuple(report.table for report in reports if report.computed)


def _of_source(settings: Settings) -> Settings:
    return replace(settings, source=settings.source or key.landed_source(settings))


def _lines(found: Readmitted, files: tuple[str, ...], computed: tuple[str, ...], remark: str) -> Iterator[str]:
    yield f"landed again {len(files)} files with rejected rows; computed {len(computed)} tables"
    if remark:
        yield remark
    for rule, now, n in found.left.iter_rows():
        yield f"{n:>11,}  left   {rule:<22} now {now}"
    for rule, n in found.still.iter_rows():
        yield f"{n:>11,}  still  {rule}"
    for rule, n in found.new.iter_rows():
        yield f"{n:>11,}  new    {rule}"
    yield f"{found.rows_left:,} rows left quarantine, {found.rows_still:,} are still there"
    if computed:
        yield "later layers and what is published follow with the next run: `trabecula nightly`"


def _as_json(found: Readmitted, files: tuple[str, ...], computed: tuple[str, ...]) -> str:
    def told(frame: pl.DataFrame) -> list[dict[str, object]]:
        return frame.to_dicts()

    return json.dumps(
        {
            "files_landed_again": list(files),
            "tables_computed": list(computed),
            "left": told(found.left),
            "still": told(found.still),
            "new": told(found.new),
        }
    )
