"""Cycles and table names by CDC's rule, against names CDC really uses."""

import pytest

from pipelines.sources.nhanes.cycle import (
    PRE_PANDEMIC,
    cycle_of_tag,
    cycle_of_text,
    cycle_of_years,
    cycles_through,
    parse_table_name,
    table_name,
)


@pytest.mark.parametrize(
    ("name", "table", "label"),
    [
        ("DEMO", "DEMO", "1999-2000"),
        ("LAB10", "LAB10", "1999-2000"),
        ("LAB13AM", "LAB13AM", "1999-2000"),
        ("LAB06HM", "LAB06HM", "1999-2000"),
        ("RXQ_RX", "RXQ_RX", "1999-2000"),
        ("SSCHL_A", "SSCHL", "1999-2000"),
        ("demo_b", "DEMO", "2001-2002"),
        ("L13AM_B", "L13AM", "2001-2002"),
        ("DXX_2_B", "DXX_2", "2001-2002"),
        ("L11P_2_B", "L11P_2", "2001-2002"),
        ("KIQ_U_B", "KIQ_U", "2001-2002"),
        ("KIQ_P_E", "KIQ_P", "2007-2008"),
        ("VIT_B6_F", "VIT_B6", "2009-2010"),
        ("Alb_Cr_H", "ALB_CR", "2013-2014"),
        ("RXQ_RX_H", "RXQ_RX", "2013-2014"),
        ("DXXFEM_J", "DXXFEM", "2017-2018"),
        ("P_DEMO", "DEMO", "2017-2020"),
        ("p_rxq_rx", "RXQ_RX", "2017-2020"),
        ("P_KIQ_U", "KIQ_U", "2017-2020"),
        ("TST_L", "TST", "2021-2023"),
    ],
)
def test_cdc_names(name, table, label):
    parsed = parse_table_name(name)
    assert parsed is not None
    assert (parsed.table, parsed.cycle.label) == (table, label)
    assert table_name(table, parsed.cycle) in (name.upper(), table)


@pytest.mark.parametrize(
    "name", ["", "DEMO_", "_DEMO", "P_", "DEMO (1)", "merged_data", "1999", "DEMO__H", "KIQ_P", "é"]
)
def test_names_cdc_would_not_use(name):
    assert parse_table_name(name) is None


def test_survey_codes_and_years():
    assert [cycle_of_tag(tag).survey_code for tag in "ABJL"] == [1, 2, 10, 12]
    assert (PRE_PANDEMIC.survey_code, PRE_PANDEMIC.years, PRE_PANDEMIC.label) == (66, 3.2, "2017-2020")
    assert cycle_of_tag("h").years == 2.0
    with pytest.raises(ValueError, match="not a cycle letter"):
        cycle_of_tag("1")


def test_years_name_cycles():
    assert cycle_of_years(2013, 2014) == cycle_of_tag("H")
    assert cycle_of_years(2017, 2018) == cycle_of_tag("J")
    assert cycle_of_years(2017, 2020) == cycle_of_tag("P")
    assert cycle_of_years(2021, 2022) == cycle_of_years(2021, 2023) == cycle_of_tag("L")
    for years in ((2012, 2013), (1999, 2014), (1988, 1994), (2013, 2013), (2029, 2030), (2051, 2052)):
        assert cycle_of_years(*years) is None


def test_texts_mean_cycles():
    for text in ("2013-2014", "2013_2014", " NHANES 2013-2014", "nhanes_2013-2014", "H", "h"):
        assert cycle_of_text(text) == cycle_of_tag("H")
    for text in ("xpt", "1999-2014", "20132014", "update of 2013-2014", "2013-2014-2015", ""):
        assert cycle_of_text(text) is None


def test_cycles_through_a_year():
    assert [cycle.tag for cycle in cycles_through(2014)] == list("ABCDEFGH")
    assert [cycle.label for cycle in cycles_through(2015)][-1] == "2015-2016"
    assert PRE_PANDEMIC not in cycles_through(2040)
