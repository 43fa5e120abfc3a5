"""Why a gate is closed, as a reader writes it: what failed first, then what could not be evaluated.

How a reason is made is `models.gate_rule`; nothing here judges.
"""

import re
from collections.abc import Iterable

from pipelines.report.labels import label, readable

_PART = re.compile(r"^(?:gate closed: )?(\w+) (fail|not_evaluated)(?: (\(.*\)))?$")
_SAID = {"fail": "failed", "not_evaluated": "not evaluated"}


def gate_words(reason: str | None, most: int | None = None) -> str:
    """`failed: events; not evaluated: share below the assay limit`; other words stay as they are.

    Args:
        reason: `gate_reason`, or a `why` that repeats it.
        most: so many parts are named, and the number of those left out.
    """
    parts = [part for part in (reason or "").split("; ") if part]
    shown = parts if most is None else parts[:most]
    said: dict[str, list[str]] = {of: [] for of in ("", *_SAID.values())}
    for part in shown:
        found = _PART.match(part)
        of, name = (_SAID[found[2]], label(found[1])) if found else ("", readable(part))
        said[of].append(f"{name} {found[3]}" if found and found[3] else name)
    words = "; ".join(
        f"{of}: {', '.join(listed(names))}" if of else "; ".join(names) for of, names in said.items() if names
    )
    return words + (f"; and {len(parts) - len(shown)} more" if len(shown) < len(parts) else "")


def listed(names: Iterable[str]) -> list[str]:
    """Names that have a comma of their own in brackets, so that a list of them stays a list."""
    return [re.sub(r"^([^,(]+), ([^(]+?)( \(.*\))?$", r"\1 (\2)\3", name) for name in names]


def because(reason: str | None) -> str:
    """How a sentence goes on that says there is nothing: `, because ...`."""
    words = gate_words(reason).rstrip(".") or "no reason was given"
    return f"; {words}" if words.startswith(tuple(f"{said}: " for said in _SAID.values())) else f", because {words}"
