"""Tables of CohortMethod: the data model as its article has it, ratios as recomputed by hand, closed gates and hidden counts.

CohortMethod 6, article "Results schema of the CohortMethod package" (https://ohdsi.github.io/CohortMethod/articles/ResultsSchema.html).
"""

import json
import math
from statistics import NormalDist

import polars as pl
import pytest

from pipelines.export.cohort_method import TABLES, cohort_method
from pipelines.export.identifier import number_of, numbered
from pipelines.tables import CONTRACTS

#: fields and types of the article, in its order
SPECIFICATION = {
    "cm_analysis": "analysis_id int, description varchar, definition varchar",
    "cm_attrition": (
        "sequence_number int, description varchar, subjects int, exposure_id bigint, target_comparator_id bigint, "
        "analysis_id int, outcome_id bigint, database_id varchar"
    ),
    "cm_covariate": (
        "covariate_id bigint, covariate_name varchar, analysis_id int, covariate_analysis_id int, database_id varchar"
    ),
    "cm_covariate_analysis": "covariate_analysis_id int, covariate_analysis_name varchar, analysis_id int",
    "cm_covariate_balance": (
        "database_id varchar, target_comparator_id bigint, outcome_id bigint, analysis_id int, covariate_id bigint, "
        "target_mean_before float, comparator_mean_before float, mean_before float, std_diff_before float, "
        "mean_after float, target_mean_after float, comparator_mean_after float, std_diff_after float, "
        "target_std_diff float, comparator_std_diff float, target_comparator_std_diff float"
    ),
    "cm_diagnostics_summary": (
        "analysis_id int, target_comparator_id bigint, outcome_id bigint, database_id varchar, max_sdm float, "
        "sdm_family_wise_min_p float, shared_max_sdm float, shared_sdm_family_wise_min_p float, equipoise float, "
        "mdrr float, attrition_fraction float, generalizability_max_sdm float, ease float, balance_diagnostic varchar, "
        "shared_balance_diagnostic varchar, equipoise_diagnostic varchar, mdrr_diagnostic varchar, "
        "attrition_diagnostic varchar, generalizability_diagnostic varchar, ease_diagnostic varchar, unblind int, "
        "unblind_for_evidence_synthesis int"
    ),
    "cm_result": (
        "analysis_id int, target_comparator_id bigint, outcome_id bigint, rr float, ci_95_lb float, ci_95_ub float, "
        "p float, one_sided_p float, target_subjects int, comparator_subjects int, target_days int, "
        "comparator_days int, target_outcomes int, comparator_outcomes int, log_rr float, se_log_rr float, llr float, "
        "calibrated_rr float, calibrated_ci_95_lb float, calibrated_ci_95_ub float, calibrated_p float, "
        "calibrated_one_sided_p float, calibrated_log_rr float, calibrated_se_log_rr float, target_estimator varchar, "
        "database_id varchar"
    ),
    "cm_target_comparator": (
        "target_comparator_id bigint, target_id bigint, comparator_id bigint, nesting_cohort_id bigint"
    ),
    "cm_target_comparator_outcome": (
        "outcome_id bigint, outcome_of_interest int, true_effect_size float, target_comparator_id bigint"
    ),
}
#: keys of the article
KEYS = {
    "cm_analysis": ["analysis_id"],
    "cm_attrition": [
        *("sequence_number", "exposure_id", "target_comparator_id", "analysis_id", "outcome_id", "database_id"),
    ],
    "cm_covariate": ["covariate_id", "analysis_id", "database_id"],
    "cm_covariate_analysis": ["covariate_analysis_id", "analysis_id"],
    "cm_covariate_balance": ["database_id", "target_comparator_id", "outcome_id", "analysis_id", "covariate_id"],
    "cm_diagnostics_summary": ["analysis_id", "target_comparator_id", "outcome_id", "database_id"],
    "cm_result": ["analysis_id", "target_comparator_id", "outcome_id", "database_id"],
    "cm_target_comparator": ["target_comparator_id"],
    "cm_target_comparator_outcome": ["outcome_id", "target_comparator_id"],
    "cg_cohort_definition": ["cohort_definition_id"],
}
TYPES = {"int": pl.Int32, "bigint": pl.Int64, "float": pl.Float64, "varchar": pl.String}
OF_EVENTS = {"scale": "log ratio of risks"}
READ = ("effect_estimate", "diagnostic", "covariate_balance", "attrition", "negative_control")
PAIR = {"study_id": "s", "contrast": "ai vs tamoxifen, 60 months, cohort first_fill", "population": "women"}
GRACE = PAIR | {"contrast": "ai vs none, 12 months, cohort surgery"}
LOG2 = math.log(2)
OPEN, CLOSED = {"gate_status": "open"}, {"gate_status": "closed", "gate_reason": "events fail"}
RATIO = {"estimate": LOG2, "ci_low": 0.1, "ci_high": 1.3, "se": 0.3, "p_value": 0.02}
CALIBRATED = {"calibrated_estimate": 0.5, "calibrated_ci_low": -0.1, "calibrated_ci_high": 1.1}
PEOPLE = {"n_target": 600, "n_comparator": 500, "events_target": 40, "events_comparator": 20}
STEPS = {"study_id": "s", "step_number": 0, "label": "All"}
GIVEN = {
    "effect_estimate": (
        PAIR | {"outcome": "hip", "estimator": "risk_difference", "estimate": 0.02} | PEOPLE | OPEN,
        PAIR | {"outcome": "hip", "estimator": "log_risk_ratio"} | RATIO | CALIBRATED | PEOPLE | OPEN,
        PAIR | {"outcome": "hip", "estimator": "log_hazard_ratio"} | RATIO | OPEN,
        PAIR | {"outcome": "heart", "estimator": "risk_difference"} | CLOSED,
        GRACE | {"outcome": "bmd", "estimator": "aipw", "estimate": -3.0, "se": 0.5, "n_target": 90} | OPEN,
        PAIR | {"contrast": "estradiol, per doubling", "outcome": "bmd", "estimator": "aipw", "estimate": 1.0} | OPEN,
    ),
    "diagnostic": (
        PAIR | {"outcome": "hip", "diagnostic": "equipoise", "value": 0.5, "status": "pass"},
        PAIR | {"outcome": "hip", "diagnostic": "largest_standardised_difference", "value": 0.04, "status": "pass"},
        PAIR | {"outcome": "heart", "diagnostic": "detectable_ratio", "value": 14.0, "status": "fail"},
        PAIR | {"outcome": "heart", "diagnostic": "ease", "status": "not_evaluated"},
    ),
    "covariate_balance": (
        PAIR | {"outcome": "hip", "covariate": "age", "smd_before": 0.31, "smd_after": 0.02},
        PAIR | {"outcome": "hip", "covariate": "rare", "is_suppressed": True},
    ),
    "attrition": (
        STEPS | {"cohort_code": "first_fill", "arm_code": "ai", "n_after": 900},
        STEPS | {"cohort_code": "first_fill", "arm_code": "tamoxifen", "n_after": 800},
        STEPS | {"cohort_code": "first_fill", "arm_code": "ai", "step_number": 1, "is_suppressed": True},
        STEPS | {"cohort_code": "surgery", "arm_code": "open", "n_after": 700},
    ),
    "negative_control": (
        PAIR | OF_EVENTS | {"control_code": "wart", "estimate": 0.1, "ci_low": -0.292, "ci_high": 0.492},
        PAIR | OF_EVENTS | {"control_code": "cyst", "is_suppressed": True},
        PAIR | {"scale": "SD of the change within an arm", "control_code": "sodium", "estimate": 0.2},
    ),
}


