"""The tables that may leave: each aggregate after disclosure control. Counting and estimating were done before."""

from collections.abc import Callable

import polars as pl

from pipelines.disclosure import hidden_parts, hidden_steps, hide_small, told_share
from pipelines.models import (
    contrast_tables,
    dose_tables,
    e2_time_course_tables,
    modifier_tables,
    mortality_tables,
    ratio_tables,
    regime_tables,
    risk_interaction,
    risk_tables,
    survey_association,
    threshold_tables,
)
from pipelines.models.change_point import FAMILY_ERROR
from pipelines.models.gate_rule import with_waivers
from pipelines.run_facts import Inputs, RunFacts
from pipelines.tables import CONTRACTS
from pipelines.tables.telling import DIAGNOSTIC_STEPS, PEOPLE_DIAGNOSTICS

_CELL = ("study_id", "contrast", "outcome", "population")
_ARMS = ("n_target", "n_comparator")
_PRIMARY = (
    *(survey_association.PRIMARY, threshold_tables.PRIMARY, mortality_tables.HAZARD, mortality_tables.RISK),
    *(contrast_tables.PRIMARY, contrast_tables.CLONES, dose_tables.PRIMARY),
    *(risk_tables.PRIMARY, risk_interaction.ADDITIVE, modifier_tables.PRIMARY, ratio_tables.PRIMARY),
    *(e2_time_course_tables.PRIMARY, regime_tables.PRIMARY),
)
_PEOPLE = tuple(name for name in PEOPLE_DIAGNOSTICS if name not in ("unweighted_n", "kish_effective_n"))
_NOBODY = 1e-6  # people: a share times a number of people is no whole number
# Who has the measurement also has these: the difference is a group of people, too.
_NESTED_IN = {"estradiol and femur BMD": ("estradiol", "femur BMD")}


def effect_estimate(inputs: Inputs, facts: RunFacts) -> pl.LazyFrame:
    """`mart.effect_estimate`: sizes hidden where small, or where the gap to the primary analysis would tell a small cell."""
    found = inputs["models.effect_estimate"].collect()
    primary = found.filter(pl.col("estimator").is_in(_PRIMARY)).select(
        *_CELL, *(pl.col(name).alias(f"primary_{name}") for name in _ARMS)
    )
    # Those of an arm without an outcome are a group of people, too: attrition tells how many were in the arm.
    # So are those measured who are in no stratum: the trial tells how many were measured.
    kinds = {f"arm_{name}": name for name in _ARMS} | {f"unplaced_{name}": f"n_unplaced{name[1:]}" for name in _ARMS}
    in_arm = inputs["models.diagnostic"].filter(pl.col("diagnostic").is_in(list(kinds.values()))).collect()
    in_arm = in_arm.pivot("diagnostic", index=_CELL, values="value", aggregate_function="first")
    absent = [pl.lit(None, pl.Float64).alias(name) for name in kinds.values() if name not in in_arm.columns]
    in_arm = in_arm.with_columns(absent).select(*_CELL, *(pl.col(name).alias(kind) for kind, name in kinds.items()))
    joined = found.join(primary, on=_CELL, how="left").join(in_arm, on=_CELL, how="left")

    def told(name: str) -> pl.Expr:
        gaps = [(pl.col(f"{whole}_{name}") - pl.col(name)).abs() for whole in ("primary", "arm")]
        gaps += [pl.col(f"unplaced_{name}")]
        is_near = pl.any_horizontal(gap.is_between(1, facts.min_cell - 1).fill_null(value=False) for gap in gaps)
        return pl.when((pl.col(name) >= facts.min_cell) & ~is_near).then(pl.col(name)).alias(name)

    def events(arm: str) -> pl.Expr:
        """Hidden where few had one, few had none, or the arm is hidden."""
        least = pl.min_horizontal(f"events_{arm}", pl.col(f"n_{arm}") - pl.col(f"events_{arm}"))
        is_told = (least >= facts.min_cell) & pl.col(f"n_{arm}").is_not_null()
        return pl.when(is_told).then(pl.col(f"events_{arm}")).alias(f"events_{arm}")

    shown = joined.with_columns(told("n_target"), told("n_comparator"), pl.lit(facts.run_id).alias("run_id"))
    shown = shown.with_columns(events("target"), events("comparator"))
    return _with_contract_columns("mart.effect_estimate", shown.lazy())


