"""The way back to an edge, through a real gateway and API: its configuration, what is asked of it, how it is."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from PIL import Image
from sqlalchemy import update

from api.database import Database
from api.settings import ApiSettings
from api.tables import EdgeRequestRow
from ingest.requests_door import WAITING_PER_EDGE
from tests.ingest.centre import Centre, Edge
from tests.ingest.way_back import CONFIG, GOLDEN, REQUESTS, ask, configure, log_in, poll, put_result
from tests.services.processes import wait_until

WATCHES = [{"id": "pavement", "kind": "street-encroachment", "camera": "market-east", "note": "占道"}]
EDGES_WAITING = 25


@pytest.fixture(scope="module")
def supervisor(centre: Centre) -> Iterator[httpx.Client]:
    with log_in(centre) as supervisor:
        yield supervisor


def test_an_edge_gets_what_was_set_for_it_and_nothing_while_it_has_it(edge: Edge, supervisor: httpx.Client) -> None:
    etag = configure(supervisor, edge, WATCHES)
    first = edge.http.get(CONFIG)
    assert (first.status_code, first.headers["ETag"]) == (200, etag)
    assert first.json() == {"edge_id": edge.edge_id, "watches": WATCHES}
    for known in (etag, f"W/{etag}", f'"older", {etag}'):
        again = edge.http.get(CONFIG, headers={"If-None-Match": known})
        assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", etag)
    assert edge.http.get(CONFIG, headers={"If-None-Match": '"older"'}).json() == first.json()


def test_an_edge_for_which_there_is_nothing_hears_so(edge: Edge) -> None:
    assert edge.http.get(CONFIG).status_code == 204


def test_a_request_reaches_the_waiting_edge_and_its_answer_comes_back(edge: Edge, supervisor: httpx.Client) -> None:
    with ThreadPoolExecutor(1) as thread:
        waiting = thread.submit(poll, edge, 20)
        time.sleep(0.3)
        request_id, started = ask(supervisor, edge), time.monotonic()
        [request] = waiting.result()
    assert time.monotonic() - started < 3
    assert (request.request_id, request.type, request.camera) == (request_id, "snapshot", "market-east")
    jpeg = io.BytesIO()
    Image.new("RGB", (64, 48), "purple").save(jpeg, "JPEG")
    name = hashlib.sha256(jpeg.getvalue()).hexdigest()
    taken = {"role": "start", "taken_at": datetime.now(UTC).isoformat(), "size_bytes": len(jpeg.getvalue())}
    evidence = [{"sha256": name, "media_type": "image/jpeg", **taken}]
    upload = edge.http.put(
        f"/ingest/v1/evidence/{name}", content=jpeg.getvalue(), headers={"Content-Type": "image/jpeg"}
    )
    assert upload.status_code == 201
    findings = [{"label": "stall", "score": 0.9}]
    for _ in range(2):
        assert put_result(edge, request_id, evidence=evidence, findings=findings).status_code == 204
    assert put_result(edge, request_id, ok=False, error="too late").status_code == 204
    shown = supervisor.get(f"/api/v1/edges/{edge.edge_id}/requests/{request_id}").json()
    assert (shown["state"], shown["result"]["ok"], shown["result"]["findings"][0]["label"]) == (
        "answered",
        True,
        "stall",
    )
    seen = supervisor.get(f"/api/v1/edges/{edge.edge_id}/requests/{request_id}/evidence/{name}")
    assert (seen.status_code, seen.content) == (200, jpeg.getvalue())
    assert poll(edge, 0) == []


def test_a_draft_arrives_as_it_was_written(edge: Edge, supervisor: httpx.Client) -> None:
    watch = json.loads((GOLDEN / "edge-request-v1-try-watch.json").read_text())["watch"] | {"labels": None}
    request_id = ask(supervisor, edge, type="try_watch", watch=watch)
    [request] = poll(edge, 10)
    assert (request.request_id, request.watch) == (request_id, watch)
    result = json.loads((GOLDEN / "request-result-v1-try-watch.json").read_text())
    assert put_result(edge, request_id, **(result | {"request_id": str(request_id)})).status_code == 204
    shown = supervisor.get(f"/api/v1/edges/{edge.edge_id}/requests/{request_id}").json()
    assert (shown["result"]["would_have_raised"], shown["result"]["looks_tried"]) == (2, 720)


def test_nobody_gets_or_answers_what_another_edge_was_asked(
    centre: Centre, edge: Edge, supervisor: httpx.Client
) -> None:
    request_id = ask(supervisor, edge)
    with centre.edge(f"{edge.edge_id}-other") as other:
        assert poll(other, 1.2) == []
        assert put_result(other, request_id).status_code == 404
    assert put_result(edge, uuid.uuid4()).status_code == 404
    assert [request.request_id for request in poll(edge)] == [request_id]


def test_an_answer_that_comes_too_late_is_gone(centre: Centre, edge: Edge, supervisor: httpx.Client) -> None:
    request_id = ask(supervisor, edge)
    database = Database(ApiSettings.from_environment(centre.environment).database_url)
    with database.write() as session:
        past = datetime.now(UTC) - timedelta(seconds=1)
        session.execute(update(EdgeRequestRow).where(EdgeRequestRow.id == request_id).values(expires_at=past))
    database.close()
    assert put_result(edge, request_id).status_code == 410
    assert poll(edge, 1.5) == []


@pytest.mark.parametrize("wait_s", ["-1", "25.1", "nan", "inf", "1e999", "soon", "%00", ""])
def test_a_wait_that_is_none_is_refused(edge: Edge, wait_s: str) -> None:
    answer = edge.http.get(f"{REQUESTS}?wait_s={wait_s}")
    assert answer.status_code == 422
    assert "wait_s" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"[" * 100_000, 400),
        (b"[]", 422),
        (b'{"ok": true}', 422),
        (b'{"request_id": "00000000-0000-0000-0000-000000000001", "ok": true}', 422),
        (b'{"request_id": "%s", "ok": true, "would_have_raised": -1}', 422),
        (b'{"request_id": "%s", "ok": true, "findings": [{"label": "\\ud800"}]}', 422),
        (b'{"request_id": "%s", "ok": false, "error": "\\u0000"}', 422),
        (b" " * 1_000_001, 413),
    ],
    ids=range(9),
)
def test_a_broken_result_is_refused_and_the_request_stays_open(
    edge: Edge, supervisor: httpx.Client, body: bytes, status: int
) -> None:
    request_id = ask(supervisor, edge)
    body = body.replace(b"%s", str(request_id).encode())
    assert edge.http.put(f"{REQUESTS}/{request_id}/result", content=body).status_code == status
    for path in ("..%2F..%2Fetc", "1", "%00"):
        assert edge.http.put(f"{REQUESTS}/{path}/result", json={}).status_code in {404, 422}
    assert put_result(edge, request_id).status_code == 204


def test_an_edge_waits_at_few_places_at_once_and_leaves_those_that_it_gave_up(edge: Edge) -> None:
    for _ in range(WAITING_PER_EDGE * 2):
        with pytest.raises(httpx.ReadTimeout):
            edge.http.get(REQUESTS, params={"wait_s": 20}, timeout=0.2)
    with ThreadPoolExecutor(WAITING_PER_EDGE) as threads:
        waiting = [threads.submit(poll, edge, 1) for _ in range(WAITING_PER_EDGE)]
        time.sleep(0.4)
        refused = edge.http.get(REQUESTS, params={"wait_s": 20})
        assert (refused.status_code, refused.headers["Retry-After"]) == (429, "5")
        assert [each.result() for each in waiting] == [[]] * WAITING_PER_EDGE


def test_many_waiting_edges_keep_nobody_waiting(centre: Centre, edge: Edge, supervisor: httpx.Client) -> None:
    with ExitStack() as stack:
        edges = [stack.enter_context(centre.edge(f"{edge.edge_id}-{number}")) for number in range(EDGES_WAITING)]

        async def wait_all() -> list[int]:
            limits = httpx.Limits(max_connections=None)
            url = edge.http.base_url
            async with httpx.AsyncClient(base_url=url, limits=limits, timeout=30, trust_env=False) as http:

                async def wait(waiting: Edge) -> int:
                    headers = {"Authorization": f"Bearer {waiting.key}"}
                    answer = await http.get(REQUESTS, params={"wait_s": 2.5}, headers=headers)
                    return len(answer.json()["requests"])

                return await asyncio.gather(*(wait(waiting) for waiting in edges for _ in range(WAITING_PER_EDGE)))

        with ThreadPoolExecutor(1) as thread:
            everybody = thread.submit(asyncio.run, wait_all())
            time.sleep(0.7)
            started = time.monotonic()
            for _ in range(10):
                assert edge.answers(edge.event()) == ["accepted"]
            posting_s = time.monotonic() - started
            ask(supervisor, edges[7])
            found = everybody.result()
    assert sorted(found) == [0] * (EDGES_WAITING * WAITING_PER_EDGE - 1) + [1]
    assert posting_s < 2


def test_how_an_edge_is_can_be_seen(edge: Edge, supervisor: httpx.Client) -> None:
    def seen() -> dict[str, Any]:
        page = supervisor.get("/api/v1/edges", params={"limit": 1000}).json()
        shown: dict[str, Any] = next(item for item in page["items"] if item["edge_id"] == edge.edge_id)
        return shown

    assert seen()["status"] is None
    status = json.loads((GOLDEN / "edge-status-v1.json").read_text()) | {"edge_id": edge.edge_id, "load": 0.75}
    assert edge.http.put("/ingest/v1/edges/me/status", json=status).status_code == 204
    wait_until(lambda: seen()["status"] is not None, timeout_s=10, what="the status is there")
    shown = seen()
    assert shown["age_s"] < 10
    assert (shown["status"]["load"], shown["status"]["backlog"]["events"]) == (0.75, 3)
    assert shown["status"]["cameras"] == {"live": 1, "lost": 1}
    assert shown["status"]["ailing_cameras"] == [{"id": "bridge-south", "state": "lost", "fault": "refused"}]
    assert (shown["status"]["sensors"], shown["status"]["watches"], shown["status"]["open_incidents"]) == (1, 1, 2)
