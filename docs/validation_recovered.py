"""What stands in the tests of known truth, as rows of the page of validation: engines whole, naive forms, the eight self-tests.

Here: which test shows what, and the tables made of frozen figures. Figures come from `tests/recovery/engine_figures.json`, whose
script names the cases, and those of published trials from `trial_anchors.json`; nothing is estimated here. Not here: published
values (`validation_published`).
"""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
RECOVERY = ROOT / "tests" / "recovery"
MINUS = "\u2212"
MISSING = "missing"

#: the naive forms of the issue, as columns, and the words by which the cases call them
REMEDIES: dict[str, tuple[str, ...]] = {
    "weights of one": ("weights of one", "clones without weights", "arms as they are", "weights ignored", "unweighted"),
    "limit over root two": ("limit over root two",),
    "loss ignored": ("loss and missed", "losses and missed", "leaving", "losses ignored"),
    "timing of scans ignored": (
        "loss and missed scans", "losses and missed scans", "timing of scans", "scanned every year alone",
    ),
    "rows as people": (
        "rows taken as people", "clones taken as people", "copies of people", "readings taken as persons",
    ),
    "future known": (
        "a value of after time zero", "immortal time", "what people ended up doing", "adjusted for, not simulated",
    ),
    "death as censoring": ("one less", "death as censoring"),
}  # fmt: skip
#: where a remedy has no place: why
NO_PLACE: dict[tuple[str, str], str] = {
    ("AIPW, cross-fitted", "limit over root two"): "no censored values",
    # doubly robust: with an outcome model that is right nothing of this shows
    ("AIPW, cross-fitted", "weights of one"): "the outcome model stands in",
    ("AIPW, cross-fitted", "loss ignored"): "the outcome model stands in",
    ("AIPW, cross-fitted", "timing of scans ignored"): "the outcome model stands in",
    ("IPTW", "limit over root two"): "no censored values",
    ("outcome regression", "limit over root two"): "no censored values",
    ("outcome regression", "weights of one"): "has no weights",
    ("outcome regression", "timing of scans ignored"): "has no weights",
    ("outcome regression", "loss ignored"): "has no weights",
    ("marginal structural model", "limit over root two"): "no censored values",
    ("g-formula", "weights of one"): "has no weights",
    ("g-formula", "loss ignored"): "has no weights",
    ("g-formula", "timing of scans ignored"): "has no weights",
    ("bent line", "weights of one"): "has no weights",
    ("bent line", "loss ignored"): "has no weights",
    ("mixed model of log BMD", "weights of one"): "has no weights",
    ("mixed model of log BMD", "limit over root two"): "no censored values",
    ("mixed model of log BMD", "loss ignored"): "has no weights",
    ("clone-censor-weight", "limit over root two"): "no censored values",
    ("Cox", "loss ignored"): "people leave by chance",
    ("Cox", "death as censoring"): "is what it asks",
    ("Fine-Gray", "weights of one"): "has no weights",
    ("Fine-Gray", "loss ignored"): "people leave by chance",
    **dict.fromkeys(
        (("imputation of censored estradiol", name) for name in REMEDIES if name != "limit over root two"),
        "imputes, no more",
    ),
}
#: rows of the matrix; death competes in the engines of risks alone
ENGINES = (
    *("AIPW, cross-fitted", "IPTW", "outcome regression", "clone-censor-weight", "marginal structural model"),
    *("g-formula", "bent line", "mixed model of log BMD", "imputation of censored estradiol"),
)
EVENTS = ("discrete hazards", "weighted curve", "Cox", "Fine-Gray", "risks of studies")
_OF_BONE = tuple(name for name in REMEDIES if name != "death as censoring")

