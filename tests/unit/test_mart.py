"""What leaves after disclosure control: no small count, not even by subtraction, and closed gates stay empty."""

from typing import Any

import polars as pl
import pytest

from pipelines import mart
from pipelines.models.survey_association import PRIMARY
from pipelines.run_facts import RunFacts
from pipelines.tables import CONTRACTS

FACTS = RunFacts("run", "nhanes", ("nhanes_e2_bmd",), "white_female", 11, "public_survey")
MIN_CELL = FACTS.min_cell
Rows = list[dict[str, Any]]


def frame(table: str, rows: Rows) -> pl.LazyFrame:
    schema = CONTRACTS[table].empty().schema
    assert not {key for row in rows for key in row} - set(schema)
    return pl.DataFrame([{name: row.get(name) for name in schema} for row in rows], schema=schema).lazy()


def leaving(table: str, source: str, rows: Rows) -> Rows:
    """The rows of a mart table made from the rows of its source; columns are the contract's."""
    others = {"models.diagnostic": frame("models.diagnostic", [])}
    made = getattr(mart, table)(others | {source: frame(source, rows)}, FACTS).collect()
    assert made.columns == [column.name for column in CONTRACTS[f"mart.{table}"].columns]
    return made.to_dicts()


def is_small(n: float | None) -> bool:
    return n is not None and 0 < n < MIN_CELL


def estimates(n: int, measured_only: int) -> Rows:
    common = {
        "study_id": "s",
        "contrast": "c",
        "outcome": "o",
        "population": "men",
        "gate_status": "open",
        "estimate": 0.1,
    }
    return [
        common | {"estimator": PRIMARY, "n_target": n},
        common | {"estimator": "lloq_over_sqrt2", "n_target": n},
        common | {"estimator": "measured_only", "n_target": measured_only},
    ]


@pytest.mark.parametrize(
    ("measured", "shown"), [(95, None), (90, None), (89, 89), (100, 100), (11, 11), (10, None)]
)  # fmt: skip
def test_sizes_of_two_estimators_tell_no_small_gap(measured, shown):
    rows = {
        row["estimator"]: row for row in leaving("effect_estimate", "models.effect_estimate", estimates(100, measured))
    }
    assert rows[PRIMARY]["n_target"] == rows["lloq_over_sqrt2"]["n_target"] == 100
    assert rows["measured_only"]["n_target"] == shown
    assert rows["measured_only"]["estimate"] == 0.1


def test_small_samples_do_not_leave():
    rows = leaving("effect_estimate", "models.effect_estimate", estimates(9, 4))
    assert [row["n_target"] for row in rows] == [None] * 3


def test_closed_gate_stays_empty():
    closed = {"study_id": "s", "contrast": "c", "outcome": "o", "population": "men", "estimator": PRIMARY}
    (row,) = leaving(
        "effect_estimate",
        "models.effect_estimate",
        [closed | {"gate_status": "closed", "gate_reason": "design_df fail"}],
    )
    told = ("estimate", "ci_low", "ci_high", "se", "p_value", "n_target", "n_effective", "calibrated_estimate")
    assert [row[name] for name in told] == [None] * len(told)
    assert (row["gate_status"], row["gate_reason"], row["run_id"]) == ("closed", "design_df fail", "run")


CONTRAST = {"study_id": "s", "contrast": "a vs b, 24 months", "outcome": "o", "population": "women"}


@pytest.mark.parametrize(("in_arm", "shown"), [(100, 100), (101, None), (110, None), (111, 100), (None, 100)])
def test_people_of_an_arm_without_an_outcome_are_not_told_by_subtraction(in_arm, shown):
    row = CONTRAST | {"estimator": "aipw", "gate_status": "open", "estimate": 1.0, "n_target": 100, "n_comparator": 90}
    counts = (
        [] if in_arm is None else [CONTRAST | {"diagnostic": "n_target", "value": in_arm, "status": "not_applicable"}]
    )
    inputs = {
        "models.effect_estimate": frame("models.effect_estimate", [row]),
        "models.diagnostic": frame("models.diagnostic", counts),
    }
    (found,) = mart.effect_estimate(inputs, FACTS).collect().to_dicts()
    assert (found["n_target"], found["n_comparator"], found["estimate"]) == (shown, 90, 1.0)


