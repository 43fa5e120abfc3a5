"""Progress of long work, on standard error: a bar under the lines where somebody sits at a terminal, lines alone elsewhere.

No colour and no control code where output is piped, or where NO_COLOR is set.
"""

import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from rich.progress import Progress as Display
    from rich.progress import TaskID


class Progress(Protocol):
    """What long work says while it is under way."""

    def say(self, line: str) -> None:
        """One line, which stays."""

    def step(self, now: str, total: int | None = None) -> None:
        """One more part of the whole is done: `now`. `total`: how many parts there are, where that is known only by now."""


class Lines:
    """Lines alone."""

    def say(self, line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    def step(self, now: str, total: int | None = None) -> None:
        """Nothing to draw."""


_shown: list[Progress] = []


def current() -> Progress:
    """The bar that is shown, or lines."""
    return _shown[-1] if _shown else Lines()


@contextmanager
def shown(total: int, what: str) -> Generator[Progress]:
    """A bar of `total` parts while the block runs, gone at its end; lines alone where standard error is no terminal."""
    if not sys.stderr.isatty():
        yield current()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Display

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Display(*columns, console=Console(stderr=True, highlight=False), transient=True) as display:
        bar = _Bar(display, display.add_task(what, total=total))
        _shown.append(bar)
        try:
            yield bar
        finally:
            _shown.remove(bar)


class _Bar:
    """A bar of rich, whose lines are printed above it."""

    def __init__(self, display: "Display", task: "TaskID") -> None:
        self._display = display
        self._task = task

    def say(self, line: str) -> None:
        self._display.console.print(line, markup=False, soft_wrap=True)

    def step(self, now: str, total: int | None = None) -> None:
        self._display.update(self._task, advance=1, description=now, total=total)
