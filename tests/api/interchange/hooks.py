"""What tests of webhooks share: a hook at a real receiver, and a check of signatures that is not the product's."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from api.rights import Role
from tests.api.place import Place, a_report
from tests.ingest.receivers import Got, Receiver

WEBHOOKS = "/api/v1/webhooks"
SOON_S = 20.0


@dataclass(frozen=True)
class Hook:
    """A webhook of a place."""

    place: Place
    id: str
    secret: str

    @property
    def path(self) -> str:
        return f"{WEBHOOKS}/{self.id}"

    def deliveries(self, **params: Any) -> list[dict[str, Any]]:
        answer = self.place.person(Role.ADMINISTRATOR).get(f"{self.path}/deliveries", params=params)
        assert answer.status_code == 200, answer.text
        items: list[dict[str, Any]] = answer.json()["items"]
        return items


def add_hook(place: Place, receiver: Receiver, **wanted: Any) -> Hook:
    body = {"url": f"{receiver.url}/hook", **wanted}
    answer = place.person(Role.ADMINISTRATOR).post(WEBHOOKS, json=body)
    assert answer.status_code == 201, answer.text
    return Hook(place, answer.json()["id"], answer.json()["secret"])


def file_case(place: Place, **changes: Any) -> str:
    [answer] = place.report(a_report(**changes))
    confirmed = place.person(Role.OPERATOR).post(f"/api/v1/cases/{answer.case_id}/confirm")
    assert confirmed.status_code == 200, confirmed.text
    return str(answer.case_id)


def soon(found: Callable[[], Any], why: str = "") -> Any:
    until = time.monotonic() + SOON_S
    while not (result := found()) and time.monotonic() < until:
        time.sleep(0.02)
    assert result, why or "it did not happen"
    return result


def told(receiver: Receiver) -> list[tuple[str, str]]:
    """The type and the case of each message that arrived, in order."""
    return [(body["type"], body.get("subject", "")) for body in (json.loads(got.body) for got in receiver.got)]


def is_signed(got: Got, secret: str) -> bool:
    """Verifies as the specification of Standard Webhooks says, symmetric signatures."""
    key = base64.b64decode(secret[len("whsec_") :])
    content = got.headers["webhook-id"].encode() + b"." + got.headers["webhook-timestamp"].encode() + b"." + got.body
    expected = base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode()
    return any(
        hmac.compare_digest(signature, f"v1,{expected}") for signature in got.headers["webhook-signature"].split(" ")
    )
