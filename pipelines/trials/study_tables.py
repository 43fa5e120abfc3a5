"""Studies and run settings as rows of `ref.*`: the only way in which parameters reach SQL."""

import polars as pl

from pipelines.run_facts import Inputs, RunFacts
from pipelines.tables import CONTRACTS
from pipelines.trials import cohort_rows
from pipelines.trials.cohort import SURVEY
from pipelines.trials.study import Study, catalogue


def _asked(facts: RunFacts) -> list[Study]:
    return [catalogue()[name] for name in facts.studies]


def _frame(table: str, rows: list[dict[str, object]]) -> pl.LazyFrame:
    return pl.DataFrame(rows, schema=CONTRACTS[table].empty().schema).lazy()


def study(inputs: Inputs, facts: RunFacts) -> pl.LazyFrame:
    """`ref.study`."""
    return _frame(
        "ref.study",
        [
            {
                "study_id": s.id,
                "title": s.title,
                "design": s.design,
                "minimum_age_years": s.minimum_age_years,
                "arm_rule": s.population.arms if s.is_survey else "cohort" if s.cohort else "trials",
                "protocol_hash": s.protocol_hash,
            }
            for s in _asked(facts)
        ],
    )


def study_cycle(inputs: Inputs, facts: RunFacts) -> pl.LazyFrame:
    """`ref.study_cycle`."""
    return _frame(
        "ref.study_cycle",
        [{"study_id": s.id, "cycle_label": cycle} for s in _asked(facts) for cycle in s.population.cycles],
    )


def study_criterion(inputs: Inputs, facts: RunFacts) -> pl.LazyFrame:
    """`ref.study_criterion`: steps of surveys and of cohorts, numbered in the order of the file."""
    surveys: list[dict[str, object]] = [
        {
            "study_id": s.id,
            "cohort_code": SURVEY,
            "step_number": number,
            "criterion_code": step.rule,
            "label": step.label,
        }
        for s in _asked(facts)
        for number, step in enumerate(s.eligibility, start=1)
    ]
    return _frame("ref.study_criterion", [*surveys, *cohort_rows.criteria(_asked(facts))])


def study_cohort(inputs: Inputs, facts: RunFacts) -> pl.LazyFrame:
    """`ref.study_cohort`."""
    return _frame("ref.study_cohort", cohort_rows.cohorts(_asked(facts)))


def study_arm(inputs: Inputs, facts: RunFacts) -> pl.LazyFrame:
    """`ref.study_arm`."""
    return _frame("ref.study_arm", cohort_rows.arms(_asked(facts)))


def study_censor(inputs: Inputs, facts: RunFacts) -> pl.LazyFrame:
    """`ref.study_censor`."""
    return _frame("ref.study_censor", cohort_rows.censors(_asked(facts)))


def study_contrast(inputs: Inputs, facts: RunFacts) -> pl.LazyFrame:
    """`ref.study_contrast`."""
    return _frame("ref.study_contrast", cohort_rows.contrasts(_asked(facts)))


def study_set(inputs: Inputs, facts: RunFacts) -> pl.LazyFrame:
    """`ref.study_set`: every set of events that a study asks for, once."""
    return _frame("ref.study_set", cohort_rows.sets(_asked(facts)))


def study_covariate(inputs: Inputs, facts: RunFacts) -> pl.LazyFrame:
    """`ref.study_covariate`."""
    return _frame(
        "ref.study_covariate",
        [{"study_id": s.id, "covariate_code": code} for s in _asked(facts) for code in s.covariates.codes],
    )


def study_outcome(inputs: Inputs, facts: RunFacts) -> pl.LazyFrame:
    """`ref.study_outcome`."""
    return _frame(
        "ref.study_outcome",
        [
            {"study_id": s.id, "outcome_code": code, "is_primary": code in s.outcomes.primary}
            for s in _asked(facts)
            for code in (*s.outcomes.primary, *s.outcomes.secondary)
        ],
    )


def run_setting(inputs: Inputs, facts: RunFacts) -> pl.LazyFrame:
    """`ref.run_setting`."""
    settings = {
        "bone_reference": facts.bone_reference,
        "min_cell": str(facts.min_cell),
        "evidence_source": facts.evidence_source,
    }
    return _frame("ref.run_setting", [{"setting_code": k, "value_text": v} for k, v in settings.items()])
