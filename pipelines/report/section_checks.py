"""What had to hold: diagnostics behind each gate, and data-quality checks with failures first. Verdicts are worded."""

from dataclasses import replace
from typing import Any

import polars as pl

from pipelines.report.frames import primary
from pipelines.report.gate_words import gate_words, listed
from pipelines.report.labels import capitalized, cycle, heading, label, readable
from pipelines.report.numerals import NONE, compact, count, percent
from pipelines.report.views import Cell, Column, Row, Table, Tone, hidden_cell, number, tagged, text
from pipelines.tables.models_drift import NO_CAUSE

_TONES: dict[str, Tone] = {"pass": "good", "fail": "bad", "not_evaluated": "unsure", "could_not_evaluate": "unsure"}
_RULES = {
    ">=": "at least",
    "at least": "at least",
    "at_least": "at least",
    "<=": "at most",
    "at most": "at most",
    "at_most": "at most",
}
_DIRECTION = {
    "unweighted_n": "at least",
    "kish_effective_n": "at least",
    "design_df": "at least",
    "relative_standard_error": "at most",
    "censored_share": "at most",
}
_CONTRAST = ("contrast", "outcome", "population")
#: rows of a table that starts folded, columns beside which a name gets a line of its own
LONG, _MANY = 14, 4
_REPORTED = "not_applicable"
_VERDICTS = ("fail", "could_not_evaluate", "pass", "not_applicable")


def verdict(status: str) -> Cell:
    """A verdict in words and a tone that repeats it."""
    return tagged(label(status), _TONES.get(status, "plain"))


def gate_cell(row: dict[str, Any], most: int | None = None) -> Cell:
    """The gate of an estimate in its color, with the reason where it is not plainly open: all of it, or so many parts."""
    tones: dict[str, Tone] = {"open": "good", "waived": "unsure"}
    reason = gate_words(row["gate_reason"], most)
    return tagged(row["gate_status"] or "closed", tones.get(row["gate_status"], "bad"), note=reason)


def gate_table(frames: dict[str, pl.DataFrame]) -> Table:
    """Gates by study: how many are open, closed and waived, and why the closed ones are."""
    rows: list[Row] = []
    for name, what in (("mart.effect_estimate", "estimates"), ("mart.bone_prevalence", "prevalences")):
        frame = primary(frames[name]) if name == "mart.effect_estimate" else frames[name]
        for (study,), part in frame.group_by("study_id", maintain_order=True):
            tally = {
                status: part.filter(pl.col("gate_status") == status).height for status in ("open", "closed", "waived")
            }
            reasons = part.filter(pl.col("gate_status") != "open")["gate_reason"].drop_nulls().unique().sort()
            why = ". ".join(gate_words(reason) for reason in reasons.head(5)) + (". …" if reasons.len() > 5 else "")
            cells = (*(number(count(tally[status])) for status in tally), text(why or NONE))
            rows.append(Row(f"{heading(str(study))}: {what}", cells))
    columns = (
        Column("Study"),
        Column("Open", is_number=True),
        Column("Closed", is_number=True),
        Column("Waived", is_number=True),
        Column("Why closed or waived"),
    )
    return Table("Gates of the results shown here", "mart.effect_estimate, mart.bone_prevalence", columns, tuple(rows))


def diagnostic_tables(frame: pl.DataFrame) -> tuple[Table, ...]:
    """Two tables a study, contrasts down and diagnostics across: those that are judged, contrasts with a failure first, and
    folded away those that are only reported."""
    tables: list[Table] = []
    for (study,), part in frame.group_by("study_id", maintain_order=True):
        is_judged = (pl.col("status") != _REPORTED).any().over("diagnostic")
        tables += [
            _diagnostics(f"{heading(str(study))}: {words}", own, is_reported=is_reported)
            for words, own, is_reported in (
                ("diagnostics", part.filter(is_judged), False),
                ("reported beside them, and never judged", part.filter(~is_judged), True),
            )
            if own.height
        ]
    return tuple(tables)


def _diagnostics(caption: str, part: pl.DataFrame, *, is_reported: bool) -> Table:
    names = part["diagnostic"].unique(maintain_order=True).to_list()
    asked = {name: _requirement(part.filter(pl.col("diagnostic") == name)) for name in names}
    n_rows, n_contrasts = part.select(*_CONTRAST).n_unique(), part["contrast"].n_unique()
    # A table that can be sorted has no groups: rows would leave their heading.
    is_long = n_rows > LONG
    # Beside many columns the name of a contrast would stand in a column of one word a line.
    is_grouped = n_contrasts > 1 and not is_long and (n_contrasts < n_rows or len(names) > _MANY)
    ranked = []
    for (contrast,), own in part.group_by("contrast", maintain_order=True):
        if is_grouped:
            ranked.append(_grouped(capitalized(readable(str(contrast))), own, names, asked))
        else:
            ranked += _flat(own, names, asked, readable(str(contrast)) if n_contrasts > 1 else "")
    rows = tuple(row for _, together in sorted(ranked, key=lambda pair: not pair[0]) for row in together)
    columns = (Column("Population and outcome"), *(Column(heading(name), asked[name]) for name in names))
    notes = [] if is_reported else ["“Not evaluated” closes a gate as a failure does."]
    notes += _explanations(part)
    return Table(
        caption,
        "mart.diagnostic",
        columns,
        rows,
        note=" ".join(notes),
        is_folded=is_reported or is_long,
        is_sortable=is_long,
    )


