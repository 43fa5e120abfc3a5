"""Published values and what these engines find on the same people: NHEFS, the data sets of R survival, lme4 and nlme, E-values.

The data are read where they lie, and never copied. Here: one function a row of `published_values.csv`, and rows of the data
sets whose numbers stand in the papers and manuals of their packages. Not here: the page (`validation`).
"""

from __future__ import annotations

import csv
import runpy
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from pipelines.models.augmented import AugmentedEstimate
from pipelines.models.cox import fit_cox
from pipelines.models.discrete_hazard import standardised_risks
from pipelines.models.effect_modification import stratified_effect
from pipelines.models.inference import normal_contrast
from pipelines.models.inverse_weighting import weighted_contrast
from pipelines.models.logistic import fit_logistic
from pipelines.models.marginal_structural import HistoryWeights, WeightStage, fit_marginal, history_weights
from pipelines.models.mixed_trajectory import fit_mixed
from pipelines.models.observation import FittedStage, Stage
from pipelines.models.propensity import estimate_propensity
from pipelines.models.standardisation import standardised_contrast
from pipelines.models.survival_curve import follow_up
from pipelines.models.unmeasured import e_value
from pipelines.models.weighting import treatment_weights

ROOT = Path(__file__).resolve().parents[1]
NHEFS = runpy.run_path(str(ROOT / "tests" / "published" / "nhefs.py"))
confounders, change, months = NHEFS["confounders"], NHEFS["change"], NHEFS["months"]


class Row(NamedTuple):
    """A published row: where its numbers come from, how near ours must be (`is_relative`: as a share), who computes ours."""

    id: str
    data: str
    quantity: str
    published: tuple[float, ...]
    tolerance: float
    is_relative: bool
    source: str
    test: str


class People(NamedTuple):
    """NHEFS, all 1,629 or those weighed again: quits [n], confounders [n, p], change of weight [n]."""

    frame: pl.DataFrame
    quits: np.ndarray
    design: np.ndarray
    change: np.ndarray


@cache
def people(folder: Path, *, is_weighed: bool) -> People:
    frame = pl.read_csv(folder / "nhefs.csv", infer_schema_length=None)
    frame = frame.filter(pl.col("wt82_71").is_not_null()) if is_weighed else frame
    return People(frame, (frame["qsmk"] == 1).to_numpy(), confounders(frame), change(frame))


def crude(folder: Path) -> list[float]:
    who = people(folder, is_weighed=True)
    arms = who.quits.astype(float), np.ones(who.quits.size), np.zeros(who.quits.size)
    return [standardised_contrast(who.change, *(arm[:, None] for arm in arms), who.quits).estimate]


def propensity_of_sex(folder: Path) -> list[float]:
    who = people(folder, is_weighed=True)
    return [float(fit_logistic(who.design, who.quits.astype(float)).coefficients[0])]


def weights_of(who: People, *, is_stabilised: bool = False):
    score = estimate_propensity(who.quits, who.design, 0.0)
    return treatment_weights(who.quits, score.values, "ate", is_stabilised=is_stabilised)


def plain_weights(folder: Path) -> list[float]:
    values = weights_of(people(folder, is_weighed=True)).values
    return [float(values.mean()), float(values.max()), float(values.std(ddof=1))]


def stabilised_weights(folder: Path) -> list[float]:
    values = weights_of(people(folder, is_weighed=True), is_stabilised=True).values
    return [float(values.mean()), float(values.max())]


def weighted(folder: Path) -> list[float]:
    who = people(folder, is_weighed=True)
    return [weighted_contrast(who.change, who.quits, weights_of(who), who.design, None).estimate]


def odds_of_death(folder: Path) -> list[float]:
    who = people(folder, is_weighed=True)
    n, quit = who.quits.size, who.quits.astype(np.int64)
    everybody = np.ones(n, dtype=bool)
    stage = WeightStage("quitting", everybody, quit, np.zeros((n, 0)), who.design)
    weights = history_weights(np.arange(n), [stage])
    died = who.frame["death"].to_numpy().astype(float)
    fit = fit_marginal(died, quit[:, None].astype(float), np.arange(n), weights, everybody, "logit")
    return [float(fit.coefficients[1])]


