"""The examples of time to event: their frozen numbers are those of R, of the papers, and of the data where these are present."""

import json
import math
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import polars as pl
import pytest

from pipelines.models.survey import survey_mean
from pipelines.models.survival_curve import curve_point, fit_curve

ORACLE = json.loads((Path(__file__).parent / "oracles" / "survival_examples.json").read_text())
#: R survival 3.5 on the same people: coxph(robust = TRUE) with ratio and limits, and cox.zph
FRAMINGHAM = {
    "age, 10 years": (1.417548, 1.307473, 1.536890, 9.9e-05),
    "men": (2.103139, 1.844710, 2.397772, 0.31313),
    "systolic pressure, 20 mmHg": (1.306986, 1.231584, 1.387005, 0.05405),
    "cholesterol, 40 mg/dL": (1.214067, 1.134552, 1.299155, 0.02070),
    "smoking": (1.222743, 1.070982, 1.396008, 0.26407),
    "diabetes": (2.100109, 1.570747, 2.807871, 0.59403),
    "body mass index, 5 kg/m²": (1.219748, 1.129311, 1.317427, 0.14890),
}
#: the same on age: Surv(age, age + years), strata(sex)
ON_AGE = {
    "systolic pressure, 20 mmHg": 1.272059,
    "cholesterol, 40 mg/dL": 1.199836,
    "smoking": 1.244528,
    "diabetes": 1.992180,
    "body mass index, 5 kg/m²": 1.224503,
}
#: survfit with competing death: risk of coronary disease by sex in 12 and 24 years
BY_SEX = {("men", 12): 0.15265487, ("men", 24): 0.31969027, ("women", 12): 0.08333333, ("women", 24): 0.19077834}

#: coxph(weights = , cluster = ) on NHANES: current smokers against never
SMOKERS = {"women": (2.1012650, 1.4716759, 3.0001950), "men": (3.0306741, 1.6792788, 5.4696012)}


@pytest.fixture(scope="module")
def told(root: Path) -> dict[str, Any]:
    return json.loads((root / "docs" / "survival-examples.json").read_text())


@pytest.fixture(scope="module")
def script(root: Path) -> ModuleType:
    sys.path.insert(0, str(root / "docs"))
    try:
        import survival_examples
    finally:
        sys.path.remove(str(root / "docs"))
    return survival_examples


def ratios(found: dict[str, Any]) -> dict[str, Any]:
    return {row["name"]: row for row in found["ratios"]}


@pytest.mark.parametrize(
    ("data", "fit", "name"),
    [
        ("gbsg", "given", "tamoxifen, as given"),
        ("rotterdam", "given", "hormonal therapy, as given"),
        ("rotterdam", "adjusted", "hormonal therapy, adjusted"),
    ],
)
def test_ratios_of_breast_cancer_are_those_of_r(told: dict[str, Any], data: str, fit: str, name: str) -> None:
    expected, row = ORACLE[data][fit], ratios(told[data])[name]
    middle, low, high = (math.log(each) for each in row["ratio"])
    assert middle == pytest.approx(expected["coefficient"], abs=1e-5)
    assert (high - low) / (2 * 1.959964) == pytest.approx(expected["robust_se"], abs=1e-5)
    assert row["p_drift"] == pytest.approx(expected["p_drift"], rel=1e-4)


@pytest.mark.parametrize("data", ["gbsg", "rotterdam"])
def test_crude_risks_of_breast_cancer_are_those_of_r(told: dict[str, Any], data: str) -> None:
    for arm in ("target", "comparator"):
        found = [row[arm][0] for row in told[data]["risks"]["as given"]]
        assert found == pytest.approx(ORACLE[data]["risk"][arm], abs=1e-6)


def test_the_model_of_royston_and_altman_is_met(told: dict[str, Any]) -> None:
    assert (
        (told["rotterdam"]["people"], told["rotterdam"]["events"])
        == (1546, ORACLE["rotterdam"]["events"])
        == (1546, 965)
    )
    rows = told["rotterdam"]["published"]
    assert [round(row["ours"], 2) for row in rows] == [row["published"] for row in rows]
    assert [row["ours"] for row in rows] == pytest.approx(ORACLE["rotterdam"]["paper"], abs=1e-5)


