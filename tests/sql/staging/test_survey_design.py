"""Weights stay those of their cycle; the pre-pandemic file has weights of its own name."""

import pytest

from pipelines.sources.nhanes.cycle import cycle_of_tag

TABLE = "staging.survey_design"
DEMO = """
person_id | source_file | cycle_code | RIDSTATR | SDMVSTRA | SDMVPSU | WTINT2YR | WTMEC2YR | WTINTPRP | WTMECPRP
1         | demo_h      | H          | 2        | 104      | 1       | 9000     | 9500     |          |
2         | demo_h      | H          | 1        | 104      | 2       | 8000     | 0        |          |
3         | demo_p      | P          | 2        | 160      | 1       |          |          | 7000     | 7500
4         | demo_h      | H          | 2        |          | 1       | 9000     | 9500     |          |
5         | demo_h      | H          | 2        | 104      | 1       |          | 9500     |          |
"""


def designs(run_sql, **more) -> dict[int, dict]:
    people = "person_id | sex_code\n1 | male\n2 | male\n3 | female\n4 | male\n5 | male"
    inputs = {"raw.nhanes_demo": DEMO, "staging.person": people, **more}
    return {row["person_id"]: row for row in run_sql(TABLE, inputs)}


def test_two_year_cycle(run_sql):
    found = designs(run_sql)[1]
    assert (found["cycle_label"], found["cycle_years"], found["is_examined"]) == ("2013-2014", 2, True)
    assert (found["interview_weight"], found["examination_weight"]) == (9000, 9500)
    assert (found["stratum_code"], found["psu_code"], found["fasting_weight"]) == (104, 1, None)


@pytest.mark.parametrize("tag", [*"ABCDEFGHIJKLMN", "P"])
def test_every_cycle_is_called_as_the_landing_calls_it(run_sql, tag):
    cycle = cycle_of_tag(tag)
    found = designs(run_sql, **{"raw.nhanes_demo": DEMO.replace("| H  ", f"| {tag}  ")})[1]
    assert (found["cycle_label"], found["cycle_years"]) == (cycle.label, cycle.years)


def test_what_is_no_letter_of_a_cycle_has_no_label_which_the_contract_refuses(run_sql):
    assert designs(run_sql, **{"raw.nhanes_demo": DEMO.replace("| H  ", "| none")})[1]["cycle_label"] is None


def test_pre_pandemic_file_has_its_own_weights_and_stands_for_3_2_years(run_sql):
    found = designs(run_sql)[3]
    assert (found["cycle_years"], found["interview_weight"], found["examination_weight"]) == (3.2, 7000, 7500)


def test_interviewed_only_has_examination_weight_0(run_sql):
    found = designs(run_sql)[2]
    assert (found["is_examined"], found["examination_weight"]) == (False, 0)


def test_no_row_without_stratum_or_weight(run_sql):
    assert set(designs(run_sql)) == {1, 2, 3}


def test_fasting_weight_of_either_file(run_sql):
    found = designs(
        run_sql,
        **{
            "raw.nhanes_trigly": "person_id | WTSAF2YR\n1 | 20000",
            "raw.nhanes_lab13am": "person_id | WTSAF2YR\n2 | 30000",
        },
    )
    assert [found[i]["fasting_weight"] for i in (1, 2, 3)] == [20000, 30000, None]
