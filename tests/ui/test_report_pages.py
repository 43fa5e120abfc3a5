"""The pages of the report in a browser: nothing fails, nothing leaves, every figure is seen, tables sort and search."""

import base64
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipelines.report.build import build_report

pytestmark = pytest.mark.ui
TESTS = Path(__file__).parents[1]
MADE_UP = TESTS / "unit" / "report" / "conftest.py"
STUDIES = runpy.run_path(str(MADE_UP.with_name("pages.py")))["STUDIES"]
PAGES = ("index", "quality", *(f"study-{study}" for study in STUDIES))
FUNCTIONAL = runpy.run_path(str(TESTS / "functional" / "conftest.py"))
# The finished home of the functional tests, made once for all of them.
drop, first_run, finished = (FUNCTIONAL[name] for name in ("drop", "first_run", "finished"))
DESK, PHONE = (1280, 900), (390, 844)
SHOWN = "Array.from(document.querySelectorAll('#contrasts table.sortable tbody tr')).filter(row => !row.hidden)"
# Contrast of every text with what it stands on (WCAG 2.2, 1.4.3): 4.5 to 1, of large text 3 to 1.
FAINT = """
(() => {
  const number = text => (text.match(/[\\d.]+/g) || []).map(Number);
  const light = rgb => rgb.slice(0, 3).map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const under = element => {
    for (let each = element; each; each = each.parentElement) {
      const rgb = number(getComputedStyle(each).backgroundColor);
      if (rgb.length === 3 || rgb[3] === 1) { return rgb; }
    }
    return [255, 255, 255];
  };
  const faint = [];
  for (const element of document.querySelectorAll('body *')) {
    const own = Array.from(element.childNodes).some(node => node.nodeType === 3 && node.textContent.trim());
    if (!own || element.closest('title, desc, script, [aria-hidden]') || !element.checkVisibility()) { continue; }
    const style = getComputedStyle(element);
    const ink = element.closest('svg') ? style.fill : style.color;
    const [one, two] = [light(number(ink)), light(under(element))].sort((a, b) => b - a);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    const found = (one + 0.05) / (two + 0.05);
    if (found < (large ? 3 : 4.5)) { faint.push(`${element.tagName} ${element.textContent.slice(0, 30)}: ${found.toFixed(2)}`); }
  }
  return Array.from(new Set(faint));
})()
"""


@pytest.fixture(scope="session")
def report(made_once: Callable[[str, Callable[[Path], object]], Path]) -> Path:
    """The report of the made-up mart of the unit tests; to be read only."""
    build_mart = runpy.run_path(str(MADE_UP))["build_mart"]
    return made_once("report", lambda folder: build_report(build_mart(), folder))


def opened(page: Any, report: Path, name: str, size: tuple[int, int] = DESK) -> Any:
    return page.size(*size, mobile=size == PHONE).open(f"file://{report / name}.html")


def test_what_would_leave_is_refused_and_remembered(page: Any) -> None:
    """The watch itself: without it a page that calls home would pass."""
    refused = page.evaluate("fetch('http://192.0.2.1/spy').then(() => 'sent', () => 'refused')")
    assert refused == "refused"
    assert page.left == ["http://192.0.2.1/spy"]


def is_silent(page: Any, report: Path, name: str) -> None:
    """Nothing failed, nothing left, and the page asked for nothing but itself."""
    assert page.errors == []
    assert page.left == []
    assert page.requests == [f"file://{report / name}.html"]


def test_every_page_that_is_written_is_opened_here(report: Path) -> None:
    assert {file.stem for file in report.glob("*.html")} == set(PAGES)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_says_no_error_and_asks_for_nothing_but_itself(page: Any, report: Path, name: str) -> None:
    is_silent(opened(page, report, name), report, name)


def has_its_figures(page: Any) -> int:
    """How many figures there are; each of them is seen, folded ones opened, and speaks."""
    page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true })")
    drawn = page.evaluate(
        "Array.from(document.querySelectorAll('svg.plot')).map(svg => { const box = svg.getBoundingClientRect();"
        "return [box.width, box.height, svg.querySelectorAll('path, use, rect').length, svg.querySelectorAll('text').length,"
        "svg.getAttribute('role'), svg.querySelector('title').textContent] })"
    )
    figures = page.evaluate("document.querySelectorAll('figure').length")
    assert len(drawn) == figures
    for width, height, shapes, words, role, title in drawn:
        assert width > 300 and height > 60 and shapes > 3 and words > 2 and role == "img" and title
    return int(figures)


