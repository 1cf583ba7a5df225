"""Keeps how each edge last was, and lists the edges with it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.edges.schemas import EdgePage, ShownEdge
from api.inserting import insert_into
from api.schemas import EdgeStatusReport, EdgeStatusShort
from api.tables import Edge, EdgeConfigurationRow, EdgeStatusRow


def keep_statuses(session: Session, reports: Sequence[EdgeStatusReport], *, now: datetime) -> None:
    """Keeps each status that is newer than the one kept; those of edges that were never enrolled are left out."""
    # A gateway whose clock is ahead must not make its word the last one for ever.
    newest = {report.edge_id: report for report in sorted(reports, key=lambda report: report.received_at)}
    enrolled = session.scalars(select(Edge.id).where(Edge.id.in_(newest)))
    rows = [
        {
            "edge_id": edge_id,
            "received_at": min(newest[edge_id].received_at, now),
            "status": newest[edge_id].status.model_dump(mode="json", exclude_none=True),
        }
        for edge_id in sorted(enrolled)
    ]
    if not rows:
        return
    insert = insert_into(session, EdgeStatusRow)
    newer = EdgeStatusRow.received_at <= insert.excluded.received_at
    kept = {"received_at": insert.excluded.received_at, "status": insert.excluded.status}
    session.execute(insert.on_conflict_do_update(index_elements=["edge_id"], set_=kept, where=newer), rows)


def list_edges(session: Session, *, after: str | None, limit: int, now: datetime) -> EdgePage:
    """Returns edges by name, behind ``after``."""
    revision = (
        select(EdgeConfigurationRow.revision)
        .where(EdgeConfigurationRow.edge_id == Edge.id)
        .order_by(EdgeConfigurationRow.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    query = select(Edge, EdgeStatusRow, revision).outerjoin(EdgeStatusRow, EdgeStatusRow.edge_id == Edge.id)
    if after is not None:
        query = query.where(Edge.id > after)
    found = session.execute(query.order_by(Edge.id).limit(limit + 1)).all()
    items = [_shown(edge, status, revision, now=now) for edge, status, revision in found[:limit]]
    return EdgePage(items=items, next=items[-1].edge_id if len(found) > limit else None)


def _shown(edge: Edge, row: EdgeStatusRow | None, revision: str | None, *, now: datetime) -> ShownEdge:
    return ShownEdge(
        edge_id=edge.id,
        enrolled_at=edge.created_at,
        centre_revision=revision,
        received_at=row and row.received_at,
        age_s=round(max(0.0, (now - row.received_at).total_seconds()), 1) if row else None,
        status=EdgeStatusShort.model_validate(row.status) if row else None,
    )
