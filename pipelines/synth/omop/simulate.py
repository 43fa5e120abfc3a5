"""A simulated population as an OMOP folder: streaming, block by block, with its truth beside it.

Blocks are independent of each other and of the machine: number of processes and batch size change no byte. What a block
holds comes from `pipelines.synth.mechanism` (lives) and `block` (records); nothing is decided here.
"""

import json
import multiprocessing
import os
import shutil
import time
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from pipelines.errors import BadInput
from pipelines.synth.mechanism.life import Lives
from pipelines.synth.omop.block import Rendered, render
from pipelines.synth.omop.mess import LEVELS, Level, Mess, traps
from pipelines.synth.omop.parts import BLOCK_PERSONS, FORMATS, FileFormat, Folders, blocks, gather_planted, part, write
from pipelines.synth.omop.schema import PERSON_TABLES
from pipelines.synth.omop.vocabulary import population_tables
from pipelines.synth.parameters import Parameters
from pipelines.worker import end_with_parent

TRUTH_FILE = "truth.json"
MOST_PERSONS = 100_000_000
_MARKER = ".trabecula-simulation"
_OURS = (TRUTH_FILE, _MARKER, "omop", "planted", ".planted", "dose")
Simulator = Callable[[Parameters, int, int, int], Lives]
Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Request:
    """What to simulate.

    Attributes:
        out: folder to write into: new, empty, or one that was simulated before.
        persons: how many, 1 to `MOST_PERSONS`.
        seed: any integer.
        level: how much mess.
        kind: file format of the OMOP tables.
        batch_persons: people simulated at a time within a block; changes memory, not results.
        processes: workers; 1 stays in this process.
        block_persons: persons of one part-file. Another number cuts the files elsewhere and changes no row.
    """

    out: Path
    persons: int
    seed: int
    level: Level = "real"
    kind: FileFormat = "parquet"
    batch_persons: int = BLOCK_PERSONS
    processes: int = 1
    block_persons: int = BLOCK_PERSONS

    def require_sound(self) -> None:
        """Raises BadInput naming everything that is wrong with the request."""
        problems = []
        if not 1 <= self.persons <= MOST_PERSONS:
            problems.append(f"--persons: name a number between 1 and {MOST_PERSONS:,}")
        if self.level not in LEVELS:
            problems.append(f"--mess: name one of {', '.join(LEVELS)}")
        if self.kind not in FORMATS:
            problems.append(f"--format: name one of {', '.join(FORMATS)}")
        if self.batch_persons < 1:
            problems.append("batch: name a positive number")
        if self.block_persons < 1:
            problems.append("--file-persons: name a positive number")
        if self.out.exists() and not self.out.is_dir():
            problems.append(f"{self.out}: is a file; name a folder with --out")
        elif self.out.is_dir() and any(self.out.iterdir()) and not (self.out / _MARKER).is_file():
            problems.append(f"{self.out}: holds files that were not simulated; name an empty or new folder with --out")
        if problems:
            raise BadInput(problems)


@dataclass(frozen=True, slots=True)
class _Block:
    number: int
    first_person: int
    count: int
    request: Request
    parameters: Parameters
    simulator: Simulator


@dataclass(frozen=True, slots=True)
class _Written:
    """What a worker tells: rows per table, products and sites seen."""

    number: int
    rows: dict[str, int]
    products: list[tuple[str, str, float]]
    places: dict[int, list[int]]


