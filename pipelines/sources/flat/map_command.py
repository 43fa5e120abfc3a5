"""`trabecula map`: the proposed mapping of a file as TOML, and a table of what it would do. Text in, text out."""

import tomllib
from pathlib import Path

from pipelines.errors import BadInput
from pipelines.sources.flat import fhir, trial
from pipelines.sources.flat.mapping import PERSON, FhirFiles, Mapping, Table
from pipelines.sources.flat.mapping_check import problems
from pipelines.sources.flat.proposal import Proposal, lines, propose


def proposed(path: Path, kind: str | None = None, sheet: str | None = None) -> tuple[str, str]:
    """The mapping file for `path`, and the report on it.

    Raises:
        BadInput: the file cannot be read, or nothing tells what it holds.
    """
    if path.name.removesuffix(".gz").endswith(".ndjson"):
        return _resources(path)
    proposal = propose(path, kind, sheet)
    text = "\n".join(lines(proposal)) + "\n"
    return text, "\n".join(_report(proposal, text)) + "\n"


def write(text: str, target: Path) -> None:
    """Write a mapping file; never over one that is there."""
    try:
        with target.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise BadInput(f"{target}: is there already: name another file with --out") from error
    except OSError as error:
        raise BadInput(f"{target}: cannot be written ({error.strerror}): name another file with --out") from error


def _report(proposal: Proposal, text: str) -> list[str]:
    file = proposal.file
    about = ", ".join(str(each) for each in (file.encoding, file.delimiter and f"delimiter {file.delimiter!r}") if each)
    found = [
        f"{file.path.name}: {file.rows} rows, {len(file.columns)} columns" + (f", {about}" if about else ""),
        f"kind: {proposal.kind}"
        + (f"; it may also hold {', '.join(proposal.other_kinds)} (--kind)" if proposal.other_kinds else ""),
    ]
    table = Table.model_validate(tomllib.loads(text)["table"][0])
    if wrong := problems(Mapping(table=(table,))):
        found += ["not a complete mapping yet:", *(f"  {problem}" for problem in wrong)]
    if not any(problem for problem in wrong if "no such column" in problem) and proposal.mapped():
        tried = trial.attempt(file, table)
        found += ["", f"{'meaning':<22} {'column':<28} {'read as':<40} {'filled':>8} {'reads':>8}"]
        for each in tried:
            share = f"{each.success_pct:.1f} %" if each.success_pct is not None else "-"
            part = f"{100 * each.filled / each.rows:.1f} %" if each.rows else "-"
            found.append(f"{each.meaning:<22} {each.comes_from:<28} {each.how:<40} {part:>8} {share:>8}")
        if PERSON in proposal.mapped():
            found += ["", *_outcome(trial.outcome(file, table))]
    rest = [each.column for each in proposal.columns if each.meaning == ""]
    dropped = [each.column for each in proposal.columns if each.meaning == "drop"]
    if dropped:
        found += ["", f"dropped, never written: {', '.join(dropped)}"]
    if rest:
        found += ["", f"kept under their own names: {', '.join(rest)}"]
    if proposal.open_questions:
        found += ["", "to decide:", *(f"  {question}" for question in proposal.open_questions)]
    return found


def _outcome(found: trial.Outcome) -> list[str]:
    rules = [f"  {rule}: {count}" for rule, count in found.set_aside.items()]
    return [f"rows that would land: {found.landed}; set aside: {sum(found.set_aside.values())}", *rules]


def _resources(path: Path) -> tuple[str, str]:
    file = fhir.open_resources(path, FhirFiles(time_zone="UTC"))
    text = (
        f"# Proposed from {path.name}.\n"
        "# TO DECIDE: time_zone: where the clock on the wall hung, such as Europe/Berlin\n"
        "# TO DECIDE: birth_year: true lets the year of Patient.birthDate be read, and nothing more of it\n\n"
        f'[fhir]\nfiles = "*.ndjson{".gz" if path.name.endswith(".gz") else ""}"\ntime_zone = "?"\nbirth_year = false\n'
    )
    counts = [f"{name:<22} {count:>10} {'' if fhir.kind_of(name) else 'not read'}" for name, count in file.rows.items()]
    return text, "\n".join([f"{path.name}: FHIR resources", *counts]) + "\n"
