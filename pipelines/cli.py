"""The verbs of the command line that need no framework: fetch, simulate, measure, roll back, copy. Parses, calls, prints.

The verbs that read what is published stand in `cli_published`, those that run the Dagster job in `assets.cli`, which is the
entry point.
"""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines import progress
from pipelines import settings as machine
from pipelines.command_line import HomeOption, app, home_of, published
from pipelines.errors import BadInput

if TYPE_CHECKING:
    from pipelines.sources.nhanes import fetch

fetching = typer.Typer(no_args_is_help=True, help="Download public data.")
app.add_typer(fetching, name="fetch")


@app.command()
def rollback(home: HomeOption = None) -> None:
    """Publish the build before the current one again.

    Example: trabecula rollback --home /srv/trabecula
    """
    from pipelines.objects import release_copy
    from pipelines.warehouse import withdrawal
    from pipelines.warehouse.lock import writing
    from pipelines.warehouse.publish import complete_builds, current_build, switch

    settings = machine.load(home_of(home))
    with writing(settings):
        withdrawal.require_settled(settings)
        now = current_build(settings)
        earlier = [build for build in complete_builds(settings) if now is None or build < now]
        if not earlier:
            raise BadInput(f"{settings.builds}: no earlier build is kept")
        withdrawal.require_nobody_withdrew(settings, earlier[-1])
        switch(settings, earlier[-1])
        print(f"published build {earlier[-1]} again")
        if (found := release_copy.follow(settings)) is not None:
            print(release_copy.line(found, settings))


@app.command()
def copy(
    home: HomeOption = None,
    to: Annotated[
        str | None, typer.Option(help="s3://bucket/prefix; default trabecula.toml [publish] copy_to.")
    ] = None,
) -> None:
    """Copy what is published and may leave to an object store: tables of results, release.duckdb and report, no person.

    Example: trabecula copy --to s3://results/trabecula, then
    trabecula query --at s3://results/trabecula "from mart.study"
    """
    from pipelines.object_url import plain
    from pipelines.objects import release_copy
    from pipelines.warehouse import withdrawal
    from pipelines.warehouse.lock import writing

    where = home_of(home)
    settings = machine.load(where, copy_to=plain(to, "--to") if to else None)
    if not settings.copy_to:
        raise BadInput(
            "--to: name a prefix of an object store, s3://bucket/prefix, or set trabecula.toml [publish] copy_to"
        )
    published(where).close()
    with writing(settings):
        withdrawal.require_settled(settings)
        found = release_copy.follow(settings)
    if found is not None:
        print(release_copy.line(found, settings))


@app.command()
def quarantine(
    home: HomeOption = None,
    table: Annotated[str | None, typer.Option(help="Only this source table, e.g. measurement or flat_lab.")] = None,
    rule: Annotated[str | None, typer.Option(help="Only this reason, e.g. unit_unknown.")] = None,
    file: Annotated[str | None, typer.Option(help="Only these source files; * and ? may stand for letters.")] = None,
    rows: Annotated[bool, typer.Option("--rows", help="Name each row by file and number.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document instead of lines.")] = False,
    readmit: Annotated[
        bool, typer.Option("--readmit", help="Ask the rules as they are now again, and say what left quarantine.")
    ] = False,
) -> None:
    """List the rows that were set aside, with reason and remedy, or admit again those that pass by now.

    Example: trabecula quarantine --rule unit_unknown, then teach the unit, then trabecula quarantine --readmit
    """
    from pipelines import quarantine_lines
    from pipelines.warehouse.quarantine import Filter

    settings = machine.load(home_of(home))
    wanted = Filter(table, rule, file)
    if readmit:
        lines = quarantine_lines.readmitted(settings, wanted, as_json=as_json)
    else:
        lines = quarantine_lines.listed(settings, wanted, rows=rows, as_json=as_json)
    for line in lines:
        print(line)


@app.command()
def doctor(
    home: HomeOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document instead of lines.")] = False,
) -> None:
    """Say what is set up, what is missing, and how to mend it.

    Example: trabecula doctor --home /srv/trabecula
    """
    from pipelines.doctor import examine

    findings = examine(machine.load(home_of(home)))
    if as_json:
        print(json.dumps([asdict(finding) for finding in findings], indent=1))
    for finding in () if as_json else findings:
        print(f"{'ok ' if finding.is_fine else 'NO '} {finding.subject:<22} {finding.what}")
        if not finding.is_fine:
            print(f"    remedy: {finding.remedy}")
    if not all(finding.is_fine for finding in findings):
        raise typer.Exit(1)


