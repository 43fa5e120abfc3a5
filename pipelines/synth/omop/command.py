"""What `trabecula simulate` asks for, checked and carried out: the mechanism, the records and the truth in one run.

The command line only parses and prints. What is simulated comes from `pipelines.synth.mechanism`, how it is written
from `simulate`.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from pipelines.errors import BadInput
from pipelines.synth.answers import answers
from pipelines.synth.mechanism.simulate import simulate
from pipelines.synth.omop.mess import Level
from pipelines.synth.omop.parts import BLOCK_PERSONS, FileFormat
from pipelines.synth.omop.simulate import Report, Request, write_population
from pipelines.synth.parameters import Parameters, load_parameters

MOST_TRUTH_PERSONS = 1_000_000


@dataclass(frozen=True, slots=True)
class Wish:
    """The options of the command, as given."""

    out: Path
    persons: int
    seed: int
    truth: Path | None
    mess: str
    file_format: str
    truth_persons: int
    processes: int
    file_persons: int = BLOCK_PERSONS


def simulate_population(wish: Wish, report: Report = lambda line: None) -> dict[str, Any]:
    """Carry it out and return what `truth.json` says.

    Raises:
        BadInput: an option, the folder or the truth file is not sound; every problem at once.
    """
    request = Request(
        wish.out.expanduser(),
        wish.persons,
        wish.seed,
        cast(Level, wish.mess),
        cast(FileFormat, wish.file_format),
        processes=wish.processes or os.cpu_count() or 1,
        block_persons=wish.file_persons,
    )
    problems: list[str] = []
    parameters: Parameters | None = None
    if wish.processes < 0:
        problems.append("--processes: name a positive number, or 0 for one per core")
    if not 0 <= wish.truth_persons <= MOST_TRUTH_PERSONS:
        problems.append(f"--truth-persons: name a number between 0 and {MOST_TRUTH_PERSONS:,}")
    for check in (request.require_sound, lambda: load_parameters(wish.truth)):
        try:
            parameters = check() or parameters
        except BadInput as error:
            problems += error.problems
    if problems or parameters is None:
        raise BadInput(problems)
    known = parameters

    def truth() -> dict[str, Any]:
        return answers(known, wish.seed, wish.truth_persons)

    return write_population(request, parameters, simulate, truth, report)
