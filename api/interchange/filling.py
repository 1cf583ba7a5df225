"""Puts what happened to cases into the outboxes of those webhooks that want to hear of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from api.cases.states import FILED
from api.chores.runner import Chore
from api.interchange.events import EventFilter, events_between
from api.interchange.outbox import add_deliveries
from api.services import Services
from api.tables import Case, HistoryLine, Webhook, WebhookDelivery

PIECE_EVENTS = 500
PIECE_LINES = 20_000
PIECES_AT_ONCE = 20
KEPT = timedelta(days=30)
_FORGET_AT_ONCE = 5000


def tend_webhooks(services: Services) -> None:
    """Fills the outboxes as far as nothing can be skipped, and lets the sender loose on them."""
    with services.database.read() as session:
        positions = session.execute(select(Webhook.id, Webhook.after).where(Webhook.paused.is_(False))).all()
    horizon = services.feed.horizon.poll() if positions else None
    for webhook_id, after in positions:
        if horizon is not None and after < horizon:
            _fill(services, webhook_id, horizon)
    if positions:
        services.webhooks.send_due()


def forget_deliveries(services: Services) -> None:
    """Removes what is older than ``KEPT``, a bounded number at a time. Raises: SQLAlchemyError."""
    before = services.clock() - KEPT
    with services.database.write() as session:
        old = select(WebhookDelivery.id).where(WebhookDelivery.created_at < before).limit(_FORGET_AT_ONCE)
        session.execute(delete(WebhookDelivery).where(WebhookDelivery.id.in_(old)))


def _fill(services: Services, webhook_id: UUID, horizon: int) -> None:
    """The rest waits for the next time where it is much: other chores have their turn, too."""
    for _ in range(PIECES_AT_ONCE):
        with services.database.write() as session:
            webhook = session.get(Webhook, webhook_id, with_for_update=True)
            if webhook is None or webhook.paused or webhook.after >= horizon:
                return
            _fill_piece(session, webhook, horizon, now=services.clock())


def _fill_piece(session: Session, webhook: Webhook, horizon: int, *, now: datetime) -> None:
    until = min(horizon, webhook.after + PIECE_LINES)
    # Whom a webhook serves is outside: like Open311 it hears of filed cases alone, and from their filing on.
    filed = (Case.state.in_(sorted(FILED)), HistoryLine.at >= Case.filed_at)
    conditions = [*filed, *_wanted(webhook).conditions()]
    events = events_between(session, after=webhook.after, until=until, limit=PIECE_EVENTS, conditions=conditions)
    add_deliveries(session, webhook.id, [event.id for event in events], now=now)
    webhook.after = events[-1].id if len(events) == PIECE_EVENTS else until


def _wanted(webhook: Webhook) -> EventFilter:
    return EventFilter(
        events=None if webhook.events is None else frozenset(webhook.events),
        kinds=None if webhook.kinds is None else frozenset(webhook.kinds),
    )


INTERCHANGE_CHORES = (
    Chore("webhooks", every_s=0.5, run=tend_webhooks),
    Chore("webhook log", every_s=600, run=forget_deliveries),
)
