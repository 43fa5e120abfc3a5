"""Measures laboratory harmonisation: raw rows to `staging.lab_result` through the real runner, against reading them once.

Half the rows come as OMOP measurement, half as a flat drop, with the mess of `lab_rows.sql`. The yardstick is reading all columns
of the same Parquet once, with the same processes, threads and memory, in the same run, before and after (the faster counts), in
two ways: into a table in memory, and into one checksum, which keeps nothing. Two things are measured against it. `harmonising` is
the same sink, run twice too (the faster counts): from the landed Parquet, through all source views, to the harmonised rows in
memory. `steps` is the whole run:
habits and limits of laboratories, harmonising, sorting, writing, contract checks. Memory is the sum of the proportional set
sizes of this process and its children; CPU seconds are theirs too. Run
`python docs/benchmarks/lab_harmonisation.py --rows 50000000 --scratch SCRATCH`; `--freeze` writes `lab_harmonisation.json`.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import threading
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from hashlib import sha256
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import duckdb

from pipelines.run_facts import RunFacts
from pipelines.settings import Settings, sql_root
from pipelines.tables import CONTRACTS
from pipelines.warehouse import sqlfile
from pipelines.warehouse.bucket import SLOT_SQL, Bucket
from pipelines.warehouse.engine import connect, literal
from pipelines.warehouse.runner import Runner, StepReport
from pipelines.warehouse.step import from_csv, from_sql, read_csv
from pipelines.warehouse.store import Store

ROWS_PER_PERSON = 50.4  # 48 and the copies
RAW = ("raw.omop_measurement", "raw.flat_lab")
MADE = (
    "staging.latest_day", "staging.lab_convention_count", "staging.lab_convention", "staging.lab_limit_count",
    "staging.lab_limit", "staging.lab_result",
)  # fmt: skip
HERE = Path(__file__).parent
RUN = RunFacts("benchmark", "flat", (), "white_female", 11, "simulated")

FLAT = """
select person_id, 'flat' as source_id, 'd1' as drop_id, 1 as drop_sequence, 'lab.csv' as source_file,
    row_number() over (order by person_id, drawn_at, n, copy_number) as source_row, cast(null as varchar) as cycle_code,
    1 as record_number, 'R' || case when is_replicate then record_number + 500000000000 else record_number end as record_id,
    status_text, case when u1 < 0.6 then loinc end as code, case when u1 < 0.6 then 'LOINC' end as code_system,
    case when u3 < 0.02 then 'ferritin' when u2 < 0.1 then upper(name) else name end as name_text,
    case
        when u3 between 0.02 and 0.05 then '<' || round(number, 2)
        when u3 between 0.05 and 0.055 then 'ND'
        when u3 between 0.055 and 0.06 then 'pending'
        when u3 between 0.06 and 0.07 then replace(cast(round(number, 2) as varchar), '.', ',')
        when u3 between 0.07 and 0.08 then round(number, 2) || ' H'
        when u3 between 0.08 and 0.083 then '> ' || round(number, 0)
        when u3 between 0.083 and 0.085 then 'see report'
        else cast(round(number, 2) as varchar)
    end as value_text,
    cast(null as varchar) as operator_text,
    case when u2 > 0.98 then null when u2 > 0.978 then 'blips' when u1 < 0.2 then upper(unit_spelling)
        else unit_spelling end as unit_text,
    '3.5' as reference_low_text, '24.5' as reference_high_text,
    case when lab_number < 5 then cast(round(number / 20, 3) as varchar) end as lloq_text,
    case when lab_number < 8 then 'LC-MS/MS' when lab_number < 16 then 'Roche Elecsys E170' end as method_text,
    'L' || lab_number as lab_id, 'S' || (person_id * 8 + draw) as specimen_id, drawn_at, cast(drawn_at as date) as drawn_on,
    drawn_at + interval 9 hour as resulted_at, case when u1 < 0.5 then 'Y' end as fasting_text
