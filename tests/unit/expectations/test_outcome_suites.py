"""Each check of the code lists of outcomes and of clinical events fails on a row that breaks it, and passes on the real lists."""

from functools import lru_cache

import duckdb
import pytest

from expectations import structure
from expectations.suite import load
from pipelines.settings import sql_root
from pipelines.tables import CONTRACTS
from pipelines.warehouse.step import read_csv

LISTS = (
    "phenotype",
    "phenotype_code",
    "phenotype_part",
    "phenotype_exclusion",
    "negative_control",
    "covariate",
    "drug_group",
)
BESIDE = ("drug", "procedure_code", "analyte", "observation_code", "symptom_code")
EVENTS = (
    "create schema features; create table features.clinical_event as select * from (values "
    "(1, 'death', date '2020-01-01', 'definite', true, true, cast(null as bigint), 1), "
    "(1, 'diabetes', date '2020-01-01', 'possible', false, true, null, 1)) as t (person_id, phenotype_code, event_on, "
    "certainty_code, is_new_event, is_possible_event, days_since_previous, n_records); "
    "create table features.covariate as select * from (values ('s', 1, 1, 'ever_diabetes', 1.0, false, null), "
    "('s', 1, 1, 'charlson_score', 3.0, false, null), ('s', 1, 1, 'psa_ng_ml', null, true, 'not_recorded')) as t (study_id, "
    "person_id, trial_number, covariate_code, value, is_missing, missing_reason); "
    "create table features.outcome_event as select * from (values ('s', 1, 1, 'death', date '2020-01-01', true, "
    "date '2020-03-01', true, date '2020-03-01', date '2020-03-01')) as t (study_id, person_id, trial_number, outcome_code, "
    "index_on, is_event, event_on, is_possible_event, possible_event_on, follow_up_ends_on)"
)
BREAKS = {
    "ref.phenotype.codes_or_parts": "delete from ref.phenotype_code where phenotype_code = 'angina'",
    "ref.phenotype.names_known": "update ref.phenotype set censored_by = 'nobody' where phenotype_code = 'hip_fracture'",
    "ref.phenotype.ppv_has_a_study": "update ref.phenotype set ppv_source = 'none found' where ppv_pct = 92",
    "ref.phenotype.charlson_complete": "update ref.phenotype set charlson_weight = 3 where charlson_weight = 2",
    "ref.phenotype_code.phenotype_known": "update ref.phenotype_code set phenotype_code = 'x' where code = 'I20'",
    "ref.phenotype_code.code_shape": "update ref.phenotype_code set code = 'I21A1' where code = 'I21.A1'",
    "ref.phenotype_code.event_code": "update ref.phenotype_code set role_code = 'history' where phenotype_code = 'cushing'",
    "ref.phenotype_code.procedure_named": "update ref.phenotype_code set code = 'x' where code = 'chemotherapy'",
    "ref.phenotype_code.drug_named": "update ref.phenotype_code set code = 'x' where code = 'palbociclib'",
    "ref.phenotype_part.phenotypes_known": "update ref.phenotype_part set part_code = 'x' where part_code = 'hip_fracture'",
    "ref.phenotype_part.not_nested": "insert into ref.phenotype_part values ('hip_fracture', 'falls')",
    "ref.phenotype_exclusion.phenotypes_known": "insert into ref.phenotype_exclusion values ('falls', 'x', 0, 0)",
    "ref.phenotype_exclusion.not_itself": "insert into ref.phenotype_exclusion values ('falls', 'falls', 0, 0)",
    "ref.negative_control.subject_known": "update ref.negative_control set subject_code = 'x' where kind_code = 'lab'",
    "ref.negative_control.enough_events": "update ref.negative_control set verdict_code = 'rejected' where kind_code = 'event'",
    "ref.negative_control.enough_continuous": "update ref.negative_control set verdict_code = 'rejected'",
    "features.clinical_event.phenotype_known": "update features.clinical_event set phenotype_code = 'x'",
    "features.clinical_event.new_event_definite": "update features.clinical_event set is_new_event = true",
    "features.clinical_event.possible_event_rests": "update features.clinical_event set certainty_code = 'history'",
    "features.clinical_event.one_death": "insert into features.clinical_event select * replace (date '2021-01-01' as event_on) "
    "from features.clinical_event where phenotype_code = 'death'",
    "ref.covariate.subject_known": "update ref.covariate set subject_code = 'x' where kind_code = 'symptom'",
    "ref.drug_group.member_known": "update ref.drug_group set member_code = 'x' where group_code = 'insulin'",
    "features.covariate.missing_told": "update features.covariate set value = null",
    "features.covariate.presence_is_zero_or_one": "update features.covariate set value = 2 where value = 1",
    "features.covariate.counts_not_negative": "update features.covariate set value = -1 where value = 3",
    "features.covariate.covariate_known": "update features.covariate set covariate_code = 'x'",
    "features.outcome_event.event_within_follow_up": "update features.outcome_event set event_on = index_on",
    "features.outcome_event.event_has_a_day": "update features.outcome_event set is_possible_event = false",
    "features.outcome_event.possible_not_later": "update features.outcome_event set possible_event_on = date '2020-04-01'",
    "features.outcome_event.follow_up_forward": "update features.outcome_event set follow_up_ends_on = date '2019-01-01'",
    "features.outcome_event.outcome_known": "update features.outcome_event set outcome_code = 'x'",
    "features.clinical_event.order_told": "update features.clinical_event set days_since_previous = 3",
}


@lru_cache(maxsize=1)
def _lists():
    tables = {name: f"ref.{name}" for name in (*LISTS, *BESIDE)}
    return {
        table: read_csv(sql_root() / "ref" / f"{name}.csv", CONTRACTS[table]).collect().to_arrow()
        for name, table in tables.items()
    }


def _holds(check: str, change: str | None) -> bool:
    table = check.rpartition(".")[0]
    query = next(c.query for c in load(table).checks if c.id == check).replace("{batch}", table)
    with duckdb.connect() as connection:
        connection.execute("create schema ref")
        for name, rows in _lists().items():
            connection.register("listing", rows)
            connection.execute(f"create table {name} as select * from listing")
            connection.unregister("listing")
        connection.execute(EVENTS)
        if change:
            connection.execute(change)
        found = connection.execute(f"select coalesce(bool_and(coalesce(holds, false)), true) from ({query})").fetchone()
    return found[0]


@pytest.mark.parametrize("check", BREAKS)
def test_a_row_that_breaks_a_check_is_found(check):
    assert _holds(check, None)
    assert not _holds(check, BREAKS[check])


def test_every_check_is_broken_here():
    events = ("features.clinical_event", "features.covariate", "features.outcome_event")
    tables = [*(f"ref.{name}" for name in LISTS), *events]
    generated = {draft["meta"]["id"] for table in tables for draft in structure.drafts(CONTRACTS[table], "judged")}
    assert {check.id for table in tables for check in load(table).checks} - generated == set(BREAKS)
