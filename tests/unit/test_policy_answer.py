"""`trabecula policy`: who is answered and who is not; answers hold the truth of their world; a profile leaves no trace."""

import json
import runpy
from dataclasses import asdict
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from threadpoolctl import threadpool_limits
from typer.testing import CliRunner

from pipelines import policy_answer
from pipelines.cli_published import app
from pipelines.errors import BadInput
from pipelines.models.dosing_profile import local_effective_number, outside
from pipelines.models.regime_frame import RegimeFrame
from pipelines.settings import load
from pipelines.tables import CONTRACTS
from pipelines.trials.study import catalogue

UNIT = Path(__file__).parent
made = runpy.run_path(str(UNIT / "models" / "test_regime_tables.py"))
WORLD = made["WORLD"]
POLICY, STUDY = made["POLICY"], made["STUDY"]
RIGHT: dict[str, object] = {
    "sex": "male",
    "is_pregnant": False,
    "has_cancer": False,
    "age_years": 50.0,
    "body_mass_index": 0.0,
    "estradiol_pg_ml": 42.0,
    "baseline_bmd_g_cm2": 1.0,
    "current_smoker": 0,
    "ever_any_fracture": 0,
    "ever_diabetes": 0,
    "testosterone_ng_dl": 600,
    "lumbar_spine_t_score": -0.3,
}


def profile(folder: Path, **changes: object) -> Path:
    """A profile file; a change to None leaves the key out."""
    asked = {key: value for key, value in (RIGHT | changes).items() if value is not None}
    path = folder / "profile.toml"
    words = {True: "true", False: "false"}
    lines = [
        f'{key} = "{value}"'
        if isinstance(value, str)
        else f"{key} = {words[value] if isinstance(value, bool) else value}"
        for key, value in asked.items()
    ]
    path.write_text("\n".join(lines) + "\n")
    return path


def estimates(status: str = "open", source: str = "real") -> pl.DataFrame:
    rows = [
        {
            "study_id": STUDY.id,
            "contrast": POLICY.contrast(regime),
            "outcome": outcome,
            "evidence_source": source,
            "gate_status": status if outcome != "water_retention" else "closed",
            "gate_reason": None if status == "open" else "regime_followers fail",
        }
        for regime in POLICY.regimes
        for outcome in POLICY.outcomes
    ]
    return pl.DataFrame(rows, schema_overrides={"gate_reason": pl.String})


def publish(home: Path, told: pl.DataFrame, frame: RegimeFrame, place: dict[str, object] | None = None) -> None:
    """A published build of the tables that an answer reads; age of 50 years and up."""
    given = made["tables"](frame, place)
    age = pl.when(pl.col("covariate_code") == "age_years").then(pl.col("value") + 50).otherwise(pl.col("value"))
    given["features.covariate"] = given["features.covariate"].with_columns(value=age)
    build = home / "builds" / "20260101T000000-0"
    for table, rows in (given | {"models.effect_estimate": told.lazy()}).items():
        path = build / "data" / Path(*table.split(".")) / "all.parquet"
        path.parent.mkdir(parents=True)
        rows.collect().write_parquet(path)
    (home / "current").symlink_to(Path("builds") / build.name)


@pytest.fixture(scope="module")
def men() -> RegimeFrame:
    return WORLD["frame"](0, 2500)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, men: RegimeFrame) -> Path:
    found = tmp_path_factory.mktemp("home")
    publish(found, estimates(), men)
    return found


