"""Each hand-written check of features passes on a row as it should be, and fails on one that breaks it."""

import datetime as dt
import math
from functools import lru_cache
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
SCAN = {
    "person_id": 1, "site_code": "total_hip", "side_code": "left", "device_id": "d", "first_scanned_on": EARLY,
    "second_scanned_on": LATE, "interval_days": 1461,
}  # fmt: skip
DRUG = {"person_id": 1, "ingredient": "anastrozole"}
SUPPLY = DRUG | {"drug_class": "aromatase_inhibitor"}
SHARES = {
    "below_10": 30.0,
    "below_16": 30.0,
    "below_20": 40.0,
    "within_20_30": 10.0,
    "above_30": 50.0,
    "above_40": 10.0,
}
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
    "features.drug_supply": [
        SUPPLY | {"supplied_on": EARLY, "n_records": 1, "n_unknown_supply": 0, "supply_days": 30, "cover_from_on": EARLY,
                "dose_mg_per_week": 7.0, "dose_source": "sig", "stopped_on": LATE},
        SUPPLY | {"supplied_on": LATE, "n_records": 1, "n_unknown_supply": 1, "supply_days": 0, "cover_from_on": LATE,
                "dose_source": "not_recorded"},
    ],
    "features.dosing_episode": [
        DRUG | {
            "gap_days": gap, "episode_number": number, "is_primary": gap == 90, "drug_class": "aromatase_inhibitor",
            "starts_on": start, "supply_ends_on": start + dt.timedelta(99), "discontinued_on": start + dt.timedelta(100),
            "end_reason": "supply_ran_out", "length_days": 100, "covered_days": 90, "covered_pct": 90.0,
            "longest_gap_days": 10, "n_unknown_supply": 0, "dose_known_pct": 100.0, "dose_mg_per_week": 7.0,
            "cumulative_mg": 90.0, "label_dose_pct": 100.0,
        }
        for gap, number, start in ((60, 1, EARLY), (60, 2, LATE), (90, 1, EARLY), (90, 2, LATE), (180, 1, EARLY))
    ]
    # What was stopped on its first day ends on it; a switch may leave stock unused.
    + [
        {
            "person_id": 2, "ingredient": ingredient, "gap_days": gap, "episode_number": 1, "is_primary": gap == 90,
            "drug_class": "aromatase_inhibitor", "starts_on": EARLY, "supply_ends_on": EARLY + dt.timedelta(left),
            "discontinued_on": None if until is None else EARLY + until, "end_reason": reason, "length_days": length,
            "covered_days": length, "longest_gap_days": 0, "n_unknown_supply": unknown,
        }
        for ingredient, left, until, reason, length, unknown in (
            ("letrozole", 0, dt.timedelta(0), "recorded_stop", 0, 1),
            ("tamoxifen", 0, None, "supply_unknown", 0, 1),
            ("exemestane", 29, dt.timedelta(20), "switch", 30, 0),
        )
        for gap in (60, 90, 180)
    ],
    "features.dose_event": [
        DRUG | {"event_number": 1, "event_on": EARLY, "event_code": "switch", "from_ingredient": "letrozole"},
        DRUG | {"event_number": 2, "event_on": LATE, "event_code": "dose_down", "dose_before_mg_per_week": 2.0,
                "dose_after_mg_per_week": 1.0, "dose_change_pct": -50.0, "is_lab_triggered": True, "days_since_e2_draw": 30},
    ],
    "features.protocol": [
        {"person_id": 2, "interval_number": 1, "starts_on": EARLY, "ends_on": LATE - dt.timedelta(1), "is_on_testosterone": True,
         "protocol_code": "male_testosterone_ai", "is_on_inhibitor": True},
        {"person_id": 2, "interval_number": 2, "starts_on": LATE, "ends_on": LATE, "is_on_testosterone": False,
         "protocol_code": "restart", "is_on_inhibitor": False, "days_since_testosterone": 1},
    ],
    "features.ai_regimen": [
        DRUG | {"regimen_number": number, "starts_on": start, "ends_on": start + dt.timedelta(9), "covered_days": 10,
                "dose_changed_on": EARLY, "dose_mg_per_week": 7.0, "times_per_week": 7.0}
        for number, start in ((1, EARLY), (2, LATE))
    ],
    "features.ai_exposure": [
        DRUG | {
            "interval_number": number, "starts_on": start, "ends_on": start + dt.timedelta(9), "dose_mg_per_week": 7.0,
            "label_dose_pct": 100.0, "days_since_dose_change": 10, "at_steady_state": True, "steady_state_ng_ml": 20.0,
            "concentration_mean_ng_ml": 18.0, "concentration_mean_low_ng_ml": 17.0, "concentration_mean_high_ng_ml": 19.0,
            "concentration_end_ng_ml": 20.0, "inhibition_end_pct": 80.0, "inhibition_end_low_pct": 70.0,
            "inhibition_end_high_pct": 90.0, "cumulative_mg": 10.0 * number, "cumulative_inhibition_days": 8.0 * number,
        }
        for number, start in ((1, EARLY), (2, LATE))
    ] + [DRUG | {"ingredient": "letrozole", "interval_number": 1}],
    "features.ai_at_draw": [
        DRUG | {
            "specimen_id": str(n), "assay_class": "lc_ms_ms", "drawn_on": LATE, "days_since_start": 100, "is_covered": True,
            "days_since_dose_change": 100, "at_steady_state": True, "concentration_ng_ml": 20.0, "concentration_low_ng_ml": 19.0,
            "concentration_high_ng_ml": 21.0, "inhibition_pct": 80.0, "inhibition_low_pct": 70.0, "inhibition_high_pct": 90.0,
            "comparison_code": "e2", "baseline_on": EARLY, "remaining_lo_pct": 20.0, "remaining_hi_pct": 25.0,
            "remaining_predicted_pct": 20.0, "agreement_code": "as_predicted",
        }
        for n in range(50)
    ],
    "features.e2_exposure": [
        {
            "person_id": 1, "window_code": "days_90", "assay_class": "lc_ms_ms", "window_number": number, "starts_on": start,
            "ends_on": start + dt.timedelta(89), "n_draws": 2, "n_uncensored": 2, "censored_share": 0.0, "covered_pct": 80.0,
            "e2_lo_pg_ml": 10.0, "e2_hi_pg_ml": 12.0, "auc_lo_pg_d_ml": 900.0, "auc_hi_pg_d_ml": 1000.0, "nadir_lo_pg_ml": 8.0,
            "nadir_hi_pg_ml": 9.0, "log_sd": 0.1, "severe_months_least": 1.0, "severe_months_most": 2.0,
            **{f"{name}_{side}_pct": share for name, share in SHARES.items() for side in ("least", "most")},
        }
        for number, start in ((1, EARLY), (2, LATE))
    ],
    "features.bmd_change": [
        SCAN | {
            "scan_id": "a", "first_bmd_g_cm2": 1.0, "second_bmd_g_cm2": 0.9, "change_g_cm2": -0.1,
            "change_pct": 100 * math.log(0.9), "annualised_pct": 100 * math.log(0.9) / 4, "is_loss_beyond_lsc": True,
            "is_gain_beyond_lsc": False, "is_artefact_suspect": False, "first_score_kind": "T", "first_t_score": -2.5,
            "first_band": "osteoporosis", "inhibitor_days": 0, "inhibitor_code": "never",
        },
        SCAN | {
            "scan_id": "b", "first_bmd_g_cm2": 1.0, "second_bmd_g_cm2": 1.0, "change_g_cm2": 0.0, "change_pct": 0.0,
            "is_loss_beyond_lsc": False, "is_artefact_suspect": True,
        },
    ],
    "features.bone_norm": [
        {"sex_code": "female", "age_band": band, "site_code": "femoral_neck", "manufacturer": "hologic", "n": 30,
         "mean_g_cm2": mean, "sd_g_cm2": 0.12}
        for band, mean in ((20, 0.85), (70, 0.68))
    ],
    "features.bone_turnover": [{
        "person_id": 1, "analyte_code": "ctx", "drawn_on": LATE, "process_code": "resorption", "is_censored": False,
        "is_after_fracture": False, "is_comparable": True, "days_since_inhibitor_start": 90, "change_pct": 60.0,
        "is_real_change": True,
    }],
    "features.hpg_axis": [
        {
            "person_id": 2, "drawn_on": EARLY + dt.timedelta(n), "lh_lo_iu_l": 0.1 if n % 2 else 5.0,
            "lh_hi_iu_l": 0.1 if n % 2 else 5.0, "testosterone_lo_ng_dl": 500.0, "testosterone_hi_ng_dl": 500.0,
            "is_on_testosterone": bool(n % 2), "axis_code": "suppressed" if n % 2 else "eugonadal",
            "days_since_inhibitor_start": 5, "lh_log_ratio": 0.1,
        }
        for n in range(100)
    ],
    "features.lipid_metabolic": [{
        "person_id": 1, "drawn_on": LATE, "total_cholesterol_mg_dl": 200.0, "hdl_mg_dl": 50.0, "non_hdl_mg_dl": 150.0,
        "triglycerides_mg_dl": 150.0, "glucose_mg_dl": 100.0, "insulin_uiu_ml": 8.1, "homa_ir": 2.0, "is_fasting": True,
        "tyg_index": math.log(7500), "ldl_mg_dl": 120.0, "ldl_basis": "direct",
    }],
    "features.monitoring": [
        DRUG | {"episode_number": 1, "month_number": month, "month_on": EARLY + dt.timedelta(30 * (month - 1)),
                "days_since_dxa": 730, "is_dxa_on_schedule": True, "days_since_dose_change": 84, "is_e2_on_schedule": True}
        for month in (1, 2)
    ],
    "features.hormone_use": [{"person_id": 1, "is_pregnant": True, "is_ever_female_hormone": True}],
}  # fmt: skip
BREAKS = {
    "features.drug_supply.unknown_are_records": "n_unknown_supply = 2",
    "features.drug_supply.days_or_unknown": "n_unknown_supply = 0",
    "features.drug_supply.taken_after_supply": "cover_from_on = supplied_on - 1",
    "features.drug_supply.stop_after_supply": "stopped_on = supplied_on - 1",
    "features.drug_supply.no_dose_without_source": "dose_mg_per_week = 7",
    "features.drug_supply.inhibitor_dose": "dose_mg_per_week = 7.4",
    "features.dosing_episode.in_order": "supply_ends_on = starts_on - 1",
    "features.dosing_episode.covered_within": "covered_days = 101",
    "features.dosing_episode.share_of_days": "covered_pct = 91",
    "features.dosing_episode.end_seen": "end_reason = 'follow_up_ended'",
    "features.dosing_episode.gap_survived": "longest_gap_days = 61 where gap_days = 60",
    "features.dosing_episode.dose_of_known_days": "dose_known_pct = 0",
    "features.dosing_episode.total_needs_all": "n_unknown_supply = 1",
    "features.dosing_episode.inhibitor_dose": "label_dose_pct = 106",
    "features.dosing_episode.one_primary_gap": "is_primary = true",
    "features.dosing_episode.no_overlap": f"starts_on = date '{EARLY}'",
    "features.dosing_episode.longer_gap_fewer_episodes": "gap_days = 90, episode_number = 3 where gap_days = 60"
    " and episode_number = 2",
    "features.dose_event.direction": "dose_after_mg_per_week = 3",
    "features.dose_event.first_is_start": "event_code = 'stop'",
    "features.dose_event.switch_from": "from_ingredient = ingredient",
    "features.dose_event.trigger_is_recent": "days_since_e2_draw = 31",
    "features.dose_event.change_of_two": "dose_change_pct = -40",
    "features.dose_event.days_in_order": "event_on = date '2015-01-01' where event_number = 2",
    "features.protocol.in_order": "ends_on = starts_on - 1",
    "features.protocol.drugs_of_protocol": "is_on_inhibitor = false",
    "features.protocol.sex_of_protocol": "person_id = 1",
    "features.protocol.restart_after_testosterone": "days_since_testosterone = null",
    "features.protocol.no_overlap": f"ends_on = date '{LATE}'",
    "features.ai_regimen.in_order": "ends_on = starts_on - 1",
    "features.ai_regimen.covered_within": "covered_days = 11",
    "features.ai_regimen.changed_by_start": "dose_changed_on = starts_on + 1",
    "features.ai_regimen.dose_plausible": "dose_mg_per_week = 7.4",
    "features.ai_regimen.rhythm_plausible": "times_per_week = 14",
    "features.ai_regimen.no_overlap": f"ends_on = date '{LATE}'",
    "features.ai_exposure.in_order": "ends_on = starts_on - 1",
    "features.ai_exposure.inhibition_bounds": "inhibition_end_low_pct = 81",
    "features.ai_exposure.concentration_bounds": "concentration_mean_high_ng_ml = 17.5",
    "features.ai_exposure.nothing_without_dose": "dose_mg_per_week = null",
    "features.ai_exposure.steady_state_days": "days_since_dose_change = 9",
    "features.ai_exposure.not_above_steady_state": "concentration_end_ng_ml = 21",
    "features.ai_exposure.share_plausible": "label_dose_pct = 106",
    "features.ai_exposure.totals_grow": "cumulative_mg = 5 where interval_number = 2",
    "features.ai_at_draw.inhibition_bounds": "inhibition_high_pct = 79",
    "features.ai_at_draw.concentration_bounds": "concentration_low_ng_ml = 20.1",
    "features.ai_at_draw.predicted_remains": "remaining_predicted_pct = 21",
    "features.ai_at_draw.baseline_before": "baseline_on = drawn_on - 99",
    "features.ai_at_draw.measured_bounds": "remaining_lo_pct = 26",
    "features.ai_at_draw.reason_where_not_evaluable": "agreement_code = 'not_evaluable'",
    "features.ai_at_draw.steady_state_days": "days_since_dose_change = 9",
    "features.ai_at_draw.estradiol_falls": "remaining_lo_pct = 80",
    "features.e2_exposure.bounds_in_order": "e2_lo_pg_ml = 13",
    "features.e2_exposure.areas_in_order": "auc_lo_pg_d_ml = 1001",
    "features.e2_exposure.nadir_in_order": "nadir_lo_pg_ml = 10",
    "features.e2_exposure.least_not_above_most": "within_20_30_least_pct = within_20_30_most_pct + 1",
    "features.e2_exposure.shares_nest": "below_10_least_pct = 31",
    "features.e2_exposure.shares_exclude": "above_30_least_pct = 51",
    "features.e2_exposure.uncensored_are_draws": "n_uncensored = 1",
    "features.e2_exposure.in_order": "ends_on = starts_on - 1",
    "features.e2_exposure.mean_needs_cover": "covered_pct = 49",
    "features.e2_exposure.ratio_of_uncensored": "n_uncensored = 1",
    "features.e2_exposure.no_overlap": f"ends_on = date '{LATE}'",
    "features.bmd_change.change_is_difference": "change_g_cm2 = 0.1",
    "features.bmd_change.interval_of_days": "interval_days = 1460",
    "features.bmd_change.annualised_by_interval": "annualised_pct = -2",
    "features.bmd_change.not_both": "is_gain_beyond_lsc = true",
    "features.bmd_change.suspect_is_neither": "is_loss_beyond_lsc = true",
    "features.bmd_change.inhibitor_within": "inhibitor_days = 1",
    "features.bmd_change.band_of_score": "first_band = 'osteopenia'",
    "features.bmd_change.loss_plausible": "annualised_pct = -16",
    "features.bone_norm.enough_people": "n = 29",
    "features.bone_norm.spread_plausible": "sd_g_cm2 = 0.03",
    "features.bone_norm.old_below_young": "mean_g_cm2 = 0.9 where age_band = 70",
    "features.bone_turnover.comparable_is_measured": "is_censored = true",
    "features.bone_turnover.change_after_start": "days_since_inhibitor_start = 0",
    "features.bone_turnover.real_change_has_one": "change_pct = null",
    "features.bone_turnover.process_of_marker": "process_code = 'formation'",
    "features.hpg_axis.bounds_in_order": "lh_lo_iu_l = 6",
    "features.hpg_axis.state_of_men": "person_id = 1",
    "features.hpg_axis.state_by_treatment": "is_on_testosterone = false",
    "features.hpg_axis.state_by_testosterone": "axis_code = 'primary'",
    "features.hpg_axis.ratio_after_start": "days_since_inhibitor_start = 0",
    "features.hpg_axis.axis_suppressed_by_testosterone": "lh_lo_iu_l = 5",
    "features.lipid_metabolic.non_hdl": "non_hdl_mg_dl = 140",
    "features.lipid_metabolic.homa": "is_fasting = false",
    "features.lipid_metabolic.triglyceride_glucose": "tyg_index = 9",
    "features.lipid_metabolic.ldl_has_basis": "ldl_basis = null",
    "features.lipid_metabolic.ldl_within_total": "ldl_mg_dl = 200",
    "features.monitoring.scan_schedule": "days_since_dxa = 731",
    "features.monitoring.estradiol_schedule": "is_e2_on_schedule = false",
    "features.monitoring.months_of_thirty_days": "month_on = month_on + 1 where month_number = 2",
    "features.hormone_use.pregnant_are_women": "person_id = 2",
    "features.hormone_use.female_hormones_of_women": "person_id = 2",
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
_made: set[str] = set()
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


@lru_cache(maxsize=1)
def _tables() -> duckdb.DuckDBPyConnection:
    """Tables as they should be, each made once; what spoils one is taken back."""
    return duckdb.connect(config={"threads": 1})


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
    connection = _tables()
    for name in sorted({table, "staging.person", *(name for name in suite.reads if not name.startswith("raw."))}):
        if name not in _made:
            _create(connection, name)
            _made.add(name)
    connection.begin()
    try:
        if change:
            connection.execute(f"update {table} set {change}")
        held = [row[0] for row in connection.execute(query.replace("{batch}", table)).fetchall()]
    finally:
        connection.rollback()
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
