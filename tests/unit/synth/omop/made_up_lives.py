"""Lives without a mechanism: frames of the right shape with values drawn at random, for tests of the rendering alone."""

import numpy as np
import polars as pl

from pipelines.domain.randomness import uniforms
from pipelines.synth.mechanism import codes
from pipelines.synth.mechanism.life import SCHEMAS, Lives

_PRODUCTS = (
    ("anastrozole", 1.0, "tablet", "oral", 0.5, 2.0),
    ("anastrozole", 1.0, "tablet", "oral", 0.25, 3.5),
    ("anastrozole", 1.0, "tablet", "oral", 1.5, 2.0),
    ("anastrozole", 0.25, "capsule", "oral", 1.0, 3.5),
    ("letrozole", 2.5, "tablet", "oral", 1.0, 7.0),
    ("exemestane", 25.0, "tablet", "oral", 1.0, 7.0),
    ("tamoxifen", 20.0, "tablet", "oral", 1.0, 7.0),
    ("testosterone", 200.0, "injection", "intramuscular", 0.5, 1.0),
    ("testosterone", 75.0, "pellet", "subcutaneous", 10.0, 0.05),
    ("fulvestrant", 50.0, "injection", "intramuscular", 10.0, 0.25),
    ("estradiol_oral", 1.0, "tablet", "oral", 1.0, 7.0),
    ("biotin", 5.0, "capsule", "oral", 1.0, 7.0),
)
_ORDERS, _DRAWS, _SCANS, _OBSERVATIONS, _EVENTS = 6, 8, 4, 20, 5
_LAST = 4000
_SCAN_REGIONS = ("lumbar_spine", "total_hip", "femoral_neck", "radius")
_WRITTEN_ANALYTES = ("estradiol", "testosterone", "ctx", "p1np", "hs_crp", "glucose", "creatinine", "fsh", "shbg")


def made_up_lives(parameters: object, seed: int, first_person: int, count: int) -> Lives:
    """A batch; like the real simulator, person p is the same in whatever batch."""
    person = np.arange(first_person, first_person + count)

    def u(purpose: str, times: int = 1) -> np.ndarray:
        keys = np.repeat(person * 1000, times) + np.tile(np.arange(times), count)
        return uniforms(seed, keys, purpose)

    def one(purpose: str, choices: tuple, times: int = 1) -> list:
        return [choices[int(x * len(choices))] for x in u(purpose, times)]

    frames = {
        "people": _people(person, u, one),
        "orders": _orders(person, u, one),
        "draws": _draws(person, u, one),
        "scans": _scans(person, u, one),
        "events": {
            "person": np.repeat(person, _EVENTS),
            "event": one("event", codes.EVENT_CODES + codes.NEGATIVE_CONTROLS, _EVENTS),
            "day": (u("event day", _EVENTS) * _LAST).astype(int),
            "detected_day": (u("event day", _EVENTS) * _LAST).astype(int),
            "detected_by": "clinical",
            "setting": "outpatient",
            "is_primary": u("primary", _EVENTS) < 0.5,
            "is_history": False,
        },
        "symptoms": {
            "person": person,
            "symptom": one("symptom", codes.SYMPTOM_CODES),
            "day": 900,
            "severity": 1,
            "is_coded": True,
        },
        "procedures": {"person": person, "day": 500, "procedure": "dxa_scan", "side": "none"},
        "observations": {
            "person": np.repeat(person, _OBSERVATIONS),
            "day": np.tile(np.arange(_OBSERVATIONS) * 150, count),
            "observation": one("observation", codes.OBSERVATIONS, _OBSERVATIONS),
            "true_value": 50.0,
            "measured_value": 50 * (0.8 + 0.4 * u("observed", _OBSERVATIONS)),
        },
        "exposures": {name: [] for name in SCHEMAS["exposures"]},
    }
    built = {name: _frame(name, columns) for name, columns in frames.items()}
    built["fills"] = _fills(built["orders"])
    days = pl.concat([built[name].select("person", "day") for name in ("draws", "scans", "observations", "events")])
    visits = (
        days.unique()
        .sort("person", "day")
        .with_columns(
            visit=pl.int_range(1, pl.len() + 1).over("person"), end_day="day", kind=pl.lit("office"), site=pl.lit(1)
        )
    )
    built["visits"] = _frame("visits", {name: visits[name] for name in SCHEMAS["visits"]})
    return Lives(**built)


def _frame(name: str, columns: dict) -> pl.DataFrame:
    schema = SCHEMAS[name]
    frame = pl.DataFrame({column: columns[column] for column in schema}).select(
        pl.col(column).cast(kind) for column, kind in schema.items()
    )
    keys = [key for key in ("person", "day", "order", "draw", "scan", "visit") if key in schema]
    return frame.sort(keys, maintain_order=True)