#: kills whose figures are told by their own asserts
FURTHER: tuple[tuple[str, str], ...] = (
    ("titration, estradiol left out of bone", "recovery/test_regime.py::test_kill_estradiol_left_out_of_bone"),
    ("titration, tests below the limit taken at it", "recovery/test_regime.py::test_kill_tests_below_the_limit_taken_at_it"),
    (
        "titration, events after a missed test with a slope of their own",
        "recovery/test_regime.py::test_kill_events_after_no_test_with_a_slope_of_their_own",
    ),
    ("titration, levels of men's own forgotten", "recovery/test_regime.py::test_kill_levels_of_their_own_forgotten"),
    ("who kept to a regime, weights of one", "recovery/test_regime_weighting.py::test_kill_weights_of_one"),
    ("sustained dose from files, weights of one", "unit/models/test_dose_tables.py::test_weights_of_one_hide_the_losses"),
    (
        "trajectories of estradiol, limit over root two",
        "recovery/test_e2_trajectory.py::test_trajectories_give_mean_and_slope_back",
    ),
    (
        "scans ordered by loss, taken as ordered by chance",
        "recovery/test_selective_observation.py::test_told_how_strongly_it_is_right_and_the_primary_alone_is_not",
    ),
    ("symptoms, plain means by band", "recovery/test_symptoms.py::test_plain_means_are_wrong_in_every_symptom"),
    ("symptoms, prompted draws kept", "recovery/test_symptoms.py::test_prompted_draws_bring_symptoms_to_the_low_bands"),
    ("symptoms by dose, plain means", "recovery/test_symptom_dose.py::test_plain_means_by_dose_are_wrong"),
    ("two tails by a quadratic term", "recovery/test_two_lines.py::test_a_quadratic_term_takes_what_flattens_for_a_u"),
    ("mortality, limit over root two", "recovery/test_mortality.py::test_the_limit_over_root_two_is_worse"),
    ("strata, arms taken as alike in each", "recovery/test_effect_modification.py::test_the_naive_form_fails_the_same_test"),
    (
        "the ratio taken as enough because it has a slope",
        "unit/models/test_ratio_model.py::test_a_slope_on_the_ratio_alone_does_not_show_that_it_is_enough",
    ),
    ("the future leaked into a cohort", "functional/test_time_zero.py::test_a_planted_leak_is_found"),
)  # fmt: skip


class SelfTest(NamedTuple):
    """One of the eight simulations asked of any such pipeline, and the tests that hold it; `falls_short` may be empty."""

    asked: str
    tests: tuple[str, ...]
    falls_short: str


SELF_TESTS = (
    SelfTest(
        "(i) point treatment: AIPW and IPTW cover the truth",
        ("recovery/test_point_treatment.py::test_truth_is_given_back_a_thousand_times",),
        "",
    ),
    SelfTest(
        "(ii) feedback of estradiol on dose: the naive regression is biased, MSM and g-formula are not",
        (
            "recovery/test_marginal_structural.py::test_truth_is_given_back_a_thousand_times",
            "recovery/test_g_formula.py::test_truth_is_given_back_a_thousand_times",
            "recovery/test_g_formula.py::test_the_naive_form_fails_the_same_test",
        ),
        "",
    ),
    SelfTest(
        "(iii) the inhibitor does nothing, tamoxifen protects: inhibitor against tamoxifen above 0, against neither 0",
        ("recovery/test_event_gate.py::test_which_comparator_decides_what_is_seen",),
        "one frozen run from files, on heart failure; not on bone",
    ),
    SelfTest(
        "(iv) scans by what people are like: plain means biased, inverse intensity not",
        (
            "recovery/test_marginal_structural.py::test_the_naive_form_fails_the_same_test",
            "recovery/test_point_treatment.py::test_the_naive_form_fails_the_same_test",
            "recovery/test_selective_observation.py::test_told_how_strongly_it_is_right_and_the_primary_alone_is_not",
        ),
        "shown of means and of sustained doses; a mixed model under such scans: missing",
    ),
    SelfTest(
        "(v) 40 % below the limit: the slope is given back",
        (
            "recovery/test_censored_e2.py::test_intervals_cover_and_standard_errors_are_right",
            "recovery/test_e2_trajectory.py::test_trajectories_give_mean_and_slope_back",
        ),
        "",
    ),
    SelfTest(
        "(vi) death competes: one less Kaplan-Meier overstates, Aalen-Johansen is right",
        (
            "recovery/test_survival_curve.py::test_death_as_censoring_overstates_both_risks",
            "recovery/test_risk_contrast.py::test_the_naive_form_fails_the_same_test",
        ),
        "",
    ),
    SelfTest(
        "(vii) planted immortal time is refused by the builder of cohorts",
        (
            "unit/trials/test_clinical_study.py::test_a_bad_study_is_refused_with_its_line",
            "functional/test_time_zero.py::test_the_future_changes_outcomes_and_nothing_that_was_known",
            "functional/test_time_zero.py::test_a_planted_leak_is_found",
            "recovery/test_clone_weighting.py::test_the_naive_form_fails_the_same_test",
        ),
        "",
    ),
    SelfTest(
        "(viii) everybody twice leaves the clustered error alone",
        (
            "recovery/test_point_treatment.py::test_everybody_twice_leaves_the_clustered_error_alone",
            "recovery/test_marginal_structural.py::test_the_naive_form_fails_the_same_test",
        ),
        "",
    ),
)


class Cases(NamedTuple):
    """The cases of the script, and the frozen rows by key."""

    cases: list[Any]
    rows: dict[str, dict[str, Any]]
    many: Any
    few: Any


def cases() -> Cases:
    script = runpy.run_path(str(RECOVERY / "engine_figures.py"))
    judged = runpy.run_path(str(RECOVERY / "replication.py"))
    frozen = RECOVERY / "engine_figures.json"
    rows = json.loads(frozen.read_text(encoding="utf-8")) if frozen.exists() else []
    return Cases(list(script["cases"]()), {row["key"]: row for row in rows}, judged["MANY"], judged["FEW"])