@app.command(name="map")
def map_file(
    file: Annotated[Path, typer.Argument(help="A file of a flat drop: text, Parquet, Excel or FHIR NDJSON.")],
    kind: Annotated[str | None, typer.Option(help="What it holds (lab, dxa, prescription ...); default told.")] = None,
    sheet: Annotated[str | None, typer.Option(help="Sheet of a workbook; default its only one.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write the mapping there; default standard output.")] = None,
) -> None:
    """Propose a mapping for a file and say what it would do; nothing is landed and no value is shown.

    Example: trabecula map drop/labs.csv --out drop/mapping.toml
    """
    from pipelines.sources.flat.map_command import proposed, write

    text, report = proposed(file, kind, sheet)
    print(report, end="", file=sys.stderr)
    if out is None:
        print(text, end="")
    else:
        write(text, out)


@app.command()
def simulate(
    out: Annotated[Path, typer.Option(help="Folder to write: new, empty, or simulated before.")],
    persons: Annotated[int, typer.Option(help="How many people.")] = 10_000,
    seed: Annotated[int, typer.Option(help="Same seed, same bytes.")] = 1,
    truth: Annotated[
        Path | None, typer.Option(help="TOML file with parameters of the mechanism that differ from the usual.")
    ] = None,
    mess: Annotated[str, typer.Option(help="How messy the records are: none, light, real or heavy.")] = "real",
    file_format: Annotated[str, typer.Option("--format", help="parquet or csv.")] = "parquet",
    truth_persons: Annotated[
        int, typer.Option(help="People behind the counterfactual truths in truth.json; 0 leaves them out.")
    ] = 2_000,
    processes: Annotated[int, typer.Option(help="Worker processes; 0 is one per core.")] = 0,
    file_persons: Annotated[
        int,
        typer.Option(help="People of one part-file; fewer, larger files land faster and take more memory to write."),
    ] = 5_000,
) -> None:
    """Simulate a population with known truth, as OMOP CDM 5.4 with the mess of real records.

    Example: trabecula simulate --persons 10000 --seed 1 --out simulated, then
    trabecula run --source omop --input simulated/omop
    """
    from pipelines.synth.omop.command import Wish, simulate_population

    wish = Wish(out, persons, seed, truth, mess, file_format, truth_persons, processes, file_persons)
    told = simulate_population(wish, report=lambda line: print(line, file=sys.stderr))
    for table in ("person", "drug_exposure", "measurement"):
        print(f"{told['rows'][table]:>13,} {table}")
    print(f"{sum(trap['n'] for trap in told['planted'].values()):>13,} planted traps, counted in {out / 'truth.json'}")
    print(f"OMOP folder   {out / 'omop'}")


@fetching.command("nhanes")
def fetch_nhanes(
    out: Annotated[Path, typer.Option(help="Folder to download into.")],
    cycle: Annotated[list[str] | None, typer.Option(help="2013-2014 or H; may be repeated; default all.")] = None,
    table: Annotated[
        list[str] | None, typer.Option(help="CDC table name, e.g. TST; default all that are read.")
    ] = None,
) -> None:
    """Download CDC's public NHANES files: resumable, checksummed.

    Example: trabecula fetch nhanes --out nhanes_files --cycle 2013-2014
    """
    from pipelines.sources.nhanes import fetch
    from pipelines.sources.nhanes.cycle import cycle_of_text

    named = {text: cycle_of_text(text) for text in cycle or ()}
    if unknown := [text for text, found in named.items() if found is None]:
        raise BadInput(f"no NHANES cycle {', '.join(unknown)}: write 2013-2014 or H")
    wanted = [found for found in named.values() if found] or None

    def show(told: "fetch.Progress") -> None:
        if told.state != "downloading":
            bar.say(f"[{told.position}/{told.files}] {told.file} {told.state}")
            bar.step(told.file, total=told.files)

    with progress.shown(1, "NHANES") as bar:
        found = fetch.fetch(out, wanted, table or None, on_progress=show)
    print(f"{len(found.downloaded)} downloaded, {len(found.kept)} kept, {len(found.absent)} not published")
    found.require_complete()
