"""The real InfluxDB 1.6 on free ports, and a proxy that gives it the v2 addresses.

InfluxDB 1.8 and later take ``/api/v2/write?bucket=DB`` as ``/write?db=DB`` (*InfluxDB 1.8 API
reference*, "InfluxDB 2.0 API compatibility endpoints"); 1.6 has the same storage engine, line
protocol and InfluxQL without that address. The proxy rewrites the address and nothing else, and
plays the faults of a network and a busy server. A v2 deletion by predicate it says in InfluxQL:
what is shown is the ledger's side of it, not how InfluxDB 2 deletes.
"""

from __future__ import annotations

import json
import re
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Literal, Self, cast

from helpers_real import free_port, need

if TYPE_CHECKING:
    from pathlib import Path

START_LIMIT_S = 30.0

Fault = Literal[
    "refuse", "overload", "hang", "cut-after-commit", "half-body", "nginx-400", "portal"
]


class InfluxServer:
    """``influxd`` with its data under ``folder``; the same data again after :meth:`start`."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._config = folder / "influxdb.conf"
        self._config.write_text(
            f"""
reporting-disabled = true
bind-address = "127.0.0.1:{free_port()}"
[meta]
dir = "{folder}/meta"
[data]
dir = "{folder}/data"
wal-dir = "{folder}/wal"
query-log-enabled = false
[monitor]
store-enabled = false
[http]
bind-address = "127.0.0.1:{self.port}"
log-enabled = false
[subscriber]
enabled = false
[continuous_queries]
enabled = false
"""
        )
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            [need("influxd"), "run", "-config", str(self._config)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + START_LIMIT_S
        while True:
            try:
                self.query("SHOW DATABASES")
            except (urllib.error.URLError, ConnectionError):
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)  # a real process is starting; there is no event to wait for
            else:
                return

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()  # as unkindly as the power does
            self._process.wait()
            self._process = None

    @property
    def stopped(self) -> bool:
        return self._process is None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def write_line(self, line: str, db: str) -> None:
        """Write one line of line protocol past the ledger, as a stranger would."""
        status, said = _forward(f"/api/v2/write?bucket={db}&precision=ns", self, line.encode())
        assert status == 204, said

    def query(self, text: str, db: str = "") -> list[dict[str, Any]]:
        """Run InfluxQL; every series as {"name", "tags", "columns", "values"}, times in ns."""
        form = urllib.parse.urlencode({"q": text, "db": db, "epoch": "ns"}).encode()
        url = f"http://127.0.0.1:{self.port}/query"
        try:
            with urllib.request.urlopen(url, form, timeout=30) as answer:
                results = json.load(answer)["results"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{text}: {error.read().decode()}") from error
        for result in results:
            assert "error" not in result, (text, result)
        return [series for result in results for series in result.get("series", [])]

    def rows(self, text: str, db: str) -> list[list[Any]]:
        """The rows of a query that gives at most one series, without their column names."""
        series = self.query(text, db)
        assert len(series) <= 1, series
        return cast("list[list[Any]]", series[0]["values"]) if series else []


class InfluxProxy:
    """Answers the v2 write and delete, and ``/query``, in front of ``server``.

    Each of ``faults`` spoils one write or deletion.
    """

    def __init__(self, server: InfluxServer, token: str = "") -> None:
        self.token = token
        self.faults: deque[Fault] = deque()
        self.largest_body: int | None = None
        self.may_read = True
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                proxy._answer(self, server, body)

            def do_GET(self) -> None:
                token = self.headers.get("Authorization", "").removeprefix("Token ").strip()
                if token != proxy.token or not proxy.may_read:
                    _send(self, 401, b'{"code":"unauthorized","message":"unauthorized access"}')
                else:
                    _send(self, *_query(self.path, server))

            def log_message(self, *_: object) -> None:  # the test's output stays its own
                pass

        self._closing = threading.Event()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def _answer(self, to: BaseHTTPRequestHandler, server: InfluxServer, body: bytes) -> None:
        fault = self.faults.popleft() if self.faults else None
        token = to.headers.get("Authorization", "").removeprefix("Token ").strip()
        if fault == "refuse" or token != self.token:
            _send(to, 401, b'{"code":"unauthorized","message":"unauthorized access"}')
        elif self.largest_body is not None and len(body) > self.largest_body:
            _send(to, 413, b"<html>Request Entity Too Large</html>")
        elif fault == "overload":
            _send(to, 503, b'{"code":"unavailable","message":"busy"}', ("Retry-After", "7"))
        elif fault == "nginx-400":
            _send(to, 400, b"<html>The plain HTTP request was sent to HTTPS port</html>")
        elif fault == "portal":
            _send(to, 200, b"<html>Welcome to the guest network</html>")
        elif fault == "hang":
            self._closing.wait(30)
            to.close_connection = True
        elif fault == "half-body":
            to.send_response(503)
            to.send_header("Content-Length", "1000")
            to.end_headers()
            to.wfile.write(b'{"code":"unav')
            to.close_connection = True
        else:
            status, answer = _forward(to.path, server, body)
            if fault == "cut-after-commit":
                to.close_connection = True
            else:
                _send(to, status, answer)


def _forward(path: str, server: InfluxServer, body: bytes) -> tuple[int, bytes]:
    asked = urllib.parse.urlsplit(path)
    query = urllib.parse.parse_qs(asked.query)
    if asked.path == "/api/v2/delete":
        return _delete(query["bucket"][0], server, json.loads(body))
    assert asked.path == "/api/v2/write", path
    assert query["precision"] == ["ns"], path
    rewritten = urllib.parse.urlencode({"db": query["bucket"][0], "precision": "n"})
    url = f"http://127.0.0.1:{server.port}/write?{rewritten}"
    try:
        with urllib.request.urlopen(url, body, timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()
    except urllib.error.URLError:
        return 502, b"<html>Bad Gateway</html>"


def _delete(db: str, server: InfluxServer, asked: dict[str, str]) -> tuple[int, bytes]:
    """The v2 deletion as 1.6 can do it: ``DROP SERIES`` takes tags, and all times at once."""
    assert set(asked) == {"start", "stop", "predicate"}, asked
    assert (asked["start"], asked["stop"]) == ("1970-01-01T00:00:00Z", "2262-04-11T00:00:00Z")
    named = re.fullmatch(r'site="([a-z0-9-]+)" AND wearer="([a-z0-9-]+)"', asked["predicate"])
    assert named is not None, asked
    where = "\"site\" = '{}' AND \"wearer\" = '{}'".format(*named.groups())
    try:
        server.query(f"DROP SERIES FROM /.*/ WHERE {where}", db)
    except (urllib.error.URLError, ConnectionError):
        return 502, b"<html>Bad Gateway</html>"
    return 204, b""


def _query(path: str, server: InfluxServer) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.port}{path}", timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()
    except (urllib.error.URLError, ConnectionError):
        return 502, b"<html>Bad Gateway</html>"


def _send(to: BaseHTTPRequestHandler, status: int, body: bytes, *headers: tuple[str, str]) -> None:
    to.send_response(status)
    for name, value in headers:
        to.send_header(name, value)
    if status != 204:  # which has no body
        to.send_header("Content-Length", str(len(body)))
    to.end_headers()
    if status != 204:
        to.wfile.write(body)
