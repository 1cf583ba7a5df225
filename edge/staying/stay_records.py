"""Writes stays as JSON and reads them back, so that a restart goes on with the same incidents."""

from __future__ import annotations

import base64
import dataclasses
from uuid import UUID

from pydantic import TypeAdapter

from edge.staying.stay import Stay

_STAY = TypeAdapter(Stay)


@dataclasses.dataclass(frozen=True, slots=True)
class StayRecord:
    """A stay as it is written: what later looks change does not reach it."""

    incident_id: UUID
    watch_id: str
    body: str


def record_of(stay: Stay) -> StayRecord:
    """Returns the record of a stay; of one whose incident was cleared what is remembered, which is not open."""
    if stay.ended is not None:
        stay = dataclasses.replace(stay, raised=False, evidence=[])
    return StayRecord(stay.incident_id, stay.watch_id, stay_to_json(stay))


def stay_to_json(stay: Stay) -> str:
    look = base64.b64encode(stay.appearance) if stay.appearance is not None else None
    return _STAY.dump_json(dataclasses.replace(stay, appearance=look, place=None)).decode()


def stay_from_json(text: str) -> Stay:
    stay = _STAY.validate_json(text)
    if stay.appearance is not None:
        stay.appearance = base64.b64decode(stay.appearance)
    return stay