def test_a_sensitivity_analysis_of_nearly_the_same_people_tells_no_difference():
    common = CONTRAST | {"gate_status": "open", "n_comparator": 90}
    rows = leaving(
        "effect_estimate",
        "models.effect_estimate",
        [common | {"estimator": "aipw", "n_target": 100}, common | {"estimator": "matching", "n_target": 95}],
    )
    assert {row["estimator"]: row["n_target"] for row in rows} == {"aipw": 100, "matching": None}


@pytest.mark.parametrize(("events", "shown"), [(7, None), (11, 11), (50, 50), (95, None), (100, None), (0, None)])
def test_events_of_few_and_events_that_few_escaped_are_hidden(events, shown):
    row = CONTRAST | {"gate_status": "open", "estimator": "parametric_g_formula", "n_target": 100, "n_comparator": 5}
    (found,) = leaving(
        "effect_estimate", "models.effect_estimate", [row | {"events_target": events, "events_comparator": 3}]
    )
    assert (found["events_target"], found["events_comparator"]) == (shown, None)


@pytest.mark.parametrize("name", ["regime_followers", "events", "pairs_in_category", "effective_n"])
def test_few_people_behind_a_diagnostic_are_not_told(name):
    (few,) = leaving(
        "diagnostic", "models.diagnostic", [CONTRAST | {"diagnostic": name, "value": 3.0, "status": "fail"}]
    )
    assert (few["value"], few["is_suppressed"]) == (None, True)
    (many,) = leaving(
        "diagnostic", "models.diagnostic", [CONTRAST | {"diagnostic": name, "value": 248.0, "status": "pass"}]
    )
    assert (many["value"], many["is_suppressed"]) == (250.0, False)


def test_numbers_of_people_behind_a_contrast_stay_and_shares_are_rounded():
    values = {"n_target": 57.0, "equipoise": 0.5432, "outcomes_smaller_arm": 57.0, "propensity_auc": 0.71234}
    rows = leaving(
        "diagnostic",
        "models.diagnostic",
        [CONTRAST | {"diagnostic": name, "value": value, "status": "pass"} for name, value in values.items()],
    )
    found = {row["diagnostic"]: row["value"] for row in rows}
    assert found == pytest.approx({"equipoise": 0.55, "outcomes_smaller_arm": 60.0, "propensity_auc": 0.71})
    few = [CONTRAST | {"diagnostic": "outcomes_smaller_arm", "value": 7.0, "status": "fail"}]
    (hidden,) = leaving("diagnostic", "models.diagnostic", few)
    assert (hidden["value"], hidden["is_suppressed"], hidden["status"]) == (None, True, "fail")


@pytest.mark.parametrize(
    ("changed", "is_hidden"),
    [
        ({}, False),
        ({"mean_target": 0.05}, True),
        ({"mean_comparator": 0.95}, True),
        ({"mean_target": 0.05, "is_presence": False}, False),
        ({"mean_target": 0.0}, False),
        ({"n_known_target": 95}, True),
        ({"n_known_comparator": 4}, True),
    ],
)
def test_balance_of_few_people_is_hidden(changed, is_hidden):
    row = CONTRAST | {
        "covariate": "statin",
        "mean_target": 0.4,
        "mean_comparator": 0.5,
        "smd_before": -0.2034,
        "smd_after": 0.0149,
        "variance_ratio": 1.13,
        **{f"{part}_{arm}": 100 for part in ("n", "n_known") for arm in ("target", "comparator")},
        "is_presence": True,
    }
    (found,) = leaving("covariate_balance", "models.covariate_balance", [row | changed])
    assert found["is_suppressed"] == is_hidden
    shown = [found[name] for name in ("smd_before", "smd_after", "variance_ratio")]
    assert shown == ([None] * 3 if is_hidden else pytest.approx([-0.2, 0.01, 1.15]))


