"""Generated flat drops: what is in them, and any of the ways it may be written; flawed rows are planted and counted.

All choices come from one `random.Random`, so that a drop is known by its seed.
"""

import csv
import datetime as dt
import gzip
import io
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

MARKS = {"utf-8": b"", "utf-8-sig": b"\xef\xbb\xbf", "utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff", "cp1252": b""}
DAY_FORMATS = ("%d.%m.%Y", "%m/%d/%Y", "%Y-%m-%d", "%Y%m%d", "%d-%b-%Y", "%d.%m.%y")
# Analyte -> names, canonical unit, decimals, and written units with the canonical value of 1 of them.
# Molar masses: estradiol 272.38, testosterone 288.42, glucose 180.156 g/mol; IFCC master equation for none.
ANALYTES = {
    "estradiol": (
        ("Estradiol", "ESTRADIOL", "estradiol", "E2"),
        {"pg/mL": 1.0, "PG/ML": 1.0, "ng/L": 1.0, "pmol/L": 0.27238, "pmol/l": 0.27238, "ng/dL": 10.0},
        (8, 400),
    ),
    "testosterone": (
        ("Testosterone, Total", "testosterone, total"),
        {"ng/dL": 1.0, "nmol/L": 28.842, "ng/mL": 100.0, "ug/L": 100.0},
        (150, 900),
    ),
    "glucose": (("Glucose", "glucose"), {"mg/dL": 1.0, "mmol/L": 18.0156, "g/L": 100.0}, (60, 180)),
}
SITES = {"total_hip": ("total hip", "Total Hip", "TOTAL HIP"), "femoral_neck": ("femoral neck", "Femoral Neck")}
DENSITY = {"g/cm2": 1.0, "g/cm^2": 1.0, "g/cm²": 1.0, "mg/cm2": 0.001}
DRUGS = {"letrozole": ("letrozole 2.5 mg tablet", 17.5), "anastrozole": ("Anastrozole 1 MG Oral Tablet", 7.0)}
# A flaw -> what must become of its row.
LAB_FLAWS = {
    "cells": "quarantined",
    "date": "quarantined",
    "unit": "quarantined",
    "stranger": "quarantined",
    "nobody": "quarantined",
    "repeated": "duplicate",
}


@dataclass(frozen=True)
class Form:
    """How the files of one drop are written."""

    delimiter: str
    encoding: str
    quoting: int
    line_end: str
    decimal: str
    day_format: str
    is_gzip: bool
    ends: bool
    parts: int
    has_operator_column: bool

    @classmethod
    def drawn(cls, random: Random) -> "Form":
        return cls(
            random.choice(",;\t|"),
            random.choice(sorted(MARKS)),
            random.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
            random.choice(["\n", "\r\n", "\r"]),
            random.choice(".,"),
            random.choice(DAY_FORMATS),
            random.random() < 0.3,
            random.random() < 0.7,
            random.randint(1, 3),
            random.random() < 0.5,
        )


@dataclass
class Drop:
    """One generated drop: its name, form, expected rows of staging, and what must become of its rows by kind."""

    name: str
    form: Form
    people: list[tuple[str, str, int]] = field(default_factory=list)
    labs: set[tuple[str, str, dt.date, str, float]] = field(default_factory=set)
    scans: set[tuple[str, str, dt.date, float]] = field(default_factory=set)
    drugs: set[tuple[str, str, dt.date, float, float]] = field(default_factory=set)
    fates: dict[str, Counter[str]] = field(default_factory=dict)


def generate(seed: int, number: int, folder: Path) -> tuple[Drop, list[dict[str, object]]]:
    """Write one drop into the folder; what it holds, and its tables of the mapping."""
    random = Random(f"{seed}/{number}")
    drop = Drop(f"d{number}x", Form.drawn(random))
    drop.people = [
        (f"{drop.name}-{n}", random.choice(["female", "male"]), random.randint(1930, 1985))
        for n in range(random.randint(1, 3))
    ]
    step = dt.timedelta(random.randint(1, 200))
    days = [dt.date(2000, 1, 1) + step * n for n in range(1, 31)]
    random.shuffle(days)
    tables = []
    for kind, rows in (("lab", _labs), ("dxa", _scans), ("prescription", _drugs)):
        written = rows(drop, random, days)
        random.shuffle(written)
        tables.append(_write(drop, random, folder, kind, written))
    return drop, tables


def _number(drop: Drop, value: float, digits: int = 7) -> str:
    return f"{value:.{digits}g}".replace(".", drop.form.decimal)


def _day(drop: Drop, day: dt.date) -> str:
    return day.strftime(drop.form.day_format)


