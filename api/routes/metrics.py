"""What Prometheus scrapes."""

from __future__ import annotations

from fastapi import APIRouter, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST

from api.access import allowed
from api.services import Here

router = APIRouter(tags=["health"])


@router.get("/metrics", dependencies=[allowed("metrics.read")], response_class=PlainTextResponse)
def metrics(here: Here) -> Response:
    """Shows this process's requests and chores, and what the database knows, in Prometheus' text format."""
    return Response(here.metrics.text(), media_type=CONTENT_TYPE_LATEST)
