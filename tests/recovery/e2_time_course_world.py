"""People drawn before and after a first dose: a known rate, falls that differ between people, 30 % of draws below the limit.

As arrays, and as the tables from which a study reads them.
"""

import datetime as dt
from dataclasses import dataclass

import numpy as np
import polars as pl

from pipelines.models.e2_time_course_likelihood import course

LOG_START, TAU, FALLEN, OMEGA, T90, SIGMA = 3.0, 0.4, 0.6, 0.3, 3.0, 0.2
DAYS = (1, 2, 3, 5, 7, 14, 28, 56, 84)
DAY_ZERO = dt.date(2020, 3, 1)
KEY = ("person_id", "trial_number", "study_id", "cohort_code")


@dataclass(frozen=True, slots=True)
class Drawn:
    """Log estradiol [n] as it is, its limit, days since the first dose, people."""

    log_e2: np.ndarray
    limit: float
    days: np.ndarray
    person: np.ndarray

    @property
    def is_below(self) -> np.ndarray:
        return self.log_e2 < self.limit

    @property
    def arrays(self) -> tuple[np.ndarray, ...]:
        """As the engine takes them, one class of assay."""
        lower = np.where(self.is_below, -np.inf, self.log_e2)
        return lower, np.maximum(self.log_e2, self.limit), self.days, self.person, np.zeros(self.days.size, dtype=int)

    @property
    def filled(self) -> tuple[np.ndarray, ...]:
        """The limit over the square root of two in place of what is below it."""
        value = np.where(self.is_below, self.limit - np.log(2) / 2, self.log_e2)
        return value, value, *self.arrays[2:]


def drawn(
    seed: int,
    people: int = 200,
    *,
    t90: float = T90,
    fallen: float = FALLEN,
    omega: float = OMEGA,
    sigma: float = SIGMA,
    censored: float = 0.3,
    days: tuple[int, ...] = DAYS,
    non_suppressors: float = 0.0,
) -> Drawn:
    """Three to six draws each, the first before the dose."""
    rng = np.random.default_rng([seed, 24])
    counts = rng.integers(3, 7, people)
    person = np.repeat(np.arange(people), counts)
    after = [np.sort(rng.choice(days, min(n - 1, len(days)), replace=False)) for n in counts]
    on = np.concatenate([np.r_[np.zeros(n - each.size), each] for n, each in zip(counts, after, strict=True)])
    fall = np.log(1 - fallen) + omega * rng.standard_normal(people)
    fall[rng.random(people) < non_suppressors] = 0.0
    start = LOG_START + TAU * rng.standard_normal(people)
    level = course(on, fall[person], float(np.log(np.log(10) / t90)))[0]
    log_e2 = start[person] + level + sigma * rng.standard_normal(person.size)
    return Drawn(log_e2, float(np.quantile(log_e2, censored)) if censored else -np.inf, on, person)


def true_fall(day: float) -> float:
    """Percent by which the geometric mean has fallen: the mean over people of the log, by quadrature."""
    points, weights = np.polynomial.hermite_e.hermegauss(41)
    level = course(np.array(min(day, 1e6)), np.log(1 - FALLEN) + OMEGA * points, float(np.log(np.log(10) / T90)))[0]
    return float(100 * (1 - np.exp(weights @ level / weights.sum())))


def on(days: np.ndarray) -> pl.Series:
    return pl.Series(np.datetime64(DAY_ZERO) + days.astype("timedelta64[D]")).cast(pl.Date)


def tables(some: Drawn, study: str, cohort: str = "men", assay_class: str = "lc_ms_ms") -> dict[str, pl.LazyFrame]:
    """The same people in tables: a draw before lies 30 days back; one regimen that outlasts follow-up."""
    people = np.unique(some.person)
    days = np.where(some.days == 0, -30, some.days).astype(int)
    results = pl.DataFrame(
        {
            "person_id": some.person,
            "analyte_code": "estradiol",
            "assay_class": assay_class,
            "drawn_on": on(days),
            "value": np.exp(np.maximum(some.log_e2, some.limit)),
            "operator": np.where(some.is_below, "<", "="),
        }
    )
    zeros = np.zeros(people.size, dtype=int)
    trial = pl.DataFrame({"person_id": people, "trial_number": 1, "study_id": study, "cohort_code": cohort})
    regimen = {"person_id": people, "ingredient": "anastrozole", "starts_on": on(zeros), "ends_on": on(zeros + 120)}
    return {
        "cohort.trial_person": trial.with_columns(index_on=on(zeros), end_on=on(zeros + 84)).lazy(),
        "staging.lab_result": results.lazy(),
        "features.ai_regimen": pl.DataFrame(regimen).lazy(),
    }