def _people(person, u, one) -> dict:
    sex = one("sex", codes.SEXES)
    is_dead = u("dead") < 0.1
    columns = {
        "person": person,
        "sex": sex,
        "birth_year": 1920 + (50 * u("born")).astype(int),
        "birth_month": 6,
        "race": one("race", codes.RACES),
        "is_hispanic": u("hispanic") < 0.1,
        "protocol": one("protocol", codes.PROTOCOLS),
        "site": 1 + (20 * u("site")).astype(int),
        "entry_day": 0,
        "exit_day": _LAST,
        "exit_reason": np.where(is_dead, "death", np.where(u("left") < 0.2, "disenrolled", "end_of_data")),
        "death_day": [_LAST if dead else None for dead in is_dead],
        "death_cause": ["other" if dead else None for dead in is_dead],
        "menopause": ["male" if s == "male" else "premenopausal" for s in sex],
        "menopause_day": [None if s == "male" else 2000 for s in sex],
        "smoking": one("smoking", codes.SMOKING),
    }
    for name, kind in SCHEMAS["people"].items():
        if name not in columns:
            columns[name] = u(name) < 0.5 if kind == pl.Boolean else np.ones(len(person))
    return columns


def _orders(person, u, one) -> dict:
    products = one("product", _PRODUCTS, _ORDERS)
    start = np.tile(np.arange(_ORDERS) * 600, len(person))
    columns = dict(
        zip(
            ("ingredient", "strength_mg", "form", "route", "amount_per_intake", "intakes_per_week"),
            zip(*products, strict=True),
            strict=True,
        )
    )
    return columns | {
        "person": np.repeat(person, _ORDERS),
        "order": np.tile(np.arange(1, _ORDERS + 1), len(person)),
        "mg_per_week": [strength * amount * times for _, strength, _, _, amount, times in products],
        "is_as_needed": False,
        "is_compounded": [product[2] in ("capsule", "pellet") for product in products],
        "written_day": start,
        "start_day": start,
        "end_day": start + 500,
        "indication": one("indication", codes.INDICATIONS, _ORDERS),
        "reason": "start",
        "stop_reason": one("stop", codes.STOP_REASONS, _ORDERS),
    }


def _fills(orders: pl.DataFrame) -> pl.DataFrame:
    filled = orders.filter(pl.col("order") % 5 != 0).join(pl.DataFrame({"fill": range(1, 6)}), how="cross")
    quantity = (pl.col("amount_per_intake") * pl.col("intakes_per_week") * 30 / 7).ceil().clip(1)
    built = filled.select(
        "person",
        "order",
        "fill",
        day=pl.col("start_day") + (pl.col("fill") - 1) * 28,
        quantity=quantity,
        days_supply=(quantity / pl.col("amount_per_intake") / pl.col("intakes_per_week") * 7).round(),
        mg_per_week=pl.col("mg_per_week") * 0.9,
        is_returned=(pl.col("person") * 5 + pl.col("fill")) % 23 == 0,
        refills_left=5 - pl.col("fill"),
    )
    return _frame("fills", {name: built[name] for name in SCHEMAS["fills"]})


def _draws(person, u, one) -> dict:
    tests = len(_WRITTEN_ANALYTES)
    n, each = len(person), _DRAWS * tests
    analyte = list(_WRITTEN_ANALYTES) * (n * _DRAWS)
    draw = np.tile(np.repeat(np.arange(_DRAWS), tests), n)
    is_hormone = np.isin(analyte, ["estradiol", "testosterone"])
    assay = np.where(u("assay", each) < 0.5, "lcms", "immunoassay")
    centers = {"estradiol": 25.0, "testosterone": 400.0, "ctx": 300.0, "hs_crp": 20.0, "fsh": 100.0}
    center = np.array([centers.get(name, 40.0) for name in analyte])
    value = center * np.exp(2 * (u("value", each) - 0.6))
    return {
        "person": np.repeat(person, each),
        "draw": draw + 1,
        "day": 30 + 450 * draw,
        "minute": 400 + (u("minute", each) * 400).astype(int),
        "analyte": analyte,
        "true_value": value,
        "measured_value": value,
        "assay_class": np.where(is_hormone, assay, "routine"),
        "assay_limit": [
            limit if hormone else None
            for limit, hormone in zip(np.where(assay == "lcms", 2.5, 24.0), is_hormone, strict=True)
        ],
        "laboratory": 1 + (20 * u("laboratory", each)).astype(int),
        "is_fasting": u("fasting", each) < 0.7,
        "days_since_injection": 7 * u("injection", each),
        "reason": "routine",
    }


def _scans(person, u, one) -> dict:
    regions = len(_SCAN_REGIONS)
    n, each = len(person), _SCANS * regions
    scan = np.tile(np.repeat(np.arange(_SCANS), regions), n)
    site = list(_SCAN_REGIONS) * (n * _SCANS)
    device = np.where(scan < 2, 1, 2)
    is_other_side = (scan == _SCANS - 1) & (np.repeat(person, each) % 3 == 0)
    return {
        "person": np.repeat(person, each),
        "scan": scan + 1,
        "day": 100 + 700 * scan,
        "site": site,
        "side": np.where(np.isin(site, ["lumbar_spine"]), "none", np.where(is_other_side, "right", "left")),
        "true_bmd": 0.9,
        "measured_bmd": 0.7 + 0.4 * u("bmd", each),
        "device": device,
        "manufacturer": np.where(device == 1, "hologic", "lunar"),
        "model": 1,
        "software": 1 + scan % 2,
        "vertebrae": [
            4 - int(v * 3) if name == "lumbar_spine" else None
            for v, name in zip(u("vertebrae", each), site, strict=True)
        ],
        "area_cm2": 50 + 10 * u("area", each),
        "is_artefact": u("artefact", each) < 0.1,
        "reason": "routine",
    }
