"""The outbox of a webhook: one row for each line of history on its way, kept for a while after it went."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ColumnElement
from sqlalchemy.orm import Session

from api.inserting import insert_if_absent
from api.tables import WebhookDelivery

GIVE_UP_AFTER = timedelta(days=4)


class DeliveryState(StrEnum):
    WAITING = "waiting"
    DELIVERED = "delivered"
    GIVEN_UP = "given_up"


IS_WAITING: ColumnElement[bool] = WebhookDelivery.state == DeliveryState.WAITING.value


def add_deliveries(session: Session, webhook_id: UUID, line_ids: Sequence[int], *, now: datetime) -> None:
    """Adds those that are not there yet."""
    rows = [
        {
            "webhook_id": webhook_id,
            "line_id": line_id,
            "state": DeliveryState.WAITING.value,
            "attempts": 0,
            "created_at": now,
            "next_at": now,
            "give_up_at": now + GIVE_UP_AFTER,
        }
        for line_id in line_ids
    ]
    insert_if_absent(session, WebhookDelivery, rows, unique=["webhook_id", "line_id"])


def send_again(delivery: WebhookDelivery, *, now: datetime) -> None:
    """Lets one begin anew, whatever became of it."""
    delivery.state = DeliveryState.WAITING.value
    delivery.attempts = 0
    delivery.next_at = now
    delivery.give_up_at = now + GIVE_UP_AFTER
