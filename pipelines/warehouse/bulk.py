"""One part, of any size, into its buckets: read once, typed, keyed and split by bucket in one streamed copy, then sorted.

Memory is what DuckDB was given; a part of a billion rows spills. Which parts are landed at all, `landing` decides.
"""

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol

import duckdb
import polars as pl

from pipelines.errors import BadInput
from pipelines.settings import Settings
from pipelines.tables import CONTRACTS
from pipelines.warehouse.bucket import SLOT_SQL, SLOTS, Bucket
from pipelines.warehouse.changes import ChangeLog
from pipelines.warehouse.engine import literal, quoted
from pipelines.warehouse.identity import Identities
from pipelines.warehouse.parquet import fingerprint_of, write_query
from pipelines.warehouse.store import WHOLE
from pipelines.warehouse.typed_cell import TypedCell, is_nested, native_id, typed_cell

# Raise when the way rows are landed changes: every part is then landed again.
BULK_VERSION = "1"
SPOOL_BYTES = 256 * 1024 * 1024
PROVENANCE = ("source_id", "drop_id", "drop_sequence", "source_file", "source_row", "cycle_code")
_REJECTED = -1
# Dates inside texts would tell by how much a person's dates were moved.
_DATE_IN_TEXT = r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}([T ]\d{2}:\d{2}(:\d{2})?)?|\d{1,2}[-/.]\d{1,2}[-/.]\d{4}"


class DropOfPart(Protocol):
    """The delivery a part came with."""

    @property
    def drop_id(self) -> str: ...
    @property
    def sequence(self) -> int: ...


