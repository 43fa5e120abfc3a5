"""Estimates as they are told: to two figures of their error, and again only when the people behind them are others by enough.

The rule stands in docs/decisions/release-ledger.md. An estimate is told for the first time; or for the same people again; or
when a number behind it lies `min_cell` from every number it was ever told for. Else what was told last is held; where
that cannot be (people who withdrew are in it, or another program made it) it is withheld. Counts stand in `release_ledger`.
"""

from collections.abc import Sequence
from hashlib import sha256

import polars as pl

from pipelines.disclosure import to_figures
from pipelines.tables import CONTRACTS
from pipelines.tables.telling import TELLINGS
from pipelines.warehouse.release_ledger import BEHIND, LABEL, TELLING, Ledger, hash_of_cell
from pipelines.warehouse.store import Store

WITHHELD = "it is withheld: telling it again would tell of the few people who came or left since it was told last"
QUESTION = ["study_id", "contrast", "outcome", "population"]
WHOLE = "question"
#: tables whose rows name the numbers behind them: where they stand, and which
OWN_COUNT = {
    "mart.bone_prevalence": ("models.bone_prevalence", "n_band"),
    "mart.table_one": ("models.baseline", "n"),
    "mart.e2_distribution": ("models.e2_distribution", "n"),
    "mart.change_point": ("models.change_point", "n_pairs"),
    "mart.cumulative_incidence": ("models.cumulative_incidence", "n_at_risk", "n_events"),
    # Both arms weigh on either: one told anew beside the other as it was would tell tonight's difference.
    "mart.bmd_trajectory": ("models.bmd_trajectory", "n_observed", "n_observed_other"),
}
_CURVE = ["study_id", "outcome", "population"]
_PEOPLE = ("n_target", "n_comparator", "unweighted_n")
#: which error a number is rounded by, and numbers that have none: to three figures of themselves
_ERROR = {
    "mart.effect_estimate": "se",
    "mart.bone_prevalence": "se_pct",
    "mart.table_one": "spread",
    "mart.cumulative_incidence": "se_pct",
    "mart.bmd_trajectory": "se_pct",
}
_OWN_FIGURES = ("p_value", "e_value", "e_value_limit", "se", "se_pct", "spread", "weighted_share_pct", "exposure_value")
_NORMAL_WIDTH = 3.92


def labels(store: Store) -> pl.DataFrame:
    """What is estimated tonight and how many stand behind it: columns `LABEL` and `BEHIND`, before disclosure control."""
    effects = store.scan("models.effect_estimate").filter(
        pl.any_horizontal(pl.col("estimate", "p_value").is_not_null())
    )
    counts = ("n_target", "n_comparator", "events_target", "events_comparator")
    of_effects = effects.select(
        *QUESTION, pl.col("estimator").alias("part"), *_behind(*(pl.col(name) for name in counts))
    ).collect()
    bends = store.scan("models.threshold").filter(pl.col("p_value").is_not_null())
    of_bends = bends.select(*QUESTION, _of_bend().alias("part"), *_behind(pl.col("n_people"))).collect()
    people = store.scan("models.diagnostic").filter(pl.col("diagnostic").cast(pl.String).is_in(_PEOPLE)).collect()
    value = {name: pl.col("value").filter(pl.col("diagnostic").cast(pl.String) == name).first() for name in _PEOPLE}
    questions = people.group_by(QUESTION).agg(
        *_behind(pl.coalesce(value["n_target"], value["unweighted_n"]), value["n_comparator"])
    )
    if of_effects.height:
        unnamed = of_effects.group_by(QUESTION).agg(pl.col(BEHIND).max()).join(questions, on=QUESTION, how="anti")
        questions = pl.concat([questions, unnamed.select(questions.columns)])
    questions = questions.with_columns(part=pl.lit(WHOLE))
    rows = [of_effects, of_bends, questions.select(of_effects.columns), *(_of_rows(store, name) for name in OWN_COUNT)]
    return pl.concat([_plain(frame) for frame in rows])


def judged(
    now: pl.DataFrame, tellings: pl.DataFrame, versions: tuple[str | None, str | None], least: int
) -> pl.DataFrame:
    """Which of tonight's estimates may be told anew.

    Args:
        now: `labels`.
        tellings: the ledger's.
        versions: what the input and what program and settings are tonight; None where nobody knows.
        least: people by which a number behind must have moved.

    Returns:
        `now` with `is_fresh` (may be told as computed tonight), `is_same_program` (what was told last may be held) and
        `told_on` (build that told it last; NULL before the first).
    """
    numbers = [(pl.col(name) - pl.col(f"{name}_told")).abs() for name in BEHIND]
    apart = pl.max_horizontal(*(n.fill_null(0) for n in numbers))
    latest = pl.col("build_id") == pl.col("build_id").max().over(LABEL)
    is_input = pl.lit(versions[0], pl.String) == pl.col("input_version")
    is_program = pl.lit(versions[1], pl.String) == pl.col("code_version")
    both = now.join(tellings, on=LABEL, suffix="_told").with_columns(apart=apart, is_latest=latest)
    of_label = both.group_by(LABEL).agg(
        is_far=(pl.col("apart") >= least).all(),
        is_same=(pl.col("is_latest") & is_input.fill_null(value=False) & (pl.col("apart") == 0)).any(),
        is_same_program=(pl.col("is_latest") & is_program.fill_null(value=False)).any(),
        told_on=pl.col("build_id").max(),
    )
    found = now.join(of_label, on=LABEL, how="left", maintain_order="left")
    return found.select(
        *now.columns,
        is_fresh=pl.col("told_on").is_null() | pl.col("is_far") | pl.col("is_same"),
        is_same_program=pl.col("is_same_program").fill_null(value=False),
        told_on="told_on",
    )


