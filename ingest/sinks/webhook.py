"""The sink ``webhook``: posts each event as a CloudEvent, signed as Standard Webhooks are.

Receivers have libraries for it: https://www.standardwebhooks.com. The envelope is CloudEvents 1.0, structured mode.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, Self

from pydantic import model_validator

from ingest.contract import Event
from ingest.sinks.base import Seconds, SinkConfiguration, SinkPlugin, SinksError, Surroundings
from ingest.sinks.http_post import HttpLine, HttpUrl, expect_success, shown
from ingest.sinks.secret import check_places, read_secret

CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"
PREFIX = "whsec_"
SECRET_BYTES = range(24, 65)


class WebhookConfiguration(SinkConfiguration):
    """``secret_env`` or ``secret_file`` says where the signing secret is: ``whsec_`` and base64 of 24 to 64 bytes.

    Two secrets with a space between them sign both, which is how one is exchanged for another.
    """

    type: Literal["webhook"]
    url: HttpUrl
    secret_env: str | None = None
    secret_file: Path | None = None
    ca_file: Path | None = None
    timeout_s: Seconds = 10.0

    @model_validator(mode="after")
    def _one_secret(self) -> Self:
        check_places("secret", self.secret_env, self.secret_file)
        return self

    @property
    def target(self) -> str:
        return shown(self.url)


class Webhook:
    """Posts to one receiver. The id in the header is the event's: a receiver tells repetitions by it."""

    def __init__(
        self,
        configuration: WebhookConfiguration,
        surroundings: Surroundings,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        secret = read_secret(
            configuration.name,
            "secret",
            env=configuration.secret_env,
            file=configuration.secret_file,
            environment=surroundings.environment,
        )
        self._keys = [_key(word, configuration.name) for word in (secret or "").split()]
        self._url = configuration.url
        self._clock = clock
        self._line = HttpLine(timeout_s=configuration.timeout_s, ca_file=configuration.ca_file)

    def send(self, event: Event) -> None:
        body = json.dumps(event.as_cloudevent(), ensure_ascii=False, separators=(",", ":")).encode()
        message_id, timestamp = str(event.event_id), str(int(self._clock()))
        headers = {
            "Content-Type": CONTENT_TYPE,
            "webhook-id": message_id,
            "webhook-timestamp": timestamp,
            "webhook-signature": signatures(self._keys, message_id, timestamp, body),
        }
        expect_success(self._line.ask("POST", self._url, content=body, headers=headers), self._url)

    def close(self) -> None:
        self._line.close()


def signatures(keys: Sequence[bytes], message_id: str, timestamp: str, body: bytes) -> str:
    """Returns the signature by each key, with spaces between them."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    made = (hmac.new(key, signed, hashlib.sha256).digest() for key in keys)
    return " ".join("v1," + base64.b64encode(digest).decode("ascii") for digest in made)


def _key(word: str, sink: str) -> bytes:
    try:
        key = base64.b64decode(word.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not word.startswith(PREFIX) or len(key) not in SECRET_BYTES:
        # Not the word itself, nor its length: it is a secret.
        raise SinksError(
            f"sink {sink}: expected the secret as {PREFIX} and base64 of {SECRET_BYTES[0]} to {SECRET_BYTES[-1]} "
            f'bytes, such as echo "{PREFIX}$(openssl rand -base64 32)" prints'
        )
    return key


PLUGIN = SinkPlugin(key="webhook", configuration=WebhookConfiguration, build=Webhook)
