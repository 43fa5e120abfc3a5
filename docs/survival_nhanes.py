"""NHANES 2011-2014 with linked deaths by the engines of time to event, under its design."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl
from survival_parts import SMALLEST, Error, Line, Panel, Row, Told, arm, drift, ratio_row, risk_at

from pipelines.models.cox import fit_cox
from pipelines.models.inference import Z975
from pipelines.models.survey import SurveyDesign
from pipelines.models.survival_curve import FollowUp, curve_point, fit_curve, follow_up
from pipelines.report.figure import BLUE, GREEN, PURPLE, VERMILLION
from pipelines.sources.nhanes import mortality


@dataclass(frozen=True)
class Survey:
    """People of two cycles, all respondents kept for the design; `domain` [n] are those with known follow-up.

    Times are months since the examination.
    """

    frame: pl.DataFrame
    design: SurveyDesign

    def domain(self, chosen: pl.Expr, weights: pl.Expr | None = None) -> tuple[pl.DataFrame, FollowUp, Error]:
        """Those chosen, their rows, and how their influences become an error: strata, clusters, weights as given."""
        place = self.frame.with_row_index("place").filter(chosen & (pl.col("weight") > 0))
        at = place["place"].to_numpy()
        rows = follow_up(
            place["months"].to_numpy(),
            place["died"].to_numpy(),
            None,
            place.select(pl.col("weight") if weights is None else weights).to_series().to_numpy(),
        )
        return place, rows, lambda influence: float(np.sqrt(self.design.total_covariance(influence[:, None], at)[0, 0]))


def nhanes_people(data: Path) -> Survey:
    """Demography, smoking, sex hormones and deaths of 2011-2014, by the released links through 2019."""
    parts = []
    for letter, years in (("G", (2011, 2012)), ("H", (2013, 2014))):
        folder = data / "nhanes" / f"{years[0]}-{years[1]}"
        tables = {
            "DEMO": ["RIAGENDR", "RIDAGEYR", "DMDEDUC2", "SDMVSTRA", "SDMVPSU", "WTMEC2YR"],
            "BMX": ["BMXBMI"],
            "SMQ": ["SMQ020", "SMQ040"],
            "TST": ["LBXTST", "LBXEST"] if letter == "H" else ["LBXTST"],
        }
        read = [
            pl.read_parquet(folder / f"{name}_{letter}.parquet", columns=["SEQN", *own]) for name, own in tables.items()
        ]
        deaths = mortality.read(data / "nhanes" / "mortality" / f"NHANES_{years[0]}_{years[1]}_MORT_2019_PUBLIC.dat")
        joined = read[0].with_columns(pl.col("SEQN").cast(pl.Int64))
        for table in [*read[1:], deaths]:
            joined = joined.join(table.with_columns(pl.col("SEQN").cast(pl.Int64)), on="SEQN", how="left")
        parts.append(joined)
    smokes = (
        pl.when(pl.col("SMQ020") == 2)
        .then(pl.lit("never"))
        .when((pl.col("SMQ020") == 1) & pl.col("SMQ040").is_in([1.0, 2.0]))
        .then(pl.lit("current"))
        .when((pl.col("SMQ020") == 1) & (pl.col("SMQ040") == 3))
        .then(pl.lit("former"))
    )
    frame = pl.concat(parts, how="diagonal_relaxed").with_columns(
        (pl.col("WTMEC2YR") / 2).alias("weight"),
        pl.col("PERMTH_EXM").alias("months"),
        (pl.col("MORTSTAT") == 1).fill_null(False).cast(pl.Int64).alias("died"),
        smokes.alias("smoking"),
        pl.when(pl.col("RIAGENDR") == 1).then(pl.lit("men")).otherwise(pl.lit("women")).alias("sex"),
        pl.when(pl.col("DMDEDUC2") <= 5).then("DMDEDUC2").alias("education"),
    )
    codes = [frame[name].cast(pl.Int64).to_numpy() for name in ("SDMVSTRA", "SDMVPSU")]
    return Survey(frame, SurveyDesign(*codes, frame["weight"].to_numpy()))


FOLLOWED = (pl.col("ELIGSTAT") == 1) & pl.col("months").is_not_null()
MIDDLE = FOLLOWED & pl.col("RIDAGEYR").is_between(40, 79)
#: five years of age and sex
CELL = ((pl.col("RIDAGEYR") // 5).cast(pl.Int64), pl.col("sex"))


def of_standard(within: Sequence[pl.Expr], group: str) -> pl.Expr:
    """Weights by which every group has the ages and sexes of all together: direct standardisation."""
    return pl.col("weight") * pl.col("weight").sum().over(*within) / pl.col("weight").sum().over(*within, group)


def survey_ratios(rows: FollowUp, design: np.ndarray, people: pl.DataFrame, shown: dict[str, int]) -> list[Row]:
    """Hazard ratios under sampling weights; the sandwich is over clusters, strata not taken out (a little wide)."""
    cluster = (people["SDMVSTRA"] * 10 + people["SDMVPSU"]).cast(pl.Int64).to_numpy()
    fit = fit_cox(rows, design, person_id=cluster)
    tests = drift(replace(rows, weights=rows.weights / rows.weights.mean()), design, fit)
    return [ratio_row(name, fit, place, tests[place]) for name, place in shown.items()]


def group_row(name: str, own: FollowUp, months: float, error: Error) -> Row:
    used = own.weights > 0
    died = int(((own.event > 0) & (own.exit <= months))[used].sum())
    told = {"name": name, "people": int(used.sum()), "deaths": died if died >= SMALLEST else None}
    return told | {"horizon": months / 12, "risk": list(risk_at(own, months, error))}


def nhanes(data: Path) -> Told:
    """Deaths in five years by age and sex, by smoking, and by quarters of men's sex hormones (description only)."""
    survey = nhanes_people(data)
    people, rows, error = survey.domain(FOLLOWED & (pl.col("RIDAGEYR") >= 40))
    age = people["RIDAGEYR"].to_numpy()
    ages, lines = [], []
    bands = (("40 to 59", 40, 59, GREEN), ("60 to 79", 60, 79, BLUE), ("80 or more", 80, 200, PURPLE))
    for name, low, high, color in bands:
        for sex, style in (("men", "-"), ("women", (0, (4, 2)))):
            own = arm(rows, (age >= low) & (age <= high) & (people["sex"] == sex).to_numpy())
            ages.append(group_row(f"{sex}, {name}", own, 60.0, error))
            lines.append(Line(f"{sex}, {name}", in_twelfths(own), color, style))
    panels = [Panel("NHANES: deaths by age and sex", lines, range(6), error)]

    known = MIDDLE & pl.col("smoking").is_in(["never", "current"])
    people, rows, error = survey.domain(known, of_standard(CELL, "smoking"))
    smokes = (people["smoking"] == "current").to_numpy()
    smoking = [group_row(name, arm(rows, own), 60.0, error) for name, own in (("current", smokes), ("never", ~smokes))]
    smoking_gap = gap(rows, smokes, 60.0, error)
    lines = [
        Line(name, in_twelfths(arm(rows, own)), color)
        for name, own, color in (("current smokers", smokes, VERMILLION), ("never smoked", ~smokes, BLUE))
    ]
    panels.append(Panel("Smoking, age and sex standardised", lines, range(6), error))
    told = []
    for sex in ("women", "men"):
        complete = known & (pl.col("sex") == sex) & pl.col("education").is_not_null() & pl.col("BMXBMI").is_not_null()
        people, rows, _ = survey.domain(complete)
        design = people.select(
            (pl.col("smoking") == "current").cast(pl.Float64),
            "RIDAGEYR",
            "education",
            "BMXBMI",
            pl.col("BMXBMI").pow(2).alias("bmi_2"),
        ).to_numpy()
        told += survey_ratios(rows, design, people, {f"current smokers against never, {sex}": 0})

    hormones: Row = {}
    for column, name in (("LBXTST", "testosterone"), ("LBXEST", "estradiol")):
        found, ratio, panel = quarters(survey, column, name)
        hormones[name] = found
        told.append(ratio)
        panels.append(panel)
    adult = pl.col("RIDAGEYR") >= 40
    numbers = {
        "examined": survey.frame.filter(adult & (pl.col("weight") > 0)).height,
        "followed": survey.frame.filter(adult & (pl.col("weight") > 0) & FOLLOWED).height,
        "by_age": ages,
        "smoking": smoking,
        "smoking_difference": smoking_gap,
        "hormones": hormones,
        "ratios": told,
    }
    return Told(numbers, panels)


