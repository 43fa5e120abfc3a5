"""`python -m pipelines.synth.calibration [--out FILE] [--seed N] [--scale X]`: write the calibration table."""

import argparse
from pathlib import Path

from pipelines.synth.calibration.table import calibrate, page, read_targets
from pipelines.synth.parameters import load_parameters


def main() -> None:
    """Run all trials and write the page."""
    parser = argparse.ArgumentParser(prog="python -m pipelines.synth.calibration", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("docs/simulator-calibration.md"))
    parser.add_argument("--truth", type=Path, default=None, help="override file of parameters")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--scale", type=float, default=1.0, help="multiplies the number of people screened")
    options = parser.parse_args()
    parameters = load_parameters(options.truth)
    agreements = calibrate(parameters, options.seed, read_targets(), options.scale)
    options.out.write_text(page(agreements, options.seed, parameters), encoding="utf-8")


if __name__ == "__main__":
    main()
