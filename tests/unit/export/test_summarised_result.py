"""`summarised_result`: the format as its article has it, values as the mart has them, and what is hidden or closed.

omopgenerics, article "A summarised result", https://darwin-eu.github.io/omopgenerics/articles/summarised_result.html: thirteen
columns, their types and whether they may be missing; article "Suppression of a summarised_result object".
"""

import re

import polars as pl
import pytest

from pipelines.export.summarised_result import ESTIMATE_TYPES, HIDDEN, SHAPES, summarised_result
from pipelines.tables import CONTRACTS

#: column, type in R, whether NA is allowed: the table of the article. Rows of settings have no cdm_name there.
SPECIFICATION = """
    result_id        integer   No
    cdm_name         character No
    group_name       character No
    group_level      character No
    strata_name      character No
    strata_level     character No
    variable_name    character No
    variable_level   character Yes
    estimate_name    character No
    estimate_type    character No
    estimate_value   character No
    additional_name  character No
    additional_level character No
"""
COLUMNS = [tuple(line.split()) for line in SPECIFICATION.strip().splitlines()]
TYPES = {"integer": pl.Int64, "character": pl.String}
MAY_BE = ("numeric", "integer", "date", "character", "proportion", "percentage", "logical")
REQUIRED_SETTINGS = {"result_type", "package_name", "package_version"}
SNAKE = re.compile(r"[a-z][a-z0-9_]*")


def frame(table: str, *rows: dict) -> pl.DataFrame:
    """A table of its contract's columns; what a row does not name is NULL, and false where a flag."""
    schema = CONTRACTS[table].empty().schema
    plain = {name: pl.String if isinstance(kind, pl.Enum) else kind for name, kind in schema.items()}
    flags = {name: False for name, kind in plain.items() if kind == pl.Boolean}
    return pl.DataFrame([flags | row for row in rows], schema=plain)


KEY = {"study_id": "s", "contrast": "a vs b", "outcome": "hip", "population": "women"}
ESTIMATE = KEY | {"estimator": "aipw", "scale": "%", "gate_status": "open", "evidence_source": "real"}
GIVEN = {
    "mart.effect_estimate": (
        ESTIMATE | {"estimate": -1.25, "ci_low": -2.0, "ci_high": -0.5, "n_target": 40, "n_comparator": 50},
        ESTIMATE | {"outcome": "spine", "gate_status": "closed", "gate_reason": "events fail"},
    ),
    "mart.attrition": (
        {"study_id": "s", "cohort_code": "c", "arm_code": "a", "step_number": 0, "label": "All", "n_after": 100},
        {"study_id": "s", "cohort_code": "c", "arm_code": "a", "step_number": 1, "label": "Old", "is_suppressed": True},
        {
            "study_id": "s",
            "cohort_code": "c",
            "arm_code": "a",
            "step_number": 2,
            "label": "Well",
            "n_before": 90,
            "n_after": 60,
        },
    ),
    "mart.table_one": (
        {
            "study_id": "s",
            "arm_code": "a",
            "characteristic": "Smoker",
            "level": "yes",
            "n": 20,
            "estimate": 0.4,
            "unit": "share",
        },
        {
            "study_id": "s",
            "arm_code": "a",
            "characteristic": "Race",
            "level": "x",
            "unit": "share",
            "is_suppressed": True,
        },
        {
            "study_id": "s",
            "arm_code": "a",
            "characteristic": "Age",
            "level": "mean",
            "n": 50,
            "estimate": 61.5,
            "spread": 8.0,
            "unit": "a",
        },
        {
            "study_id": "s",
            "arm_code": "b, cohort c",
            "characteristic": "ldl",
            "level": "mean",
            "n": 30,
            "estimate": 3.5,
        },
    ),
    "mart.diagnostic": (
        KEY | {"diagnostic": "equipoise", "value": 0.4, "threshold": 0.2, "status": "pass"},
        KEY | {"diagnostic": "n", "threshold": 50.0, "status": "fail", "is_suppressed": True},
    ),
    "mart.study": ({"study_id": "s", "question": "Does it?", "design": "longitudinal"},),
    "mart.propensity_score": (
        KEY | {"arm_code": "a", "bin_number": 1, "lower": 0.0, "upper": 0.1, "share_pct": 12.0},
        KEY | {"arm_code": "a", "bin_number": 2, "lower": 0.1, "upper": 0.2, "is_suppressed": True},
    ),
    "mart.cumulative_incidence": (
        KEY | {"arm_code": "a", "follow_up_days": 365, "risk_pct": 1.5, "n_at_risk": 88, "gate_status": "open"},
        KEY | {"arm_code": "a", "follow_up_days": 730, "n_at_risk": 77, "gate_status": "open", "is_suppressed": True},
    ),
    "mart.bmd_trajectory": (
        KEY | {"arm_code": "a", "follow_up_days": 366, "change_pct": -2.5, "n_observed": 88, "gate_status": "open"},
        KEY
        | {"arm_code": "a", "follow_up_days": 731, "change_pct": -3.5, "gate_status": "open", "is_suppressed": True},
        KEY
        | {
            "arm_code": "a",
            "follow_up_days": 1096,
            "gate_status": "closed",
            "gate_reason": "few",
            "is_suppressed": False,
        },
    ),
    "mart.covariate_balance": (KEY | {"covariate": "age", "smd_before": 0.3, "smd_after": 0.02},),
    "mart.e2_distribution": (
        {
            "cycle_label": "2013-2014",
            "assay_class": "lc_ms_ms",
            "population": "men",
            "bin_number": 0,
            "lower_pg_ml": 0.0,
            "n": 30,
        },
        {
            "cycle_label": "2013-2014",
            "assay_class": "lc_ms_ms",
            "population": "men",
            "bin_number": 1,
            "lower_pg_ml": 3.0,
            "upper_pg_ml": 5.0,
            "is_suppressed": True,
        },
    ),
    "mart.measurement_count": ({"cycle_label": "2013-2014", "measurement": "estradiol", "sex_code": "male", "n": 12},),
    "mart.bone_prevalence": (
        {
            "study_id": "p",
            "cycle_label": "2013-2014",
            "site_code": "hip",
            "sex_code": "male",
            "reference_code": "w",
            "band": "low",
            "prevalence_pct": 12.5,
            "n_band": 30,
            "n": 240,
            "gate_status": "open",
        },
        {
            "study_id": "p",
            "cycle_label": "2013-2014",
            "site_code": "hip",
            "sex_code": "male",
            "reference_code": "w",
            "band": "rare",
            "n": 240,
            "gate_status": "closed",
        },
    ),
}


