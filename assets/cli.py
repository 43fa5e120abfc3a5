"""The entry point of `trabecula`: the verbs that run the job, beside those of `pipelines`, and the exit status.

Exit status: 0 done, 1 a blocking data check or a fault stopped it, 2 bad usage or input. Errors go to standard error. Dagster is
imported only by the verbs that need it.
"""

import atexit
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated

import typer

from pipelines import cli, cli_published
from pipelines import settings as machine
from pipelines.command_line import HomeOption, app, home_meant, home_of
from pipelines.errors import BadInput, TrabeculaError
from pipelines.object_url import is_url

# Importing them adds their verbs.
_OTHERS = cli, cli_published


def main() -> None:
    """Entry point of `trabecula`."""
    try:
        app()
    except TrabeculaError as error:
        for line in str(error).splitlines():
            print(f"trabecula: {line}", file=sys.stderr)
        _leave(error.exit_status)
    except SystemExit as end:
        if not isinstance(end.code, int | None):
            raise
        _leave(end.code or 0)
    except Exception as error:
        from pipelines.trace import unexpected_end  # with the engines it looks at; most calls need none

        print(f"trabecula: {unexpected_end(error, home_meant())}", file=sys.stderr)
        _leave(1)


def _leave(status: int) -> None:
    """End the process: what was registered for its end is done, what its engines hold is not taken apart.

    Engines that something still refers to are reported by their binding at a normal exit: a page of noise under one line.
    """
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


@app.command()
def run(
    source: Annotated[str, typer.Option(help="nhanes, omop or flat")],
    input: Annotated[
        str,
        typer.Option(help="Folder or s3://bucket/prefix with the drop, or with drops; for omop also a DuckDB file."),
    ],
    home: HomeOption = None,
    study: Annotated[list[str] | None, typer.Option(help="Study to run; may be repeated; default all.")] = None,
    mapping: Annotated[
        str | None,
        typer.Option(help="flat: mapping file, or name of a shipped one; default mapping.toml in the folder."),
    ] = None,
    runner: Annotated[
        str | None, typer.Option(help="local, dask or spark: where buckets of people are computed.")
    ] = None,
    scheduler: Annotated[str | None, typer.Option(help="dask: address of its scheduler, tcp://HOST:8786.")] = None,
    master: Annotated[str | None, typer.Option(help="spark: URL of its master, spark://HOST:7077.")] = None,
) -> None:
    """Land, compute, judge, publish and report: the main job on real data.

    Example: trabecula run --source omop --input cdm --home hospital_home
    """
    if scheduler and master:
        raise BadInput("--scheduler is of dask, --master of spark: name one")
    engine = {"runner": runner, "scheduler": scheduler or master or ("" if runner == "local" else None)}
    _run_job(home_of(home), source, input, tuple(study or ()), mapping, engine=engine)


@app.command()
def demo(
    persons: Annotated[int, typer.Option(help="People to generate.")] = 4_000,
    home: HomeOption = None,
    seed: Annotated[int, typer.Option(help="Seed of the generated population.")] = 2013,
) -> None:
    """Generate an NHANES-shaped population, run everything on it, and say where to look.

    Example: trabecula demo --persons 4000 --home trabecula_home
    """
    from pipelines.synth.nhanes_shaped import write

    where = home_of(home)
    folder = where / "demo_input"
    print(f"generating {persons:,} people in {folder}", file=sys.stderr)
    write(folder, persons, seed)
    _run_job(where, "nhanes", folder, (), kind="demo")
    print(f"report     {where / 'report' / 'index.html'}")
    print(f"warehouse  {where / 'warehouse.duckdb'}")
    print(f"UI         trabecula ui --home {where}")


@app.command()
def nightly(
    home: HomeOption = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Compute nothing: say what would be computed, and about how long it takes."),
    ] = False,
    tell_ended: Annotated[
        bool,
        typer.Option(
            "--tell-ended", help="Run nothing: tell of runs whose process was killed, and send their notices."
        ),
    ] = False,
) -> None:
    """Tonight's run, as cron or systemd would call it: source and folder come from trabecula.toml.

    Example: trabecula nightly --home /srv/trabecula
    """
    where = home_of(home)
    settings = machine.load(where)
    if tell_ended:
        from assets.telling import tell_lost

        for line in tell_lost(settings):
            print(line)
        return
    if not settings.source:
        raise BadInput(f"{settings.file}: no [input] source yet; run `trabecula run --source … --input …` once")
    if dry_run:
        from pipelines.forecast import forecast, lines
        from pipelines.objects import inbox

        if is_url(settings.folder):
            objects, size = inbox.waiting(settings)
            print(
                f"{objects:,} objects ({size / 1e6:,.1f} MB) would be fetched first; below is what their copy here gives"
            )
        for line in lines(forecast(settings)):
            print(line)
        return
    _run_job(where, settings.source, settings.folder, (), kind="nightly")


@app.command()
def withdraw(
    source: Annotated[str, typer.Option(help="Source whose ids these are: nhanes, omop or flat.")] = "",
    ids: Annotated[
        list[str] | None,
        typer.Option(
            help="A file with one source id a line, or an id; may be repeated. A file keeps ids out of histories."
        ),
    ] = None,
    home: HomeOption = None,
    verify: Annotated[
        bool, typer.Option("--verify", help="Search every stored file for people who withdrew; exit 1 if one is left.")
    ] = False,
    defer: Annotated[
        bool, typer.Option("--defer", help="Compute nothing now: nothing is published until the next run.")
    ] = False,
) -> None:
    """Remove people from every layer and every build, publish without them, and leave a proof.

    Example: trabecula withdraw --source omop --ids withdrawn.txt, then trabecula withdraw --verify
    """
    from assets import withdrawing

    where = home_of(home)
    if ids:
        if not source:
            raise BadInput("--source: name the source whose ids these are")
        withdrawing.withdraw(where, source, ids, is_deferred=defer)
    elif not verify:
        raise BadInput("--ids: name the people who withdrew, or --verify")
    if verify and not withdrawing.verify(where):
        raise typer.Exit(1)