from lab_row
"""
OMOP = """
select person_id, 'omop' as source_id, 'd1' as drop_id, 1 as drop_sequence, 'measurement.parquet' as source_file,
    row_number() over (order by person_id, drawn_at, n, copy_number) as source_row, cast(null as varchar) as cycle_code,
    case when is_replicate then record_number + 500000000000 else record_number end as measurement_id,
    case when u3 < 0.02 then 3024929 else coalesce(concept_id, 0) end as measurement_concept_id,
    cast(drawn_at as date) as measurement_date, drawn_at as measurement_datetime,
    strftime(drawn_at, '%H:%M:%S') as measurement_time, 32856 as measurement_type_concept_id,
    case when u3 between 0.02 and 0.035 then 4171756 when u3 between 0.08 and 0.083 then 4172704 end as operator_concept_id,
    case when u3 between 0.05 and 0.06 then null else round(number, 2) end as value_as_number,
    cast(null as bigint) as value_as_concept_id,
    case when u2 < 0.5 and unit_spelling = 'mg/dl' then 8840 when u2 < 0.5 and unit_spelling = 'pg/ml' then 8845 else 0 end
        as unit_concept_id,
    cast(null as double) as range_low, cast(null as double) as range_high, person_id % 997 as provider_id,
    person_id * 8 + draw as visit_occurrence_id, cast(null as bigint) as visit_detail_id,
    case when u3 < 0.02 then 'ZZ-' || n else loinc end as measurement_source_value,
    0 as measurement_source_concept_id,
    case when u2 > 0.98 then null when u2 > 0.978 then 'blips' else unit_spelling end as unit_source_value,
    cast(null as bigint) as unit_source_concept_id,
    case when u3 between 0.035 and 0.05 then '<' || round(number, 2) when u3 between 0.05 and 0.055 then 'ND'
        when u3 between 0.055 and 0.06 then '' else cast(round(number, 2) as varchar) end as value_source_value,
    cast(null as bigint) as measurement_event_id, cast(null as bigint) as meas_event_field_concept_id
from lab_row
"""
PERSON = """
select person_id, case when person_id % 2 = 0 then 'male' else 'female' end as sex_code,
    cast(20 + person_id % 60 as double) as age_years, false as is_age_top_coded, 2000 - person_id % 60 as birth_year,
    case when person_id % 2 = 0 then 'omop' else 'flat' end as source_id, 'd1' as drop_id
from bucket_person where person_id % 1000 <> 7
"""


def generate(settings: Settings, bucket: Bucket, persons: int) -> int:
    """Write the raw rows and the people of one bucket; returns the number of raw rows."""
    store = Store(settings)
    with connect(settings, threads=1) as connection:
        create_reference(connection, "ref.analyte", "ref.analyte_code", "ref.unit", "ref.unit_factor")
        connection.execute(
            f"create table bucket_person as select person_id, row_number() over () as number from (select range as person_id "
            f"from range({persons})) where {SLOT_SQL} between {bucket.first} and {bucket.last}"
        )
        connection.execute(f"create view every_row as {(HERE / 'lab_rows.sql').read_text()}")
        rows = 0
        for table, query, half in ((RAW[0], OMOP, 0), (RAW[1], FLAT, 1)):
            text = query.replace("from lab_row", f"from (select * from every_row where person_id % 2 = {half})")
            rows += write(connection, text, store.folder(table) / bucket.name / "part.parquet", "person_id, source_row")
        write(connection, _filled(PERSON, "staging.person"), store.path("staging.person", bucket), "person_id")
    return rows


def create_reference(connection: duckdb.DuckDBPyConnection, *tables: str) -> None:
    connection.execute("create schema if not exists ref")
    for table in tables:
        listing = read_csv(sql_root() / "ref" / f"{table.split('.')[1]}.csv", CONTRACTS[table]).collect().to_arrow()
        connection.register("listing", listing)
        connection.execute(f"create table {table} as select * from listing")
        connection.unregister("listing")


def write(connection: duckdb.DuckDBPyConnection, query: str, path: Path, order: str) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    connection.execute(
        f"copy (select * from ({query}) order by {order}) to {literal(path)} "
        "(format parquet, compression zstd, compression_level 3, row_group_size 122880)"
    )
    return connection.execute(f"select count(*) from read_parquet({literal(path)})").fetchone()[0]


def read_into_memory(settings: Settings, bucket: Bucket) -> int:
    """Every column of the raw rows of one bucket, into a table in memory."""
    rows = 0
    with connect(settings) as connection:
        for table in RAW:
            Store(settings).create_view(connection, table, bucket)
            connection.execute(f"create temp table everything as select * from {table}")
            rows += connection.execute("select count(*) from everything").fetchone()[0]
            connection.execute("drop table everything")
    return rows


def read_into_checksum(settings: Settings, bucket: Bucket) -> int:
    """Every column of the raw rows of one bucket, into one number."""
    rows = 0
    with connect(settings) as connection:
        for table in RAW:
            Store(settings).create_view(connection, table, bucket)
            names = ", ".join(row[0] for row in connection.execute(f"describe {table}").fetchall())
            rows += connection.execute(f"select count(*), bit_xor(hash({names})) from {table}").fetchone()[0]
    return rows


def harmonise_into_memory(settings: Settings, bucket: Bucket) -> int:
    """The rows of `staging.lab_result` of one bucket, into a table in memory; returns how many raw rows they came from."""
    file, store = sqlfile.read(sql_root() / "staging" / "lab_result.sql"), Store(settings)
    with connect(settings) as connection:
        for table in {*sqlfile.stored_inputs(file), *RAW}:
            store.create_view(connection, table, bucket)
        connection.execute("create schema if not exists source")
        for view in sqlfile.views_behind(file):
            connection.execute(view.definition)
        connection.execute(f"create temp table everything as {file.text}")
        return sum(connection.execute(f"select count(*) from {table}").fetchone()[0] for table in RAW)


class Watch(threading.Thread):
    """Wall and CPU seconds, and the peak of the summed proportional set sizes, of this process and all its children."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.peak = 0
        self.ticks: dict[int, int] = {}
        self.stopped = threading.Event()

    def __enter__(self) -> Watch:
        self.before = {pid: _ticks(pid) for pid in _family(os.getpid())}
        self.started = time.perf_counter()
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.wall_s = time.perf_counter() - self.started
        self._look()
        self.stopped.set()
        self.join()
        spent = sum(ticks - self.before.get(pid, 0) for pid, ticks in self.ticks.items())
        self.cpu_s = spent / os.sysconf("SC_CLK_TCK")

    def run(self) -> None:
        while not self.stopped.wait(0.5):  # reading smaps costs; more often would be measured itself
            self._look()

    def _look(self) -> None:
        family = _family(os.getpid())
        self.ticks |= {pid: max(_ticks(pid), self.ticks.get(pid, 0)) for pid in family}
        self.peak = max(self.peak, sum(_pss(pid) for pid in family))

    def seconds(self) -> dict[str, float]:
        return {"wall_s": round(self.wall_s, 2), "cpu_s": round(self.cpu_s, 2)}


