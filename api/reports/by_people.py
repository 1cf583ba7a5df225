"""A person's report in the form in which all reports are recorded."""

from __future__ import annotations

from api.schemas import Report, Schema

PERSON = "person"
"""The ``source_type`` of what people report."""


class Photo(Schema):
    """A picture of the evidence store that a person added to a report."""

    sha256: str
    media_type: str
    size_bytes: int


class ReportByPerson(Report):
    """Of no edge and no watch; ``source_id`` is whoever counts as one source, ``actor`` who handed it in."""

    edge_id: str
    watch_id: str
    source_type: str
    source_id: str
    channel: str
    reporter: str | None = None
    description: str | None = None
    address: str | None = None
    photos: tuple[Photo, ...] = ()
    actor: str


def actor_of(report: Report) -> str:
    """Who a report's lines in histories name."""
    return report.actor if isinstance(report, ReportByPerson) else f"edge:{report.edge_id}"
