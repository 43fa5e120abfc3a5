"""OMOP folders: what stops one as a whole, and single rows that are set aside. Files are CSV in CDM 5.4 names.

Refused: form -> (file, its bytes or None where it is left out, what is said). Set aside: form -> (table, row, rule).
"""

import gzip
import io

import polars as pl

VALUE = "4711.25"
PERSON = "person_id,gender_concept_id,year_of_birth\n" + "".join(f"{n},8532,{1940 + n}\n" for n in range(1, 9))
_MEASUREMENT = "measurement_id,person_id,measurement_concept_id,measurement_date,value_as_number,unit_concept_id"
_MEASUREMENT += ",measurement_source_value,unit_source_value\n"
GOOD = "{},1,0,2020-03-04,21.5,0,2243-4,pg/mL\n"
MEASUREMENT = _MEASUREMENT + GOOD.format(1)
_DRUG = "drug_exposure_id,person_id,drug_concept_id,drug_exposure_start_date,drug_source_value,quantity\n"
DROP = {"person.csv": PERSON, "measurement.csv": MEASUREMENT}


def _parquet(frame: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    return buffer.getvalue()


_ROWS = pl.DataFrame({"measurement_id": range(500), "person_id": [1] * 500, "value_as_number": [float(VALUE)] * 500})

REFUSED: dict[str, tuple[str, bytes | None, tuple[str, ...]]] = {
    "no person table": ("person.csv", None, ("no person table", "deliver person with the rest")),
    "a person table without its key": ("person.csv", b"gender_concept_id\n8532\n", ("person.csv", "person_id")),
    "a renamed key": (
        "measurement.csv",
        MEASUREMENT.replace("person_id", "patient", 1).encode(),
        ("measurement.csv", "person_id"),
    ),
    "a PDF called .csv": ("measurement.csv", b"%PDF-1.7\n", ("measurement.csv", "a PDF", "deliver the table itself")),
    "an empty file": ("measurement.csv", b"", ("measurement.csv", "the file is empty", "deliver it again")),
    "gzip cut off": (
        "measurement.csv.gz",
        gzip.compress(MEASUREMENT.encode() * 90)[:-30],
        ("measurement.csv.gz", "cut off", "deliver it again"),
    ),
    "Parquet cut off": (
        "measurement.parquet",
        _parquet(_ROWS)[:-50],
        ("measurement.parquet", "damaged or truncated Parquet", "deliver it again"),
    ),
    "Parquet with a nested column": (
        "measurement.parquet",
        _parquet(_ROWS.with_columns(value_as_number=pl.concat_list("value_as_number"))),
        ("measurement.parquet", "value_as_number is nested"),
    ),
    "a column of patients' names": (
        "measurement.csv",
        (MEASUREMENT.replace("\n", ",patient_name\n", 1).rstrip("\n") + ",Muster\n").encode(),
        ("measurement.csv", "patient_name looks like", "nothing was written"),
    ),
    "a truth file that is no JSON": ("truth.json", b"{", ("truth.json: not valid JSON", "write it again")),
    "a damaged database": ("extra.duckdb", b"\0" * 8 + b"DUCK" + b"\xff" * 5000, ("extra.duckdb", "cannot be opened")),
}

# Row of measurement.csv after a good one -> rule.
ROWS: dict[str, tuple[str, str]] = {
    "a word where a number belongs": ("2,1,0,2020-03-05,high,0,2243-4,pg/mL", "not_a_number"),
    "a number beyond floating point": ("3,1,0,2020-03-06,1e400,0,2243-4,pg/mL", "not_a_number"),
    "a date that the calendar has not": ("4,1,0,2020-02-31,21,0,2243-4,pg/mL", "not_a_date"),
    "a date to come": ("5,1,0,2999-02-28,21,0,2243-4,pg/mL", "date_in_future"),
    "no person": ("6,,0,2020-03-07,21,0,2243-4,pg/mL", "no_person_key"),
    "a person whom no person file names": ("7,99,0,2020-03-08,21,0,2243-4,pg/mL", "person_unknown"),
    "an id beyond 64 bits": ("8,1,99999999999999999999,2020-03-08,21,0,2243-4,pg/mL", "not_a_whole_number"),
    "an unknown unit": ("9,2,0,2020-03-09,21,0,2243-4,furlong", "unit_unknown"),
    "no date": ("10,2,0,,21,0,2243-4,pg/mL", "date_missing"),
    "a row too short": ("11,2,0", "wrong_cell_count"),
}
