"""A bucket that answers wrongly is a store that fails, in words: never half an item, never an error of another kind."""

from __future__ import annotations

import socket
import threading
import traceback
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from api.evidence_store import EvidenceStore, EvidenceUnavailable
from tests.api.conftest import BUCKET
from tests.services.ports import HOST
from tests.services.processes import missing
from tests.services.s3 import CREDENTIALS, s3_is_installed

NAME = "ab" * 32
WHOLE_BYTES = 100_000
_XML = "<?xml version='1.0'?>"


class WrongServer(ThreadingHTTPServer):
    """Answers every request by its ``fault``; HEAD says that an item of ``WHOLE_BYTES`` is there."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__((HOST, 0), _Answers)
        self.fault: Callable[[_Answers], None] = _Answers.shorter


class _Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: WrongServer

    def log_message(self, *_: Any) -> None:
        """Says nothing."""

    def do_GET(self) -> None:
        self.server.fault(self)

    def do_DELETE(self) -> None:
        self.server.fault(self)

    def do_HEAD(self) -> None:
        if self.server.fault in {_Answers.without_length, _Answers.with_a_strange_date}:
            self.server.fault(self)
        else:
            self._answer(200, length=WHOLE_BYTES)

    def shorter(self) -> None:
        self._answer(206, b"x" * 500)

    def longer(self) -> None:
        self._answer(200, b"x" * (WHOLE_BYTES + 1))

    def cut_off(self) -> None:
        self._answer(206, b"x" * 500, length=WHOLE_BYTES)
        self.wfile.flush()
        self.connection.shutdown(socket.SHUT_RDWR)
        self.close_connection = True

    def page_for_people(self) -> None:
        self._answer(200, b"<html><p>please log in")

    def no_http(self) -> None:
        self.wfile.write(b"\0\1\2 hello\r\n\r\n")
        self.close_connection = True

    def quoting_the_key(self) -> None:
        said = "".join(CREDENTIALS.values())
        body = f"{_XML}<Error><Code>SignatureDoesNotMatch</Code><Message>{said}</Message></Error>"
        self._answer(403, body.encode())

    def half_a_list(self) -> None:
        self._answer(200, f"{_XML}<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>".encode())

    def without_length(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.close_connection = True

    def with_a_strange_date(self) -> None:
        self._answer(200, length=WHOLE_BYTES, date="yesterday")

    def _answer(
        self, status: int, body: bytes = b"", *, length: int | None = None, date: str = "Mon, 23 Nov 2026 01:00:00 GMT"
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.send_header("Last-Modified", date)
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[WrongServer]:
    if not s3_is_installed():
        missing("no s3fs")
    with WrongServer() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        where = {"AWS_ENDPOINT_URL": f"http://{HOST}:{server.server_port}", "AWS_DEFAULT_REGION": "us-east-1"}
        for name, value in {**CREDENTIALS, **where}.items():
            monkeypatch.setenv(name, value)
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def store(server: WrongServer, tmp_path: Path) -> EvidenceStore:
    from api.evidence.bucket import BucketShelf

    return EvidenceStore(tmp_path, shelf=BucketShelf(BUCKET, call_timeout_s=5.0))


def _read(store: EvidenceStore) -> object:
    with store.open(NAME) as file:
        return file.read()


def _list(store: EvidenceStore) -> object:
    return list(store.items())


def _remove(store: EvidenceStore) -> object:
    return store.remove(NAME)


def _exists(store: EvidenceStore) -> object:
    return store.exists(NAME), store.missing([NAME])


@pytest.mark.parametrize(
    ("fault", "attempt"),
    [
        (_Answers.shorter, _read),
        (_Answers.longer, _read),
        (_Answers.cut_off, _read),
        (_Answers.cut_off, _list),
        (_Answers.page_for_people, _list),
        (_Answers.page_for_people, _remove),
        (_Answers.no_http, _read),
        (_Answers.quoting_the_key, _read),
        (_Answers.quoting_the_key, _list),
        (_Answers.half_a_list, _list),
        (_Answers.without_length, _exists),
        (_Answers.with_a_strange_date, _exists),
    ],
    ids=lambda value: value.__name__.strip("_"),
)
def test_a_wrong_answer_is_a_failure_of_the_store(
    *,
    server: WrongServer,
    store: EvidenceStore,
    fault: Callable[[_Answers], None],
    attempt: Callable[[EvidenceStore], object],
) -> None:
    server.fault = fault
    with pytest.raises(EvidenceUnavailable, match=f"the bucket {BUCKET} ") as caught:
        attempt(store)
    told = "".join(traceback.format_exception(caught.value))
    assert all(value not in told for value in CREDENTIALS.values())
