"""The frozen benchmark of a night on which one person in a hundred changed, and what the page says of it."""

import json

import pytest

MOST_RATIO = 0.3


@pytest.fixture(scope="module")
def frozen(root) -> dict:
    return json.loads((root / "docs" / "benchmarks" / "changed.json").read_text())


def test_steps_of_people_cost_what_is_promised(frozen) -> None:
    few, everybody = frozen["changed_people"], frozen["everybody"]
    assert 0.009 < frozen["persons_changed"] / frozen["persons"] < 0.011
    assert everybody["person"]["merged"] == 0 and few["person"]["merged"] > 100
    ratio = few["person"]["seconds"] / everybody["person"]["seconds"]
    assert ratio == pytest.approx(frozen["person_steps_ratio"], abs=5e-4)
    assert ratio <= MOST_RATIO


def test_the_page_shows_what_was_measured(root, frozen) -> None:
    page = (root / "docs" / "decisions" / "changed-people.md").read_text()
    assert frozen["persons"] >= 1_000_000, "what is promised is promised of a million people"
    assert f"{frozen['persons']:,} simulated people" in page and f"{frozen['persons_changed']:,} of them" in page
    assert f"took {frozen['person_steps_ratio']:.2f} of the night" in page
    assert f"read {frozen['population_steps_ratio']:.2f}." in page
    few, everybody = frozen["changed_people"]["slowest"], frozen["everybody"]["slowest"]
    for table in ("staging.source_row", "staging.lab_result", "features.covariate"):
        assert (
            f"{few[table] / everybody[table]:.2f} in\n  `{table}`" in page
            or f"{few[table] / everybody[table]:.2f} in `{table}`" in page
        )
