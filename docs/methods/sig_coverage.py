"""How many prescription instructions are read, doubted or left blank, and how many wrongly: the tables of sig-coverage.md.

`python docs/methods/sig_coverage.py [--data FOLDER] [--persons N]` prints them. Sets with a reading by hand are in
tests/unit/domain/sig; a simulated population carries its truth; public data sets (FOLDER) have no truth.
"""

import argparse
import csv
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from pipelines.domain.sig import parse
from pipelines.domain.sig.table import parse_table

HAND_READ = Path(__file__).parents[2] / "tests" / "unit" / "domain" / "sig"
SETS = {
    "golden": "golden.csv",
    "first held-out": "held_out.csv",
    "second held-out": "held_out_second.csv",
    "third held-out": "held_out_third.csv",
    "simulated, 120 at random, read by hand": "judged.csv",
}
EXACT, LONG_INTERVAL, LONG = 0.01, 0.10, 0.26  # 28, 30 and 30.4 days a month are all honest
HEADER = "| set | distinct | dose read, no doubt | dose read, doubted | blank | wrong, no doubt | wrong, doubted |"
MESSES = ("real", "heavy")
SEED = 21


@dataclass(frozen=True, slots=True)
class Count:
    """Distinct instructions of one set: by outcome, and wrong doses among those that were read (None: no truth)."""

    name: str
    distinct: int
    sure: int
    doubted: int
    wrong_sure: int | None
    wrong_doubted: int | None

    @property
    def line(self) -> str:
        """The row of the published table."""
        wrong = ("not known" if count is None else str(count) for count in (self.wrong_sure, self.wrong_doubted))
        blank = self.distinct - self.sure - self.doubted
        return (
            f"| {self.name} | {self.distinct:,} | {self.sure:,} | {self.doubted:,} | {blank:,} | {' | '.join(wrong)} |"
        )


def _number(text: str) -> float | None:
    return float(text) if text.strip() else None


def is_wrong(read: float | None, true: float | None, times_per_week: float | None) -> bool:
    """A dose that was read and is another than the true one, or should not have been read at all."""
    if read is None:
        return False
    if true is None:
        return True
    tolerance = LONG_INTERVAL if times_per_week is not None and times_per_week <= LONG else EXACT
    return abs(read - true) > tolerance * true


def of_hand_read(name: str) -> Count:
    """One set that was read by hand; rows of the file are distinct."""
    with (HAND_READ / SETS[name]).open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    counts: Counter[tuple[str, bool]] = Counter()
    for row in rows:
        sig = parse(
            row["sig"] or None,
            drug=row["drug"] or None,
            strength=row["strength"] or None,
            quantity=_number(row["quantity"]),
            days_supply=_number(row["days"]),
        )
        if sig.mg_per_week is not None:
            expected = _number(row["mg_per_week"])
            times = _number(row["times_per_week"])
            counts["doubted" if sig.is_flagged else "sure", is_wrong(sig.mg_per_week, expected, times)] += 1
    return _count(name, len(rows), counts)


def _count(name: str, distinct: int, counts: Counter[tuple[str, bool]]) -> Count:
    sure, doubted = (counts[how, False] + counts[how, True] for how in ("sure", "doubted"))
    return Count(name, distinct, sure, doubted, counts["sure", True], counts["doubted", True])


def simulated(mess: str, persons: int, folder: Path) -> pl.DataFrame:
    """Distinct instructions and products of a simulated population, read, with the doses that were prescribed."""
    from pipelines.synth.mechanism.simulate import simulate
    from pipelines.synth.omop.simulate import Request, write_population
    from pipelines.synth.parameters import load_parameters

    write_population(Request(folder, persons, SEED, mess, "parquet", processes=1), load_parameters(None), simulate)
    rows = pl.read_parquet(folder / "omop" / "drug_exposure" / "*.parquet").filter(pl.col("sig").is_not_null())
    truth = pl.read_parquet(folder / "dose" / "*.parquet").select("drug_exposure_id", true="mg_per_week")
    texts = rows.join(truth, on="drug_exposure_id").select(
        sig_text="sig", drug_text="drug_source_value", strength_text="drug_source_value", true="true"
    )
    distinct = texts.group_by("sig_text", "drug_text", "strength_text").agg(
        pl.col("true").drop_nulls().round(6).unique(), n_rows=pl.len()
    )
    return parse_table(distinct.sort("sig_text", "drug_text"))