#: whether something failed or could not be evaluated, and the rows that tell it
_Ranked = tuple[bool, list[Row]]


def _flat(own: pl.DataFrame, names: list[str], asked: dict[str, str], contrast: str) -> list[_Ranked]:
    """A row for each outcome and population of a contrast, each ranked by itself."""
    found = []
    for (outcome, population), rows in own.group_by("outcome", "population", maintain_order=True):
        cells = {row["diagnostic"]: row for row in rows.iter_rows(named=True)}
        who = f"{heading(str(population))}, {cycle(readable(label(str(outcome))))}"
        which = f"{who}: {contrast}" if contrast else who
        is_troubled = rows["status"].is_in(["fail", "not_evaluated"]).any()
        found.append((is_troubled, [Row(which, tuple(_diagnostic(cells.get(name), asked) for name in names))]))
    return found


def _grouped(contrast: str, own: pl.DataFrame, names: list[str], asked: dict[str, str]) -> _Ranked:
    """A contrast with its rows below; where nothing of it could be evaluated, one line that says so."""
    ranked = _flat(own, names, asked, "")
    told = [row for _, rows in ranked for row in rows]
    if (own["status"] == "not_evaluated").all() and own["value"].is_null().all():
        who = "; ".join(row.heading for row in told)
        return True, [Row(f"{contrast}: {who}", beside=verdict("not_evaluated"))]
    return any(is_troubled for is_troubled, _ in ranked), [
        Row(contrast),
        *(replace(row, is_indented=True) for row in told),
    ]


def _requirement(part: pl.DataFrame) -> str:
    """The requirement in words where it is the same in every row that was judged."""
    judged = part.filter(~pl.col("status").is_in([_REPORTED, "not_evaluated"]))
    said = {_asked(row) for row in (judged if judged.height else part).iter_rows(named=True)}
    return said.pop() if len(said) == 1 else ""


def _asked(row: dict[str, Any]) -> str:
    """What the value has to be; empty where nothing is asked of it, or its rule says in words why it has none."""
    name = row["diagnostic"]
    direction = next((said for start, said in _RULES.items() if row["rule"].startswith(start)), "")
    direction = direction or _DIRECTION.get(name, "")
    if row["threshold"] is None:
        return ""
    if name.endswith("_converged"):
        return "required"
    return f"{direction} {diagnostic_value(name, row['threshold'])}" if direction else ""


def _explanations(part: pl.DataFrame) -> list[str]:
    """What a rule says beyond its direction, and why one could not be asked: once for all diagnostics it is said of."""
    told = part.filter(~pl.col("rule").is_in([*_RULES, "reported"]) & ~pl.col("rule").str.starts_with("see "))
    said = told.group_by("rule", maintain_order=True).agg(pl.col("diagnostic").unique(maintain_order=True))
    return [
        f"{capitalized(', '.join(listed(label(name) for name in names)))}: {readable(rule)}."
        for rule, names in said.iter_rows()
    ]


def _diagnostic(row: dict[str, Any] | None, asked: dict[str, str]) -> Cell:
    if row is None:
        return text(NONE)
    value = "hidden" if row["is_suppressed"] else diagnostic_value(row["diagnostic"], row["value"])
    if row["rule"] == "reported":
        return text(value)
    own = "waived" if row["waiver"] else "" if asked[row["diagnostic"]] else _asked(row)
    return tagged(label(row["status"]), _TONES.get(row["status"], "plain"), value, own)


def diagnostic_value(diagnostic: str, value: float | None) -> str:
    """The value of a diagnostic in words: shares as percent."""
    if value is None:
        return NONE
    if diagnostic.endswith("_converged"):
        return "yes" if value == 1 else "no"
    if "_share" in diagnostic or diagnostic in ("relative_standard_error", "equipoise"):
        return percent(100 * value).replace(".0\u00a0", "\u00a0")
    return compact(value)


def quality_tables(frame: pl.DataFrame, threshold: int) -> tuple[Table, ...]:
    """What failed, then the tally by table, then every check folded away."""
    failed = frame.filter(pl.col("status") == "fail")
    order = {status: place for place, status in enumerate(_VERDICTS)}
    by_verdict = frame.sort(pl.col("status").replace_strict(order, default=9), maintain_order=True)
    tables = [
        _checks("Checks that failed", failed, threshold),
        _tally(frame),
        _checks("Every check", by_verdict, threshold, is_folded=True),
    ]
    return tuple(table for table in tables if table.rows)