def figure(value: float | None, digits: int = 2) -> str:
    return "" if value is None else f"{value:.{digits}f}".replace("-", MINUS)


def is_within(figures: list[float | None], bands: Any) -> bool:
    """Whether those figures that there are keep within the bands."""
    coverage, bias, ratio = (np.nan if each is None else each for each in figures)
    return bool(
        bands.coverage[0] <= coverage <= bands.coverage[1]
        and (np.isnan(bias) or abs(bias) <= bands.bias)
        and (np.isnan(ratio) or bands.ratio[0] <= ratio <= bands.ratio[1])
    )


def whole(told: Cases) -> str:
    """Engines as they are: coverage, bias, error, and whether they keep within the bands; what is not frozen is missing."""
    lines = [
        "| engine | world | replications | coverage | bias, SDs | mean error / SD | within the bands | test |",
        "|---|---|---:|---:|---:|---:|---|---|",
    ]
    for case in (each for each in told.cases if not each.naive):
        row = told.rows.get(case.key)
        cells = [MISSING, "", "", "", ""]
        if row:
            coverage, bias, ratio = row["figures"]
            said = "yes" if is_within(row["figures"], told.many) else "no"
            cells = [f"{row['replications']:,}", figure(coverage, 3), figure(bias), figure(ratio), said]
        lines.append(f"| {case.engine} | {case.world} | {' | '.join(cells)} | `{case.file}` |")
    return "\n".join(lines)


def naive(told: Cases) -> str:
    """Every naive form with its figures, outside the bands as it has to be."""
    lines = [
        "| engine | naive form | world | replications | coverage | bias, SDs | mean error / SD | test that fails |",
        "|---|---|---|---:|---:|---:|---:|---|",
    ]
    for case in (each for each in told.cases if each.naive):
        row = told.rows.get(case.key)
        cells = [MISSING, "", "", ""]
        if row:
            coverage, bias, ratio = row["figures"]
            cells = [f"{row['replications']:,}", figure(coverage, 3), figure(bias, 1), figure(ratio)]
        lines.append(f"| {case.engine} | {case.naive} | {case.world} | {' | '.join(cells)} | `{case.file}` |")
    lines += ["", "| other naive forms | test that fails |", "|---|---|"]
    lines += [f"| {words} | `{test}` |" for words, test in FURTHER]
    return "\n".join(lines)


def cell(told: Cases, engine: str, remedy: str) -> str:
    """What an engine has of a remedy taken away: figures that fail, no place for it, or missing."""
    if why := NO_PLACE.get((engine, remedy)):
        return why
    words = REMEDIES[remedy]
    named = [
        case
        for case in told.cases
        if f"{case.engine},".startswith(f"{engine},") and any(word in case.naive for word in words)
    ]
    if not named:
        return MISSING
    return "fails" if any(case.key in told.rows for case in named) else "fails, figures missing"


def matrix(told: Cases, engines: tuple[str, ...], remedies: tuple[str, ...]) -> str:
    lines = [f"| | {' | '.join(remedies)} |", "|---" * (len(remedies) + 1) + "|"]
    for engine in engines:
        lines.append(f"| {engine} | {' | '.join(cell(told, engine, remedy) for remedy in remedies)} |")
    return "\n".join(lines)


def kills(told: Cases) -> str:
    """Engines by remedy taken away: means and bone, then events."""
    of_events = ("weights of one", "loss ignored", "rows as people", "death as censoring")
    return "\n\n".join([matrix(told, ENGINES, _OF_BONE), matrix(told, EVENTS, of_events)])


def self_tests(_: Cases) -> str:
    lines = ["| asked | tests | falls short |", "|---|---|---|"]
    lines += [
        f"| {each.asked} | {', '.join(f'`{test}`' for test in each.tests)} | {each.falls_short} |"
        for each in SELF_TESTS
    ]
    return "\n".join(lines)


def anchors(_: Cases) -> str:
    """Contrasts of published trials, asked of the pipeline from files."""
    lines = [
        "| trial | outcome | contrast | published, % | ours, % | 95 % interval | gate |",
        "|---|---|---|---:|---:|---|---|",
    ]
    for row in json.loads((RECOVERY / "trial_anchors.json").read_text(encoding="utf-8"))["anchors"]:
        site = row["outcome"].removesuffix("_bmd_change_pct").replace("_", " ")
        interval = f"{figure(row['ci_low'])} to {figure(row['ci_high'])}"
        cells = [row["trial"], site, f"`{row['study']}`: {row['contrast']}", figure(row["published"])]
        lines.append(f"| {' | '.join([*cells, figure(row['estimate']), interval, row['gate_status']])} |")
    return "\n".join(lines)
