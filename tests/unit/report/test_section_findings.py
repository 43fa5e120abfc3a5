"""Findings in words: direction, interval, gate; the primary method alone speaks, shortcuts stand in the muted table."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pipelines.report.frames import prepared, primary
from pipelines.report.section_findings import age_phrase, estimate_tables, findings
from pipelines.report.views import Finding
from pipelines.warehouse.told_estimates import WITHHELD

Mart = dict[str, pl.DataFrame]


def plain(found: Finding) -> str:
    return f"{found.lead} {found.text}".replace("\u00a0", " ")


@pytest.fixture
def one(mart: Mart) -> Callable[..., Finding]:
    """The finding of men's femoral neck, with some columns replaced."""

    def build(**changed: Any) -> Finding:
        estimates = mart["mart.effect_estimate"].filter(
            pl.col("population") == "men", pl.col("outcome").str.starts_with("femoral")
        )
        columns = [pl.lit(value, dtype=estimates.schema[name]).alias(name) for name, value in changed.items()]
        frames = prepared({**mart, "mart.effect_estimate": estimates.with_columns(columns)}, mart)
        return findings(frames)[0]

    return build


def test_more_bone(one: Callable[..., Finding]) -> None:
    found = one(estimate=0.0148, ci_low=0.0065, ci_high=0.0231, se=0.0039, p_value=0.0018, n_target=1340)
    assert plain(found) == (
        "In men of 40 and over, twice the estradiol went with 0.015 g/cm² more femoral-neck BMD "
        "(95 % CI 0.006 to 0.023; p = 0.002; n = 1,340)."
    )
    assert found.tag == "interval excludes zero"


def test_less_bone_states_the_interval_in_the_same_direction(one: Callable[..., Finding]) -> None:
    found = one(estimate=-0.0148, ci_low=-0.0231, ci_high=-0.0065, se=0.0039, p_value=0.0002)
    assert "0.015 g/cm² less femoral-neck BMD (95 % CI 0.006 to 0.023; p < 0.001" in plain(found)
    assert found.tag == "interval excludes zero"


def test_an_interval_over_zero_says_both_directions(one: Callable[..., Finding]) -> None:
    found = one(estimate=-0.0021, ci_low=-0.0153, ci_high=0.0111, se=0.0062, p_value=0.74)
    assert "0.002 g/cm² less femoral-neck BMD (95 % CI 0.015 less to 0.011 more; p = 0.74" in plain(found)
    assert found.tag == "interval includes zero"


def test_a_hazard_ratio_is_told_as_a_ratio_against_one(one: Callable[..., Finding]) -> None:
    hazard = {"scale": "log hazard ratio", "estimator": "survey_cox", "outcome": "all_cause_death", "n_target": 1200}
    found = one(**hazard, estimate=-0.223144, ci_low=-0.356675, ci_high=-0.105361, p_value=0.002, events_target=180)
    assert plain(found) == (
        "In men of 40 and over, each doubling of estradiol went with 0.80 times the hazard of death from any cause "
        "(95 % CI 0.70 to 0.90; p = 0.002; n = 1,200; deaths = 180)."
    )
    assert found.tag == "interval excludes one"
    wide = one(**hazard, estimate=-0.223144, ci_low=-0.7, ci_high=0.1, p_value=0.2)
    assert wide.tag == "interval includes one"


def test_a_risk_difference_tells_both_risks(one: Callable[..., Finding]) -> None:
    found = one(
        scale="risk difference in percent",
        estimator="survey_cox_standardised",
        outcome="all_cause_death",
        contrast="estradiol, 75th against 25th percentile",
        estimand="Death, adjusted: risk within 60 months 6.9 % at 29 pg/mL, 7.6 % at 18.5 pg/mL",
        estimate=-0.74,
        ci_low=-2.05,
        ci_high=0.57,
        se=0.6,
        p_value=0.25,
    )
    assert plain(found) == (
        "In men of 40 and over, death from any cause, risk within 60 months 6.9 % at 29 pg/mL, 7.6 % at 18.5 pg/mL: a "
        "difference of \u22120.74 percentage points (95 % CI \u22122.05 to 0.57; p = 0.25)."
    )
    assert found.tag == "interval includes zero"


def test_a_difference_of_shares_is_told_in_percentage_points(one: Callable[..., Finding]) -> None:
    answer = {"estimate": 0.0034, "ci_low": -0.0083, "ci_high": 0.0152, "se": 0.006, "p_value": 0.57}
    found = one(scale="difference of risks", estimator="msm", outcome="fatigue", contrast="raised vs target", **answer)
    assert plain(found) == (
        "In men of 40 and over, fatigue: 0.34 (Difference of risks: raised vs target, percentage points; "
        "95 % CI \u22120.83 to 1.52; p = 0.57)."
    )


def test_a_closed_gate_gives_its_reason(one: Callable[..., Finding]) -> None:
    found = one(gate_status="closed", gate_reason="censored_share above 0.50")
    assert plain(found) == (
        "Men of 40 and over, femoral-neck BMD: no estimate was computed, "
        "because share below the assay limit above 0.50."
    )
    assert found.tag == "gate closed"


def test_what_disclosure_control_withholds_is_no_closed_gate(one: Callable[..., Finding]) -> None:
    answer = dict.fromkeys(("estimate", "ci_low", "ci_high", "se", "p_value"))
    found = one(gate_status="open", gate_reason=WITHHELD, **answer)
    assert plain(found) == f"Men of 40 and over, femoral-neck BMD: no estimate stands here, because {WITHHELD}."
    assert found.tag == "withheld"