def remembered(
    tellings: pl.DataFrame, found: pl.DataFrame, build_id: str, versions: tuple[str | None, str | None]
) -> pl.DataFrame:
    """The ledger's tellings with those of tonight; the same number of people is remembered once."""
    tonight = found.filter("is_fresh").with_columns(
        build_id=pl.lit(build_id),
        input_version=pl.lit(versions[0], pl.String),
        code_version=pl.lit(versions[1], pl.String),
    )
    return pl.concat([tellings, tonight.select(*TELLING)]).unique([*LABEL, *BEHIND], keep="last", maintain_order=True)


def marked(table: str, frame: pl.DataFrame, found: pl.DataFrame) -> pl.DataFrame:
    """Rows of a table with `is_fresh`, `is_same_program` and `told_on` of what they rest on; several: all must be fresh."""
    frame = _plain(frame)
    verdicts = ("is_fresh", "is_same_program", "told_on")
    if table in OWN_COUNT:
        key = CONTRACTS[table].key
        cells = [hash_of_cell(row) for row in frame.select(pl.col(n).cast(pl.String) for n in key).iter_rows()]
        named = frame.with_columns(contrast_=pl.Series(cells, dtype=pl.String))
        own = found.filter(pl.col("study_id") == table).select(pl.col("contrast").alias("contrast_"), *verdicts)
        return named.join(own, on="contrast_", how="left", maintain_order="left").drop("contrast_")
    if table == "mart.effect_estimate":
        return _joined(frame, found.rename({"part": "estimator"}), [*QUESTION, "estimator"])
    if table == "mart.threshold":
        named = frame.with_columns(part=_of_bend())
        return _joined(named, found, [*QUESTION, "part"]).drop("part")
    if table == "mart.negative_control":
        return _joined(frame, found.filter(part=WHOLE), ["study_id", "contrast", "population"])
    if table == "mart.dose_response":
        return _joined(frame, found.filter(pl.col("part") != WHOLE), _CURVE)
    if table == "mart.claim":
        return _of_claims(frame, found)
    return _joined(frame, found.filter(part=WHOLE), QUESTION)


def told(table: str, rows: pl.DataFrame, ledger: Ledger, block: Sequence[str] | None = None) -> pl.DataFrame:
    """Rows of a table as they are told tonight; the ledger then holds what was told.

    Args:
        rows: `marked`.
        block: columns that name what is told together; the key where each row stands alone.

    Returns:
        The columns of the table, and `is_withheld`.
    """
    telling, key = TELLINGS[table], list(CONTRACTS[table].key)
    block = list(block or key)
    columns = [column.name for column in CONTRACTS[table].columns]
    values = [*telling.estimates, *telling.with_estimates]
    now = _figured(table, rows).with_columns(digest=_digests(rows, table, block))
    empty = now.select(*columns, "digest").clear()
    held = ledger.held.get(table, empty).select(pl.col(n).cast(empty.schema[n]) for n in empty.columns)
    has_held = pl.any_horizontal(pl.col(telling.estimates).is_not_null())
    of_block = held.group_by(block).agg(
        digest_held=pl.col("digest").first(),
        is_held=has_held.any(),
        **({"status_held": pl.col("status").first()} if "status" in columns else {}),
    )
    is_nothing = ~pl.any_horizontal(pl.col(telling.estimates).is_not_null())
    judged_rows = now.join(of_block, on=block, how="left", maintain_order="left")
    may_hold = pl.col("is_same_program") & pl.col("is_held").fill_null(value=False)
    if "status" in columns:  # a value that says another verdict than tonight's is worse than none
        may_hold = may_hold & (pl.col("status") == pl.col("status_held")).fill_null(value=False)
    # Nobody knows how many stand behind it: the first time tells nothing of those who come later.
    is_fresh = pl.col("is_fresh").fill_null(pl.col("digest_held").is_null())
    shows_now = is_nothing | is_fresh | (pl.col("digest") == pl.col("digest_held"))
    judged_rows = judged_rows.with_columns(
        shows_now=shows_now.fill_null(value=False), may_hold=may_hold.fill_null(value=False), is_nothing=is_nothing
    )
    told_now = judged_rows.filter("shows_now", ~pl.col("is_nothing")).select(*columns, "digest")
    ledger.held[table] = pl.concat([held.join(told_now, on=block, how="anti"), told_now])
    if block != key:
        return _blocks(judged_rows, held, block, columns)
    both = judged_rows.join(held, on=key, how="left", suffix="_told", maintain_order="left")
    chosen = [
        pl.when("shows_now")
        .then(name)
        .when("may_hold")
        .then(f"{name}_told")
        .otherwise(pl.col(name) if name == "run_id" else None)
        .alias(name)
        for name in values
    ]
    return both.with_columns(*chosen, is_withheld=~pl.col("shows_now") & ~pl.col("may_hold")).select(
        *columns, "is_withheld"
    )


