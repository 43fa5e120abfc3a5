"""What a publication tells of people who are not public: every table of `mart` measured against all that was told before.

Public surveys never come here (docs/decisions/public-counts-not-rounded.md). Counts go to the `release_ledger`, estimates to
`told_estimates`; here is which table asks what, and what is computed from numbers as told. The rules of a single night
were kept before, in `mart`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

import polars as pl

from pipelines.errors import BlockedByCheck
from pipelines.run_facts import RunFacts
from pipelines.settings import Settings
from pipelines.tables import CONTRACTS
from pipelines.tables.telling import PEOPLE_DIAGNOSTICS, TELLINGS
from pipelines.warehouse import quality_trend, release_ledger, told_estimates
from pipelines.warehouse.release_ledger import Ledger
from pipelines.warehouse.released_quality import OF_COLUMNS
from pipelines.warehouse.store import Store
from pipelines.warehouse.told_estimates import QUESTION, WHOLE, WITHHELD

_COHORT = ["study_id", "cohort_code", "arm_code"]
_CURVE = ["study_id", "outcome", "population"]
_SERIES = ["check_id", "stratum"]
#: no publication before this one, so nothing is hidden (`models.evidence_drift`)
FIRST = "first"
_MOVED = ("largest_smd_change", "ease_change", "estimate_change_se")
#: what a program made of the input, by the names of `evidence_basis.basis`
_PROGRAM = ("is_code_changed", "is_setting_changed", "is_any_protocol_changed")


@dataclass(frozen=True, slots=True)
class Told:
    """Tables of `mart` as they may leave tonight, and the ledger that must be kept before anybody sees them."""

    frames: Mapping[str, pl.DataFrame]
    ledger: Ledger


def is_public(run: RunFacts) -> bool:
    """Whether anybody may look at the people themselves: then nothing is rounded, and no night tells what another does not."""
    return run.evidence_source == "public_survey"


def told(
    settings: Settings,
    store: Store,
    run: RunFacts,
    results: pl.DataFrame,
    build_id: str,
    published: str | None,
    basis: Mapping[str, str] | None = None,
) -> Told:
    """Every table of `mart` that a step makes, and `mart.quality_result`, as told tonight.

    Args:
        store: the files of the build.
        results: `mart.quality_result` after the rules of one night.
        published: the build that readers see until then.
        basis: hashes of what the estimates rest on (`evidence_basis.basis`); without them nothing counts as the same.

    Raises:
        BlockedByCheck: a number of a table is not declared in `tables.telling`.
    """
    require_declared()
    ledger = release_ledger.read(settings)
    if ledger.is_empty:
        quality_trend.forget(settings)  # kept before there was a ledger: counts as they were
    versions = _versions(basis)
    found = told_estimates.judged(told_estimates.labels(store), ledger.tellings, versions, run.min_cell)
    ledger.tellings = told_estimates.remembered(ledger.tellings, found, build_id, versions)
    frames: dict[str, pl.DataFrame] = {}
    for name, telling in TELLINGS.items():
        if CONTRACTS[name].layer != "mart" or not store.files(name) or name.startswith("mart.quality_"):
            continue
        frame = store.scan(name).collect()
        if name == "mart.evidence_drift":
            told_now = _drift(frame, store, ledger, found, published, run.min_cell)
        elif telling.people or telling.estimates:
            told_now = _counted(name, _estimated(name, frame, found, ledger, run.min_cell), ledger, run.min_cell)
        else:
            continue
        frames[name] = _of_contract(name, told_now)
    frames["mart.quality_result"] = _verdicts(results, ledger, run.min_cell)
    return Told(frames, ledger)


def require_declared() -> None:
    """Every number of `mart` is declared.

    Raises:
        BlockedByCheck: a number is in no list of `tables.telling`, or in two.
    """
    problems = []
    for name, contract in CONTRACTS.items():
        if contract.layer != "mart":
            continue
        numbers = [c.name for c in contract.columns if c.duckdb_type in ("BIGINT", "DOUBLE")]
        telling = TELLINGS.get(name)
        told_as = [] if telling is None else [*telling.people, *telling.estimates, *telling.free, *telling.derived]
        free = [] if telling is None else telling.with_estimates
        wrong = [column for column in numbers if told_as.count(column) + free.count(column) != 1]
        if wrong or telling is None:
            problems.append(f"{name} {', '.join(wrong)}".strip())
    if problems:
        raise BlockedByCheck(
            f"how it may be told is not declared in pipelines/tables/telling.py: {'; '.join(problems)}"
        )


def _estimated(name: str, frame: pl.DataFrame, found: pl.DataFrame, ledger: Ledger, min_cell: int) -> pl.DataFrame:
    """The rows with estimates as told."""
    if not TELLINGS[name].estimates or frame.is_empty():
        return frame
    if name == "mart.diagnostic":
        is_people = pl.col("diagnostic").cast(pl.String).is_in(PEOPLE_DIAGNOSTICS)
        people, others = frame.filter(is_people), frame.filter(~is_people)
        key = list(CONTRACTS[name].key)
        now = ledger.tell(name, key, people.select(*key, "value"), min_cell)
        is_lost = now["value"].is_null() & people["value"].is_not_null()
        counted = people.with_columns(now["value"].cast(pl.Float64), is_suppressed=pl.col("is_suppressed") | is_lost)
        rest = told_estimates.told(name, told_estimates.marked(name, others, found), ledger)
        return _withheld(name, pl.concat([_plain(counted).with_columns(is_withheld=pl.lit(value=False)), rest]))
    block = _CURVE if name == "mart.dose_response" else None
    return _withheld(name, told_estimates.told(name, told_estimates.marked(name, frame, found), ledger, block))


def _withheld(name: str, rows: pl.DataFrame) -> pl.DataFrame:
    """What is withheld says so where the table can say it."""
    is_withheld = pl.col("is_withheld")
    said: dict[str, pl.Expr] = {}
    if "is_suppressed" in rows.columns:
        said["is_suppressed"] = pl.col("is_suppressed") | is_withheld
    if name == "mart.effect_estimate":
        is_silent = is_withheld & (pl.col("gate_status") == "open")
        said["gate_reason"] = pl.when(is_silent).then(pl.lit(WITHHELD)).otherwise("gate_reason")
    if name in ("mart.threshold", "mart.claim"):
        said["why"] = pl.when(is_withheld).then(pl.lit(WITHHELD)).otherwise("why")
    if name == "mart.threshold":
        said["answer"] = pl.when(is_withheld).then(pl.lit("not_answerable")).otherwise("answer")
    if name == "mart.claim":
        has_verdict = is_withheld & (pl.col("evidence_source") != "simulated")
        for verdict in ("verdict", "claim_verdict"):
            said[verdict] = pl.when(has_verdict).then(pl.lit("not_answerable")).otherwise(verdict)
    return rows.with_columns(**said).drop("is_withheld")


def _counted(name: str, frame: pl.DataFrame, ledger: Ledger, min_cell: int) -> pl.DataFrame:
    """The rows with counts as told."""
    telling, key = TELLINGS[name], list(CONTRACTS[name].key)
    if not telling.people:
        return frame
    now = ledger.tell(name, key, frame.select(*key, *telling.people), min_cell)
    told_now = frame.with_columns(now[count].cast(frame.schema[count]) for count in telling.people)
    told_now = told_now.with_columns(_at_most(part, whole) for part, whole in telling.at_most)
    if "is_suppressed" in frame.columns:
        lost = [told_now[count].is_null() & frame[count].is_not_null() for count in telling.people]
        is_lost = pl.select(pl.any_horizontal(*lost)).to_series()
        told_now = told_now.with_columns(is_suppressed=pl.col("is_suppressed") | is_lost)
    return _falling(told_now) if name == "mart.attrition" else told_now


def _at_most(part: str, whole: str) -> pl.Expr:
    """A part as told, which is never larger than its whole as told: made of what is told, so it tells nothing."""
    return pl.when(pl.col(part) > pl.col(whole)).then(pl.col(whole)).otherwise(pl.col(part)).alias(part)


def _falling(steps: pl.DataFrame) -> pl.DataFrame:
    """Attrition of counts as told: no step has more people than one before it, and each begins where the last one ended."""
    ordered = steps.sort(*_COHORT, "step_number")
    least = pl.col("n_after").cum_min().over(_COHORT)
    after = pl.when(pl.col("n_after").is_not_null()).then(least)
    falling = ordered.with_columns(n_after=after)
    before = pl.col("n_after").shift(1).over(_COHORT)
    is_first = pl.col("step_number") == pl.col("step_number").min().over(_COHORT)
    return falling.with_columns(
        n_before=pl.when(is_first).then("n_after").otherwise(before),
        is_suppressed=pl.col("n_after").is_null() | (before.is_null() & ~is_first),
    )


def _verdicts(results: pl.DataFrame, ledger: Ledger, min_cell: int) -> pl.DataFrame:
    """Verdicts of checks: rows of tables of people as counts of people, other rows as they are."""
    people = [name for name, contract in CONTRACTS.items() if contract.unit == "person"]
    is_people = pl.col("table_name").is_in(people) & ~pl.col("check_id").str.contains(OF_COLUMNS)
    counted = _counted("mart.quality_result", results.filter(is_people), ledger, min_cell)
    return pl.concat([counted, results.filter(~is_people)]).sort(CONTRACTS["mart.quality_result"].key)


def _drift(
    frame: pl.DataFrame, store: Store, ledger: Ledger, found: pl.DataFrame, published: str | None, min_cell: int
) -> pl.DataFrame:
    """What moved since the publication before, between numbers as they were told in both; else hidden.

    An estimate that was held in one of them was told for other people than it was computed from.
    """
    if frame.is_empty():
        return frame
    people = store.scan("models.evidence_drift").select(*QUESTION, "n").collect()
    people = _plain(people).group_by(QUESTION, maintain_order=True).agg(pl.col("n").max())
    before = ledger.cells
    now = ledger.tell("models.evidence_drift", QUESTION, people, min_cell)
    was = Ledger(before, ledger.tellings).last("models.evidence_drift", QUESTION, people)
    change = people.select(*QUESTION, n_told_change=now["n"] - was["n"])
    both = found.with_columns(
        is_both=pl.col("is_fresh") & (pl.col("told_on") == pl.lit(published, pl.String)).fill_null(value=False)
    )
    own = both.select(*QUESTION, pl.col("part").alias("estimator"), "is_both")
    question = both.filter(part=WHOLE).select(*QUESTION, pl.col("is_both").alias("is_question"))
    joined = (
        _plain(frame)
        .join(change, on=QUESTION, how="left", maintain_order="left")
        .join(own, on=[*QUESTION, "estimator"], how="left", maintain_order="left")
        .join(question, on=QUESTION, how="left", maintain_order="left")
    )
    is_told = (pl.col("is_both") & pl.col("is_question")).fill_null(value=False)
    return joined.with_columns(
        *(pl.when(is_told).then(name).alias(name) for name in _MOVED),
        n_change=pl.when(is_told).then("n_told_change"),
        is_suppressed=~is_told & (pl.col("cause") != FIRST),
    )


def _versions(basis: Mapping[str, str] | None) -> tuple[str | None, str | None]:
    """Of the input, and of program and settings."""
    if not basis:
        return None, None
    program = sha256(repr([basis[name] for name in _PROGRAM]).encode()).hexdigest()[:16]
    return basis["is_input_changed"], program


def _plain(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(
        pl.col(n).cast(pl.String) for n, kind in frame.schema.items() if isinstance(kind, pl.Enum)
    )


def _of_contract(name: str, frame: pl.DataFrame) -> pl.DataFrame:
    """Columns of the contract, in its order and with its types, sorted by its key."""
    contract = CONTRACTS[name]
    return contract.schema.cast(frame.select(c.name for c in contract.columns)).sort(contract.key)
