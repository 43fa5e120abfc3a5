"""A view over sites: the summary is that of the published numbers, and what is not one quantity is never put together."""

import csv
import io
import json
import math
import runpy
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from pipelines import meta_lines
from pipelines.errors import BadInput
from pipelines.meta_view import MetaView, meta_view
from pipelines.models.meta_summary import summarise

HERE = Path(__file__).parent
made = runpy.run_path(str(HERE / "site_rows.py"))
site, answer, closed, frame = (made[name] for name in ("site", "answer", "closed", "frame"))


def only(view: MetaView):
    (cell,) = view.cells
    return cell


def said(view: MetaView) -> str:
    return "\n".join(meta_lines.lines(view))


def test_bcg_as_metafor_is_documented():
    """Viechtbauer (2010), J Stat Softw 36(3), dat.bcg by REML: -0.7145, tau^2 0.3132, I^2 92.22 %."""
    data = pl.read_csv(HERE.parent / "published" / "oracles" / "meta_input.csv")
    a, b, c, d = (data[name].to_numpy() for name in ("tpos", "tneg", "cpos", "cneg"))
    y, se = np.log(a / (a + b) / (c / (c + d))), np.sqrt(1 / a - 1 / (a + b) + 1 / c - 1 / (c + d))
    sites = [site(f"trial {i}", answer(float(y[i]), float(se[i]))) for i in range(13)]
    found = only(meta_view(sites))
    assert found.summary.estimate == pytest.approx(-0.7145, abs=5e-5)
    assert found.summary.tau_squared == pytest.approx(0.3132, abs=5e-5)
    assert found.summary.i_squared == pytest.approx(0.9222, abs=5e-5)
    assert sum(each.weight for each in found.sites) == pytest.approx(1)
    assert [each.site for each in found.sites] == [f"trial {i}" for i in range(13)]


def test_true_mean_of_sites_is_held_as_often_as_promised():
    """Six sites about a mean of -0.3 that differ by 0.15: 95 % of 400 intervals hold it, within 3 errors of chance."""
    draw, held = np.random.default_rng(11), 0
    for _ in range(400):
        se = draw.uniform(0.08, 0.3, 6)
        y = draw.normal(-0.3, 0.15, 6) + draw.normal(0, se)
        cell = only(meta_view([site(f"s{i}", answer(float(y[i]), float(se[i]))) for i in range(6)]))
        held += cell.summary.ci_low <= -0.3 <= cell.summary.ci_high
    assert abs(held / 400 - 0.95) < 3 * math.sqrt(0.95 * 0.05 / 400)


def test_a_closed_gate_gives_no_number_and_its_reason():
    sites = [site("north", answer(-0.2, 0.1)), site("south", answer(-0.4, 0.2)), site("east", closed())]
    view = meta_view(sites)
    cell = next(each for each in view.cells if each.estimator)
    assert len(view.cells) == 1
    expected = summarise(np.array([-0.2, -0.4]), np.array([0.1, 0.2]))
    assert (cell.summary.estimate, cell.summary.ci_high) == (expected.estimate, expected.ci_high)
    (left,) = cell.left_out
    assert (left.site, left.is_closed, left.reason) == ("east", True, "gate closed: equipoise fail")
    assert "east                 left out: gate closed: equipoise fail" in said(view)


def test_a_number_that_slipped_behind_a_closed_gate_goes_nowhere():
    leak = answer(-7.77, 0.1, gate_status="closed", gate_reason="overlap fail")
    view = meta_view([site("north", answer(-0.2, 0.1)), site("south", answer(-0.4, 0.2)), site("east", leak)])
    assert only(view).summary.n_sites == 2
    assert "7.77" not in meta_lines._csv(view) + meta_lines._json(view) + said(view)


def test_a_waiver_is_told():
    waived = answer(-0.4, 0.2, gate_status="waived", gate_reason="pilot, agreed")
    view = meta_view([site("north", answer(-0.2, 0.1)), site("south", waived)])
    assert only(view).summary.n_sites == 2
    assert "gate waived: pilot, agreed" in said(view)


def test_nobody_open_is_a_cell_without_numbers():
    view = meta_view([site("north", closed("overlap fail")), site("south", closed())])
    cell = only(view)
    assert (cell.summary, cell.estimator, cell.sites) == (None, None, ())
    assert [each.reason for each in cell.left_out] == ["gate closed: overlap fail", "gate closed: equipoise fail"]
    assert "0 of 1 summarised" in said(view)


