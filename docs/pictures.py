"""The pictures of README and docs/ui-tour.md, taken of a home by a headless Chromium; nothing is drawn by hand.

    trabecula demo --persons 4000 --home HOME
    python docs/pictures.py --home HOME --study nhanes_e2_bmd

The home is one of simulated people: whatever is seen of it may be shown to anybody. The driver is that of the browser tests.
"""

from __future__ import annotations

import argparse
import runpy
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
IMAGES = Path(__file__).with_name("images")
UI = runpy.run_path(str(ROOT / "tests" / "ui" / "test_dagster_ui.py"))
Browser = runpy.run_path(str(ROOT / "tests" / "ui" / "conftest.py"))["Browser"]
_SETTLE = "new Promise(done => setTimeout(done, 1500))"


def take(page: Any, name: str) -> None:
    page.evaluate(_SETTLE)
    (IMAGES / f"{name}.png").write_bytes(page.picture())


def of_dagster(page: Any, address: str) -> None:
    """The graph, a table with its meaning, a plot opened, checks and the launchpad."""

    def look(path: str, *words: str) -> None:
        page.size(1200, 900).send("Page.navigate", url=f"{address}/{path}")
        for word in words:
            page.until(f"document.body && document.body.innerText.includes({word!r})")

    look("asset-groups", "staging", "publish")
    take(page, "lineage")
    look("assets/staging/lab_result?view=overview", "Laboratory results in canonical units", "analyte_code")
    take(page, "ui-asset")
    look("assets/mart/effect_estimate?view=overview", "files_computed")
    UI["open_plot"](page)
    take(page, "ui-plot")
    look("assets/staging/conservation?view=checks", "is_balanced")
    take(page, "ui-checks")
    look("locations/assets.definitions/jobs/one_study/playground", "studies")
    take(page, "ui-launchpad")


def of_report(page: Any, report: Path, study: str) -> None:
    for name, file in (("report", "index.html"), ("report-study", f"study-{study}.html")):
        page.size(1200, 1218).open((report / file).resolve().as_uri())
        take(page, name)


def main() -> None:
    given = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    given.add_argument("--home", type=Path, required=True)
    given.add_argument("--study", required=True, help="The study whose page is shown.")
    asked = given.parse_args()
    with tempfile.TemporaryDirectory() as profile:
        browser = Browser(Path(profile))
        try:
            of_report(browser.page(), asked.home / "report", asked.study)
            with UI["served"](asked.home) as address:
                of_dagster(browser.page(), address)
        finally:
            browser.close()


if __name__ == "__main__":
    main()