def frame(table: str, *rows: dict) -> pl.DataFrame:
    schema = CONTRACTS[f"mart.{table}"].empty().schema
    plain = {name: pl.String if isinstance(kind, pl.Enum) else kind for name, kind in schema.items()}
    flags = {name: False for name, kind in plain.items() if kind == pl.Boolean}
    return pl.DataFrame([flags | row for row in rows], schema=plain)


@pytest.fixture(scope="module")
def tables() -> dict[str, pl.DataFrame]:
    return cohort_method({f"mart.{name}": frame(name, *GIVEN[name]) for name in READ}, "site")


@pytest.fixture
def named(tables):
    """Rows of a table by the words of what they are of."""
    names = dict(tables["cg_cohort_definition"].iter_rows())
    analyses = dict(tables["cm_analysis"].select("analysis_id", "description").iter_rows())

    def found(table: str, outcome: str, analysis: str) -> list[dict]:
        rows = tables[table].to_dicts()
        return [r for r in rows if names[r["outcome_id"]] == outcome and analyses[r["analysis_id"]] == analysis]

    return found


@pytest.mark.parametrize("table", SPECIFICATION)
def test_columns_and_types_are_those_of_the_article(tables, table: str) -> None:
    wanted = [tuple(field.split()) for field in SPECIFICATION[table].split(", ")]
    assert tables[table].columns == [name for name, _ in wanted]
    assert tables[table].dtypes == [TYPES[kind] for _, kind in wanted]


