"""Ingestion's client tells "wait" from "no", and never shows its key."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from api.catalogue import read_kinds
from api.client import ApiClient, ApiRefused, ApiUnavailable
from api.schemas import ReportOutcome
from tests.api.place import Place, a_report
from tests.services.ports import HOST, free_port

KEY = "sc_service_secret"


@contextmanager
def _answering(status: int, body: bytes, headers: dict[str, str] | None = None) -> Iterator[ApiClient]:
    """A client of a server that answers everything so."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    with HTTPServer((HOST, 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        client = ApiClient(f"http://{HOST}:{server.server_port}", KEY)
        try:
            yield client
        finally:
            client.close()
            server.shutdown()
            thread.join()


def test_it_reports_and_asks_for_kinds_and_edges(shared_sqlite_place: Place) -> None:
    key = shared_sqlite_place.edge_key("gate-3")
    report = a_report()
    assert [answer.outcome for answer in shared_sqlite_place.service.report([report, report])] == [
        ReportOutcome.NEW_CASE,
        ReportOutcome.DUPLICATE,
    ]
    assert shared_sqlite_place.service.report([]) == []
    assert shared_sqlite_place.service.kinds() >= {row["key"] for row in read_kinds()}
    found = shared_sqlite_place.service.authenticate_edge(key)
    assert found is not None
    assert found.edge_id == "gate-3"
    assert shared_sqlite_place.service.authenticate_edge("sc_edge_unknown") is None


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (500, b"", ApiUnavailable),
        (503, b'{"detail": "later"}', ApiUnavailable),
        (429, b"", ApiUnavailable),
        (200, b"<html>a proxy</html>", ApiUnavailable),
        (200, b"[]", ApiUnavailable),
        (401, b'{"detail": "this key is unknown"}', ApiRefused),
        (413, b"", ApiRefused),
        (404, b"[1]", ApiRefused),
    ],
)
def test_each_answer_is_told_apart(status: int, body: bytes, expected: type[Exception]) -> None:
    with _answering(status, body, {"Retry-After": "7"}) as client:
        for ask in (lambda: client.report([a_report()]), lambda: client.authenticate_edge("x")):
            with pytest.raises(expected) as raised:
                ask()
            assert KEY not in f"{raised.value!r} {raised.value.__cause__!r} {raised.value.__context__!r}"


def test_how_long_to_wait_is_passed_on() -> None:
    with _answering(503, b"", {"Retry-After": "7"}) as client, pytest.raises(ApiUnavailable) as raised:
        client.report([a_report()])
    assert raised.value.retry_after_s == 7


def test_no_server_is_unavailable() -> None:
    client = ApiClient(f"http://{HOST}:{free_port()}", KEY, timeout_s=1)
    with pytest.raises(ApiUnavailable, match="ConnectError"):
        client.report([a_report()])
    client.close()


def test_a_wrong_address_is_not_taken_for_an_unknown_edge_key(shared_sqlite_place: Place) -> None:
    client = ApiClient(f"{shared_sqlite_place.url}/elsewhere", shared_sqlite_place.service_key)
    with pytest.raises(ApiRefused, match="404"):
        client.authenticate_edge("sc_edge_unknown")
    client.close()
