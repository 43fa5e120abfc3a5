"""The frozen R outputs are what R says: every oracle script is run again and compared, where R is installed."""

import json
import math
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ORACLES = Path(__file__).parent / "oracles"
SCRIPTS = sorted(path for path in ORACLES.glob("*.R") if "nhanes" not in path.stem)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("Rscript") is None, reason="no R: apt-get install r-cran-survey r-cran-mice ..."),
]


def missing_packages(script: Path) -> list[str]:
    """What the script loads and this R does not have."""
    wanted = re.findall(r"library\((\w+)\)", script.read_text())
    asked = ", ".join(f'"{name}"' for name in wanted)
    code = f"for (p in c({asked})) if (!requireNamespace(p, quietly = TRUE)) cat(p, '')"
    found = subprocess.run(["Rscript", "-e", code], capture_output=True, text=True, check=True, timeout=120)
    return found.stdout.split()


def same(left: object, right: object) -> bool:
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[k], right[k]) for k in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(same(a, b) for a, b in zip(left, right, strict=True))
    if isinstance(left, float | int) and isinstance(right, float | int) and not isinstance(left, bool):
        return math.isclose(left, right, rel_tol=1e-6, abs_tol=1e-9)
    return left == right


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_frozen_output_is_what_r_says(script: Path, tmp_path: Path) -> None:
    if missing := missing_packages(script):
        pytest.skip(f"this R lacks {', '.join(missing)}: apt-get install r-cran-...")
    frozen = {path.name: json.loads(path.read_text()) for path in ORACLES.glob("*.json")}
    room = Path(shutil.copytree(ORACLES, tmp_path / "oracles"))
    subprocess.run(["Rscript", script.name], cwd=room, check=True, capture_output=True, timeout=600)
    written = room / f"{script.stem}.json"
    assert written.exists(), f"{script.name} writes no {written.name}"
    assert same(json.loads(written.read_text()), frozen[written.name])