def _ticks(pid: int) -> int:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return int(fields[11]) + int(fields[12])


def _family(root: int) -> list[int]:
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, ValueError):
                continue
    found = [root]
    for pid in found:
        found.extend(child for child, parent in parents.items() if parent == pid)
    return found


def _pss(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)


def measure(settings: Settings, persons: int) -> dict[str, Any]:
    buckets = Store(settings).lay_out(persons)
    share = Settings(home=settings.home, memory_gb=settings.memory_gb / settings.threads, threads=1)
    result: dict[str, Any] = {"buckets": len(buckets)}

    with ProcessPoolExecutor(settings.threads, mp_context=get_context("forkserver")) as pool:
        started = time.perf_counter()
        rows = sum(pool.map(generate, [share] * len(buckets), buckets, [persons] * len(buckets)))
        result |= {"rows": rows, "generate_s": time.perf_counter() - started}
    result["raw_bytes"] = sum(path.stat().st_size for table in RAW for path in Store(settings).files(table))
    write_manifest(settings)

    def timed(work: Callable[[Settings, Bucket], int]) -> Watch:
        with ProcessPoolExecutor(settings.threads, mp_context=get_context("forkserver")) as pool:
            list(pool.map(len, ["warm"] * settings.threads))
            with Watch() as watch:
                assert sum(pool.map(work, [share] * len(buckets), buckets)) == rows
        return watch

    readings = {"reading_into_memory": read_into_memory, "reading_into_checksum": read_into_checksum}
    before = {name: timed(read).seconds() for name, read in readings.items()}

    with Runner(settings, RUN) as runner:
        make_reference(runner)
        with Watch() as watch:
            reports = run_steps(runner)
    result["steps_s"] = {table: round(report.seconds, 2) for table, report in reports.items()}
    result["rows_made"] = {table: report.rows for table, report in reports.items()}
    twice = [timed(harmonise_into_memory) for _ in range(2)]
    result["peak_memory_gib"] = round(max(watch.peak, *(harmonising.peak for harmonising in twice)) / 2**30, 2)
    first, second = (harmonising.seconds() for harmonising in twice)
    measured = {"harmonising": {unit: min(first[unit], second[unit]) for unit in first}, "steps": watch.seconds()}
    for name, read in readings.items():
        after = timed(read).seconds()
        result[name] = {unit: min(before[name][unit], after[unit]) for unit in after}
        for part, seconds in measured.items():
            result[f"{part}_over_{name}"] = {unit: round(seconds[unit] / result[name][unit], 2) for unit in after}
    result |= measured
    result["account"] = _account(settings, buckets[0])
    return result