def lines(home: Path, path: Path, *, simulated: bool = False) -> list[str]:
    with pytest.MonkeyPatch.context() as patch, threadpool_limits(1):
        patch.setattr(policy_answer, "N_RESAMPLES", 20)
        return policy_answer.lines(policy_answer.answer(load(home), path, is_simulated_asked=simulated))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"sex": "female"}, "these regimes are for men on testosterone"),
        ({"age_years": 17}, "under 18 years"),
        ({"is_pregnant": True}, "pregnancy"),
        ({"has_cancer": True}, "cancer"),
        ({"age_years": 70}, "age_years outside the 1st to 99th percentile"),
        ({"estradiol_pg_ml": 300}, "estradiol_pg_ml outside"),
    ],
)
def test_who_is_not_answered_is_told_why(home: Path, tmp_path: Path, changes: dict[str, object], said: str) -> None:
    (line,) = lines(home, profile(tmp_path, **changes))
    assert line.startswith("no answer: ")
    assert said in line


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"estradiol_pg_ml": None}, "estradiol_pg_ml is missing"),
        ({"smokes": 1}, "smokes is not asked for"),
        ({"age_years": "old"}, "age_years must be a number"),
        ({"estradiol_pg_ml": -3}, "estradiol_pg_ml must be a number"),
        ({"estradiol_pg_ml": float("inf")}, "estradiol_pg_ml must be a number"),
        ({"sex": "unknown"}, "sex must be male or female"),
        ({"has_cancer": 1}, "has_cancer must be true or false"),
    ],
)
def test_a_profile_that_says_too_little_or_too_much_is_refused(
    home: Path, tmp_path: Path, changes: dict[str, object], said: str
) -> None:
    with pytest.raises(BadInput, match=said):
        lines(home, profile(tmp_path, **changes))


def test_what_is_wrong_is_told_without_a_value(home: Path, tmp_path: Path) -> None:
    path = tmp_path / "profile.toml"
    path.write_text("age_years = 71.25 years\n")
    with pytest.raises(BadInput) as told:
        lines(home, path)
    assert "71" not in str(told.value)


def test_few_people_alike_are_no_answer(tmp_path: Path, men: RegimeFrame) -> None:
    few = tmp_path / "few"
    few.mkdir()
    publish(few, estimates(), men.taken(np.arange(60)))
    (line,) = lines(few, profile(tmp_path))
    assert line == "no answer: people like this count as fewer than 50"


def test_a_closed_gate_is_no_answer(tmp_path: Path, men: RegimeFrame) -> None:
    shut = tmp_path / "shut"
    shut.mkdir()
    publish(shut, estimates("closed"), men.taken(np.arange(50)))
    (line,) = lines(shut, profile(tmp_path))
    assert line == "no answer: the gate is closed: regime_followers fail"


def test_simulated_people_answer_only_where_asked_to(tmp_path: Path, men: RegimeFrame) -> None:
    made_up = tmp_path / "made_up"
    made_up.mkdir()
    publish(made_up, estimates(source="simulated"), men)
    path = profile(tmp_path)
    assert "--simulated" in lines(made_up, path)[0]
    assert any("Simulated people" in line for line in lines(made_up, path, simulated=True))


def test_without_a_build_there_is_nothing_to_ask(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="nothing is published"):
        lines(tmp_path / "empty", profile(tmp_path))


def test_the_answer_holds_the_truth_of_people_like_these(home: Path, tmp_path: Path) -> None:
    """Bone and tests of men of these very covariates, 200,000 of them under the regime, against the printed interval."""
    told = lines(home, profile(tmp_path))
    rows = [line.split() for line in told]
    order = [row[0] for row in rows if row and row[0] in (POLICY.reference, *POLICY.regimes)]
    assert (
        order == [POLICY.reference, *POLICY.regimes[:3], "stop_below_20"]
        or "titrate_above_change_point:" in told[[line.startswith("titrate_above") for line in told].index(True)]
    )
    assert any(line.startswith("titrate_above_change_point: no answer, no change-point") for line in told)
    place = told.index("fixed_1_mg_daily")
    bone = told[place + 1]
    low, high = (float(end) for end in bone.split("[")[1].split("]")[0].split(" to "))
    # By hand: log estradiol settles at (.45 e2_0 + .3 log 36 - .12 - .28 log 8) / .75; see titration_world.
    rng = np.random.default_rng(1)
    last = np.full(200_000, np.log(42.0))
    change = np.full(200_000, -0.4)
    for _ in range(WORLD["BEFORE_SCAN"]):
        level = 0.45 * np.log(42.0) + 0.25 * last + 0.3 * np.log(36) - 0.12 - 0.28 * np.log1p(7.0)
        last = level + 0.18 * rng.normal(size=last.size)
        change += (2.4 * (last - np.log(30)) - 0.25) / WORLD["BEFORE_SCAN"]
    assert low - 0.3 < change.mean() < high + 0.3
    wide_low, wide_high = (float(end) for end in bone.split("{")[1].split("}")[0].split(" to "))
    assert wide_low < low and wide_high > high
    assert wide_high - wide_low == pytest.approx(2 * 1.96 * np.hypot(1.2, change.std()), rel=0.25)