def covariate_balance(inputs: Inputs, facts: RunFacts) -> pl.LazyFrame:
    """`mart.covariate_balance`: hidden where few have, lack or do not tell a covariate in an arm; differences rounded."""
    few = pl.lit(value=False)
    for arm in ("target", "comparator"):
        known = pl.col(f"n_known_{arm}")
        having = (pl.col(f"mean_{arm}") * known).round()
        counts = [known, pl.col(f"n_{arm}") - known]
        presence = [pl.when(pl.col("is_presence")).then(count) for count in (having, known - having)]
        for count in (*counts, *presence):
            few = few | count.is_between(1, facts.min_cell - 1).fill_null(value=False)
    found = inputs["models.covariate_balance"].with_columns(few.alias("is_suppressed"))
    shown = found.with_columns(
        pl.when(~pl.col("is_suppressed")).then((pl.col(name) / step).round() * step).alias(name)
        for name, step in (("smd_before", 0.01), ("smd_after", 0.01), ("variance_ratio", 0.05))
    )
    return _with_contract_columns("mart.covariate_balance", shown)


def negative_control(inputs: Inputs, facts: RunFacts) -> pl.LazyFrame:
    """`mart.negative_control`: an error tells how many people are behind it, so all is hidden where few are."""
    behind = (pl.coalesce(f"events_{arm}", f"n_{arm}") for arm in ("target", "comparator"))
    least = pl.min_horizontal(*behind).fill_null(0)
    few = (least < facts.min_cell) & pl.col("estimate").is_not_null()
    told = ("estimate", "ci_low", "ci_high", "calibrated_estimate", "calibrated_ci_low", "calibrated_ci_high")
    found = inputs["models.negative_control"].with_columns(few.alias("is_suppressed"))
    shown = found.with_columns(pl.when(~pl.col("is_suppressed")).then(pl.col(name)).alias(name) for name in told)
    return _with_contract_columns("mart.negative_control", shown)


def diagnostic(inputs: Inputs, facts: RunFacts) -> pl.LazyFrame:
    """`mart.diagnostic`: a share is hidden where the people behind it (or behind its complement) are few.

    Of contrasts, numbers of people in the arms stay behind, and what rests on few people is rounded. A failure that is
    waived says so.
    """
    found = inputs["models.diagnostic"].filter(~pl.col("diagnostic").str.starts_with("n_")).collect()
    sizes = found.filter(diagnostic="unweighted_n").select(*_CELL, pl.col("value").alias("n"))
    behind = pl.col("value") * pl.col("n")
    fewer = pl.min_horizontal(behind, pl.col("n") - behind)
    few = pl.col("diagnostic").str.ends_with("_share") & fewer.is_between(_NOBODY, facts.min_cell - _NOBODY)
    small = (
        pl.col("diagnostic").is_in(["unweighted_n", "kish_effective_n"])
        & (pl.col("n") < facts.min_cell)
        & (pl.col("n") > 0)
    )
    small = small | (pl.col("diagnostic").is_in(_PEOPLE) & pl.col("value").is_between(1, facts.min_cell, closed="left"))
    hidden = (few | small).fill_null(value=False)
    step = pl.when(pl.col("n").is_null()).then(pl.col("diagnostic").replace_strict(DIAGNOSTIC_STEPS, default=None))
    shown = found.join(sizes, on=_CELL, how="left").with_columns(
        pl.when(~hidden).then(((pl.col("value") / step).round() * step).fill_null(pl.col("value"))).alias("value"),
        hidden.alias("is_suppressed"),
    )
    return _with_contract_columns("mart.diagnostic", with_waivers(shown, facts).lazy())


def dose_response(inputs: Inputs, facts: RunFacts) -> pl.LazyFrame:
    """`mart.dose_response`: curves hold no counts and leave as they are."""
    return _with_contract_columns("mart.dose_response", inputs["models.dose_response"])