def weighted_for_loss(folder: Path) -> list[float]:
    who = people(folder, is_weighed=False)
    seen = np.isfinite(who.change)
    terms = np.column_stack([who.quits.astype(float), who.design])
    fit = fit_logistic(terms, seen.astype(float))
    stage = Stage("weighed again", np.ones(seen.size, dtype=bool), seen)
    fitted = (FittedStage(stage, terms, fit, fit.probabilities),)
    return [weighted_contrast(who.change, who.quits, weights_of(who), who.design, None, fitted).estimate]


def standardised(folder: Path, *, is_weighed: bool) -> list[float]:
    who = people(folder, is_weighed=is_weighed)
    smoked = who.frame["smokeintensity"].to_numpy().astype(float)

    def terms(arm: np.ndarray) -> np.ndarray:
        return np.column_stack([arm, who.design, arm * smoked])

    n = who.quits.size
    arms = (who.quits.astype(float), np.ones(n), np.zeros(n))
    seen = np.isfinite(who.change)
    found = standardised_contrast(who.change, *(terms(arm) for arm in arms), who.quits, seen)
    return [found.mean_comparator, found.mean_target, found.estimate]


def _ones(n: int) -> HistoryWeights:
    return HistoryWeights(np.ones(n), np.zeros(n, dtype=bool), 1.0, 1.0, (0.0, np.inf), (), (), ())


def regression_at_intensities(folder: Path) -> list[float]:
    who = people(folder, is_weighed=True)
    n, quit = who.quits.size, who.quits.astype(float)
    smoked = who.frame["smokeintensity"].to_numpy().astype(float)
    design = np.column_stack([quit, who.design, quit * smoked])
    fit = fit_marginal(who.change, design, np.arange(n), _ones(n), np.ones(n, dtype=bool))
    return [float(fit.coefficients[1] + cigarettes * fit.coefficients[-1]) for cigarettes in (5, 40)]


def regression(folder: Path) -> list[float]:
    who = people(folder, is_weighed=True)
    n = who.quits.size
    arms = who.quits.astype(float), np.ones(n), np.zeros(n)
    terms = (np.column_stack([arm, who.design]) for arm in arms)
    return [standardised_contrast(who.change, *terms, who.quits).estimate]


def survival(folder: Path, *, is_weighed: bool, is_weighted: bool) -> list[float]:
    who = people(folder, is_weighed=is_weighed)
    person, month, died = months(who.frame)
    weights = weights_of(who, is_stabilised=True).values[person] if is_weighted else None

    def terms(time: np.ndarray, arm: np.ndarray, _: np.ndarray) -> np.ndarray:
        return np.column_stack([arm, arm * time, arm * time**2, time, time**2])

    nothing = np.zeros((who.quits.size, 0))
    found = standardised_risks(person, month, died.astype(int), who.quits, nothing, [terms], [120], weights=weights)[0]
    return [1 - found.comparator.value, 1 - found.target.value]


def coefficients_of_hazard(folder: Path) -> list[float]:
    who = people(folder, is_weighed=False)
    person, month, died = months(who.frame)
    quit = who.quits.astype(np.int64)[person]
    stage = WeightStage("quitting", month == 0, quit, np.zeros((person.size, 0)), who.design[person])
    arm = quit.astype(float)
    terms = np.column_stack([arm, arm * month, arm * month**2, month, month**2])
    everybody = np.ones(person.size, dtype=bool)
    fit = fit_marginal(died, terms, person, history_weights(person, [stage]), everybody, "logit")
    return [float(each) for each in fit.coefficients[:4]]


def strength_of_confounding(_: Path) -> list[float]:
    found = e_value(10.73, 8.02, 14.36)
    return [found.of_estimate, found.of_limit]


