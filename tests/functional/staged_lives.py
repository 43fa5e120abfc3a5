"""A small made-up staging population in which every clinical study has people: straight into staging, no drop, no landing.

Deterministic by seed. Rows hold what cohorts, covariates and outcomes read; nothing here is meant to be realistic.
"""

import datetime as dt
from collections.abc import Mapping

import numpy as np
import polars as pl

from pipelines.tables import CONTRACTS

Tables = dict[str, pl.DataFrame]
DAY_0 = dt.date(2010, 1, 1)
ROLES = ("adjuvant", "man_on_testosterone", "woman_on_testosterone", "restart", "untreated")
DIAGNOSES = (
    "I10",
    "I50.9",
    "I21.9",
    "I25.10",
    "E11.9",
    "M81.0",
    "S72.001A",
    "S52.501A",
    "C79.51",
    "C79.9",
    "F32.9",
    "N62",
)
CLASS = {
    "anastrozole": "aromatase_inhibitor",
    "letrozole": "aromatase_inhibitor",
    "tamoxifen": "serm",
    "testosterone": "androgen",
    "clomiphene": "ovulation_inducer",
    "alendronate": "bisphosphonate",
    "atorvastatin": "statin",
}
# Analyte: middle and spread of the log, and the mean of days between draws.
ANALYTES = {
    "estradiol": (3.6, 0.6, 140),
    "lh": (1.2, 0.5, 250),
    "testosterone": (6.0, 0.4, 250),
    "ctx": (6.0, 0.4, 200),
    "p1np": (3.9, 0.4, 200),
    "ldl_cholesterol_reported": (4.8, 0.2, 250),
}
_ROW = {"source_id": "omop", "drop_id": "drop", "date_reason": "recorded", "source_file": "file"}


class Lives:
    """Collects rows of staging tables, person by person."""

    def __init__(self, seed: int) -> None:
        self.draw = np.random.default_rng(seed)
        self.rows: dict[str, list[dict[str, object]]] = {}

    def add(self, table: str, person: int, **values: object) -> None:
        rows = self.rows.setdefault(f"staging.{table}", [])
        row = _ROW | {"source_row": len(rows) + 1, "record_number": 1, "reading_number": 1, "person_id": person}
        rows.append(row | values)

    def fills(self, person: int, drug: str, first: dt.date, days: int, number: int, mg_per_week: float) -> None:
        """Fills one after the other, each up to ten days early or late."""
        for k in range(number):
            on = first + dt.timedelta(days=k * days + (int(self.draw.integers(-10, 11)) if k else 0))
            self.add(
                "drug_exposure",
                person,
                ingredient=drug,
                drug_name=drug,
                drug_class=CLASS[drug],
                record_type="fill",
                status_code="unknown",
                started_on=on,
                days_supply=float(days),
                quantity=float(days),
                route_code="oral",
                is_compounded=False,
                is_combined=False,
                dose_mg_per_week=mg_per_week,
                dose_source="sig",
                dose_confidence=1.0,
            )

    def tables(self) -> Tables:
        """The rows as tables of the contracts' columns."""
        made = {}
        for table, rows in self.rows.items():
            schema = CONTRACTS[table].empty().schema
            plain = {name: pl.String if isinstance(kind, pl.Enum) else kind for name, kind in schema.items()}
            made[table] = pl.DataFrame([{n: row.get(n) for n in plain} for row in rows], schema=plain)
        return made


def staged(persons: int, seed: int) -> Tables:
    """The staging tables of so many people, the roles in turn."""
    lives = Lives(seed)
    for person in range(1, persons + 1):
        _life(lives, person, ROLES[person % len(ROLES)])
    return lives.tables()


