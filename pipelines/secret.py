"""A secret from the environment: in a variable, or in a file that only its owner can read. Which there are, others say."""

import os
import stat
from pathlib import Path

from pipelines.errors import BadInput

_OWN_MODES = (0o600, 0o400)


def file_of(variable: str) -> Path | None:
    """The file that `VARIABLE_FILE` names; None where it is not set."""
    named = os.environ.get(f"{variable}_FILE")
    return Path(named).expanduser() if named else None


def given(variable: str) -> bytes | None:
    """The secret in `VARIABLE`, or in the file that `VARIABLE_FILE` names without its line end; None where neither is set.

    Raises:
        BadInput: both are set, or the file cannot be read or lies open to others. The message holds nothing of the secret.
    """
    value, path = os.environ.get(variable), file_of(variable)
    if value and path:
        raise BadInput(f"{variable} and {variable}_FILE are both set: unset one")
    if path:
        return _content(f"{variable}_FILE: {path}", path)
    return value.encode() if value else None


def _content(told: str, path: Path) -> bytes:
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        content = path.read_bytes()
    except OSError as error:
        raise BadInput(f"{told}: cannot be read ({error.strerror}): name a file that only you can read") from error
    if mode not in _OWN_MODES:
        raise BadInput(f"{told}: mode is {mode:04o}: chmod 600, so that nobody else can read it")
    return content.rstrip(b"\r\n")