def threshold(inputs: Inputs, facts: RunFacts) -> pl.LazyFrame:
    """`mart.threshold`: the verdict without the people behind it; numbers of few are hidden with it."""
    found = inputs["models.threshold"].with_columns(
        is_suppressed=(pl.col("n_people") < facts.min_cell).fill_null(value=False), run_id=pl.lit(facts.run_id)
    )
    told = [name for name, dtype in CONTRACTS["mart.threshold"].empty().schema.items() if dtype == pl.Float64]
    flags = ("is_open_low", "is_open_high", "is_empty")
    hidden = pl.col("is_suppressed")
    shown = found.with_columns(
        *(pl.when(~hidden).then(pl.col(name)).alias(name) for name in (*told, *flags)),
        pl.when(hidden).then(pl.lit("not_answerable")).otherwise(pl.col("answer").cast(pl.String)).alias("answer"),
        pl.when(hidden).then(pl.lit("too few people to be shown")).otherwise("why").alias("why"),
    )
    return _with_contract_columns("mart.threshold", shown)


def bone_prevalence(inputs: Inputs, facts: RunFacts) -> pl.LazyFrame:
    """`mart.bone_prevalence`: bands of one cycle, sex and reference are a partition of its people."""
    found = inputs["models.bone_prevalence"].collect()
    keys = ["study_id", "cycle_label", "site_code", "sex_code", "reference_code"]
    shown = _partition(found, keys, "n_band", facts.min_cell, ["prevalence_pct", "se_pct", "ci_low_pct", "ci_high_pct"])
    few = (pl.col("n") > 0) & (pl.col("n") < facts.min_cell)
    return _with_contract_columns(
        "mart.bone_prevalence", shown.with_columns(pl.when(~few).then(pl.col("n")).alias("n"))
    )


def attrition(inputs: Inputs, facts: RunFacts) -> pl.LazyFrame:
    """`mart.attrition`: a step that lost few people is folded into its neighbour, also where another cohort would tell them.

    Cohorts of one family count the same people by other rules, so a count close to one shown for another cohort goes, too.
    """
    found = inputs["cohort.attrition"].collect().sort("study_id", "cohort_code", "arm_code", "step_number")
    told: dict[tuple[str, str], set[int]] = {}

    def of_arm(steps: pl.DataFrame) -> pl.DataFrame:
        counts = steps["n_after"].to_list()
        others = told.setdefault((steps["family_code"][0] or "", steps["arm_code"][0]), set())
        hidden = pl.Series(
            [
                is_hidden or any(0 < abs(n - other) < facts.min_cell for other in others)
                for n, is_hidden in zip(counts, hidden_steps(counts, facts.min_cell), strict=True)
            ]
        )
        others.update(n for n, is_hidden in zip(counts, hidden, strict=True) if not is_hidden)
        after = pl.select(pl.when(~hidden).then(steps["n_after"])).to_series()
        before = after.shift(1, fill_value=after[0])
        return steps.with_columns(
            n_before=before, n_after=after, is_suppressed=hidden | hidden.shift(1, fill_value=False)
        )

    return _with_contract_columns("mart.attrition", _by(found, ["study_id", "cohort_code", "arm_code"], of_arm))


def table_one(inputs: Inputs, facts: RunFacts) -> pl.LazyFrame:
    """`mart.table_one`: levels and no answer are a partition; a mean loses its n where few lack it, all where few have it."""
    found = inputs["models.baseline"].collect()
    people = found.filter(characteristic="People").select("study_id", "arm_code", pl.col("n").alias("n_arm"))
    keys = ["study_id", "arm_code", "characteristic"]
    levels = found.filter(~pl.col("level").is_in(["mean", "all"])).join(people, on=["study_id", "arm_code"])
    # A share is one of those who have an answer: of few of them its steps are wider.
    levels = levels.with_columns(n_known=pl.min_horizontal("n_arm", pl.col("n").sum().over(keys)))
    partitions = _partition(levels, keys, "n", facts.min_cell, ["estimate"], total="n_arm")
    exact = pl.col("is_weighted").eq(other=False)  # of weighted shares nobody can count people
    told = pl.when(exact).then(told_share(pl.col("estimate"), pl.col("n_known"), facts.min_cell)).otherwise("estimate")
    partitions = partitions.with_columns(told.alias("estimate"))
    rest = found.filter(pl.col("level").is_in(["mean", "all"])).join(people, on=["study_id", "arm_code"])
    few_known = (pl.col("n") > 0) & (pl.col("n") < facts.min_cell)
    few_missing = (pl.col("n_arm") - pl.col("n")).is_between(1, facts.min_cell - 1)
    means = rest.with_columns(
        pl.when(~(few_known | few_missing)).then(pl.col("n")).alias("n"),
        pl.when(~few_known).then(pl.col("estimate")).alias("estimate"),
        pl.when(~few_known).then(pl.col("spread")).alias("spread"),
        (few_known | few_missing).alias("is_suppressed"),
    )
    return _with_contract_columns("mart.table_one", pl.concat([partitions, means.lazy()], how="diagonal"))