@pytest.mark.parametrize("table", KEYS)
def test_keys_are_whole_and_once(tables, table: str) -> None:
    assert set(KEYS) == set(TABLES) == set(tables)
    assert tables[table].height
    keys = tables[table].select(KEYS[table])
    assert not keys.is_duplicated().any()
    assert not any(keys[name].has_nulls() for name in keys.columns)


def test_every_number_has_a_name(tables) -> None:
    names = set(tables["cg_cohort_definition"]["cohort_definition_id"])
    pairs, analyses = (
        set(tables["cm_target_comparator"]["target_comparator_id"]),
        set(tables["cm_analysis"]["analysis_id"]),
    )
    for table in tables.values():
        for column, known in (
            *((column, names) for column in ("outcome_id", "exposure_id", "target_id", "comparator_id")),
            ("target_comparator_id", pairs),
            ("analysis_id", analyses),
        ):
            assert column not in table.columns or set(table[column]) <= known, column
    assert set(tables["cm_covariate_balance"]["covariate_id"]) == set(tables["cm_covariate"]["covariate_id"])


def test_a_ratio_is_as_recomputed(named) -> None:
    (found,) = named("cm_result", "hip", "s: risk ratio at 60 months")
    assert found["rr"] == pytest.approx(2)
    assert (found["ci_95_lb"], found["ci_95_ub"]) == pytest.approx((math.exp(0.1), math.exp(1.3)))
    assert (found["log_rr"], found["se_log_rr"], found["p"]) == (LOG2, 0.3, 0.02)
    assert found["one_sided_p"] == pytest.approx(1 - NormalDist().cdf(LOG2 / 0.3))
    assert found["calibrated_rr"] == pytest.approx(math.exp(0.5))
    assert found["calibrated_se_log_rr"] == pytest.approx(1.2 / (2 * 1.959964), rel=1e-6)
    z = 0.5 / found["calibrated_se_log_rr"]
    assert found["calibrated_p"] == pytest.approx(2 * (1 - NormalDist().cdf(z)))
    assert found["calibrated_one_sided_p"] == pytest.approx(1 - NormalDist().cdf(z))
    assert (found["target_subjects"], found["comparator_subjects"]) == (600, 500)
    assert (found["target_outcomes"], found["comparator_outcomes"]) == (40, 20)
    assert found["database_id"] == "site"
    (hazard,) = named("cm_result", "hip", "s: hazard ratio at 60 months")
    assert hazard["rr"] == pytest.approx(2)
    assert hazard["calibrated_rr"] is None and hazard["target_outcomes"] is None


def test_a_closed_gate_tells_nothing(named) -> None:
    (found,) = named("cm_result", "heart", "s: risk ratio at 60 months")
    ids = ("analysis_id", "target_comparator_id", "outcome_id", "database_id")
    assert {name for name, value in found.items() if value is not None} == set(ids)
    (judged,) = named("cm_diagnostics_summary", "heart", "s: risk ratio at 60 months")
    assert (judged["unblind"], judged["unblind_for_evidence_synthesis"]) == (0, 0)
    assert (judged["mdrr"], judged["mdrr_diagnostic"]) == (14, "FAIL")
    assert (judged["ease"], judged["ease_diagnostic"]) == (None, "NOT EVALUATED")


