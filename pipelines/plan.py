"""Every step of the house, in one list: SQL files and code lists are found, Python steps are named here and nowhere else."""

from functools import lru_cache
from graphlib import TopologicalSorter

from pipelines.settings import sql_root
from pipelines.tables import CONTRACTS
from pipelines.warehouse import sqlfile
from pipelines.warehouse.step import CLAIM_RULES, WAIVERS, PythonProducer, Step, from_csv, from_sql

_STUDIES = ("studies",)
_GATED = (*_STUDIES, "evidence_source", WAIVERS)
_SURVEY_FRAME = (
    "staging.survey_design",
    "cohort.trial_person",
    "features.bmd_change",
    "features.e2_exposure",
    "features.covariate",
)
# What comes after an examination, and ages at the ceiling of the release.
_MORTALITY = ("staging.observation_period", "staging.death", "staging.person")
_AI = (
    "features.ai_regimen",
    "features.menopausal_status",
    "features.drug_supply",
    "staging.person",
    "ref.pharmacokinetic",
    "ref.inhibition",
    "ref.drug",
    "ref.clinical_limit",
)
_CONTRAST = ("features.outcome_value", "ref.continuous_outcome", "models.propensity_model")
# People, follow-up and controls of those whose risks are compared.
_RISK = ("cohort.trial_person", "features.covariate", "features.outcome_event")
_CONTROLLED = (*_RISK, "ref.phenotype", "models.propensity_model", "models.negative_control")
# Scans, draws and limits of those who are followed along an exposure.
_CURVE = (
    "cohort.trial_person",
    "features.bmd_change",
    "features.covariate",
    "staging.lab_result",
    "ref.clinical_limit",
)
_DOSE = ("features.outcome_value", "features.drug_supply", "features.covariate", "staging.lab_result")
_POLICY = (*_DOSE, "cohort.trial_person", "features.outcome_event", "features.symptom_episode", "ref.symptom_system")
_SYMPTOM = (
    "cohort.trial_person",
    "features.steroid_panel",
    "features.symptom_episode",
    "features.drug_supply",
    "features.covariate",
    "staging.symptom",
    "ref.clinical_limit",
    "ref.episode_rule",
)
_TIME_COURSE = ("cohort.trial_person", "staging.lab_result", "features.ai_regimen")
# Genotypes by which effects of contrasts may differ.
_MODIFIER = ("staging.observation",)
_BONE_REFERENCE = ("ref.bone_reference", "ref.clinical_limit")


def _python(table: str, function: str, inputs: tuple[str, ...] = (), depends_on: tuple[str, ...] = ()) -> Step:
    return Step(table, inputs, PythonProducer(function), depends_on)


def _by_study(table: str, function: str, inputs: tuple[str, ...], depends_on: tuple[str, ...]) -> Step:
    return Step(table, inputs, PythonProducer(function), depends_on, is_by_study=True)


def _studies(table: str) -> Step:
    return _python(table, f"pipelines.trials.study_tables:{table.split('.')[1]}", depends_on=_STUDIES)


def _mart(table: str, *inputs: str, also: tuple[str, ...] = ()) -> Step:
    return _python(f"mart.{table}", f"pipelines.mart:{table}", inputs, ("min_cell", *also))


