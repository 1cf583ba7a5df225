"""The load generator: edges that post events over kept-alive connections, as fast as they may or at a steady pace."""

from __future__ import annotations

import hashlib
import http.client
import json
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from io import BytesIO

from PIL import Image

NAME = "bench.ingest.load: threads of http.client in one process"
EVIDENCE_BYTES = 150_000
HOLD_S = 0.005
TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class Target:
    """Where to post, and as whom: every sender is an edge of its own."""

    host: str
    port: int
    edge_id: str
    key: str


@dataclass(slots=True)
class Sent:
    """What one sender has had accepted so far."""

    events: int = 0
    fault: str | None = field(default=None)


class Sender(threading.Thread):
    """Posts ``per_post`` events at a time until ``stop``; ``may_go`` holds it back, ``every_s`` paces it."""

    def __init__(
        self,
        target: Target,
        *,
        per_post: int,
        picture: bytes | None,
        stop: threading.Event,
        may_go: Callable[[], bool],
        every_s: float = 0.0,
    ) -> None:
        super().__init__(name=f"sender-{target.edge_id}", daemon=True)
        self.sent = Sent()
        self._target = target
        self._per_post = per_post
        self._picture = picture
        self._stop_asked = stop
        self._may_go = may_go
        self._every_s = every_s
        self._http = http.client.HTTPConnection(target.host, target.port, timeout=TIMEOUT_S)

    def run(self) -> None:
        next_s = time.monotonic()
        try:
            while not self._stop_asked.is_set():
                if not self._may_go():
                    time.sleep(HOLD_S)
                    continue
                if self._every_s:
                    self._stop_asked.wait(max(0.0, next_s - time.monotonic()))
                    next_s += self._every_s
                self._post()
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.sent.fault = f"{type(error).__name__}: {error}"
        finally:
            self._http.close()

    def _post(self) -> None:
        pictures = [self._put_picture() for _ in range(self._per_post)] if self._picture is not None else None
        events = [
            event_json(self._target.edge_id, picture=pictures[place] if pictures else None)
            for place in range(self._per_post)
        ]
        status, body = self._ask(
            "POST", "/ingest/v1/events", b'{"events":[' + b",".join(events) + b"]}", "application/json"
        )
        if status != 202:
            raise ValueError(f"expected 202, got {status}: {body[:200]!r}")
        answers = [answer["answer"] for answer in json.loads(body)["answers"]]
        if answers != ["accepted"] * self._per_post:
            raise ValueError(f"expected {self._per_post} accepted events, got {sorted(set(answers))}")
        self.sent.events += self._per_post

    def _put_picture(self) -> tuple[str, int]:
        assert self._picture is not None
        content = self._picture + uuid.uuid4().bytes  # what follows the end of a JPEG is nobody's pixel
        sha256 = hashlib.sha256(content).hexdigest()
        status, body = self._ask("PUT", f"/ingest/v1/evidence/{sha256}", content, "image/jpeg")
        if status not in (200, 201):
            raise ValueError(f"expected 201, got {status}: {body[:200]!r}")
        return sha256, len(content)

    def _ask(self, method: str, path: str, body: bytes, media_type: str) -> tuple[int, bytes]:
        headers = {"Authorization": f"Bearer {self._target.key}", "Content-Type": media_type}
        self._http.request(method, path, body=body, headers=headers)
        answer = self._http.getresponse()
        return answer.status, answer.read()


def event_json(edge_id: str, *, picture: tuple[str, int] | None = None) -> bytes:
    """Returns one event of a thing of its own: a watch and a source of its own, so that no two are joined."""
    name = uuid.uuid4().hex
    now = datetime.now(UTC)
    event: dict[str, object] = {
        "event_id": str(uuid.uuid4()),
        "incident_id": str(uuid.uuid4()),
        "phase": "raised",
        "edge_id": edge_id,
        "source": {"type": "camera", "id": f"camera-{name[:12]}"},
        "kind": "street-encroachment",
        "watch_id": f"watch-{name[:12]}",
        "zone": [[0.1, 0.5], [0.9, 0.5], [0.9, 0.9], [0.1, 0.9]],
        # Up to half the globe away from the next, so that no two are ever near by.
        "position": {"longitude": int(name[:8], 16) / 2**32 * 180, "latitude": int(name[8:16], 16) / 2**32 * 80},
        "first_seen_at": (now - timedelta(minutes=5)).isoformat(),
        "occurred_at": now.isoformat(),
        "dwell_s": 300.0,
        "score": 0.87,
        "findings": [{"label": "stall", "score": 0.87, "box": [0.41, 0.6, 0.58, 0.83]}],
        "detector": {"name": "yolo", "version": "1"},
    }
    if picture:
        item = {"sha256": picture[0], "size_bytes": picture[1], "media_type": "image/jpeg", "role": "start"}
        event["evidence"] = [item | {"taken_at": now.isoformat()}]
    return json.dumps(event).encode()


def noisy_jpeg(size_bytes: int = EVIDENCE_BYTES) -> bytes:
    """Returns a JPEG of 1280 x 720 that is about ``size_bytes`` long, as a busy street is."""
    noise = Image.effect_noise((1280, 720), 60).convert("RGB")
    for quality in range(90, 5, -5):
        buffer = BytesIO()
        noise.save(buffer, "JPEG", quality=quality)
        if buffer.tell() <= size_bytes:
            break
    return buffer.getvalue()
