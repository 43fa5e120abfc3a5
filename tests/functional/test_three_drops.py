"""Three drops in three nights (corrections, a retraction, new people) leave every table as one night with all three does."""

import shutil
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from pipelines import plan
from pipelines.run import LandingReport, Run
from pipelines.settings import Settings
from pipelines.warehouse.changes import ChangeLog
from pipelines.warehouse.runner import StepReport
from pipelines.warehouse.store import Store

PEOPLE = 24
SEX = ("female", "male")
Files = dict[str, str]

MAPPING = """\
time_zone = "UTC"
[[table]]
kind = "person"
files = "people*"
columns = { person = "id", sex_text = "sex", birth_year = "born" }
[[table]]
kind = "period"
files = "period*"
columns = { person = "id", starts_on = "first", ends_on = "last" }
[[table]]
kind = "lab"
files = "labs*"
columns = { person = "id", record_id = "rec", name_text = "test", value_text = "value", unit_text = "unit", drawn_on = "day" }
[[table]]
kind = "dxa"
files = "dxa*"
columns = { person = "id", record_id = "rec", site_text = "site", bmd_text = "bmd", unit_text = "unit", scanned_on = "day" }
[[table]]
kind = "prescription"
files = "drugs*"
columns = { person = "id", record_id = "rec", drug_text = "drug", sig_text = "sig", quantity = "n", started_on = "day" }
[[table]]
kind = "diagnosis"
files = "icd*"
columns = { person = "id", record_id = "rec", code = "code", code_system = { value = "ICD10CM" }, recorded_on = "day" }
[[table]]
kind = "retraction"
files = "gone*"
columns = { person = "id", record_id = "rec", kind = "kind" }
"""


def _table(header: str, rows: list[str]) -> str:
    return "\n".join([header, *rows]) + "\n"


def _flat(people: range, labs: list[str], **more: str) -> Files:
    """A flat drop: every record of some people, with `labs` and other files beside."""
    return {
        "people.csv": _table("id,sex,born", [f"p{n},{SEX[n % 2]},{1940 + n}" for n in people]),
        "period.csv": _table("id,first,last", [f"p{n},2018-01-01,2022-12-31" for n in people]),
        "labs.csv": _table("id,rec,test,value,unit,day", labs),
        "dxa.csv": _table(
            "id,rec,site,bmd,unit,day",
            [f"p{n},x{n}-{y},total hip,0.{820 + n},g/cm2,20{y}-03-01" for n in people for y in (19, 21)],
        ),
        "drugs.csv": _table(
            "id,rec,drug,sig,n,day", [f"p{n},d{n},anastrozole 1 mg,1 tab daily,30,2019-04-01" for n in people]
        ),
        "icd.csv": _table("id,rec,code,day", [f"p{n},c{n},C50.911,2019-02-01" for n in people]),
    } | {name.replace("_", "."): content for name, content in more.items()}


def _lab(person: int, value: float, day: str = "2019-03-01") -> str:
    return f"p{person},l{person},estradiol,{value},pg/mL,{day}"


FLAT: dict[str, Files] = {
    "2022-01": _flat(range(PEOPLE), [_lab(n, 10 + n) for n in range(PEOPLE)]),
    # A corrected result, a corrected diagnosis, two new people.
    "2022-02": _flat(range(PEOPLE, PEOPLE + 2), [_lab(3, 66.5), _lab(PEOPLE, 12), _lab(PEOPLE + 1, 13)])
    | {"icd.csv": _table("id,rec,code,day", [f"p{n},c{n},M81.0,2019-02-02" for n in (5, PEOPLE)])},
    # Withdrawn by the source: a result and a scan. The person of the second drop gets another result.
    "2022-03": {
        "gone.csv": _table("id,rec,kind", ["p7,l7,lab", "p8,x8-21,dxa"]),
        "labs.csv": _table("id,rec,test,value,unit,day", [f"p{PEOPLE},l900,estradiol,31,pg/mL,2020-05-05"]),
    },
}
# Where a drop corrects, adds or takes away rows, by native id; first drop left out.
FLAT_TOUCHED = [{3, 5, PEOPLE, PEOPLE + 1}, {7, 8, PEOPLE}]

_MEASURED = (
    "measurement_id,person_id,measurement_concept_id,measurement_date,value_as_number,unit_source_value,"
    "measurement_source_value"
)
_TAKEN = (
    "drug_exposure_id,person_id,drug_concept_id,drug_exposure_start_date,drug_source_value,quantity,sig,days_supply"
)
_FOUND = "condition_occurrence_id,person_id,condition_concept_id,condition_start_date,condition_source_value"


def _omop_person(n: int, born: int | None = None) -> str:
    return f"{n},{(8532, 8507)[n % 2]},{born or 1940 + n}"


def _omop_lab(row: int, person: int, value: float, day: str = "2019-03-01") -> str:
    return f"{row},{person},0,{day},{value},pg/mL,2243-4"


