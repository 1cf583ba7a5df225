"""Sends what waits for webhooks: each has a lane of its own, so that a dead receiver holds up no other."""

from __future__ import annotations

import random
import time
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from threading import Lock
from uuid import UUID

import anyio
import httpx
import structlog
from anyio import to_thread
from anyio.from_thread import BlockingPortal, start_blocking_portal
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from api.clock import Clock
from api.database import Database
from api.interchange.events import event_of
from api.interchange.outbox import IS_WAITING, DeliveryState
from api.interchange.posting import Message, Posted, message_of, new_client, post
from api.tables import Webhook, WebhookDelivery

LANES_AT_ONCE = 8
LANE_S = 20.0
"""So long one receiver is served before it is another's turn."""

DELAYS_S = (5, 30, 120, 600, 1800, 3600, 3 * 3600, 6 * 3600, 12 * 3600, 24 * 3600, 24 * 3600)
"""Between one attempt and the next: twelve in about three days."""

JITTER = 0.2
COOL_FIRST_S, COOL_MAX_S = 5.0, 300.0
_log = structlog.get_logger()
_chance = random.Random()  # noqa: S311 - it spreads load and keeps no secret
"""Of its own: a library that draws at random by a seed must not see others draw from the same source."""


@dataclass(frozen=True, slots=True)
class _Picked:
    """One delivery that is due, with all that an attempt needs."""

    delivery_id: int
    webhook_id: UUID
    url: str
    secret: str
    attempts: int
    give_up_at: datetime
    message: Message


@dataclass(slots=True)
class _Cooling:
    failures: int
    until: datetime


