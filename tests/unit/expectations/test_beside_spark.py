"""Great Expectations beside an installed PySpark, whose Connect client ends processes that Dagster starts."""

import subprocess
import sys
from pathlib import Path


def test_a_process_without_a_main_file_judges_though_spark_is_installed(root: Path, tmp_path: Path) -> None:
    """As PySpark 4.3 is: no main file means doctests to it, and without all it needs these are skipped by `sys.exit(0)`."""
    connect = tmp_path / "pyspark" / "sql" / "connect"
    connect.mkdir(parents=True)
    for folder in (connect.parent.parent, connect.parent):
        (folder / "__init__.py").touch()
    (connect / "__init__.py").write_text("raise SystemExit(0)\n")
    (connect / "dataframe.py").write_text("class DataFrame: ...\n")
    program = f"import sys; sys.path[:0] = [{str(root)!r}, {str(tmp_path)!r}]\n"
    judged = "from expectations import engine; print('judges')"
    for code, said in (
        (judged, "judges\n"),
        ("from great_expectations.compatibility import pyspark; print('judges')", ""),
    ):
        done = subprocess.run([sys.executable, "-c", program + code], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (0, said), done.stderr[-2000:]
