"""Tells up to which line the history of cases can be read without skipping one that a slower writer still commits."""

from __future__ import annotations

import time
from dataclasses import dataclass
from threading import Lock

from sqlalchemy import func, select, text

from api.database import Database
from api.tables import HistoryLine

# One statement, so that both come from one snapshot.
_LATEST_AND_BOUNDS = text(
    "SELECT coalesce((SELECT max(id) FROM history), 0), "
    "pg_snapshot_xmin(s)::text::bigint, pg_snapshot_xmax(s)::text::bigint FROM pg_current_snapshot() AS s"
)


WAIT_S = 0.5


@dataclass(frozen=True, slots=True)
class _Noted:
    """The greatest line that was visible, and the first transaction that had not begun by then."""

    line_id: int
    xmax: int


class SafeHorizon:
    """The greatest line of which it is known that no smaller one appears after it. Safe to share between threads.

    Under PostgreSQL numbers are drawn before they are committed. Whoever writes history has locked or written a row
    before, so a writer of a smaller number than one that is visible had begun when that one was seen: once every
    transaction of that time is over, all that will ever stand up to it is visible.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._turn = Lock()
        self._noted: _Noted | None = None
        self._safe: int | None = None

    def poll(self) -> int | None:
        """Returns it as it is now, None while it is not known yet; it never goes back. Raises: SQLAlchemyError."""
        with self._turn, self._database.read() as session:
            if self._database.is_sqlite:
                return session.scalar(select(func.max(HistoryLine.id))) or 0
            latest, xmin, xmax = session.execute(_LATEST_AND_BOUNDS).one()
            return self._judge(latest, xmin, xmax)

    def wait(self) -> int:
        """Returns the horizon, after a moment where writers are busy; 0 where it is not known then."""
        until_s = time.monotonic() + WAIT_S
        first = self._safe
        while (safe := self.poll()) == first and self._noted is not None and time.monotonic() < until_s:
            time.sleep(WAIT_S / 20)
        return safe or 0

    def _judge(self, latest: int, xmin: int, xmax: int) -> int | None:
        if xmin >= xmax:
            # Nobody was writing when this was read.
            self._noted, self._safe = None, max(self._safe or 0, latest)
        elif self._noted is None or xmin >= self._noted.xmax:
            if self._noted is not None:
                self._safe = max(self._safe or 0, self._noted.line_id)
            self._noted = _Noted(latest, xmax) if self._safe is None or latest > self._safe else None
        return self._safe