def _labs(drop: Drop, random: Random, days: list[dt.date]) -> list[list[str]]:
    fates = drop.fates["lab"] = Counter()
    rows = []
    for day in days[: random.randint(1, 8)]:
        analyte = random.choice(sorted(ANALYTES))
        names, units, (low, high) = ANALYTES[analyte]
        unit = random.choice(sorted(units))
        person = random.choice(drop.people)[0]
        value, operator = random.uniform(low, high), random.choice(["", "", "", "<", ">"])
        text = _number(drop, value / units[unit])
        between = random.choice(["", " "]) if operator else ""
        cells = ["" if drop.form.has_operator_column else operator + between, text]
        row = [person, random.choice(names), cells[0] + cells[1], operator, unit, _day(drop, day)]
        flaw = random.choice([*LAB_FLAWS, *[""] * 18])
        fate = LAB_FLAWS.get(flaw, "staged")
        if flaw == "repeated":
            rows.append(list(row))
            fates["staged"] += 1
        if fate != "quarantined":
            drop.labs.add((person, analyte, day, operator or "=", value))
        rows.append(_spoilt(row, flaw, drop))
        fates[fate] += 1
    return rows


def _spoilt(row: list[str], flaw: str, drop: Drop) -> list[str]:
    if flaw == "cells":
        return [*row, "", "", ""]
    place = {"date": 5, "unit": 4, "stranger": 0, "nobody": 0}.get(flaw)
    told = {"date": "31.31.2001", "unit": "furlong", "stranger": f"{drop.name}-stranger", "nobody": ""}
    return [told[flaw] if n == place else cell for n, cell in enumerate(row)]


def _scans(drop: Drop, random: Random, days: list[dt.date]) -> list[list[str]]:
    fates = drop.fates["dxa"] = Counter()
    rows = []
    for day in days[8 : 8 + random.randint(1, 4)]:
        site, unit = random.choice(sorted(SITES)), random.choice(sorted(DENSITY))
        person, value = random.choice(drop.people)[0], round(random.uniform(0.4, 1.4), 3)
        is_bad = random.random() < 0.1
        written = 14.2 if is_bad else value
        rows.append([person, random.choice(SITES[site]), _number(drop, written / DENSITY[unit]), unit, _day(drop, day)])
        fates["quarantined" if is_bad else "staged"] += 1
        if not is_bad:
            drop.scans.add((person, site, day, value))
    return rows


def _drugs(drop: Drop, random: Random, days: list[dt.date]) -> list[list[str]]:
    fates = drop.fates["prescription"] = Counter()
    rows = []
    for day in days[16 : 16 + random.randint(1, 3)]:
        ingredient = random.choice(sorted(DRUGS))
        name, weekly = DRUGS[ingredient]
        person, quantity = random.choice(drop.people)[0], random.choice([30, 90, 45.5])
        rows.append([person, name, "take 1 tablet daily", _number(drop, quantity), _day(drop, day)])
        drop.drugs.add((person, ingredient, day, quantity, weekly))
        fates["staged"] += 1
    return rows


COLUMNS = {
    "lab": (["person", "name_text", "value_text", "operator_text", "unit_text", "drawn_on"], "drawn_on"),
    "dxa": (["person", "site_text", "bmd_text", "unit_text", "scanned_on"], "scanned_on"),
    "prescription": (["person", "drug_text", "sig_text", "quantity", "started_on"], "started_on"),
}


def _write(drop: Drop, random: Random, folder: Path, kind: str, rows: list[list[str]]) -> dict[str, object]:
    """The files of one kind, rows dealt out to them, and the table of the mapping that reads them."""
    form = drop.form
    canonical, dated = COLUMNS[kind]
    held = [name for name in canonical if name != "operator_text" or form.has_operator_column]
    heads = {name: random.choice([name.upper(), f"{name} é", f"x_{name}"]) for name in held}
    order = random.sample(held, len(held))
    parts = min(form.parts, len(rows))
    for part in range(parts):
        buffer = io.StringIO()
        writer = csv.writer(buffer, delimiter=form.delimiter, quoting=form.quoting, lineterminator=form.line_end)
        writer.writerow([heads[name] for name in order] + ["Ort"])
        for row in rows[part::parts]:
            cells = dict(zip(canonical, row, strict=False))
            surplus = row[len(canonical) :]
            writer.writerow([cells[name] for name in order] + ["Düren"] + surplus)
        text = buffer.getvalue()
        text = text if form.ends else text.removesuffix(form.line_end)
        content = MARKS[form.encoding] + text.encode("utf-8" if form.encoding == "utf-8-sig" else form.encoding)
        name = f"{drop.name}_{kind}{part}.csv" + (".gz" if form.is_gzip else "")
        (folder / name).write_bytes(gzip.compress(content, 1) if form.is_gzip else content)
    return {
        "kind": kind,
        "name": f"{drop.name}_{kind}",
        "files": f"{drop.name}_{kind}*",
        "decimal": form.decimal,
        "first_year": 1950,
        "drop": ["*"],
        "columns": heads,
        "dates": {dated: form.day_format},
    }
