"""Scores of questionnaires stay within what the questionnaire can say."""

import polars as pl

from pipelines.synth.mechanism import codes
from pipelines.synth.mechanism.simulate import simulate
from pipelines.synth.parameters import load_parameters


def test_no_score_is_beyond_its_scale_and_the_ends_of_some_are_reached() -> None:
    seen = simulate(load_parameters(), 1, 1, 3000).observations
    values = [name for name, kind in seen.schema.items() if kind.is_float()]
    assert values
    most = seen.group_by(pl.col("observation").cast(pl.String)).agg(pl.col(values).max())
    found = {row["observation"]: max(row[name] for name in values) for row in most.iter_rows(named=True)}
    assert set(codes.SCORE_MAXIMA) <= set(found)
    assert all(found[name] <= limit for name, limit in codes.SCORE_MAXIMA.items())
    assert found["facit_fatigue"] == codes.SCORE_MAXIMA["facit_fatigue"], (
        "of this many people some are not tired at all"
    )
    assert seen.select(pl.col(values).min()).row(0) >= (0.0,) * len(values)
