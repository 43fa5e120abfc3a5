"""Recall of planted faults: of the rows that the simulator spoiled, how many carry the mark that is right for their fault.

A mark is what staging says of a single row: the rule it was set aside by, what it is a second copy of, or a flag. Rows of
analytes that no table reads are left out. Simulate and run first (`trabecula simulate --persons 4000 --seed 5 --out SIM`,
`trabecula run --source omop --input SIM/omop --home HOME`), then `python docs/trap_recall.py --simulated SIM --home HOME`
writes `trap-recall.json` and the table of docs/quality-verdicts.md.
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
    "value_impossible": "fate.reason in ('value_impossible', 'unit_implausible')",
    "unit_mislabelled": "fate.reason in ('unit_implausible', 'value_impossible')",
    "unit_missing_row": "fate.reason = 'unit_missing' or lab.unit_basis in ('inferred_from_lab', 'implied_by_code')",
    "date_missing": "fate.reason = 'date_missing'",
    "date_future": "fate.reason in ('date_in_future', 'after_death')",
    "person_unknown": "fate.reason = 'person_unknown'",
    "drug_person_unknown": "fate.reason = 'person_unknown'",
    "duplicate_exact": "fate.disposition = 'duplicate'",
    "preliminary_result": "fate.disposition = 'duplicate'",
    "corrected_result": "fate.disposition = 'duplicate'",
    "replicate_result": "fate.disposition = 'duplicate'",
    "below_limit_as_zero": "lab.result_flags like '%limit_written_as_zero%'",
    "below_limit_as_half": "lab.result_flags like '%limit_written_as_half%'",
    "below_limit_text_only": "lab.is_censored",
    "bmd_impossible": "fate.reason = 'bmd_impossible'",
    "side_missing": "dxa.flags like '%side_unknown%'",
    "device_unrecorded": "dxa.flags like '%device_unknown%'",
    "area_shift": "dxa.flags like '%area_change%'",
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
GIVEN = """
create table given as
select 'measurement' as table_name, measurement_id as row_id, source_file, source_row from raw.omop_measurement
union all select 'drug_exposure', drug_exposure_id, source_file, source_row from raw.omop_drug_exposure
"""
TABLES = (
    *("raw.omop_measurement", "raw.omop_drug_exposure", "staging.source_row"),
    *("staging.lab_result", "staging.dxa_scan", "staging.drug_exposure"),
)


def recall(simulated: Path, settings: Settings) -> dict[str, dict[str, Any]]:
    """By fault: rows planted that are read, rows marked, the mark, and what became of the others."""
    store, found = Store(settings), {}
    with duckdb.connect(config={"threads": 1}) as connection:
        for table in TABLES:
            store.create_view(connection, table)
        connection.execute(GIVEN)
        for fault, mark in MARKS.items():
            path = simulated / "planted" / f"{fault}.parquet"
            if not path.exists():
                continue
            rows = connection.sql(
                f"""
                select distinct planted.row_id, coalesce({mark}, false) as is_marked,
                    concat_ws(' ', fate.disposition, fate.reason) as fate
                from read_parquet('{path}') as planted
                join given on given.table_name = planted."table" and given.row_id = planted.row_id
                join staging.source_row as fate using (source_file, source_row)
                left join staging.lab_result as lab using (source_file, source_row)
                left join staging.dxa_scan as dxa using (source_file, source_row)
                left join staging.drug_exposure as drug using (source_file, source_row)
                where fate.disposition <> 'out_of_scope'
                """
            ).pl()
            others = rows.filter(~rows["is_marked"])["fate"].value_counts(sort=True).rows()
            found[fault] = {"mark": mark, "planted": rows.height, "marked": int(rows["is_marked"].sum())}
            found[fault]["others"] = dict(others)
    return found


def page(told: dict[str, dict[str, Any]]) -> str:
    """The table as Markdown, the least recall first."""
    lines = ["| fault | planted | marked | recall | seen | the others |", "|---|---:|---:|---:|---:|---|"]
    for fault, found in sorted(told.items(), key=lambda item: item[1]["marked"] / max(item[1]["planted"], 1)):
        if found["planted"]:
            share = 100 * found["marked"] / found["planted"]
            seen = 100 * (1 - found["others"].get("staged", 0) / found["planted"])
            others = ", ".join(f"{name} {n}" for name, n in found["others"].items())
            lines.append(
                f"| `{fault}` | {found['planted']:,} | {found['marked']:,} | {share:.1f} % | {seen:.1f} % | {others} |"
            )
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
