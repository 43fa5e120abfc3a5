"""A generated folder in the shape of NHANES 2005-2006 and 2013-2014: CDC's files, columns, codes, sentinels and gaps.

Nobody in it exists: no real row is copied, and SEQN lie above CDC's. Only the folder is made here; its people come from
`nhanes_people`, its tables from `nhanes_questionnaire` and `nhanes_examination`, and nothing here reads it again.
"""

import json
import re
from pathlib import Path

import polars as pl

from pipelines.errors import BadInput
from pipelines.synth import nhanes_examination as examination
from pipelines.synth import nhanes_questionnaire as questionnaire
from pipelines.synth.nhanes_people import BMD_PER_LOG_E2_G_CM2, MOST_IN_A_CYCLE, Respondents, Table, biology, people

__all__ = ["BMD_PER_LOG_E2_G_CM2", "DEFAULT_PERSONS", "TRUTH_FILE", "write"]

DEFAULT_PERSONS = 4_000
"""Enough for the estradiol and BMD study: some 400 men and 250 postmenopausal women of 40 and over in 2013-2014."""
TRUTH_FILE = "truth.json"
_YEARS = {"D": "2005-2006", "H": "2013-2014"}
_MORTALITY = {"D": "NHANES_2005_2006_MORT_2015_PUBLIC.dat", "H": "NHANES_2013_2014_MORT_2019_PUBLIC.dat"}
_AS_SAS_TRANSPORT = ("DEMO_H", "OSQ_H")


def write(out: Path, persons: int, seed: int) -> Path:
    """Writes the folder, half of the persons in each cycle, and returns it; the same arguments give the same bytes.

    `truth.json` says that the folder is simulated, and the slope to be found again.

    Raises:
        BadInput: fewer than 2 or more than 600,000 persons, or `out` holds files that this function did not write.
    """
    if not 2 <= persons <= 2 * MOST_IN_A_CYCLE:
        raise BadInput(f"persons: name a number between 2 and {2 * MOST_IN_A_CYCLE}")
    out = Path(out)
    if out.exists() and not (out.is_dir() and ((out / TRUTH_FILE).is_file() or not any(out.iterdir()))):
        raise BadInput(f"{out}: not an empty folder, nor one that was generated before: name another one")
    for folder in (*_YEARS.values(), "xpt", "mortality", "lookup"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    truth = {"evidence_source": "simulated", "seed": seed, "persons": persons}
    (out / TRUTH_FILE).write_text(json.dumps(truth | {"bmd_per_log_e2_g_cm2": BMD_PER_LOG_E2_G_CM2}, indent=2) + "\n")
    for cycle, n in (("D", persons // 2), ("H", persons - persons // 2)):
        person = people(seed, cycle, n)
        for name, (rows, columns) in _tables(person).items():
            frame = pl.DataFrame({column: values[rows] for column, values in columns.items()}).fill_nan(None)
            _write(frame, out, f"{name}_{cycle}", _YEARS[cycle])
        _write(questionnaire.prescriptions(person), out, f"RXQ_RX_{cycle}", _YEARS[cycle])
        lines = questionnaire.mortality(person)
        (out / "mortality" / _MORTALITY[cycle]).write_text("\n".join(lines) + "\n", encoding="ascii", newline="\n")
    questionnaire.drug_lookup().write_parquet(out / "lookup" / "RXQ_DRUG.parquet")
    return out


def _tables(p: Respondents) -> dict[str, Table]:
    b = biology(p)
    own = {"DXX": examination.whole_body(p, b)} if p.cycle == "D" else {"TST": examination.sex_steroids(p, b)}
    return own | {
        "DEMO": questionnaire.demographics(p),
        "SMQ": questionnaire.smoking(p),
        "RHQ": questionnaire.reproduction(p),
        "MCQ": questionnaire.diagnoses(p),
        "OSQ": questionnaire.fractures(p, b),
        "BMX": examination.body(p),
        "BPX": examination.blood_pressure(p),
        "DXXFEM": examination.femur(p, b),
        "DXXSPN": examination.spine(p, b),
        **examination.laboratory(p),
    }


def _write(frame: pl.DataFrame, out: Path, name: str, years: str) -> None:
    if name in _AS_SAS_TRANSPORT:
        _write_xpt(frame, out / "xpt" / f"{name}.XPT")
    else:
        frame.write_parquet(out / years / f"{name}.parquet")


def _write_xpt(frame: pl.DataFrame, path: Path) -> None:
    import pyreadstat

    pyreadstat.write_xport(frame, path, table_name=path.stem, file_format_version=5)
    # The library writes the time of writing into the headers, so that equal data would differ in their bytes.
    content = path.read_bytes()
    headers = re.sub(rb"\d\d[A-Z]{3}\d\d:\d\d:\d\d:\d\d", b"01JAN00:00:00:00", content[:720])
    path.write_bytes(headers + content[720:])