class BulkPart(Protocol):
    """A part declared column by column; `pipelines.sources.delivery.Part` says what each attribute is."""

    @property
    def table(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def source_file(self) -> str: ...
    @property
    def sha256(self) -> str: ...
    @property
    def rows(self) -> Any: ...
    @property
    def columns(self) -> Mapping[str, str]: ...
    @property
    def kinds(self) -> Mapping[str, str]: ...
    @property
    def id_column(self) -> str | None: ...
    @property
    def drop(self) -> DropOfPart: ...
    @property
    def reader_version(self) -> str: ...
    @property
    def cycle_code(self) -> str | None: ...
    @property
    def top_coded_year(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class Written:
    """What became of the rows of a part, and the files that hold them, by bucket name."""

    files: Mapping[str, str]
    rows_read: int
    rows: int
    rejected: Mapping[str, int]
    rows_withdrawn: int
    rows_top_coded: int


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes parts of one source through one connection; `identity` and `withdrawn` are its temporary tables."""

    connection: duckdb.DuckDBPyConnection
    settings: Settings
    source_id: str
    identities: Identities
    buckets: tuple[Bucket, ...]
    log: ChangeLog

    def write(self, part: BulkPart, folder: Path, aside: Path, fingerprint: str) -> Written:
        """Write a part's bucket files into `folder` and its rejected rows into `aside`; each file is replaced whole.

        Raises:
            BadInput: rows went missing between reader and files, or two people share an id.
        """
        spool = self.settings.spill / "landing" / part.name
        shutil.rmtree(spool, ignore_errors=True)
        spool.mkdir(parents=True)
        try:
            return self._write(part, folder, aside, fingerprint, spool)
        finally:
            shutil.rmtree(spool, ignore_errors=True)

    def _write(self, part: BulkPart, folder: Path, aside: Path, fingerprint: str, spool: Path) -> Written:
        self.connection.execute("drop view if exists delivered")
        relation, set_aside = _delivered(self.connection, part, spool)
        types = _types(self.connection, relation)
        cells = _cells(part, types)
        counted = self._split(part, relation, types, cells, spool)
        files = self._sort(part, cells, spool, folder)
        rejected = self._reject(part, cells, spool, set_aside, aside, fingerprint)
        kept = sum(rows for index, rows in counted.items() if index != _REJECTED)
        refused = sum(rejected.values())
        withdrawn = self._withdrawn(part, relation, types)
        read = part.rows.count()
        if kept + refused + withdrawn != read:
            raise BadInput(
                f"{part.source_file}: the reader counted {read} rows, {kept} were landed, {refused} rejected and "
                f"{withdrawn} left out; the file changed while it was read: run again"
            )
        return Written(files, read, kept, rejected, withdrawn, self._top_coded(part, relation, types))

    def _split(
        self, part: BulkPart, relation: str, types: Mapping[str, str], cells: list[TypedCell], spool: Path
    ) -> dict[int, int]:
        """Copy every row into the folder of its bucket, or of the rejected; how many rows each folder has."""
        native = native_id(part.id_column, types[part.id_column]) if part.id_column else None
        if native:
            self.identities.add(relation, native)
        faults = [f"when {cell.is_unreadable} then {cell.place}" for cell in cells if cell.is_unreadable != "false"]
        fault = f"case {' '.join(faults)} else 0 end" if faults else "0"
        written = "".join(f", {cell.written} as w{cell.place}" for cell in cells)
        values = "".join(f", {cell.value} as v{cell.place}" for cell in cells)
        named = "".join(f", v{cell.place} as {quoted(cell.name)}" for cell in cells)
        typed = (
            f"select source_row, native, {fault} as fault{named} from (select *{values} from "
            f"(select source_row, {native or 'null'} as native{written} from {relation}))"
        )
        landed = "".join(f", {self._landed(part, cell)} as {quoted(cell.name)}" for cell in cells)
        width = SLOTS // len(self.buckets)
        if native:
            place = f"case when person_id is null or fault > 0 then {_REJECTED} else ({SLOT_SQL}) // {width} end"
            join = f"left join identity using (native){self._year_join(part)}"
            person = "person_id, "
            where = " where person_id is null or person_id not in (select person_id from withdrawn)"
        else:
            place, join, person, where = f"case when fault > 0 then {_REJECTED} else 0 end", "", "", ""
        query = f"select {place} as slot, {person}fault, source_row{landed} from ({typed}) as typed {join}{where}"
        self.connection.execute(
            f"copy ({query}) to {literal(spool / 'split')} (format parquet, partition_by (slot), compression lz4)"
        )
        counted = self.connection.execute(f"select slot, count(*) from {_split_files(spool)} group by slot").fetchall()
        return dict(counted) if self._has_split(spool) else {}

    def _landed(self, part: BulkPart, cell: TypedCell) -> str:
        """The expression of a typed cell as it is stored: moved dates, and a year of birth that tells no age over 89."""
        name = quoted(cell.name)
        if cell.name == part.top_coded_year:
            return f"greatest({name}, last_year - 90)"
        if not (self.identities.shift_days and part.id_column):
            return name
        if cell.kind == "day":
            return f"{name} + shift"
        if cell.kind == "instant":
            return f"{name} + to_days(shift)"
        if cell.kind == "text":
            return f"regexp_replace({name}, {literal(_DATE_IN_TEXT)}, '[date]', 'g')"
        return name

    def _year_join(self, part: BulkPart) -> str:
        if not part.top_coded_year:
            return ""
        year = quoted(part.top_coded_year)
        # Years in which the person cannot have lived are not looked at: one 2999-12-31 must not move a birth.
        return (
            f" left join lateral (select max(year_seen) as last_year from year_seen where year_seen.person_id = "
            f"identity.person_id and year_seen - {year} between 0 and 120) as seen on true"
        )

    def _sort(self, part: BulkPart, cells: list[TypedCell], spool: Path, folder: Path) -> dict[str, str]:
        """Write each bucket sorted; a file whose rows are what they were stays as it is, whatever part made it."""
        files: dict[str, str] = {}
        names = ", ".join(quoted(cell.name) for cell in cells)
        person = "person_id, " if part.id_column else ""
        first_day = next((f"{quoted(cell.name)}, " for cell in cells if cell.kind == "day"), "")
        drop, cycle = part.drop, part.cycle_code
        known = (
            f"{literal(self.source_id)} as source_id, {literal(drop.drop_id)} as drop_id, "
            f"{int(drop.sequence)}::bigint as drop_sequence, {literal(part.source_file)} as source_file, source_row, "
            f"{literal(cycle) if cycle else 'null::varchar'} as cycle_code"
        )
        shape = [(cell.name, cell.kind) for cell in cells]
        origin = (shape, self.source_id, drop.drop_id, drop.sequence, part.source_file, cycle)
        listed = f"{person}{known}{', ' if names else ''}{names}"
        stale: dict[int, Path] = {}
        for index, content in self._contents(spool, f"{person}source_row{', ' if names else ''}{names}").items():
            name = self.buckets[index].name if part.id_column else WHOLE
            files[name] = sha256(repr((BULK_VERSION, content, *origin)).encode()).hexdigest()
            path = folder / name / f"{part.name}.parquet"
            if fingerprint_of(path) != files[name]:
                stale[index] = path
        new = [_slot(spool, index) for index, path in stale.items() if not path.exists()]
        if new and part.id_column:
            self.log.record_new(self.connection, f"{part.table}/{part.name}", new)
        for index, path in stale.items():
            rows = f"read_parquet({literal(_slot(spool, index))}, hive_partitioning = false)"
            query = f"select {listed} from {rows} order by {person}{first_day if person else ''}source_row"
            compare = self.log.before(self.connection, path) if path.exists() else _unchecked
            write_query(self.connection, query, path, files[path.parent.name], compare)
        return files

    def _contents(self, spool: Path, columns: str) -> dict[int, str]:
        """A hash of each bucket's rows whatever their order. It decides only whether a file is written again."""
        if not self._has_split(spool):
            return {}
        # All rows are fetched: a result that is not read to its end blocks the connection for `register`.
        found = self.connection.execute(
            f"select slot, count(*), bit_xor(h), sum(h::hugeint) from (select slot, hash({columns}) as h "
            f"from {_split_files(spool)} where slot <> {_REJECTED}) group by slot order by slot"
        ).fetchall()
        return {index: f"{duckdb.__version__} {tuple(content)}" for index, *content in found}

    def _reject(
        self, part: BulkPart, cells: list[TypedCell], spool: Path, set_aside: Path, aside: Path, fingerprint: str
    ) -> dict[str, int]:
        """Write the rows that could not be read, with the rule; how many there are of each."""
        listed = [
            ("no_person_key", f"column {part.id_column} is empty or holds no usable id; correct it in the source")
        ]
        listed += [(cell.rule, cell.reason) for cell in cells]
        faults = pl.DataFrame(
            {"fault": range(len(listed)), "rule_code": [x[0] for x in listed], "reason": [x[1] for x in listed]}
        )
        pieces = []
        if (spool / "split" / f"slot={_REJECTED}").is_dir():
            source = literal(spool / "split" / f"slot={_REJECTED}" / "*.parquet")
            pieces.append(
                f"select source_row, rule_code, reason from read_parquet({source}, hive_partitioning = false) "
                "join faults using (fault)"
            )
        if set_aside.is_dir():
            pieces.append(f"select source_row, rule_code, reason from read_parquet({literal(set_aside / '*.parquet')})")
        query = (
            " union all ".join(pieces) or "select 1::bigint as source_row, '' as rule_code, '' as reason where false"
        )
        contract = CONTRACTS["raw.rejected_row"]
        known = {
            "source_id": literal(self.source_id),
            "source_file": literal(part.source_file),
            "drop_id": literal(part.drop.drop_id),
        }
        columns = ", ".join(f"{known.get(c.name, c.name)} as {c.name}" for c in contract.columns)
        self.connection.register("faults", faults.to_arrow())
        try:
            write_query(self.connection, f"select {columns} from ({query}) order by source_row", aside, fingerprint)
        finally:
            self.connection.unregister("faults")
        counts = self.connection.execute(
            f"select rule_code || ': ' || reason, count(*) from read_parquet({literal(aside)}) group by 1 order by 1"
        ).fetchall()
        return dict(counts)

    def _withdrawn(self, part: BulkPart, relation: str, types: Mapping[str, str]) -> int:
        if not part.id_column or not self._count("select count(*) from withdrawn"):
            return 0
        native = native_id(part.id_column, types[part.id_column])
        return self._count(
            f"select count(*) from {relation} where {native} in "
            "(select native from identity semi join withdrawn using (person_id))"
        )

    def _top_coded(self, part: BulkPart, relation: str, types: Mapping[str, str]) -> int:
        if not part.top_coded_year or not part.id_column:
            return 0
        column = next(column for column, name in part.columns.items() if name == part.top_coded_year)
        year = typed_cell("year", column, types[column], "whole")
        native = native_id(part.id_column, types[part.id_column])
        return self._count(
            f"select count(*) from (select native, {year.value} as year_of from (select {native} as native, "
            f"{year.written} as w1 from {relation})) as p "
            "join identity using (native) join lateral (select max(year_seen) as last_year from year_seen where "
            "year_seen.person_id = identity.person_id and year_seen - year_of between 0 and 120) as seen on true "
            "where last_year - year_of > 90"
        )

    def _count(self, query: str) -> int:
        ((count,),) = self.connection.execute(query).fetchall()
        return int(count)

    @staticmethod
    def _has_split(spool: Path) -> bool:
        return any((spool / "split").glob("slot=*"))


def sweep_spool(settings: Settings) -> None:
    """Remove what a killed landing left in the spill folder."""
    shutil.rmtree(settings.spill / "landing", ignore_errors=True)


def _unchecked(partial: Path) -> None:
    """A file whose people are on record already."""


def _slot(spool: Path, index: int) -> Path:
    return spool / "split" / f"slot={index}" / "*.parquet"


def _split_files(spool: Path) -> str:
    files = list((spool / "split").glob("slot=*/*.parquet"))
    if not files:
        return "(select 0 as slot where false)"
    return f"read_parquet({literal(spool / 'split' / '*' / '*.parquet')}, hive_partitioning = true)"


def _delivered(connection: duckdb.DuckDBPyConnection, part: BulkPart, spool: Path) -> tuple[str, Path]:
    """A relation over the rows of a part, with `source_row`; and the folder of rows its reader set aside, if any."""
    wanted = ", ".join(quoted(column) for column in _wanted(part))
    set_aside = spool / "aside"
    if hasattr(part.rows, "table"):
        connection.execute("detach database if exists delivery")
        connection.execute(f"attach {literal(part.rows.path)} as delivery (read_only)")
        source = f"delivery.{quoted(part.rows.schema)}.{quoted(part.rows.table)}"
        return f"(select {wanted}, rowid + 1 as source_row from {source})", set_aside
    if hasattr(part.rows, "path"):
        source = f"read_parquet({literal(part.rows.path)}, file_row_number = true, hive_partitioning = false)"
        return f"(select {wanted}, file_row_number + 1 as source_row from {source})", set_aside
    _spool(part, spool / "rows", set_aside)
    return f"(select {wanted}, source_row from read_parquet({literal(spool / 'rows' / '*.parquet')}))", set_aside


def _wanted(part: BulkPart) -> tuple[str, ...]:
    extra = () if part.id_column is None or part.id_column in part.columns else (part.id_column,)
    return (*part.columns, *extra)


def _spool(part: BulkPart, rows: Path, set_aside: Path) -> None:
    """Write what a reader gives into a few Parquet files: read once, used three times."""
    wanted = _wanted(part)
    rows.mkdir()
    number = 0
    for number, (kept, rejects) in enumerate(_gathered(part.rows.read(wanted))):
        kept.select("source_row", *wanted).write_parquet(rows / f"{number:06d}.parquet", compression="lz4")
        if rejects.height:
            set_aside.mkdir(exist_ok=True)
            rejects.write_parquet(set_aside / f"{number:06d}.parquet", compression="lz4")
    if not any(rows.iterdir()):
        empty = {"source_row": pl.Int64} | dict.fromkeys(wanted, pl.String)
        pl.DataFrame(schema=empty).write_parquet(rows / "000000.parquet")


def _gathered(batches: Iterator[Any]) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
    kept: list[pl.DataFrame] = []
    rejects: list[pl.DataFrame] = []
    size = 0
    for batch in batches:
        kept.append(batch.rows)
        rejects.append(batch.rejects)
        size += batch.rows.estimated_size()
        if size >= SPOOL_BYTES:
            yield pl.concat(kept, how="vertical_relaxed"), pl.concat(rejects)
            kept, rejects, size = [], [], 0
    if kept:
        yield pl.concat(kept, how="vertical_relaxed"), pl.concat(rejects)


def _types(connection: duckdb.DuckDBPyConnection, relation: str) -> dict[str, str]:
    return {row[0]: row[1] for row in connection.execute(f"describe select * from {relation}").fetchall()}


def _cells(part: BulkPart, types: Mapping[str, str]) -> list[TypedCell]:
    """The typed cells of a part, in the order of the contract, undeclared columns after them by name."""
    declared = [column.name for column in CONTRACTS[part.table].columns]
    by_name = {name: column for column, name in part.columns.items()}
    order = [name for name in declared if name in by_name] + sorted(set(by_name) - set(declared))
    taken = [n for n in order if n not in ("person_id", *PROVENANCE) and not is_nested(types[by_name[n]])]
    return [
        typed_cell(name, by_name[name], types[by_name[name]], part.kinds.get(name, "text"), place)
        for place, name in enumerate(taken, 1)
    ]