@pytest.fixture(scope="module")
def result() -> pl.DataFrame:
    mart = {shape.table: frame(shape.table, *GIVEN.get(shape.table, ())) for shape in SHAPES}
    return summarised_result(mart, "site", "0.1.0", 11, "real")


def told(result: pl.DataFrame, **named: str) -> dict[str, str]:
    """Estimates of the rows with these values, by name."""
    rows = result.filter(variable_level=None) if named.pop("no_level", None) else result
    return dict(rows.filter(**named).select("estimate_name", "estimate_value").iter_rows())


def test_columns_types_and_what_may_be_missing_are_those_of_the_article(result) -> None:
    assert result.columns == [name for name, _, _ in COLUMNS]
    assert [type(kind) for kind in result.dtypes] == [TYPES[kind] for _, kind, _ in COLUMNS]
    rows = result.filter(pl.col("variable_name") != "settings")
    assert rows.height > 20
    for name, _, may_be_missing in COLUMNS:
        assert may_be_missing == "Yes" or not rows[name].has_nulls(), name
    assert set(result["estimate_type"]) <= set(MAY_BE) == set(ESTIMATE_TYPES)
    assert all(SNAKE.fullmatch(name) for name in result["estimate_name"])


@pytest.mark.parametrize("pair", ["group", "strata", "additional"])
def test_names_and_levels_go_together(result, pair: str) -> None:
    for name, level in result.select(f"{pair}_name", f"{pair}_level").iter_rows():
        names = name.split(" &&& ")
        assert len(names) == len(level.split(" &&& "))
        assert all(SNAKE.fullmatch(each) for each in names)
        assert (name == "overall") == (level == "overall")


