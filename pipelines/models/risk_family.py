"""Several outcomes of one comparison: Holm's p-values and intervals over the log ratios whose gates are open, of rows made.

The positive control is no hypothesis, and no member. Families across studies are those of claims (`claim_table`).
"""

from collections.abc import Iterable
from typing import Any

import numpy as np

from pipelines.models.claim import holm_adjusted, holm_levels
from pipelines.trials.study import Study

Row = dict[str, Any]
HOLM = "log_risk_ratio_holm"
_LOG_RATIO = "log_risk_ratio"


def holm_rows(studies: Iterable[Study], rows: list[Row]) -> list[Row]:
    """A row beside each log ratio of a comparison that has at least two.

    p is Holm's, the interval that at the level at which he tests it (`claim.holm_levels`).

    Args:
        studies: whose questions the rows answer.
        rows: of `models.effect_estimate`.
    """
    known = {
        (study.id, question.words, risk.positive_control.outcome)
        for study in studies
        for risk in study.risk
        if risk.positive_control is not None
        for question in risk.questions
    }
    families: dict[tuple[str, str, str], list[Row]] = {}
    for row in rows:
        is_member = row["estimator"] == _LOG_RATIO and row.get("p_value") is not None
        if is_member and (row["study_id"], row["contrast"], row["outcome"]) not in known:
            families.setdefault((row["study_id"], row["contrast"], row["population"]), []).append(row)
    return [row for family in families.values() if len(family) > 1 for row in _family(family)]


def _family(family: list[Row]) -> list[Row]:
    from scipy.special import ndtri

    p = np.array([row["p_value"] for row in family])
    reach = ndtri(1 - holm_levels(p, np.zeros(p.size, dtype=int)) / 2)
    own = [name for name in family[0] if not name.startswith(("calibrated_", "e_value"))]
    return [
        {name: row[name] for name in own}
        | {
            "estimator": HOLM,
            "se_method": f"{row['se_method']}; p and interval by Holm over the {p.size} open outcomes",
            "ci_low": row["estimate"] - reach[place] * row["se"],
            "ci_high": row["estimate"] + reach[place] * row["se"],
            "p_value": float(adjusted),
        }
        for place, (row, adjusted) in enumerate(zip(family, holm_adjusted(p), strict=True))
    ]
