"""Sends the end of a night to whoever should know: a command, a webhook, a mail. A notice that fails never fails the run.

A notice is the one-line verdict and where the summary lies; nothing of a person, nothing of the data.
"""

import json
import os
import shlex
import smtplib
import socket
import ssl
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path

from pipelines import secret
from pipelines.errors import BadInput
from pipelines.settings import Settings
from pipelines.warehouse.run_summary import RunSummary

WEBHOOK = "TRABECULA_WEBHOOK"
SMTP_LOGIN = "TRABECULA_SMTP_LOGIN"
WAIT_SECONDS = 30
Content = dict[str, str | int | None]


@dataclass(frozen=True, slots=True)
class Sent:
    """One way a notice was to go: whether it went, and if not, why. `way` is `command`, `webhook` or `email`."""

    way: str
    is_sent: bool
    why: str = ""


def is_due(settings: Settings, summary: RunSummary) -> bool:
    """Whether the settings ask for a notice of this end."""
    return settings.notice_on == "always" or (settings.notice_on == "failure" and summary.exit_status != 0)


def send(settings: Settings, summary: RunSummary, file: Path | None) -> tuple[Sent, ...]:
    """Send by every way that is set; each fails alone.

    Args:
        file: where the summary lies; None if it could not be written.
    """
    content: Content = {
        "text": f"trabecula on {socket.gethostname()}: {summary.verdict}",
        "status": summary.status,
        "exit_status": summary.exit_status,
        "run_id": summary.run_id,
        "home": str(settings.home),
        "summary": str(file) if file else None,
    }
    ways: dict[str, Callable[[], None]] = {}
    if settings.notice_command:
        ways["command"] = lambda: _command(settings.notice_command, content)
    if settings.notice_webhook or os.environ.get(WEBHOOK) or secret.file_of(WEBHOOK):
        ways["webhook"] = lambda: _webhook(_text(WEBHOOK) or settings.notice_webhook, content)
    if settings.notice_email:
        ways["email"] = lambda: _email(settings, content)
    return tuple(_tried(way, deliver) for way, deliver in ways.items())


def _tried(way: str, deliver: Callable[[], None]) -> Sent:
    try:
        deliver()
    except Exception as error:
        # Of others only the kind: a message may hold the secret part of a URL or a login.
        is_ours = isinstance(error, _Refused | BadInput)
        return Sent(way, False, str(error) if is_ours else type(error).__name__)
    return Sent(way, True)


class _Refused(Exception):
    """The other side did not take the notice; its words are ours and hold no secret."""


def _text(variable: str) -> str:
    """A secret as text, empty where none is given."""
    return (secret.given(variable) or b"").decode()


def _command(line: str, content: Content) -> None:
    done = subprocess.run(
        shlex.split(line),
        input=json.dumps(content) + "\n",
        text=True,
        timeout=WAIT_SECONDS,
        check=False,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "TRABECULA_VERDICT": str(content["text"])},
    )
    if done.returncode:
        raise _Refused(f"exit status {done.returncode}")


def _webhook(url: str, content: Content) -> None:
    import requests

    # No redirects: the body would follow to a host that nobody named.
    answer = requests.post(url, json={**content}, timeout=WAIT_SECONDS, allow_redirects=False)
    if not 200 <= answer.status_code < 300:
        raise _Refused(f"the server answered {answer.status_code}")


def _email(settings: Settings, content: Content) -> None:
    host, _, port = settings.notice_smtp.partition(":")
    message = EmailMessage()
    message["Subject"] = str(content["text"]).splitlines()[0][:200]
    message["From"] = f"trabecula@{socket.getfqdn()}"
    message["To"] = settings.notice_email
    message.set_content("\n".join(f"{name}: {value}" for name, value in content.items()))
    with smtplib.SMTP(host, int(port or 25), timeout=WAIT_SECONDS) as server:
        server.ehlo()
        if server.has_extn("starttls"):
            server.starttls(context=ssl.create_default_context())
            server.ehlo()
        if login := _text(SMTP_LOGIN):
            if not isinstance(server.sock, ssl.SSLSocket):
                raise _Refused("the server offers no TLS: the login was not sent")
            server.login(*login.split(":", 1))
        server.send_message(message)
