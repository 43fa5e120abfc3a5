"""Key findings in words and the tables of estimates behind them. A closed gate gives its reason and never a number."""

import re
from math import exp
from typing import Any

import polars as pl

from pipelines.report.frames import primary
from pipelines.report.gate_words import because
from pipelines.report.labels import (
    ASSOCIATION,
    COMPARISON_ESTIMATORS,
    HAZARD_RISK,
    INTERACTION,
    LOG_HAZARD_RATIO,
    RISK_ESTIMATORS,
    TIME_COURSE,
    capitalized,
    cycle,
    heading,
    label,
    lowered,
    readable,
    split_unit,
)
from pipelines.report.numerals import (
    NBSP,
    NONE,
    compact,
    count,
    decimal,
    estimate_digits,
    interval,
    p_value,
    percent,
    with_unit,
)
from pipelines.report.order import ordered
from pipelines.report.plot_estimates import contrast_words, value_and_limits
from pipelines.report.plot_prevalence import LOOKER_CYCLE, LOOKER_REFERENCE, LOOKER_SITE, canonical_band, published_pct
from pipelines.report.section_checks import gate_cell
from pipelines.report.section_modifier import is_modifier, modifier_sentence
from pipelines.report.section_risk import ARMS, is_main, is_risk, risk_sentence
from pipelines.report.views import Cell, Column, Finding, Row, Table, Tone, number

_AGE = re.compile(r"(?:at least\s+(\d{2})|(\d{2})(?:\s*years)?(?:\s*of age)?\s*(?:and|or)\s*(?:over|older|above|more))")

_LOG_RATIO = "difference of log ratios"
_CHANGES = (
    _LOG_RATIO,
    "mean difference of percent change",
    "mean difference of change, in the unit of the outcome",
)


def age_phrase(attrition: pl.DataFrame, study: str) -> str:
    """' of 40 and over', read from the eligibility steps of the study; empty where no step names an age."""
    for label_text in attrition.filter(pl.col("study_id") == study)["label"].unique(maintain_order=True):
        found = _AGE.search(label_text)
        if found:
            return f" of {found[1] or found[2]} and over"
    return ""


def findings(frames: dict[str, pl.DataFrame]) -> tuple[Finding, ...]:
    """Associations population by population, then prevalence in the latest cycle and against what was published.

    What one study did not answer of one population for one reason is said once.
    """
    estimates = primary(frames["mart.effect_estimate"]).filter(is_main())
    by_people = [estimates.filter(population=each) for each in ordered(estimates["population"], "population")]
    estimates = pl.concat([estimates.clear(), *by_people])
    alike: dict[tuple[object, ...], list[dict[str, Any]]] = {}
    for number_of, row in enumerate(estimates.iter_rows(named=True)):
        key = (row["study_id"], row["population"], row["gate_reason"]) if _is_unanswered(row) else (number_of,)
        alike.setdefault(key, []).append(row)
    associations = [_association(rows, frames["mart.attrition"]) for rows in alike.values()]
    return (*associations, *_prevalences(frames))


def _is_unanswered(row: dict[str, Any]) -> bool:
    return row["gate_status"] not in ("open", "waived") or row["estimate"] is None


def _association(rows: list[dict[str, Any]], attrition: pl.DataFrame) -> Finding:
    """One finding of rows that say the same; only unanswered ones are more than one."""
    row = rows[0]
    who = label(row["population"]) + age_phrase(attrition, row["study_id"])
    if _is_unanswered(row):
        reason = because(row["gate_reason"])
        outcomes = ", ".join(dict.fromkeys(label(each["outcome"]) for each in rows))
        n_contrasts = len({each["contrast"] for each in rows})
        about = f"{capitalized(who)}, {outcomes}{f' ({n_contrasts} contrasts)' if n_contrasts > 1 else ''}:"
        if row["gate_status"] == "open" and row["gate_reason"]:
            return Finding(about, f"no estimate stands here{reason}.", "withheld", "unsure")
        return Finding(about, f"no estimate was computed{reason}.", "gate closed", "unsure")
    tag, tone = ("gate waived", "unsure") if row["gate_status"] == "waived" else _verdict(row)
    waiver = f" The gate was waived: {readable(row['gate_reason'])}." if row["gate_status"] == "waived" else ""
    return Finding(f"In {who},", _sentence(row) + waiver, tag, tone)