def _life(lives: Lives, person: int, role: str) -> None:
    draw, days = lives.draw, lambda low, high: dt.timedelta(days=int(lives.draw.integers(low, high)))
    is_female = role in ("adjuvant", "woman_on_testosterone") or (role == "untreated" and draw.random() < 0.5)
    is_post = is_female and draw.random() < (0.9 if role != "woman_on_testosterone" else 0.5)
    entered = DAY_0 + days(0, 365)
    until = entered + days(3000 if role == "adjuvant" else 1500, 4000)
    age = float(draw.integers(52, 75) if is_post else draw.integers(25, 44) if is_female else draw.integers(30, 70))
    sex = "female" if is_female else "male"
    lives.add(
        "person", person, sex_code=sex, age_years=age, is_age_top_coded=False, race_ethnicity_code="white",
        birth_year=entered.year - int(age), entered_on=entered,
    )  # fmt: skip
    lives.add(
        "observation_period", person, span_number=1, basis_code="enrolment", starts_on=entered, ends_on=until,
        length_days=float((until - entered).days),
    )  # fmt: skip
    if draw.random() < 0.15:
        lives.add("death", person, died_on=until - days(0, 900), cause_code="I21.9")
    if is_female:
        told = 2.0 if is_post else 0.0
        for on in (entered, entered + days(600, 900)):
            lives.add("observation", person, observation_code="menopausal_state", value=told, observed_on=on)
    _treated(lives, person, role, entered)
    _looked_at(lives, person, entered, until, first_scan=740 if role == "untreated" else 0)


def _treated(lives: Lives, person: int, role: str, entered: dt.date) -> None:
    draw, days = lives.draw, lambda low, high: dt.timedelta(days=int(lives.draw.integers(low, high)))
    start = entered + days(735, 1000)
    if role == "adjuvant":
        _condition(lives, person, "C50.911", start - days(20, 30))
        lives.add("observation", person, observation_code="er_status", value=1.0, observed_on=start - days(1, 20))
        lives.add(
            "procedure", person, source_code="19301", vocabulary_code="cpt4", procedure_code="breast_surgery",
            performed_on=start,
        )  # fmt: skip
        kind = draw.choice(["anastrozole", "letrozole", "tamoxifen", "none"], p=[0.4, 0.15, 0.35, 0.1])
        if kind != "none":
            number = int(draw.integers(1, 26) if draw.random() < 0.3 else draw.integers(20, 28))
            lives.fills(person, str(kind), start + days(20, 250), 90, number, 7.0)
    elif role != "untreated":
        if role == "restart":
            lives.fills(person, "testosterone", entered + days(300, 400), 30, 13, 100.0)
            start = entered + days(860, 930)
            lives.fills(person, "clomiphene", start, 30, 4, 87.5)
        else:
            lives.fills(person, "testosterone", start, 30, int(draw.integers(3, 30)), 100.0)
        beside = draw.random()
        if beside < 0.6:
            offset = days(-12, 16) if beside < 0.3 else days(100, 700)
            dose = float(draw.choice([0.5, 1.0, 2.0, 3.5, 7.0]))
            lives.fills(person, "anastrozole", start + offset, 30, int(draw.integers(1, 12)), dose)
    elif draw.random() < 0.3:
        lives.fills(person, "anastrozole", start, 30, 3, 7.0)
    if draw.random() < 0.1:
        lives.fills(person, "alendronate", entered + days(100, 2500), 84, 6, 70.0)
    if draw.random() < 0.4:
        lives.fills(person, "atorvastatin", entered + days(100, 2500), 90, 6, 140.0)


