"""One batch of lives: people, course, and everything that would be written down about them, as the frames of `life`.

Here: the assembly. Not here: any equation. Person p of seed s is the same in every batch.
"""

import numpy as np
import polars as pl

from pipelines.synth.mechanism import (
    codes,
    comedication,
    contacts,
    densitometry,
    diagnoses,
    dispensing,
    laboratory,
    tubes,
)
from pipelines.synth.mechanism.course import RECORD_TRACKS, Course, run_course
from pipelines.synth.mechanism.hazards import NEVER, row
from pipelines.synth.mechanism.life import SCHEMAS, Lives
from pipelines.synth.mechanism.people import ADJUVANT, STEP_DAYS, YEAR, Design, make_people
from pipelines.synth.mechanism.regimes import NATURAL, Regime
from pipelines.synth.parameters import Parameters


def simulate(
    p: Parameters, seed: int, first_person: int, count: int, with_exposures: bool = True, regime: Regime = NATURAL
) -> Lives:
    """The lives of people `first_person` … `first_person + count - 1`, treated as in life or as a regime forces.

    Memory is about 25 kB a person while it runs: batches of 2,000 to 10,000 people suit.
    """
    people = make_people(p, seed, first_person, count, Design())
    course = run_course(p, seed, people, regime, keep=RECORD_TRACKS)
    last = dispensing.death_limit(course)
    start, stop = comedication.intervals(p, seed, course, last)
    regimens = dispensing.combine(
        dispensing.drug_orders(course, last, seed) + comedication.comedication_orders(course, last, start, stop)
    )
    fills = dispensing.make_fills(regimens, course, seed)
    tube = tubes.make_tubes(p, seed, course, last)
    results, injection_age = laboratory.read_tubes(p, seed, course, tube, start, stop)
    scans = densitometry.make_scans(p, seed, course, last)
    events = diagnoses.make_events(p, seed, course, scans, last)
    offices = contacts.make_offices(p, seed, course, last)
    notes = contacts.make_observations(p, seed, course, offices)
    semen = tube.kind == tubes.SEMEN
    procedures = contacts.make_procedures(
        course, regimens, fills, (scans.row, scans.day), (tube.row[semen], tube.day[semen]), events, last
    )
    visits = contacts.make_visits(offices, (tube.row, tube.day), (scans.row, scans.day), events, procedures[:2])
    frames = {
        "people": _people(p, course, last),
        **_drugs(course, regimens, fills),
        "draws": _draws(course, tube, results, injection_age),
        "scans": _scans(course, scans),
        "events": _events(course, events),
        "symptoms": _symptoms(p, seed, course, last),
        "procedures": _procedures(course, procedures),
        "observations": _observations(course, notes),
        "visits": _visits(course, visits),
        "exposures": _exposures(course, last) if with_exposures else _frame("exposures", {}),
    }
    return Lives(**frames)


def _frame(name: str, columns: dict[str, np.ndarray | pl.Series], sort: tuple[str, ...] = ()) -> pl.DataFrame:
    """A frame with the columns of its schema: enumerations from integer codes, -1 or NEVER or nan become null."""
    schema = SCHEMAS[name]
    if not columns:
        return pl.DataFrame(schema=schema)
    series = []
    for column, dtype in schema.items():
        values = columns[column]
        if isinstance(values, np.ndarray):
            values = pl.Series(column, values)
        if isinstance(dtype, pl.Enum):
            values = values.cast(pl.UInt8, strict=False).cat.to(dtype)
        elif dtype.is_float():
            values = values.cast(dtype).fill_nan(None)
        elif values.dtype != dtype:
            values = values.cast(dtype)
        series.append(values.alias(column))
    frame = pl.DataFrame(series)
    return frame.sort(sort, maintain_order=True) if sort else frame


def _or_null(values: np.ndarray, known: np.ndarray) -> pl.Series:
    """Values where known, else null."""
    return pl.select(pl.when(pl.Series(known)).then(pl.Series(values))).to_series()


def _calendar(course: Course, rows: np.ndarray, day: np.ndarray) -> np.ndarray:
    """Days after entry as days since the epoch."""
    return course.people.entry_day[rows] + np.asarray(day).astype(np.int64)


