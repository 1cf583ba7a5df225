"""Asks the API: patient clients that pause between requests, and eager ones that do not; as lean as Python gets."""

from __future__ import annotations

import random
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

HOST = "127.0.0.1"


class Refused(Exception):
    """An answer that was not 200, or nothing left to ask."""


class Connection:
    """One kept-alive connection; requests are bytes made before, answers are read and only their status looked at."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection((HOST, port), timeout=60)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, request: bytes) -> bytes:
        """Returns the body. Raises: Refused."""
        self._socket.sendall(request)
        received = b""
        while (end := received.find(b"\r\n\r\n")) < 0:
            received += self._more()
        head = received[:end].lower()
        body = received[end + 4 :]
        length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
        parts = [body]
        have = len(body)
        while have < length:
            parts.append(self._more())
            have += len(parts[-1])
        if not head.startswith(b"http/1.1 200"):
            raise Refused(f"{head.partition(b' ')[2][:20]!r}: {b''.join(parts)[:300]!r}, asked {request[:120]!r}")
        return b"".join(parts)

    def _more(self) -> bytes:
        received = self._socket.recv(262_144)
        if not received:
            raise Refused("the connection was closed")
        return received

    def close(self) -> None:
        self._socket.close()


def request(method: str, path: str, bearer: str, body: bytes | None = None) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", f"Host: {HOST}", f"Authorization: Bearer {bearer}"]
    if body is not None:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + (body or b"")


@dataclass(slots=True)
class Timings:
    """Milliseconds by action."""

    by_action: dict[str, list[float]] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, action: str, spent_ms: float) -> None:
        with self._lock:
            self.by_action.setdefault(action, []).append(spent_ms)

    def percentile_ms(self, action: str, share: float) -> float:
        known = sorted(self.by_action.get(action, [float("nan")]))
        return known[min(len(known) - 1, int(len(known) * share))]


def paced(
    port: int,
    *,
    clients: int,
    pause_s: float,
    seconds: float,
    shares: Mapping[str, float],
    make: Callable[[str, int], bytes],
) -> Timings:
    """Lets clients ask for ``seconds``, each pausing between an answer and its next request.

    make: returns the request of an action for the client of a number; raises Refused where there is none to make.
    """
    timings = Timings()
    end_s = time.monotonic() + seconds

    def work(number: int) -> None:
        chance = random.Random(number)  # noqa: S311
        connection = Connection(port)
        time.sleep(chance.random() * pause_s)
        while time.monotonic() < end_s:
            action = chance.choices(list(shares), list(shares.values()))[0]
            try:
                asked = make(action, number)
                began_s = time.perf_counter()
                connection.ask(asked)
            except Refused as error:
                timings.refused.append(f"{action}: {error}")
                break
            timings.note(action, (time.perf_counter() - began_s) * 1000)
            time.sleep(pause_s)
        connection.close()

    _together([lambda number=number: work(number) for number in range(clients)])  # type: ignore[misc]
    return timings


def closed_loop(port: int, requests: Sequence[bytes], *, connections: int, seconds: float) -> float:
    """Returns answers a second where each connection asks again as soon as it was answered."""
    answered = [0] * connections
    end_s = time.monotonic() + seconds

    def work(number: int) -> None:
        connection = Connection(port)
        while time.monotonic() < end_s:
            connection.ask(requests[(number + answered[number]) % len(requests)])
            answered[number] += 1
        connection.close()

    _together([lambda number=number: work(number) for number in range(connections)])  # type: ignore[misc]
    return sum(answered) / seconds


def _together(work: Sequence[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=one) for one in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
