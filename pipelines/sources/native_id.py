"""The id of a person as somebody writes it down, read as the landing of each source reads it.

Landing itself makes 12, 12.0 and ' 12 ' one id; here is only what a reader does before that.
"""

import re
from collections.abc import Iterable
from pathlib import Path

from pipelines.errors import BadInput

_FHIR_PATIENT = re.compile(r"^(?:.*/)?Patient/|^urn:uuid:|/_history/.*$")


def written_ids(given: Iterable[str]) -> tuple[str, ...]:
    """The ids meant by arguments that are ids or files of ids, one a line; each once, in order.

    Raises:
        BadInput: a file cannot be read as UTF-8 text, or there is no id at all. No id is ever named.
    """
    found: dict[str, None] = {}
    for place, argument in enumerate(given, 1):
        path = Path(argument).expanduser()
        if not _is_file(path):
            found[argument.strip()] = None
            continue
        try:
            lines = path.read_text(encoding="utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise BadInput(
                f"--ids, argument {place}: cannot be read ({type(error).__name__}): write one id a line, as UTF-8 text"
            ) from error
        found.update(dict.fromkeys(line.strip().strip('"') for line in lines))
    found.pop("", None)
    if not found:
        raise BadInput("--ids: no id there: name a file with one source id a line, or the ids themselves")
    return tuple(found)


def as_landed(source: str, native: str) -> str:
    """An id as the source's reader hands it to landing: of FHIR's Patient/x, a full address or urn:uuid:x, only x."""
    return _FHIR_PATIENT.sub("", native.strip()) if source == "flat" else native.strip()


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # an id longer than a file name may be
        return False
