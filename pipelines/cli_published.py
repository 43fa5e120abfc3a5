"""The verbs that read what is published: look, ask, check, export, release, sum up. Parses, calls, prints."""

import json
import shutil
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines import settings as machine
from pipelines.command_line import HomeOption, app, home_of, published
from pipelines.errors import BadInput

if TYPE_CHECKING:
    import duckdb

_VERDICT = ("check_id", "stratum", "severity", "status", "n_violated", "n_evaluated", "note")


@app.command()
def query(
    sql: Annotated[str, typer.Argument(help="A SELECT.")],
    home: HomeOption = None,
    rows: Annotated[int, typer.Option(help="Rows to print at most; as JSON or CSV all are.")] = 40,
    as_json: Annotated[bool, typer.Option("--json", help="Every row as one JSON list of objects.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Every row as CSV with a header.")] = False,
    at: Annotated[
        str | None, typer.Option(help="Ask the copy of `mart` at s3://bucket/prefix instead; no home is needed.")
    ] = None,
) -> None:
    """Ask the published warehouse, read-only.

    Example: trabecula query "from effects('nhanes_e2_bmd')" --csv > effects.csv
    """
    import duckdb

    from pipelines import answer_lines

    if as_json and as_csv:
        raise BadInput("--json, --csv: name one of them")
    try:
        with _asked(home, at) as connection:
            if as_json or as_csv:
                answer = connection.execute(sql)
                for line in answer_lines.as_json(answer) if as_json else answer_lines.as_csv(answer):
                    print(line)
                return
            relation = connection.sql(sql)
            if relation is not None:
                relation.show(max_rows=rows, max_width=shutil.get_terminal_size((160, 40)).columns)
    except duckdb.Error as error:
        raise BadInput(str(error)) from error


def _asked(home: Path | None, at: str | None) -> "duckdb.DuckDBPyConnection":
    if at is None:
        return published(home_of(home))
    from pipelines.objects.copy_reader import open_copy

    return open_copy(at)


@app.command()
def release(
    file: Annotated[Path, typer.Argument(help="A file with one SELECT over tables of people, grouped.")],
    home: HomeOption = None,
    out: Annotated[Path | None, typer.Option(help="Write the rows there: .csv; default standard output.")] = None,
) -> None:
    """Check the output of a query of your own, and write what of it may leave the institution.

    People behind every number are counted anew; few are hidden, counts are rounded, and what is told is remembered. What is
    refused says why. The file may hold: select sex_code, count(distinct person_id) as n from staging.person group by sex_code

    Example: trabecula release sexes.sql --out sexes.csv
    """
    from pipelines.warehouse import withdrawal
    from pipelines.warehouse.lock import writing
    from pipelines.warehouse.release_output import release as checked

    if out is not None and out.suffix != ".csv":
        raise BadInput(f"{out}: name a file that ends in .csv")
    if not file.is_file():
        raise BadInput(f"{file}: no such file")
    settings = machine.load(home_of(home))
    with writing(settings):
        withdrawal.require_settled(settings)
        published(settings.home).close()
        found = checked(settings, settings.home / "warehouse.duckdb", file.read_text())
    for reason, n in found.hidden.items():
        print(f"{n} hidden: {reason}", file=sys.stderr)
    if out is None:
        print(found.frame.write_csv(), end="")
    else:
        found.frame.write_csv(out)
        print(f"{found.frame.height} rows may leave: {out}", file=sys.stderr)


@app.command()
def tables(
    table: Annotated[str | None, typer.Argument(help="Its columns, and of which columns SQL makes them.")] = None,
    home: HomeOption = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="With columns, types and comments, as one JSON list.")
    ] = False,
) -> None:
    """List published tables with grain and meaning, or the columns of one; the whole dictionary is docs/data-dictionary.md.

    Example: trabecula tables features.bmd_change
    """
    from pipelines import answer_lines, column_lines
    from pipelines.tables import CONTRACTS

    if table is not None:
        lines = [json.dumps(column_lines.columns_of(table), indent=1)] if as_json else column_lines.column_lines(table)
        for line in lines:
            print(line)
        return
    with published(home_of(home)) as connection:
        if as_json:
            print(answer_lines.dictionary(connection))
            return
        present = connection.execute(
            "select table_schema || '.' || table_name from information_schema.tables order by 1"
        ).fetchall()
    for (name,) in present:
        contract = CONTRACTS.get(name)
        print(f"{name:<32} {contract.grain if contract else ''}")