def diagnostics(n: int, share: float) -> dict[str, dict]:
    common = {"study_id": "s", "contrast": "c", "outcome": "o", "population": "men", "rule": "r", "status": "pass"}
    values = {"unweighted_n": n, "kish_effective_n": n * 0.7, "censored_share": share, "relative_standard_error": 0.2}
    rows = leaving(
        "diagnostic", "models.diagnostic", [common | {"diagnostic": k, "value": v} for k, v in values.items()]
    )
    return {row["diagnostic"]: row for row in rows}


@pytest.mark.parametrize(
    ("share", "is_shown"),
    [(0.05, False), (0.10, False), (0.11, True), (0.5, True), (0.0, True), (0.89, True), (0.95, False), (1.0, True)],
)
def test_share_tells_no_small_group_nor_its_complement(share, is_shown):
    """Of 100 people."""
    row = diagnostics(100, share)["censored_share"]
    assert (row["value"] is not None) == is_shown
    assert row["is_suppressed"] == (not is_shown)
    assert row["status"] == "pass"


def test_sizes_in_diagnostics():
    few, many = diagnostics(10, 0.0), diagnostics(100, 0.0)
    assert (few["unweighted_n"]["value"], few["kish_effective_n"]["value"]) == (None, None)
    assert (many["unweighted_n"]["value"], many["unweighted_n"]["is_suppressed"]) == (100, False)
    assert few["relative_standard_error"]["value"] == 0.2


def prevalence(bands: dict[str, int], **cells: Any) -> dict[str, dict]:
    n = sum(bands.values())
    common = {
        "study_id": "s", "cycle_label": "H", "site_code": "femoral_neck", "sex_code": "male",
        "reference_code": "white_female", "evidence_source": "public_survey", "n": n, "df": 15, "gate_status": "open",
    }  # fmt: skip
    told = {"prevalence_pct": 3.0, "se_pct": 1.0, "ci_low_pct": 1.5, "ci_high_pct": 6.0}
    rows = [common | told | {"band": band, "n_band": size} | cells for band, size in bands.items()]
    return {row["band"]: row for row in leaving("bone_prevalence", "models.bone_prevalence", rows)}


def test_bands_are_a_partition():
    rows = prevalence({"osteoporosis": 6, "osteopenia": 60, "normal": 200})
    for band in ("osteoporosis", "osteopenia"):
        assert [rows[band][name] for name in ("n_band", "prevalence_pct", "se_pct", "ci_low_pct", "ci_high_pct")] == [
            None
        ] * 5
        assert rows[band]["is_suppressed"] is True
    assert (rows["normal"]["n_band"], rows["normal"]["prevalence_pct"], rows["normal"]["n"]) == (200, 3.0, 266)


def test_a_sex_with_few_scans_does_not_leave_its_size():
    rows = prevalence(
        {"osteoporosis": 1, "osteopenia": 3, "normal": 4}, gate_status="closed", gate_reason="unweighted_n"
    )
    assert not [row for row in rows.values() if is_small(row["n"]) or is_small(row["n_band"])]


def attrition(*counts: int) -> Rows:
    common = {"study_id": "s", "arm_code": "men", "criterion_code": "x", "label": "y"}
    before = (counts[0], *counts)
    rows = [common | {"step_number": i, "n_before": before[i], "n_after": n} for i, n in enumerate(counts)]
    return leaving("attrition", "cohort.attrition", rows)


