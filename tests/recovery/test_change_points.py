"""Planted steps are found, with their quarter, size and cause; without a step there are no more alarms than allowed.

Results pass through the real SQL and the real arithmetic. Two hundred draws of three laboratories are two hundred
analytes, each judged as a family of its own.
"""

from pathlib import Path

import duckdb
import numpy as np
import polars as pl
import pytest

from pipelines.models.change_point import change_point
from pipelines.run import Run
from pipelines.settings import Settings, sql_root
from pipelines.synth.mechanism.clinics import Clinics, make_clinics
from pipelines.synth.mechanism.densitometry import to_lunar
from pipelines.synth.mechanism.life import EPOCH, Lives
from pipelines.synth.mechanism.simulate import simulate
from pipelines.synth.parameters import load_parameters
from pipelines.tables import CONTRACTS

DRAWS, STEPPED, PEOPLE, LABORATORIES = 200, 60, 120, 3
FIRST, DAYS = pl.date(2015, 1, 1), 1826
HIP_OR_SPINE = 0.85  # g/cm2, on the scale of Hologic
STEP = -0.35  # of the natural logarithm: another assay
Frames = dict[str, pl.DataFrame]


def counted(frames: Frames) -> pl.DataFrame:
    """`models.level_change` of tables of which only some columns are given."""
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute(
            "create schema staging; create schema raw; create schema source; set preserve_insertion_order = false"
        )
        for table in ("staging.lab_result", "staging.dxa_scan", "raw.omop_person"):
            schema = {n: pl.String if isinstance(k, pl.Enum) else k for n, k in CONTRACTS[table].empty().schema.items()}
            rows = frames.get(table, pl.DataFrame())
            given = pl.concat([pl.DataFrame(schema=schema), rows], how="diagonal_relaxed")
            connection.register("given", given.to_arrow())
            connection.execute(f"create table {table} as from given")
        view = (sql_root() / "source" / "care_site.sql").read_text()
        connection.execute(f"create view source.care_site as {view}")
        return connection.sql((sql_root() / "models" / "level_change.sql").read_text()).pl()


def judged(changes: pl.DataFrame) -> pl.DataFrame:
    facts = Run(Settings(home=Path("none"), source="omop")).facts
    return change_point({"models.level_change": changes.lazy()}, facts).collect()


def steps(points: pl.DataFrame) -> pl.DataFrame:
    """Change-points at a family-wise level of 5 %."""
    return points.filter("is_peak", pl.col("p_adjusted") < 0.05)


@pytest.fixture(scope="module")
def drawn() -> tuple[pl.DataFrame, pl.DataFrame]:
    """Results without a step, and where one is planted in laboratory 0 of each draw: draw and planted_day.

    People differ tenfold, another kind of people comes over the years, each fifth begins a treatment that takes away two
    thirds, and everybody falls by 2 % a year.
    """
    rng = np.random.default_rng(20)
    person = np.arange(DRAWS * PEOPLE)
    joins = rng.uniform(-600, 1200, person.size)
    level = rng.normal(3, 1, person.size) + joins / 1000
    treated = np.where(rng.random(person.size) < 0.2, rng.uniform(0, DAYS, person.size), np.inf)
    days = joins[:, None] + np.cumsum(rng.uniform(40, 160, (person.size, 22)), axis=1)
    who, which = np.nonzero((days >= 0) & (days < DAYS))
    day = np.floor(days[who, which])
    log_value = level[who] - np.log(3) * (day >= treated[who]) - 0.02 * day / 365 + rng.normal(0, 0.2, who.size)
    results = pl.DataFrame({"person_id": who, "day": day, "log_value": log_value}).select(
        person_id=pl.col("person_id").cast(pl.Int64),
        draw=pl.col("person_id") // PEOPLE,
        laboratory=pl.col("person_id") % LABORATORIES,
        day=pl.col("day").cast(pl.Int64),
        log_value="log_value",
    )
    planted = pl.DataFrame({"draw": range(DRAWS), "planted_day": rng.integers(500, 1300, DRAWS)})
    return results, planted


def laboratory_results(results: pl.DataFrame) -> pl.DataFrame:
    return results.select(
        person_id="person_id",
        analyte_code=pl.format("analyte_{}", "draw"),
        lab_id=pl.format("laboratory_{}", "laboratory"),
        drawn_on=FIRST + pl.duration(days=pl.col("day")),
        value=pl.col("log_value").exp(),
        operator=pl.lit("="),
        assay_class=pl.lit("immunoassay"),
    )


def by_draw(results: pl.DataFrame) -> list[pl.DataFrame]:
    changes = counted({"staging.lab_result": laboratory_results(results)})
    return [judged(part) for _, part in changes.group_by("item_code")]