def quality_sentence(frame: pl.DataFrame) -> str:
    """How many checks of the build hold; empty where none was run."""
    if frame.is_empty():
        return ""
    tally = {status: frame.filter(pl.col("status") == status).height for status in _VERDICTS}
    evaluable = tally["pass"] + tally["fail"]
    failed = frame.filter(pl.col("status") == "fail")
    critical = "critical" in failed["severity"].to_list()
    found = f"{count(tally['fail'])} failed" if tally["fail"] else "none failed"
    found += "" if critical or not tally["fail"] else ", none of them critical"
    unknown = tally["could_not_evaluate"]
    found += f"; {count(unknown)} more could not be evaluated" if unknown else ""
    return (
        f"Of all tables of this build, those of other studies among them, {count(tally['pass'])} of {count(evaluable)} checks "
        f"hold, {found}."
    )


def change_point_table(frame: pl.DataFrame, threshold: int) -> Table:
    """Steps in the level of a place, the unexplained first."""
    order = (pl.col("cause_code").fill_null("") != NO_CAUSE, "item_code", "place_kind", "place_code", "quarter_number")
    rows = tuple(_step(row, threshold) for row in frame.sort(*order).iter_rows(named=True))
    columns = (
        Column("What was measured, and where"),
        Column("Quarter"),
        Column("Change", "95 % interval", is_number=True),
        Column("Recorded change at that time"),
    )
    note = "Change within people from before the quarter to after it, beyond what changes in them everywhere."
    return Table("Steps in level", "mart.change_point", columns, rows, note=note, is_folded=len(rows) > LONG)


def _step(row: dict[str, Any], threshold: int) -> Row:
    on = row["starts_on"]
    interval = f"{percent(row['ci_low_pct'])} to {percent(row['ci_high_pct'])}"
    cause = row["cause_code"]
    cells = (
        text(f"{on.year} Q{(on.month + 2) // 3}"),
        hidden_cell(threshold) if row["is_suppressed"] else number(percent(row["change_pct"]), interval),
        text(NONE)
        if cause is None
        else tagged("none", "unsure")
        if cause == NO_CAUSE
        else text(", ".join(label(one) for one in cause.split(","))),
    )
    return Row(f"{heading(row['item_code'])}: {label(row['place_kind'])} {row['place_code']}", cells)


def _tally(frame: pl.DataFrame) -> Table:
    rows = []
    for (name,), part in frame.group_by("table_name", maintain_order=True):
        tally = {status: part.filter(pl.col("status") == status).height for status in _VERDICTS}
        evaluable = tally["pass"] + tally["fail"]
        share = 100 * tally["pass"] / evaluable if evaluable else None
        cells = (
            number(f"{tally['pass']} of {evaluable}" if evaluable else NONE, bar_pct=share),
            number(count(tally["fail"])),
            number(count(tally["could_not_evaluate"])),
            number(count(tally["not_applicable"])),
        )
        rows.append(Row(str(name), cells))
    columns = (
        Column("Table"),
        Column("Passed", "of those that could be evaluated", is_number=True),
        Column("Failed", is_number=True),
        Column("Could not be evaluated", is_number=True),
        Column("Not applicable", is_number=True),
    )
    return Table("Checks by table", "mart.quality_result", columns, tuple(rows))


def _checks(caption: str, frame: pl.DataFrame, threshold: int, *, is_folded: bool = False) -> Table:
    rows = tuple(_check(row, threshold) for row in frame.iter_rows(named=True))
    columns = (
        Column("What it asks"),
        Column("Table"),
        Column("Kind"),
        Column("Rows that break it", "of rows asked", is_number=True),
        Column("Must hold in", is_number=True),
        Column("Verdict"),
    )
    return Table(
        caption, "mart.quality_result", columns, rows, is_folded=is_folded, is_sortable=is_folded, filters=(1, 2, 5)
    )


def _check(row: dict[str, Any], threshold: int) -> Row:
    stratum = "" if row["stratum"] == "all" else f" ({row['stratum']})"
    required = percent(100 * row["threshold"]).replace(".0\u00a0", "\u00a0") if row["threshold"] is not None else NONE
    asked = f"of {count(row['n_evaluated'])}" if row["n_evaluated"] is not None else ""
    violated = row["n_violated"]
    broken = f"<{threshold}" if violated is not None and 0 < violated < threshold else count(violated)
    cells = (
        text(row["table_name"]),
        text(capitalized(row["category"]), row["severity"]),
        Cell(broken, note=asked, is_number=True, sort=violated if broken == count(violated) else None),
        Cell(required, is_number=True, sort=row["threshold"]),
        verdict(row["status"]),
    )
    return Row(f"{row['note']}{stratum}", cells)
