"""`models.propensity_model`: the propensity of each contrast is fitted here, once, and read from here by every other step.

Here: contrasts and pairs of arms of a run, their fits as rows, and rows as fits. A pair whose risks are asked for has one
propensity, whatever the outcome. Not here: the fit (`point_treatment`), what is made of it (`contrast_tables`, `risk_tables`).
"""

from collections.abc import Iterator, Sequence

import numpy as np
import polars as pl

from pipelines.models.clone_frame import CloneFrame, clone_frame
from pipelines.models.clone_treatment import PreparedClones, prepare_clones
from pipelines.models.contrast_frame import ContrastFrame, contrast_frame
from pipelines.models.errors import NotEstimable
from pipelines.models.point_treatment import Prepared, PropensityModel, kept, prepare, restore
from pipelines.models.risk_contrast import PreparedRisk, cloned
from pipelines.models.risk_frame import ANY_OUTCOME, risk_frame
from pipelines.run_facts import Inputs, RunFacts
from pipelines.tables import CONTRACTS
from pipelines.trials.contrast import Contrast
from pipelines.trials.risk import Risk, RiskQuestion
from pipelines.trials.study import Study, catalogue

TABLE = "models.propensity_model"
INTERCEPT = "intercept"
#: the term of a contrast that has no model
NO_MODEL = "none"
#: why a contrast by clones has none
NO_PROPENSITY = "by clones: the arm is decided after time zero"
Row = dict[str, object]


def contrasts(facts: RunFacts) -> Iterator[tuple[Study, Contrast]]:
    """Every contrast of the studies asked for."""
    for name in facts.studies:
        for contrast in catalogue()[name].contrast:
            yield catalogue()[name], contrast


def contrast_key(study: Study, contrast: Contrast | RiskQuestion) -> Row:
    """Columns by which results name a contrast."""
    return {
        "study_id": study.id,
        "contrast": contrast.words,
        "outcome": contrast.outcome,
        "population": contrast.population,
    }


def risks(facts: RunFacts) -> Iterator[tuple[Study, Risk]]:
    """Every pair of arms of the studies asked for whose risks are asked for."""
    for name in facts.studies:
        for risk in catalogue()[name].risk:
            yield catalogue()[name], risk


def pair_key(study: Study, risk: Risk) -> Row:
    """Columns by which results name a pair of arms, whatever the outcome."""
    return {"study_id": study.id, "contrast": risk.words, "outcome": ANY_OUTCOME, "population": risk.population}


def propensity_model(inputs: Inputs, facts: RunFacts) -> pl.LazyFrame:
    """The intercept and every term of each contrast and pair; one row with the problem where there is no model."""
    rows: list[Row] = []
    for study, contrast in contrasts(facts):
        key = contrast_key(study, contrast)
        if contrast.grace_intervals is None:
            rows += _fitted(key, contrast_frame(inputs, study, contrast))
        else:
            rows += _cloned(key, clone_frame(inputs, study, contrast), is_due_of_all=_is_due_of_all(contrast))
    for study, risk in risks(facts):
        frame = risk_frame(inputs, study, risk, ())
        rows += (
            _fitted(pair_key(study, risk), frame.pair)
            if frame.clones is None
            else _cloned(pair_key(study, risk), frame.clones, is_due_of_all=True)
        )
    return pl.DataFrame(rows, schema=CONTRACTS[TABLE].empty().schema).lazy()


def _cloned(key: Row, frame: CloneFrame, *, is_due_of_all: bool = False) -> list[Row]:
    """Of clones the penalty alone: to look for it takes most of the time, to fit with it little."""
    row = key | {"n_people": frame.course.begun.size, "term_number": 0, "term": NO_MODEL}
    try:
        found = prepare_clones(frame, is_due_of_all=is_due_of_all)
        return [row | {"penalty": found.penalty, "problem": NO_PROPENSITY}]
    except NotEstimable as error:
        return [row | {"problem": str(error)}]


def _is_due_of_all(contrast: Contrast) -> bool:
    return contrast.due == "grace_period"


def _fitted(key: Row, frame: ContrastFrame) -> list[Row]:
    counted = key | {"n_people": frame.treated.size}
    try:
        model = kept(prepare(frame))
    except NotEstimable as error:
        return [counted | {"term_number": 0, "term": NO_MODEL, "problem": str(error)}]
    fitted = counted | {"penalty": model.penalty, "n_steps": model.n_steps}
    values = (model.intercept, *model.coefficients.tolist())
    return [
        fitted | {"term_number": number, "term": term, "coefficient": value}
        for number, (term, value) in enumerate(zip((INTERCEPT, *model.terms), values, strict=True))
    ]


def prepared(inputs: Inputs, study: Study, contrast: Contrast) -> Prepared | PreparedClones | str:
    """The contrast ready for diagnostics, from its stored model or by clones; or why it is not."""
    if contrast.grace_intervals is not None:
        penalty = fitted_penalty(inputs, contrast_key(study, contrast))
        if isinstance(penalty, str):
            return penalty
        frame = clone_frame(inputs, study, contrast)
        return prepare_clones(frame, penalty, is_due_of_all=_is_due_of_all(contrast))
    model = _stored(inputs, contrast_key(study, contrast))
    return model if isinstance(model, str) else restore(contrast_frame(inputs, study, contrast), model)


def prepared_risk(inputs: Inputs, study: Study, risk: Risk, outcomes: Sequence[str]) -> PreparedRisk | str:
    """A pair of arms ready for these outcomes, from its stored model or by clones; or why it is not."""
    if risk.grace_intervals is not None:
        penalty = fitted_penalty(inputs, pair_key(study, risk))
        if isinstance(penalty, str):
            return penalty
        frame = risk_frame(inputs, study, risk, outcomes)
        return PreparedRisk(frame, cloned(frame, penalty))
    model = _stored(inputs, pair_key(study, risk))
    if isinstance(model, str):
        return model
    frame = risk_frame(inputs, study, risk, outcomes)
    return PreparedRisk(frame, restore(frame.pair, model))


def fitted_penalty(inputs: Inputs, key: Row) -> float | str:
    """The penalty kept of a contrast, or why it has none."""
    rows = inputs[TABLE].filter(*(pl.col(name) == value for name, value in key.items())).collect()
    if rows.is_empty():
        return "no propensity model was fitted"
    penalty = rows["penalty"][0]
    return str(rows["problem"][0]) if penalty is None else float(penalty)


def _stored(inputs: Inputs, key: Row) -> PropensityModel | str:
    """The model kept under a key, or why there is none."""
    wanted = [pl.col(name) == value for name, value in key.items()]
    rows = inputs[TABLE].filter(*wanted).sort("term_number").collect()
    if rows.is_empty():
        return "no propensity model was fitted"
    if problem := rows["problem"][0]:
        return str(problem)
    coefficients = rows["coefficient"].to_numpy().astype(np.float64)
    return PropensityModel(
        tuple(rows["term"][1:]),
        float(coefficients[0]),
        coefficients[1:],
        float(rows["penalty"][0]),
        int(rows["n_steps"][0]),
    )
