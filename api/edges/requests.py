"""Keeps what people ask of edges until it is answered or has expired, and the answers."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from api.edges.configurations import EdgeUnknown
from api.edges.schemas import EdgeRequestState, NewEdgeRequest
from api.schemas import EdgeRequestResult, OpenEdgeRequest, ResultOutcome
from api.tables import Edge, EdgeRequestRow

OPEN_PER_EDGE = 20
OPEN_SHOWN = 1000
KEPT = timedelta(days=30)


class TooManyOpen(Exception):
    """The edge has as many open requests as it may have."""


def add_request(session: Session, edge_id: str, new: NewEdgeRequest, *, by: str, at: datetime) -> EdgeRequestRow:
    """Adds an open request, and forgets the edge's requests of a month ago. Raises: EdgeUnknown, TooManyOpen."""
    # Locked, so that the count holds.
    if session.get(Edge, edge_id, with_for_update=True) is None:
        raise EdgeUnknown(f"no edge {edge_id} is enrolled")
    of_edge = EdgeRequestRow.edge_id == edge_id
    session.execute(delete(EdgeRequestRow).where(of_edge, EdgeRequestRow.expires_at < at - KEPT))
    still_open = select(func.count()).where(of_edge, EdgeRequestRow.answered_at.is_(None))
    if (session.scalar(still_open.where(EdgeRequestRow.expires_at > at)) or 0) >= OPEN_PER_EDGE:
        raise TooManyOpen(f"edge {edge_id} has {OPEN_PER_EDGE} open requests; wait for their answers")
    row = EdgeRequestRow(
        edge_id=edge_id,
        type=new.type,
        camera=new.camera,
        watch=new.watch,
        created_at=at,
        created_by=by,
        expires_at=at + timedelta(seconds=new.expires_in_s),
    )
    session.add(row)
    session.flush()
    return row


def find_request(session: Session, edge_id: str, request_id: UUID) -> EdgeRequestRow | None:
    row = session.get(EdgeRequestRow, request_id)
    return row if row is not None and row.edge_id == edge_id else None


def state_of(row: EdgeRequestRow, *, now: datetime) -> EdgeRequestState:
    if row.answered_at is not None:
        return EdgeRequestState.ANSWERED
    return EdgeRequestState.OPEN if row.expires_at > now else EdgeRequestState.EXPIRED


def open_requests(session: Session, *, now: datetime) -> list[OpenEdgeRequest]:
    """Returns what is open of all edges, the oldest first, ``OPEN_SHOWN`` at most."""
    rows = session.scalars(
        select(EdgeRequestRow)
        .where(EdgeRequestRow.expires_at > now, EdgeRequestRow.answered_at.is_(None))
        .order_by(EdgeRequestRow.id)
        .limit(OPEN_SHOWN)
    )
    return [
        OpenEdgeRequest.model_validate(
            {
                "request_id": row.id,
                "edge_id": row.edge_id,
                "type": row.type,
                "camera": row.camera,
                "watch": row.watch,
                "expires_at": row.expires_at,
            }
        )
        for row in rows
    ]


def answer_request(
    session: Session, edge_id: str, request_id: UUID, result: EdgeRequestResult, *, at: datetime
) -> ResultOutcome:
    """Keeps the first answer in time; a repetition changes nothing."""
    row = session.get(EdgeRequestRow, request_id, with_for_update=True)
    if row is None or row.edge_id != edge_id:
        return ResultOutcome.UNKNOWN
    if row.answered_at is not None:
        return ResultOutcome.KEPT
    if row.expires_at <= at:
        return ResultOutcome.EXPIRED
    row.answered_at, row.result = at, result.model_dump(mode="json", exclude_none=True)
    return ResultOutcome.KEPT
