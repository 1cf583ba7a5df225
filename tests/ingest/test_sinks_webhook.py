"""The sink ``webhook``: a CloudEvent that any library for Standard Webhooks verifies."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from ingest.sinks.base import SinkFailure, SinkRefused, SinksError, SinkUnavailable
from ingest.sinks.http_post import ANSWER_MAX_BYTES, WAIT_MAX_S
from ingest.sinks.webhook import Webhook, WebhookConfiguration
from tests.ingest.receivers import Got, Receiver, Says, an_event, surroundings
from tests.services.ports import HOST, free_port

OLD = "whsec_" + base64.b64encode(b"o" * 24).decode()
NEW = "whsec_" + base64.b64encode(b"n" * 32).decode()


def webhook(url: str, *, secret: str = NEW, timeout_s: float = 2) -> Webhook:
    configuration = WebhookConfiguration(name="w", type="webhook", url=url, secret_env="HOOK", timeout_s=timeout_s)
    return Webhook(configuration, surroundings(HOOK=secret))


def verified(got: Got, secret: str) -> bool:
    """What a library for Standard Webhooks does, written out."""
    signed = f"{got.headers['webhook-id']}.{got.headers['webhook-timestamp']}.".encode() + got.body
    key = base64.b64decode(secret.removeprefix("whsec_"))
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    pairs = [word.split(",", 1) for word in got.headers["webhook-signature"].split(" ")]
    fresh = abs(time.time() - int(got.headers["webhook-timestamp"])) < 300
    return fresh and any(version == "v1" and hmac.compare_digest(made, expected) for version, made in pairs)


def test_it_posts_a_signed_cloudevent(receiver: Receiver) -> None:
    event = an_event(asset_id="井盖-7")
    sink = webhook(f"{receiver.url}/hook?token=x")
    sink.send(event)
    sink.close()
    [got] = receiver.got
    assert (got.method, got.path) == ("POST", "/hook?token=x")
    assert got.headers["content-type"] == "application/cloudevents+json; charset=utf-8"
    assert got.headers["webhook-id"] == str(event.event_id)
    assert json.loads(got.body) == event.as_cloudevent()
    assert verified(got, NEW)
    assert not verified(got, OLD)


def test_two_secrets_sign_both_while_one_is_exchanged(receiver: Receiver) -> None:
    sink = webhook(receiver.url, secret=f"{OLD} {NEW}")
    sink.send(an_event())
    sink.close()
    assert verified(receiver.got[0], OLD)
    assert verified(receiver.got[0], NEW)


@pytest.mark.parametrize(
    ("says", "failure", "wait_s"),
    [
        (Says(400, b"no such\x1b[31m kind\n"), SinkRefused, 0),
        (Says(413), SinkRefused, 0),
        (Says(422), SinkRefused, 0),
        (Says(401), SinkUnavailable, 0),
        (Says(404), SinkUnavailable, 0),
        (Says(410), SinkUnavailable, 0),
        (Says(500), SinkUnavailable, 0),
        (Says(503, headers={"Retry-After": "7"}), SinkUnavailable, 7),
        (Says(429, headers={"Retry-After": "1.5"}), SinkUnavailable, 1.5),
        (Says(429, headers={"Retry-After": "soon"}), SinkUnavailable, 0),
        (Says(429, headers={"Retry-After": "-5"}), SinkUnavailable, 0),
        (Says(429, headers={"Retry-After": "inf"}), SinkUnavailable, 0),
        (Says(429, headers={"Retry-After": "1e9"}), SinkUnavailable, WAIT_MAX_S),
        (Says(301, headers={"Location": "http://169.254.169.254/"}), SinkUnavailable, 0),
    ],
    ids=lambda value: str(value.status) if isinstance(value, Says) else None,
)
def test_the_answer_says_never_or_later(
    receiver: Receiver, says: Says, failure: type[SinkFailure], wait_s: float
) -> None:
    receiver.judge = lambda _: says
    sink = webhook(f"{receiver.url}/secret-path")
    with pytest.raises(failure, match=f"answered {says.status}") as caught:
        sink.send(an_event())
    sink.close()
    assert len(receiver.got) == 1
    assert "secret-path" not in str(caught.value)
    assert str(caught.value).isprintable()
    if isinstance(caught.value, SinkUnavailable):
        assert caught.value.wait_s == pytest.approx(wait_s, abs=2)
        assert caught.value.fault == (says.status == 500)


def test_a_receiver_may_say_until_when_to_wait(receiver: Receiver) -> None:
    moment = format_datetime(datetime.now(UTC) + timedelta(seconds=61), usegmt=True)
    receiver.judge = lambda _: Says(429, headers={"Retry-After": moment})
    sink = webhook(receiver.url)
    with pytest.raises(SinkUnavailable) as caught:
        sink.send(an_event())
    sink.close()
    assert caught.value.wait_s == pytest.approx(60, abs=3)


def test_nobody_there_is_later() -> None:
    sink = webhook(f"http://{HOST}:{free_port()}/secret-path")
    with pytest.raises(SinkUnavailable, match=r"no answer from http://127\.0\.0\.1:") as caught:
        sink.send(an_event())
    sink.close()
    assert "secret-path" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_receiver_that_says_nothing_is_not_waited_for_long(receiver: Receiver) -> None:
    go_on = threading.Event()

    def hang(_: Got) -> Says:
        go_on.wait(10)
        return Says()

    receiver.judge = hang
    sink = webhook(receiver.url, timeout_s=0.3)
    started = time.monotonic()
    with pytest.raises(SinkUnavailable, match="ReadTimeout"):
        sink.send(an_event())
    assert time.monotonic() - started < 3
    go_on.set()
    sink.close()


def test_an_endless_answer_is_not_read_to_its_end(receiver: Receiver) -> None:
    receiver.judge = lambda _: Says(400, b"x" * (ANSWER_MAX_BYTES * 100))
    sink = webhook(receiver.url)
    with pytest.raises(SinkRefused) as caught:
        sink.send(an_event())
    sink.close()
    assert len(str(caught.value)) < 300


BARE = base64.b64encode(b"x" * 32).decode()


@pytest.mark.parametrize("secret", ["", "hush", "whsec_", "whsec_aGk=", "whsec_" + "a" * 200, f"{NEW} hush", BARE])
def test_a_secret_that_does_not_fit_is_told_without_showing_it(secret: str) -> None:
    with pytest.raises(SinksError, match="sink w: ") as caught:
        webhook("http://127.0.0.1:9", secret=secret)
    assert "hush" not in str(caught.value)
    assert len(secret) < 7 or secret not in str(caught.value)


def test_a_private_authority_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(NEW)
    configuration = WebhookConfiguration(
        name="w",
        type="webhook",
        url="https://127.0.0.1:9",
        secret_file=tmp_path / "secret",
        ca_file=tmp_path / "nothing.pem",
    )
    with pytest.raises(SinksError, match=r"nothing\.pem cannot be read"):
        Webhook(configuration, surroundings())
