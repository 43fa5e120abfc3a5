"""Clinical study files: what a cohort may say, what is refused and how, and which rows SQL is given."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import pytest

from pipelines.errors import BadInput
from pipelines.settings import sql_root
from pipelines.tables import CONTRACTS
from pipelines.trials import code_list, cohort_rows, deviation, rule
from pipelines.trials.study import catalogue, folder, read
from pipelines.trials.study_line import line_of

ORIGINAL = folder() / "ai_vs_tamoxifen.toml"
CLINICAL = {name: study for name, study in catalogue().items() if not study.is_survey}
Edited = Callable[..., Path]


@pytest.fixture
def edited(tmp_path: Path) -> Edited:
    """The study of inhibitors and tamoxifen with some text replaced, in a file of the same name."""

    def edit(*changes: tuple[str, str]) -> Path:
        text = ORIGINAL.read_text()
        for old, new in changes:
            assert old in text, old
            text = text.replace(old, new, 1)
        path = tmp_path / ORIGINAL.name
        path.write_text(text)
        return path

    return edit


def codes_of(union: object) -> set[str]:
    """The rule codes of a discriminated union."""
    members = get_args(get_args(union)[0])
    return {code for member in members for code in get_args(member.model_fields["rule"].annotation)}


def test_the_studies_of_the_estimands_are_there():
    assert set(CLINICAL) == {
        *("ai_vs_tamoxifen", "trt_ai_addon", "ai_cardiovascular", "ai_fracture", "ai_metabolic"),
        *("female_testosterone_ai", "restart_protocol", "hpg_response", "bone_turnover", "ai_dose_response"),
        *("e2_pkpd", "e2_threshold", "recovery_after_stop", "symptoms_e2", "monitoring", "titration_policy"),
        "modifiers",
    }


@pytest.mark.parametrize("name", sorted(CLINICAL))
def test_rules_that_hold_for_every_study(name: str):
    for cohort in CLINICAL[name].cohort:
        asked = {step.rule: step for step in cohort.eligibility}
        assert asked["minimum_age"].years >= 18
        assert asked["observed_before"].days == 730
        sexes = [step.sex for step in cohort.eligibility if step.rule == "sex"]
        assert len(sexes) == 1, "men and women are never pooled"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('rule = "sex"', 'rule = "shoe_size"', "cohort.0.eligibility.0"),
        ('rule = "sex"', 'rule = "shoe_size"', "'minimum_age', 'sex', 'menopause', 'observed_before'"),
        ('rule = "new_use"', 'rule = "full_moon"', "'new_use', 'procedure', 'lab_draw', 'scan', 'use_reached'"),
        ('rule = "starts"', 'rule = "ends"', "'starts', 'starts_none', 'dose', 'everybody', 'stops', 'continues'"),
        ("days = 730", "days = -730", "cohort.0.eligibility.8.observed_before.days"),
        ("days = 730", "months = 24", "cohort.0.eligibility.8.observed_before.months"),
        ("years = 18", "years = 17", "minimum_age.years"),
        ('drugs = ["tamoxifen"]', 'drugs = ["tamoxifn"]', "no drug tamoxifn in sql/ref/drug.csv; near: tamoxifen"),
        ('conditions = ["breast_cancer"]', 'conditions = ["cold"]', "no condition cold in sql/ref/condition_set.csv"),
        ('procedures = ["breast_surgery"]', 'procedures = ["surgery"]', "no procedure surgery"),
        ('observations = ["er_status"]', 'observations = ["er_state"]', "near: er_status"),
        ('sites = ["lumbar_spine"', 'sites = ["elbow"', "no site elbow"),
        (
            'drugs = ["tamoxifen"]',
            'drugs = ["anastrozole"]',
            "aromatase_inhibitor and tamoxifen overlap in anastrozole",
        ),
        ('code = "surgery"', 'code = "active_comparator"', "a code occurs twice"),
        ('code = "surgery"', 'code = "survey"', "survey is the cohort of surveys"),
        ('code = "tamoxifen"', 'code = "aromatase_inhibitor"', "aromatase_inhibitor occurs twice"),
        ('code = "tamoxifen"', 'code = "open"', "open means something else"),
        ('rule = "one_arm"\nlabel = "Exactly one of the arms on the day"', 'rule = "one_arm"', "one_arm.label"),
        (
            '[[cohort.eligibility]]\nrule = "one_arm"\nlabel = "Exactly one of the arms on the day"\n',
            "",
            "one_arm is asked where there are several arms",
        ),
        ("grace_days = 183", "", "one_arm is asked where there are several arms"),
        ('design = "point_treatment"', 'design = "crystal_ball"', "design"),
        ("minimum_equipoise = 0.2\n", "", "must name"),
        ("minimum_equipoise = 0.2", "minimum_equipoise = 0.19", "loosens the profile"),
        ("maximum_standardised_difference = 0.1", "maximum_standardised_difference = 0.11", "loosens the profile"),
        ('comparator = "tamoxifen"', 'comparator = "placebo"', "has no arm placebo"),
        ('comparator = "tamoxifen"', 'comparator = "aromatase_inhibitor"', "are one arm"),
        ('cohort = "active_comparator"', 'cohort = "nobody"', "there is no cohort nobody"),
        ('outcome = "lumbar_spine_bmd_change_pct"', 'outcome = "height_cm"', "is no outcome of the study"),
        ('outcome = "lumbar_spine_bmd_change_pct"', 'outcome = "total_hip_bmd_change_pct"', "occurs twice"),
        ("horizon_days = 730", "horizon_days = 1900", "the window ends after the follow-up"),
        (
            'outcome = "lumbar_spine_bmd_change_pct"\n',
            'outcome = "lumbar_spine_bmd_change_pct"\ngrace_intervals = 6\n',
            "cohort active_comparator has no grace period",
        ),
        (
            "horizon_days = 730\nwindow_days = 90\ngrace_intervals = 6",
            "horizon_days = 200\nwindow_days = 90\ngrace_intervals = 6",
            "the window opens within the grace period of 183 days",
        ),
        (
            'outcome = "lumbar_spine_bmd_change_pct"\nhorizon_days = 730\nwindow_days = 90\n\n',
            'outcome = "lumbar_spine_bmd_change_pct"\nhorizon_days = 730\nwindow_days = 90\ndue = "grace_period"\n\n',
            "only contrasts by clones ask who is due",
        ),
        ("grace_intervals = 6", "grace_intervals = 0", "greater than or equal to 1"),
        ("[outcomes]", '[covariates]\ncodes = ["lumbar_spine_bmd_change_pct"]\n\n[outcomes]', "is also a covariate"),
        ("[outcomes]", '[population]\ncycles = []\nminimum_age_years = 18\narms = "sex"\n\n[outcomes]', "surveys"),
        ("[estimation]", '[[cohort.censor]]\nreason = "x"\n\n[estimation]', "name events of one kind"),
        (
            "[estimation]",
            '[[cohort.censor]]\nreason = "death"\ndrugs = ["statin"]\n\n[estimation]',
            "death ends follow-up anyway",
        ),
        (
            "[estimation]",
            '[[cohort.censor]]\nreason = "x"\ndrugs = ["serm"]\ngap_days = 30\n\n[estimation]',
            "censor.0.event.gap_days: Extra inputs",
        ),
        (
            "[estimation]",
            '[[cohort.censor]]\nreason = "x"\nrule = "ends"\ndrugs = ["serm"]\n\n[estimation]',
            "censor.0.stops.rule: Input should be 'stops'",
        ),
        (
            "[estimation]",
            '[[cohort.censor]]\nreason = "x"\nrule = "stops"\nconditions = ["breast_cancer"]\n\n[estimation]',
            "censor.0.stops.conditions: Extra inputs",
        ),
        (
            "[estimation]",
            '[[cohort.censor]]\nreason = "x"\nrule = "stops"\ndrugs = ["sern"]\n\n[estimation]',
            "no drug sern in sql/ref/drug.csv; near: serm",
        ),
        (
            "[estimation]",
            '[[cohort.censor]]\nreason = "x"\nrule = "stops"\ndrugs = ["serm"]\ngap_days = -1\n\n[estimation]',
            "censor.0.stops.gap_days: Input should be greater than or equal to 0",
        ),
    ],
)
def test_refused_with_file_key_and_what_is_allowed(edited: Edited, old: str, new: str, said: str):
    with pytest.raises(BadInput) as refused:
        read(edited((old, new)))
    assert all(problem.startswith("ai_vs_tamoxifen.toml: ") for problem in refused.value.problems)
    assert any(said in problem for problem in refused.value.problems), refused.value.problems
    assert refused.value.exit_status == 2


#: the six ways in which a study is bad, each in the line in which it stands
BAD = {
    "unknown column": (
        "[outcomes]",
        '[covariates]\ncodes = ["shoe_size"]\n\n[outcomes]',
        "codes = [",
        "unknown shoe_size",
    ),
    "unknown outcome": (
        'primary = ["lumbar_spine_bmd_change_pct"',
        'primary = ["lumbar_spine_bmd_change", "lumbar_spine_bmd_change_pct"',
        "primary = [",
        "unknown lumbar_spine_bmd_change; near: lumbar_spine_bmd_change_pct",
    ),
    "overlapping arms": (
        'drugs = ["tamoxifen"]\nlabel',
        'drugs = ["letrozole"]\nlabel',
        "[[cohort.arms]]",
        "aromatase_inhibitor and tamoxifen overlap in letrozole",
    ),
    "after time zero": ("days = 730", "days = -30", "days = -30", "greater than or equal to 0"),
    "outcome among the covariates": (
        "[outcomes]",
        '[covariates]\ncodes = ["lumbar_spine_bmd_change_pct"]\n\n[outcomes]',
        "[outcomes]",
        "lumbar_spine_bmd_change_pct is also a covariate",
    ),
    "no comparator": ('comparator = "tamoxifen"\n', "", "[[contrast]]", "contrast.0.comparator: Field required"),
    "positivity zero": (
        'drugs = ["aromatase_inhibitor", "tamoxifen"]',
        'drugs = ["aromatase_inhibitor"]',
        "[[cohort.arms]]",
        "nobody can be in tamoxifen (positivity zero)",
    ),
    "positivity zero by bounds": (
        "minimum = 4\n",
        "minimum = 4\nmaximum = 3\n",
        "minimum = 4",
        "minimum: 4 lies above the maximum of 3",
    ),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_study_is_refused_with_its_line(edited: Edited, refused, kind: str):
    old, new, stands, said = BAD[kind]
    path = edited((old, new))
    refused(path, stands, said)


def test_lines_of_keys_of_tables_in_tables_and_of_what_is_missing():
    text = ORIGINAL.read_text()
    lines = text.splitlines()
    days = line_of(text, ("cohort", 0, "eligibility", 8, "observed_before", "days"))
    assert days
    assert lines[days - 1] == "days = 730"
    second = line_of(text, ("cohort", 1))
    assert second
    assert lines[second : second + 1] == ['code = "surgery"']
    assert line_of(text, ("cohort", 1, "arms", 2, "colour")) == line_of(text, ("cohort", 1, "arms", 2))
    assert line_of(text, ("nowhere",)) is None
    assert line_of(text, (), "Value error, diagnostics.minimum_equipoise: 0.1 loosens") == 1 + lines.index(
        "minimum_equipoise = 0.2"
    )


def test_a_result_may_be_covariate_before_and_outcome_after():
    """Analysis of covariance of LH and testosterone: both as they were at time zero."""
    study = catalogue()["hpg_response"]
    assert set(study.outcomes.primary) == {"lh_iu_l", "testosterone_ng_dl"} <= set(study.covariates.codes)


def test_a_comparing_design_needs_a_comparator(edited: Edited):
    arm = re.search(r"\[\[cohort\.arms\]\]\ncode = \"tamoxifen\".*?\n\n", ORIGINAL.read_text(), re.DOTALL)
    one = '[[cohort.eligibility]]\nrule = "one_arm"\nlabel = "Exactly one of the arms on the day"\n'
    assert arm
    with pytest.raises(BadInput, match="active_comparator has no comparator, which design point_treatment needs"):
        read(edited((arm.group(), ""), (one, "")))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("up_to_mg_per_week = 1\n", "up_to_mg_per_week = 1.5\n", "up_to_1_mg and over_1_to_2_mg overlap in dose"),
        (
            'drugs = ["anastrozole"]\nabove',
            'drugs = ["aromatase_inhibitor"]\nabove',
            "adds milligrams of different drugs",
        ),
        (
            "follow_up_days = 820\n",
            "follow_up_days = 820\ngrace_days = 30\n",
            "is told at time zero: leave grace_days out",
        ),
    ],
)
def test_doses_of_one_drug_in_bands_that_do_not_overlap(tmp_path: Path, old: str, new: str, said: str):
    text = (folder() / "ai_dose_response.toml").read_text()
    assert old in text
    path = tmp_path / "ai_dose_response.toml"
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(BadInput, match=said):
        read(path)


def test_a_new_study_is_a_new_file_and_its_hash_follows_what_it_says(edited: Edited):
    original = read(ORIGINAL).protocol_hash
    assert read(edited(("days = 730", "days   =   730  # two years"))).protocol_hash == original
    assert read(edited(("days = 730", "days = 365"))).protocol_hash != original
    assert (
        read(edited(('["aromatase_inhibitor", "serm", "serd"]', '["aromatase_inhibitor"]'))).protocol_hash != original
    )


def test_criteria_of_cohorts_are_those_sql_answers():
    text = (sql_root() / "cohort" / "criterion.sql").read_text()
    of_person = text[text.index("of_person as (") : text.index("person_failed as (")]
    of_event = text[text.index("of_event as (") : text.index("from looked\n")]
    assert set(re.findall(r"when '(\w+)'", of_person + of_event)) == codes_of(rule.Criterion)


def test_time_zeros_and_arms_are_those_sql_answers():
    allowed = {column.name: column.allowed for column in CONTRACTS["ref.study_cohort"].columns}
    assert set(allowed["time_zero_code"]) == codes_of(rule.TimeZero)
    allowed = {column.name: column.allowed for column in CONTRACTS["ref.study_arm"].columns}
    assert set(allowed["rule_code"]) == codes_of(rule.Arm)
    text = "".join((sql_root() / "cohort" / f"{name}.sql").read_text() for name in ("time_zero", "trial_person"))
    assert all(f"'{code}'" in text for code in codes_of(rule.Arm))


def test_what_ends_follow_up_is_what_sql_answers():
    allowed = {column.name: column.allowed for column in CONTRACTS["ref.study_censor"].columns}["rule_code"]
    stops = get_args(rule.CensorStop.model_fields["rule"].annotation)
    assert set(allowed) == {"event", *stops, *codes_of(deviation.Deviation)}
    text = (sql_root() / "cohort" / "trial_person.sql").read_text()
    assert set(re.findall(r"censor\.rule_code = '(\w+)'", text)) == set(allowed)
    rows = cohort_rows.censors([CLINICAL["e2_threshold"]])
    asked = {
        (row["cohort_code"], row["reason_code"]): (row["rule_code"], row["set_code"], row["gap_days"]) for row in rows
    }
    here = "postmenopausal_women_on_inhibitor"
    assert asked[here, "inhibitor_stopped"] == ("stops", "drug.aromatase_inhibitor", 30)
    assert asked[here, "bone_metastasis"] == ("event", "condition.bone_metastasis", None)
    assert {rule_code for (cohort, _), (rule_code, *_) in asked.items() if cohort != here} == {"event"}


def test_a_reason_without_a_rule_stays_as_it_was_in_the_hash():
    """Studies whose files end follow-up with events alone are hashed as before stops could be asked for."""
    of_study = CLINICAL["recovery_after_stop"].model_dump(mode="json")["cohort"]
    censors = [censor for cohort in of_study for censor in cohort["censor"]]
    assert censors and all(set(censor) == {"reason", "drugs", "conditions", "procedures"} for censor in censors)


def test_parameters_reach_sql_in_their_columns():
    rows = [row for row in cohort_rows.criteria([CLINICAL["trt_ai_addon"]]) if row["cohort_code"] == "co_start"]
    free = next(row for row in rows if row["except_last_days"] == 14)
    assert (free["criterion_code"], free["set_code"], free["look_back_days"]) == (
        "no_use",
        "drug.aromatase_inhibitor",
        365,
    )
    assert rows[0]["word"] == "male" and rows[1]["minimum"] == 18
    (add_on,) = [row for row in cohort_rows.cohorts([CLINICAL["trt_ai_addon"]]) if row["cohort_code"] == "add_on"]
    assert (add_on["minimum"], add_on["maximum"], add_on["grace_days"], add_on["is_first"]) == (30, 80, 30, False)


def test_each_set_of_events_is_named_once():
    rows = cohort_rows.sets(CLINICAL.values())
    assert len({(row["set_code"], row["code"]) for row in rows}) == len(rows)
    assert {"set_code": "drug.aromatase_inhibitor+tamoxifen", "kind_code": "drug", "code": "tamoxifen"} in rows


def test_a_class_stands_for_its_ingredients():
    assert code_list.ingredients(("aromatase_inhibitor",)) == {"anastrozole", "letrozole", "exemestane"}
    assert code_list.ingredients(("serm", "anastrozole")) >= {"tamoxifen", "anastrozole"}
