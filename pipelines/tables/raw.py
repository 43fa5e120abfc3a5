"""Contracts of `raw`: source rows as they came, except that the native person id has become `person_id`.

The CDC variables that the pipeline reads are declared once, in `sql/ref/nhanes_variable.csv`; a raw file keeps all its other
columns too. A variable that no landed file holds reads as NULL.
"""

import csv

import dataframely as dy

from pipelines.settings import sql_root
from pipelines.tables.columns import day, drop_id, flag, instant, number, person_id, source_id, text, whole
from pipelines.tables.contract import table


@table("raw.manifest", grain="one row per file of the drop", unit="population")
class Manifest(dy.Schema):
    """Every file found in the input folder, what became of it and why."""

    source_id = source_id()
    source_file = text("Path inside the input folder", key=True)
    table_name = text("Raw table it belongs to; NULL for a file that is none of the source's", optional=True)
    cycle_code = text("Survey cycle letter (A 1999-2000, B 2001-2002 ...; P 2017 to March 2020)", optional=True)
    cycle_label = text("Survey cycle in years", optional=True)
    format_code = text("File format (xpt, parquet, dat, other)")
    bytes = whole("Size", "By", minimum=0)
    sha256 = text("Checksum of the content", optional=True)
    rows_in = whole(
        "Rows in the file, without those of people who withdrew; NULL for what is no table of the source",
        optional=True,
        minimum=0,
    )
    rows_withdrawn = whole("Rows of people who withdrew: neither landed nor counted", optional=True, minimum=0)
    status_code = text("What became of it", allowed=("landed", "duplicate", "out_of_scope"))
    reason = text("Why it is a duplicate or out of scope", optional=True)
    note = text("What of the file is not landed, and what was changed", optional=True)
    drop_id = drop_id()
    drop_sequence = whole("Order of the delivery, from 1; the latest stands", optional=True, minimum=1)
    landed_at = instant("When the drop was landed first, UTC")
    latest_on = day(
        "Last day of the month in which the drop was last examined; NULL where another version landed it", optional=True
    )


@table("raw.missing_piece", grain="one row per cycle and file that is not there", unit="population")
class MissingPiece(dy.Schema):
    """What cannot be computed because the input folder lacks a file. The rest goes on."""

    source_id = source_id()
    cycle_label = text("Survey cycle in years", key=True)
    file_group = text("Group of files that would give it", key=True)
    consequence = text("What cannot be computed, in plain words")
    drop_id = drop_id()


@table("raw.previous_histogram", grain="one row per quantity, item, place and bin", unit="population")
class PreviousHistogram(dy.Schema):
    """`models.value_histogram` as it was published before the latest change of the input; empty before there was one."""

    quantity = text("What is measured: lab, bmd or dose", key=True)
    item_code = text("Analyte, skeletal site or ingredient", key=True)
    place_code = text("Laboratory, device, or everywhere", key=True)
    bin_number = whole("Bin of the grid", key=True)
    n = whole("Rows", minimum=1)


@table(
    "raw.previous_evidence", grain="one row per study, contrast, outcome, population and estimator", unit="population"
)
class PreviousEvidence(dy.Schema):
    """What was published of each estimate in the publication before tonight's, and what has changed since; empty before one."""

    study_id = text("Study", key=True)
    contrast = text("Contrast", key=True)
    outcome = text("Outcome", key=True)
    population = text("Population", key=True)
    estimator = text("Estimator", key=True)
    protocol_hash = text("Hash of the study file")
    gate_status = text("Gate", allowed=("open", "closed", "waived"))
    n = whole("People behind the question, known before the gate", "{persons}", optional=True, minimum=0)
    largest_smd = number("Largest standardised difference after weighting", "1", optional=True, minimum=0)
    ease = number("Expected absolute systematic error", optional=True)
    estimate = number("Estimate; NULL behind a closed gate", optional=True)
    se = number("Standard error", optional=True)
    is_input_changed = flag("Raw files behind the estimates are others now")
    is_code_changed = flag("Code or a code list behind them is another now")
    is_setting_changed = flag("A setting of the run behind them is another now")
    is_any_protocol_changed = flag("The file of any study is another now, or other studies are run")
    is_waiver_changed = flag("Other waivers are in force now")


@table("raw.rejected_row", grain="one row per source row without a usable key", unit="population")
class RejectedRow(dy.Schema):
    """Source rows that cannot be given to a person; they go to quarantine with their file and row number."""

    source_id = source_id()
    source_file = text("Path inside the input folder", key=True)
    source_row = whole("Row number in the file, from 1", key=True, minimum=1)
    rule_code = text("Rule that rejected it")
    reason = text("Why, in plain words")
    drop_id = drop_id()


NHANES_VARIABLES: dict[str, list[dict[str, str]]] = {}
with (sql_root() / "ref" / "nhanes_variable.csv").open(newline="") as lines:
    for variable in csv.DictReader(lines):
        NHANES_VARIABLES.setdefault(variable["family"], []).append(variable)

for family, variables in NHANES_VARIABLES.items():
    provenance = {
        "person_id": person_id(key=False),
        "source_id": source_id(),
        "drop_id": drop_id(),
        "source_file": text("Path inside the input folder", key=True),
        "source_row": whole("Row number in the file, from 1", key=True, minimum=1),
        "cycle_code": text("Survey cycle letter"),
    }
    declared = {
        variable["variable"]: text(variable["meaning"], optional=True)
        if variable["kind"] == "text"
        else number(variable["meaning"], variable["unit"] or None, optional=True)
        for variable in variables
    }
    schema = type(
        f"Nhanes{family.title().replace('_', '')}",
        (dy.Schema,),
        {"__doc__": f"NHANES {family.upper()} rows as CDC published them.", **provenance, **declared},
    )
    table(f"raw.nhanes_{family}", grain="one row per source row")(schema)

del lines, variable, family, variables, provenance, declared, schema
__all__ = ["NHANES_VARIABLES", "Manifest", "MissingPiece", "RejectedRow"]
