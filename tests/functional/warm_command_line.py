"""The command line, warm: a process that has imported what `trabecula` imports, and forks for each call it is given.

What a call does, prints and returns is what the entry point does in a process of its own; only the imports are not paid
again. No engine with threads is used before the fork: threads do not survive it. The script reads one call a line.
"""

import importlib
import json
import os
import sys
import traceback

# What a run and the verbs beside it import late.
_WARM = (
    "assets.cli",
    "assets.assembly",
    "assets.job",
    "assets.history_upkeep",
    "assets.run_history",
    "assets.withdrawing",
    "expectations.engine",
    "expectations.record",
    "pipelines.report.build",
    "pipelines.report.plots",
    "pipelines.synth.nhanes_shaped",
)


def warm() -> None:
    """Import, and read what every run reads anew: the code of steps and the suites."""
    import duckdb

    from pipelines import plan
    from pipelines.warehouse.step import PythonProducer

    for name in _WARM:
        importlib.import_module(name)
    duckdb.execute("set threads = 1")  # what parses SQL is an engine too
    for step in plan.steps():
        step.code_version()
        if isinstance(step.producer, PythonProducer):
            step.producer.resolve()
    suite = importlib.import_module("expectations.suite")
    for table in suite.all_tables():
        _ = suite.load(table).reads  # parses every query


def work(given: dict) -> None:
    """Be `trabecula` in this (forked) process; does not return."""
    os.setsid()
    for number, file in enumerate((os.devnull, given["out"], given["err"])):
        opened = os.open(file, os.O_RDONLY if number == 0 else os.O_WRONLY)
        os.dup2(opened, number)
        os.close(opened)
    os.environ.clear()
    os.environ.update(given["environment"])
    os.chdir(given["folder"])
    sys.argv = ["trabecula", *given["arguments"]]
    from assets.cli import main

    main()


def serve() -> None:
    """Answer calls until there are no more: the process id at once, the exit status when it has ended."""
    calls, answers = sys.stdin, os.fdopen(os.dup(1), "w", buffering=1)
    for line in calls:
        given = json.loads(line)
        child = os.fork()
        if child == 0:
            status = 1
            try:
                work(given)
                status = 0
            except BaseException:
                traceback.print_exc()
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(status)
        answers.write(f"{child}\n")
        answers.write(f"{os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}\n")


if __name__ == "__main__":
    warm()
    serve()
