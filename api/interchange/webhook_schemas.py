"""What goes in and out about webhooks."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictBool, StringConstraints, WithJsonSchema

from api.cases.schemas import Shown
from api.interchange.events import EVENTS
from api.interchange.outbox import DeliveryState
from api.schemas import Key

_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_PORT = r"(?::(?:6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[1-9][0-9]{0,3}))?"
# A user and password have no place in it, nor has a part behind #, which is never sent.
URL_PATTERN = rf"^https?://{_LABEL}(?:\.{_LABEL}){{0,20}}{_PORT}(?:[/?][!-\"$-~]*)?$"
WebhookUrl = Annotated[str, StringConstraints(max_length=500, pattern=URL_PATTERN)]


def _known(name: str) -> str:
    if name not in EVENTS:
        raise ValueError("expected the name of an event, such as case.confirmed")
    return name


EventName = Annotated[
    str, AfterValidator(_known), WithJsonSchema({"type": "string", "enum": sorted(EVENTS), "title": "EventName"})
]
Events = Annotated[list[EventName], Field(min_length=1, max_length=100)]
Kinds = Annotated[list[Key], Field(min_length=1, max_length=100)]


class NewWebhook(BaseModel):
    """events, kinds: which ones to send, null for all."""

    model_config = ConfigDict(
        hide_input_in_errors=True,
        json_schema_extra={"example": {"url": "https://ops.example/hooks/streetcase", "events": ["case.closed"]}},
    )

    url: WebhookUrl
    events: Events | None = None
    kinds: Kinds | None = None


class WebhookChange(BaseModel):
    """What is left out stays. While it is paused nothing is sent; what happens meanwhile is sent afterwards."""

    model_config = ConfigDict(hide_input_in_errors=True, json_schema_extra={"example": {"paused": True}})

    url: WebhookUrl | None = None
    events: Events | None = None
    kinds: Kinds | None = None
    paused: StrictBool | None = None


class ShownWebhook(Shown):
    """after: the line of history up to which everything is delivered or on its way."""

    id: UUID
    url: str
    events: list[str] | None
    kinds: list[str] | None
    paused: bool
    after: int
    created_at: datetime
    created_by: str


class AddedWebhook(ShownWebhook):
    """secret: signs what is sent, as Standard Webhooks say; shown this once."""

    secret: str


class ShownWebhooks(Shown):
    items: list[ShownWebhook]


class ShownDelivery(Shown):
    """line_id: the event's number. status, error: of the last attempt; next_at: when it is tried next, if it waits."""

    id: int
    line_id: int
    state: DeliveryState
    attempts: int
    created_at: datetime
    next_at: datetime | None
    give_up_at: datetime
    last_at: datetime | None
    status: int | None
    error: str | None


class DeliveryPage(Shown):
    """Newest first; ``next`` is the ``before`` of the page after this one, or None at the end."""

    items: list[ShownDelivery]
    next: int | None


class TestedWebhook(Shown):
    """What the receiver answered to a message that says nothing."""

    __test__ = False  # pytest takes the name for that of tests

    delivered: bool
    status: int | None
    error: str | None
