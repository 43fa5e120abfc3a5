"""Instructions in words say the dose that was planned: no digit that counts is rounded away."""

import polars as pl
import pytest

from pipelines.domain.sig import parse
from pipelines.synth.omop.sigs import VARIANTS, with_texts

HALF_A_PERCENT = 0.005


def written(amount: float, form: str, strength: float, language: str) -> list[str]:
    """The plain instruction once a week, in every variant."""
    rows = pl.DataFrame(
        {
            "ingredient": "testosterone" if form == "injection" else "anastrozole",
            "form": form,
            "route": "subcutaneous" if form == "injection" else "oral",
            "strength_mg": strength,
            "amount_per_intake": amount,
            "intakes_per_week": 1.0,
            "language": language,
            "kind": "plain",
            "variant": list(range(VARIANTS)),
        }
    )
    return with_texts(rows)["sig"].to_list()


@pytest.mark.parametrize("language", ["en_us", "en_gb", "es", "de", "fr"])
@pytest.mark.parametrize("amount", [0.0125, 0.00625, 0.0333, 0.1875, 0.25, 0.5, 1.25])
def test_small_volumes_keep_their_digits(amount, language):
    for text in written(amount, "injection", 200.0, language):
        read = parse(text, drug="testosterone cypionate", strength="200 mg/mL")
        assert read.mg_per_week == pytest.approx(200 * amount, rel=HALF_A_PERCENT), text


@pytest.mark.parametrize("strength", [0.0625, 0.125, 0.05, 1.0])
def test_small_strengths_keep_their_digits(strength):
    for text in written(1.0, "capsule", strength, "en_us"):
        read = parse(text, drug="anastrozole", strength=f"{strength} mg capsule")
        assert read.mg_per_week == pytest.approx(strength, rel=HALF_A_PERCENT), text
