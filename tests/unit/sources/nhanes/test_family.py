"""Families: every table of the public folder has one, and each name leads back to it."""

import pytest

from pipelines.sources.nhanes.cycle import cycle_of_tag, cycles_through, parse_table_name
from pipelines.sources.nhanes.family import FAMILIES, family_named, family_of, own_family


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("DEMO_H", "demo"),
        ("SSCHL_A", "sschl"),
        ("DXX", "dxx"),
        ("DXX_2_B", "dxx_repeat"),
        ("LAB13", "lab13"),
        ("L13_C", "lab13"),
        ("L13AM_B", "lab13am"),
        ("LAB18", "lab18"),
        ("L40_B", "lab18"),
        ("LAB11", "lab11"),
        ("L10_B", "lab10"),
        ("GHB_H", "ghb"),
        ("HSCRP_J", "hscrp"),
        ("CRP_D", "crp"),
        ("P_BPXO", "bpxo"),
        ("RXQ_DRUG", "rxq_drug"),
    ],
)
def test_family_of_a_cdc_name(name, family):
    parsed = parse_table_name(name)
    assert parsed is not None
    assert family_of(parsed.table).name == family


def test_second_day_examinations_are_tables_of_their_own():
    for name in ("L40_2_B", "L11_2_B", "L10_2_B", "L10AM_B", "L13_2_B"):
        assert family_of(parse_table_name(name).table) is None
    assert own_family("L40_2").raw_table == "nhanes_l40_2"


def test_names_in_use_lead_back_to_their_family_and_cycle():
    checked = 0
    for cycle in (*cycles_through(2021), cycle_of_tag("P")):
        for family in FAMILIES:
            for name in family.names if family.has_cycle else ():
                stem = name.in_cycle(cycle)
                if stem is not None:
                    parsed = parse_table_name(stem)
                    assert (family_of(parsed.table), parsed.cycle) == (family, cycle)
                    checked += 1
    assert checked > 300


def test_old_and_new_names_do_not_meet_in_a_cycle():
    in_use = {
        tag: {
            name.in_cycle(cycle_of_tag(tag))
            for family in FAMILIES
            if family.name in {"lab10", "ghb", "lab13", "tchol", "sschl", "tst", "dxx_repeat"}
            for name in family.names
        }
        - {None}
        for tag in "ABCDGH"
    }
    assert in_use["A"] == {"LAB10", "LAB13", "SSCHL_A"}
    assert in_use["B"] == {"L10_B", "L13_B", "SSCHL_B", "DXX_2_B"}
    assert in_use["D"] == {"GHB_D", "TCHOL_D"}
    assert in_use["H"] == {"GHB_H", "TCHOL_H", "TST_H"}


def test_a_text_names_a_family():
    assert family_named("lab13").name == family_named("L13").name == family_named("l13_b").name == "lab13"
    assert family_named("mortality").raw_table == "nhanes_mortality"
    assert family_named("INS_H").name == "ins"
    assert family_named("not a table") is None