def _sentence(row: dict[str, Any]) -> str:
    if row["estimator"] in RISK_ESTIMATORS:
        return risk_sentence(row)
    if row["estimator"] == INTERACTION:
        return modifier_sentence(row)
    if row["estimator"] == TIME_COURSE:
        return _time_course(row)
    if row["scale"] == LOG_HAZARD_RATIO:
        return _hazard_ratio(row)
    if row["estimator"] == HAZARD_RISK:
        return _risk_difference(row)
    if row["scale"] in _CHANGES and row["ci_low"] is not None and ARMS.match(row["contrast"]):
        return _comparison(row)
    return _per_doubling(row) if row["estimator"] == ASSOCIATION else _generic(row)


def _verdict(row: dict[str, Any]) -> tuple[str, Tone]:
    if row["ci_low"] is None or row["ci_high"] is None:
        return "no interval", "unsure"
    if row["p_value"] is None:
        return "with its interval", "plain"
    null = "one" if row["scale"] == LOG_HAZARD_RATIO else "zero"
    if row["ci_low"] > 0 or row["ci_high"] < 0:
        return f"interval excludes {null}", "clear"
    return f"interval includes {null}", "plain"


def _per_doubling(row: dict[str, Any]) -> str:
    unit = split_unit(row["outcome"])[1]
    digits = estimate_digits(unit, row["se"])
    size = with_unit(decimal(abs(row["estimate"]), digits), unit)
    direction = "more" if row["estimate"] >= 0 else "less"
    people = f"; n{NBSP}={NBSP}{count(row['n_target'])}" if row["n_target"] is not None else ""
    limits = _limits(row["ci_low"], row["ci_high"], digits, direction)
    return (
        f"twice the estradiol went with {size} {direction} {label(row['outcome'])} "
        f"({limits}; {p_value(row['p_value'])}{people})."
    )


def _hazard_ratio(row: dict[str, Any]) -> str:
    exposure, _, step = row["contrast"].partition(", per ")
    ratio, limits = value_and_limits(row)
    counted = [("n", row["n_target"]), ("deaths", row["events_target"])]
    people = "".join(f"; {name}{NBSP}={NBSP}{count(value)}" for name, value in counted if value is not None)
    return (
        f"each {step} of {exposure} went with {ratio} times the hazard of {label(row['outcome'])} "
        f"(95{NBSP}%{NBSP}CI {limits}; {p_value(row['p_value'])}{people})."
    )


def _risk_difference(row: dict[str, Any]) -> str:
    """Both risks, which the estimand of the row tells, and their difference."""
    risks = row["estimand"].partition(": ")[2]
    difference, limits = value_and_limits(row)
    return (
        f"{label(row['outcome'])}, {risks}: a difference of {difference} percentage points "
        f"(95{NBSP}%{NBSP}CI {limits}; {p_value(row['p_value'])})."
    )


def _limits(low: float | None, high: float | None, digits: int, direction: str) -> str:
    """The interval as a reader of the sentence needs it: each limit with its own direction where they differ."""
    if low is None or high is None:
        return "no interval"
    start = f"95{NBSP}%{NBSP}CI "
    if direction == "more" and low >= 0:
        return start + f"{decimal(low, digits)} to {decimal(high, digits)}"
    if direction == "less" and high <= 0:
        return start + f"{decimal(-high, digits)} to {decimal(-low, digits)}"
    return start + f"{_sided(low, digits)} to {_sided(high, digits)}"


def _sided(limit: float, digits: int) -> str:
    size = decimal(abs(limit), digits)
    if not size.strip("0."):
        return size
    return f"{size} {'more' if limit > 0 else 'less'}"


