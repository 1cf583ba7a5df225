"""Keeps webhooks, and shows what was delivered to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from api.audit.trail import write_audit
from api.interchange.outbox import DeliveryState, send_again
from api.interchange.signing import new_secret
from api.interchange.webhook_schemas import NewWebhook, ShownDelivery, WebhookChange
from api.people.callers import Caller
from api.tables import Webhook, WebhookDelivery

ACTION = "webhooks.manage"
WEBHOOKS_MAX = 100


class TooManyWebhooks(Exception):
    """``WEBHOOKS_MAX`` are there already."""


@dataclass(frozen=True, slots=True)
class Manager:
    """Who changes webhooks, when, by which request."""

    caller: Caller
    at: datetime
    request_id: str | None

    def write(self, session: Session, webhook: Webhook, act: str) -> None:
        # The host alone: the rest of an address may be a secret.
        details = {"act": act, "host": urlsplit(webhook.url).hostname or ""}
        write_audit(
            session,
            ACTION,
            f"webhook:{webhook.id}",
            at=self.at,
            actor=self.caller.actor,
            request_id=self.request_id,
            details=details,
        )


def add_webhook(session: Session, new: NewWebhook, manager: Manager, *, after: int) -> Webhook:
    """Adds one that hears of what comes after a line. Raises: TooManyWebhooks."""
    if (session.scalar(select(func.count()).select_from(Webhook)) or 0) >= WEBHOOKS_MAX:
        raise TooManyWebhooks(f"there are {WEBHOOKS_MAX} webhooks already")
    webhook = Webhook(
        url=new.url,
        secret=new_secret(),
        events=new.events,
        kinds=new.kinds,
        after=after,
        paused=False,
        created_at=manager.at,
        created_by=manager.caller.actor,
    )
    session.add(webhook)
    session.flush()
    manager.write(session, webhook, "added")
    return webhook


def all_webhooks(session: Session) -> Sequence[Webhook]:
    return session.scalars(select(Webhook).order_by(Webhook.id)).all()


def change_webhook(session: Session, webhook_id: UUID, change: WebhookChange, manager: Manager) -> Webhook | None:
    """Returns it changed, or None where there is no such webhook."""
    webhook = session.get(Webhook, webhook_id, with_for_update=True)
    if webhook is None:
        return None
    if change.url is not None:
        webhook.url = change.url
    if change.paused is not None:
        webhook.paused = change.paused
    if "events" in change.model_fields_set:
        webhook.events = change.events
    if "kinds" in change.model_fields_set:
        webhook.kinds = change.kinds
    manager.write(session, webhook, "changed")
    return webhook


def remove_webhook(session: Session, webhook_id: UUID, manager: Manager) -> bool:
    """Returns whether there was one; what waits for it goes, too."""
    webhook = session.get(Webhook, webhook_id, with_for_update=True)
    if webhook is None:
        return False
    manager.write(session, webhook, "removed")
    session.execute(delete(WebhookDelivery).where(WebhookDelivery.webhook_id == webhook_id))
    session.delete(webhook)
    return True


def deliveries_of(
    session: Session, webhook_id: UUID, *, state: DeliveryState | None, before: int | None, limit: int
) -> tuple[list[ShownDelivery], int | None]:
    """Returns deliveries, newest first, and where the next page begins, None at the end."""
    query = select(WebhookDelivery).where(WebhookDelivery.webhook_id == webhook_id)
    if state is not None:
        query = query.where(WebhookDelivery.state == state.value)
    if before is not None:
        query = query.where(WebhookDelivery.id < before)
    rows = session.scalars(query.order_by(WebhookDelivery.id.desc()).limit(limit + 1)).all()
    return [shown_delivery(row) for row in rows[:limit]], rows[limit - 1].id if len(rows) > limit else None


def redeliver(session: Session, webhook_id: UUID, delivery_id: int, manager: Manager) -> ShownDelivery | None:
    """Lets a delivery begin anew under the same id; None where there is no such."""
    webhook = session.get(Webhook, webhook_id)
    delivery = session.get(WebhookDelivery, delivery_id, with_for_update=True)
    if webhook is None or delivery is None or delivery.webhook_id != webhook_id:
        return None
    send_again(delivery, now=manager.at)
    manager.write(session, webhook, "redelivered")
    return shown_delivery(delivery)


def shown_delivery(row: WebhookDelivery) -> ShownDelivery:
    waits = row.state == DeliveryState.WAITING
    fields = {name: getattr(row, name) for name in ShownDelivery.model_fields}
    return ShownDelivery.model_validate(fields | {"next_at": row.next_at if waits else None})