@pytest.mark.parametrize("counts", [(500, 300, 296, 120), (500, 300, 4), (500, 495, 4), (500, 495, 300, 0), (9, 5, 2)])
def test_attrition_tells_no_small_loss(counts):
    rows = attrition(*counts)
    numbers = [n for row in rows for n in (row["n_before"], row["n_after"]) if n is not None]
    assert not [n for n in numbers if is_small(n)]
    assert not [1 for a in numbers for b in numbers if is_small(a - b)]
    assert all(row["is_suppressed"] == (row["n_before"] is None or row["n_after"] is None) for row in rows)


def test_two_cohorts_of_one_family_do_not_tell_who_is_in_one_of_them_only():
    """115 with and without the disease: 106 without it and 9 with it. 106 beside 115 would tell the nine."""
    chains = {"without": (531, 115, 106), "with": (531, 115, 9)}
    common = {"study_id": "s", "arm_code": "drug", "family_code": "f", "criterion_code": "x", "label": "y"}
    rows = [
        common | {"cohort_code": cohort, "step_number": i, "n_before": n, "n_after": n}
        for cohort, counts in chains.items()
        for i, n in enumerate(counts)
    ]
    shown = {row["n_after"] for row in leaving("attrition", "cohort.attrition", rows)} - {None}
    assert 531 in shown
    assert not [1 for a in shown for b in shown if is_small(abs(a - b))]
    apart = [row | {"family_code": row["cohort_code"]} for row in rows]
    assert {115, 106} <= {row["n_after"] for row in leaving("attrition", "cohort.attrition", apart)}


def table_one(n_arm: int, levels: dict[str, int], known: int | None = None) -> dict[tuple[str, str], dict]:
    common = {"study_id": "s", "arm_code": "men"}
    rows: Rows = [common | {"characteristic": "People", "level": "all", "n": n_arm}]
    rows += [
        common | {"characteristic": "Current smoker", "level": level, "n": n, "estimate": 0.5}
        for level, n in levels.items()
    ]
    if known is not None:
        rows.append(common | {"characteristic": "Age", "level": "mean", "n": known, "estimate": 60.0, "spread": 9.0})
    found = leaving("table_one", "models.baseline", rows)
    assert len(found) == len(rows)
    return {(row["characteristic"], row["level"]): row for row in found}


def test_small_level_hides_itself_and_its_complement_with_their_shares():
    rows = table_one(100, {"yes": 6, "no": 94})
    assert [rows["Current smoker", level][name] for level in ("yes", "no") for name in ("n", "estimate")] == [None] * 4


@pytest.mark.parametrize(
    ("known", "n", "estimate"), [(100, 100, 60.0), (95, None, 60.0), (60, 60, 60.0), (6, None, None), (0, 0, 60.0)]
)
def test_mean_of_few_or_with_few_missing(known, n, estimate):
    row = table_one(100, {}, known)["Age", "mean"]
    assert (row["n"], row["estimate"]) == (n, estimate)
    assert row["is_suppressed"] == (n is None)


def test_few_missing_answers_do_not_follow_from_the_levels():
    """Of 100 people 95 answered: the five who did not are a small group, too."""
    rows = table_one(100, {"yes": 50, "no": 45})
    answered = [rows["Current smoker", level]["n"] for level in ("yes", "no")]
    assert None in answered


def test_arm_of_few_people_does_not_leave():
    rows = table_one(8, {"yes": 5, "no": 3}, 8)
    assert {row["n"] for row in rows.values()} == {None}
    assert {row["estimate"] for row in rows.values()} == {None}


def test_estradiol_bins_are_a_partition():
    common = {"cycle_label": "H", "assay_class": "lc_ms_ms", "population": "men", "lower_pg_ml": 0.0}
    sizes = [5, 0, 30, 400]
    rows = [common | {"bin_number": i, "n": n, "weighted_share_pct": 1.0 * i} for i, n in enumerate(sizes)]
    found = leaving("e2_distribution", "models.e2_distribution", rows)
    assert [row["n"] for row in found] == [None, 0, None, 400]
    assert [row["weighted_share_pct"] for row in found] == [None, 1.0, None, 3.0]


