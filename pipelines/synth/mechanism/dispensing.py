"""Orders and fills of the drugs of interest, from the regimens a course remembers.

Here: anastrozole, letrozole, exemestane, tamoxifen, testosterone, gonadorelin, clomiphene, goserelin, antiresorptives.
Not here: other drugs (`comedication`), sigs and product names (the renderer).
"""

from dataclasses import dataclass

import numpy as np

from pipelines.synth import draws
from pipelines.synth.mechanism import codes
from pipelines.synth.mechanism.course import Course
from pipelines.synth.mechanism.hazards import NEVER
from pipelines.synth.mechanism.people import ADJUVANT, MALE_T, RESTART, STEP_DAYS
from pipelines.synth.mechanism.timeline import Runs, days_until, renewals, repeat_counts, runs_of

_ORDER_STEPS = 13  # an order is renewed after a year
_COLUMNS = (
    *("row", "ingredient", "strength_mg", "form", "route", "amount_per_intake", "intakes_per_week", "is_compounded"),
    *("start", "stop", "indication", "reason", "stop_reason", "supply_days", "uses_adherence", "is_filled"),
)


def _code(names: tuple[str, ...], name: str) -> int:
    return names.index(name)


@dataclass(frozen=True, slots=True)
class Regimens:
    """Orders before they become a frame: column -> [q]; `start` and `stop` are days after entry, stop exclusive."""

    columns: dict[str, np.ndarray]

    def sorted(self) -> "Regimens":
        """By person row, start day, ingredient."""
        c = self.columns
        order = np.lexsort((c["strength_mg"], c["ingredient"], c["start"], c["row"]))
        return Regimens({name: values[order] for name, values in c.items()})


def combine(parts: list[dict[str, np.ndarray]]) -> Regimens:
    """One table of all orders."""
    return Regimens({name: np.concatenate([part[name] for part in parts]) for name in _COLUMNS}).sorted()


