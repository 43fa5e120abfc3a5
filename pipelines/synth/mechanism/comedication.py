"""Other drugs people take: which, from when to when. They colour the records; two reach the mechanism.

Here: intervals of each drug, and their orders. Not here: drugs of interest (`dispensing`). Prednisone slows bone
formation in `course`; statins lower the cholesterol that `laboratory` reads.
"""

import numpy as np

from pipelines.synth import draws
from pipelines.synth.mechanism import codes
from pipelines.synth.mechanism.course import Course
from pipelines.synth.mechanism.dispensing import order_rows
from pipelines.synth.mechanism.glucocorticoid import glucocorticoid_steps
from pipelines.synth.mechanism.hazards import NEVER, row
from pipelines.synth.mechanism.people import ADJUVANT, FEMALE_T, STEP_DAYS, YEAR
from pipelines.synth.mechanism.timeline import Runs
from pipelines.synth.parameters import Parameters

#: ingredient: (strength mg, intakes a week, form, route, days supply)
_PRODUCTS = {
    "prednisone": (5.0, 7.0, "tablet", "oral", 30),
    "omeprazole": (20.0, 7.0, "capsule", "oral", 90),
    "oxycodone": (5.0, 14.0, "tablet", "oral", 30),
    "sertraline": (50.0, 7.0, "tablet", "oral", 90),
    "hydrochlorothiazide": (25.0, 7.0, "tablet", "oral", 90),
    "atorvastatin": (20.0, 7.0, "tablet", "oral", 90),
    "levothyroxine": (0.075, 7.0, "tablet", "oral", 90),
    "phenytoin": (100.0, 21.0, "capsule", "oral", 30),
    "estradiol_oral": (1.0, 7.0, "tablet", "oral", 90),
    "estradiol_vaginal": (0.01, 2.0, "vaginal_tablet", "vaginal", 84),
    "progesterone": (100.0, 7.0, "capsule", "oral", 90),
    "naproxen": (500.0, 14.0, "tablet", "oral", 30),
    "sildenafil": (50.0, 2.0, "tablet", "oral", 42),
    "furosemide": (20.0, 7.0, "tablet", "oral", 90),
    "metformin": (500.0, 14.0, "tablet", "oral", 90),
    "lisinopril": (10.0, 7.0, "tablet", "oral", 90),
    "biotin": (5.0, 7.0, "tablet", "oral", 90),
    "somatropin": (1.0, 7.0, "injection", "subcutaneous", 28),
    "fulvestrant": (500.0, 0.25, "injection", "intramuscular", 28),
}
#: symptom or event that makes people start a drug
_TRIGGERS = {
    "sertraline": "depression",
    "naproxen": "arthralgia",
    "sildenafil": "erectile_dysfunction",
    "furosemide": "heart_failure",
    "metformin": "diabetes",
    "lisinopril": "hypertension",
    "estradiol_vaginal": "vaginal_dryness",
    "atorvastatin": "myocardial_infarction",
    "fulvestrant": "breast_cancer_metastasis",
}
COMEDICATIONS = tuple(_PRODUCTS)


def intervals(p: Parameters, seed: int, course: Course, last: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Start and stop day after entry of each drug, [d, n]; start >= last where it is not taken."""
    people = course.people
    count = len(_PRODUCTS)
    u = draws.uniforms(seed, people.person, "comedication", 4 * count)
    start, stop = np.full((count, people.person.size), NEVER), np.full((count, people.person.size), NEVER)
    woman = ~people.is_male
    allowed = {
        "estradiol_oral": woman & (people.protocol != ADJUVANT),
        "estradiol_vaginal": woman,
        "progesterone": woman & (people.protocol != ADJUVANT),
        "somatropin": people.protocol != ADJUVANT,
        "metformin": people.has_diabetes,
        "lisinopril": people.has_hypertension,
        "hydrochlorothiazide": people.has_hypertension,
        "fulvestrant": np.zeros(people.person.size, dtype=bool),
    }
    for i, name in enumerate(_PRODUCTS):
        ua, ub, uc, ud = u[4 * i : 4 * i + 4]
        if name == "prednisone":
            first, end = glucocorticoid_steps(p, seed, people)
            start[i], stop[i] = first * STEP_DAYS, end * STEP_DAYS
            continue
        share = p.number(f"comedication.{name}_share")
        if name == "progesterone":
            share = np.where(people.protocol == FEMALE_T, 3.0 * share, share)
        takes = (ua < share) & allowed.get(name, True)
        # half of the users already took it at entry
        begin = np.where(ub < 0.5, 0.0, (ub - 0.5) * 2.0 * 3650.0)
        long = p.number(f"comedication.{name}_years") * YEAR
        begin = np.where(takes, begin, NEVER)
        if name in _TRIGGERS:
            trigger = course.event_day[row(_TRIGGERS[name])]
            after = (trigger < NEVER) & (ud < p.number(f"comedication.{name}_after_trigger"))
            begin = np.minimum(begin, np.where(after, trigger + 7.0, NEVER))
        start[i], stop[i] = np.floor(begin), np.floor(begin + 28.0 - np.log(uc) * long)
    return start, np.minimum(stop, last[None, :])


def comedication_orders(
    course: Course, last: np.ndarray, start: np.ndarray, stop: np.ndarray
) -> list[dict[str, np.ndarray]]:
    """Order tables; days are rounded down to steps of 28 days from entry."""
    parts = []
    for i, (name, (mg, per_week, form, route, supply)) in enumerate(_PRODUCTS.items()):
        who = np.nonzero(start[i] < last)[0]
        first = np.floor(start[i, who] / STEP_DAYS).astype(np.int64)
        end = np.maximum(np.ceil(np.minimum(stop[i, who], last[who]) / STEP_DAYS), first + 1).astype(np.int64)
        runs = Runs(who, first, end, np.ones(who.size, dtype=np.int64))
        triggered = "triggered" if name in _TRIGGERS else "start"
        kind = "symptom" if name in ("naproxen", "sildenafil", "estradiol_vaginal") else "comorbidity"
        parts.append(
            order_rows(
                runs, last, triggered, "patient",
                ingredient=codes.INGREDIENTS.index(name),
                strength_mg=mg,
                form=codes.FORMS.index(form),
                route=codes.ROUTES.index(route),
                amount_per_intake=1.0,
                intakes_per_week=per_week,
                is_compounded=False,
                indication=codes.INDICATIONS.index("breast_cancer" if name == "fulvestrant" else kind),
                supply_days=supply,
                uses_adherence=form != "injection",
                is_filled=True,
            )
        )  # fmt: skip
    return parts
