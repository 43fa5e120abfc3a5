"""Prints `docs/data-dictionary.md`: `python -m pipelines.dictionary`, which `make docs` calls.

Only says who makes each table, from the plan; how the page looks is `pipelines.report.dictionary`.
"""

from pathlib import Path

from pipelines import plan
from pipelines.report.dictionary import render
from pipelines.settings import project_root
from pipelines.tables import CONTRACTS
from pipelines.warehouse.step import CsvProducer, PythonProducer, SqlProducer, Step

_MADE_ELSEWHERE = {
    "mart.quality_result": "expectations.record:judge_and_record",
    "mart.quality_trend": "pipelines.warehouse.quality_trend:trend",
    "mart.build": "pipelines.warehouse.publish:publish",
}
_LANDING = "pipelines.run:Run.land"


def producers() -> dict[str, str]:
    """For each table of the house, the file or function that makes it."""
    made = {step.table: _producer(step) for step in plan.steps()}
    return made | {table: _MADE_ELSEWHERE.get(table, _LANDING) for table in plan.MADE_ELSEWHERE}


def page() -> str:
    """The data dictionary of this checkout."""
    return render(CONTRACTS, producers())


def _producer(step: Step) -> str:
    match step.producer:
        case SqlProducer(path=path) | CsvProducer(path=path):
            return _relative(path)
        case PythonProducer(function=function):
            return function


def _relative(path: Path) -> str:
    return path.relative_to(project_root()).as_posix()


if __name__ == "__main__":
    print(page(), end="")