def test_ratios_of_framingham_are_those_of_r(told: dict[str, Any]) -> None:
    found = ratios(told["framingham"])
    for name, (*ratio, p_drift) in FRAMINGHAM.items():
        assert found[name]["ratio"] == pytest.approx(ratio, rel=1e-5)
        assert found[name]["p_drift"] == pytest.approx(p_drift, rel=2e-3)
    for name, ratio in ON_AGE.items():
        assert found[f"{name}, on age"]["ratio"][0] == pytest.approx(ratio, rel=1e-5)


def test_risks_of_framingham_are_those_of_r_and_near_those_of_wilson(told: dict[str, Any]) -> None:
    found = {(row["name"], row["horizon"]): row["risk"] for row in told["framingham"]["by_sex"]}
    assert {key: risk[0] for key, risk in found.items()} == pytest.approx(BY_SEX, abs=1e-6)
    for sex, (cases, people) in {"men": (383, 2489), "women": (227, 2856)}.items():
        assert found[sex, 12][1] < cases / people < found[sex, 12][2]


def test_two_roads_to_the_standardised_risk_of_framingham_agree(told: dict[str, Any]) -> None:
    weighted, standardised = (told["framingham"]["risks"][road] for road in ("weighted", "hazards in periods"))
    for one, other in zip(weighted, standardised, strict=True):
        assert one["difference"][0] == pytest.approx(other["difference"][0], abs=0.01)


def test_ratios_of_nhanes_are_those_of_r_and_meet_those_of_the_interview_survey(told: dict[str, Any]) -> None:
    found = ratios(told["nhanes"])
    for sex, expected in SMOKERS.items():
        ratio = found[f"current smokers against never, {sex}"]["ratio"]
        assert ratio == pytest.approx(expected, rel=1e-5)
        low, high = {"women": (2.7, 3.3), "men": (2.4, 3.1)}[sex]
        assert ratio[1] < high and low < ratio[2]


def test_where_nobody_is_censored_a_risk_is_the_survey_mean_with_its_error(script: ModuleType, nhanes: Path) -> None:
    """Of those followed four years or longer, all are seen at four years."""
    from survival_nhanes import FOLLOWED, nhanes_people

    survey = nhanes_people(nhanes.parent)
    asked = FOLLOWED & pl.col("RIDAGEYR").is_between(60, 79) & (pl.col("sex") == "men")
    _, rows, error = survey.domain(asked)
    assert np.all((rows.exit >= 48) | (rows.event == 1))
    died = (
        survey.frame.select(((pl.col("months") <= 48) & (pl.col("died") == 1)).cast(pl.Float64)).to_series().to_numpy()
    )
    inside = survey.frame.select(asked & (pl.col("weight") > 0)).to_series().fill_null(value=False).to_numpy()
    expected = survey_mean(survey.design, np.where(inside, died, 0.0), inside)
    point = curve_point(rows, fit_curve(rows), "risk", 48.0)
    assert point.value == pytest.approx(expected.estimate, rel=1e-9)
    assert error(point.influence) == pytest.approx(expected.standard_error, rel=1e-9)


@pytest.mark.parametrize("data", ["gbsg", "rotterdam", "framingham", "nhanes"])
def test_the_data_give_the_frozen_numbers(
    script: ModuleType, told: dict[str, Any], shared_data: Path, data: str
) -> None:
    if not (shared_data / script.FOLDERS.get(data, data)).is_dir():
        pytest.skip(f"no {data} in {shared_data}")
    same(script.rounded(script.EXAMPLES[data](shared_data).numbers), told[data])


def same(found: Any, frozen: Any) -> None:
    if isinstance(frozen, dict):
        assert found.keys() == frozen.keys()
        for name, part in frozen.items():
            same(found[name], part)
    elif isinstance(frozen, list):
        assert len(found) == len(frozen)
        for one, other in zip(found, frozen, strict=True):
            same(one, other)
    elif isinstance(frozen, float):
        assert found == pytest.approx(frozen, rel=1e-4, abs=1e-6)
    else:
        assert found == frozen