@pytest.mark.parametrize("name", PAGES)
def test_every_figure_is_rendered(page: Any, report: Path, name: str) -> None:
    figures = has_its_figures(opened(page, report, name))
    assert figures > 0 or name in ("quality", "study-e2_threshold")


def test_a_published_report_is_as_silent_and_as_whole(browser: Any, finished: Path) -> None:
    """Pages of a build of simulated people: all that a night writes, not only what is made up here."""
    report = (finished / "report").resolve()
    found = {}
    for file in sorted(report.glob("*.html")):
        page = opened(browser.page(), report, file.stem)
        found[file.stem] = has_its_figures(page)
        is_silent(page, report, file.stem)
        assert page.evaluate("document.documentElement.scrollWidth") <= DESK[0]
        page.close()
    assert {"index", "quality", "study-nhanes_e2_bmd"} <= set(found)
    assert found["index"] and found["study-nhanes_e2_bmd"]


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_nothing_sticks_out_and_every_text_can_be_read(
    page: Any, report: Path, name: str, size: tuple[int, int]
) -> None:
    opened(page, report, name, size)
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true })")
    assert page.evaluate(FAINT) == []


def choose(page: Any, column: str, word: str) -> None:
    page.evaluate(
        "(() => { const label = Array.from(document.querySelectorAll('.controls label'))"
        f".find(each => each.firstChild.textContent.trim() === {column!r}); const control = label.querySelector('select, input');"
        f"control.value = {word!r}; control.dispatchEvent(new Event('input', {{bubbles: true}})); }})()"
    )


def test_rows_are_chosen_by_gate_and_found_by_words(page: Any, report: Path) -> None:
    opened(page, report, "index")
    all_rows = page.evaluate(f"{SHOWN}.length")
    choose(page, "Gate", "closed")
    closed = page.evaluate(f"{SHOWN}.map(row => row.cells[7].textContent)")
    assert 0 < len(closed) < all_rows
    assert all("closed" in text for text in closed)
    assert f"{len(closed)} of {all_rows} shown" in page.text()
    choose(page, "Search", "lumbar closed")
    assert page.evaluate(f"{SHOWN}.map(row => row.cells[2].textContent)") == ["Lumbar-spine BMD"]
    page.evaluate("document.querySelector('.controls [type=reset]').click()")
    page.until(f"{SHOWN}.length === {all_rows}")


@pytest.mark.parametrize(
    ("column", "place", "word"),
    [("Study", 0, "Estradiol and bone mineral density"), ("Outcome", 2, "Heart failure"), ("Population", 3, "Men")],
)
def test_rows_are_chosen_by_study_outcome_and_population(
    page: Any, report: Path, column: str, place: int, word: str
) -> None:
    opened(page, report, "index")
    all_rows = page.evaluate(f"{SHOWN}.map(row => row.cells[{place}].textContent)")
    choose(page, column, word)
    chosen = page.evaluate(f"{SHOWN}.map(row => row.cells[{place}].textContent)")
    assert chosen == [text for text in all_rows if text == word]
    assert 0 < len(chosen) < len(all_rows)


def test_headings_sort_by_number_and_those_without_one_come_last(page: Any, report: Path) -> None:
    opened(page, report, "index")
    heading = "document.querySelectorAll('table.sortable thead th')[4]"
    values = f"{SHOWN}.map(row => row.cells[4].dataset.sort || null)"
    page.evaluate(f"{heading}.querySelector('button').click()")
    assert page.evaluate(f"{heading}.getAttribute('aria-sort')") == "ascending"
    up = page.evaluate(values)
    page.evaluate(f"{heading}.querySelector('button').click()")
    assert page.evaluate(f"{heading}.getAttribute('aria-sort')") == "descending"
    down = page.evaluate(values)
    for found, is_reversed in ((up, False), (down, True)):
        told = [float(value) for value in found if value is not None]
        assert len(told) > 3
        assert told == sorted(told, reverse=is_reversed)
        assert found[len(told) :] == [None] * (len(found) - len(told))
    assert None in up


