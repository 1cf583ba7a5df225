"""The gateway's door, over HTTP, before a real API: who comes in, with what, and what is answered."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import reduce
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from PIL import Image

from ingest.gateway import create_gateway
from ingest.settings import GatewaySettings
from ingest.statuses import EdgeStatuses
from tests.ingest.centre import Centre, Edge
from tests.services.processes import wait_until

GOLDEN = Path(__file__).parents[1] / "golden"
PLACES = [
    ("POST", "/ingest/v1/events"),
    ("PUT", f"/ingest/v1/evidence/{'0' * 64}"),
    ("HEAD", f"/ingest/v1/evidence/{'0' * 64}"),
    ("POST", "/ingest/v1/evidence/missing"),
    ("PUT", "/ingest/v1/edges/me/status"),
    ("GET", "/ingest/v1/edges/me/config"),
    ("GET", "/ingest/v1/edges/me/requests"),
    ("PUT", f"/ingest/v1/edges/me/requests/{UUID(int=7)}/result"),
]


def picture(colour: str = "red") -> bytes:
    jpeg = io.BytesIO()
    Image.new("RGB", (64, 48), colour).save(jpeg, "JPEG")
    return jpeg.getvalue()


def put(edge: Edge, body: Any, *, name: str, media_type: str = "image/jpeg") -> httpx.Response:
    return edge.http.put(f"/ingest/v1/evidence/{name}", content=body, headers={"Content-Type": media_type})


def test_an_event_becomes_a_case(edge: Edge, centre: Centre) -> None:
    answer = edge.post(edge.event())
    assert [event.answer for event in answer.answers] == ["accepted"]
    assert answer.stream_epoch == centre.stream.epoch()
    wait_until(lambda: centre.count("cases", edge.edge_id) == 1, timeout_s=10, what="the case is there")


@pytest.mark.parametrize(("method", "path"), PLACES)
@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer sc_edge_guessed"}, {"Authorization": "Basic eDp5"}])
def test_without_a_known_key_nothing_is_open(method: str, path: str, header: dict[str, str], edge: Edge) -> None:
    response = httpx.request(method, edge.http.base_url.join(path), headers=header, trust_env=False)
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == "Bearer"


def test_no_route_was_forgotten_in_these_tests(tmp_path: Path) -> None:
    app = create_gateway(
        GatewaySettings(
            redis_url="redis://127.0.0.1:1", api_url="http://127.0.0.1:1", service_key="x", evidence_dir=tmp_path
        )
    )
    routes = {(method, getattr(route, "path", "")) for route in app.routes for method in getattr(route, "methods", [])}
    ids = (("0" * 64, "{sha256}"), (str(UUID(int=7)), "{request_id}"))
    closed = {(method, reduce(lambda path, each: path.replace(*each), ids, path)) for method, path in PLACES}
    # Open to all: health, and the door where a one-time token is the key.
    open_to_all = {("GET", "/health/live"), ("GET", "/health/ready"), ("POST", "/ingest/v1/edges/register")}
    assert routes - closed == open_to_all


def test_health_is_open_and_notes_the_api(edge: Edge) -> None:
    with httpx.Client(base_url=edge.http.base_url, trust_env=False) as anybody:
        assert anybody.get("/health/live").status_code == 200
        ready = anybody.get("/health/ready")
    assert ready.status_code == 200
    counts = {"waiting": 0, "dead_letters": 0}
    assert ready.json() | counts == {"state": "ready", "redis": "ok", "api": "ok"} | counts


def test_a_post_without_events_tells_the_epoch(edge: Edge, centre: Centre) -> None:
    answer = edge.post()
    assert (answer.answers, answer.stream_epoch) == ([], centre.stream.epoch())


def test_the_answer_carries_the_clock_and_the_request_id(edge: Edge) -> None:
    given = edge.http.post("/ingest/v1/events", json=[], headers={"X-Request-Id": "look-17.a"})
    made = edge.http.post("/ingest/v1/events", json=[], headers={"X-Request-Id": "a b\tc" * 30})
    assert given.headers["X-Request-Id"] == "look-17.a"
    assert re.fullmatch("[0-9a-f]{32}", made.headers["X-Request-Id"])
    off = datetime.now(UTC) - parsedate_to_datetime(given.headers["Date"])
    assert abs(off) < timedelta(seconds=3)


def test_each_event_of_a_post_gets_its_own_answer_in_order(edge: Edge) -> None:
    sound = edge.event()
    answer = edge.post(
        sound,
        sound,
        edge.event(kind="snow-on-roof"),
        edge.event(schema_version=2),
        edge.event(edge_id="another-edge"),
        edge.event(phase="vanished"),
        "not an event",
    )
    assert [event.answer for event in answer.answers] == [
        "accepted",
        "duplicate",
        "held",
        "held",
        "refused",
        "refused",
        "refused",
    ]
    assert [event.position for event in answer.answers] == list(range(7))
    assert all(event.reason for event in answer.answers[2:])


@pytest.mark.parametrize(
    ("media_type", "enveloped"),
    [("application/json", False), ("application/cloudevents-batch+json", True), ("application/json", True)],
)
def test_an_array_of_events_or_envelopes_is_taken(edge: Edge, media_type: str, enveloped: bool) -> None:
    events = [edge.event(), edge.event()]
    body: list[Any] = [{"specversion": "1.0", "id": "1", "data": event} for event in events] if enveloped else events
    response = edge.http.post("/ingest/v1/events", content=json.dumps(body), headers={"Content-Type": media_type})
    assert [answer["answer"] for answer in response.json()["answers"]] == ["accepted", "accepted"]


def test_one_structured_envelope_is_taken(edge: Edge) -> None:
    envelope = {"specversion": "1.0", "id": "1", "data": edge.event()}
    headers = {"Content-Type": "application/cloudevents+json"}
    response = edge.http.post("/ingest/v1/events", content=json.dumps(envelope), headers=headers)
    assert [answer["answer"] for answer in response.json()["answers"]] == ["accepted"]


def test_a_packed_body_is_unpacked(edge: Edge) -> None:
    body = gzip.compress(json.dumps([edge.event()]).encode())
    response = edge.http.post("/ingest/v1/events", content=body, headers={"Content-Encoding": "gzip"})
    assert [answer["answer"] for answer in response.json()["answers"]] == ["accepted"]


@pytest.mark.parametrize(
    ("body", "encoding", "status"),
    [
        (b"", "identity", 400),
        (b"{", "identity", 400),
        (b"null", "identity", 400),
        (b'{"events": 7}', "identity", 400),
        (b"[NaN]", "identity", 400),
        (b"[" + b"9" * 5000 + b"]", "identity", 400),
        (b"[" * 100_000, "identity", 400),
        (b"\xff\xfe[]", "identity", 400),
        (b"\xef\xbb\xbf[]", "identity", 400),
        (b"[" + b"7," * 500 + b"7]", "identity", 413),
        (b"[" + b" " * 5_000_000 + b"]", "identity", 413),
        (b"not gzip", "gzip", 400),
        (gzip.compress(b"[]")[:-3], "gzip", 400),
        (gzip.compress(b"[]") + b"more", "gzip", 400),
        (gzip.compress(b" " * 50_000_000), "gzip", 413),
        (b"[]", "br", 415),
        (b"[" * 900 + b"]" * 900, "identity", 202),
        (b'["\\ud800", 1e999, {"event_id": "\\udfff"}, {"kind": 1, "kind": 2}]', "identity", 202),
    ],
    ids=range(18),
)
def test_a_clients_mistake_is_never_the_servers(edge: Edge, body: bytes, encoding: str, status: int) -> None:
    response = edge.http.post("/ingest/v1/events", content=body, headers={"Content-Encoding": encoding})
    assert response.status_code == status, response.text
    if status == 202:
        assert {answer["answer"] for answer in response.json()["answers"]} == {"refused"}
    else:
        assert response.json()["detail"]


def test_a_hundred_megabytes_are_turned_away_without_being_kept(centre: Centre, edge: Edge) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(100):
            yield b" " * 1_000_000

    before = centre.gateway_peak_mb()
    for headers in ({"Content-Length": "100000000"}, {}):
        response = edge.http.post("/ingest/v1/events", content=chunks(), headers=headers)
        assert response.status_code == 413
    response = put(edge, chunks(), name="0" * 64)
    assert response.status_code == 413
    assert centre.gateway_peak_mb() - before < 40
    assert not list((centre.evidence_dir / ".incoming").iterdir())


def test_evidence_is_stored_once_and_then_present(edge: Edge, centre: Centre) -> None:
    jpeg = picture("blue")
    name = hashlib.sha256(jpeg).hexdigest()
    assert edge.http.head(f"/ingest/v1/evidence/{name}").status_code == 404
    assert put(edge, jpeg, name=name).status_code == 201
    assert put(edge, jpeg, name=name).status_code == 200
    assert edge.http.head(f"/ingest/v1/evidence/{name}").status_code == 200
    assert (centre.evidence_dir / name[:2] / name[2:4] / name).read_bytes() == jpeg


def test_an_upload_that_breaks_off_leaves_nothing(edge: Edge, centre: Centre) -> None:
    jpeg = picture("yellow")
    name = hashlib.sha256(jpeg).hexdigest()

    def half() -> Iterator[bytes]:
        yield jpeg[:100]
        raise ConnectionAbortedError

    with pytest.raises(ConnectionAbortedError):
        put(edge, half(), name=name)
    incoming = centre.evidence_dir / ".incoming"
    wait_until(lambda: not list(incoming.iterdir()), timeout_s=5, what="the half is gone")
    assert edge.http.head(f"/ingest/v1/evidence/{name}").status_code == 404
    assert put(edge, jpeg, name=name).status_code == 201


@pytest.mark.parametrize(
    ("body", "name", "media_type", "status"),
    [
        (picture("green"), "1" * 64, "image/jpeg", 422),
        (b"<script>", hashlib.sha256(b"<script>").hexdigest(), "image/jpeg", 422),
        (picture("green"), "..%2F..%2Fetc", "image/jpeg", 404),
        (picture("green"), "G" * 64, "image/jpeg", 422),
        (picture("green"), hashlib.sha256(picture("green")).hexdigest(), "", 400),
        (picture("green"), hashlib.sha256(picture("green")).hexdigest(), "text/html", 422),
    ],
    ids=["other bytes", "no picture", "a path", "no name", "no type", "a page"],
)
def test_wrong_evidence_is_refused_with_its_reason(
    edge: Edge, body: bytes, name: str, media_type: str, status: int
) -> None:
    response = put(edge, body, name=name, media_type=media_type)
    assert response.status_code == status
    assert response.json()["detail"]
    assert edge.http.head(f"/ingest/v1/evidence/{name}").status_code != 200


def test_a_status_is_kept_with_the_time_that_it_came(edge: Edge, centre: Centre) -> None:
    status = json.loads((GOLDEN / "edge-status-v1.json").read_text()) | {"edge_id": edge.edge_id}
    assert edge.http.put("/ingest/v1/edges/me/status", json=status).status_code == 204
    received = EdgeStatuses(centre.redis, prefix=centre.prefix).last(edge.edge_id)
    assert received is not None
    assert received.status.cameras[1].fault == "refused"
    assert abs(datetime.now(UTC) - received.received_at) < timedelta(seconds=10)


@pytest.mark.parametrize(
    ("change", "status"), [({"edge_id": "another-edge"}, 403), ({"load": -1}, 422), ({"sent_at": None}, 422)]
)
def test_a_wrong_status_is_refused(edge: Edge, change: dict[str, Any], status: int) -> None:
    body = json.loads((GOLDEN / "edge-status-v1.json").read_text()) | {"edge_id": edge.edge_id} | change
    assert edge.http.put("/ingest/v1/edges/me/status", json=body).status_code == status


@pytest.mark.parametrize("body", [b"", b'{"load": 1e999}', b'{"load": NaN}', b"[" * 50_000])
def test_a_broken_status_is_refused(edge: Edge, body: bytes) -> None:
    assert edge.http.put("/ingest/v1/edges/me/status", content=body).status_code in {400, 422}