def _comparison(row: dict[str, Any]) -> str:
    """How a measured outcome changed under one arm against another, in percent, in its unit, or as a ratio."""
    found = ARMS.match(row["contrast"])
    assert found is not None
    target, comparator, months, rest = found.groups()
    under = f"under {label(target)} than under {label(comparator)}"
    by = f"by {months}{NBSP}months" + (f", {readable(rest)}" if rest else "")
    name, unit = label(row["outcome"]), split_unit(row["outcome"])[1]
    people = [count(n) for n in (row["n_target"], row["n_comparator"]) if n is not None]
    counted = f"; n{NBSP}={NBSP}{' + '.join(people)}" if people else ""
    if row["scale"] == _LOG_RATIO:
        ratio = decimal(exp(row["estimate"]), 2)
        limits = f"95{NBSP}%{NBSP}CI {interval(exp(row['ci_low']), exp(row['ci_high']), 2)}"
        start = f"under {label(target)}, {name} relative to its start was {ratio} times that under {label(comparator)}"
        return f"{start}, {by} ({limits}; {p_value(row['p_value'])}{counted})."
    digits = estimate_digits(unit, row["se"])
    size = with_unit(decimal(abs(row["estimate"]), digits), "percentage points" if unit == "%" else unit)
    direction = "higher" if row["estimate"] >= 0 else "lower"
    limits = f"95{NBSP}%{NBSP}CI {interval(row['ci_low'], row['ci_high'], digits)}"
    change = name if name.endswith("change") else f"change of {name}"
    return f"{change} was {size} {direction} {under}, {by} ({limits}; {p_value(row['p_value'])}{counted})."


def _time_course(row: dict[str, Any]) -> str:
    """A fall by a day in percent, or the days until most of it is reached, which no value of no effect is held against."""
    value, limits = value_and_limits(row)
    people = f"; n{NBSP}={NBSP}{count(row['n_target'])}" if row["n_target"] is not None else ""
    return f"{label(row['outcome'])}: {value} (within person; 95{NBSP}%{NBSP}CI {limits}{people})."


def _generic(row: dict[str, Any]) -> str:
    value, limits = value_and_limits(row)
    return (
        f"{label(row['outcome'])}: {value} ({contrast_words(row)}; "
        f"95{NBSP}%{NBSP}CI {limits}; {p_value(row['p_value'])})."
    )


def _prevalences(frames: dict[str, pl.DataFrame]) -> list[Finding]:
    """Osteoporosis at the femoral neck in the latest cycle, and this build against the published cycle."""
    frame = frames["mart.bone_prevalence"].filter(
        (pl.col("site_code") == LOOKER_SITE) & (pl.col("reference_code") == LOOKER_REFERENCE)
    )
    frame = frame.filter(pl.col("prevalence_pct").is_not_null())
    osteoporosis = frame.filter(pl.col("band") == "osteoporosis")
    found: list[Finding] = []
    if not osteoporosis.is_empty():
        latest = osteoporosis["cycle_label"].max()
        rows = osteoporosis.filter(pl.col("cycle_label") == latest)
        age = age_phrase(frames["mart.attrition"], rows["study_id"][0])
        shares = [f"{_prevalence(row)} of {label(row['sex_code'])}" for row in rows.iter_rows(named=True)]
        words = (
            f"{' and '.join(shares)}{age} had osteoporosis at the femoral neck (T-score {decimal(-2.5, 1)} or lower)."
        )
        found.append(Finding(f"In {cycle(str(latest))},", words, "descriptive", "plain"))
    compared = [row for row in frame.iter_rows(named=True) if published_pct(row) is not None]
    if compared:
        parts = [
            f"{label(canonical_band(row['band']))} in {label(row['sex_code'])} {percent(row['prevalence_pct'])} "
            f"(published {percent(published_pct(row), 0)})"
            for row in compared
        ]
        words = f"femoral neck, {cycle(LOOKER_CYCLE)}: {'; '.join(parts)}."
        found.append(Finding("Against Looker 2010,", words, "check", "plain"))
    return found


def _prevalence(row: dict[str, Any]) -> str:
    limits = interval(row["ci_low_pct"], row["ci_high_pct"], 1)
    return f"{percent(row['prevalence_pct'])} (95{NBSP}%{NBSP}CI {limits})"


