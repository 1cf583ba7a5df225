"""The way back while the API is away or hangs, and while the gateway stops."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from signal import SIGCONT, SIGSTOP

import httpx
import pytest

from tests.ingest.centre import Centre, Edge
from tests.ingest.conftest import CentreFactory
from tests.ingest.way_back import CONFIG, GOLDEN, REQUESTS, ask, log_in, poll, put_result
from tests.services.processes import wait_until

Question = Callable[[Edge], httpx.Response]
QUESTIONS: dict[str, Question] = {
    "configuration": lambda edge: edge.http.get(CONFIG),
    "requests": lambda edge: edge.http.get(REQUESTS, params={"wait_s": 20}),
    "result": lambda edge: put_result(edge, uuid.uuid4()),
}


@pytest.fixture
def own_centre(redis_url: str, new_centre: CentreFactory) -> Centre:
    return new_centre(redis_url)


def test_without_the_api_an_edge_is_asked_to_come_again(own_centre: Centre) -> None:
    api, gateway = own_centre.start_api_and_gateway()
    with own_centre.edge("laian-01") as edge, log_in(own_centre) as supervisor:
        assert edge.answers(edge.event()) == ["accepted"]
        request_id = ask(supervisor, edge)
        assert [request.request_id for request in poll(edge)] == [request_id]
        with ThreadPoolExecutor(1) as thread:
            waiting = thread.submit(QUESTIONS["requests"], edge)
            time.sleep(0.3)
            api.stop()
            assert waiting.result().status_code == 503
        for name, question in QUESTIONS.items():
            answer = question(edge)
            assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5"), name
        assert edge.answers(edge.event()) == ["accepted"]
        status = json.loads((GOLDEN / "edge-status-v1.json").read_text()) | {"edge_id": edge.edge_id}
        assert edge.http.put("/ingest/v1/edges/me/status", json=status).status_code == 204
        own_centre.start_api()
        wait_until(lambda: put_result(edge, request_id).status_code == 204, timeout_s=10, what="the API is back")
        wait_until(
            lambda: supervisor.get("/api/v1/edges").json()["items"][0]["status"] is not None,
            timeout_s=15,
            what="the status of meanwhile arrives",
        )
        assert gateway.running


def test_an_api_that_hangs_keeps_no_event_waiting(own_centre: Centre) -> None:
    api, _ = own_centre.start_api_and_gateway()
    with own_centre.edge("laian-01") as edge:
        assert edge.answers(edge.event()) == ["accepted"]
        api.send(SIGSTOP)
        try:
            with ThreadPoolExecutor(len(QUESTIONS)) as threads:
                answers = [threads.submit(question, edge) for question in QUESTIONS.values()]
                started = time.monotonic()
                assert edge.answers(edge.event()) == ["accepted"]
                assert time.monotonic() - started < 1
                assert {answer.result().status_code for answer in answers} == {503}
        finally:
            api.send(SIGCONT)


def test_a_gateway_that_is_asked_to_stop_sends_waiting_edges_away(own_centre: Centre) -> None:
    _, gateway = own_centre.start_api_and_gateway()
    with own_centre.edge("laian-01") as edge, ThreadPoolExecutor(1) as thread:
        waiting = thread.submit(QUESTIONS["requests"], edge)
        time.sleep(1)
        started = time.monotonic()
        gateway.stop()
        assert time.monotonic() - started < 3
        assert (waiting.result().status_code, waiting.result().headers["Retry-After"]) == (503, "5")
