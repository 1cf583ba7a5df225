"""How each way to fail reads, and what is no answer of a gateway's."""

from __future__ import annotations

import gc
import gzip
import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

import edge.uplink.link
from edge.uplink.link import ANSWER_MAX_BYTES, UNANSWERED_S, CentreLink, LinkDown
from ingest.configuration import Centre
from tests.edge.scripted_gateway import EVENTS, Reply, ScriptedGateway, serving

KEY = "sc_edge_s3cret"
PATH = "/ingest/v1/edges/me/status"


@pytest.fixture
def gateway() -> Iterator[ScriptedGateway]:
    with serving(ScriptedGateway()) as gateway:
        yield gateway


def plain_link(port: int) -> CentreLink:
    return CentreLink(Centre(url=f"http://127.0.0.1:{port}", key_env="KEY"), KEY)


def test_a_redirect_is_never_followed(gateway: ScriptedGateway) -> None:
    with serving(ScriptedGateway()) as elsewhere:
        gateway.script(PATH, Reply(307, {"Location": f"{elsewhere.url}{PATH}"}))
        link = plain_link(gateway.port)

        with pytest.raises(LinkDown, match="redirect"):
            link.request("PUT", PATH, content=b"{}")
        link.close()

    assert elsewhere.requests == []
    assert gateway.requests[0].headers["Authorization"] == f"Bearer {KEY}"


def test_an_answer_of_not_modified_is_an_answer(gateway: ScriptedGateway) -> None:
    gateway.script(PATH, Reply(304))
    link = plain_link(gateway.port)

    assert link.request("GET", PATH).status_code == 304
    link.close()


def test_a_web_page_is_no_answer_of_a_gateways(gateway: ScriptedGateway) -> None:
    """The log-in page of a network takes every picture and says 200."""
    gateway.script(PATH, Reply(200, {"Content-Type": "text/html; charset=utf-8"}, body=b"<html>Log in</html>"))
    link = plain_link(gateway.port)

    with pytest.raises(LinkDown, match="web page"):
        link.request("PUT", PATH, content=b"{}")
    link.close()


@pytest.mark.parametrize("packed", [False, True])
def test_an_answer_larger_than_any_of_the_contract_is_not_read(gateway: ScriptedGateway, packed: bool) -> None:
    huge = b" " * (ANSWER_MAX_BYTES + 1)
    headers = {"Content-Encoding": "gzip"} if packed else {}
    gateway.script(PATH, Reply(200, headers, body=gzip.compress(huge) if packed else huge))
    link = plain_link(gateway.port)

    with pytest.raises(LinkDown, match="more than 8000000 bytes"):
        link.request("GET", PATH)
    assert link.request("GET", PATH).status_code == 204  # the next one is another connection's
    link.close()


def test_an_answer_that_does_not_end_is_given_up(gateway: ScriptedGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edge.uplink.link, "ANSWER_COMES_WITHIN_S", 0.0)
    gateway.script(PATH, Reply(200, body=b"drop by drop"))
    link = plain_link(gateway.port)

    with pytest.raises(LinkDown, match="did not end"):
        link.request("GET", PATH)
    link.close()


DATE = datetime(2026, 6, 1, 8, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "headers", "wait_s"),
    [
        (429, {"Retry-After": "7"}, 7.0),
        (503, {"Retry-After": "1.5"}, 1.5),
        # A date is on the clock of the centre, which need not be ours.
        (503, {"Retry-After": format_datetime(DATE + timedelta(seconds=90), usegmt=True)}, 90.0),
        (429, {"Retry-After": "99999999"}, 600.0),
        (429, {"Retry-After": "-5"}, 0.1),
        (429, {"Retry-After": "soon"}, None),
        (429, {"Retry-After": "nan"}, None),
        (408, {}, None),
        (502, {}, None),
    ],
)
def test_what_means_not_now_says_how_long_where_the_centre_said_so(
    gateway: ScriptedGateway, status: int, headers: dict[str, str], wait_s: float | None
) -> None:
    gateway.script(EVENTS, Reply(status, {**headers, "Date": format_datetime(DATE, usegmt=True)}))
    link = plain_link(gateway.port)

    with pytest.raises(LinkDown, match=str(status)) as told:
        link.request("POST", EVENTS, content=b"{}")
    link.close()

    assert (told.value.status, told.value.wait_s) == (status, wait_s)


def test_a_peer_that_says_nothing_is_given_up_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        link = plain_link(silent.getsockname()[1])
        begun_s = time.monotonic()

        with pytest.raises(LinkDown, match="ReadTimeout"):
            link.request("POST", EVENTS, content=b"{}", timeout_s=0.3)

        assert time.monotonic() - begun_s < 2
        link.close()


def test_a_peer_that_acknowledges_nothing_counts_as_gone_in_time(gateway: ScriptedGateway) -> None:
    """Half-open: the other side lost power or its address. The kernel is asked to find out; here, that it is asked."""
    link = plain_link(gateway.port)
    link.request("PUT", PATH, content=b"{}")

    [connection] = [s for s in _sockets() if s.getpeername() == ("127.0.0.1", gateway.port)]
    assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == UNANSWERED_S * 1000
    assert connection.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
    link.close()


def _sockets() -> list[socket.socket]:
    """Returns the connected TCP sockets of this process that were made by connecting."""
    found = [s for s in gc.get_objects() if type(s) is socket.socket and s.fileno() != -1]
    return [s for s in found if _is_connected(s)]


def _is_connected(candidate: socket.socket) -> bool:
    try:
        candidate.getpeername()
    except OSError:
        return False
    return True
