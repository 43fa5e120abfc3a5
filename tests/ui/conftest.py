"""A headless Chromium driven over its DevTools protocol, for pages of the report and of Dagster.

It lets nothing leave this machine: a request to anywhere else is refused, and remembered.
"""

import base64
import itertools
import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import pytest
from websockets.sync.client import ClientConnection, connect

CHROMIUM = shutil.which("chromium")
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--remote-debugging-port=0",
    "--remote-allow-origins=*",
)
_START_SECONDS = 60
_SEND_SECONDS = 60


class Page:
    """One tab: what it said on its console, which requests it made, and which of them would have left."""

    def __init__(self, endpoint: str) -> None:
        self.errors: list[str] = []
        self.requests: list[str] = []
        self.left: list[str] = []
        self._numbers = itertools.count(1)
        self._open = ExitStack()
        self._socket: ClientConnection = self._open.enter_context(
            connect(endpoint, max_size=None, compression=None, proxy=None)
        )
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")
        self.send("Fetch.enable", patterns=[{"urlPattern": "*"}])

    def send(self, method: str, **params: Any) -> dict[str, Any]:
        """A command and its result; what happens meanwhile is taken note of."""
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        deadline = time.monotonic() + _SEND_SECONDS
        while time.monotonic() < deadline:
            message = json.loads(self._socket.recv(timeout=_SEND_SECONDS))
            if message.get("id") == number:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error']['message']}")
                return message["result"]
            self._note(message)
        raise TimeoutError(method)

    def _note(self, message: dict[str, Any]) -> None:
        params = message.get("params", {})
        match message.get("method"):
            case "Fetch.requestPaused":
                url = params["request"]["url"]
                self.requests.append(url)
                answer = "Fetch.continueRequest" if _stays(url) else "Fetch.failRequest"
                reason = {} if _stays(url) else {"errorReason": "BlockedByClient"}
                if reason:
                    self.left.append(url)
                told = {"requestId": params["requestId"], **reason}
                self._socket.send(json.dumps({"id": next(self._numbers), "method": answer, "params": told}))
            case "Runtime.exceptionThrown":
                self.errors.append(json.dumps(params["exceptionDetails"])[:500])
            case "Runtime.consoleAPICalled" if params["type"] in ("error", "assert"):
                self.errors.append(json.dumps(params["args"])[:500])
            case "Log.entryAdded" if params["entry"]["level"] == "error":
                self.errors.append(f"{params['entry']['text']} {params['entry'].get('url', '')}")

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression, awaited."""
        found = self.send("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in found:
            raise AssertionError(json.dumps(found["exceptionDetails"])[:800])
        return found["result"].get("value")

    def open(self, url: str) -> Self:
        """Go there and wait until it is loaded."""
        self.send("Page.navigate", url=url)
        return self.until("document.readyState === 'complete' && location.href !== 'about:blank'")

    def until(self, condition: str, seconds: float = 90) -> Self:
        """Wait for a JavaScript condition."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.evaluate(f"Boolean({condition})"):
                return self
            time.sleep(0.1)
        raise AssertionError(f"never so: {condition}\n{self.text()[:3000]}")

    def text(self) -> str:
        """What a reader sees."""
        return str(self.evaluate("document.body.innerText"))

    def size(self, width: int, height: int, *, mobile: bool = False) -> Self:
        """The window, as a phone or a desk has it."""
        self.send("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=mobile)
        return self

    def picture(self, *, whole: bool = False) -> bytes:
        """A PNG of the window, or of the whole page."""
        found = self.send("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        return base64.b64decode(found["data"])

    def close(self) -> None:
        """The tab goes: a page left open goes on asking its server."""
        self._socket.send(json.dumps({"id": next(self._numbers), "method": "Page.close"}))
        self._open.close()


def _stays(url: str) -> bool:
    place = urlsplit(url)
    return place.scheme in ("file", "data", "blob", "about") or place.hostname in ("127.0.0.1", "localhost")


class Browser:
    """A Chromium of its own, with a profile that is thrown away."""

    def __init__(self, profile: Path) -> None:
        port_file = profile / "DevToolsActivePort"
        command = [str(CHROMIUM), *FLAGS, f"--user-data-dir={profile}", "about:blank"]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + _START_SECONDS
        while not port_file.exists() or len(port_file.read_text().splitlines()) < 2:
            if time.monotonic() > deadline:
                self.close()
                raise TimeoutError("chromium did not open its port")
            time.sleep(0.05)
        port, path = port_file.read_text().splitlines()[:2]
        self._port, self._whole = port, f"ws://127.0.0.1:{port}{path}"

    def page(self) -> Page:
        """A new tab."""
        with connect(self._whole, proxy=None) as socket:
            socket.send(json.dumps({"id": 1, "method": "Target.createTarget", "params": {"url": "about:blank"}}))
            while "result" not in (message := json.loads(socket.recv(timeout=_SEND_SECONDS))):
                pass
        return Page(f"ws://127.0.0.1:{self._port}/devtools/page/{message['result']['targetId']}")

    def close(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(15)
        except subprocess.TimeoutExpired:
            self._process.kill()


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no chromium: apt-get install chromium")
    found = Browser(tmp_path_factory.mktemp("chromium"))
    yield found
    found.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    found = browser.page()
    yield found
    found.close()
