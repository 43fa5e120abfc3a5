"""What matplotlib writes as SVG, made small: equal to the eye, less than half the bytes. What is drawn stands in `plot_*`."""

import re
from collections import Counter

_TURNED_BY_NOTHING = re.compile(r' transform="rotate\(-?0 [^"]*\)"')
_BETWEEN_TAGS = re.compile(r">\s*\n\s*<")
_PATH = re.compile(r' d="([^"]*)"')
_AROUND_LETTERS = re.compile(r"\s*([A-Za-z])\s*")
_GEOMETRY = re.compile(r' (?:d|x|y|width|height|transform)="[^"]*"')
_NUMBER = re.compile(r"-?\d+\.\d{2,}")
_GROUP = re.compile(r"<g( [^>]*)?>|</g>")
_STYLE = re.compile(r' style="([^"]*)"')


def slim(body: str, name: str) -> str:
    """The elements of one drawing without indentation, idle groups and repeated styles; numbers to a tenth of a point.

    Args:
        body: what stands between the tags of the `svg`, well-formed.
        name: starts the names of its classes and occurs once on a page.
    """
    body = _TURNED_BY_NOTHING.sub("", _BETWEEN_TAGS.sub("><", body.strip()))
    body = _GEOMETRY.sub(lambda m: _NUMBER.sub(_tenth, m[0]).replace("\n", ""), body)
    body = _PATH.sub(_tight, body)
    return _classed(_ungrouped(body), name)


def _tenth(match: re.Match[str]) -> str:
    return f"{float(match[0]):.1f}".removesuffix(".0")


def _tight(match: re.Match[str]) -> str:
    path = _AROUND_LETTERS.sub(r"\1", match[1]).strip()
    return f' d="{path}"'


def _ungrouped(body: str) -> str:
    """Without groups that say nothing of what is in them."""
    says: list[bool] = []

    def kept(match: re.Match[str]) -> str:
        if match[0] == "</g>":
            return match[0] if says.pop() else ""
        says.append(match[1] is not None)
        return match[0] if says[-1] else ""

    return _GROUP.sub(kept, body)


def _classed(body: str, name: str) -> str:
    """Styles that occur more than once as classes; the selector outweighs what the page says of every plot."""
    times = Counter(_STYLE.findall(body))
    classes = {style: f"{name}-c{n}" for n, style in enumerate(each for each, found in times.items() if found > 1)}
    body = _STYLE.sub(lambda m: f' class="{classes[m[1]]}"' if m[1] in classes else m[0], body)
    rules = "".join(f"svg.plot .{each}{{{style.replace(': ', ':')}}}" for style, each in classes.items())
    return f"<style>{rules}</style>{body}" if rules else body