@app.command(name="export")
def export_build(
    file_format: Annotated[
        str,
        typer.Option("--format", help="darwin (summarised_result), ohdsi (CohortMethod), dose-eras or protocol."),
    ],
    out: Annotated[Path, typer.Option(help="Folder to write: new, empty, or written by export before.")],
    home: HomeOption = None,
    name: Annotated[str | None, typer.Option(help="What the data are called there; default the source.")] = None,
) -> None:
    """Write what is published in the files of a standard, so that R viewers and other sites read it.

    Example: trabecula export --format darwin --out results, then importSummarisedResult("results") in R
    """
    from pipelines.export_files import export

    where = home_of(home)
    published(where).close()
    for line in export(where, file_format, out, name):
        print(line)


@app.command()
def check(
    home: HomeOption = None,
    table: Annotated[str | None, typer.Option(help="Only this table.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Every verdict as one JSON document.")] = False,
) -> None:
    """Print the data-quality verdict of the published build on one screen.

    Example: trabecula check --table staging.lab_result
    """
    with published(home_of(home)) as connection:
        found = connection.execute(
            "select check_id, stratum, severity, status, n_violated, n_evaluated, note from mart.quality_result "
            "where ? is null or table_name = ? order by table_name, check_id, stratum",
            [table, table],
        ).fetchall()
    if not found:
        raise BadInput(f"no check results for {table}" if table else "no check results in the published build")
    if as_json:
        print(json.dumps([dict(zip(_VERDICT, row, strict=True)) for row in found], indent=1))
        return
    for check_id, stratum, severity, status, violated, evaluated, note in found:
        if status in ("fail", "could_not_evaluate"):
            count = "few" if violated is None else f"{violated:,}"
            of = "" if evaluated is None else f" of {evaluated:,}"
            where = "" if stratum == "all" else f" ({stratum})"
            print(f"{status:<18} {severity:<9} {check_id}{where}: {count}{of}: {note}")
    evaluable = [row for row in found if row[3] in ("pass", "fail")]
    passed = sum(row[3] == "pass" for row in evaluable)
    print(f"{passed} of {len(evaluable)} evaluable checks pass; {len(found) - len(evaluable)} could not be asked")


@app.command()
def policy(
    profile: Annotated[Path, typer.Option(help="TOML file: age, estradiol, bone and the other covariates, no name.")],
    home: HomeOption = None,
    simulated: Annotated[
        bool, typer.Option("--simulated", help="Answer from simulated people, to see the form.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="The answer, or why there is none, as one JSON object.")
    ] = False,
) -> None:
    """Mean outcomes of men with one pattern of covariates under each named regime of dosing, or why there is no answer.

    The profile is neither stored nor logged. There is no ranking and no dose for a person.

    Example: trabecula policy --profile man.toml
    """
    from pipelines.policy_answer import answer, lines

    told = answer(machine.load(home_of(home)), profile, is_simulated_asked=simulated)
    for line in [json.dumps(asdict(told), indent=1)] if as_json else lines(told):
        print(line)


@app.command()
def meta(
    sites: Annotated[
        list[str], typer.Argument(help="Homes or published DuckDB files, two or more; NAME=PATH names one.")
    ],
    out: Annotated[Path | None, typer.Option(help="Write every estimate and summary there: .csv or .json.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Forest plot of the primary estimates: .png.")] = None,
) -> None:
    """One answer over several sites from what each published: estimates side by side and their summary; no row is read.

    Example: trabecula meta north=north/release.duckdb south=south/release.duckdb --out sites.csv
    """
    from pipelines import meta_lines, meta_view

    if out is not None:
        meta_lines.require_kind(out)
    if plot is not None:
        meta_lines.require_kind(plot, meta_lines.PICTURES)
    view = meta_view.meta_view(meta_view.read_sites(sites))
    for line in meta_lines.lines(view):
        print(line)
    if out is not None:
        meta_lines.write(view, out)
    if plot is not None:
        print(meta_lines.draw(view, plot))