def _omop(people: range, persons: list[str], labs: list[str]) -> Files:
    return {
        "person.csv": _table("person_id,gender_concept_id,year_of_birth", persons),
        "observation_period.csv": _table(
            "observation_period_id,person_id,observation_period_start_date,observation_period_end_date",
            [f"{n},{n},2018-01-01,2022-12-31" for n in people],
        ),
        "measurement.csv": _table(_MEASURED, labs),
        "drug_exposure.csv": _table(
            _TAKEN, [f"{n},{n},0,2019-04-01,anastrozole 1 MG Oral Tablet,30,1 tab daily,30" for n in people]
        ),
        "condition_occurrence.csv": _table(_FOUND, [f"{n},{n},0,2019-02-01,C50.911" for n in people]),
    }


OMOP: dict[str, Files] = {
    "2022-01": _omop(
        range(PEOPLE), [_omop_person(n) for n in range(PEOPLE)], [_omop_lab(n, n, 10 + n) for n in range(PEOPLE)]
    ),
    # A corrected result, a corrected person, two new people.
    "2022-02": _omop(
        range(PEOPLE, PEOPLE + 2),
        [_omop_person(9, 1951), *(_omop_person(n) for n in (PEOPLE, PEOPLE + 1))],
        [_omop_lab(3, 3, 66.5), _omop_lab(PEOPLE, PEOPLE, 12)],
    ),
    # A row id that comes back under another person (it is a row of its own), and one more result of a new person.
    "2022-03": {"measurement.csv": _table(_MEASURED, [_omop_lab(7, 8, 17), _omop_lab(900, PEOPLE, 31, "2020-05-05")])},
}
# One of each design: what more of them would fit to a dozen people is nothing new.
STUDIES = ("ai_vs_tamoxifen", "e2_threshold", "ai_fracture", "e2_pkpd", "titration_policy")
OMOP_TOUCHED = [{3, 9, PEOPLE, PEOPLE + 1}, {8, PEOPLE}]


def _deliver(folder: Path, name: str, files: Files) -> None:
    (folder / name).mkdir(parents=True)
    for file, content in files.items():
        (folder / name / file).write_text(content)


def _night(settings: Settings) -> tuple[LandingReport, dict[str, StepReport]]:
    with Run(settings, STUDIES) as run:
        landed = run.land()
        return landed, {step.table: run.step(step) for step in plan.steps()}


def _changed(settings: Settings) -> set[int]:
    people = ChangeLog(settings).since(ChangeLog(settings).latest() - 1)
    assert people is not None
    return set(people["person_id"].to_list())


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRABECULA_KEY_FILE", raising=False)
    monkeypatch.setenv("TRABECULA_KEY", "a-key-for-tests-and-nothing-else")


@pytest.mark.parametrize(
    ("source", "drops", "touched"),
    [
        pytest.param("flat", FLAT, FLAT_TOUCHED, id="flat", marks=pytest.mark.slow),
        pytest.param("omop", OMOP, OMOP_TOUCHED, id="omop"),
    ],
)
def test_three_nights_are_one(source: str, drops: dict[str, Files], touched: list[set[int]], tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    mapping = tmp_path / "mapping.toml"
    mapping.write_text(MAPPING)
    nightly = Settings(
        tmp_path / "nightly", source, str(folder), str(mapping) if source == "flat" else "", memory_gb=1.0, threads=1
    )
    for night, (name, files) in enumerate(drops.items()):
        _deliver(folder, name, files)
        landed, steps = _night(nightly)
        assert landed.landed.written >= len(files)
        if night:
            assert len(_changed(nightly)) == len(touched[night - 1])
            assert steps["staging.lab_result"].merged == steps["staging.lab_result"].computed == 1
            assert steps["staging.person"].merged == steps["staging.person"].computed
    labs = Store(nightly).scan("staging.lab_result").collect()
    assert labs["source_value"].sum() > 0 and labs["person_id"].n_unique() >= PEOPLE

    before = {path: path.stat().st_mtime_ns for path in nightly.data.rglob("*.parquet")}
    landed, steps = _night(nightly)
    assert landed.landed.written == 0
    assert {table for table, step in steps.items() if step.computed} == set()
    assert {path: path.stat().st_mtime_ns for path in nightly.data.rglob("*.parquet")} == before

    at_once = replace(nightly, home=tmp_path / "at_once")
    _night(at_once)
    for step in plan.steps():
        rows = [Store(one).scan(step.table).collect() for one in (nightly, at_once)]
        volatile = [name for name in ("run_id", "landed_at") if name in rows[0].columns]
        assert_frame_equal(*(frame.drop(volatile) for frame in rows), rel_tol=1e-9, abs_tol=1e-12, check_row_order=True)
    fates = (
        Store(nightly)
        .scan("staging.source_row")
        .filter(pl.col("reason").is_in(["superseded", "retracted"]))
        .group_by("disposition", "reason")
        .len()
        .collect()
    )
    assert fates.height == (2 if source == "flat" else 1)
    shutil.rmtree(tmp_path)
