"""Addresses of object stores: what is one, and which are refused. Nothing is opened here (see `pipelines.objects`)."""

import re
from pathlib import Path

from pipelines.errors import BadInput

# Two letters at least: a drive of Windows is no store.
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+://")
_OF_THIS_MACHINE = ("file", "local")
# There the part before the @ is a container, not a user.
_CONTAINER_FIRST = ("abfs", "abfss", "az")
EXAMPLE = "s3://bucket/prefix"


def is_url(text: str | Path) -> bool:
    """Whether a text is the address of a store, not a path."""
    return _ADDRESS.match(str(text)) is not None


def plain(text: str, what: str) -> str:
    """The address of a store without a slash at its end.

    Args:
        what: the option or setting it came from, for the message.

    Raises:
        BadInput: it is no such address, or holds a login. The message never repeats it.
    """
    if not is_url(text) or "::" in text:
        raise BadInput(f"{what}: not the address of an object store: write it as {EXAMPLE}")
    scheme, _, rest = text.partition("://")
    host = rest.partition("/")[0]
    if (
        "?" in text
        or "#" in text
        or ("@" in host and (":" in host.partition("@")[0] or scheme not in _CONTAINER_FIRST))
    ):
        raise BadInput(
            f"{what}: the address holds a login or a signature: leave it out; credentials come from the environment or from "
            "the driver's own files"
        )
    if scheme in _OF_THIS_MACHINE:
        raise BadInput(f"{what}: name a folder of this machine by its path alone")
    if not rest.strip("/"):
        raise BadInput(f"{what}: names no bucket: write it as {EXAMPLE}")
    return text.rstrip("/")
