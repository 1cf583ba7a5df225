"""The API's operations on cases. Written by ``python -m scripts.typed_client``; not to be edited."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from api.typed_client import models
from api.typed_client.connection import Operations


class Cases(Operations):
    """Cases."""

    def export(
        self,
        *,
        q: str | None = None,
        state: list[models.CaseState] | None = None,
        kind: list[str] | None = None,
        department: list[str] | None = None,
        grid: list[str] | None = None,
        district: str | None = None,
        edge: str | None = None,
        watch: str | None = None,
        source: str | None = None,
        assignee: UUID | None = None,
        channel: str | None = None,
        urgent: bool | None = None,
        supervised: bool | None = None,
        overdue: bool | None = None,
        gone: bool | None = None,
        still_there: bool | None = None,
        number: str | None = None,
        created_from: datetime | None = None,
        created_until: datetime | None = None,
        filed_from: datetime | None = None,
        filed_until: datetime | None = None,
        due_from: datetime | None = None,
        due_until: datetime | None = None,
        box: str | None = None,
        near: str | None = None,
        polygon: str | None = None,
        datum: Literal["WGS84", "GCJ02"] | None = None,
        format: models.ExportFormat | None = None,
        language: Literal["en", "zh"] | None = None,
        bom: bool | None = None,
    ) -> bytes:
        """Sends the cases that a list with these filters shows, however many; each export is audited."""
        return self._ask(
            "GET",
            "/api/v1/cases/export",
            query={
                "q": q,
                "state": state,
                "kind": kind,
                "department": department,
                "grid": grid,
                "district": district,
                "edge": edge,
                "watch": watch,
                "source": source,
                "assignee": assignee,
                "channel": channel,
                "urgent": urgent,
                "supervised": supervised,
                "overdue": overdue,
                "gone": gone,
                "still_there": still_there,
                "number": number,
                "created_from": created_from,
                "created_until": created_until,
                "filed_from": filed_from,
                "filed_until": filed_until,
                "due_from": due_from,
                "due_until": due_until,
                "box": box,
                "near": near,
                "polygon": polygon,
                "datum": datum,
                "format": format,
                "language": language,
                "bom": bom,
            },
        ).content

    def list_page(
        self,
        *,
        q: str | None = None,
        state: list[models.CaseState] | None = None,
        kind: list[str] | None = None,
        department: list[str] | None = None,
        grid: list[str] | None = None,
        district: str | None = None,
        edge: str | None = None,
        watch: str | None = None,
        source: str | None = None,
        assignee: UUID | None = None,
        channel: str | None = None,
        urgent: bool | None = None,
        supervised: bool | None = None,
        overdue: bool | None = None,
        gone: bool | None = None,
        still_there: bool | None = None,
        number: str | None = None,
        created_from: datetime | None = None,
        created_until: datetime | None = None,
        filed_from: datetime | None = None,
        filed_until: datetime | None = None,
        due_from: datetime | None = None,
        due_until: datetime | None = None,
        box: str | None = None,
        near: str | None = None,
        polygon: str | None = None,
        datum: Literal["WGS84", "GCJ02"] | None = None,
        sort: models.Sort | None = None,
        after: str | None = None,
        limit: int | None = None,
    ) -> models.CasePage:
        """Lists cases; those not filed only to those who review alarms."""
        return self._read(
            self._ask(
                "GET",
                "/api/v1/cases",
                query={
                    "q": q,
                    "state": state,
                    "kind": kind,
                    "department": department,
                    "grid": grid,
                    "district": district,
                    "edge": edge,
                    "watch": watch,
                    "source": source,
                    "assignee": assignee,
                    "channel": channel,
                    "urgent": urgent,
                    "supervised": supervised,
                    "overdue": overdue,
                    "gone": gone,
                    "still_there": still_there,
                    "number": number,
                    "created_from": created_from,
                    "created_until": created_until,
                    "filed_from": filed_from,
                    "filed_until": filed_until,
                    "due_from": due_from,
                    "due_until": due_until,
                    "box": box,
                    "near": near,
                    "polygon": polygon,
                    "datum": datum,
                    "sort": sort,
                    "after": after,
                    "limit": limit,
                },
            ),
            models.CasePage,
        )

    def counts(
        self,
        *,
        q: str | None = None,
        state: list[models.CaseState] | None = None,
        kind: list[str] | None = None,
        department: list[str] | None = None,
        grid: list[str] | None = None,
        district: str | None = None,
        edge: str | None = None,
        watch: str | None = None,
        source: str | None = None,
        assignee: UUID | None = None,
        channel: str | None = None,
        urgent: bool | None = None,
        supervised: bool | None = None,
        overdue: bool | None = None,
        gone: bool | None = None,
        still_there: bool | None = None,
        number: str | None = None,
        created_from: datetime | None = None,
        created_until: datetime | None = None,
        filed_from: datetime | None = None,
        filed_until: datetime | None = None,
        due_from: datetime | None = None,
        due_until: datetime | None = None,
        box: str | None = None,
        near: str | None = None,
        polygon: str | None = None,
        datum: Literal["WGS84", "GCJ02"] | None = None,
        by: models.CountBy | None = None,
    ) -> models.CaseCounts:
        """Counts cases per state, kind, department or grid; exactly up to 10,000 each."""
        return self._read(
            self._ask(
                "GET",
                "/api/v1/cases/counts",
                query={
                    "q": q,
                    "state": state,
                    "kind": kind,
                    "department": department,
                    "grid": grid,
                    "district": district,
                    "edge": edge,
                    "watch": watch,
                    "source": source,
                    "assignee": assignee,
                    "channel": channel,
                    "urgent": urgent,
                    "supervised": supervised,
                    "overdue": overdue,
                    "gone": gone,
                    "still_there": still_there,
                    "number": number,
                    "created_from": created_from,
                    "created_until": created_until,
                    "filed_from": filed_from,
                    "filed_until": filed_until,
                    "due_from": due_from,
                    "due_until": due_until,
                    "box": box,
                    "near": near,
                    "polygon": polygon,
                    "datum": datum,
                    "by": by,
                },
            ),
            models.CaseCounts,
        )

    def show(self, case_id: UUID) -> models.CaseDetail:
        """Show"""
        return self._read(self._ask("GET", f"/api/v1/cases/{self._part(case_id)}"), models.CaseDetail)

    def show_history(self, case_id: UUID, *, after: int | None = None, limit: int | None = None) -> models.HistoryPage:
        """Show History"""
        return self._read(
            self._ask("GET", f"/api/v1/cases/{self._part(case_id)}/history", query={"after": after, "limit": limit}),
            models.HistoryPage,
        )

    def show_reports(self, case_id: UUID, *, after: int | None = None, limit: int | None = None) -> models.ReportPage:
        """Shows the way of each event behind the case, from the edge through the stream to here."""
        return self._read(
            self._ask("GET", f"/api/v1/cases/{self._part(case_id)}/reports", query={"after": after, "limit": limit}),
            models.ReportPage,
        )

    def show_timers(self, case_id: UUID, *, after: int | None = None, limit: int | None = None) -> models.TimerPage:
        """Shows the timer ledger: each start, stop, pause, resume and extension of the case's clocks."""
        return self._read(
            self._ask("GET", f"/api/v1/cases/{self._part(case_id)}/timers", query={"after": after, "limit": limit}),
            models.TimerPage,
        )

    def show_asks(self, case_id: UUID) -> list[models.ShownAsk]:
        """Shows what was asked for, and what was decided about it; oldest first, the latest 200."""
        return self._read(self._ask("GET", f"/api/v1/cases/{self._part(case_id)}/asks"), list[models.ShownAsk])

    def show_links(self, case_id: UUID) -> list[models.ShownLink]:
        """Shows the cases that this one came after, or that came after it; oldest first, the latest 200."""
        return self._read(self._ask("GET", f"/api/v1/cases/{self._part(case_id)}/links"), list[models.ShownLink])