@app.command()
def report(home: HomeOption = None) -> None:
    """Publish the working record again, with a new report.

    Example: trabecula report --home /srv/trabecula
    """
    from assets.publishing import publish_judged
    from pipelines.objects import release_copy
    from pipelines.run import Run
    from pipelines.warehouse import withdrawal
    from pipelines.warehouse.lock import writing

    settings = machine.load(home_of(home))
    if not settings.source:
        raise BadInput(f"{settings.home}: nothing was landed here yet; run `trabecula run` first")
    withdrawal.require_settled(settings)
    with writing(settings), Run(settings) as this_run:
        build = publish_judged(this_run)
        print(f"published build {build.build_id}: {settings.home / 'report' / 'index.html'}")
        if (found := release_copy.follow(settings)) is not None:
            print(release_copy.line(found, settings))


@app.command()
def bench(
    persons: Annotated[
        list[int] | None,
        typer.Option(help="People to generate; repeated, growth between the sizes is fitted. Default 100000."),
    ] = None,
    json_file: Annotated[Path, typer.Option("--json", help="Where to write the measurement.")] = Path("bench.json"),
    source: Annotated[
        str, typer.Option(help="What to generate, nhanes or omop; what kind of folder --input is.")
    ] = "omop",
    given: Annotated[Path | None, typer.Option("--input", help="Measure this folder of Parquet files instead.")] = None,
    layer: Annotated[
        str | None, typer.Option(help="Only this layer and what it is made of, such as features; nothing is published.")
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(help="With several sizes: draw the cost of each phase there (PNG).")
    ] = None,
    beside: Annotated[
        list[Path] | None,
        typer.Option(help="A file that this command wrote for other sizes on this machine: growth is fitted over all."),
    ] = None,
    room: Annotated[
        Path | None,
        typer.Option(
            help="A folder that keeps load, home and figures: stopped, the same command goes on there. One size."
        ),
    ] = None,
) -> None:
    """Measure every stage as a ratio to one scan of the input, on a generated population or a folder at hand.

    Example: trabecula bench --persons 10000 --persons 100000 --json bench.json --plot bench.png
    """
    from expectations.record import judge_all
    from pipelines.bench import Stage, measure
    from pipelines.bench_growth import curve, draw, read

    def tell(stage: Stage) -> None:
        print(f"{stage.name:<32} {stage.ratio_to_scan:8.2f} scans, {stage.peak_memory_mib:,.0f} MiB", file=sys.stderr)

    sizes = persons or [100_000]
    if given and (len(sizes) > 1 or beside):
        raise BadInput("--input is one size: name no --persons and nothing --beside it, or generate")
    if room and len(sizes) > 1:
        raise BadInput("--room is for one size: name one --persons, and the others --beside it")
    # Before hours of work, not after.
    found = [each for path in beside or [] for each in read(path)]
    of_all = [*sizes, *(each.persons for each in found)]
    if len(set(of_all)) < len(of_all) or (plot is not None and len(of_all) == 1):
        raise BadInput("growth is fitted and drawn between different sizes: repeat --persons with another number")
    found += [measure(n, source=source, given=given, layer=layer, tell=tell, judge=judge_all, kept=room) for n in sizes]
    if len(found) == 1:
        json_file.write_text(found[0].as_json())
    else:
        grown = curve(found)
        json_file.write_text(grown.as_json())
        phases = {phase.name for phase in found[0].phases}
        for growth in (each for each in grown.growth if each.name in phases):
            print(f"{growth.name:<24} grows with people to the power of {growth.exponent:.2f}")
        if plot is not None:
            draw(grown, plot)
    for phase in found[-1].phases:
        print(
            f"{phase.name:<24} {phase.ratio_to_scan:8.1f} times one scan of the input, {phase.peak_memory_mib:,.0f} MiB"
        )
    print(f"all stages in {json_file}")


@app.command()
def ui(home: HomeOption = None, port: Annotated[int, typer.Option(help="Port on 127.0.0.1.")] = 3333) -> None:
    """Open Dagster on 127.0.0.1, with schedules.

    Example: trabecula ui --home /srv/trabecula --port 3333
    """
    from assets.history_upkeep import set_aside_at_rest
    from assets.job import prepare_instance

    settings = machine.load(home_of(home))
    for line in set_aside_at_rest(settings):
        print(f"warning: {line}", file=sys.stderr)
    prepare_instance(settings)
    os.environ["TRABECULA_HOME"] = str(settings.home)
    os.environ["DAGSTER_HOME"] = str(settings.dagster_home)
    command = Path(sys.executable).with_name("dagster")
    os.execv(command, [str(command), "dev", "-m", "assets.definitions", "-h", "127.0.0.1", "-p", str(port)])


def _run_job(
    home: Path,
    source: str,
    folder: str | Path,
    studies: tuple[str, ...],
    mapping: str | None = None,
    kind: str = "run",
    engine: Mapping[str, str | None] = MappingProxyType({}),
) -> None:
    from assets.job import execute

    print(execute(home, source, folder, studies, mapping, kind, engine))