def test_every_result_has_its_settings_once(result) -> None:
    settings = result.filter(variable_name="settings")
    ids = set(result.filter(pl.col("variable_name") != "settings")["result_id"])
    assert set(settings["result_id"]) == ids == set(range(1, len(ids) + 1))
    assert not settings.select("result_id", "estimate_name").is_duplicated().any()
    for (_,), rows in settings.group_by("result_id"):
        assert set(rows["estimate_name"]) >= REQUIRED_SETTINGS
    found = told(result, variable_name="settings", result_id=1)
    assert found["result_type"] == "trabecula_effect_estimate"
    assert (found["package_name"], found["package_version"]) == ("trabecula", "0.1.0")
    assert (found["min_cell_count"], found["study_id"], found["evidence_source"]) == ("11", "s", "real")
    assert found["additional"] == "estimator &&& scale &&& gate_status"


def test_an_estimate_is_told_as_it_is(result) -> None:
    found = told(result, variable_name="hip", additional_level="aipw &&& % &&& open")
    assert {name: float(value) for name, value in found.items()} == {
        "estimate": -1.25,
        "ci_low": -2.0,
        "ci_high": -0.5,
        "target_count": 40,
        "comparator_count": 50,
    }
    (row,) = result.filter(variable_name="hip", estimate_name="target_count").to_dicts()
    assert (row["estimate_value"], row["estimate_type"]) == ("40", "integer")
    assert (row["group_level"], row["strata_level"]) == ("a vs b", "women")


def test_a_closed_gate_tells_nothing_but_why(result) -> None:
    assert told(result, variable_name="spine", group_level="a vs b") == {"gate_reason": "events fail"}
    prevalence = told(result, variable_name="hip", variable_level="rare")
    assert prevalence == {"denominator_count": "240"}, "no number and no sign of a hidden one"


def test_what_is_hidden_is_a_dash_and_never_less_than(result) -> None:
    """'<11' would say that a count is small; one hidden to protect another may be large."""
    assert not result["estimate_value"].str.starts_with("<").any()
    steps = result.filter(group_level="c &&& a").select(
        "variable_name", "strata_level", "additional_level", "estimate_value"
    )
    assert sorted(steps.rows()) == [
        ("excluded_subjects", "Old", "2", HIDDEN),
        ("excluded_subjects", "Well", "3", "30"),
        ("number_subjects", "All", "1", "100"),
        ("number_subjects", "Old", "2", HIDDEN),
        ("number_subjects", "Well", "3", "60"),
    ]
    assert told(result, variable_name="Race") == {"count": HIDDEN, "weighted_proportion": HIDDEN}
    assert told(result, variable_level="[3.0, 5.0)") == {"count": HIDDEN, "weighted_percentage": HIDDEN}
    assert told(result, additional_level="n &&& fail") == {"value": HIDDEN, "threshold": "50.0"}


def test_shares_are_proportions_and_means_are_numbers(result) -> None:
    assert told(result, variable_name="Smoker") == {"count": "20", "weighted_proportion": "0.4"}
    assert told(result, variable_name="ldl") == {"count": "30", "mean": "3.5"}, "arms of a cohort are not weighted"
    assert told(result, variable_name="Age") == {"count": "50", "weighted_mean": "61.5", "weighted_sd": "8.0"}
    types = dict(result.select("estimate_name", "estimate_type").unique().iter_rows())
    assert (types["weighted_proportion"], types["weighted_percentage"]) == ("proportion", "percentage")


def test_no_row_is_told_twice(result) -> None:
    assert not result.drop("estimate_value").is_duplicated().any()


def test_overlap_risks_over_time_and_the_question_are_told(result) -> None:
    first, second = ({"variable_level": level} for level in ("[0.0, 0.1)", "[0.1, 0.2)"))
    assert told(result, variable_name="preference_score", **first) == {"percentage": "12.0"}
    assert told(result, variable_name="preference_score", **second) == {"percentage": HIDDEN}
    year, later = (told(result, additional_level=f"{day} &&& open") for day in (365, 730))
    assert year == {"risk_percentage": "1.5", "number_at_risk": "88"}
    assert later == {"risk_percentage": HIDDEN, "number_at_risk": "77"}
    bone, bare = (told(result, additional_level=f"{day} &&& open") for day in (366, 731))
    assert bone == {"mean_change": "-2.5", "count_observed": "88"}
    assert bare == {"mean_change": "-3.5", "count_observed": HIDDEN}
    assert told(result, additional_level="1096 &&& closed") == {}
    assert told(result, variable_name="s")["question"] == "Does it?"