def test_a_gate_of_one_outcome_hides_it_alone(tmp_path: Path, men: RegimeFrame) -> None:
    half = tmp_path / "half"
    half.mkdir()
    shut = pl.col("outcome") == "gynecomastia"
    told = estimates().with_columns(gate_status=pl.when(shut).then(pl.lit("closed")).otherwise(pl.col("gate_status")))
    publish(half, told, men)
    found = lines(half, profile(tmp_path))
    breast = [line for line in found if "gynecomastia" in line]
    assert len(breast) == 5
    assert all(line.endswith("gate closed") for line in breast)
    assert sum("spine" in line and "[" in line for line in found) == 5


def test_as_json_the_numbers_are_those_of_the_lines(home: Path, tmp_path: Path) -> None:
    path = profile(tmp_path)
    with pytest.MonkeyPatch.context() as patch, threadpool_limits(1):
        patch.setattr(policy_answer, "N_RESAMPLES", 20)
        told = policy_answer.answer(load(home), path, is_simulated_asked=False)
        found = CliRunner().invoke(app, ["policy", "--profile", str(path), "--home", str(home), "--json"])
    document = json.loads(found.output)
    assert document == json.loads(json.dumps(asdict(told))) and document["no_answer"] is None
    bone = next(each for each in document["means"] if each["regime"] == "fixed_1_mg_daily")
    printed = policy_answer.lines(told)
    assert f"{bone['mean']:6.1f}  [{bone['ci_low']:.1f} to" in printed[printed.index("fixed_1_mg_daily") + 1]
    without = [each for each in document["means"] if each["outcome"] is None]
    assert [each["why_not"] for each in without] == ["no change-point was found"]
    refused = CliRunner().invoke(
        app, ["policy", "--profile", str(profile(tmp_path, sex="female")), "--home", str(home), "--json"]
    )
    assert json.loads(refused.output)["no_answer"] == "these regimes are for men on testosterone"


def test_people_far_away_count_for_little(men: RegimeFrame) -> None:
    names = dict.fromkeys(men.covariates.columns, 0.0)
    near = local_effective_number(men, names, 40.0)
    far = local_effective_number(men, dict.fromkeys(names, 4.0), 40.0)
    assert men.n > near > 10 * far
    assert outside(men, dict.fromkeys(names, 4.0), 40.0) == ("x0", "x1")


def test_the_command_prints_and_keeps_nothing(home: Path, tmp_path: Path) -> None:
    before = sorted(path.name for path in home.rglob("*"))
    found = CliRunner().invoke(app, ["policy", "--profile", str(profile(tmp_path, age_years=17)), "--home", str(home)])
    assert found.exit_code == 0
    assert found.output.startswith("no answer: under 18 years")
    assert sorted(path.name for path in home.rglob("*")) == before


def test_the_covariates_of_the_study_are_what_a_profile_says() -> None:
    assert set(catalogue()[policy_answer.STUDY].covariates.codes) <= set(RIGHT)
    assert "models.effect_estimate" in CONTRACTS
