"""An API that hangs (it takes connections and answers nothing) keeps no known edge waiting for long."""

from __future__ import annotations

import http.client
import secrets
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from signal import SIGCONT, SIGSTOP

import pytest

from tests.ingest.centre import Centre, Edge
from tests.ingest.conftest import CentreFactory
from tests.ingest.doors import SOON_STALE_S
from tests.services.ports import HOST

STRANGERS = 80


@pytest.fixture
def hanging(redis_url: str, new_centre: CentreFactory) -> Iterator[tuple[Centre, list[Edge]]]:
    """A centre that knew three edges when its API stopped, long enough ago for its answers to be stale."""
    centre = new_centre(redis_url)
    api, _ = centre.start_api_and_gateway(factory="tests.ingest.doors:soon_stale_gateway")
    edges = [centre.edge(f"edge-{number}") for number in range(3)]
    for edge in edges:
        edge.post(edge.event())
    api.send(SIGSTOP)
    time.sleep(SOON_STALE_S + 0.1)
    yield centre, edges
    api.send(SIGCONT)
    for edge in edges:
        edge.http.close()


def posting_s(edge: Edge) -> float:
    """Posts an event, which must be accepted; returns how long that took."""
    started = time.monotonic()
    assert edge.answers(edge.event()) == ["accepted"]
    return time.monotonic() - started


def ask_as_stranger(centre: Centre) -> tuple[int, float]:
    """Returns the answer to a key that nobody has seen, and how long it took, in seconds."""
    connection = http.client.HTTPConnection(HOST, centre.gateway_port, timeout=20)
    started = time.monotonic()
    try:
        headers = {"Authorization": f"Bearer {secrets.token_hex(16)}"}
        connection.request("POST", "/ingest/v1/events", headers=headers)
        return connection.getresponse().status, time.monotonic() - started
    finally:
        connection.close()


@contextmanager
def many_strangers(centre: Centre) -> Iterator[list[tuple[int, float]]]:
    """80 clients that try one key after the other; yields their answers, as they come."""
    stop, answers = threading.Event(), list[tuple[int, float]]()

    def guess() -> None:
        while not stop.wait(0.2):
            answers.append(ask_as_stranger(centre))

    with ThreadPoolExecutor(STRANGERS) as threads:
        guessing = [threads.submit(guess) for _ in range(STRANGERS)]
        try:
            yield answers
        finally:
            stop.set()
    for guess_made in guessing:
        guess_made.result()


def test_known_edges_get_their_answer_while_the_api_hangs(hanging: tuple[Centre, list[Edge]]) -> None:
    _, edges = hanging
    with ThreadPoolExecutor(len(edges)) as threads:
        at_first = max(threads.map(posting_s, edges))
    then = [posting_s(edge) for edge in edges for _ in range(5)]
    assert at_first < 3
    assert max(then) < 3
    assert sorted(then)[-2] < 0.5, "of them one at most is the one that tries the API again"


def test_strangers_keep_nobody_waiting_while_the_api_hangs(hanging: tuple[Centre, list[Edge]]) -> None:
    centre, edges = hanging
    with many_strangers(centre) as answers:
        time.sleep(0.5)
        known = [posting_s(edges[0]) for _ in range(20)]
        time.sleep(1)
    waits = sorted(wait_s for _, wait_s in answers)
    median, longest = waits[len(waits) // 2], waits[-1]
    assert {status for status, _ in answers} == {503}
    assert max(known) < 3
    assert median < 0.5
    assert longest < 6