def test_a_waiver_is_said_in_the_same_breath(one: Callable[..., Finding]) -> None:
    found = one(gate_status="waived", gate_reason="2025-01-02: pilot data")
    assert plain(found).endswith("The gate was waived: 2025-01-02: pilot data.")
    assert found.tag == "gate waived"


def test_an_open_gate_without_estimate_is_not_a_finding_of_nothing(one: Callable[..., Finding]) -> None:
    found = one(estimate=None, ci_low=None, ci_high=None, se=None, p_value=None)
    assert "no estimate was computed, because no reason was given" in plain(found)


def test_what_one_reason_closes_is_said_once(mart: Mart) -> None:
    frame = mart["mart.effect_estimate"].filter(
        pl.col("estimator") == "linear_log2_e2_mi", pl.col("population") == "men"
    )
    closed = frame.with_columns(
        gate_status=pl.lit("closed"), gate_reason=pl.lit("events fail"), estimate=pl.lit(None, dtype=pl.Float64)
    )
    regimes = [closed.with_columns(contrast=pl.lit(name)) for name in ("a vs b", "c vs b")]
    apart = closed.head(1).with_columns(contrast=pl.lit("d vs b"), gate_reason=pl.lit("observed_share fail"))
    told = findings(prepared({**mart, "mart.effect_estimate": pl.concat([*regimes, apart])}, mart))
    unanswered = [plain(found) for found in told if found.tag == "gate closed"]
    outcomes = "femoral-neck BMD, total-hip BMD, lumbar-spine BMD"
    assert sorted(unanswered) == sorted([
        f"Men of 40 and over, {outcomes} (2 contrasts): no estimate was computed; failed: events.",
        "Men of 40 and over, femoral-neck BMD: no estimate was computed; failed: share with a usable pair of scans.",
    ])  # fmt: skip


def test_only_the_primary_method_speaks(mart: Mart) -> None:
    frames = prepared(mart, mart)
    assert set(primary(frames["mart.effect_estimate"])["estimator"]) == {"linear_log2_e2_mi", "risk_difference", "aipw"}
    spoken = [found for found in findings(frames) if "twice the estradiol" in found.text or "no estimate" in found.text]
    assert len(spoken) == 7


def test_a_study_with_one_unknown_estimator_speaks_with_it_and_with_two_not_at_all(mart: Mart) -> None:
    survey = mart["mart.effect_estimate"].filter(study_id="nhanes_e2_bmd")
    frame = survey.with_columns(pl.col("estimator").replace({"linear_log2_e2_mi": "unheard_of"}))
    assert set(primary(frame)["estimator"]) == {"unheard_of"}
    two = pl.concat([frame, frame.filter(estimator="unheard_of").with_columns(estimator=pl.lit("msm"))])
    assert primary(two).is_empty()
    assert primary(frame.filter(estimator="measured_only")).is_empty()
    assert primary(frame.filter(estimator="spline_joint_test")).is_empty()


def test_findings_go_population_by_population(mart: Mart) -> None:
    leads = [found.lead for found in findings(prepared(mart, mart))[:6]]
    assert [lead.lower().removeprefix("in ").split()[0] for lead in leads] == ["men"] * 3 + ["postmenopausal"] * 3


def test_shortcuts_stand_in_a_muted_table_of_their_own(mart: Mart) -> None:
    tables = estimate_tables(prepared(mart, mart)["mart.effect_estimate"])
    assert [table.is_muted for table in tables] == [False, True]
    assert tables[1].caption.startswith("For comparison only")
    headings = [column.heading for column in tables[1].columns]
    assert headings[2:] == ["LLOQ/√2 in place of censored values", "Measured values only"]
    first = [cell.text.replace("\u00a0", " ") for cell in tables[1].rows[0].cells]
    assert first == ["0.015 g/cm²", "0.018 g/cm²", "0.021 g/cm²"]


def test_the_published_values_stand_beside_this_build(mart: Mart) -> None:
    said = [plain(found) for found in findings(prepared(mart, mart))]
    assert said[-1] == (
        "Against Looker 2010, femoral neck, 2005\u20132006: osteoporosis in women 10.3 % (published 10 %); "
        "low bone mass (osteopenia) in women 48.6 % (published 49 %); osteoporosis in men 2.1 % (published 2 %); "
        "low bone mass (osteopenia) in men 29.8 % (published 30 %)."
    )
    assert said[-2].startswith("In 2013\u20132014, 11.5 % (95 % CI 10.3 to 12.7) of women and 3.3 %")


def test_the_band_named_in_words_is_the_one_of_the_reference_table(mart: Mart, root: Path) -> None:
    with (root / "sql/ref/clinical_limit.csv").open() as file:
        limits = {row["limit_code"]: float(row["value"]) for row in csv.DictReader(file)}
    said = findings(prepared(mart, mart))[-2].text
    assert f"T-score \u2212{abs(limits['t_score_osteoporosis'])} or lower" in said
    methods = (root / "pipelines/report/templates/methods.html.j2").read_text()
    assert f"\u2212{abs(limits['t_score_osteoporosis'])} or lower" in methods
    assert f"below \u2212{abs(limits['t_score_osteopenia'])} (WHO 1994)" in methods


@pytest.mark.parametrize(
    ("label", "phrase"),
    [
        ("Aged 40 years or over", " of 40 and over"),
        ("40 and over", " of 40 and over"),
        ("Age at least 50", " of 50 and over"),
        ("Examined in 2013 or later", ""),
        ("", ""),
    ],
)
def test_age_is_read_from_the_steps(mart: Mart, label: str, phrase: str) -> None:
    steps = mart["mart.attrition"].with_columns(label=pl.lit(label))
    assert age_phrase(steps, "nhanes_e2_bmd") == phrase
    assert age_phrase(steps, "another_study") == ""
