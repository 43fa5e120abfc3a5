"""Downloading over a bad line: a real HTTP server on 127.0.0.1 that cuts, forgets, lies, changes and fails."""

import json
import threading
from collections import defaultdict
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import polars as pl
import pyreadstat
import pytest

from pipelines.errors import BadInput
from pipelines.sources.nhanes import drop
from pipelines.sources.nhanes.cycle import PRE_PANDEMIC, cycle_of_tag
from pipelines.sources.nhanes.download import Patience
from pipelines.sources.nhanes.fetch import fetch

H, K = cycle_of_tag("H"), cycle_of_tag("K")
QUICK = Patience(attempts=4, first_pause_seconds=0.01, read_timeout_seconds=2.0)
LINE = f"{'73557':<14}10   ..{' ' * 21}78 78\n"
PAGE = b"<!DOCTYPE html><html><body>Page Not Found</body></html>"


@dataclass
class Resource:
    """A file on the server, and how each coming request for it is to go wrong, one word a request."""

    content: bytes
    etag: str = '"1"'
    faults: list[str] = field(default_factory=list)
    next_content: bytes = b""


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """A connection that this test itself broke is no news."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, Resource] = {}
        self.requests: dict[str, list[dict]] = defaultdict(list)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def do_GET(self):
        self.server.requests[self.path].append(dict(self.headers))
        resource = self.server.files.get(self.path)
        if resource is None:
            self.reply(404, PAGE)
            return
        fault = resource.faults.pop(0) if resource.faults else ""
        if fault.isdigit():
            self.reply(int(fault), b"", {"Retry-After": "0"})
            return
        if fault == "page":
            self.reply(200, PAGE)
            return
        if fault == "hang-up":
            self.close()
            return
        if fault == "change":
            resource.content, resource.etag = resource.next_content, '"2"'
        offset, content = self.offset(resource, fault), resource.content
        headers = {} if fault == "no-validator" else {"ETag": resource.etag}
        if fault == "not-satisfiable":
            self.reply(416, b"", headers | {"Content-Range": f"bytes */{len(content)}"})
            return
        if offset:
            headers["Content-Range"] = f"bytes {offset}-{len(content) - 1}/{len(content)}"
        body = content[offset:]
        length = {"too-long": len(body) + 80, "too-short": len(body) - 72}.get(fault, len(body))
        sent = body[: len(body) // 2] if fault in ("cut", "no-validator") else body
        self.reply(206 if offset else 200, sent, headers, length)
        if sent is not body or length != len(body):
            self.close()

    def offset(self, resource, fault):
        start = self.headers.get("Range", "").removeprefix("bytes=").rstrip("-")
        stale = self.headers.get("If-Range") != resource.etag and fault != "ignore-if-range"
        return 0 if not start or fault == "ignore-range" or stale else int(start)

    def reply(self, status, body, headers=None, length=None):
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def close(self):
        self.close_connection = True
        self.wfile.flush()
        self.connection.shutdown(2)


def transport(tmp_path, name, rows=9000, shift=0.0):
    path = tmp_path / f"{name}.made"
    frame = pl.DataFrame({"SEQN": [73557.0 + row for row in range(rows)], "V": [row + shift for row in range(rows)]})
    pyreadstat.write_xport(frame, path, file_format_version=5, table_name=name)
    return path.read_bytes()


@pytest.fixture
def server(tmp_path, monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    server = Server()
    server.files["/Public/2013/DataFiles/DEMO_H.xpt"] = Resource(transport(tmp_path, "DEMO_H"))
    server.files["/Public/2013/DataFiles/TST_H.xpt"] = Resource(transport(tmp_path, "TST_H", shift=0.5))
    server.files["/mortality/NHANES_2013_2014_MORT_2019_PUBLIC.dat"] = Resource(LINE.encode())
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def run(server, out, tables=("demo", "tst", "mortality"), cycles=(H,), patience=QUICK, **options):
    return fetch(
        out,
        cycles,
        tables,
        base_url=server.url,
        mortality_base_url=f"{server.url}/mortality",
        patience=patience,
        **options,
    )


DEMO = "/Public/2013/DataFiles/DEMO_H.xpt"
FILES = ("2013-2014/DEMO_H.xpt", "2013-2014/TST_H.xpt", "mortality/NHANES_2013_2014_MORT_2019_PUBLIC.dat")


def test_a_fetched_folder_is_a_drop(server, tmp_path):
    out = tmp_path / "nhanes"
    told = []
    report = run(server, out, on_progress=told.append)
    assert (report.downloaded, report.kept, report.absent, report.problems) == (FILES, (), (), ())
    assert report.complete
    found = drop.examine(out)
    assert found.problems == ()
    assert [file.family for file in found.tables] == ["demo", "tst", "mortality"]
    assert [file.relative_path for file in found.files if file.status != "recognized"] == ["MANIFEST.json"]
    assert (out / FILES[0]).read_bytes() == server.files[DEMO].content
    assert [(step.file, step.state) for step in told if step.state != "downloading"] == [
        (file, "downloaded") for file in FILES
    ]
    assert (told[-1].position, told[-1].files) == (3, 3)
    assert told[0].bytes_total == len(server.files[DEMO].content)


def test_the_manifest_says_what_came_from_where(server, tmp_path):
    run(server, tmp_path / "out")
    record = json.loads((tmp_path / "out" / "MANIFEST.json").read_text())
    assert set(record) == set(FILES)
    entry = record[FILES[0]]
    assert entry["url"] == server.url + DEMO
    assert entry["bytes"] == len(server.files[DEMO].content)
    assert entry["fetched_at"].endswith("+00:00")


def test_a_second_run_asks_for_nothing(server, tmp_path):
    run(server, tmp_path / "out")
    server.requests.clear()
    assert run(server, tmp_path / "out").kept == FILES
    assert not server.requests


@pytest.mark.parametrize("damage", ["shorter", "changed", "gone"])
def test_a_second_run_mends_what_is_no_longer_what_it_was(server, tmp_path, damage):
    out = tmp_path / "out"
    run(server, out)
    path = out / FILES[1]
    content = path.read_bytes()
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(content[:-80] if damage == "shorter" else content[:-1] + b"x")
        assert "changed since download; run fetch again" in drop.examine(out).problems[0]
        assert not drop.examine(out).usable
    report = run(server, out)
    assert (report.downloaded, report.kept) == ((FILES[1],), (FILES[0], FILES[2]))
    assert path.read_bytes() == content
    assert drop.examine(out).usable


def test_a_cut_on_a_row_boundary_shows_against_the_manifest(server, tmp_path):
    """The one truncation that the format cannot show: 16-byte rows, five to a record, one record less."""
    out = tmp_path / "out"
    run(server, out)
    path = out / FILES[0]
    path.write_bytes(path.read_bytes()[:-80])
    (problem,) = drop.examine(out).problems
    assert f"{path}: " in problem
    assert "truncated or changed since download; run fetch again" in problem


def test_a_cut_connection_is_resumed_where_it_broke(server, tmp_path):
    server.files[DEMO].faults += ["cut", "cut"]
    assert run(server, tmp_path / "out").complete
    first, second, third = server.requests[DEMO]
    offsets = [int(request["Range"].removeprefix("bytes=").rstrip("-")) for request in (second, third)]
    assert "Range" not in first
    assert second["If-Range"] == third["If-Range"] == '"1"'
    assert 0 < offsets[0] < offsets[1] < len(server.files[DEMO].content)
    assert (tmp_path / "out" / FILES[0]).read_bytes() == server.files[DEMO].content


def test_the_next_run_resumes_the_last(server, tmp_path):
    server.files[DEMO].faults += ["cut", "503", "503", "503"]
    report = run(server, tmp_path / "out")
    assert f"{FILES[0]}: {server.url}{DEMO}: the server answered 503, 4 times: run fetch again later" in report.problems
    assert report.downloaded == FILES[1:]
    assert not (tmp_path / "out" / FILES[0]).exists()
    server.requests.clear()
    assert run(server, tmp_path / "out").downloaded == FILES[:1]
    assert "Range" in server.requests[DEMO][0]
    assert (tmp_path / "out" / FILES[0]).read_bytes() == server.files[DEMO].content
    assert not list((tmp_path / "out").rglob("*.part*"))


def test_a_server_that_ignores_ranges_is_read_from_the_start(server, tmp_path):
    server.files[DEMO].faults += ["cut", "ignore-range"]
    assert run(server, tmp_path / "out").complete
    assert (tmp_path / "out" / FILES[0]).read_bytes() == server.files[DEMO].content


def test_without_a_validator_nothing_is_joined(server, tmp_path):
    server.files[DEMO].faults += ["no-validator"]
    assert run(server, tmp_path / "out").complete
    assert "Range" not in server.requests[DEMO][1]
    assert (tmp_path / "out" / FILES[0]).read_bytes() == server.files[DEMO].content


@pytest.mark.parametrize("etag", ['W/"1"', ""])
def test_a_weak_validator_joins_nothing(server, tmp_path, etag):
    server.files[DEMO].etag = etag
    server.files[DEMO].faults += ["cut"]
    assert run(server, tmp_path / "out").complete
    assert "Range" not in server.requests[DEMO][1]


def test_two_versions_are_never_joined(server, tmp_path):
    resource = server.files[DEMO]
    resource.next_content = transport(tmp_path, "DEMO_H", rows=9500, shift=7.0)
    resource.faults += ["cut", "change"]
    assert run(server, tmp_path / "out").complete
    assert (tmp_path / "out" / FILES[0]).read_bytes() == resource.next_content


def test_nor_where_the_server_does_not_compare_versions(server, tmp_path):
    resource = server.files[DEMO]
    new = transport(tmp_path, "DEMO_H", rows=9500, shift=7.0)
    resource.faults += ["cut"]
    run(server, tmp_path / "out", patience=Patience(attempts=1))
    resource.content, resource.etag, resource.faults = new, '"2"', ["ignore-if-range"]
    assert run(server, tmp_path / "out").complete
    assert (tmp_path / "out" / FILES[0]).read_bytes() == new


def test_a_part_that_is_too_long_is_thrown_away(server, tmp_path):
    server.files[DEMO].faults += ["cut", "not-satisfiable"]
    assert run(server, tmp_path / "out").complete
    assert "Range" not in server.requests[DEMO][2]
    assert (tmp_path / "out" / FILES[0]).read_bytes() == server.files[DEMO].content


@pytest.mark.parametrize("fault", ["500", "502", "503", "429", "408", "hang-up", "too-long", "too-short"])
def test_passing_faults_are_tried_again(server, tmp_path, fault):
    server.files[DEMO].faults += [fault, fault]
    assert run(server, tmp_path / "out").complete
    assert len(server.requests[DEMO]) == 3
    assert (tmp_path / "out" / FILES[0]).read_bytes() == server.files[DEMO].content


def test_a_short_body_is_seen_by_its_length_alone(server, tmp_path, monkeypatch):
    """Releases of urllib3 before 2 did not compare the body with Content-Length."""
    monkeypatch.setattr("urllib3.response.HTTPResponse._init_length", lambda self, method: None)
    server.files[DEMO].faults += ["too-long"] * 9
    (problem,) = run(server, tmp_path / "out").problems
    size = len(server.files[DEMO].content)
    assert f"{size} of {size + 80} bytes arrived" in problem


def test_a_fault_that_stays_is_a_problem_and_leaves_no_file(server, tmp_path):
    server.files[DEMO].faults += ["too-short"] * 9
    report = run(server, tmp_path / "out")
    assert not report.complete
    with pytest.raises(BadInput, match="run fetch again later"):
        report.require_complete()
    assert len(server.requests[DEMO]) == QUICK.attempts
    assert not (tmp_path / "out" / FILES[0]).exists()
    assert report.downloaded == FILES[1:]


def test_other_refusals_are_not_tried_again(server, tmp_path):
    server.files[DEMO].faults += ["403"]
    report = run(server, tmp_path / "out")
    assert "the server answered 403" in report.problems[0]
    assert len(server.requests[DEMO]) == 1


def test_damaged_content_is_no_file(server, tmp_path):
    server.files[DEMO].content = server.files[DEMO].content[:-7]
    server.files["/mortality/NHANES_2013_2014_MORT_2019_PUBLIC.dat"].content = LINE.encode() + b"7355"
    report = run(server, tmp_path / "out")
    assert len(report.problems) == 2
    assert "not whole 80-byte records" in report.problems[0]
    assert "line 2: not laid out" in report.problems[1]
    assert report.downloaded == (FILES[1],)
    assert not list((tmp_path / "out").rglob("*.part*"))


@pytest.mark.parametrize("how", ["404", "page"])
def test_what_is_not_published_is_absent_and_no_problem(server, tmp_path, how):
    server.files["/Public/2013/DataFiles/TST_H.xpt"].faults += [how]
    report = run(server, tmp_path / "out")
    assert report.complete
    assert [absent.file for absent in report.absent] == [FILES[1]]
    assert report.absent[0].reason == {"404": "status 404", "page": "a web page instead of the file"}[how]
    assert len(server.requests["/Public/2013/DataFiles/TST_H.xpt"]) == 1
    assert set(json.loads((tmp_path / "out" / "MANIFEST.json").read_text())) == {FILES[0], FILES[2]}


def test_a_cycle_without_demo_is_not_asked_for_table_by_table(server, tmp_path):
    report = run(server, tmp_path / "out", tables=None, cycles=(K,))
    assert report.complete
    assert len(report.absent) > 20
    assert sorted(path for path in server.requests if "2019" in path and "mortality" not in path) == [
        "/Public/2019/DataFiles/DEMO_K.xpt"
    ]
    assert {absent.reason for absent in report.absent} == {"status 404", "CDC has no DEMO of 2019-2020"}


def test_places_and_names_are_cdcs(server, tmp_path):
    run(server, tmp_path / "out", tables=("dxx", "sschl", "lab10", "rxq_drug"), cycles=(cycle_of_tag("A"),))
    run(server, tmp_path / "out", tables=("dxxfem", "INS", "mortality"), cycles=(PRE_PANDEMIC,))
    assert set(server.requests) == {
        "/Dxa/DXX.xpt",
        "/Public/1999/DataFiles/DXX.xpt",
        "/Public/1999/DataFiles/SSCHL_A.xpt",
        "/Public/1999/DataFiles/LAB10.xpt",
        "/Public/1988/DataFiles/RXQ_DRUG.xpt",
        "/Public/2017/DataFiles/P_DXXFEM.xpt",
        "/Public/2017/DataFiles/P_INS.xpt",
        "/mortality/NHANES_2017_2018_MORT_2019_PUBLIC.dat",
    }


def test_the_second_place_is_tried_where_the_first_has_nothing(server, tmp_path):
    server.files["/Public/1999/DataFiles/DXX.xpt"] = Resource(transport(tmp_path, "DXX"))
    report = run(server, tmp_path / "out", tables=("dxx",), cycles=(cycle_of_tag("A"),))
    assert report.downloaded == ("1999-2000/DXX.xpt",)


def test_an_unreachable_server_ends_it_soon(tmp_path):
    report = fetch(
        tmp_path / "out", (H,), base_url="http://127.0.0.1:9", mortality_base_url="http://127.0.0.1:9",
        patience=Patience(attempts=2, first_pause_seconds=0.01),
    )  # fmt: skip
    assert len(report.problems) == 4
    assert all("cannot be reached" in problem for problem in report.problems[:3])
    assert report.problems[3].endswith("more files not tried: run fetch again later")


def test_a_silent_server_times_out(server, tmp_path):
    server.RequestHandlerClass = type("Silent", (Handler,), {"do_GET": lambda self: threading.Event().wait(0.6)})
    report = run(server, tmp_path / "out", tables=("demo",), patience=Patience(attempts=1, read_timeout_seconds=0.1))
    assert "does not answer" in report.problems[0]


def test_usage(server, tmp_path):
    with pytest.raises(BadInput, match="not a CDC table name") as caught:
        run(server, tmp_path / "out", tables=("demo", "no table", "x y"))
    assert len(caught.value.problems) == 2
    with pytest.raises(BadInput, match="nothing to fetch"):
        run(server, tmp_path / "out", tables=("sschl",))
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match="cannot be written"):
        run(server, tmp_path / "file" / "out")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "MANIFEST.json").write_text("no")
    with pytest.raises(BadInput, match="not a manifest that fetch wrote"):
        run(server, tmp_path / "out")
    assert not server.requests
