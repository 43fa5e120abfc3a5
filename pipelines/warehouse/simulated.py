"""Whether a program wrote the data of a home: a mark beside the raw tables. What tells it is the source's to say."""

from pathlib import Path

from pipelines.settings import Settings


def is_marked(settings: Settings) -> bool:
    """Whether what is landed is simulated, as the last landing was told."""
    return _mark(settings).exists()


def mark(settings: Settings) -> None:
    """Say that the data are simulated: before the first row is written, so that a killed landing never passes for real."""
    _mark(settings).parent.mkdir(parents=True, exist_ok=True)
    _mark(settings).touch()


def unmark(settings: Settings) -> None:
    """Say that they are not: after the last row was replaced."""
    _mark(settings).unlink(missing_ok=True)


def _mark(settings: Settings) -> Path:
    return settings.data / "raw" / "SIMULATED"