def in_twelfths(rows: FollowUp) -> FollowUp:
    return replace(rows, exit=rows.exit / 12)


def gap(rows: FollowUp, target: np.ndarray, horizon: float, error: Error) -> list[float]:
    """Difference of risks with its 95 % interval by the design."""
    points = [curve_point(own, fit_curve(own), "risk", horizon) for own in (arm(rows, target), arm(rows, ~target))]
    middle, width = points[0].value - points[1].value, Z975 * error(points[0].influence - points[1].influence)
    return [middle, middle - width, middle + width]


def quarters(survey: Survey, column: str, name: str) -> tuple[list[Row], Row, Panel]:
    """Men of 40 to 79 by weighted quarters of a hormone; risks with the ages of all of them; lowest quarter's ratio."""
    asked = MIDDLE & (pl.col("sex") == "men") & pl.col(column).is_not_null() & pl.col("BMXBMI").is_not_null()
    known = survey.frame.filter(asked & pl.col("smoking").is_not_null() & (pl.col("weight") > 0)).sort(column)
    share = (known["weight"].cum_sum() / known["weight"].sum()).to_numpy()
    cuts = [float(known[column].to_numpy()[np.searchsorted(share, part)]) for part in (0.25, 0.5, 0.75)]
    quarter = sum(((pl.col(column) > cut).cast(pl.Int64) for cut in cuts), start=pl.lit(1)).alias("quarter")
    placed = replace(survey, frame=survey.frame.with_columns(quarter))
    within = [(pl.col("RIDAGEYR") // 10).cast(pl.Int64)]
    people, rows, error = placed.domain(asked & pl.col("smoking").is_not_null(), of_standard(within, "quarter"))
    of = people["quarter"].to_numpy()
    names = ("lowest quarter", "second", "third", "highest")
    told = [group_row(said, arm(rows, of == place + 1), 60.0, error) for place, said in enumerate(names)]
    colors = (VERMILLION, PURPLE, GREEN, BLUE)
    lines = [Line(said, in_twelfths(arm(rows, of == place + 1)), colors[place]) for place, said in enumerate(names)]
    smoking = [(pl.col("smoking") == kind).cast(pl.Float64).alias(kind) for kind in ("current", "former")]
    design = people.select((pl.col("quarter") == 1).cast(pl.Float64), "RIDAGEYR", "BMXBMI", *smoking).to_numpy()
    _, plain, _ = placed.domain(asked & pl.col("smoking").is_not_null())
    ratio = survey_ratios(plain, design, people, {f"lowest quarter of {name} against the others, men": 0})[0]
    return told, ratio, Panel(f"Men's {name}, age standardised", lines[::3], range(6), error, 0.15)
