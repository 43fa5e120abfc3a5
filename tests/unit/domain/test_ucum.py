"""UCUM concentrations: golden conversion factors of the field, and refusal of what does not convert."""

import pytest

from pipelines.domain.ucum import UcumError, factor, parse


@pytest.mark.parametrize(
    ("given", "wanted", "grams_per_mole", "expected"),
    [
        ("pg/mL", "pmol/L", 272.38, 3.671),  # estradiol
        ("ng/dL", "nmol/L", 288.42, 0.03467),  # testosterone
        ("pg/mL", "pmol/L", 270.37, 3.699),  # estrone
        ("ng/mL", "nmol/L", 314.46, 3.18),  # progesterone
        ("mmol/L", "mg/dL", 386.65, 38.67),  # cholesterol
        ("mmol/L", "mg/dL", 885.7, 88.57),  # triglycerides
        ("mmol/L", "mg/dL", 180.156, 18.02),  # glucose
        ("mg/dL", "umol/L", 113.12, 88.4),  # creatinine
        ("ng/mL", "pg/mL", None, 1000),  # CTX
        ("ng/L", "pg/mL", None, 1),
        ("ng/dL", "pg/mL", None, 10),
        ("ug/mL", "mg/L", None, 1),
        ("m[IU]/mL", "[IU]/L", None, 1),
        ("10*9/L", "10*3/uL", None, 1),
        ("mmol/mol", "%", None, 0.1),
        ("nmol{BCE}/L", "nmol/L", None, 1),
    ],
)
def test_factors_of_the_field(given, wanted, grams_per_mole, expected):
    assert factor(given, wanted, grams_per_mole=grams_per_mole) == pytest.approx(expected, rel=5e-4)


@pytest.mark.parametrize(
    ("given", "wanted"),
    [("U/L", "[IU]/L"), ("meq/L", "mmol/L"), ("g/L", "g/mol"), ("mg/dL", "mmol/L"), ("kat/L", "U/L"), ("pg/mL", "%")],
)
def test_what_does_not_measure_the_same_is_refused(given, wanted):
    with pytest.raises(UcumError):
        factor(given, wanted)


@pytest.mark.parametrize(
    "spelling", ["", " ", "/", "pg/", "mg/dL/h", "PG/ML", "Mg/L", "kk/L", "10*x/L", "pg per mL", "{x}"]
)
def test_what_is_no_ucum_concentration_is_refused(spelling):
    with pytest.raises(UcumError):
        parse(spelling)
