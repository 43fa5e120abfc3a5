"""Which error a failed run means, told from its events; messages that may quote a value are not repeated."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipelines import errors
from pipelines.errors import (
    BadInput,
    BlockedByCheck,
    Busy,
    CopyFailed,
    DiskFull,
    DropChanged,
    Interrupted,
    OutOfMemory,
    StoreUnreachable,
    TrabeculaError,
)
from pipelines.warehouse.run_summary import unexpected

if TYPE_CHECKING:
    import dagster as dg
    from dagster._utils.error import SerializableErrorInfo

# Errors whose message may be repeated: ours, and those of the system, which name files and numbers.
_SPEAKS_FREELY = {
    *("BlockedByCheck", "StepFailed", "DiskFull", "OutOfMemory"),
    *("OSError", "PermissionError", "FileNotFoundError", "FileExistsError"),
}
_OURS = {name for name, each in vars(errors).items() if isinstance(each, type) and issubclass(each, TrabeculaError)}
# Outside of the runner, which says it itself: in landing, judging, publishing.
_OUT_OF_MEMORY = {"BrokenProcessPool", "MemoryError", "OutOfMemoryException"}
_OF_THE_MACHINE: dict[str | None, type[TrabeculaError]] = {
    **{"DiskFull": DiskFull, "OutOfMemory": OutOfMemory},
    "CopyFailed": CopyFailed,  # says itself what is published
}
# Name of the event of a judged check.
CHECKED = "ASSET_CHECK_EVALUATION"
WITHOUT_A_WORD = (
    "the process that ran it ended without a word: it was killed, or the machine stopped; readers see the last published "
    "build: run again"
)
_REFUSALS: dict[str | None, type[BadInput]] = {
    **{"BadInput": BadInput, "SuiteError": BadInput, "DropChanged": DropChanged, "Busy": Busy},
    **{"NotThere": BadInput, "StoreUnreachable": StoreUnreachable},
}


@dataclass(frozen=True, slots=True)
class Failure:
    """What ended a run, and in which step; no step where it ended before the first or its process was killed."""

    error: TrabeculaError
    step: str | None


def failure(events: Iterable["dg.DagsterEvent"]) -> Failure:
    """The error that a failed run means, from the first step that failed, else from what ended the run."""
    from dagster._core.events import JobFailureData

    told = list(events)
    failed = next((event for event in told if event.is_step_failure), None)
    if failed is not None:
        return Failure(_of_step(failed, told), failed.step_key)
    ended = next((event for event in told if event.is_job_failure), None)
    told_of = ended.event_specific_data if ended is not None else None
    error = _root(told_of.error) if isinstance(told_of, JobFailureData) else None
    if error is None:
        return Failure(Interrupted(WITHOUT_A_WORD), None)
    message = _message(error)
    if error.cls_name in _REFUSALS:
        return Failure(_REFUSALS[error.cls_name](message.splitlines()), None)
    said = message if error.cls_name in _SPEAKS_FREELY else unexpected(error.cls_name or "error")
    return Failure(BlockedByCheck(f"the run did not start, nothing was published: {said}"), None)


def _of_step(failed: "dg.DagsterEvent", events: list["dg.DagsterEvent"]) -> TrabeculaError:
    import dagster as dg

    error = _root(failed.step_failure_data.error)
    name = error.cls_name if error else None
    message = _message(error) if error else "unknown"
    if name in _REFUSALS:
        return _REFUSALS[name](message.splitlines())
    checks = [event.asset_check_evaluation_data for event in events if event.event_type_value == CHECKED]
    blocked = [
        f"{check.asset_key.to_user_string()}: {check.check_name}"
        for check in checks
        if not check.passed and check.blocking and check.severity == dg.AssetCheckSeverity.ERROR
    ]
    if blocked:
        return BlockedByCheck(f"critical checks failed, nothing was published: {', '.join(blocked)}")
    if name in _OF_THE_MACHINE:
        return _OF_THE_MACHINE[name](message)
    if name in _OUT_OF_MEMORY:
        return OutOfMemory(
            f"{failed.step_key}: memory ran out: lower [limits] persons_per_bucket, raise memory_gb if the machine has more, "
            "or give it more; nothing was published"
        )
    if name not in _SPEAKS_FREELY:
        message = unexpected(name or "error")
    return BlockedByCheck(f"{failed.step_key} failed, nothing was published: {message}")


def _root(error: "SerializableErrorInfo | None") -> "SerializableErrorInfo | None":
    """What was raised first, or the first of ours: what that was raised from, it says itself."""
    while error is not None and error.cause is not None and error.cls_name not in _OURS:
        error = error.cause
    return error


def _message(error: "SerializableErrorInfo") -> str:
    return error.message.partition(": ")[2].strip()
