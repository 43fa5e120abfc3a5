"""The application of the command line, and what its verbs share: which home is meant, and what is published there."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines import settings as machine
from pipelines.errors import BadInput

if TYPE_CHECKING:
    import duckdb

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Aromatase inhibitors, estradiol, bone and heart: whole populations, every night.",
)

HomeOption = Annotated[
    Path | None, typer.Option("--home", help="Where data, builds and settings lie (TRABECULA_HOME).")
]


# The home of the command under way, for what is said of its end.
_meant: list[Path] = []


def home_of(given: Path | None) -> Path:
    """The home a command means: the one given, else TRABECULA_HOME."""
    home = given.expanduser().resolve() if given else machine.home_from_environment()
    _meant[:] = [home]
    return home


def home_meant() -> Path | None:
    """The home the command under way asked for; None where it asked for none."""
    return _meant[0] if _meant else None


def published(home: Path) -> "duckdb.DuckDBPyConnection":
    """A read-only connection to the published file of a home.

    Raises:
        BadInput: nothing is published there.
    """
    from pipelines.warehouse import withdrawal
    from pipelines.warehouse.engine import connect_confined

    file = home / "warehouse.duckdb"
    if not file.exists():
        if withdrawal.pending(machine.load(home)) is not None:
            raise BadInput(f"{home}: {withdrawal.TAKEN_BACK}")
        raise BadInput(f"{file}: nothing is published there yet; run `trabecula run` or `trabecula demo` first")
    return connect_confined(file)
