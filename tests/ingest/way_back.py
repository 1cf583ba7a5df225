"""What tests of the way back say: a supervisor to the API, an edge to its gateway."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx

from api.people.accounts import reset_password
from api.settings import ApiSettings
from ingest.edge_messages import EdgeRequest, EdgeRequests
from tests.ingest.centre import Centre, Edge
from tests.services.ports import HOST

GOLDEN = Path(__file__).parents[1] / "golden"
CONFIG, REQUESTS = "/ingest/v1/edges/me/config", "/ingest/v1/edges/me/requests"


@contextmanager
def log_in(centre: Centre) -> Iterator[httpx.Client]:
    """A supervisor, who may configure edges, ask things of them and see what they answer."""
    password = reset_password(ApiSettings.from_environment(centre.environment), "administrator")
    with httpx.Client(base_url=f"http://{HOST}:{centre.api_port}", timeout=20, trust_env=False) as api:

        def become(name: str, password: str) -> None:
            token = api.post("/api/v1/sessions", json={"name": name, "password": password}).json()["token"]
            api.headers["Authorization"] = f"Bearer {token}"

        become("administrator", password)
        supervisor = {"name": f"s-{uuid.uuid4().hex[:8]}", "role": "supervisor", "password": uuid.uuid4().hex}
        assert api.post("/api/v1/people", json=supervisor).status_code == 201
        become(supervisor["name"], supervisor["password"])
        yield api


def configure(supervisor: httpx.Client, edge: Edge, watches: list[dict[str, Any]]) -> str:
    """Sets what the edge is to watch; returns the ETag that it has now."""
    answer = supervisor.put(f"/api/v1/edges/{edge.edge_id}/configuration", json={"watches": watches})
    assert answer.status_code == 200, answer.text
    return answer.headers["ETag"]


def ask(supervisor: httpx.Client, edge: Edge, **body: Any) -> UUID:
    wanted = {"type": "snapshot", "camera": "market-east"} | body
    answer = supervisor.post(f"/api/v1/edges/{edge.edge_id}/requests", json=wanted)
    assert answer.status_code == 201, answer.text
    return UUID(answer.json()["id"])


def poll(edge: Edge, wait_s: float = 0) -> list[EdgeRequest]:
    answer = edge.http.get(REQUESTS, params={"wait_s": wait_s}, timeout=30)
    assert answer.status_code == 200, answer.text
    return EdgeRequests.model_validate_json(answer.content).requests


def put_result(edge: Edge, asked: UUID, **result: Any) -> httpx.Response:
    body = {"request_id": str(asked), "ok": True} | result
    return edge.http.put(f"{REQUESTS}/{asked}/result", json=body)
