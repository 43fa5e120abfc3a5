"""Current hormones: true, false, and NULL where the source does not tell."""

import pytest

TABLE = "features.hormone_use"


def use(run_sql, sex: str = "female", drugs: str = "", **answers: int) -> dict:
    observed = "\n".join(f"1 | {name} | 1 | {value}" for name, value in answers.items())
    taken = (
        "\n".join(f"1 | rx | {n} | drug{n} | {kind.strip()}" for n, kind in enumerate(drugs.split(","), 1))
        if drugs
        else ""
    )
    (row,) = run_sql(
        TABLE,
        {
            "staging.person": f"person_id | sex_code\n1 | {sex}",
            "staging.drug_exposure": f"person_id | source_file | source_row | ingredient | drug_class\n{taken}",
            "staging.observation": f"person_id | observation_code | reading_number | value\n{observed}",
        },
    )
    return row


@pytest.mark.parametrize("kind", ["estrogen", "progestin", "androgen"])
def test_sex_hormones(run_sql, kind):
    found = use(run_sql, drugs=kind, takes_prescription=1)
    assert (found["is_current_sex_hormone"], found["is_current_estrogen_axis_drug"]) == (True, False)


@pytest.mark.parametrize(
    "kind", ["aromatase_inhibitor", "serm", "serd", "gnrh_analogue", "antiandrogen", "ovulation_inducer"]
)
def test_drugs_on_the_estrogen_axis(run_sql, kind):
    found = use(run_sql, drugs=f"bisphosphonate,{kind}", takes_prescription=1)
    assert (found["is_current_sex_hormone"], found["is_current_estrogen_axis_drug"]) == (False, True)


def test_other_drugs_are_neither(run_sql):
    found = use(run_sql, drugs="bisphosphonate,", takes_prescription=1)
    assert (found["is_current_sex_hormone"], found["is_current_estrogen_axis_drug"]) == (False, False)


@pytest.mark.parametrize("sex", ["female", "male"])
def test_inventory_not_answered_is_null(run_sql, sex):
    found = use(run_sql, sex)
    assert (found["is_current_sex_hormone"], found["is_current_estrogen_axis_drug"]) == (None, None)


def test_never_used_hormones_rules_out_an_estrogen_in_women_and_nothing_else(run_sql):
    found = use(run_sql, ever_female_hormones=2)
    assert (found["is_current_sex_hormone"], found["is_current_estrogen_axis_drug"]) == (False, None)
    assert found["is_ever_female_hormone"] is False
    assert use(run_sql, "male", ever_female_hormones=2)["is_current_sex_hormone"] is None


def test_ever_used_does_not_tell_about_now(run_sql):
    found = use(run_sql, ever_female_hormones=1)
    assert (found["is_current_sex_hormone"], found["is_ever_female_hormone"]) == (None, True)


@pytest.mark.parametrize(
    ("sex", "answers", "expected"),
    [
        ("female", {"pregnant": 1}, True),
        ("female", {"pregnant": 2}, False),
        ("female", {"pregnant": 2, "reports_pregnant": 1}, True),
        ("female", {"smokes_now": 1}, None),
        ("female", {}, None),
        ("male", {}, False),
    ],
)
def test_pregnancy(run_sql, sex, answers, expected):
    assert use(run_sql, sex, **answers)["is_pregnant"] is expected
