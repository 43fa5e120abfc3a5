"""One population that holds a violation of every counted rule, each in rows of its own.

The valid population of `population`, and for every rule a copy of the people, files, laboratories or studies that its
violation spoils, under names of their own: no row is spoiled twice. Code lists are spoiled where they stand, as no copy
of one can lie beside it, each rule in other rows of them.
"""

import datetime as dt
import runpy
from collections import defaultdict
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from expectations import structure
from expectations.question import TableQuestion
from expectations.suite import all_tables, load
from pipelines.tables import CONTRACTS

HERE = Path(__file__).parent
UNIT = HERE.parents[1] / "unit" / "expectations"
Frames = dict[str, pl.DataFrame]
population = runpy.run_path(str(HERE / "population.py"))
shaping = runpy.run_path(str(HERE / "shaping.py"))
retyped = shaping["retyped"]
violations = runpy.run_path(str(HERE / "violations.py"))["VIOLATIONS"]
broken = runpy.run_path(str(HERE / "contract_violations.py"))["broken"]
of_features = runpy.run_path(str(UNIT / "test_feature_suites.py"))
of_cohorts = runpy.run_path(str(UNIT / "test_cohort_suites.py"))
of_outcomes = runpy.run_path(str(UNIT / "test_outcome_suites.py"))
releases = runpy.run_path(str(HERE / "releases.py"))
claims = runpy.run_path(str(HERE / "claims.py"))
curves = runpy.run_path(str(HERE / "curves.py"))
courses = runpy.run_path(str(HERE / "courses.py"))
of_results = runpy.run_path(str(UNIT / "test_result_suites.py"))

#: tables of more rows than MANY are copied by their first FEW where one row is enough
MANY, FEW = 10, 4
#: people of a copy start at a multiple of this
STEP = 20_000
#: what rows are called by, beside the person: a copy of more than one person gets names of its own
NAMES = (
    *("source_file", "table_name", "family", "cycle_label", "lab_id", "lab_key", "sig_id", "product_id", "device_id"),
    *("specimen_id", "cycle_code", "manufacturer"),
)
#: tables that tell of files, whatever the person: copied file by file
ACCOUNTS = (
    *("staging.source_row", "staging.quarantine", "staging.conservation", "raw.manifest"),
    "raw.rejected_row",
)
PERSON, SPAN = "staging.person", "staging.observation_period"
#: where the violation of a code list spoils every row, or one that another rule needs, other rows for this population
IN_OTHER_ROWS = {
    "ref.negative_control.subject_known": "update ref.negative_control set subject_code = 'x' where control_code = 'nc_mcv'",
    "ref.negative_control.enough_continuous": "update ref.negative_control set verdict_code = 'rejected' where kind_code "
    "<> 'event' and control_code <> 'nc_mcv'",
    "ref.phenotype_part.phenotypes_known": "update ref.phenotype_part set part_code = 'x' where part_code = "
    "'cardiovascular_death'",
}


@dataclass(slots=True)
class Planted:
    """Tables as they grow; `copies` counts the copies so far."""

    frames: Frames
    added: dict[str, list[pl.DataFrame]] = field(default_factory=lambda: defaultdict(list))
    copies: int = 0

    def add(self, table: str, rows: pl.DataFrame) -> None:
        self.added[table].append(shaping["shaped"](rows, table))

    def next_copy(self) -> tuple[int, str]:
        """Where the people of the next copy start, and what its names end in."""
        self.copies += 1
        return self.copies * STEP, f"~{self.copies}"

    def whole(self) -> Frames:
        found = {table: shaping["shaped"](rows, table) for table, rows in self.frames.items()}
        for table, parts in self.added.items():
            found[table] = pl.concat([*([found[table]] if table in found else []), *parts])
        return found