def measurements(**counts: tuple[int, int]) -> dict[tuple[str, str], int | None]:
    rows = [
        {"cycle_label": "H", "measurement": name.replace("_", " "), "sex_code": sex, "n": n}
        for name, (women, men) in counts.items()
        for sex, n in (("female", women), ("male", men), ("all", women + men))
    ]
    found = leaving("measurement_count", "cohort.measurement_count", rows)
    assert all(row["is_suppressed"] == (row["n"] is None) for row in found)
    return {(row["measurement"], row["sex_code"]): row["n"] for row in found}


@pytest.mark.parametrize(
    ("pair", "shown"),
    [
        ((40, 60), (40, 60, 100)),
        ((5, 60), (None, None, 65)),
        ((0, 60), (0, 60, 60)),
        ((2, 3), (None, None, None)),
        ((0, 7), (0, None, None)),
    ],
)
def test_women_men_and_all(pair, shown):
    found = measurements(estradiol=pair)
    assert tuple(found["estradiol", sex] for sex in ("female", "male", "all")) == shown


def test_a_pair_of_measurements_is_nested_in_each_of_them():
    """Of 100 women with a femur scan 95 have estradiol, too: the difference is a small group."""
    found = measurements(femur_BMD=(100, 200), estradiol=(150, 300), estradiol_and_femur_BMD=(95, 150))
    femur, both = found["femur BMD", "female"], found["estradiol and femur BMD", "female"]
    assert femur is None or both is None


def test_source_files_are_accounted_without_small_parts():
    manifest = [
        {"source_file": "a", "status_code": "landed", "rows_in": 1005},
        {"source_file": "b", "status_code": "out_of_scope"},
    ]
    account = [
        {"source_file": "a", "rows_staged": 1000, "rows_duplicate": 0, "rows_quarantined": 5, "rows_out_of_scope": 0}
    ]
    inputs = {
        "raw.manifest": frame("raw.manifest", manifest),
        "staging.conservation": frame("staging.conservation", account),
    }
    a, b = mart.source_file(inputs, FACTS).sort("source_file").collect().to_dicts()
    parts = ("rows_staged", "rows_duplicate", "rows_quarantined", "rows_out_of_scope")
    assert [a[part] for part in parts] == [None, 0, None, 0]
    assert [b[part] for part in parts] == [None] * 4
    assert (a["is_suppressed"], b["is_suppressed"]) == (True, False)


def test_instructions_of_few_people_are_hidden_and_no_total_tells_them():
    cells = {"read": 500, "read_with_doubt": 40, "blank": 12, "refused": 3}
    rows = [
        {"source_id": "omop", "language": "en", "outcome": code, "reason": "none"}
        | {"n_sigs": 2, "n_rows": 2 * n, "n_people": n}
        for code, n in cells.items()
    ]
    found = {row["outcome"]: row for row in leaving("sig_coverage", "cohort.sig_count", rows)}
    assert {code: row["n_rows"] for code, row in found.items()} == {
        "read": 1000,
        "read_with_doubt": 80,
        "blank": None,
        "refused": None,
    }
    assert all((row["n_sigs"] is None) == (row["n_rows"] is None) == row["is_suppressed"] for row in found.values())


@pytest.mark.parametrize(
    "table",
    [
        "effect_estimate",
        "covariate_balance",
        "diagnostic",
        "dose_response",
        "bone_prevalence",
        "attrition",
        "table_one",
        "e2_distribution",
        "measurement_count",
        "sig_coverage",
    ],
)
def test_nothing_in_nothing_out(table):
    source = {
        "attrition": "cohort.attrition",
        "measurement_count": "cohort.measurement_count",
        "sig_coverage": "cohort.sig_count",
        "table_one": "models.baseline",
    }
    assert leaving(table, source.get(table, f"models.{table}"), []) == []