def test_a_difference_is_no_ratio(tables, named) -> None:
    """Bone has its attrition and gate, and no `cm_result`: a viewer would read a difference of percents as a relative risk."""
    analysis = "s: mean difference at 12 months"
    assert named("cm_result", "bmd", analysis) == []
    assert [row["unblind"] for row in named("cm_diagnostics_summary", "bmd", analysis)] == [1]
    assert (
        json.loads(tables["cm_analysis"].filter(description=analysis)["definition"][0])["method"] == "mean difference"
    )
    values = tables["cm_result"].select(pl.col(pl.Float64)).to_numpy().ravel()
    assert -3.0 not in values and math.exp(-3.0) not in values


def test_what_is_no_comparison_of_arms_is_left_out(tables) -> None:
    described = {"s: hazard ratio at 60 months", "s: mean difference at 12 months", "s: risk ratio at 60 months"}
    assert set(tables["cm_analysis"]["description"]) == described


def test_diagnostics_and_balance_are_those_of_the_mart(tables, named) -> None:
    (found,) = named("cm_diagnostics_summary", "hip", "s: risk ratio at 60 months")
    assert (found["max_sdm"], found["balance_diagnostic"]) == (0.04, "PASS")
    assert (found["equipoise"], found["equipoise_diagnostic"], found["unblind"]) == (0.5, "PASS", 1)
    assert found["generalizability_diagnostic"] == "NOT EVALUATED"
    names = dict(tables["cm_covariate"].select("covariate_id", "covariate_name").iter_rows())
    rows = named("cm_covariate_balance", "hip", "s: risk ratio at 60 months")
    assert {names[r["covariate_id"]]: (r["std_diff_before"], r["std_diff_after"]) for r in rows} == {
        "age": (0.31, 0.02),
        "rare": (None, None),
    }


def test_attrition_counts_from_one_and_hides_without_a_bound(tables, named) -> None:
    names = dict(tables["cg_cohort_definition"].iter_rows())
    rows = named("cm_attrition", "hip", "s: risk ratio at 60 months")
    assert sorted((names[r["exposure_id"]], r["sequence_number"], r["subjects"]) for r in rows) == [
        ("ai (s, first_fill)", 1, 900),
        ("ai (s, first_fill)", 2, None),
        ("tamoxifen (s, first_fill)", 1, 800),
    ]
    shared = named("cm_attrition", "bmd", "s: mean difference at 12 months")
    assert sorted((names[r["exposure_id"]], r["subjects"]) for r in shared) == [
        ("ai (s, surgery)", 700),
        ("none (s, surgery)", 700),
    ]
    assert (tables["cm_attrition"]["subjects"].drop_nulls() >= 0).all()


def test_negative_controls_have_a_true_ratio_of_one(tables, named) -> None:
    (wart,) = named("cm_result", "negative control wart", "s: risk ratio at 60 months")
    assert (wart["log_rr"], wart["se_log_rr"]) == pytest.approx((0.1, 0.2), abs=1e-3)
    (cyst,) = named("cm_result", "negative control cyst", "s: risk ratio at 60 months")
    assert cyst["rr"] is None
    names = dict(tables["cg_cohort_definition"].iter_rows())
    truths = {names[r["outcome_id"]]: r for r in tables["cm_target_comparator_outcome"].to_dicts()}
    assert {name: (r["outcome_of_interest"], r["true_effect_size"]) for name, r in truths.items()} == {
        "hip": (1, None),
        "heart": (1, None),
        "bmd": (1, None),
        "negative control wart": (0, 1),
        "negative control cyst": (0, 1),
    }


def test_numbers_are_of_the_words_alone() -> None:
    assert number_of("arm/s/c/ai") == number_of("arm/s/c/ai") != number_of("arm/s/c/none")
    assert all(0 < number_of(str(n), bits) < 2**bits for n in range(500) for bits in (31, 53))
    assert numbered(["b", "a", "b"]) == {"a": number_of("a"), "b": number_of("b")}
    with pytest.raises(ValueError, match="share one number"):
        numbered(map(str, range(50)), bits=4)