def estimate_tables(estimates: pl.DataFrame) -> tuple[Table, ...]:
    """The primary estimates, then whatever else was estimated, then the methods shown for comparison only."""
    estimates = estimates.filter(~is_risk(), ~is_modifier())
    main = primary(estimates)
    is_comparison = pl.col("estimator").is_in(COMPARISON_ESTIMATORS)
    has_estimate = pl.col("estimate").is_not_null()
    other = estimates.filter(~is_comparison & has_estimate).join(main, on=list(_KEY), how="anti", maintain_order="left")
    tables = [
        _estimate_table("Estimates of the primary method", main),
        _estimate_table("Estimates of other methods", other),
        _comparison_table(main, estimates.filter(is_comparison)),
    ]
    return tuple(table for table in tables if table.rows)


_CONTRAST = ("study_id", "contrast", "outcome", "population")
_KEY = (*_CONTRAST, "estimator")
_COLUMNS = (
    Column("Population and outcome"),
    Column("Estimate", is_number=True),
    Column(f"95{NBSP}% CI", is_number=True),
    Column("p", is_number=True),
    Column("People", is_number=True),
    Column("Effective", is_number=True),
    Column("Gate"),
)


def _estimate_table(caption: str, estimates: pl.DataFrame) -> Table:
    rows: list[Row] = []
    for (_, _, estimator, _), part in estimates.group_by(
        "study_id", "contrast", "estimator", "scale", maintain_order=True
    ):
        rows.append(Row(f"{heading(str(estimator))}: {lowered(contrast_words(part.row(0, named=True)))}"))
        rows += [_estimate_row(row) for row in part.iter_rows(named=True)]
    methods = [f"{capitalized(readable(str(text_of)))}" for text_of in _methods(estimates)]
    nothing = estimates["estimate"].is_null().all()
    return Table(caption, "mart.effect_estimate", _COLUMNS, tuple(rows), note="; ".join(methods), is_folded=nothing)


def _methods(estimates: pl.DataFrame) -> list[str]:
    """How errors and missing values were handled, each said once."""
    said = estimates.select("se_method", "missing_method").unique(maintain_order=True)
    return [f"standard errors: {error}. Missing and censored values: {missing}" for error, missing in said.iter_rows()]


def _estimate_row(row: dict[str, Any]) -> Row:
    who = f"{heading(row['population'])}, {label(row['outcome'])}"
    people = (number(count(row["n_target"])), number(compact(row["n_effective"], 3)), gate_cell(row))
    if row["estimate"] is None:
        return Row(who, (number(NONE), number(NONE), number(NONE), *people), is_indented=True)
    p_text = p_value(row["p_value"]).removeprefix("p").strip(f"{NBSP}=")
    return Row(who, (*(number(each) for each in value_and_limits(row)), number(p_text), *people), is_indented=True)


def _comparison_table(main: pl.DataFrame, comparison: pl.DataFrame) -> Table:
    """The primary estimate again beside what each shortcut would have given."""
    estimators = comparison["estimator"].unique(maintain_order=True).to_list()
    both = pl.concat([main, comparison])
    keyed = {tuple(row[name] for name in _KEY): row for row in both.iter_rows(named=True)}
    rows = []
    for row in main.iter_rows(named=True):
        key = tuple(row[name] for name in _CONTRAST)
        found = [row, *(keyed.get((*key, estimator)) for estimator in estimators)]
        # An exposure without a limit, and risks, have no shortcuts to be shown beside.
        if (row["scale"] == LOG_HAZARD_RATIO or row["estimator"] == HAZARD_RISK) and not any(found[1:]):
            continue
        rows.append(
            Row(f"{heading(row['population'])}, {label(row['outcome'])}", tuple(_compared(each) for each in found))
        )
    columns = (
        Column("Population and outcome"),
        Column("Primary method", f"95{NBSP}% CI", is_number=True),
        *(Column(heading(estimator), f"95{NBSP}% CI", is_number=True) for estimator in estimators),
    )
    return Table(
        "For comparison only: shortcuts that are biased where values lie below the assay limit",
        "mart.effect_estimate",
        columns,
        tuple(rows) if estimators else (),
        note="Shown so that readers can see what the usual shortcuts would have given. Not findings.",
        is_muted=True,
    )


def _compared(row: dict[str, Any] | None) -> Cell:
    if row is None:
        return number(NONE)
    if row["estimate"] is None:
        return number(f"gate {row['gate_status']}" if row["gate_status"] == "closed" else NONE)
    return number(*value_and_limits(row))