def _people(p: Parameters, course: Course, last: np.ndarray) -> pl.DataFrame:
    people, n = course.people, course.people.person.size
    death, cause = diagnoses.death(course, last)
    died = death < NEVER
    cancer = people.protocol == ADJUVANT
    has_protocol = people.protocol > 0
    metastasis = course.event_day[row("breast_cancer_metastasis")]
    spread = (metastasis < NEVER) & (np.floor(metastasis) < last)
    surgery = diagnoses.surgery_day(course)
    menopause = np.nan_to_num(people.menopause_age) * YEAR + people.birth_day
    exit_day = people.entry_day + last - 1
    birth = np.datetime64("2008-01-01") + people.birth_day.astype("timedelta64[D]")
    months = birth.astype("datetime64[M]").astype(np.int64)
    everyone = np.arange(n)
    columns = {
        "person": people.person,
        "sex": people.is_male.astype(np.int8),
        "birth_year": 1970 + months // 12,
        "birth_month": months % 12 + 1,
        "race": people.race,
        "is_hispanic": people.is_hispanic,
        "protocol": people.protocol,
        "site": people.site,
        "entry_day": people.entry_day,
        "exit_day": exit_day,
        "exit_reason": np.where(died, 1, np.where(people.is_lost, 2, 0)),
        "death_day": _or_null(_calendar(course, everyone, np.where(died, death, 0)), died),
        "death_cause": _or_null(cause, died),
        "index_day": _or_null(people.entry_day + people.index_step * STEP_DAYS, has_protocol),
        "menopause": people.menopause,
        "menopause_day": _or_null(np.floor(menopause).astype(np.int64), ~people.is_male),
        "height_cm": people.height,
        "weight_kg": people.bmi * (people.height / 100.0) ** 2,
        "body_mass_index": people.bmi,
        "rs700518": people.genotype[0],
        "rs4646": people.genotype[1],
        "rs10046": people.genotype[2],
        "ttta_shorter": people.repeats[0],
        "ttta_longer": people.repeats[1],
        "is_genotyped": people.person % 20 == 0,
        "cancer_stage": _or_null(people.stage, cancer),
        "surgery_day": _or_null(people.entry_day + surgery, cancer),
        "is_er_positive": _or_null(people.is_er_positive, cancer),
        "metastasis_day": _or_null(_calendar(course, everyone, np.where(spread, metastasis, 0)), spread),
        "had_chemotherapy": people.had_chemotherapy,
        "smoking": people.smoking,
        "alcohol_per_week": people.alcohol,
        "has_ischaemic_heart_disease": people.has_ihd,
        "has_hypertension": people.has_hypertension,
        "has_diabetes": people.has_diabetes,
        "has_prior_fracture": people.has_fracture,
        "has_family_osteoporosis": people.has_family_osteoporosis,
        "has_prior_thrombosis": people.has_thrombosis,
        "frailty": people.frailty,
        "is_non_suppressor": people.is_non_suppressor,
        "baseline_estradiol": people.estradiol,
        "baseline_testosterone": people.testosterone,
        "adherence": people.adherence,
        "is_prevalent_user": people.is_prevalent,
    }
    return _frame("people", columns, ("person",))


def _drugs(course: Course, regimens: dispensing.Regimens, fills: dispensing.Fills) -> dict[str, pl.DataFrame]:
    c, people = regimens.columns, course.people
    person = people.person[c["row"]]
    first = np.concatenate([[True], c["row"][1:] != c["row"][:-1]]) if person.size else np.zeros(0, dtype=bool)
    number = np.arange(person.size) - np.maximum.accumulate(np.where(first, np.arange(person.size), 0)) + 1
    begin = _calendar(course, c["row"], c["start"])
    orders = _frame(
        "orders",
        {
            "person": person,
            "order": number,
            **{
                name: c[name]
                for name in ("ingredient", "strength_mg", "form", "route", "amount_per_intake", "intakes_per_week")
            },
            "mg_per_week": c["strength_mg"] * c["amount_per_intake"] * c["intakes_per_week"],
            "is_as_needed": np.isin(
                c["ingredient"], [codes.INGREDIENTS.index(name) for name in ("sildenafil", "naproxen", "oxycodone")]
            ),
            "is_compounded": c["is_compounded"].astype(bool),
            "written_day": begin,
            "start_day": begin,
            "end_day": _calendar(course, c["row"], c["stop"]) - 1,
            "indication": c["indication"],
            "reason": c["reason"],
            "stop_reason": c["stop_reason"],
        },
        ("person", "order"),
    )
    o = fills.order
    filled = _frame(
        "fills",
        {
            "person": person[o],
            "order": number[o],
            "fill": fills.number,
            "day": _calendar(course, c["row"][o], fills.day),
            "quantity": fills.quantity,
            "days_supply": fills.supply_days,
            "mg_per_week": fills.mg_per_week,
            "is_returned": fills.is_returned,
            "refills_left": np.maximum(4 - fills.number, 0),
        },
        ("person", "order", "fill"),
    )
    return {"orders": orders, "fills": filled}


def _draws(course: Course, tube: tubes.Tubes, results: laboratory.Draws, injection_age: np.ndarray) -> pl.DataFrame:
    i = results.tube
    return _frame(
        "draws",
        {
            "person": course.people.person[tube.row[i]],
            "draw": tube.number[i],
            "day": _calendar(course, tube.row[i], tube.day[i]),
            "minute": tube.minute[i],
            "analyte": results.analyte,
            "true_value": results.true_value,
            "measured_value": results.measured_value,
            "assay_class": results.assay_class,
            "assay_limit": results.assay_limit,
            "laboratory": results.laboratory,
            "is_fasting": tube.is_fasting[i],
            "days_since_injection": injection_age[i],
            "reason": tube.reason[i],
        },
        ("person", "draw", "analyte"),
    )