#: by row of `published_values.csv`; a row without a function is covered by no engine
OURS: dict[str, Callable[[Path], list[float]]] = {
    "N01": crude,
    "N02": propensity_of_sex,
    "N03": plain_weights,
    "N04": weighted,
    "N05": stabilised_weights,
    "N07": odds_of_death,
    "N09": weighted_for_loss,
    "N11": lambda folder: standardised(folder, is_weighed=False),
    "N12": lambda folder: standardised(folder, is_weighed=True),
    "N15": regression_at_intensities,
    "N16": regression,
    "N18": lambda folder: survival(folder, is_weighed=False, is_weighted=False),
    "N19": lambda folder: survival(folder, is_weighed=True, is_weighted=False),
    "N20": lambda folder: survival(folder, is_weighed=True, is_weighted=True),
    "N21": coefficients_of_hazard,
    "N22": lambda folder: survival(folder, is_weighed=False, is_weighted=True),
    "E01": strength_of_confounding,
}
NOT_COVERED = {"N17": "no engine for instruments: no study has one"}
#: tests that hold the row beside the one that holds this page
TESTS = {
    **dict.fromkeys(("N01", "N02", "N03", "N04", "N05", "N09", "N11", "N12", "N16"), "test_point_treatment.py"),
    **dict.fromkeys(("N07", "N21"), "test_marginal_structural.py"),
    **dict.fromkeys(("N18", "N19", "N20", "N22"), "test_discrete_hazard.py"),
    "E01": "test_unmeasured.py",
}
#: rows printed with fewer digits than their tolerance asks: the last digit decides
PRINTED = {"N03": 5e-3}


def columns(path: Path, *names: str) -> list[np.ndarray]:
    frame = pl.read_csv(path, null_values="NA").drop_nulls(list(names))
    return [frame[name].cast(pl.Float64).to_numpy() for name in names]


def veteran(folder: Path) -> list[float]:
    frame = pl.read_csv(folder / "veteran.csv")
    time, status, arm, karno, age = columns(folder / "veteran.csv", "time", "status", "trt", "karno", "age")
    cells = [(frame["celltype"] == kind).to_numpy().astype(float) for kind in ("smallcell", "adeno", "large")]
    fit = fit_cox(follow_up(time, status), np.column_stack([arm, *cells, karno, age]))
    errors = np.sqrt(np.diag(fit.model_covariance))
    return [float(each) for place in (0, 4) for each in (fit.coefficients[place], errors[place])]


def heart(folder: Path) -> list[float]:
    start, stop, event, person, *terms = columns(
        folder / "heart.csv", "start", "stop", "event", "id", "age", "year", "surgery", "transplant"
    )
    fit = fit_cox(follow_up(stop, event, start), np.column_stack(terms), person_id=person)
    return [float(each) for each in (*fit.coefficients, *fit.standard_errors)]


def pbc(folder: Path) -> list[float]:
    time, status, age, edema, bili, protime, albumin = columns(
        folder / "pbc.csv", "time", "status", "age", "edema", "bili", "protime", "albumin"
    )
    design = np.column_stack([age, edema, np.log(bili), np.log(protime), np.log(albumin)])
    return [float(each) for each in fit_cox(follow_up(time, status), design, cause=2).coefficients]


def mixed(folder: Path, name: str, outcome: str, time: str) -> list[float]:
    y, t, person = columns(folder / f"{name}.csv", outcome, time, "Subject")
    fit = fit_mixed(y, np.column_stack([np.ones(t.size), t]), t, person)
    sds = (fit.intercept_sd, fit.slope_sd, fit.correlation, fit.criterion)
    return [float(each) for each in (*fit.coefficients, *sds)]


def by_sex(folder: Path) -> list[float]:
    """In men, and in women less in men: estimate and robust error, each."""
    who = people(folder, is_weighed=True)
    n, nothing = who.quits.size, np.zeros(who.quits.size)
    score = estimate_propensity(who.quits, who.design, 0.0).values
    weight = np.where(who.quits, 1.0 / score, 1.0 / (1.0 - score))
    # Without predictions the augmented estimate is the weighted one.
    none = normal_contrast((0.0, 0.0), nothing, None, (0, 0), 0.0)
    whole = AugmentedEstimate(none, score, nothing, nothing, weight, 0)
    everybody = np.ones(n, dtype=bool)
    found = stratified_effect(who.change, who.quits, everybody, whole, who.frame["sex"].to_numpy(), np.arange(n))
    each = (found.strata[0], found.difference)
    return [value for one in each for value in (one.estimate, one.standard_error)]


