"""The ledger of claims as rows of the population of all faults: as no study of it answers them, or with one rule broken.

Faults are rows beside the sound ones; real people are said where a verdict is needed, for simulated people have none.
"""

import polars as pl

from pipelines.models.claim_table import claim
from pipelines.run_facts import RunFacts
from pipelines.tables import CONTRACTS

Frames = dict[str, pl.DataFrame]
LEDGERS = ("models.claim", "mart.claim")
#: no study of the population answers a claim
NOTHING_FOUND = ("models.effect_estimate", "models.threshold", "raw.planted_truth")
GATE = ("study_id", "contrast", "outcome", "population")


def ledger(rules: pl.DataFrame) -> Frames:
    """Every claim of the rules, judged without a study, and one figure that the simulator planted."""
    tables = {name: CONTRACTS[name].empty() for name in NOTHING_FOUND}
    facts = RunFacts("run", "omop", (), "white_female", 11, "simulated")
    inputs = {"ref.claim": rules.lazy()} | {name: frame.lazy() for name, frame in tables.items()}
    judged = _plain(claim(inputs, facts).collect())
    figure = {"truth_study": ["s"], "truth_contrast": ["a vs b"], "truth_figure": ["bone"], "value": [-1.0]}
    planted = pl.DataFrame(figure | {"standard_error": [0.1]})
    return {"raw.planted_truth": planted} | dict.fromkeys(LEDGERS, judged)


def spoiled(frames: Frames) -> Frames:
    """Rows that break each rule of the judged ledger, and of the one that leaves."""
    sound = frames["models.claim"]
    answered = {"evidence_source": "real", "claim_verdict": "inconclusive", "verdict": "inconclusive"}
    wide, well_below = (
        {"estimate": -1.0, "ci_low": -2.0, "ci_high": 1.0},
        {"estimate": -3.0, "ci_low": -4.0, "ci_high": -2.0},
    )
    rows = [
        _changed(sound, "H1", "men_spine", why="gate closed: too few", estimate=1.0),
        _changed(sound, "H3", "hip_24", verdict="inconclusive"),
        _changed(sound, "H3", "hip_60", **answered | wide | {"verdict": "supported"}),
        _changed(sound, "H3", "spine_24", **answered | well_below | {"verdict": "contradicted"}),
        _changed(sound, "H10", "hip_vs_none", **answered | {"evidence_source": "public_survey"}),
        _changed(sound, "H13", "men_ldl", **answered),
        _changed(sound, "H13", "women_ldl", **answered | {"claim_verdict": "supported"}),
    ]
    estimates = frames["models.effect_estimate"].filter(pl.col("gate_status") == "closed")
    (closed,) = estimates.drop_nulls(list(GATE)).head(1).select(GATE).to_dicts()
    behind = _changed(sound, "H5", "men", **closed, estimate=1.0)
    not_told = _changed(sound, "H28", "men_spine", part_code="kept_back")
    return {"models.claim": pl.concat([*rows, behind, not_told]), "mart.claim": pl.concat(rows)}


def rule_not_judged(rules: pl.DataFrame) -> pl.DataFrame:
    """The rules, and one more that the ledger knows nothing of."""
    return pl.concat([rules, _changed(rules, "H16", "arthralgia", part_code="forgotten")])


def _changed(rows: pl.DataFrame, claim_id: str, part: str, /, **values: object) -> pl.DataFrame:
    found = rows.filter(pl.col("claim_id") == claim_id, pl.col("part_code") == part)
    assert found.height == 1
    return found.with_columns(pl.lit(value, rows.schema[name]).alias(name) for name, value in values.items())


def _plain(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.cast({name: pl.String for name, kind in rows.schema.items() if kind == pl.Enum})
