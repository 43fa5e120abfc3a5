"""Whatever stands around it, a planted column of identifiers is found, and no message ever repeats a value."""

import random
import tempfile
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.errors import BadInput
from pipelines.sources.delivery import Drop, ParquetRows, Part
from pipelines.sources.given_names import GIVEN_NAMES
from pipelines.sources.guard import require_deidentified, suspicions

FIRST = sorted(GIVEN_NAMES)
STREETS = ["Oak Street", "Maple Ave", "Birch Lane", "Mertz Crossroad", "Willow Road"]
ROADS = ["Lindenstraße", "Goethestr.", "Mühlenweg", "Schlossplatz", "Kastanienallee"]


def _digits(draw: random.Random, pattern: str) -> str:
    return "".join(str(draw.randint(2, 9)) if letter == "9" else letter for letter in pattern)


MAKERS = {
    "email": lambda r: f"{r.choice(FIRST)}.{_digits(r, '99')}@{r.choice(['example.org', 'mail.example.de'])}",
    "phone": lambda r: _digits(
        r, r.choice(["999-999-9999", "(999) 999-9999", "+49 999 9999999", "0999/999999", "+44 20 9999 9999"])
    ),
    "ssn": lambda r: _digits(r, "299-99-9999"),
    "number": lambda r: _digits(r, r.choice(["MRN 9999999", "mrn: 99999999", "Patient ID 999999", "Pat.-Nr. 9999999"])),
    "birth": lambda r: (
        r.choice(["DOB ", "geb. am ", "born ", "née le "])
        + f"{r.randint(10, 28)}.0{r.randint(1, 9)}.19{r.randint(30, 70)}"
    ),
    "address": lambda r: r.choice([f"{r.randint(1, 9999)} {r.choice(STREETS)}", f"{r.choice(ROADS)} {r.randint(1, 200)}"]),
    "url": lambda r: f"https://example.org/{r.randint(1, 10**6)}",
    "ip": lambda r: ".".join(str(r.randint(1, 254)) for _ in range(4)),
    "name": lambda r: f"{r.choice(FIRST).title()} {r.choice(['Smith', 'Vogel', 'García', 'Dupont'])}",
}  # fmt: skip
HARMLESS = {
    "number": lambda r: f"{r.uniform(0, 500):.2f}",
    "code": lambda r: f"{r.randint(1, 99999)}-{r.randint(0, 9)}",
    "unit": lambda r: r.choice(["pg/mL", "mmol/L", "ng/dL", "g/cm2"]),
    "day": lambda r: f"20{r.randint(10, 29)}-{r.randint(1, 12):02d}-{r.randint(1, 28):02d}",
    "result": lambda r: r.choice(["<5", "ND", "positive", "> 4300", "1:40", "see comment"]),
    "key": lambda r: f"{r.getrandbits(64):016x}",
    "drug": lambda r: f"{r.choice(['letrozole', 'anastrozole', 'calcium carbonate'])} {r.choice([1, 2.5, 500])} MG Oral Tablet",
}  # fmt: skip


def delivered(folder: str, columns: dict[str, list[str | None]]) -> Part:
    path = Path(folder) / "delivered.parquet"
    rows = len(next(iter(columns.values())))
    pl.DataFrame({"subject": [f"p{n:07d}" for n in range(rows)], **columns}).write_parquet(path)
    return Part(
        "raw.flat_lab", path.name, "0", ParquetRows(path), {c: c for c in columns}, {}, "subject", Drop("snapshot")
    )


@st.composite
def plans(draw):
    seed = draw(st.integers(0, 2**32))
    rows = draw(st.integers(4, 60))
    around = draw(st.lists(st.sampled_from(sorted(HARMLESS)), min_size=1, max_size=6))
    rule = draw(st.sampled_from(sorted(MAKERS)))
    return seed, rows, around, rule, draw(st.integers(0, len(around)))


@settings(deadline=None, max_examples=120)
@given(plans())
def test_a_planted_column_is_found_and_alone(plan):
    seed, rows, around, rule, place = plan
    source = random.Random(seed)
    listed = [(f"c{n}", [HARMLESS[kind](source) for _ in range(rows)]) for n, kind in enumerate(around)]
    planted = [MAKERS[rule](source) for _ in range(rows)]
    listed.insert(place, ("planted", planted))
    with tempfile.TemporaryDirectory() as folder:
        part = delivered(folder, dict(listed))
        found = suspicions(part)
        assert ("planted", rule) in {(one.column, one.rule) for one in found}
        assert {one.column for one in found} == {"planted"}
        with pytest.raises(BadInput) as refused:
            require_deidentified([part])
    message = str(refused.value)
    assert not any(value in message for value in planted)


@settings(deadline=None, max_examples=80)
@given(st.integers(0, 2**32), st.integers(4, 200), st.sampled_from(sorted(MAKERS.keys() - {"name"})))
def test_one_planted_value_is_found_wherever_it_stands(seed, rows, rule):
    source = random.Random(seed)
    values = [HARMLESS["result"](source) if source.random() < 0.7 else None for _ in range(rows)]
    values[source.randrange(rows)] = MAKERS[rule](source)
    with tempfile.TemporaryDirectory() as folder:
        assert ("c", rule) in {(one.column, one.rule) for one in suspicions(delivered(folder, {"c": values}))}


@settings(deadline=None, max_examples=60)
@given(st.text(min_size=1, max_size=40).filter(lambda name: name.strip() and name != "subject"), st.integers(0, 2**32))
def test_a_value_that_stands_as_the_name_of_a_column_is_not_repeated(name, seed):
    email = MAKERS["email"](random.Random(seed))
    with tempfile.TemporaryDirectory() as folder, pytest.raises(BadInput) as refused:
        require_deidentified([delivered(folder, {email: [email] * 4, name: ["078-05-1120"] * 4})])
    assert email not in str(refused.value)
    assert "078-05-1120" not in str(refused.value)