def e2_distribution(inputs: Inputs, facts: RunFacts) -> pl.LazyFrame:
    """`mart.e2_distribution`: bins of one population are a partition of it."""
    found = inputs["models.e2_distribution"].collect()
    shown = _partition(found, ["cycle_label", "assay_class", "population"], "n", facts.min_cell, ["weighted_share_pct"])
    return _with_contract_columns("mart.e2_distribution", shown)


def measurement_count(inputs: Inputs, facts: RunFacts) -> pl.LazyFrame:
    """`mart.measurement_count`: women and men are a partition of all, and a pair is nested in either measurement."""
    found = inputs["cohort.measurement_count"].collect()
    sexes = _partition(
        found.filter(pl.col("sex_code") != "all"), ["cycle_label", "measurement"], "n", facts.min_cell, []
    )
    both = found.filter(sex_code="all").with_columns(
        pl.col("n").map_elements(lambda n: hide_small(n, facts.min_cell), return_dtype=pl.Int64)
    )
    shown = pl.concat([sexes.collect(), both], how="diagonal").join(
        _almost_all(found, facts.min_cell), on=["cycle_label", "measurement"], how="left"
    )
    shown = shown.with_columns(pl.when(pl.col("is_almost_all").is_null()).then(pl.col("n")).alias("n"))
    shown = shown.with_columns(pl.col("n").is_null().alias("is_suppressed"))
    return _with_contract_columns("mart.measurement_count", shown.lazy())


def _almost_all(counts: pl.DataFrame, min_cell: int) -> pl.DataFrame:
    """Cycles and nested measurements that all but a few people with the wider measurement have, of any sex."""
    pairs = [(inner, outer) for inner, outers in _NESTED_IN.items() for outer in outers]
    wider = counts.select("cycle_label", "sex_code", pl.col("measurement").alias("outer"), pl.col("n").alias("n_outer"))
    nested = pl.DataFrame(pairs, schema={"measurement": pl.String, "outer": pl.String}, orient="row")
    found = counts.join(nested, on="measurement").join(wider, on=["cycle_label", "sex_code", "outer"])
    few = found.filter((pl.col("n_outer") - pl.col("n")).is_between(1, min_cell - 1))
    return few.select("cycle_label", "measurement", pl.lit(value=True).alias("is_almost_all")).unique()


def source_file(inputs: Inputs, facts: RunFacts) -> pl.LazyFrame:
    """`mart.source_file`: rows are not people, but few rows are few people: small parts of a file are hidden."""
    told = ("source_file", "sha256", "cycle_label", "table_name", "status_code", "rows_in")
    manifest = inputs["raw.manifest"].select(told)
    account = inputs["staging.conservation"].drop("table_name", "cycle_label", "rows_in", "source_id", "drop_id")
    joined = manifest.join(account, on="source_file", how="left").collect()
    parts = ["rows_staged", "rows_duplicate", "rows_quarantined", "rows_out_of_scope"]
    hidden = [
        hidden_parts([n or 0 for n in row], facts.min_cell) if row[0] is not None else [False] * len(parts)
        for row in joined.select(parts).iter_rows()
    ]
    flags = pl.DataFrame(hidden, schema=[f"hide_{name}" for name in parts], orient="row")
    shown = joined.hstack(flags).with_columns(
        *(pl.when(~pl.col(f"hide_{name}")).then(pl.col(name)).alias(name) for name in parts),
        pl.any_horizontal([f"hide_{name}" for name in parts]).alias("is_suppressed"),
    )
    # Whoever guesses the few rows of a file could tell by its hash that the guess is right.
    is_few = pl.col("is_suppressed") | pl.col("rows_in").fill_null(0).lt(facts.min_cell)
    shown = shown.with_columns(pl.when(~is_few).then("sha256").alias("sha256"))
    return _with_contract_columns("mart.source_file", shown.lazy())


def missing_piece(inputs: Inputs, facts: RunFacts) -> pl.LazyFrame:
    """`mart.missing_piece`: says nothing about persons."""
    return _with_contract_columns("mart.missing_piece", inputs["raw.missing_piece"])


