"""Three cohorts by the engines of time to event: GBSG, Rotterdam, Framingham."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
from survival_parts import (
    YEAR,
    Panel,
    Row,
    Told,
    arm,
    arms_of,
    by_person,
    contrast_row,
    crude,
    ratio_row,
    ratios,
    ratios_in_parts,
    risk_at,
    weighted,
)

from pipelines.models.cox import fit_cox
from pipelines.models.discrete_hazard import standardised_risks
from pipelines.models.survival_curve import FollowUp, follow_up

#: what Royston and Altman print in their table 2; size in steps (over 20 mm, and over 50 mm besides)
ROYSTON_ALTMAN = (1.07, 9.13, 0.46, 0.23, 0.31, -1.74, -0.34, -0.35)
ROYSTON_TERMS = ("age³", "age³ log age", "postmenopausal", "over 20 mm", "over 50 mm", "nodes^-½", "ER", "hormonal")


def gbsg(data: Path) -> Told:
    """Tamoxifen or not, in the trial of node-positive women: recurrence or death."""
    frame = pl.read_csv(data / "breast_cancer_survival" / "gbsg.csv")
    rows = follow_up(frame["rfstime"].to_numpy(), frame["status"].to_numpy())
    treated = frame["hormon"].to_numpy() == 1
    x = frame.select(
        "age",
        "meno",
        "size",
        pl.col("grade") == 2,
        (pl.col("grade") == 3).alias("third"),
        pl.col("nodes").log(),
        (pl.col("pgr") + 1).log(),
        (pl.col("er") + 1).log(),
    ).to_numpy()
    horizons = (1, 3, 5)
    whole, told, ratio = weighted(rows, treated, x, horizons, "ate")
    on = treated.astype(float)[:, None]
    numbers = {
        "people": int(rows.exit.size),
        "people_target": int(treated.sum()),
        "events": int(rows.event.sum()),
        "risks": {"as given": crude(rows, treated, horizons), "weighted": told},
        "ratios": [
            *ratios(rows, on, ["tamoxifen"], ["tamoxifen"], ", as given"),
            *ratios(rows, np.column_stack([on, x]), ["tamoxifen"], ["tamoxifen"], ", adjusted"),
            ratio | {"name": "tamoxifen, weighted"},
        ],
    }
    names = ("tamoxifen", "none")
    panels = [
        Panel(f"GBSG, {said}", arms_of(part, treated, names), (0, 1, 2, 3, 4, 5, 6), by_person, 0.8)
        for said, part in (("as given", rows), ("weighted", whole))
    ]
    return Told(numbers, panels)


def rotterdam_frame(data: Path) -> pl.DataFrame:
    """Node-positive women; recurrence or death within 84 months as Royston and Altman count it (late deaths included)."""
    end = round(7 * YEAR)
    frame = pl.read_csv(data / "breast_cancer_survival" / "rotterdam.csv").filter(pl.col("nodes") > 0)
    recurred = (pl.col("recur") == 1) & (pl.col("rtime") <= end)
    died = (pl.col("death") == 1) & (pl.col("dtime") <= end)
    return frame.with_columns(
        pl.when(recurred).then("rtime").otherwise(pl.col("dtime").clip(upper_bound=end)).alias("time"),
        (recurred | died).cast(pl.Int64).alias("status"),
    )


def rotterdam(data: Path) -> Told:
    """Hormonal therapy as doctors gave it: the model of Royston and Altman, and weighted curves."""
    frame = rotterdam_frame(data)
    rows = follow_up(frame["time"].to_numpy(), frame["status"].to_numpy())
    treated = frame["hormon"].to_numpy() == 1
    age = pl.col("age") / 100
    x = frame.select(
        (age**3).alias("age_3"),
        (age**3 * age.log()).alias("age_3_log"),
        "meno",
        pl.col("size") != "<=20",
        (pl.col("size") == ">50").alias("large"),
        (pl.col("nodes") ** -0.5).alias("by_nodes"),
        pl.col("er") / 1000,
        "hormon",
    ).to_numpy()
    paper = fit_cox(rows, x.astype(float), ties="breslow")
    others = np.delete(x.astype(float), 7, axis=1)
    given = frame.select(
        "chemo", pl.col("year") - 1985, (pl.col("grade") == 3).alias("third"), (pl.col("pgr") + 1).log()
    )
    propensity = np.column_stack([others, given.to_numpy().astype(float)])
    horizons = (1, 3, 5, 7)
    whole, told, ratio = weighted(rows, treated, propensity, horizons, "overlap")
    on = treated.astype(float)
    adjusted = np.column_stack([on, others])
    numbers = {
        "people": int(rows.exit.size),
        "people_target": int(treated.sum()),
        "events": int(rows.event.sum()),
        "published": [
            {"term": name, "published": said, "ours": float(ours)}
            for name, said, ours in zip(ROYSTON_TERMS, ROYSTON_ALTMAN, paper.coefficients, strict=True)
        ],
        "risks": {"as given": crude(rows, treated, horizons), "overlap weights": told},
        "ratios": [
            *ratios(rows, on[:, None], ["hormonal therapy"], ["hormonal therapy"], ", as given"),
            *ratios(rows, adjusted, ["hormonal therapy"], ["hormonal therapy"], ", adjusted"),
            ratio | {"name": "hormonal therapy, overlap weights"},
            *ratios_in_parts(rows, treated, others, 2 * YEAR, "hormonal therapy, adjusted"),
        ],
    }
    panels = [
        Panel(f"Rotterdam, {said}", arms_of(part, treated, ("hormonal therapy", "none")), range(8), by_person, 0.9)
        for said, part in (("as given", rows), ("overlap weights", whole))
    ]
    return Told(numbers, panels)


def framingham(data: Path) -> Told:
    """Raised blood pressure at the first examination and coronary disease over 24 years, death competing."""
    frame = pl.read_csv(data / "framingham" / "framingham.csv.gz").filter(pl.col("PERIOD") == 1)
    free = frame.filter(pl.col("PREVCHD") == 0)
    asked = ["AGE", "SEX", "SYSBP", "DIABP", "TOTCHOL", "CURSMOKE", "DIABETES", "BMI"]
    frame = free.drop_nulls(asked)
    is_chd = (frame["ANYCHD"] == 1).to_numpy()
    died = (frame["DEATH"] == 1).to_numpy()
    time = np.where(is_chd, frame["TIMECHD"].to_numpy(), frame["TIMEDTH"].to_numpy())
    rows = follow_up(time, np.where(is_chd, 1, np.where(died, 2, 0)), n_causes=2)
    raised = ((frame["SYSBP"] >= 140) | (frame["DIABP"] >= 90)).to_numpy()
    age, male = frame["AGE"].to_numpy() / 10, (frame["SEX"] == 1).to_numpy().astype(float)
    other = frame.select(pl.col("TOTCHOL") / 40, "CURSMOKE", "DIABETES", pl.col("BMI") / 5).to_numpy()
    pressure = frame["SYSBP"].to_numpy() / 20
    x = np.column_stack([age, age**2, male, other])
    horizons = (12, 24)
    whole, told, ratio = weighted(rows, raised, x, horizons, "ate")
    names = ["age, 10 years", "men", "systolic pressure, 20 mmHg", "cholesterol, 40 mg/dL", "smoking", "diabetes"]
    names += ["body mass index, 5 kg/m²"]
    design = np.column_stack([age, male, pressure, other])
    on_age = follow_up(age * 10 + time / YEAR, rows.event, age * 10, n_causes=2)
    by_age = fit_cox(on_age, design[:, 2:], stratum=male.astype(np.int64))
    sexes = [("men", male == 1), ("women", male == 0)]
    of_sex = [
        row | {"name": f"{row['name']}, {sex}"}
        for sex, own in sexes
        for row in ratios(arm(rows, own), np.delete(design, 1, axis=1), [names[0], *names[2:]], names[2:3])
    ]
    numbers = {
        "people": frame.height,
        "people_target": int(raised.sum()),
        "without_complete_values": free.height - frame.height,
        "events": int(is_chd.sum()),
        "deaths_without": int((rows.event == 2).sum()),
        "by_sex": [
            {"name": sex, "people": int(own.sum()), "horizon": years, "risk": risk_at(arm(rows, own), years * YEAR)}
            for sex, own in sexes
            for years in horizons
        ],
        "risks": {
            "as given": crude(rows, raised, horizons),
            "weighted": told,
            "hazards in periods": in_periods(rows, raised, x, horizons),
        },
        "ratios": [
            *ratios(rows, design, names, names),
            *of_sex,
            ratio | {"name": "raised pressure, weighted"},
            *(ratio_row(f"{name}, on age", by_age, place) for place, name in enumerate(names[2:])),
        ],
    }
    lines = arms_of(whole, raised, ("raised pressure", "not raised"))
    panels = [
        Panel("Framingham: coronary disease, weighted", lines, range(0, 25, 4), by_person, 0.4),
        Panel(
            "Death without coronary disease, weighted",
            [line._replace(cause=2) for line in lines],
            range(0, 25, 4),
            by_person,
            0.4,
        ),
    ]
    return Told(numbers, panels)


def in_periods(rows: FollowUp, treated: np.ndarray, x: np.ndarray, horizons: Sequence[int]) -> list[Row]:
    """The same risks by pooled logistic hazards of years, standardised over everybody."""
    years = np.maximum(np.ceil(rows.exit / YEAR - 1e-9), 1).astype(int)
    row = np.repeat(np.arange(years.size), years)
    period = np.arange(row.size) - np.repeat(np.cumsum(years) - years, years)
    event = np.where(period + 1 == years[row], rows.event[row], 0)

    def terms(moment: np.ndarray, on: np.ndarray, people: np.ndarray) -> np.ndarray:
        t = moment / 12
        return np.column_stack([t, t**2, t**3, on, on * t, people, people[:, 0] * t])

    found = standardised_risks(row, period, event, treated, x, (terms, terms), horizons)
    return [contrast_row(each, each.horizon) for each in found]