def _filled(table: str, rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of a small table with something in each required column that they leave out."""
    usual = {"BOOLEAN": False, "DATE": dt.date(2018, 1, 1), "VARCHAR": "made"}
    new = []
    for column in CONTRACTS[table].columns:
        if not column.is_nullable:
            value = column.allowed[0] if column.allowed else usual.get(column.duckdb_type, column.minimum or 0)
            given = pl.col(column.name) if column.name in rows.columns else pl.lit(None)
            new.append(given.fill_null(pl.lit(value)).alias(column.name))
    return rows.with_columns(new)


def clean() -> Frames:
    """The valid population in every layer; nothing is spoiled."""
    made = Planted(population["frames"]() | releases["lists"]())
    _features(made, None)
    _cohorts(made, None)
    _outcomes(made, None)
    _results(made, None)
    _releases(made, None)
    _add(made, curves["rows"](None, "~curves"))
    _add(made, courses["rows"](None, *made.next_copy()))
    _add(made, claims["ledger"](made.frames["ref.claim"]))
    _add(made, releases["of_catalogue"](made.frames["ref.study"]))
    made.add(
        "models.distribution_shift",
        pl.DataFrame([_shift(quantity, comparison, 0.1) for quantity, comparison in _COMPARED.values()]),
    )
    _levels(made, [_level(quantity) for quantity in ("lab", "bmd")], {}, {})
    _add(made, releases["of_population"](made.whole()))
    return made.whole()


def spoiled(frames: Frames, whole_groups: frozenset[str]) -> Frames:
    """The population with a violation of every rule.

    Args:
        frames: the valid population.
        whole_groups: rules that judge many rows together, so that all people of the population are copied and spoiled.
    """
    made = Planted(dict(frames))
    base = population["frames"]()
    for table, found in violations.items():
        for short, change in found.items():
            check = f"staging.{table}.{short}"
            _copied(made, base, change(base), check, check in whole_groups)
    for check, change in of_features["BREAKS"].items():
        _features(made, (check, change), check in whole_groups)
    for change in of_cohorts["BREAKS"].values():
        _cohorts(made, change)
    for check, change in of_outcomes["BREAKS"].items():
        if check.startswith("features."):
            _outcomes(made, change)
    for change in of_results["BREAKS"].values():
        _results(made, change)
    for change in releases["BREAKS"].values():
        _releases(made, change)
    for change in courses["of_courses"]["BREAKS"].values():
        _add(made, courses["rows"](change, *made.next_copy()))
    for quantity, comparison in _COMPARED.values():
        made.add("models.distribution_shift", pl.DataFrame([_shift(quantity, comparison, 0.9, "moved")]))
    for number, spoils in enumerate(_STEPS):
        made.add("models.change_point", pl.DataFrame([_level(**spoils, place=f"place{number}")]))
    for number, (sums, shown) in enumerate(_LEVELS):
        _levels(made, [_level(place=f"other{number}")], sums, shown)
    made.add("mart.change_point", pl.DataFrame([_level(place="nowhere")]).select(_SHOWN, is_suppressed=False))
    further = {n: IN_OTHER_ROWS.get(n, change) for n, change in of_outcomes["BREAKS"].items() if n.startswith("ref.")}
    made.frames |= releases["lists_spoiled"](frames, further)
    made.frames["ref.claim"] = claims["rule_not_judged"](made.frames["ref.claim"])
    _add(made, curves["spoiled"]() | claims["spoiled"](frames))
    _contracts(made, frames)
    return made.whole()


def _copied(made: Planted, base: Frames, changed: Frames, check: str, is_whole: bool) -> None:
    """A copy of what a violation spoils, as it is then."""
    start, suffix = made.next_copy()
    state = base | changed
    if is_about_files := any(table in ACCOUNTS for table in changed):
        parts = {table: state[table] for table in ACCOUNTS}
        if (judged := check.rpartition(".")[0]) not in ACCOUNTS:
            parts[judged] = state[judged].unique("source_file", keep="first", maintain_order=True)
    elif not any("person_id" in state[table].columns for table in changed):
        parts = {table: state[table] for table in _alike(changed)}
    else:
        people = None if is_whole else _people(base, changed)
        read = {
            *load(check.rpartition(".")[0]).reads,
            check.rpartition(".")[0],
            PERSON,
            "staging.survey_design",
            *changed,
        }
        of_people = [table for table in state if "person_id" in state[table].columns and table not in ACCOUNTS]
        tables = [table for table in of_people if not is_whole or table in read]
        parts = {t: state[t] if people is None else state[t].filter(pl.col("person_id").is_in(people)) for t in tables}
        parts |= {table: state[table] for table in changed if table not in of_people}
    for table, rows in parts.items():
        if "person_id" in rows.columns and not is_about_files:
            rows = rows.with_columns(pl.col("person_id") + start)
        made.add(
            table, _renamed(rows, suffix) if is_whole or "person_id" not in rows.columns or is_about_files else rows
        )


def _alike(changed: Frames) -> tuple[str, ...]:
    """Tables without people whose rows belong together."""
    together = ("lab_convention", "lab_limit", "sig", "drug_product")
    stems = {stem for stem in together for table in changed if table.split(".")[1].startswith(stem)}
    found = [t for t in CONTRACTS if any(t.startswith(f"staging.{stem}") for stem in stems)]
    return tuple(dict.fromkeys([*found, *changed]))


def _people(base: Frames, changed: Frames) -> list[int]:
    """The first person of whom a row changed, appeared or went."""
    for table, rows in changed.items():
        if "person_id" in rows.columns:
            before = base[table]
            new = rows.join(before, on=before.columns, how="anti", nulls_equal=True)
            gone = before.join(rows, on=before.columns, how="anti", nulls_equal=True)
            return pl.concat([gone, new])["person_id"].head(1).to_list()
    raise AssertionError("nothing of a person changed")


def _renamed(rows: pl.DataFrame, suffix: str) -> pl.DataFrame:
    """The rows under other names; `H.tst` is a specimen of cycle `H`."""
    new = []
    for name in NAMES:
        if name not in rows.columns:
            continue
        if name == "specimen_id":
            new.append(pl.col(name).str.replace(r"^([A-Z])\.", f"${{1}}{suffix}."))
        else:
            new.append(pl.col(name) + suffix)
    return rows.with_columns(new)


_COMPARED = {
    "lab_as_before": ("lab", "previous_publication"), "lab_as_elsewhere": ("lab", "rest"),
    "bmd_as_before": ("bmd", "previous_publication"), "bmd_as_elsewhere": ("bmd", "rest"),
    "dose_as_before": ("dose", "previous_publication"),
}  # fmt: skip


def _shift(quantity: str, comparison: str, psi: float, place: str = "place") -> dict[str, Any]:
    named = {"quantity": quantity, "item_code": "item", "place_code": place, "comparison": comparison}
    return named | {"n": 5000, "n_reference": 5000, "n_bins": 10, "psi": psi}


_STEPS: tuple[dict[str, Any], ...] = (
    {"quantity": "lab", "change_pct": -20.0, "p_adjusted": 0.01},
    {"quantity": "bmd", "change_pct": -20.0, "p_adjusted": 0.01},
    {"z": None},
    {"ci_high_pct": -90.0},
    {"status": "too_few_pairs"},
)


#: of a place each: what breaks the sums behind it, and what breaks the step that is shown
_LEVELS: tuple[tuple[dict[str, Any], dict[str, Any]], ...] = (
    ({"sum_square": 0.0}, {"is_suppressed": True}),
    ({"n_other_unit": 51}, {"change_pct": 5.0}),
)
_PLACE = ("quantity", "item_code", "place_kind", "place_code", "quarter_number")
_SHOWN = (*_PLACE, "starts_on", "change_pct", "ci_low_pct", "ci_high_pct", "cause_code")


def _levels(made: Planted, rows: list[dict[str, Any]], sums: dict[str, Any], shown: dict[str, Any]) -> None:
    """Quarters of places: the sums behind them, what was computed of them, and what is shown."""
    others = {f"n_other_{what}": 0 for what in ("place", "method", "code", "unit", "limit")}
    pairs = {"n_pairs": 50, "sum_log_change": 0.5, "sum_square": 0.1, "sum_quarters_apart": 100} | others | sums
    made.add("models.level_change", pl.DataFrame([{name: row[name] for name in _PLACE} | pairs for row in rows]))
    made.add("models.change_point", pl.DataFrame(rows))
    seen = {"is_suppressed": False} | shown
    made.add("mart.change_point", pl.DataFrame([{name: row[name] for name in _SHOWN} | seen for row in rows]))


def _level(quantity: str = "lab", place: str = "place", **other: Any) -> dict[str, Any]:
    """A quarter of a place without a step, or with what `other` says."""
    kind = "laboratory" if quantity == "lab" else "densitometer"
    named = {"quantity": quantity, "item_code": "item", "place_kind": kind, "place_code": place, "quarter_number": 8060}
    found = {"change_pct": 0.1, "ci_low_pct": -30.0, "ci_high_pct": 2.0, "z": 0.1, "p_adjusted": 1.0, "is_peak": True}
    rest = {"starts_on": dt.date(2015, 1, 1), "n_pairs": 50, "mean_quarters_apart": 2.0, "status": "evaluated"}
    return named | found | rest | {"cause_code": "no_recorded_change"} | other


def _features(made: Planted, violation: tuple[str, str] | None, is_whole: bool = False) -> None:
    """The rows of features as they should be, or a copy of what one rule reads, spoiled.

    A rule that judges many rows together needs more that are spoiled than there are others.
    """
    check, change = violation or ("", "")
    judged = check.rpartition(".")[0]
    tables = [judged, *load(judged).reads] if judged else list(of_features["ROWS"])
    tables = [table for table in dict.fromkeys((PERSON, *tables)) if table in of_features["ROWS"]]
    rows = {table: _rows_of_feature(table) for table in tables}
    if violation:
        few = {table: found if is_whole or found.height < MANY else found.head(FEW) for table, found in rows.items()}
        rows = few | {judged: _updated(judged, few[judged], change)}
    for _ in range(3 if is_whole else 1):
        start, suffix = made.next_copy()
        for table, found in rows.items():
            moved = found.with_columns(pl.col("person_id") + start) if "person_id" in found.columns else found
            made.add(table, _renamed(moved, suffix) if is_whole else moved)


@lru_cache(maxsize=64)
def _rows_of_feature(table: str) -> pl.DataFrame:
    with duckdb.connect() as connection:
        of_features["_create"](connection, table)
        found = connection.sql(f"from {table}").pl()
    if table == PERSON:
        found = found.select("person_id", "sex_code").with_columns(age_years=pl.lit(50.0), is_age_top_coded=False)
        return shaping["sourced"](found, "omop/person", "omop")
    return _filled(table, found)


def _updated(table: str, rows: pl.DataFrame, change: str) -> pl.DataFrame:
    with duckdb.connect() as connection:
        connection.register("given", rows.to_arrow())
        connection.execute(f"create schema {table.split('.')[0]}; create table {table} as select * from given")
        connection.execute(f"update {table} set {change}")
        return connection.sql(f"from {table}").pl()


def _cohorts(made: Planted, change: str | None) -> None:
    """A small study with its cohort, as it should be or spoiled."""
    start, suffix = made.next_copy()
    with duckdb.connect() as connection:
        for statement in filter(None, (of_cohorts["WHOLE"], change)):
            connection.execute(statement)
        names = connection.sql("select table_schema || '.' || table_name from information_schema.tables").fetchall()
        for (table,) in names:
            rows = connection.sql(f"from {table}").pl()
            new = [pl.col("person_id") + start] if "person_id" in rows.columns else []
            new += [pl.col("study_id") + suffix] if "study_id" in rows.columns else []
            new += (
                [(pl.col("ends_on") - pl.col("starts_on")).dt.total_days().alias("length_days")]
                if table == SPAN
                else []
            )
            made.add(table, _filled(table, rows.with_columns(new)))
        one = pl.DataFrame({"person_id": [start + 1], "sex_code": ["female"], "age_years": [50.0]})
        made.add(PERSON, _filled(PERSON, shaping["sourced"](one, "omop/person", "omop")))
    _add(made, releases["known"](suffix, is_whole=False))


def _outcomes(made: Planted, change: str | None) -> None:
    """Events, covariates and outcomes of one person, as they should be or spoiled."""
    start, _ = made.next_copy()
    with duckdb.connect() as connection:
        for statement in filter(None, (of_outcomes["EVENTS"], change)):
            connection.execute(statement)
        for table in ("features.clinical_event", "features.covariate", "features.outcome_event"):
            rows = connection.sql(f"from {table}").pl().with_columns(pl.col("person_id") + start)
            made.add(table, _filled(table, rows))


def _results(made: Planted, change: str | None) -> None:
    """Outcomes, scores, balance, diagnostics and estimates of a small study, as they should be or spoiled."""
    start, suffix = made.next_copy()
    with duckdb.connect() as connection:
        for statement in filter(None, (of_results["WHOLE"], change)):
            connection.execute(statement)
        for table in (*of_results["TABLES"], "ref.study_contrast", "ref.continuous_outcome"):
            rows = connection.sql(f"from {table}").pl()
            new = [pl.col(name) + suffix for name in ("study_id", "outcome_code") if name in rows.columns]
            new += [pl.col("person_id") + start] if "person_id" in rows.columns else []
            made.add(table, _filled(table, rows.with_columns(new)))
            if table == "models.effect_estimate":
                made.add("mart.effect_estimate", _filled("mart.effect_estimate", rows.with_columns(new)))
    one = pl.DataFrame({"person_id": [start + 1], "sex_code": ["female"], "age_years": [50.0]})
    made.add(PERSON, _filled(PERSON, shaping["sourced"](one, "omop/person", "omop")))
    _add(made, releases["known"](suffix, is_whole=True))


def _releases(made: Planted, change: str | None) -> None:
    """Counts, descriptions and what leaves, as they should be or spoiled."""
    start, suffix = made.next_copy()
    for table, rows in releases["rows"](change).items():
        if not rows.is_empty():
            named = releases["renamed"](table, rows, CONTRACTS[table].key[0], suffix)
            new = [pl.col("person_id") + start] if "person_id" in rows.columns else []
            made.add(table, _filled(table, named.with_columns(new)))
    _add(
        made, {table: rows for table, rows in releases["known"](suffix, is_whole=True).items() if table != "ref.study"}
    )


def _add(made: Planted, tables: Frames) -> None:
    for table, rows in tables.items():
        made.add(table, _filled(table, rows))


def _contracts(made: Planted, frames: Frames) -> None:
    """For every generated check of every table, a copy of a few rows with the contract broken."""
    for table in all_tables():
        generated = {draft["meta"]["id"] for draft in structure.drafts(CONTRACTS[table], "judged")}
        for check in load(table).checks:
            is_of_rows = not isinstance(check.question, TableQuestion) and not check.id.endswith(".types")
            if check.id not in generated or not is_of_rows:
                continue
            start, _ = made.next_copy()
            dated = [c.name for c in CONTRACTS[table].columns if c.duckdb_type == "DATE"]
            rows = frames[table].sort(dated[0], nulls_last=True).head(1) if dated else frames[table].head(1)
            if "person_id" in rows.columns:
                people = frames[PERSON].filter(pl.col("person_id").is_in(rows["person_id"].implode()))
                rows = rows.with_columns(pl.col("person_id") + start)
                if table != PERSON:
                    made.add(PERSON, people.with_columns(pl.col("person_id") + start))
            made.add(table, broken(rows, check))