def _blocks(rows: pl.DataFrame, held: pl.DataFrame, block: list[str], columns: list[str]) -> pl.DataFrame:
    """Curves: as computed tonight, or whole as they were told; what may be neither is left out."""
    gates = rows.group_by(block).agg(pl.col("gate_status", "gate_reason", "shows_now", "may_hold").first())
    kept = gates.filter(~pl.col("shows_now") & pl.col("may_hold")).select(*block, "gate_status", "gate_reason")
    old = held.drop("gate_status", "gate_reason").join(kept, on=block).select(columns)
    return pl.concat([rows.filter("shows_now").select(columns), old]).with_columns(is_withheld=pl.lit(value=False))


def _of_claims(claims: pl.DataFrame, found: pl.DataFrame) -> pl.DataFrame:
    """A claim is adjusted over its family: it is told anew when everything that its family rests on is."""
    rests = claims.filter(pl.col("study_id").is_not_null()).select("family_code", "study_id", "outcome", "population")
    parts = found.filter(pl.col("part") != WHOLE)
    family = rests.unique().join(parts, on=_CURVE).group_by("family_code").agg(*_all_of())
    return claims.join(family, on="family_code", how="left", maintain_order="left")


def _joined(frame: pl.DataFrame, found: pl.DataFrame, by: list[str]) -> pl.DataFrame:
    return frame.join(found.group_by(by).agg(*_all_of()), on=by, how="left", maintain_order="left")


def _all_of() -> tuple[pl.Expr, ...]:
    return pl.col("is_fresh").all(), pl.col("is_same_program").all(), pl.col("told_on").min()


def _of_rows(store: Store, table: str) -> pl.DataFrame:
    """The number behind each row that names it; the cell is its label. A closed gate has none, and tells nothing."""
    source, *counts = OWN_COUNT[table]
    rows = store.scan(source).filter(pl.col(counts[0]).is_not_null()).collect()
    cells = [hash_of_cell(row) for row in rows.select(pl.col(n).cast(pl.String) for n in CONTRACTS[table].key).rows()]
    nothing = pl.lit("")
    return rows.select(
        pl.lit(table).alias("study_id"),
        pl.Series("contrast", cells, dtype=pl.String),
        nothing.alias("outcome"),
        nothing.alias("population"),
        pl.lit("row").alias("part"),
        *_behind(*(pl.col(count) for count in counts)),
    )


def _of_bend() -> pl.Expr:
    return pl.concat_str(pl.lit("threshold: "), pl.col("analysis").cast(pl.String))


def _behind(*counts: pl.Expr) -> list[pl.Expr]:
    """`BEHIND`, of which the rest is NULL."""
    given = (*counts, *([pl.lit(None, pl.Int64)] * (len(BEHIND) - len(counts))))
    return [n.cast(pl.Float64).round().cast(pl.Int64).alias(name) for n, name in zip(given, BEHIND, strict=True)]


def _plain(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(
        pl.col(n).cast(pl.String) for n, kind in frame.schema.items() if isinstance(kind, pl.Enum)
    )


def _figured(table: str, rows: pl.DataFrame) -> pl.DataFrame:
    """Estimates to two figures of their standard error; what has none, to three of its own."""
    names = TELLINGS[table].estimates
    error = pl.lit(None, pl.Float64)
    if {"ci_low", "ci_high"} <= set(rows.columns):
        error = (pl.col("ci_high") - pl.col("ci_low")) / _NORMAL_WIDTH
    if table in _ERROR:
        own = pl.col(_ERROR[table])
        error = pl.when(own > 0).then(own).otherwise(error)
    return rows.with_columns(
        to_figures(pl.col(name), pl.col(name), 3)
        if name in _OWN_FIGURES
        else pl.when(error > 0)
        .then(to_figures(pl.col(name), error))
        .otherwise(to_figures(pl.col(name), pl.col(name), 3))
        for name in names
    )


def _digests(rows: pl.DataFrame, table: str, block: list[str]) -> pl.Series:
    """One hash of all that a block tells, on each of its rows."""
    told_columns = [name for name in TELLINGS[table].estimates if name not in block]
    figured = _figured(table, rows)
    of_rows = figured.select(told_columns).rows()
    whole: dict[tuple[object, ...], list[tuple[object, ...]]] = {}
    names = figured.select(block).rows()
    for name, row in zip(names, of_rows, strict=True):
        whole.setdefault(name, []).append(row)
    hashes = {name: sha256(repr(sorted(told, key=repr)).encode()).hexdigest()[:16] for name, told in whole.items()}
    return pl.Series([hashes[name] for name in names], dtype=pl.String)