def test_one_site_alone_is_listed_and_not_summarised():
    view = meta_view([site("north", answer(-0.2, 0.1)), site("south")])
    cell = only(view)
    assert cell.summary is None
    assert cell.why_none == "1 site(s) answered, 2 are needed"
    assert cell.sites[0].estimate == -0.2
    assert cell.sites[0].weight is None
    assert cell.left_out[0].reason == "does not ask this question"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"protocol_hash": "bbbb"}, "another protocol (bbbb, not aaaa)"),
        ({"scale": "log hazard ratio"}, "another scale (log hazard ratio, not difference of log risks)"),
        ({"horizon_months": 24.0}, "another horizon in months (24.0, not 60.0)"),
        ({"estimand": "hypothetical"}, "another estimand (hypothetical, not weighted risks)"),
        ({"se": None}, "no standard error above 0"),
        ({"se": 0.0}, "no standard error above 0"),
        ({"estimate": None}, "a p-value without an estimate"),
        ({"estimate": None, "p_value": None}, "no estimate"),
        ({"estimate": math.nan, "p_value": None}, "no estimate"),
        ({"estimator": "log_hazard_ratio"}, "no estimate by log_risk_ratio"),
    ],
)
def test_what_is_another_quantity_is_left_out(changes, words):
    two = [site("north", answer(-0.2, 0.1)), site("south", answer(-0.4, 0.2))]
    view = meta_view([*two, site("east", answer(-5.0, 0.01, **changes))])
    cell = view.cells[0]
    assert [each.reason for each in cell.left_out if each.site == "east"] == [words]
    assert cell.summary.estimate == only(meta_view(two)).summary.estimate
    assert view.summarised == (cell,)


def test_two_protocols_are_two_summaries():
    sites = [
        site(f"s{i}", answer(-0.1 * i, 0.1 + 0.01 * i, protocol_hash=protocol)) for i, protocol in enumerate("aabbb")
    ]
    found = meta_view(sites).summarised
    assert [(cell.protocol_hash, cell.summary.n_sites) for cell in found] == [("a", 2), ("b", 3)]


def test_slopes_about_a_break_that_the_site_chose_are_never_summarised():
    rows = [answer(-0.1 * i, 0.1, estimator="two_lines_below") for i in (1, 2, 3)]
    view = meta_view([site(f"s{i}", row) for i, row in enumerate(rows)])
    assert only(view).summary is None
    assert "chooses for itself" in only(view).left_out[0].reason


def test_tests_alone_are_never_summarised():
    rows = [answer(0.0, 1.0, estimator="spline_joint_test", estimate=None, se=None, p_value=p) for p in (0.01, 0.02)]
    cell = only(meta_view([site(f"s{i}", row) for i, row in enumerate(rows)]))
    assert (cell.summary, cell.left_out[0].reason) == (None, "a p-value without an estimate")


def test_simulated_with_real_is_refused():
    real = site("north", answer(-0.2, 0.1))
    demo = site("demo", answer(-0.4, 0.2), evidence="simulated")
    with pytest.raises(BadInput, match="demo: simulated evidence"):
        meta_view([real, demo])
    both = meta_view([demo, site("demo two", answer(-0.1, 0.2), evidence="simulated")])
    assert said(both).startswith("SIMULATED")


def test_a_survey_is_not_put_together_with_records():
    view = meta_view([site("north", answer(-0.2, 0.1)), site("survey", answer(-0.4, 0.2), evidence="public_survey")])
    assert view.summarised == ()
    assert "another evidence source" in view.cells[0].left_out[0].reason


def test_the_same_people_twice_are_refused():
    one, two = site("north", answer(-0.2, 0.1)), site("north", answer(-0.3, 0.1))
    with pytest.raises(BadInput, match="name north stands twice.*\n.*build of north stands twice"):
        meta_view([one, two])
    with pytest.raises(BadInput, match="1 site"):
        meta_view([one])
    copied = meta_view([one, site("copy", answer(-0.2, 0.1)), site("south", answer(-0.3, 0.1))])
    assert only(copied).summary is None
    assert "north and copy tell the same estimate" in only(copied).why_none