class WebhookSender:
    """Works on an event loop in a thread of its own, from the first ``send_due`` to ``close``."""

    def __init__(self, database: Database, clock: Clock, *, source: str) -> None:
        self._database = database
        self._clock = clock
        self.source = source
        self._busy: set[UUID] = set()
        self._lanes: dict[UUID, Future[None]] = {}
        self._cooling: dict[UUID, _Cooling] = {}
        self._guard = Lock()
        self._opened = ExitStack()
        self._portal: BlockingPortal | None = None
        self._client: httpx.AsyncClient | None = None
        self._slots = anyio.Semaphore(LANES_AT_ONCE)
        self._closing = False

    def send_due(self) -> None:
        """Opens a lane for each webhook that something is due for, and returns. Raises: SQLAlchemyError."""
        now = self._clock()
        with self._database.read() as session:
            self._give_up_old(session, now)
            due = select(WebhookDelivery.webhook_id).distinct().join(Webhook, Webhook.id == WebhookDelivery.webhook_id)
            due = due.where(IS_WAITING, WebhookDelivery.next_at <= now, Webhook.paused.is_(False))
            webhook_ids = session.scalars(due).all()
        for webhook_id in webhook_ids:
            cooling = self._cooling.get(webhook_id)
            if not self._closing and (cooling is None or cooling.until <= now) and self._take(webhook_id):
                self._lanes[webhook_id] = self._running().start_task_soon(self._lane, webhook_id)

    def close(self) -> None:
        """Breaks off what is under way, which is then repeated; what was not sent waits in the database."""
        self._closing = True
        for lane in self._lanes.values():
            lane.cancel()
        if self._portal is not None and self._client is not None:
            self._portal.call(self._client.aclose)
        self._opened.close()

    def _give_up_old(self, session: Session, now: datetime) -> None:
        old = select(WebhookDelivery.id).where(IS_WAITING, WebhookDelivery.give_up_at <= now)
        if session.scalar(old.limit(1)) is not None:
            with self._database.write() as writing:
                given_up = update(WebhookDelivery).where(IS_WAITING, WebhookDelivery.give_up_at <= now)
                writing.execute(given_up.values(state=DeliveryState.GIVEN_UP.value))
            _log.warning("webhook deliveries given up: their time is over")

    def _take(self, webhook_id: UUID) -> bool:
        with self._guard:
            if webhook_id in self._busy:
                return False
            self._busy.add(webhook_id)
            return True

    def _running(self) -> BlockingPortal:
        if self._portal is None:
            self._portal = self._opened.enter_context(start_blocking_portal(name="webhooks"))
            self._client = new_client()
        return self._portal

    async def _lane(self, webhook_id: UUID) -> None:
        try:
            async with self._slots:
                until_s = time.monotonic() + LANE_S
                while not self._closing and time.monotonic() < until_s:
                    picked = await to_thread.run_sync(self._pick, webhook_id)
                    if picked is None or not await self._attempt(picked):
                        return
        except Exception as error:  # noqa: BLE001 (the top of a task: what failed is due again)
            _log.error("webhook lane fails", webhook_id=str(webhook_id), error=type(error).__name__)
        finally:
            with self._guard:
                self._busy.discard(webhook_id)

    async def _attempt(self, picked: _Picked) -> bool:
        """Returns whether the receiver may be asked to take the next one now."""
        if self._client is None:
            raise RuntimeError("no client before the first lane")
        posted = await post(self._client, picked.url, secret=picked.secret, message=picked.message, at=self._clock())
        await to_thread.run_sync(self._record, picked, posted)
        return posted.delivered or not posted.is_ailing

    def _pick(self, webhook_id: UUID) -> _Picked | None:
        """The due one with the smallest number: in order, as long as all goes well."""
        with self._database.read() as session:
            webhook = session.get(Webhook, webhook_id)
            due = session.scalar(
                select(WebhookDelivery)
                .where(
                    WebhookDelivery.webhook_id == webhook_id,
                    IS_WAITING,
                    WebhookDelivery.next_at <= self._clock(),
                )
                .order_by(WebhookDelivery.line_id)
                .limit(1)
            )
            event = event_of(session, due.line_id) if due is not None else None
            if webhook is None or webhook.paused or due is None or event is None:
                return None
            return _Picked(
                delivery_id=due.id,
                webhook_id=webhook_id,
                url=webhook.url,
                secret=webhook.secret,
                attempts=due.attempts,
                give_up_at=due.give_up_at,
                message=message_of(event, source=self.source),
            )

    def _record(self, picked: _Picked, posted: Posted) -> None:
        now = self._clock()
        attempts = picked.attempts + 1
        values: dict[str, object] = {"attempts": attempts, "last_at": now, "status": posted.status}
        values["error"] = posted.error
        delay_s = max(posted.wait_s, _delay_s(attempts))
        if posted.delivered:
            values["state"] = DeliveryState.DELIVERED.value
        elif attempts > len(DELAYS_S):
            values["state"] = DeliveryState.GIVEN_UP.value
            _log.warning("webhook delivery given up", webhook_id=str(picked.webhook_id), error=posted.error)
        else:
            values["next_at"] = now + timedelta(seconds=delay_s)
        self._cool(picked.webhook_id, posted, now, delay_s)
        with self._database.write() as session:
            session.execute(update(WebhookDelivery).where(WebhookDelivery.id == picked.delivery_id).values(values))
            if posted.status == HTTPStatus.GONE:
                # Standard Webhooks: whoever answers so wants to hear no more.
                session.execute(update(Webhook).where(Webhook.id == picked.webhook_id).values(paused=True))
                _log.warning("webhook paused: its receiver answered 410", webhook_id=str(picked.webhook_id))

    def _cool(self, webhook_id: UUID, posted: Posted, now: datetime, delay_s: float) -> None:
        """Leaves an ailing receiver in peace, longer each time, and at least until what failed is due again."""
        known = self._cooling.get(webhook_id)
        if posted.delivered or not posted.is_ailing:
            if self._cooling.pop(webhook_id, None) is not None:
                _log.info("webhook receiver is back", webhook_id=str(webhook_id))
            return
        failures = 1 if known is None else known.failures + 1
        own_s = min(COOL_MAX_S, COOL_FIRST_S * 2 ** min(failures - 1, 20))
        cool_s = max(own_s, posted.wait_s, min(delay_s, COOL_MAX_S))
        self._cooling[webhook_id] = _Cooling(failures, now + timedelta(seconds=cool_s))
        if known is None:
            _log.warning("webhook receiver is ailing", webhook_id=str(webhook_id), error=posted.error)


def _delay_s(attempts: int) -> float:
    """After so many attempts; with jitter, or all that failed together would come back together."""
    delay_s = DELAYS_S[min(attempts, len(DELAYS_S)) - 1]
    return delay_s * _chance.uniform(1 - JITTER, 1 + JITTER)