def test_checks_are_sorted_and_searched_wherever_they_stand(page: Any, report: Path) -> None:
    opened(page, report, "quality")
    heading = "document.querySelector('#staging-lab_result thead th:nth-child(4)')"
    page.evaluate(f"{heading}.querySelector('button').click()")
    values = page.evaluate(
        f"Array.from({heading}.closest('table').tBodies[0].rows).map(row => row.cells[3].dataset.sort || null)"
    )
    told = [float(value) for value in values if value is not None]
    assert told == sorted(told) and values[len(told) :] == [None] * (len(values) - len(told)) and None in values
    opened(page, report, "index")
    every = "Array.from(document.querySelectorAll('#quality table.sortable tbody tr'))"
    page.evaluate(
        "const box = document.querySelector('#quality .controls input'); box.value = 'dxa_scan';"
        "box.dispatchEvent(new Event('input', {bubbles: true}))"
    )
    shown = page.evaluate(f"{every}.filter(row => !row.hidden).length")
    assert 0 < shown < page.evaluate(f"{every}.length")


def press(page: Any, key: str, code: int) -> None:
    for kind in ("keyDown", "keyUp"):
        text = {"text": "\r"} if key == "Enter" and kind == "keyDown" else {}
        page.send("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, **text)


def test_a_keyboard_is_enough(page: Any, report: Path) -> None:
    opened(page, report, "index")
    press(page, "Tab", 9)
    assert page.evaluate("document.activeElement.className") == "skip"
    page.evaluate("document.querySelector('table.sortable thead button').focus()")
    press(page, "Enter", 13)
    page.until("document.querySelector('table.sortable thead th').getAttribute('aria-sort') === 'ascending'")
    scrolled = "Array.from(document.querySelectorAll('.scroll')).every(each => each.tabIndex === 0 && each.ariaLabel)"
    assert page.evaluate(scrolled)


def test_an_answer_leads_to_the_page_of_its_study_and_back(page: Any, report: Path) -> None:
    opened(page, report, "index")
    page.evaluate("document.querySelector('.answer h3 a').click()")
    page.until("location.pathname.includes('study-') && document.readyState === 'complete'")
    page.evaluate("document.querySelector('.kicker a').click()")
    page.until("location.pathname.endsWith('index.html') && document.readyState === 'complete'")
    assert page.errors == []


def test_a_page_prints_whole_without_controls(page: Any, report: Path) -> None:
    opened(page, report, "index")
    page.send("Emulation.setEmulatedMedia", media="print")
    assert page.evaluate("getComputedStyle(document.querySelector('.controls')).display") == "none"
    printed = base64.b64decode(page.send("Page.printToPDF", preferCSSPageSize=True)["data"])
    assert printed.startswith(b"%PDF-") and len(printed) > 20_000


def test_what_is_folded_is_printed(page: Any, report: Path) -> None:
    opened(page, report, "index")
    shown = "Array.from(document.querySelectorAll('details :is(table, .answer, figure)')).map(each => each.checkVisibility())"
    assert True not in page.evaluate(shown) and len(page.evaluate(shown)) > 2
    page.send("Emulation.setEmulatedMedia", media="print")
    assert False not in page.evaluate(shown)
    closed = "Array.from(document.querySelectorAll('details:not([open])'))"
    heights = page.evaluate(f"{closed}.map(each => each.offsetHeight - each.firstElementChild.offsetHeight)")
    assert min(heights) > 30


def test_without_its_script_a_page_is_whole(page: Any, report: Path, tmp_path: Path) -> None:
    text = (report / "index.html").read_text()
    still = text[: text.index("<script>")] + text[text.index("</script>") + len("</script>") :]
    (tmp_path / "index.html").write_text(still)
    opened(page, tmp_path, "index")
    assert page.evaluate("document.querySelectorAll('.controls').length") == 0
    assert page.evaluate(f"{SHOWN}.length") > 5
