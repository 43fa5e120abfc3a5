"""Drops of any delimiter, encoding, unit, comparator, decimal mark, split and order are staged alike, and no row is lost.

A case is one generated drop; many are staged together, for a run of the SQL costs the same for one as for hundreds.
"""

import runpy
from collections import Counter
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from pipelines.sources.flat.delivery import open_delivery
from pipelines.sources.flat.mapping import Mapping

HERE = Path(__file__).parent
light = runpy.run_path(str(HERE / "staging_in_memory.py"))
generated = runpy.run_path(str(HERE / "generated_drop.py"))
PEOPLE = {
    "kind": "person",
    "files": "people.csv",
    "columns": {"person": "id", "sex_text": "sex", "birth_year": "born"},
}
# Seeds are not shrunk: a case is named by seed and number and can be generated alone.
QUIETLY = {
    "deadline": None,
    "phases": [Phase.explicit, Phase.generate],
    "suppress_health_check": [HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
}
UNIT_TOLERANCE = 3e-6  # values are written with seven digits


@pytest.fixture(scope="module")
def staging():
    """The SQL of staging over empty tables."""
    return light["Staging"]()


def check(staging, folder, seed, cases):
    """Generate, read and stage that many drops, and compare each with what was put into it."""
    for path in folder.iterdir():
        path.unlink()
    drops, tables = [], [PEOPLE]
    for number in range(cases):
        drop, stated = generated["generate"](seed, number, folder)
        drops.append(drop)
        tables += stated
    people = [person for drop in drops for person in drop.people]
    (folder / "people.csv").write_text("id,sex,born\n" + "".join(f"{p},{sex},{born}\n" for p, sex, born in people))
    found = staging.stage(open_delivery(folder, Mapping.model_validate({"table": tables})))
    names = [name for name, _, _ in people]
    number_of = dict(zip(light["person_of"](pl.Series(names)), names, strict=True))
    labs = _by_drop(found["staging.lab_result"], number_of, "analyte_code", "drawn_on", "operator", "value")
    scans = _by_drop(found["staging.dxa_scan"], number_of, "site_code", "scanned_on", "bmd_g_cm2")
    drugs = _by_drop(
        found["staging.drug_exposure"], number_of, "ingredient", "started_on", "quantity", "dose_mg_per_week"
    )
    fates = _fates(found["staging.conservation"])
    assert found["staging.conservation"]["is_balanced"].all()
    for drop in drops:
        case = f"seed {seed}, drop {drop.name}, {drop.form}"
        assert_alike(labs.get(drop.name, []), drop.labs, case)
        assert_alike(scans.get(drop.name, []), drop.scans, case)
        assert_alike(drugs.get(drop.name, []), drop.drugs, case)
        for kind, expected in drop.fates.items():
            assert fates[drop.name, kind] == +expected, f"{kind} of {case}"


def assert_alike(staged, expected, case):
    """The same rows: keys exactly, the number at the end of each within rounding."""
    staged, expected = sorted(staged), sorted(expected)
    assert [row[:-1] for row in staged] == [row[:-1] for row in expected], case
    for mine, theirs in zip(staged, expected, strict=True):
        assert mine[-1] == pytest.approx(theirs[-1], rel=UNIT_TOLERANCE), case


def _by_drop(frame, number_of, *columns):
    rows = {}
    for person, *rest in frame.select("person_id", *columns).iter_rows():
        name = number_of[person]
        rows.setdefault(name.partition("-")[0], []).append((name, *rest))
    return rows


def _fates(conservation):
    """What became of the rows of each drop and kind, over its files."""
    fates = {}
    for row in conservation.iter_rows(named=True):
        drop, _, rest = row["source_file"].partition("_")
        counter = fates.setdefault((drop, rest.split(".")[0].rstrip("0123456789")), Counter())
        for fate in ("staged", "duplicate", "quarantined", "out_of_scope"):
            if row[f"rows_{fate}"]:
                counter[fate] += row[f"rows_{fate}"]
    return fates


@settings(max_examples=2, derandomize=True, **QUIETLY)
@given(seed=st.integers(0, 2**32))
def test_two_hundred_drops_are_staged_as_what_is_in_them(staging, tmp_path_factory, seed):
    check(staging, tmp_path_factory.mktemp("drops"), seed, 100)


@pytest.mark.slow
@pytest.mark.timeout(7200)
@settings(max_examples=25, **QUIETLY)
@given(seed=st.integers(0, 2**32))
def test_ten_thousand_drops_are_staged_as_what_is_in_them(staging, tmp_path_factory, seed):
    check(staging, tmp_path_factory.mktemp("drops"), seed, 400)