def of_simulated(name: str, read: pl.DataFrame) -> Count:
    """A text is wrong where the dose read is that of none of its rows: one text may be written for several doses."""
    counts: Counter[tuple[str, bool]] = Counter()
    for true, mg, times, code in read.select("true", "mg_per_week", "times_per_week", "confidence_code").iter_rows():
        if mg is not None:
            wrong = all(is_wrong(mg, each, times) for each in true)
            counts["sure" if code == "high" else "doubted", wrong] += 1
    return _count(name, read.height, counts)


def of_data(data: Path) -> list[str]:
    """Rows of prescriptions and distinct instructions of each public data set."""
    gibleed = pl.read_parquet(data / "omop_gibleed" / "drug_exposure.parquet")
    mimic = pl.read_csv(data / "omop_mimic4_demo" / "drug_exposure.csv.gz", infer_schema=False)
    synthea = pl.read_csv(data / "synthea_csv_dbt" / "medications.csv.gz", infer_schema=False)
    lines = ["| data set | rows | distinct products | distinct instructions |", "|---|---|---|---|"]
    for name, frame, product in (
        ("MIMIC-IV demo (OMOP)", mimic, "drug_source_value"),
        ("GiBleed (OMOP)", gibleed.rename(str.lower), "drug_concept_id"),
        ("Synthea", synthea.rename({"DESCRIPTION": "product"}), "product"),
    ):
        sigs = frame["sig"].drop_nulls().n_unique() if "sig" in frame.columns else 0
        lines.append(f"| {name} | {frame.height:,} | {frame[product].n_unique():,} | {sigs:,} |")
    return lines


def reasons(read: pl.DataFrame) -> list[str]:
    """Why doses are blank or doubted: reason, distinct instructions, share."""
    flags = read["flags"].str.split(",").explode().value_counts().filter(pl.col("flags") != "")
    lines = ["| reason | distinct | share |", "|---|---|---|"]
    for code, n in flags.sort("count", "flags", descending=[True, False]).iter_rows():
        lines.append(f"| `{code}` | {n:,} | {100 * n / read.height:.1f} % |")
    return lines


def languages(read: pl.DataFrame) -> list[str]:
    """By language: distinct instructions, with a dose, without doubt."""
    by = read.group_by("language").agg(
        pl.len(), told=pl.col("mg_per_week").is_not_null().sum(), sure=(pl.col("confidence_code") == "high").sum()
    )
    lines = ["| language | distinct | with a dose | without doubt |", "|---|---|---|---|"]
    for language, n, told, sure in by.sort("len", descending=True).iter_rows():
        lines.append(f"| {language or 'none told'} | {n:,} | {told:,} | {sure:,} |")
    return lines


def main() -> None:
    """Print every table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--data", type=Path)
    options.add_argument("--persons", type=int, default=1000)
    chosen = options.parse_args()
    print(HEADER, "|---|---|---|---|---|---|---|", *(of_hand_read(name).line for name in SETS), sep="\n")
    shown: list[str] = []
    for mess in MESSES:
        with tempfile.TemporaryDirectory() as folder:
            read = simulated(mess, chosen.persons, Path(folder) / "simulated")
        print(of_simulated(f"simulated, {chosen.persons:,} persons, `{mess}` mess", read).line)
        shown += ["", f"Reasons, `{mess}`:", "", *reasons(read), "", f"Languages, `{mess}`:", "", *languages(read)]
    print(*shown, sep="\n")
    if chosen.data:
        print("", *of_data(chosen.data), sep="\n")


if __name__ == "__main__":
    main()
