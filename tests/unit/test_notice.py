"""Notices against a web server and a mail server on the loopback: what arrives, what does not, and that none of it raises."""

import json
import socketserver
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from pipelines import notice
from pipelines.settings import Settings
from pipelines.warehouse.run_summary import RunSummary


def summary(status: int = 1) -> RunSummary:
    told = {0: "done: build b, 3 of 41 gates closed", 1: "stopped: staging.person breaks its contract"}[status]
    return RunSummary("r1", "nightly", "2026-01-01", "2026-01-01", 1.0, "stopped", status, told)


class Web(BaseHTTPRequestHandler):
    """Answers as its server says and keeps what came."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.came.append((self.path, self.headers["Content-Type"], json.loads(body)))
        self.send_response(self.server.answer)
        if self.server.answer == 302:
            self.send_header("Location", "/elsewhere")
        self.end_headers()

    def log_message(self, *arguments):
        pass


class Mail(socketserver.StreamRequestHandler):
    """As much of SMTP as one message needs; no TLS."""

    def handle(self):
        self.say("220 loopback")
        while line := self.rfile.readline():
            word = line[:4].upper()
            self.server.said.append(line.decode().strip())
            if word == b"DATA":
                self.say("354 go on")
                body = b""
                while not body.endswith(b"\r\n.\r\n"):
                    body += self.rfile.readline()
                self.server.came.append(body.decode())
            elif word == b"QUIT":
                self.say("221 bye")
                return
            self.say("250 ok")

    def say(self, text):
        self.wfile.write(f"{text}\r\n".encode())


def serving(server):
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    return server


@pytest.fixture
def web():
    server = serving(HTTPServer(("127.0.0.1", 0), Web))
    server.came, server.answer = [], 200
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def mail():
    server = serving(socketserver.ThreadingTCPServer(("127.0.0.1", 0), Mail))
    server.came, server.said = [], []
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch):
    for variable in (notice.WEBHOOK, notice.SMTP_LOGIN):
        monkeypatch.delenv(variable, raising=False)
        monkeypatch.delenv(f"{variable}_FILE", raising=False)


def url(server) -> str:
    return f"http://127.0.0.1:{server.server_address[1]}/hook"


def test_a_webhook_gets_the_verdict_and_where_the_summary_lies(web, tmp_path):
    settings = Settings(tmp_path, notice_webhook=url(web))
    assert notice.send(settings, summary(), tmp_path / "runs" / "r1.json") == (notice.Sent("webhook", True),)
    (path, kind, body), *rest = web.came
    assert (path, kind, rest) == ("/hook", "application/json", [])
    assert body["text"].endswith("stopped: staging.person breaks its contract")
    assert body["summary"] == str(tmp_path / "runs" / "r1.json")
    assert (body["status"], body["exit_status"], body["run_id"]) == ("stopped", 1, "r1")


def test_a_secret_address_comes_from_the_environment_and_wins(web, tmp_path, monkeypatch):
    monkeypatch.setenv(notice.WEBHOOK, url(web))
    settings = Settings(tmp_path, notice_webhook="http://127.0.0.1:9/nobody")
    assert notice.send(settings, summary(), None)[0].is_sent
    assert len(web.came) == 1


def test_a_secret_address_in_a_file_is_taken_if_only_its_owner_reads_it(web, tmp_path, monkeypatch):
    file = tmp_path / "hook"
    file.write_text(url(web) + "\n")
    monkeypatch.setenv(f"{notice.WEBHOOK}_FILE", str(file))
    file.chmod(0o400)
    assert notice.send(Settings(tmp_path), summary(), None) == (notice.Sent("webhook", True),)
    file.chmod(0o640)
    (refused,) = notice.send(Settings(tmp_path), summary(), None)
    assert refused.why == f"TRABECULA_WEBHOOK_FILE: {file}: mode is 0640: chmod 600, so that nobody else can read it"
    assert len(web.came) == 1


@pytest.mark.parametrize("answer", [302, 404, 500])
def test_what_a_server_does_not_take_is_said_and_not_followed(web, tmp_path, answer):
    web.answer = answer
    (sent,) = notice.send(Settings(tmp_path, notice_webhook=url(web)), summary(), None)
    assert (sent.is_sent, sent.why) == (False, f"the server answered {answer}")
    assert len(web.came) == 1


def test_a_failure_to_send_tells_no_secret_and_stops_no_other_way(mail, tmp_path):
    host, port = mail.server_address
    settings = Settings(
        tmp_path,
        notice_webhook="http://127.0.0.1:9/secret-part",
        notice_email="operator@example.org",
        notice_smtp=f"{host}:{port}",
    )
    hook, email = notice.send(settings, summary(), None)
    assert not hook.is_sent and "secret-part" not in hook.why and hook.why
    assert email == notice.Sent("email", True)


def test_a_mail_says_the_verdict_in_its_subject(mail, tmp_path):
    host, port = mail.server_address
    settings = Settings(tmp_path, notice_email="operator@example.org", notice_smtp=f"{host}:{port}")
    assert notice.send(settings, summary(), tmp_path / "r1.json") == (notice.Sent("email", True),)
    (message,) = mail.came
    assert "stopped: staging.person breaks its contract" in message.partition("To:")[0].replace("\r\n ", " ")
    assert "To: operator@example.org" in message
    assert str(tmp_path / "r1.json") in message.replace("=\r\n", "")


def test_a_login_is_never_sent_without_tls(mail, tmp_path, monkeypatch):
    monkeypatch.setenv(notice.SMTP_LOGIN, "user:password")
    host, port = mail.server_address
    settings = Settings(tmp_path, notice_email="operator@example.org", notice_smtp=f"{host}:{port}")
    (sent,) = notice.send(settings, summary(), None)
    assert (sent.is_sent, sent.why) == (False, "the server offers no TLS: the login was not sent")
    assert not mail.came and not any(line.upper().startswith("AUTH") for line in mail.said)


def test_a_command_gets_the_notice_on_its_standard_input(tmp_path):
    script = tmp_path / "told.py"
    script.write_text(
        "import os, sys\n"
        f"open({str(tmp_path / 'came')!r}, 'w').write(sys.stdin.read() + os.environ['TRABECULA_VERDICT'])\n"
    )
    settings = Settings(tmp_path, notice_command=f"{sys.executable} {script}")
    assert notice.send(settings, summary(), None) == (notice.Sent("command", True),)
    line, _, verdict = (tmp_path / "came").read_text().partition("\n")
    assert json.loads(line)["text"] == verdict
    assert verdict.endswith("breaks its contract")


@pytest.mark.parametrize(
    ("command", "why"), [("false", "exit status 1"), ("/no/such/thing", "FileNotFoundError"), ("'open", "ValueError")]
)
def test_a_command_that_fails_is_said(tmp_path, command, why):
    (sent,) = notice.send(Settings(tmp_path, notice_command=command), summary(), None)
    assert (sent.is_sent, sent.why) == (False, why)


def test_a_command_is_no_shell(tmp_path):
    marker = tmp_path / "marker"
    notice.send(Settings(tmp_path, notice_command=f"true ; touch {marker}"), summary(), None)
    assert not marker.exists()


@pytest.mark.parametrize(
    ("on", "status", "due"),
    [("failure", 1, True), ("failure", 0, False), ("always", 0, True), ("never", 1, False)],
)
def test_when_a_notice_is_due(tmp_path: Path, on, status, due):
    assert notice.is_due(Settings(tmp_path, notice_on=on), summary(status)) is due


def test_without_a_way_nothing_is_sent(tmp_path):
    assert notice.send(Settings(tmp_path), summary(), None) == ()