def test_without_a_step_alarms_are_no_more_than_allowed(drawn: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    results, _ = drawn
    points = by_draw(results)
    evaluated = pl.concat(points).filter(status="evaluated")
    assert evaluated.height > 40 * DRAWS
    # One quarter by itself: 5 % of Student's t lie outside, fewer where the item is restless.
    alone = (evaluated["ci_low_pct"] > 0) | (evaluated["ci_high_pct"] < 0)
    assert 0.025 < alone.mean() < 0.055
    # 0.05 and 2.6 standard errors of 200 draws.
    alarms = sum(steps(found).height > 0 for found in points)
    assert alarms / DRAWS <= 0.09


def test_a_planted_step_is_found_in_its_quarter_with_its_size(drawn: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    results, planted = (frame.filter(pl.col("draw") < STEPPED) for frame in drawn)
    is_after = (pl.col("laboratory") == 0) & (pl.col("day") >= pl.col("planted_day"))
    stepped = results.join(planted, on="draw").with_columns(
        pl.col("log_value") + pl.when(is_after).then(STEP).otherwise(0)
    )
    points = pl.concat(by_draw(stepped)).with_columns(draw=pl.col("item_code").str.extract(r"(\d+)$").cast(pl.Int64))
    on = FIRST + pl.duration(days=pl.col("planted_day"))
    quarter = planted.select("draw", planted_quarter=4 * on.dt.year() + on.dt.quarter() - 1)
    found = steps(points).join(quarter, on="draw")
    here = found.filter(place_code="laboratory_0")
    near = here.filter((pl.col("quarter_number") - pl.col("planted_quarter")).abs() <= 1)
    assert near["draw"].n_unique() >= 0.9 * STEPPED
    assert here.height - near.height <= 0.02 * STEPPED
    # 0.05 and 2.6 standard errors.
    elsewhere = found.filter(pl.col("place_code") != "laboratory_0")
    assert elsewhere["draw"].n_unique() <= 0.12 * STEPPED
    size = 100 * (np.exp(STEP) - 1)
    exact = points.join(quarter, on="draw").filter(
        pl.col("quarter_number") == pl.col("planted_quarter"), place_code="laboratory_0", status="evaluated"
    )
    # A twelfth of the quarters that tell the usual change is the step's own: it takes a little off.
    assert exact["change_pct"].mean() == pytest.approx(size, abs=2)
    assert 0.9 <= exact.select(pl.lit(size).is_between("ci_low_pct", "ci_high_pct").mean()).item() <= 0.995
    assert set(near["cause_code"]) == {"no_recorded_change"}


def simulated(lives: Lives) -> Frames:
    """What the pipeline reads of lives, as it would be recorded without any mess."""
    day = pl.lit(EPOCH) + pl.duration(days=pl.col("day").cast(pl.Int64))
    labs = lives.draws.filter(pl.col("assay_limit").is_null() | (pl.col("measured_value") >= pl.col("assay_limit")))
    return {
        "staging.lab_result": labs.select(
            person_id="person",
            analyte_code=pl.col("analyte").cast(pl.String),
            lab_id=pl.format("laboratory-{}", "laboratory"),
            drawn_on=day.cast(pl.Date),
            value=pl.col("measured_value").cast(pl.Float64),
            operator=pl.lit("="),
            assay_class=pl.col("assay_class").cast(pl.String),
            lloq=pl.col("assay_limit").cast(pl.Float64),
        ),
        "staging.dxa_scan": lives.scans.select(
            person_id="person",
            scan_id=pl.col("scan").cast(pl.String),
            site_code=pl.col("site").cast(pl.String),
            side_code=pl.col("side").cast(pl.String),
            imputation_number=pl.lit(0, pl.Int64),
            bmd_g_cm2=pl.col("measured_bmd").cast(pl.Float64),
            is_valid=pl.lit(value=True),
            device_id=pl.format("device-{}", "device"),
            manufacturer=pl.col("manufacturer").cast(pl.String),
            model=pl.col("model").cast(pl.String),
            software=pl.col("software").cast(pl.String),
            scanned_on=day.cast(pl.Date),
        ),
        "raw.omop_person": lives.people.select(
            person_id="person", care_site_id=pl.col("site").cast(pl.Int64), drop_sequence=pl.lit(1, pl.Int64)
        ),
    }


@pytest.fixture(scope="module")
def clinics() -> tuple[Clinics, pl.DataFrame]:
    """Eight simulated clinics, all of which replace laboratory and densitometer, and what is found in them."""
    p = load_parameters().replace(
        {"clinic.count": 8.0, "clinic.assay_switch_share": 1.0, "clinic.scanner_switch_share": 1.0}
    )
    return make_clinics(p, 5), judged(counted(simulated(simulate(p, 5, 1, 2_400, with_exposures=False))))


def quarter_of(day: float) -> int:
    on = np.datetime64(EPOCH) + np.timedelta64(int(day), "D")
    year, month = (int(part) for part in str(on).split("-")[:2])
    return 4 * year + (month - 1) // 3


def test_simulated_replacements_are_found_with_their_cause_and_nothing_else(
    clinics: tuple[Clinics, pl.DataFrame],
) -> None:
    truth, points = clinics
    found = {(row["place_code"], row["item_code"]): row for row in steps(points).iter_rows(named=True)}
    other_maker = [c for c in range(1, 9) if truth.manufacturer[c, 0] != truth.manufacturer[c, 1]]
    assert len(other_maker) == 4
    for clinic in other_maker:
        for number, site in enumerate(("lumbar_spine", "total_hip", "femoral_neck")):
            row = found.pop((f"care-site-{clinic}", site))
            assert abs(row["quarter_number"] - quarter_of(truth.scanner_switch_day[clinic])) <= 1
            assert row["cause_code"] == "device,model"
            before, after = (
                (1 + offset / 100) * (to_lunar(number, np.array(HIP_OR_SPINE)) if maker else HIP_OR_SPINE)
                for maker, offset in zip(truth.manufacturer[clinic], truth.device_offset[clinic], strict=True)
            )
            assert row["ci_low_pct"] - 1.5 < 100 * (after / before - 1) < row["ci_high_pct"] + 1.5
    # Immunoassay to mass spectrometry; elsewhere too few results lie above both limits.
    assay = found.pop(("care-site-2", "estradiol"))
    assert abs(assay["quarter_number"] - quarter_of(truth.assay_switch_day[2])) <= 1
    assert assay["cause_code"] == "laboratory,assay_class,limit"
    assert assay["change_pct"] < -25
    assert found == {}
