"""Webhooks: who is told of cases, and what became of each message."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated
from uuid import UUID, uuid4

import structlog
from fastapi import APIRouter, Path, Query
from fastapi.concurrency import run_in_threadpool

from api.access import allowed
from api.interchange.outbox import DeliveryState
from api.interchange.posting import new_client, post, trial_message
from api.interchange.webhook_schemas import (
    AddedWebhook,
    DeliveryPage,
    NewWebhook,
    ShownDelivery,
    ShownWebhook,
    ShownWebhooks,
    TestedWebhook,
    WebhookChange,
)
from api.interchange.webhooks import (
    ACTION,
    Manager,
    TooManyWebhooks,
    add_webhook,
    all_webhooks,
    change_webhook,
    deliveries_of,
    redeliver,
    remove_webhook,
)
from api.people.callers import Caller
from api.problems import Problem
from api.services import Here, RequestId, Services
from api.tables import Webhook

router = APIRouter(prefix="/api/v1/webhooks", tags=["webhooks"])
_log = structlog.get_logger()
By = Annotated[Caller, allowed(ACTION)]
DeliveryId = Annotated[int, Path(ge=1, le=2**62)]


@router.post("", status_code=HTTPStatus.CREATED)
def add(new: NewWebhook, caller: By, here: Here, request_id: RequestId) -> AddedWebhook:
    """Adds a webhook, which hears of filed cases from now on; its secret is shown this once."""
    after = here.feed.horizon.wait()
    try:
        with here.database.write() as session:
            webhook = add_webhook(session, new, Manager(caller, here.clock(), request_id), after=after)
    except TooManyWebhooks as error:
        raise Problem(HTTPStatus.CONFLICT, str(error)) from None
    _log.info("webhook added", webhook_id=str(webhook.id), actor=caller.actor)
    return AddedWebhook.model_validate(webhook)


@router.get("", dependencies=[allowed(ACTION)])
def list_all(here: Here) -> ShownWebhooks:
    with here.database.read() as session:
        return ShownWebhooks(items=[ShownWebhook.model_validate(webhook) for webhook in all_webhooks(session)])


@router.get("/{webhook_id}", dependencies=[allowed(ACTION)])
def show(webhook_id: UUID, here: Here) -> ShownWebhook:
    return ShownWebhook.model_validate(_found(webhook_id, here))


@router.patch("/{webhook_id}")
def change(webhook_id: UUID, wanted: WebhookChange, caller: By, here: Here, request_id: RequestId) -> ShownWebhook:
    """Changes, pauses or resumes a webhook."""
    with here.database.write() as session:
        webhook = change_webhook(session, webhook_id, wanted, Manager(caller, here.clock(), request_id))
    if webhook is None:
        raise _missing(webhook_id)
    _log.info("webhook changed", webhook_id=str(webhook_id), actor=caller.actor)
    return ShownWebhook.model_validate(webhook)


@router.delete("/{webhook_id}", status_code=HTTPStatus.NO_CONTENT)
def remove(webhook_id: UUID, caller: By, here: Here, request_id: RequestId) -> None:
    """Removes a webhook with all that waits for it."""
    with here.database.write() as session:
        removed = remove_webhook(session, webhook_id, Manager(caller, here.clock(), request_id))
    if not removed:
        raise _missing(webhook_id)
    _log.info("webhook removed", webhook_id=str(webhook_id), actor=caller.actor)


@router.post("/{webhook_id}/test", dependencies=[allowed(ACTION)])
async def test(webhook_id: UUID, here: Here) -> TestedWebhook:
    """Posts one message of type ``streetcase.webhook.test.v1`` at once, also where the webhook is paused."""
    webhook = await run_in_threadpool(_found, webhook_id, here)
    at = here.clock()
    message = trial_message(f"test_{uuid4().hex}", source=here.webhooks.source, at=at)
    async with new_client() as client:
        posted = await post(client, webhook.url, secret=webhook.secret, message=message, at=at)
    return TestedWebhook(delivered=posted.delivered, status=posted.status, error=posted.error)


@router.get("/{webhook_id}/deliveries", dependencies=[allowed(ACTION)])
def list_deliveries(
    webhook_id: UUID,
    here: Here,
    state: DeliveryState | None = None,
    before: Annotated[int | None, Query(ge=1, le=2**62)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> DeliveryPage:
    """Shows what was sent and what waits, newest first; kept for 30 days."""
    _found(webhook_id, here)
    with here.database.read() as session:
        items, following = deliveries_of(session, webhook_id, state=state, before=before, limit=limit)
    return DeliveryPage(items=items, next=following)


@router.post("/{webhook_id}/deliveries/{delivery_id}/redeliver")
def send_once_more(
    webhook_id: UUID, delivery_id: DeliveryId, caller: By, here: Here, request_id: RequestId
) -> ShownDelivery:
    """Sends a message again under the same id, whatever became of it, with all its attempts."""
    with here.database.write() as session:
        delivery = redeliver(session, webhook_id, delivery_id, Manager(caller, here.clock(), request_id))
    if delivery is None:
        raise Problem(HTTPStatus.NOT_FOUND, f"webhook {webhook_id} has no delivery {delivery_id}")
    return delivery


def _found(webhook_id: UUID, here: Services) -> Webhook:
    with here.database.read() as session:
        webhook = session.get(Webhook, webhook_id)
    if webhook is None:
        raise _missing(webhook_id)
    return webhook


def _missing(webhook_id: UUID) -> Problem:
    return Problem(HTTPStatus.NOT_FOUND, f"there is no webhook {webhook_id}")
