"""What people say about edges, and see of them: configurations, requests, statuses."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from api.documents import canonical_json
from api.schemas import EdgeRequestResult, EdgeRequestType, EdgeStatusShort, Key


class ShownConfiguration(BaseModel):
    """What the centre tells an edge to watch; whether it is in force, the edge's status says."""

    model_config = ConfigDict(from_attributes=True)

    edge_id: str
    revision: str
    body: dict[str, Any]
    set_at: datetime
    set_by: str


class NewEdgeRequest(BaseModel):
    """``watch`` is the draft to try on the last hour's looks: for ``try_watch``, and only for it."""

    type: EdgeRequestType
    camera: Key
    watch: dict[str, Any] | None = None
    expires_in_s: Annotated[int, Field(ge=10, le=3600)] = 120

    @field_validator("watch")
    @classmethod
    def _watch_is_carriable(cls, watch: dict[str, Any] | None) -> dict[str, Any] | None:
        canonical_json(watch)
        return watch

    @model_validator(mode="after")
    def _watch_goes_with_try(self) -> Self:
        if (self.type == "try_watch") != (self.watch is not None):
            raise ValueError("watch belongs to type try_watch, and only to it")
        return self


class EdgeRequestState(StrEnum):
    OPEN = "open"
    EXPIRED = "expired"
    ANSWERED = "answered"


class ShownEdgeRequest(BaseModel):
    id: UUID
    edge_id: str
    type: EdgeRequestType
    camera: str
    watch: dict[str, Any] | None
    state: EdgeRequestState
    created_at: datetime
    created_by: str
    expires_at: datetime
    answered_at: datetime | None
    result: EdgeRequestResult | None


class ShownEdge(BaseModel):
    """``centre_revision`` is what the centre tells it to watch, ``status.configuration_revision`` what is in force.

    ``age_s`` is how old the status is, in seconds; None together with it where none was ever heard.
    """

    edge_id: str
    enrolled_at: datetime
    centre_revision: str | None
    received_at: datetime | None
    age_s: float | None
    status: EdgeStatusShort | None


class EdgePage(BaseModel):
    """``next`` is the ``after`` of the next page, None on the last."""

    items: list[ShownEdge]
    next: str | None