def test_calibrated_estimates_are_summarised_where_all_have_them():
    def calibrated(middle: float, se: float) -> dict[str, float]:
        reach = 1.959963984540054 * se
        return {
            "calibrated_estimate": middle,
            "calibrated_ci_low": middle - reach,
            "calibrated_ci_high": middle + reach,
        }

    rows = [answer(-0.2, 0.1, **calibrated(-0.1, 0.15)), answer(-0.4, 0.2, **calibrated(-0.35, 0.3))]
    cell = only(meta_view([site("north", rows[0]), site("south", rows[1])]))
    expected = summarise(np.array([-0.1, -0.35]), np.array([0.15, 0.3]))
    assert cell.calibrated.estimate == pytest.approx(expected.estimate)
    assert cell.calibrated.ci_low == pytest.approx(expected.ci_low)
    assert [each.calibrated_se for each in cell.sites] == pytest.approx([0.15, 0.3])
    part = only(meta_view([site("north", rows[0]), site("south", answer(-0.4, 0.2))]))
    assert part.calibrated is None
    assert part.why_not_calibrated == "not calibrated: south"
    assert part.summary is not None


def test_a_hidden_count_stays_hidden_and_a_small_one_is_hidden():
    view = meta_view(
        [
            site("north", answer(-0.2, 0.1, n_target=None)),
            site("south", answer(-0.4, 0.2, n_target=7, n_comparator=900)),
        ]
    )
    assert [each.n_target for each in only(view).sites] == [None, None]
    assert "people hidden\n" in said(view)
    assert "people hidden, 900" in said(view)
    rows = list(csv.DictReader(io.StringIO(meta_lines._csv(view))))
    assert [row["n_target"] for row in rows] == ["", "", "", ""]


def test_another_version_and_an_estimate_twice_are_refused():
    with pytest.raises(BadInput, match="north: .*published by another version"):
        made["site_of"]("north", frame(answer(-0.2, 0.1)).drop("scale"), "b", "c", "real")
    with pytest.raises(BadInput, match="stands twice"):
        site("north", answer(-0.2, 0.1), answer(-0.3, 0.1))


def test_csv_and_json_hold_the_same(tmp_path):
    sites = [site("north", answer(-0.2, 0.1)), site("south", answer(-0.4, 0.2)), site("east", closed())]
    view = meta_view(sites)
    for name in ("a.csv", "a.json"):
        meta_lines.write(view, tmp_path / name)
    rows = {(row["row"], row["site"]): row for row in csv.DictReader((tmp_path / "a.csv").open())}
    (cell,) = json.loads((tmp_path / "a.json").read_text())["cells"]
    assert float(rows["summary", ""]["estimate"]) == cell["summary"]["estimate"] == view.cells[0].summary.estimate
    assert float(rows["summary", ""]["se"]) == cell["summary"]["se"] == view.cells[0].summary.standard_error
    assert (rows["summary", ""]["prediction_low"], cell["summary"]["prediction_low"]) == ("", None)
    assert float(rows["site", "south"]["estimate"]) == cell["sites"][1]["estimate"] == -0.4
    assert rows["left out", "east"]["why"] == cell["left_out"][0]["reason"] == "gate closed: equipoise fail"
    assert rows["summary, calibrated", ""]["why"] == "not calibrated: north, south"
    for name in ("a.parquet", "absent/a.csv"):
        with pytest.raises(BadInput, match="name a file that ends in|its folder does not exist"):
            meta_lines.write(view, tmp_path / name)


def test_ratios_are_told_as_ratios_however_far():
    text = said(meta_view([site("north", answer(math.log(0.5), 0.1)), site("south", answer(math.log(2.0), 0.1))]))
    assert "north                0.50 (0.41 to 0.61)" in text
    assert "summary              1.00 (0.00015 to 6.7e+03)" in text
    wide = said(meta_view([site("north", answer(-300.0, 1.0)), site("south", answer(300.0, 1.0))]))
    assert "below 1e-6 to above 1e6" in wide


def test_forest_plot_shows_every_site(tmp_path):
    view = meta_view([site(f"s{i}", answer(-0.2 - 0.1 * i, 0.1 + 0.05 * i)) for i in range(3)])
    assert meta_lines.draw(view, tmp_path / "a.png") == f"drawn 1 of 1 summaries: {tmp_path / 'a.png'}"
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(BadInput, match="no summary to draw"):
        meta_lines.draw(meta_view([site("a", closed()), site("b", closed())]), tmp_path / "b.png")