PYTHON_STEPS: tuple[Step, ...] = (
    *(
        _studies(f"ref.{name}")
        for name in (
            "study",
            "study_cycle",
            "study_cohort",
            "study_criterion",
            "study_arm",
            "study_censor",
            "study_contrast",
            "study_set",
            "study_covariate",
            "study_outcome",
        )
    ),
    _python(
        "ref.run_setting",
        "pipelines.trials.study_tables:run_setting",
        depends_on=("bone_reference", "min_cell", "evidence_source"),
    ),
    _python("ref.claim", "pipelines.trials.claim_rows:claim", depends_on=(CLAIM_RULES,)),
    _python("staging.sig", "pipelines.features.sig:sig", ("staging.sig_text",)),
    _python(
        "features.ai_exposure",
        "pipelines.features.ai_exposure:ai_exposure",
        (*_AI, "staging.observation_period", "staging.drug_exposure"),
    ),
    _python(
        "features.marker",
        "pipelines.features.marker:marker",
        ("staging.lab_result", "staging.person", "features.dosing_episode", "ref.marker", "ref.marker_band"),
    ),
    _python(
        "features.lipid_metabolic",
        "pipelines.features.lipid_metabolic:lipid_metabolic",
        ("staging.lab_result", "features.dosing_episode"),
    ),
    _python(
        "features.e2_exposure",
        "pipelines.features.e2_exposure:e2_exposure",
        (
            "staging.lab_result",
            "staging.person",
            "staging.death",
            "features.menopausal_status",
            "features.dosing_episode",
            "ref.e2_band",
            "ref.clinical_limit",
        ),
    ),
    _python(
        "features.ai_at_draw",
        "pipelines.features.ai_at_draw:ai_at_draw",
        (*_AI, "staging.lab_result"),
    ),
    _by_study(
        "models.propensity_model",
        "pipelines.models.propensity_model:propensity_model",
        tuple(dict.fromkeys(("features.covariate", "features.outcome_value", "ref.continuous_outcome", *_RISK))),
        _STUDIES,
    ),
    _by_study(
        "models.negative_control",
        "pipelines.models.control_tables:negative_control",
        (*_RISK, *_CONTRAST, "ref.negative_control"),
        (*_STUDIES, "evidence_source"),
    ),
    _by_study(
        "models.diagnostic",
        "pipelines.models.gate:diagnostic",
        tuple(
            dict.fromkeys(
                (
                    *(*_SURVEY_FRAME, *_MORTALITY, *_BONE_REFERENCE),
                    *(*_CONTRAST, *_CURVE, *_DOSE, *_POLICY, *_SYMPTOM, *_CONTROLLED, *_MODIFIER),
                    *_TIME_COURSE,
                )
            )
        ),
        _STUDIES,
    ),
    _by_study(
        "models.effect_estimate",
        "pipelines.models.effect:effect_estimate",
        tuple(
            dict.fromkeys(
                (
                    *(*_SURVEY_FRAME, *_MORTALITY, *_CONTRAST, *_CURVE, *_DOSE, *_POLICY, *_SYMPTOM, *_CONTROLLED),
                    *(*_MODIFIER, *_TIME_COURSE, "models.threshold", "models.diagnostic"),
                )
            )
        ),
        _GATED,
    ),
    _by_study(
        "models.covariate_balance",
        "pipelines.models.contrast_tables:covariate_balance",
        tuple(dict.fromkeys(("features.covariate", *_CONTRAST, *_RISK))),
        _STUDIES,
    ),
    _by_study(
        "models.propensity_score",
        "pipelines.models.contrast_tables:propensity_score",
        tuple(dict.fromkeys(("features.covariate", *_CONTRAST, *_RISK))),
        _STUDIES,
    ),
    _by_study(
        "models.cumulative_incidence",
        "pipelines.models.risk_curve:cumulative_incidence",
        (*_CONTROLLED, "models.effect_estimate"),
        (*_STUDIES, "evidence_source"),
    ),
    _by_study(
        "models.bmd_trajectory",
        "pipelines.models.bmd_trajectory:bmd_trajectory",
        ("features.covariate", "features.bmd_by_year", *_CONTRAST, "models.effect_estimate"),
        (*_STUDIES, "evidence_source"),
    ),
    _by_study(
        "models.dose_response",
        "pipelines.models.effect:dose_response",
        tuple(dict.fromkeys((*_SURVEY_FRAME, *_CURVE, *_SYMPTOM, "models.diagnostic"))),
        _GATED,
    ),
    _by_study(
        "models.threshold",
        "pipelines.models.threshold_tables:threshold",
        (*_CURVE, "models.diagnostic"),
        _GATED,
    ),
    _python(
        "models.bone_prevalence",
        "pipelines.models.bone_prevalence:bone_prevalence",
        (*_SURVEY_FRAME, *_BONE_REFERENCE),
        (*_STUDIES, "evidence_source"),
    ),
    _python(
        "models.baseline",
        "pipelines.models.description:baseline",
        (*_SURVEY_FRAME, "models.covariate_balance", "features.monitoring"),
        _STUDIES,
    ),
    _python(
        "models.e2_distribution",
        "pipelines.models.description:e2_distribution",
        ("staging.survey_design", "staging.person", "features.menopausal_status", "features.e2_exposure"),
    ),
    _python(
        "models.distribution_shift",
        "pipelines.models.distribution_shift:distribution_shift",
        ("models.value_histogram", "raw.previous_histogram"),
    ),
    _python(
        "models.evidence_drift",
        "pipelines.models.evidence_drift:evidence_drift",
        ("models.effect_estimate", "models.diagnostic", "raw.previous_evidence"),
    ),
    _python("models.change_point", "pipelines.models.change_point:change_point", ("models.level_change",)),
    _python(
        "models.claim",
        "pipelines.models.claim_table:claim",
        ("ref.claim", "models.effect_estimate", "models.threshold", "raw.planted_truth"),
        (*_STUDIES, "evidence_source"),
    ),
    _python("mart.study", "pipelines.mart_study:study", depends_on=(*_STUDIES, "evidence_source")),
    _python(
        "mart.propensity_score",
        "pipelines.mart_study:propensity_score",
        ("models.propensity_score",),
        ("min_cell", "evidence_source"),
    ),
    _mart("claim", "models.claim"),
    _mart("effect_estimate", "models.effect_estimate", "models.diagnostic"),
    _mart("negative_control", "models.negative_control"),
    _mart("covariate_balance", "models.covariate_balance"),
    _mart("diagnostic", "models.diagnostic", also=(*_STUDIES, WAIVERS)),
    _mart("dose_response", "models.dose_response"),
    _python(
        "mart.cumulative_incidence",
        "pipelines.mart_curve:cumulative_incidence",
        ("models.cumulative_incidence",),
        ("min_cell",),
    ),
    _python(
        "mart.bmd_trajectory",
        "pipelines.mart_curve:bmd_trajectory",
        ("models.bmd_trajectory",),
        ("min_cell",),
    ),
    _mart("threshold", "models.threshold"),
    _mart("bone_prevalence", "models.bone_prevalence"),
    _mart("attrition", "cohort.attrition"),
    _mart("table_one", "models.baseline"),
    _mart("e2_distribution", "models.e2_distribution"),
    _mart("measurement_count", "cohort.measurement_count"),
    _mart("sig_coverage", "cohort.sig_count"),
    _mart("source_file", "raw.manifest", "staging.conservation"),
    _mart("change_point", "models.change_point"),
    _mart("evidence_drift", "models.evidence_drift"),
    _mart("missing_piece", "raw.missing_piece"),
)
# Made outside steps: landing writes raw, checks write their results, publishing signs the build.
MADE_ELSEWHERE = frozenset(name for name in CONTRACTS if name.startswith("raw.")) | {
    "mart.quality_result",
    "mart.quality_trend",
    "mart.build",
}