def _scans(course: Course, scans: densitometry.Scans) -> pl.DataFrame:
    columns = {name: getattr(scans, name) for name in SCHEMAS["scans"] if name not in ("person", "day", "vertebrae")}
    columns["person"] = course.people.person[scans.row]
    columns["day"] = _calendar(course, scans.row, scans.day)
    columns["vertebrae"] = _or_null(scans.vertebrae, scans.vertebrae > 0)
    return _frame("scans", columns, ("person", "scan", "site", "reason"))


def _events(course: Course, events: diagnoses.EventRows) -> pl.DataFrame:
    known = events.detected < NEVER
    columns = {
        "person": course.people.person[events.row],
        "event": events.event,
        "day": _calendar(course, events.row, events.day),
        "detected_day": _or_null(_calendar(course, events.row, np.where(known, events.detected, 0)), known),
        "detected_by": events.detected_by,
        "setting": events.setting,
        "is_primary": events.is_primary,
        "is_history": events.is_history,
    }
    return _frame("events", columns, ("person", "day", "event", "is_history"))


def _symptoms(p: Parameters, seed: int, course: Course, last: np.ndarray) -> pl.DataFrame:
    who, code, day, severity, coded = diagnoses.make_symptoms(p, seed, course, last)
    columns = {
        "person": course.people.person[who],
        "symptom": code,
        "day": _calendar(course, who, day),
        "severity": severity,
        "is_coded": coded,
    }
    return _frame("symptoms", columns, ("person", "day", "symptom"))


def _procedures(course: Course, procedures: tuple[np.ndarray, ...]) -> pl.DataFrame:
    who, day, code, side = procedures
    columns = {"person": course.people.person[who], "day": _calendar(course, who, day), "procedure": code, "side": side}
    return _frame("procedures", columns).unique(maintain_order=True).sort("person", "day", "procedure", "side")


def _observations(course: Course, notes: tuple[np.ndarray, ...]) -> pl.DataFrame:
    who, day, code, true, measured = notes
    columns = {
        "person": course.people.person[who],
        "day": _calendar(course, who, day),
        "observation": code,
        "true_value": true,
        "measured_value": measured,
    }
    return _frame("observations", columns, ("person", "day", "observation", "measured_value"))


def _visits(course: Course, visits: tuple[np.ndarray, ...]) -> pl.DataFrame:
    who, day, end, kind = visits
    first = np.concatenate([[True], who[1:] != who[:-1]])
    number = np.arange(who.size) - np.maximum.accumulate(np.where(first, np.arange(who.size), 0)) + 1
    columns = {
        "person": course.people.person[who],
        "visit": number,
        "day": _calendar(course, who, day),
        "end_day": _calendar(course, who, end),
        "kind": kind,
        "site": course.people.site[who],
    }
    return _frame("visits", columns, ("person", "visit"))


def _exposures(course: Course, last: np.ndarray) -> pl.DataFrame:
    people, t = course.people, course.tracks
    begin = np.arange(t["ai_kind"].shape[0])[:, None] * STEP_DAYS
    any_drug = (t["ai_kind"] > 0) | (t["tamoxifen"] > 0) | (t["on_testosterone"] > 0) | (t["antiresorptive"] > 0)
    s, r = np.nonzero(any_drug & (begin < last[None, :]))
    tamoxifen = 140.0 * (t["tamoxifen"][s, r] > 0) * t["taken"][s, r]
    gel = np.where(course.plan.testosterone_form[r] == 2, t["taken"][s, r], 1.0)
    columns = {
        "person": people.person[r],
        "start_day": _calendar(course, r, s * STEP_DAYS),
        "end_day": _calendar(course, r, np.minimum((s + 1) * STEP_DAYS, last[r])),
        "aromatase_inhibitor": t["ai_kind"][s, r],
        "ai_mg_per_week": t["ai_weekly_mg"][s, r] * t["taken"][s, r],
        "ai_prescribed_mg_per_week": t["ai_weekly_mg"][s, r],
        "ai_concentration": t["concentration"][s, r],
        "tamoxifen_mg_per_week": tamoxifen,
        "testosterone_mg_per_week": course.plan.testosterone_mg[r] * (t["on_testosterone"][s, r] > 0) * gel,
        "aromatase_inhibition": t["inhibited"][s, r],
        "estradiol": t["estradiol"][s, r],
        "antiresorptive": t["antiresorptive"][s, r] > 0,
    }
    return _frame("exposures", columns, ("person", "start_day"))
