"""`models.propensity_model`: the propensity of each contrast is fitted here, once, and read from here by every other step.

Here: contrasts of a run, their fits as rows, and rows as fits. Not here: the fit (`point_treatment`), what is made of it
(`contrast_tables`).
"""

from collections.abc import Iterator

import numpy as np
import polars as pl

from pipelines.models.clone_frame import clone_frame
from pipelines.models.clone_treatment import PreparedClones, prepare_clones
from pipelines.models.contrast_frame import contrast_frame
from pipelines.models.errors import NotEstimable
from pipelines.models.point_treatment import Prepared, PropensityModel, kept, prepare, restore
from pipelines.run_facts import Inputs, RunFacts
from pipelines.tables import CONTRACTS
from pipelines.trials.contrast import Contrast
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


def contrast_key(study: Study, contrast: Contrast) -> Row:
    """Columns by which results name a contrast."""
    return {
        "study_id": study.id,
        "contrast": contrast.words,
        "outcome": contrast.outcome,
        "population": contrast.population,
    }


def propensity_model(inputs: Inputs, facts: RunFacts) -> pl.LazyFrame:
    """The intercept and every term of each contrast; one row with the problem where there is no model."""
    rows: list[Row] = []
    for study, contrast in contrasts(facts):
        key = contrast_key(study, contrast)
        frame = contrast_frame(inputs, study, contrast)
        if contrast.grace_intervals is not None:
            none = {"term_number": 0, "term": NO_MODEL, "problem": NO_PROPENSITY}
            rows.append(key | none | {"n_people": frame.treated.size})
            continue
        counted = key | {"n_people": frame.treated.size}
        try:
            model = kept(prepare(frame))
        except NotEstimable as error:
            rows.append(counted | {"term_number": 0, "term": NO_MODEL, "problem": str(error)})
            continue
        fitted = counted | {"penalty": model.penalty, "n_steps": model.n_steps}
        values = (model.intercept, *model.coefficients.tolist())
        rows += [
            fitted | {"term_number": number, "term": term, "coefficient": value}
            for number, (term, value) in enumerate(zip((INTERCEPT, *model.terms), values, strict=True))
        ]
    return pl.DataFrame(rows, schema=CONTRACTS[TABLE].empty().schema).lazy()


def prepared(inputs: Inputs, study: Study, contrast: Contrast) -> Prepared | PreparedClones | str:
    """The contrast ready for diagnostics, from its stored model or by clones; or why it is not."""
    if contrast.grace_intervals is not None:
        try:
            return prepare_clones(clone_frame(inputs, study, contrast))
        except NotEstimable as error:
            return str(error)
    wanted = [pl.col(name) == value for name, value in contrast_key(study, contrast).items()]
    rows = inputs[TABLE].filter(*wanted).sort("term_number").collect()
    if rows.is_empty():
        return "no propensity model was fitted"
    if problem := rows["problem"][0]:
        return str(problem)
    coefficients = rows["coefficient"].to_numpy().astype(np.float64)
    model = PropensityModel(
        tuple(rows["term"][1:]),
        float(coefficients[0]),
        coefficients[1:],
        float(rows["penalty"][0]),
        int(rows["n_steps"][0]),
    )
    return restore(contrast_frame(inputs, study, contrast), model)
