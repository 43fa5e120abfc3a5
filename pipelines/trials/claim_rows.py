"""`ref.claim`: the rules of the file of claims as rows, each with the hash of the file. What they mean: `claim_rule`."""

import polars as pl

from pipelines.run_facts import Inputs, RunFacts
from pipelines.tables import CONTRACTS
from pipelines.trials.claim_rule import Claim, ClaimPart, ClaimRules, claim_rules


def claim(inputs: Inputs, facts: RunFacts) -> pl.LazyFrame:
    """`ref.claim`: every claim, whatever studies were asked for."""
    return rows_of(claim_rules()).lazy()


def rows_of(rules: ClaimRules) -> pl.DataFrame:
    """One row a part, with what the claim says of all its parts."""
    rows = [_row(claim, part, rules.rules_hash) for claim in rules.claims for part in claim.part]
    return pl.DataFrame(rows, schema=CONTRACTS["ref.claim"].empty().schema)


def _row(claim: Claim, part: ClaimPart, rules_hash: str) -> dict[str, object]:
    low, high = part.named or (None, None)
    return {
        "claim_id": claim.id,
        "part_code": part.code,
        "family_code": claim.family,
        "kind_code": part.kind or claim.kind,
        "is_dosing": claim.is_dosing,
        "claim": claim.claim,
        "population": part.population,
        "estimand": part.estimand,
        "answered_by": part.study,
        "contrast": part.contrast,
        "outcome": part.outcome,
        "side_code": part.side,
        "delta": part.smallest.delta if part.smallest else None,
        "delta_source": part.smallest.words if part.smallest else None,
        "named_low": low,
        "named_high": high,
        "published_answer": claim.published,
        "citation": claim.citation,
        "rules_hash": rules_hash,
        "absent": part.absent,
        "truth_study": part.truth.study if part.truth else None,
        "truth_contrast": part.truth.contrast if part.truth else None,
        "truth_figure": part.truth.figure if part.truth else None,
    }