def _made_files() -> dict[str, sqlfile.SqlFile]:
    return {table: sqlfile.read(sql_root() / f"{table.replace('.', '/')}.sql") for table in MADE}


def make_reference(runner: Runner) -> None:
    """The code lists that the steps read."""
    read = {name for file in _made_files().values() for name in sqlfile.stored_inputs(file) if name.startswith("ref.")}
    for table in sorted(read):
        runner.bring_up_to_date(from_csv(sql_root() / f"{table.replace('.', '/')}.csv"))


def run_steps(runner: Runner) -> dict[str, StepReport]:
    """Every step from the raw rows to `staging.lab_result`, with what it tells of itself."""
    return {table: runner.bring_up_to_date(from_sql(file)) for table, file in _made_files().items()}


def write_manifest(settings: Settings) -> None:
    with connect(settings) as connection:
        query = (
            "select unnest(['flat', 'omop']) as source_id, 'lab.csv' as source_file, 'other' as format_code, 1 as bytes, "
            "'landed' as status_code, 'd1' as drop_id, timestamp '2024-01-01' as landed_at"
        )
        path = Store(settings).path("raw.manifest", None)
        write(connection, _filled(query, "raw.manifest"), path, "source_file")


def _filled(query: str, table: str) -> str:
    """The query with the columns of the contract it does not give, as NULL."""
    with duckdb.connect() as connection:
        connection.execute("create table bucket_person as select 1::bigint as person_id")
        given = {row[0] for row in connection.execute(f"describe {query}").fetchall()}
    nulls = "".join(
        f", cast(null as {column.duckdb_type}) as {column.name}"
        for column in CONTRACTS[table].columns
        if column.name not in given
    )
    return f"select *{nulls} from ({query})"


def _account(settings: Settings, bucket: Bucket) -> dict[str, Any]:
    """Of one bucket: what became of its rows, and that none is missing."""
    file = sqlfile.read(sql_root() / "source" / "lab_record.sql")
    store = Store(settings)
    with connect(settings) as connection:
        for table in sqlfile.stored_inputs(file):
            store.create_view(connection, table, bucket)
        connection.execute("create schema source")
        for view in sqlfile.views_behind(file):
            connection.execute(view.definition)
        connection.execute(f"create table record as {file.text}")
        found = connection.execute(
            "select disposition, coalesce(reason, ''), count(*) from record group by all order by all"
        ).fetchall()
        raw = sum(connection.execute(f"select count(*) from {table}").fetchone()[0] for table in RAW)
    return {
        "rows_in": raw,
        "rows_accounted": sum(n for *_, n in found),
        "dispositions": {f"{disposition} {reason}".strip(): n for disposition, reason, n in found},
    }


def machine() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine()
    )
    return f"{os.cpu_count()} cores, {model}"


def sql_digest() -> str:
    """Digest of the SQL that was measured: the files of the steps and of the views behind them."""
    files = _made_files().values()
    texts = {file.text for file in files} | {view.text for file in files for view in sqlfile.views_behind(file)}
    return sha256("\n".join(sorted(texts)).encode()).hexdigest()


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--rows", type=int, default=2_000_000)
    asked.add_argument("--scratch", type=Path, required=True)
    asked.add_argument("--threads", type=int, default=2)
    asked.add_argument("--memory-gb", type=float, default=3.0)
    asked.add_argument("--persons-per-bucket", type=int, default=25_000)
    asked.add_argument("--freeze", action="store_true")
    given = asked.parse_args()
    home = given.scratch / "lab_harmonisation"
    shutil.rmtree(home, ignore_errors=True)
    settings = Settings(
        home=home, memory_gb=given.memory_gb, threads=given.threads, persons_per_bucket=given.persons_per_bucket
    )
    result = measure(settings, int(given.rows / ROWS_PER_PERSON))
    result |= {"threads": given.threads, "memory_gb": given.memory_gb, "load_average": os.getloadavg()[0]}
    result |= {"duckdb": duckdb.__version__, "python": platform.python_version(), "machine": machine()}
    result |= {"sql_sha256": sql_digest(), "measured_on": time.strftime("%Y-%m-%d")}
    text = json.dumps(result, indent=2)
    print(text)
    if given.freeze:
        (HERE / "lab_harmonisation.json").write_text(text + "\n")
    shutil.rmtree(home)


if __name__ == "__main__":
    main()