def write_population(
    request: Request,
    parameters: Parameters,
    simulator: Simulator,
    truth: Callable[[], dict[str, Any]] = dict,
    report: Report = lambda line: None,
) -> dict[str, Any]:
    """Simulate, write the folder, and return what `truth.json` says.

    Args:
        request: what to simulate and where.
        parameters: of the mechanism.
        simulator: (parameters, seed, first person, count) to lives.
        truth: counterfactual contrasts to put into `truth.json`; called once, after the data.
        report: takes progress lines.

    Raises:
        BadInput: the request is not sound.
    """
    request.require_sound()
    folders = Folders(request.out)
    _prepare(request)
    work = [_Block(*block, request, parameters, simulator) for block in blocks(request.persons, request.block_persons)]
    started = time.monotonic()
    done: list[_Written] = []
    persons = 0
    for written in _run(work, request.processes):
        done.append(written)
        persons += written.rows["person"]
        passed = time.monotonic() - started
        left = passed / persons * (request.persons - persons)
        report(f"{persons:,} of {request.persons:,} persons, {passed:,.0f} s, about {left:,.0f} s left")
    done.sort(key=lambda written: written.number)
    rows = {table: sum(written.rows[table] for written in done) for table in PERSON_TABLES}
    for table, frame in _population(request, parameters, done).items():
        write(frame, part(folders.omop / table, 1, request.kind))
        rows[table] = len(frame)
    planted = gather_planted(folders, [written.number for written in done])
    report("computing the truth")
    told = {
        "evidence_source": "simulated",
        "simulator": "trabecula",
        "seed": request.seed,
        "persons": request.persons,
        "mess": request.level,
        "parameters_sha256": parameters.fingerprint(),
        "rows": rows,
        "planted": {
            code: {"trap": trap.number, "table": trap.table, "unit": trap.unit, "n": planted[code]}
            for code, trap in traps().items()
        },
        "truth": truth(),
    }
    partial = request.out / f".{TRUTH_FILE}.partial"
    partial.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    os.replace(partial, request.out / TRUTH_FILE)
    return told


def _prepare(request: Request) -> None:
    """An empty folder with our mark; what an earlier run left, whole or not, goes."""
    request.out.mkdir(parents=True, exist_ok=True)
    for name in _OURS:
        path = request.out / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    (request.out / _MARKER).write_text("This folder is written by `trabecula simulate`.\n", encoding="utf-8")


def _run(work: list[_Block], processes: int) -> Iterator[_Written]:
    if processes == 1 or len(work) == 1:
        yield from map(_write_block, work)
        return
    context = multiprocessing.get_context("spawn")
    workers = ProcessPoolExecutor(min(processes, len(work)), mp_context=context, initializer=end_with_parent)
    with _one_thread_each(), workers as pool:
        waiting = [pool.submit(_write_block, block) for block in work]
        try:
            for finished in as_completed(waiting):
                yield finished.result()
        finally:
            pool.shutdown(cancel_futures=True)


@contextmanager
def _one_thread_each() -> Generator[None]:
    """Workers that share the cores must not each start as many threads as there are cores."""
    names = ("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _write_block(block: _Block) -> _Written:
    request, folders = block.request, Folders(block.request.out)
    rendered = [_rendered(block, first, count) for first, count in _batches(block)]
    rows = {}
    for table in PERSON_TABLES:
        frame = pl.concat([batch.tables.pop(table) for batch in rendered])
        write(frame, part(folders.omop / table, block.number, request.kind))
        rows[table] = len(frame)
        del frame
    planted = pl.concat([batch.planted for batch in rendered]).sort("trap", "row_id", maintain_order=True)
    write(planted, part(folders.planted_blocks, block.number))
    write(pl.concat([batch.doses for batch in rendered]), part(folders.doses, block.number))
    products = pl.concat([batch.products.cast({"ingredient": pl.String, "form": pl.String}) for batch in rendered])
    places: dict[int, set[int]] = {}
    for batch in rendered:
        for kind, numbers in batch.places.items():
            places.setdefault(kind, set()).update(numbers)
    return _Written(
        block.number, rows, products.unique().rows(), {kind: sorted(numbers) for kind, numbers in places.items()}
    )


def _batches(block: _Block) -> Iterator[tuple[int, int]]:
    last = block.first_person + block.count
    for first in range(block.first_person, last, block.request.batch_persons):
        yield first, min(block.request.batch_persons, last - first)


def _rendered(block: _Block, first: int, count: int) -> Rendered:
    request = block.request
    lives = block.simulator(block.parameters, request.seed, first, count)
    return render(lives, Mess(request.seed, request.level))


def _population(request: Request, parameters: Parameters, done: list[_Written]) -> dict[str, pl.DataFrame]:
    seen = sorted({product for written in done for product in written.products})
    schema = {"ingredient": pl.String, "form": pl.String, "strength_mg": pl.Float32}
    places: dict[int, set[int]] = {}
    for written in done:
        for kind, numbers in written.places.items():
            places.setdefault(kind, set()).update(numbers)
    description = (
        f"Simulated: no person in it exists. Seed {request.seed}, {request.persons} persons, mess {request.level}, "
        f"parameters {parameters.fingerprint()[:12]}."
    )
    return population_tables(
        pl.DataFrame(seen, schema=schema, orient="row"),
        {kind: sorted(numbers) for kind, numbers in places.items()},
        description,
    )
