"""The ways a run can end badly, each with its exit status. Messages name file, row or column and the remedy, never a value."""

from collections.abc import Sequence


class TrabeculaError(Exception):
    """Anything this program refuses to do; `exit_status` is what the command line returns."""

    exit_status = 1
    # Whether the same run, started again, may end well: what `trabecula nightly` tries again.
    is_passing = False


class BadInput(TrabeculaError):
    """Bad usage or input: nothing was published. Holds every problem found, so that one run shows them all."""

    exit_status = 2

    def __init__(self, problems: str | Sequence[str]) -> None:
        self.problems: tuple[str, ...] = (problems,) if isinstance(problems, str) else tuple(problems)
        super().__init__("\n".join(self.problems))


class Busy(BadInput):
    """Another run is writing there: it ends at some time."""

    is_passing = True


class DropChanged(BadInput):
    """Somebody still wrote in the drop folder while it was read: the delivery comes to an end at some time."""

    is_passing = True


class StoreUnreachable(BadInput):
    """An object store does not answer: nothing was published; it comes back at some time."""

    is_passing = True


class BlockedByCheck(TrabeculaError):
    """A blocking data check failed: the published data stay as they were."""

    exit_status = 1


class StepFailed(TrabeculaError):
    """An engine refused a step. Says which and how, but never repeats a message that may quote a value."""

    exit_status = 1


class DiskFull(TrabeculaError):
    """There is no space left for the data: the published data stay as they were."""

    exit_status = 1


class OutOfMemory(TrabeculaError):
    """Memory ran out for an engine, or a worker was killed for it: the published data stay as they were."""

    exit_status = 1


class DamagedRecord(TrabeculaError):
    """Files of the working record could not be read and were taken away: the next run computes them anew."""

    exit_status = 1
    is_passing = True


class CopyFailed(TrabeculaError):
    """What is published here could not be copied to the object store: readers there have the copy before."""

    exit_status = 1


class TookTooLong(TrabeculaError):
    """A run was ended because it took longer than it may: the published data stay as they were."""

    exit_status = 1


class Interrupted(TrabeculaError):
    """A run was ended from outside, cancelled or with its process: nothing of it is half-written, the next one goes on."""

    exit_status = 1


class HistoryUnreachable(TrabeculaError):
    """The server that keeps Dagster's history does not answer: nothing was started; it comes back at some time."""

    exit_status = 1
    is_passing = True


_WHILE = "while computing "


def note_work(error: Exception, what: str) -> None:
    """Note on an error that nobody expected what was computed: its own words may quote values and are not told."""
    error.add_note(_WHILE + what)


def noted_work(error: BaseException) -> str:
    """What `note_work` noted, or nothing; notes of libraries are not told."""
    return next((note for note in getattr(error, "__notes__", ()) if note.startswith(_WHILE)), "")
