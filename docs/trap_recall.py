"""Recall of planted faults: of the rows that the simulator spoiled, how many carry the mark that is right for their fault.

A mark is what staging says of a single row: the rule it was set aside by, what it is a second copy of, or a flag. Rows of
analytes that no table reads are left out. Two kinds of rows are counted apart and not asked: those that carry a second
planted fault, for which they were set aside (`MASKS`), and those in which the fault cannot be seen, by a condition on the
data that does not look at the mark (`BLIND`). Simulate and run first (`trabecula simulate --persons 6000 --seed 5 --mess
heavy --out SIM`, `trabecula run --source omop --input SIM/omop --home HOME`), then `python docs/trap_recall.py
--simulated SIM --home HOME` writes `trap-recall.json` and the table of docs/quality-verdicts.md.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import duckdb

from pipelines.settings import Settings
from pipelines.warehouse.store import Store

HERE = Path(__file__).parent
JSON, PAGE = HERE / "trap-recall.json", HERE / "quality-verdicts.md"
BEGIN, END = "<!-- recall: begin -->", "<!-- recall: end -->"
IN_DOUBT = "(drug.dose_confidence is null or drug.dose_confidence < 0.9)"
#: fault, and the marks that are right for it; `fate` is the account of the row, `lab`, `dxa`, `drug` what was staged of it
MARKS = {
    "fill_value": "fate.reason = 'fill_value'",
    "value_impossible": "fate.reason in ('value_impossible', 'unit_implausible') or lab.result_flags like '%implausible%'",
    "unit_mislabelled": "fate.reason in ('unit_implausible', 'value_impossible') "
    "or regexp_matches(lab.result_flags, 'unit_not_of_lab|unit_suspect|implausible')",
    "unit_missing_row": "fate.reason = 'unit_missing' or lab.unit_basis in ('inferred_from_lab', 'implied_by_code')",
    "date_missing": "fate.reason = 'date_missing'",
    # Set aside, or broken by a rule `results_within`: of staging.observation_period, or of staging.visit.
    "date_future": "fate.reason in ('date_in_future', 'after_death') or lab.drawn_on > span.ends_on + 30 "
    "or lab.drawn_on not between visit.starts_on - 183 and coalesce(visit.ends_on, visit.starts_on) + 183",
    "person_unknown": "fate.reason = 'person_unknown'",
    "drug_person_unknown": "fate.reason = 'person_unknown'",
    "duplicate_exact": "fate.disposition = 'duplicate'",
    "preliminary_result": "fate.disposition = 'duplicate'",
    "corrected_result": "fate.disposition = 'duplicate' or fate.reason in ('value_impossible', 'unit_implausible')",
    "replicate_result": "fate.disposition = 'duplicate'",
    "below_limit_as_zero": "lab.result_flags like '%limit_written_as_zero%'",
    "below_limit_as_half": "lab.result_flags like '%limit_written_as_half%'",
    "below_limit_text_only": "lab.is_censored",
    "bmd_impossible": "fate.reason = 'bmd_impossible'",
    "side_missing": "dxa.flags like '%side_unknown%'",
    "device_unrecorded": "dxa.flags like '%device_unknown%'",
    "area_shift": "regexp_matches(dxa.flags, 'area_changes?')",
    "sig_missing": IN_DOUBT,
    "sig_as_directed": IN_DOUBT,
    "sig_range": IN_DOUBT,
    "sig_ambiguous": IN_DOUBT,
    "sig_stop": IN_DOUBT,
    "sig_titration": IN_DOUBT,
    "sig_as_needed": "drug.is_prn",
    "sig_daily_for_weekly": "regexp_matches(drug.dose_flags, 'daily_for_weekly|more_often_than_label')",
    "drug_end_before_start": "drug.dose_flags like '%ends_before_start%'",
    "quantity_missing": "drug.quantity is null",
    "days_supply_missing": "drug.days_supply_basis <> 'given'",
}
#: what a row may carry besides, and what then became of it
MASKS = {
    "unit_missing_site": "fate.reason = 'unit_missing'",
    "exemestane_interference": "lab.missing_reason = 'steroidal_drug_interference'",
    "fulvestrant_interference": "lab.missing_reason = 'steroidal_drug_interference'",
    "drug_person_unknown": "fate.reason = 'person_unknown'",
}
#: fault, why it cannot be seen in some rows, and the condition that says in which
BLIND = {
    "value_impossible": (
        "the spoiled value lies within the plausible range of its analyte",
        "lab.value between analyte.plausible_minimum and analyte.plausible_maximum",
    ),
    "area_shift": (
        "no second scan of the person in the same series",
        "(dxa.series_id is null or alone.n_scans = 1)",
    ),
    "sig_daily_for_weekly": (
        "quantity or days' supply is missing too, and the label names no rhythm: the instruction meets nothing",
        "drug.supplied_mg_per_week is null and drug.drug_class <> 'aromatase_inhibitor' "
        "and drug.ingredient not in ('alendronate', 'risedronate', 'testosterone', 'estradiol')",
    ),
}
GIVEN = """
create table given as
select 'measurement' as table_name, measurement_id as row_id, source_file, source_row from raw.omop_measurement
union all select 'drug_exposure', drug_exposure_id, source_file, source_row from raw.omop_drug_exposure;
create table alone as
select person_id, site_code, side_code, series_id, count(*) as n_scans
from staging.dxa_scan
where is_valid and area_cm2 is not null
group by all;
create table span as select person_id, max(ends_on) as ends_on from staging.observation_period group by person_id
"""
TABLES = (
    *("raw.omop_measurement", "raw.omop_drug_exposure", "staging.source_row"),
    *("staging.lab_result", "staging.dxa_scan", "staging.drug_exposure"),
    *("staging.observation_period", "staging.visit", "ref.analyte"),
)


def recall(simulated: Path, settings: Settings) -> dict[str, dict[str, Any]]:
    """By fault: rows planted that are read, masked, blind and asked; of these the marked, and what became of the others."""
    store, found = Store(settings), {}
    with duckdb.connect(config={"threads": 1}) as connection:
        for table in TABLES:
            store.create_view(connection, table)
        connection.execute(GIVEN)
        for fault, mark in MARKS.items():
            planted = simulated / "planted"
            path = planted / f"{fault}.parquet"
            if not path.exists():
                continue
            beside = [
                f"""{masked} and planted.row_id in (select row_id from read_parquet('{planted}/{other}.parquet'))"""
                for other, masked in MASKS.items()
                if other != fault and (planted / f"{other}.parquet").exists()
            ]
            why, blind = BLIND.get(fault, (None, "false"))
            rows = connection.sql(
                f"""
                select distinct planted.row_id, coalesce({mark}, false) as is_marked,
                    coalesce({" or ".join(beside) or "false"}, false) as is_masked, coalesce({blind}, false) as is_blind,
                    concat_ws(' ', fate.disposition, fate.reason) as fate
                from read_parquet('{path}') as planted
                join given on given.table_name = planted."table" and given.row_id = planted.row_id
                join staging.source_row as fate using (source_file, source_row)
                left join staging.lab_result as lab using (source_file, source_row)
                left join staging.dxa_scan as dxa using (source_file, source_row)
                left join staging.drug_exposure as drug using (source_file, source_row)
                left join staging.visit as visit on visit.person_id = lab.person_id
                    and visit.source_id = lab.source_id and visit.visit_occurrence_id = lab.visit_occurrence_id
                left join ref.analyte as analyte on analyte.analyte_code = lab.analyte_code
                left join alone on alone.person_id = dxa.person_id and alone.site_code = dxa.site_code
                    and alone.side_code = dxa.side_code and alone.series_id = dxa.series_id
                left join span on span.person_id = fate.person_id
                where fate.disposition <> 'out_of_scope'
                """
            ).pl()
            is_masked = rows["is_masked"] & ~rows["is_marked"]
            asked = rows.filter(~is_masked & ~rows["is_blind"])
            others = asked.filter(~asked["is_marked"])["fate"].value_counts(sort=True).rows()
            found[fault] = {
                "mark": mark,
                "planted": rows.height,
                "masked": int(is_masked.sum()),
                "blind": int((rows["is_blind"] & ~is_masked).sum()),
                "asked": asked.height,
                "marked": int(asked["is_marked"].sum()),
                "others": dict(sorted(others, key=lambda item: (-item[1], item[0]))),
            }
            if why:
                found[fault]["blind_where"] = why
    return found


def page(told: dict[str, dict[str, Any]]) -> str:
    """The table as Markdown, the least recall first."""
    lines = [
        "| fault | planted | second fault | not to be seen | asked | marked | recall | of all planted | the others |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---|",
    ]
    for fault, found in sorted(told.items(), key=lambda item: item[1]["marked"] / max(item[1]["asked"], 1)):
        if found["asked"]:
            shares = [f"{100 * found['marked'] / found[of]:.1f} %" for of in ("asked", "planted")]
            others = ", ".join(f"{name} {n}" for name, n in found["others"].items())
            counts = [f"{found[name]:,}" for name in ("planted", "masked", "blind", "asked", "marked")]
            lines.append(f"| `{fault}` | {' | '.join([*counts, *shares])} | {others} |")
    return "\n".join(lines)


def with_table(text: str, told: dict[str, dict[str, Any]]) -> str:
    """A page with the table put between its marks."""
    before, _, rest = text.partition(BEGIN)
    return f"{before}{BEGIN}\n\n{page(told)}\n\n{END}{rest.partition(END)[2]}"


def main() -> None:
    """Command line."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--simulated", type=Path, required=True)
    asked.add_argument("--home", type=Path, required=True)
    given = asked.parse_args()
    told = recall(given.simulated, Settings(home=given.home))
    JSON.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8"), told), encoding="utf-8")


if __name__ == "__main__":
    main()
