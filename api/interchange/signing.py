"""Signs what is posted to webhooks, as Standard Webhooks are: https://www.standardwebhooks.com."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets

SECRET_PREFIX = "whsec_"  # noqa: S105 (what every secret begins with)
_SECRET_BYTES = 32


def new_secret() -> str:
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode("ascii")


def signed_headers(secret: str, message_id: str, *, timestamp_s: int, body: bytes) -> dict[str, str]:
    """Returns the three headers; timestamp_s: of the attempt, in Unix time, so that an old one cannot be replayed."""
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    signed = f"{message_id}.{timestamp_s}.".encode() + body
    digest = hmac.new(key, signed, hashlib.sha256).digest()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp_s),
        "webhook-signature": "v1," + base64.b64encode(digest).decode("ascii"),
    }