@lru_cache(maxsize=1)
def steps() -> tuple[Step, ...]:
    """Every step, each after its inputs.

    Raises:
        ValueError: a table has no producer, or two, or an input has none.
    """
    found = [from_sql(file) for file in sqlfile.all_files()]
    found += [from_csv(path) for path in sorted(sql_root().glob("ref/*.csv"))]
    found += PYTHON_STEPS
    by_table = {step.table: step for step in found}
    if len(by_table) != len(found):
        tables = [step.table for step in found]
        raise ValueError(f"two producers for {sorted({t for t in tables if tables.count(t) > 1})}")
    if wrong := set(by_table) ^ (set(CONTRACTS) - MADE_ELSEWHERE):
        raise ValueError(f"tables with a contract or a producer but not both: {sorted(wrong)}")
    graph = {step.table: [name for name in step.inputs if name in by_table] for step in found}
    for step in found:
        if unknown := [name for name in step.inputs if name not in CONTRACTS]:
            raise ValueError(f"{step.table} reads {unknown}, which no contract names")
    return tuple(by_table[name] for name in TopologicalSorter(graph).static_order())


def step(table: str) -> Step:
    """The step of one table.

    Raises:
        KeyError: no step makes it.
    """
    return {s.table: s for s in steps()}[table]


@lru_cache(maxsize=256)
def upstream(table: str) -> frozenset[str]:
    """Every table that must exist before this one; landing makes all raw tables at once."""
    inputs = {s.table: s.inputs for s in steps()}.get(table, ())
    raw = {name for name in CONTRACTS if name.startswith("raw.")} if inputs else set()
    return frozenset(inputs).union(raw, *(upstream(name) for name in inputs))
