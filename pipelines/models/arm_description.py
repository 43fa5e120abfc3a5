"""Who was in the arms of clinical cohorts: `models.baseline` from the means behind `models.covariate_balance`, before weighting.

Surveys are described in `description`, how alike arms are after weighting in `balance`.
"""

from collections.abc import Iterator

import polars as pl

from pipelines.models.propensity_model import Row, contrast_key, pair_key
from pipelines.trials.study import Study

_QUESTION = ("study_id", "contrast", "outcome", "population")


def arm_rows(study: Study, balance: pl.DataFrame) -> list[Row]:
    """Every covariate of every arm and cohort of a study, each arm as its first comparison in the study file has it.

    With a grace period these are the people who kept to the strategy until its end.

    Args:
        balance: `models.covariate_balance`.

    Returns:
        rows of `models.baseline`; an arm is named with its cohort.
    """
    rows: list[Row] = []
    seen: set[str] = set()
    for key, cohort, arms in _compared(study):
        own = balance.filter(*(pl.col(name) == key[name] for name in _QUESTION))
        for arm, side in zip(arms, ("target", "comparator"), strict=True):
            name = f"{arm}, cohort {cohort}"
            if name in seen or own.is_empty():
                continue
            seen.add(name)
            common = {"study_id": study.id, "arm_code": name, "is_weighted": False}
            rows += [common | each for each in _described(own, side)]
    return rows


def _compared(study: Study) -> Iterator[tuple[Row, str, tuple[str, str]]]:
    """Key, cohort and arms of every comparison, in the order of the file."""
    for contrast in study.contrast:
        yield contrast_key(study, contrast), contrast.cohort, (contrast.target, contrast.comparator)
    for risk in study.risk:
        yield pair_key(study, risk), risk.cohort, (risk.target, risk.comparator)


def _described(own: pl.DataFrame, side: str) -> Iterator[Row]:
    yield {"characteristic": "People", "level": "all", "n": own[f"n_{side}"][0]}
    known_of = own.select("covariate", f"mean_{side}", f"n_known_{side}", "is_presence").sort("covariate")
    for covariate, mean, known, is_presence in known_of.iter_rows():
        # That a value is missing is told by how many are known.
        if mean is None or covariate.endswith(": missing"):
            continue
        if not is_presence:
            yield {"characteristic": covariate, "level": "mean", "n": known, "estimate": mean}
            continue
        having = round(mean * known)
        for level, n in (("yes", having), ("no", known - having)):
            yield {"characteristic": covariate, "level": level, "n": n, "estimate": n / known, "unit": "share"}
