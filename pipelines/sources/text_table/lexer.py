"""Where the records of delimited text begin and end, quotes regarded: one pass of numpy over a block of bytes.

Quotes as in RFC 4180: a cell is quoted if its first byte is a quote, and a quote inside it is doubled. A quote inside an
unquoted cell is a plain character (5" tube). Works on any encoding that holds ASCII as it is.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

QUOTE, LINE_FEED, CARRIAGE_RETURN = 34, 10, 13


@dataclass(frozen=True, slots=True)
class Records:
    """The complete records at the beginning of a block: byte offsets of each, line end excluded, and faults.

    `ends` leaves out the line feed but not a carriage return before it. `torn` and `split` are the records in which
    text follows a closing quote, and those with a carriage return that ends no line. `in_quotes`: the incomplete record
    after the last complete one ends inside a quoted cell.
    """

    starts: np.ndarray
    ends: np.ndarray
    torn: np.ndarray
    split: np.ndarray
    in_quotes: bool

    @property
    def consumed(self) -> int:
        """Bytes that belong to complete records."""
        return int(self.ends[-1]) + 1 if len(self.ends) else 0


def split_records(block: bytes, delimiter: bytes, quoting: bool) -> Records:
    """Find the records of a block that begins where a record begins."""
    codes = np.frombuffer(block, dtype=np.uint8)
    feeds = np.flatnonzero(codes == LINE_FEED)
    inside, torn_at, in_quotes = _quoted(block, codes, delimiter) if quoting and b'"' in block else _UNQUOTED
    ends = feeds[~inside(feeds)]
    starts = np.concatenate(([0], ends[:-1] + 1)) if len(ends) else ends
    split_at = _NOWHERE
    if b"\r" in block:
        returns = np.flatnonzero(codes == CARRIAGE_RETURN)
        returns = returns[returns < len(codes) - 1]
        returns = returns[codes[returns + 1] != LINE_FEED]
        split_at = returns[~inside(returns)]
    return Records(starts, ends, _records_of(torn_at, ends), _records_of(split_at, ends), in_quotes)


_NOWHERE = np.zeros(0, dtype=np.int64)
Inside = Callable[[np.ndarray], np.ndarray]
_UNQUOTED: tuple[Inside, np.ndarray, bool] = (lambda places: np.zeros(len(places), dtype=bool), _NOWHERE, False)


def _records_of(places: np.ndarray, ends: np.ndarray) -> np.ndarray:
    found = np.unique(np.searchsorted(ends, places))
    return found[found < len(ends)]


def _quoted(block: bytes, codes: np.ndarray, delimiter: bytes) -> tuple[Inside, np.ndarray, bool]:
    quotes = np.flatnonzero(codes == QUOTE)
    if not _is_regular(codes, quotes, delimiter[0]):
        return _quoted_one_by_one(block, delimiter)
    return (lambda places: np.searchsorted(quotes, places) % 2 == 1), _NOWHERE, len(quotes) % 2 == 1


def _is_regular(codes: np.ndarray, quotes: np.ndarray, delimiter: int) -> bool:
    """Whether every other quote opens a cell and the next one closes it, so that counting quotes tells in from out."""
    openings, closings = quotes[0::2], quotes[1::2]
    before = codes[openings - 1]
    opens = (before == delimiter) | (before == LINE_FEED) | (before == QUOTE) | (openings == 0)
    # A quote before an opening must itself be a closing one: the pair is a doubled quote inside a cell.
    after = codes[np.minimum(closings + 1, len(codes) - 1)]
    closes = (
        (after == delimiter)
        | (after == LINE_FEED)
        | (after == CARRIAGE_RETURN)
        | (after == QUOTE)
        | (closings == len(codes) - 1)
    )
    return bool(opens.all() and closes.all())


_CLOSING = re.compile(rb'[^"]*+(?:""[^"]*+)*+"')


def _quoted_one_by_one(block: bytes, delimiter: bytes) -> tuple[Inside, np.ndarray, bool]:
    # Only blocks with a quote in an unexpected place come here; one step a quoted cell.
    opening = re.compile(rb"(?:(?<=[\n" + re.escape(delimiter) + rb'])|\A)"')
    ordinary_next = {delimiter[0], LINE_FEED, CARRIAGE_RETURN}
    begin: list[int] = []
    end: list[int] = []
    torn: list[int] = []
    place = 0
    while found := opening.search(block, place):
        begin.append(found.start())
        closed = _CLOSING.match(block, found.end())
        if closed is None:
            end.append(len(block))
            break
        place = closed.end()
        end.append(place)
        if place < len(block) and block[place] not in ordinary_next:
            torn.append(found.start())
    begins, ends = np.array(begin, dtype=np.int64), np.array(end, dtype=np.int64)

    def inside(places: np.ndarray) -> np.ndarray:
        span = np.searchsorted(begins, places, side="right") - 1
        return (span >= 0) & (places < ends[np.maximum(span, 0)]) if len(begins) else span >= 0

    is_open = bool(begin) and end[-1] == len(block) and _CLOSING.match(block, begin[-1] + 1) is None
    return inside, np.array(torn, dtype=np.int64), is_open