def order_rows(
    runs: Runs, last: np.ndarray, first_reason: np.ndarray | str, stop_reason: np.ndarray | str, **columns
) -> dict[str, np.ndarray]:
    """Orders of runs, one a year; `columns` are scalars or [runs] arrays, code columns given as codes."""
    pieces, part = renewals(runs, _ORDER_STEPS)
    index = np.repeat(np.arange(runs.row.size), -(-(runs.stop - runs.start) // _ORDER_STEPS))
    q = pieces.row.size
    if isinstance(first_reason, str):
        first_reason = np.full(runs.row.size, _code(codes.ORDER_REASONS, first_reason))
    if isinstance(stop_reason, str):
        stop_reason = np.full(runs.row.size, _code(codes.STOP_REASONS, stop_reason))
    is_last = pieces.stop == runs.stop[index]
    to_the_end = runs.stop[index] * STEP_DAYS >= last[pieces.row]
    ending = np.where(is_last & ~to_the_end, stop_reason[index], _code(codes.STOP_REASONS, "ongoing"))
    out = {
        "row": pieces.row,
        "start": pieces.start * STEP_DAYS,
        "stop": np.minimum(pieces.stop * STEP_DAYS, last[pieces.row]),
        "reason": np.where(part == 0, first_reason[index], _code(codes.ORDER_REASONS, "renewal")),
        "stop_reason": ending,
    }
    for name, values in columns.items():
        out[name] = values[index] if isinstance(values, np.ndarray) else np.full(q, values)
    keep = out["stop"] > out["start"]
    return {name: out[name][keep] for name in _COLUMNS}


def _oral(ingredient: str, mg: float, per_week: float = 7.0, days: int = 30) -> dict:
    return {
        "ingredient": _code(codes.INGREDIENTS, ingredient),
        "strength_mg": mg,
        "form": _code(codes.FORMS, "tablet"),
        "route": _code(codes.ROUTES, "oral"),
        "amount_per_intake": 1.0,
        "intakes_per_week": per_week,
        "is_compounded": False,
        "supply_days": days,
        "uses_adherence": True,
        "is_filled": True,
    }


def drug_orders(course: Course, last: np.ndarray, seed: int) -> list[dict[str, np.ndarray]]:
    """Order tables of the drugs of interest.

    Args:
        course: with RECORD_TRACKS.
        last: [n] days after entry at which observation ends.
        seed: of the run.
    """
    people, t = course.people, course.tracks
    steps = np.arange(next(iter(t.values())).shape[0])[:, None]
    alive = steps * STEP_DAYS < last[None, :]
    u = draws.uniforms(seed, people.person, "dispensing", 8)
    mail = np.where(u[0] < 0.6, 90, 30)
    parts = [_aromatase_inhibitors(course, alive, last, mail, u)]
    cancer = people.protocol == ADJUVANT

    tam = runs_of(t["tamoxifen"] * alive)
    for_cancer = cancer[tam.row]
    of_men = np.where(
        people.protocol[tam.row] == MALE_T,
        _code(codes.INDICATIONS, "gynecomastia"),
        _code(codes.INDICATIONS, "fertility_restart"),
    )
    indication = np.where(for_cancer, _code(codes.INDICATIONS, "breast_cancer"), of_men)
    switched = for_cancer & (course.plan.planned_switch[tam.row] == tam.stop)
    ending = np.where(switched, _code(codes.STOP_REASONS, "switch"), _code(codes.STOP_REASONS, "patient"))
    parts.append(
        order_rows(
            tam,
            last,
            "start",
            ending,
            indication=indication,
            **(_oral("tamoxifen", 20.0) | {"supply_days": mail[tam.row]}),
        )
    )
    parts.append(_testosterone(course, alive, last))
    fertility = _code(codes.INDICATIONS, "fertility_restart")
    gonadorelin = _oral("gonadorelin", 0.2, 2.0, 28) | {
        "form": _code(codes.FORMS, "injection"),
        "route": _code(codes.ROUTES, "subcutaneous"),
        "amount_per_intake": 0.5,
        "is_compounded": True,
    }
    given = runs_of(t["gonadorelin"] * alive)
    beside = people.protocol[given.row] == MALE_T
    parts.append(
        order_rows(
            given,
            last,
            "start",
            np.where(beside, _code(codes.STOP_REASONS, "patient"), _code(codes.STOP_REASONS, "completed")),
            indication=np.where(beside, _code(codes.INDICATIONS, "hypogonadism"), fertility),
            **gonadorelin,
        )
    )
    parts.append(
        order_rows(
            runs_of(t["clomiphene"] * alive),
            last,
            "start",
            "completed",
            indication=fertility,
            **_oral("clomiphene", 50.0, 3.5),
        )
    )
    goserelin = _oral("goserelin", 3.6, 0.25, 28) | {
        "form": _code(codes.FORMS, "implant"),
        "route": _code(codes.ROUTES, "subcutaneous"),
        "uses_adherence": False,
    }
    parts.append(
        order_rows(
            runs_of(t["castrated"] * alive),
            last,
            "start",
            "patient",
            indication=_code(codes.INDICATIONS, "breast_cancer"),
            **goserelin,
        )
    )
    bone = _code(codes.INDICATIONS, "osteoporosis")
    infusion = {"form": _code(codes.FORMS, "infusion"), "route": _code(codes.ROUTES, "intravenous")}
    injection = {"form": _code(codes.FORMS, "injection"), "route": _code(codes.ROUTES, "subcutaneous")}
    drugs = (
        _oral("alendronate", 70.0, 1.0, 84),
        _oral("zoledronic_acid", 5.0, 7.0 / 365.0, 365) | infusion | {"uses_adherence": False},
        _oral("denosumab", 60.0, 7.0 / 182.0, 182) | injection | {"uses_adherence": False},
    )
    for kind, drug in enumerate(drugs, start=1):
        parts.append(
            order_rows(
                runs_of((t["antiresorptive"] == kind) * alive), last, "start", "completed", indication=bone, **drug
            )
        )
    parts.append(_never_filled(course, last, u))
    return parts


def _aromatase_inhibitors(course: Course, alive, last, mail, u) -> dict[str, np.ndarray]:
    people, t = course.people, course.tracks
    key = t["ai_kind"].astype(np.int64) * 100_000_000 + np.round(t["ai_mg"] * 1000).astype(np.int64) * 1000
    runs = runs_of((key + np.round(t["ai_intakes"] * 10).astype(np.int64)) * alive)
    kind, mg, intakes = runs.key // 100_000_000, runs.key // 1000 % 100_000 / 1000.0, runs.key % 1000 / 10.0
    cancer = people.protocol[runs.row] == ADJUVANT
    compounded = ~cancer & (u[1][runs.row] < 0.35)
    label = np.array([0.0, 1.0, 2.5, 25.0])[kind]
    strength = np.where(compounded, mg, label)
    follows = np.zeros(runs.row.size, dtype=bool)
    follows[1:] = (runs.row[1:] == runs.row[:-1]) & (runs.start[1:] == runs.stop[:-1])
    rises = np.zeros(runs.row.size, dtype=bool)
    rises[1:] = mg[1:] * intakes[1:] > mg[:-1] * intakes[:-1]
    reasons = codes.ORDER_REASONS
    after_tamoxifen = cancer & (runs.start > 0) & (t["tamoxifen"][np.maximum(runs.start - 1, 0), runs.row] > 0)
    reason = np.where(
        follows, np.where(rises, reasons.index("dose_up"), reasons.index("dose_down")), reasons.index("start")
    )
    reason = np.where(after_tamoxifen, reasons.index("switch_planned"), reason)
    stops = codes.STOP_REASONS
    continued = np.zeros(runs.row.size, dtype=bool)
    continued[:-1] = follows[1:]
    ending = np.where(continued, stops.index("dose_change"), course.ai_reason[runs.row])
    names = codes.INDICATIONS
    indication = np.where(
        cancer, names.index("breast_cancer"),
        np.where(people.protocol[runs.row] == RESTART, names.index("fertility_restart"), names.index("high_estradiol")),
    )  # fmt: skip
    names_i = codes.INGREDIENTS
    return order_rows(
        runs, last, reason, ending,
        ingredient=np.array([0, names_i.index("anastrozole"), names_i.index("letrozole"), names_i.index("exemestane")])[kind],
        strength_mg=strength,
        form=np.where(compounded, codes.FORMS.index("capsule"), codes.FORMS.index("tablet")),
        route=codes.ROUTES.index("oral"),
        amount_per_intake=mg / strength,
        intakes_per_week=intakes,
        is_compounded=compounded,
        indication=indication,
        supply_days=np.where(cancer, mail[runs.row], 84),
        uses_adherence=True,
        is_filled=True,
    )  # fmt: skip


def _testosterone(course: Course, alive, last) -> dict[str, np.ndarray]:
    people, plan, t = course.people, course.plan, course.tracks
    runs = runs_of(t["on_testosterone"] * alive)
    form, mg = plan.testosterone_form[runs.row], plan.testosterone_mg[runs.row]
    male = people.is_male[runs.row]
    intakes = np.choose(form, [1.0, 2.0, 7.0, 7.0 / 112.0])
    # women: small vial, small packet
    strength = np.choose(form, [200.0, 200.0, np.where(male, 50.0, 5.0), np.where(male, 75.0, 37.5)])
    per_intake = mg / intakes
    amount = np.where(form == 3, np.maximum(np.round(per_intake / strength), 1.0), per_intake / strength)
    vial = np.where(male, 2000.0, 200.0)
    supply = np.choose(form, [vial / mg * 7.0, vial / mg * 7.0, np.full(mg.size, 30.0), np.full(mg.size, 112.0)])
    forms = [codes.FORMS.index(name) for name in ("injection", "injection", "gel", "pellet")]
    routes = [codes.ROUTES.index(name) for name in ("intramuscular", "subcutaneous", "transdermal", "subcutaneous")]
    return order_rows(
        runs, last, "start", "patient",
        ingredient=codes.INGREDIENTS.index("testosterone"),
        strength_mg=strength,
        form=np.array(forms)[form],
        route=np.array(routes)[form],
        amount_per_intake=amount,
        intakes_per_week=intakes,
        is_compounded=(form == 3) | ((form == 2) & ~male),
        indication=np.where(male, codes.INDICATIONS.index("hypogonadism"), codes.INDICATIONS.index("low_libido")),
        supply_days=np.clip(np.round(supply), 7, 140),
        uses_adherence=False,
        is_filled=True,
    )  # fmt: skip


def _never_filled(course: Course, last, u) -> dict[str, np.ndarray]:
    """Women with receptor-positive cancer who were prescribed but never took: an order without a fill."""
    people = course.people
    row = np.nonzero(
        (people.protocol == ADJUVANT) & people.is_er_positive & (course.plan.agent == 0) & (u[2] < 0.3) & (people.index_step >= 0)
        & (people.index_step * STEP_DAYS < last)
    )[0]  # fmt: skip
    start = people.index_step[row]
    runs = Runs(row, start, start + 1, np.ones(row.size, dtype=np.int64))
    drug = _oral("anastrozole", 1.0) | {"is_filled": False}
    return order_rows(runs, last, "start", "patient", indication=codes.INDICATIONS.index("breast_cancer"), **drug)


@dataclass(frozen=True, slots=True)
class Fills:
    """Arrays [f]: the order each belongs to (index into the regimens), number, day after entry, amounts."""

    order: np.ndarray
    number: np.ndarray
    day: np.ndarray
    quantity: np.ndarray
    supply_days: np.ndarray
    mg_per_week: np.ndarray
    is_returned: np.ndarray


def make_fills(regimens: Regimens, course: Course, seed: int) -> Fills:
    """Fills happen when what was dispensed before has been taken: poor adherence shows as gaps between them."""
    c, people = regimens.columns, course.people
    milli = np.round(course.tracks["taken"].T.astype(np.float64) * (STEP_DAYS * 1000)).astype(
        np.int64
    )  # day/1000 taken
    n, steps = milli.shape
    amount = np.zeros((n, steps + 1), dtype=np.int64)
    np.cumsum(milli, axis=1, out=amount[:, 1:])
    row, uses = c["row"], c["uses_adherence"].astype(bool)

    def used_by(day: np.ndarray) -> np.ndarray:
        step = np.minimum(day // STEP_DAYS, steps - 1)
        inside = amount[row, step] + (day - step * STEP_DAYS) * milli[row, step] // STEP_DAYS
        return np.where(uses, inside, day * 1000)

    first, total = used_by(c["start"]), used_by(c["stop"]) - used_by(c["start"])
    supply = np.maximum(np.round(c["supply_days"]), 1).astype(np.int64)
    counts = np.where(c["is_filled"], np.maximum(-(-(total - 3000) // (supply * 1000)), 1), 0).astype(np.int64)
    order, j = repeat_counts(counts)
    target = first[order] + j * supply[order] * 1000
    at = np.where(uses[order], days_until(amount, row[order], target) * STEP_DAYS, target / 1000.0)
    u = draws.uniform(seed, people.person[row[order]], "fill_delay", order_key(c, order) * 64 + j)
    delay = np.where(j == 0, np.floor(3.0 * u), np.floor(4.0 * u) - 1.0)
    day = np.clip(np.floor(at) + delay, c["start"][order], c["stop"][order] - 1).astype(np.int64)
    day = np.maximum.accumulate(day + order * 1_000_000) - order * 1_000_000  # keeps fills of one order in sequence
    following = np.append(day[1:], 0)
    is_final = np.append(order[1:] != order[:-1], True) if order.size else np.zeros(0, dtype=bool)
    gap = np.maximum(np.where(is_final, np.maximum(c["stop"][order] - day, 1), following - day), 1)
    weekly = (c["strength_mg"] * c["amount_per_intake"] * c["intakes_per_week"])[order]
    used = np.where(is_final, np.minimum(supply[order], (total[order] / 1000.0 - j * supply[order])), supply[order])
    rate = np.where(uses[order], weekly * np.clip(used / gap, 0.0, 1.0), weekly)
    quantity = (c["amount_per_intake"] * c["intakes_per_week"] / 7.0)[order] * supply[order]
    quantity = np.where(quantity > 3.0, np.round(quantity), np.round(quantity, 2))
    returned = is_final & (u > 0.985) & (day + supply[order] < c["stop"][order] + 30)
    again = np.nonzero(returned)[0]
    return Fills(
        order=np.concatenate([order, order[again]]),
        number=np.concatenate([j, j[again] + 1]) + 1,
        day=np.concatenate([day, day[again] + 1]),
        quantity=np.concatenate([quantity, quantity[again]]),
        supply_days=np.concatenate([supply[order], supply[order][again]]),
        mg_per_week=np.concatenate([rate, np.zeros(again.size)]),
        is_returned=np.concatenate([np.zeros(order.size, dtype=bool), np.ones(again.size, dtype=bool)]),
    )


def order_key(columns: dict[str, np.ndarray], order: np.ndarray) -> np.ndarray:
    """A number for an order that does not depend on the batch: its ingredient and start."""
    return columns["ingredient"][order].astype(np.int64) * 100_000 + columns["start"][order].astype(np.int64)


def death_limit(course: Course) -> np.ndarray:
    """[n] days after entry at which observation ends: end of follow-up or death, exclusive."""
    people = course.people
    whole = (people.end_day - people.entry_day + 1).astype(np.float64)
    death = course.death_day()
    return np.where(death < NEVER, np.minimum(np.floor(death) + 1, whole), whole).astype(np.int64)
