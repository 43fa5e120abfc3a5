"""Each hand-written check of features passes on a row as it should be, and fails on one that breaks it."""

import datetime as dt
from typing import Any

import duckdb
import pytest

from expectations import structure
from expectations.question import QueryQuestion, TableQuestion
from expectations.suite import load
from pipelines.settings import sql_root
from pipelines.tables import CONTRACTS
from pipelines.warehouse.step import read_csv

EARLY, LATE = dt.date(2016, 1, 1), dt.date(2020, 1, 1)
SITE = {"person_id": 1, "site_code": "total_hip", "side_code": "left", "series_id": "s"}
PEOPLE = [{"person_id": 1, "sex_code": "female"}, {"person_id": 2, "sex_code": "male"}]
ROWS: dict[str, list[dict[str, Any]]] = {
    "staging.person": PEOPLE,
    "features.menopausal_status": [
        {"person_id": 1, "period_number": 1, "known_until_on": LATE - dt.timedelta(1), "status_code": "unknown",
         "rule_code": "no_answer"},
        {"person_id": 1, "period_number": 2, "known_on": LATE, "status_code": "postmenopausal", "rule_code": "age_60"},
    ],
    "features.bmd_slope": [SITE | {
        "sex_code": "female", "n_days": 3, "first_scanned_on": EARLY, "last_scanned_on": LATE, "slope_pct_per_year": -2.0,
        "slope_se": 0.5, "inhibitor_days": 0,
    }],
    "features.bmd_slope_norm": [
        {"sex_code": "female", "site_code": "total_hip", "use_code": "none", "mean_pct_per_year": -1.0},
    ],
    "features.bmd_slope_shrunken": [SITE | {"shrunken_pct_per_year": -1.5}],
    "features.bmd_recovery": [SITE | {
        "stop_number": 1, "treated_from_on": EARLY, "stopped_on": dt.date(2018, 1, 1), "n_days_on": 2, "n_days_after": 2,
        "on_pct_per_year": -2.0, "last_on_scanned_on": dt.date(2018, 1, 1), "last_after_scanned_on": LATE,
    }],
    "features.steroid_panel": [{
        "person_id": 2, "specimen_id": "s", "e2_lo_pg_ml": 25.0, "e2_hi_pg_ml": 25.0, "testosterone_ng_dl": 500.0,
        "t_e2_ratio": 20.0, "is_on_inhibitor": True, "dosing_state_code": "correct",
    }],
    "features.body_measure": [{
        "person_id": 1, "measured_on": LATE, "systolic_mm_hg": 120.0, "diastolic_mm_hg": 70.0, "pressure_code": "elevated",
        "body_mass_index": 25.0,
    }],
    "features.genotype": [{"person_id": 1, "ttta_shorter": 7, "ttta_longer": 11}],
    "features.bone_diagnosis": [
        {"person_id": 1, "diagnosis_code": "osteopenia", "measured_on": EARLY},
        {"person_id": 1, "diagnosis_code": "osteoporosis", "measured_on": LATE, "coded_on": LATE},
    ],
    "features.baseline_workup": [{
        "person_id": 1, "has_testosterone": True, "has_estradiol": True, "has_bone_scan": False, "completeness_pct": 200 / 3,
    }],
    "features.symptom_episode": [{
        "person_id": 1, "system_code": "joint", "basis_code": "diagnosis", "episode_number": 1, "starts_on": EARLY,
        "last_on": LATE, "n_records": 2, "lookback_days": 365, "is_incident": True, "days_since_e2": 3, "e2_band_code": "low",
    }],
    "features.assessment": [{
        "person_id": 1, "observed_on": LATE, "observation_code": "phq9_score", "is_beyond": True, "days_since_e2": 90,
        "e2_band_code": "target", "discordance_code": "symptoms_in_target",
    }],
    "features.marker": [{
        "person_id": 1, "drawn_on": LATE, "marker_code": "crp", "value_lo": 2.0, "value_hi": 2.0, "log_value": 0.6931471805599453,
        "band_code": "average",
    }],
}  # fmt: skip
BREAKS = {
    "features.menopausal_status.periods_follow": "known_until_on = known_until_on - 1",
    "features.menopausal_status.first_from_the_start": "known_on = date '2000-01-01'",
    "features.menopausal_status.status_of_rule": "rule_code = 'hysterectomy_alone'",
    "features.menopausal_status.women_only": "person_id = 2",
    "features.bmd_slope.error_with_slope": "slope_se = null",
    "features.bmd_slope.span": "inhibitor_days = 9999",
    "features.bmd_slope.slope_plausible": "slope_pct_per_year = -16",
    "features.bmd_slope_norm.mean_plausible": "mean_pct_per_year = -6",
    "features.bmd_slope_shrunken.between_own_and_group": "shrunken_pct_per_year = -2.1",
    "features.bmd_recovery.scans_on_their_side": "last_after_scanned_on = stopped_on",
    "features.bmd_recovery.lines_need_two_days": "n_days_after = 1",
    "features.steroid_panel.bounds_in_order": "e2_lo_pg_ml = 26",
    "features.steroid_panel.ratio_of_measured": "e2_lo_pg_ml = 0",
    "features.steroid_panel.dosing_state_of_men": "person_id = 1",
    "features.body_measure.category_needs_both": "pressure_code = null",
    "features.body_measure.pressures_in_order": "diastolic_mm_hg = 120",
    "features.body_measure.mass_index_plausible": "body_mass_index = 91",
    "features.genotype.shorter_not_longer": "ttta_shorter = 12",
    "features.bone_diagnosis.coded_or_measured": "measured_on = null",
    "features.bone_diagnosis.osteoporosis_is_osteopenia": "measured_on = date '2015-01-01' where diagnosis_code = 'osteoporosis'",
    "features.baseline_workup.share_of_three": "has_estradiol = false",
    "features.symptom_episode.in_order": "last_on = starts_on - 1",
    "features.symptom_episode.incident_was_watched": "lookback_days = 364",
    "features.symptom_episode.estradiol_before": "days_since_e2 = null",
    "features.assessment.discordance_rests_on_both": "is_beyond = null",
    "features.assessment.draw_is_recent": "days_since_e2 = 91",
    "features.marker.bounds_in_order": "value_hi = 1",
    "features.marker.band_listed": "value_hi = 3.5",
    "features.marker.logarithm": "log_value = 0.7",
}
TABLES = tuple(table for table in ROWS if table.startswith("features."))