_SURVIVAL, _MIXED = "test_cox.py", "test_mixed_trajectory.py"
#: values of the packages' own manuals and papers
OTHER: tuple[tuple[Row, Callable[[Path], list[float]]], ...] = (
    (
        Row("veteran", "veteran.csv (137)", "Cox: arm, SE, Karnofsky score, SE", (0.303048, 0.205656, -0.0326855, 0.0054088),
            5e-7, False, "R survival, coxph", _SURVIVAL),
        veteran,
    ),
    (
        Row("heart", "heart.csv (103, late entry)", "Cox: age, year, surgery, transplant; errors by person",
            (0.0271666, -0.1463463, -0.6372099, -0.0102508, 0.0138919, 0.0730799, 0.3582102, 0.3168823), 5e-7, False,
            "R survival, coxph with cluster", _SURVIVAL),
        heart,
    ),
    (
        Row("pbc", "pbc.csv (416)", "Mayo model: age, edema, logs of bilirubin, protime, albumin",
            (0.039609, 0.896311, 0.863551, 2.386839, -2.506923), 5e-7, False, "R survival, coxph", _SURVIVAL),
        pbc,
    ),
    (
        Row("sleepstudy", "sleepstudy.csv (18)", "mixed model: intercept, slope, their SDs, correlation, REML",
            (251.4051, 10.4673, 24.741, 5.922, 0.066, 1743.628), 6e-4, False, "Bates et al. 2015, J Stat Softw 67(1)",
            _MIXED),
        lambda folder: mixed(folder, "sleepstudy", "Reaction", "Days"),
    ),
    (
        Row("oxboys", "oxboys.csv (26)", "mixed model: intercept, slope, their SDs, correlation, REML",
            (149.3718, 6.5255, 8.0811, 1.6807, 0.641, 724.091), 6e-4, False, "nlme and lme4", _MIXED),
        lambda folder: mixed(folder, "oxboys", "height", "age"),
    ),
    (
        Row("modifier", "nhefs.csv (n=1566 wt82 observed)", "IPTW by sex: qsmk in men, SE; in women less in men, SE",
            (3.52198, 0.65707, -0.15948, 1.04608), 6e-6, False, "cibookex-r docs/12 program 12.6",
            "test_point_treatment.py"),
        by_sex,
    ),
)  # fmt: skip


def rows_of(folder: Path) -> list[tuple[Row, Callable[[Path], list[float]] | None]]:
    """Every row of `published_values.csv`, then those of the other data sets, each with what computes ours."""
    found: list[tuple[Row, Callable[[Path], list[float]] | None]] = []
    with (folder / "published_values.csv").open(encoding="utf-8", newline="") as file:
        for line in csv.DictReader(file):
            number, is_relative = line["tol"].split()[0], line["tol"].endswith("rel")
            row = Row(
                line["id"],
                line["dataset"],
                f"{line['analysis']}: {line['quantity']}".replace("|", ", "),
                tuple(float(each) for each in line["value"].split("|")),
                max(float(number), PRINTED.get(line["id"], 0.0)),
                is_relative,
                line["source"],
                TESTS.get(line["id"], ""),
            )
            found.append((row, OURS.get(row.id)))
    return [*found, *OTHER]


def told(folder: Path) -> list[dict[str, Any]]:
    """What the page keeps of each row: ours to eight significant digits, or why there is none."""
    kept = []
    for row, compute in rows_of(folder):
        ours = None if compute is None else [float(f"{each:.8g}") for each in compute(folder)]
        kept.append(row._asdict() | {"ours": ours, "why_not": NOT_COVERED.get(row.id, "")})
    return kept