def sig_coverage(inputs: Inputs, facts: RunFacts) -> pl.LazyFrame:
    """`mart.sig_coverage`: rows are not people; a cell of few people is hidden, and enough others that no total tells it."""
    found = inputs["cohort.sig_count"].collect().sort("source_id", "language", "outcome", "reason")
    shown = _partition(found, ["source_id"], "n_people", facts.min_cell, ["n_sigs", "n_rows"])
    return _with_contract_columns("mart.sig_coverage", shown)


def claim(inputs: Inputs, facts: RunFacts) -> pl.LazyFrame:
    """`mart.claim`: estimates and intervals that leave with `mart.effect_estimate` anyway, and no number of people."""
    return _with_contract_columns("mart.claim", inputs["models.claim"])


def change_point(inputs: Inputs, facts: RunFacts) -> pl.LazyFrame:
    """`mart.change_point`: steps beyond chance, rounded and without the number of people behind them."""
    is_step = pl.col("is_peak") & (pl.col("p_adjusted") < FAMILY_ERROR)
    found = inputs["models.change_point"].filter(is_step).with_columns(is_suppressed=pl.col("n_pairs") < facts.min_cell)
    is_shown = pl.when(~pl.col("is_suppressed"))
    shown = found.with_columns(
        is_shown.then("cause_code").alias("cause_code"),
        *(
            is_shown.then((2 * pl.col(name)).round() / 2).alias(name)
            for name in ("change_pct", "ci_low_pct", "ci_high_pct")
        ),
    )
    return _with_contract_columns("mart.change_point", shown)


def evidence_drift(inputs: Inputs, facts: RunFacts) -> pl.LazyFrame:
    """`mart.evidence_drift`: all that moved is hidden where few came or went, and rounded where more did.

    A change of few people in a large group would tell what these few are.
    """
    n, change = pl.col("n"), pl.col("n_change").abs()
    few = change.is_between(1, facts.min_cell - 1) | pl.any_horizontal(
        people.is_between(1, facts.min_cell - 1) for people in (n, n - pl.col("n_change"))
    )
    found = inputs["models.evidence_drift"].with_columns(few.fill_null(value=False).alias("is_suppressed"))
    steps = {"n_change": 10, "largest_smd_change": 0.01, "ease_change": 0.01, "estimate_change_se": 0.01}
    shown = found.with_columns(
        pl.when(~pl.col("is_suppressed")).then((pl.col(name) / step).round() * step).alias(name)
        for name, step in steps.items()
    ).with_columns(pl.col("n_change").cast(pl.Int64))
    return _with_contract_columns("mart.evidence_drift", shown)


def _partition(
    frame: pl.DataFrame, keys: list[str], count: str, min_cell: int, tell: list[str], total: str | None = None
) -> pl.LazyFrame:
    """Hide small parts and their complements within each key; `tell` are the other columns that give a count away.

    `total` is a column with the people of the key, where the parts need not add up to them: the rest is a part as well.
    """

    def of_key(parts: pl.DataFrame) -> pl.DataFrame:
        counts = parts[count].to_list()
        rest = [parts[total][0] - sum(counts)] if total else []
        hidden = pl.Series(hidden_parts([*counts, *rest], min_cell)[: len(counts)], dtype=pl.Boolean)
        return parts.with_columns(
            *(pl.when(~hidden).then(pl.col(name)).alias(name) for name in (count, *tell)), hidden.alias("is_suppressed")
        )

    return _by(frame, keys, of_key)


def _by(frame: pl.DataFrame, keys: list[str], change: Callable[[pl.DataFrame], pl.DataFrame]) -> pl.LazyFrame:
    if frame.is_empty():
        return frame.with_columns(pl.lit(value=False).alias("is_suppressed")).lazy()
    return pl.concat([change(part) for part in frame.partition_by(keys, maintain_order=True)]).lazy()


def _with_contract_columns(table: str, frame: pl.LazyFrame) -> pl.LazyFrame:
    """The columns of the contract; those a study of this kind does not have are NULL."""
    schema = CONTRACTS[table].empty().schema
    present = set(frame.collect_schema().names())
    absent = [
        pl.lit(None).cast(pl.String if dtype == pl.Enum else dtype).alias(n)
        for n, dtype in schema.items()
        if n not in present
    ]
    return frame.with_columns(absent).select(schema.names())
