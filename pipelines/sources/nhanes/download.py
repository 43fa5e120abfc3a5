"""One address to one file: resumed after a cut, retried after a passing fault, checked before it gets its name.

Nothing here knows NHANES; `fetch` says what to download and how a whole file is told from a broken one.
"""

import hashlib
import json
import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import requests

from pipelines.errors import BadInput
from pipelines.sources.nhanes import signature

_PASSING_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504})
_CHUNK = 1 << 14  # what a cut connection loses at most


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a download tries: attempts in all, seconds before the second (doubled each time, up to a limit)."""

    attempts: int = 5
    first_pause_seconds: float = 1.0
    longest_pause_seconds: float = 60.0
    connect_timeout_seconds: float = 10.0
    read_timeout_seconds: float = 60.0

    def pause_seconds(self, failures: int) -> float:
        """How long to wait after so many failures in a row."""
        return min(self.first_pause_seconds * 2 ** (failures - 1), self.longest_pause_seconds)


@dataclass(frozen=True, slots=True)
class Downloaded:
    """A complete file: its size in bytes and its SHA-256."""

    bytes: int
    sha256: str


class NotPublishedError(Exception):
    """The server has no such file: 404, 410, or a web page where the file should be."""


class DownloadError(Exception):
    """All attempts failed; says why, with the remedy. `is_unreachable` where the server itself did not answer."""

    def __init__(self, reason: str, *, is_unreachable: bool = False) -> None:
        self.is_unreachable = is_unreachable
        super().__init__(reason)


class _PassingError(Exception):
    """One attempt failed in a way that another may not; `pause_seconds` is what the server asks for."""

    def __init__(self, reason: str, *, is_unreachable: bool = False, pause_seconds: float = 0.0) -> None:
        self.is_unreachable = is_unreachable
        self.pause_seconds = pause_seconds
        super().__init__(reason)


def download(
    session: requests.Session,
    url: str,
    target: Path,
    check: Callable[[Path], None],
    patience: Patience,
    on_bytes: Callable[[int, int | None], None],
) -> Downloaded:
    """Brings `url` to `target`, by way of `target` + `.part`, which the next attempt or the next run resumes.

    `check` raises BadInput where the complete file is not what it should be; `on_bytes` is told bytes so far and in
    all. Raises NotPublishedError or DownloadError; OSError where the disk refuses. `target` changes only on success.
    """
    part = _Part(target)
    reason, unreachable = "", False
    for failures in range(patience.attempts):
        try:
            _attempt(session, url, part, patience, on_bytes)
            part.verify(check)
            return part.finish()
        except _PassingError as fault:
            reason, unreachable = str(fault), fault.is_unreachable
            if failures + 1 < patience.attempts:
                asked = min(fault.pause_seconds, patience.longest_pause_seconds)
                time.sleep(max(patience.pause_seconds(failures + 1), asked))
    raise DownloadError(
        f"{url}: {reason}, {patience.attempts} times: run fetch again later", is_unreachable=unreachable
    )


class _Part:
    """A download in progress: the bytes so far, and beside them which version of which address they are of."""

    def __init__(self, target: Path) -> None:
        self.target = target
        self.path = target.with_name(target.name + ".part")
        self.origin_path = target.with_name(target.name + ".part.json")

    def resumable(self, url: str) -> tuple[int, str]:
        """Bytes so far and the validator they belong to; 0 and nothing where there is no telling what they are of."""
        try:
            origin = json.loads(self.origin_path.read_text(encoding="utf-8"))
            size = self.path.stat().st_size
        except (OSError, ValueError):
            return 0, ""
        if not isinstance(origin, dict) or origin.get("url") != url or not origin.get("validator"):
            return 0, ""
        return size, origin["validator"]

    def begin(self, url: str, validator: str) -> None:
        """Starts anew, with a version of the file."""
        self.discard()
        self.origin_path.write_text(json.dumps({"url": url, "validator": validator}), encoding="utf-8")

    def discard(self) -> None:
        """Throws away what there is."""
        for path in (self.path, self.origin_path):
            with suppress(FileNotFoundError):
                path.unlink()

    def verify(self, check: Callable[[Path], None]) -> None:
        """Discards a complete file that is not what it should be."""
        with self.path.open("rb") as file:
            is_page = signature.identify(file.read(512)) == signature.HTML
        try:
            if not is_page:
                check(self.path)
        except BadInput as error:
            self.discard()
            raise _PassingError(
                f"what arrived is no whole file ({str(error).removeprefix(f'{self.path}: ')})"
            ) from error
        if is_page:
            self.discard()
            raise NotPublishedError("a web page instead of the file")

    def finish(self) -> Downloaded:
        """Gives the file its name."""
        digest = hashlib.sha256()
        size = 0
        with self.path.open("r+b") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
                size += len(chunk)
            os.fsync(file.fileno())
        self.path.replace(self.target)
        self.discard()
        return Downloaded(size, digest.hexdigest())


def _attempt(
    session: requests.Session, url: str, part: _Part, patience: Patience, on_bytes: Callable[[int, int | None], None]
) -> None:
    offset, validator = part.resumable(url)
    headers = {"Accept-Encoding": "identity"}
    if offset:
        headers |= {"Range": f"bytes={offset}-", "If-Range": validator}
    timeout = (patience.connect_timeout_seconds, patience.read_timeout_seconds)
    try:
        answer = session.get(url, stream=True, timeout=timeout, headers=headers)
    except (requests.exceptions.ConnectionError, requests.exceptions.Timeout) as error:
        raise _PassingError("the server cannot be reached or does not answer", is_unreachable=True) from error
    except requests.exceptions.RequestException as error:
        raise DownloadError(f"{url}: the request cannot be made ({type(error).__name__}): check the address") from error
    with answer:
        try:
            _receive(answer, url, part, offset, validator, on_bytes)
        except requests.exceptions.RequestException as error:
            raise _PassingError("the connection was cut") from error


def _receive(
    answer: requests.Response,
    url: str,
    part: _Part,
    offset: int,
    validator: str,
    on_bytes: Callable[[int, int | None], None],
) -> None:
    status = answer.status_code
    if status in (404, 410):
        part.discard()
        raise NotPublishedError(f"status {status}")
    if status in _PASSING_STATUSES:
        raise _PassingError(f"the server answered {status}", pause_seconds=_retry_after(answer))
    if status == 416 and offset and _total(answer) == offset:
        return  # the part was complete already
    current = _validator(answer)
    if status == 416 or (status == 206 and (_first_byte(answer) != offset or (current and current != validator))):
        part.discard()
        raise _PassingError("the file changed during the download")
    if status not in (200, 206):
        raise DownloadError(f"{url}: the server answered {status}: check the address, or run fetch again later")
    if status == 200:
        offset = 0
        part.begin(url, current)
    length = _length(answer)
    total = None if length is None else offset + length
    done = offset
    with part.path.open("ab" if status == 206 else "wb") as file:
        for chunk in answer.iter_content(_CHUNK):
            file.write(chunk)
            done += len(chunk)
            on_bytes(done, total)
    if total is not None and done != total:
        raise _PassingError(f"{done} of {total} bytes arrived")


def _validator(answer: requests.Response) -> str:
    # A weak ETag does not promise the same bytes, so it must not be used to join two parts (RFC 9110, 13.1.5).
    etag = answer.headers.get("ETag", "")
    return etag if etag and not etag.startswith("W/") else answer.headers.get("Last-Modified", "")


def _length(answer: requests.Response) -> int | None:
    text = answer.headers.get("Content-Length", "")
    return int(text) if text.isdigit() else None


def _first_byte(answer: requests.Response) -> int | None:
    text = answer.headers.get("Content-Range", "").removeprefix("bytes ").partition("-")[0]
    return int(text) if text.isdigit() else None


def _total(answer: requests.Response) -> int | None:
    text = answer.headers.get("Content-Range", "").rpartition("/")[2]
    return int(text) if text.isdigit() else None


def _retry_after(answer: requests.Response) -> float:
    text = answer.headers.get("Retry-After", "")
    return float(text) if text.isdigit() else 0.0