def _looked_at(lives: Lives, person: int, entered: dt.date, until: dt.date, first_scan: int) -> None:
    draw, length = lives.draw, (until - entered).days
    for analyte, (middle, spread, gap) in ANALYTES.items():
        for number, on in enumerate(np.sort(draw.integers(0, length, size=length // gap))):
            value = float(np.exp(draw.normal(middle, spread)))
            is_censored = analyte == "estradiol" and value < 20
            lives.add(
                "lab_result", person, specimen_id=f"{analyte}{number}", analyte_code=analyte,
                value=20.0 if is_censored else value, operator="<" if is_censored else "=", is_censored=is_censored,
                unit_code="1", assay_class="immunoassay", assay_basis="none", drawn_on=entered + dt.timedelta(int(on)),
                status_code="final", n_replicates=1,
            )  # fmt: skip
    for number, on in enumerate(draw.integers(first_scan, length, size=length // 300)):
        for site in ("lumbar_spine", "total_hip"):
            lives.add(
                "dxa_scan", person, scan_id=f"scan{number}", site_code=site, side_code="left", imputation_number=0,
                bmd_g_cm2=float(draw.normal(0.9, 0.1)), is_valid=True, manufacturer="hologic", device_id="d",
                series_id="d", scanned_on=entered + dt.timedelta(int(on)), is_artefact_suspect=False,
            )  # fmt: skip
    for on in draw.integers(0, length, size=8):
        day = entered + dt.timedelta(int(on))
        _condition(lives, person, str(draw.choice(DIAGNOSES)), day)
        lives.add("visit", person, visit_code="outpatient", starts_on=day, ends_on=day)
        lives.add(
            "observation", person, observation_code="body_mass_index", value=float(draw.normal(27, 4)), observed_on=day
        )
        lives.add(
            "observation", person, observation_code="systolic_bp", value=float(draw.normal(130, 15)), observed_on=day
        )
        code = str(draw.choice(["arthralgia", "fatigue", "low_libido"]))
        lives.add(
            "symptom", person, symptom_code=code, recorded_on=day, vocabulary_code="icd10cm", condition_code="M25.50",
            setting_code="outpatient",
        )  # fmt: skip


def _condition(lives: Lives, person: int, code: str, on: dt.date) -> None:
    lives.add(
        "condition", person, condition_code=code, vocabulary_code="icd10cm", is_present=True, recorded_on=on,
        record_type="coded_diagnosis", setting_code="inpatient", is_primary=True, is_history=False, source_variable="x",
    )  # fmt: skip


# Tables with the day of a row, the days on which it ends, and what a row says.
DATED: dict[str, tuple[str, tuple[str, ...], tuple[str, ...]]] = {
    "staging.drug_exposure": (
        "started_on",
        ("ended_on",),
        ("ingredient", "drug_class", "dose_mg_per_week", "days_supply"),
    ),
    "staging.condition": ("recorded_on", (), ("condition_code",)),
    "staging.procedure": ("performed_on", (), ("procedure_code",)),
    "staging.observation": ("observed_on", (), ("observation_code", "value")),
    "staging.lab_result": ("drawn_on", (), ("analyte_code", "value", "operator", "is_censored")),
    "staging.dxa_scan": ("scanned_on", (), ("bmd_g_cm2",)),
    "staging.visit": ("starts_on", ("ends_on",), ("visit_code",)),
    "staging.symptom": ("recorded_on", (), ("symptom_code",)),
    "staging.death": ("died_on", (), ("cause_code",)),
    "staging.observation_period": ("starts_on", ("ends_on",), ()),
}


def randomised_after(tables: Mapping[str, pl.DataFrame], anchors: pl.DataFrame, seed: int) -> Tables:
    """The tables with everything dated after each person's anchor removed, moved later, or given what another row says.

    Args:
        tables: staging tables.
        anchors: columns person_id and anchor_on; people without one are left as they are.
    """
    draw = np.random.default_rng(seed)
    changed = dict(tables)
    for table, (day, ends, said) in DATED.items():
        given = tables[table].join(anchors, on="person_id", how="left").with_row_index("row")
        is_later = (pl.col(day) > pl.col("anchor_on")).fill_null(value=False)
        earlier, later = given.filter(~is_later), given.filter(is_later)
        fate = draw.integers(0, 3, size=later.height)
        moved = pl.duration(days=pl.Series(draw.integers(1, 400, size=later.height)))
        later = later.with_columns(
            *(pl.when(pl.Series(fate == 1)).then(pl.col(c) + moved).otherwise(pl.col(c)) for c in (day, *ends))
        )
        shuffled = later.select(said)[draw.permutation(later.height)] if said and later.height else later.select(said)
        later = later.with_columns(
            pl.when(pl.Series(fate == 2)).then(shuffled[column]).otherwise(pl.col(column)).alias(column)
            for column in said
        ).filter(pl.Series(fate > 0))
        # What began before and ends after the anchor: that it had not ended is known, when it will is not.
        earlier = earlier.with_columns(
            pl.when(pl.col(c) > pl.col("anchor_on"))
            .then(pl.col("anchor_on") + pl.duration(days=pl.Series(draw.integers(1, 2000, size=earlier.height))))
            .otherwise(pl.col(c))
            .alias(c)
            for c in ends
        )
        changed[table] = pl.concat([earlier, later]).sort("row").drop("row", "anchor_on")
    return changed