def _create(connection: duckdb.DuckDBPyConnection, table: str) -> None:
    contract = CONTRACTS[table]
    connection.execute(f"create schema if not exists {contract.layer}")
    if table in ROWS:
        columns = ", ".join(f'"{column.name}" {column.duckdb_type}' for column in contract.columns)
        connection.execute(f"create table {table} ({columns})")
        for row in ROWS[table]:
            names, places = ", ".join(f'"{name}"' for name in row), ", ".join("?" for _ in row)
            connection.execute(f"insert into {table} ({names}) values ({places})", list(row.values()))
        return
    listing = read_csv(sql_root() / "ref" / f"{contract.table}.csv", contract).collect().to_arrow()
    connection.register("listing", listing)
    connection.execute(f"create table {table} as select * from listing")


def _holds(check_id: str, change: str | None) -> bool:
    table = check_id.rpartition(".")[0]
    suite = load(table)
    asked = next(check.question for check in suite.checks if check.id == check_id)
    assert not isinstance(asked, TableQuestion)
    query = (
        asked.query
        if isinstance(asked, QueryQuestion)
        else f"select ({asked.holds}) as holds from {suite.rows} where ({asked.where})"
    )
    with duckdb.connect() as connection:
        for name in {table, "staging.person", *(name for name in suite.reads if not name.startswith("raw."))}:
            _create(connection, name)
        if change:
            connection.execute(f"update {table} set {change}")
        held = [row[0] for row in connection.execute(query.replace("{batch}", table)).fetchall()]
    assert held
    return all(held)


def _written() -> set[str]:
    """Checks written by hand, of the tables here."""
    generated = {draft["meta"]["id"] for table in TABLES for draft in structure.drafts(CONTRACTS[table], "judged")}
    return {check.id for table in TABLES for check in load(table).checks} - generated


def test_every_check_is_tried() -> None:
    assert set(BREAKS) == _written()


@pytest.mark.parametrize("check_id", BREAKS)
def test_a_check_passes_on_what_is_right_and_finds_what_is_wrong(check_id: str) -> None:
    assert _holds(check_id, None)
    assert not _holds(check_id, BREAKS[check_id])
