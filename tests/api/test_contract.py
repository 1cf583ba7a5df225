"""What the contract lets an edge say, the API takes: else a sound event would end as a dead letter."""

from __future__ import annotations

import json
from typing import Any, get_args
from uuid import uuid4

import pytest
from pydantic import BaseModel, ValidationError

from api.schemas import Report, ReportOutcome
from ingest.contract import (
    EVIDENCE_MAX_BYTES,
    ClearReason,
    Datum,
    Event,
    EvidenceRole,
    EvidenceState,
    SourceType,
)
from ingest.reports import report_of
from ingest.stream import StreamEntry
from tests.api.place import Place

NAME, SHORT, TEXT = "a" * 64, "占" * 64, "占" * 500
MEDIA_TYPE = "a" * 20 + "/" + "z" * 60
MOMENT = "2026-11-23T01:00:00Z"
CORNER = [1.0, 0.0]


def _event(**changes: Any) -> dict[str, Any]:
    return {
        "event_id": str(uuid4()),
        "incident_id": str(uuid4()),
        "phase": "raised",
        "edge_id": "gate-3",
        "source": {"type": "camera", "id": "camera-1"},
        "kind": "street-encroachment",
        "watch_id": f"contract-{uuid4().hex[:8]}",
        "first_seen_at": MOMENT,
        "occurred_at": MOMENT,
    } | changes


def _item(**changes: Any) -> dict[str, Any]:
    item = {"sha256": "0" * 64, "media_type": "image/jpeg", "size_bytes": 1, "role": "start", "taken_at": MOMENT}
    return {"evidence": [item | changes]}


def _finding(**changes: Any) -> dict[str, Any]:
    return {"findings": [{"label": "stall"} | changes]}


def _position(**changes: Any) -> dict[str, Any]:
    return {"position": {"longitude": 118.4, "latitude": 32.4} | changes}


def _source(**changes: Any) -> dict[str, Any]:
    return {"source": {"type": "camera", "id": "camera-1"} | changes}


# What the contract takes at its limits, each with what is just beyond, where there is such.
LIMITS: dict[str, tuple[dict[str, Any], dict[str, Any] | None]] = {
    "edge": ({"edge_id": NAME}, {"edge_id": NAME + "a"}),
    "watch": ({"watch_id": "0._-" + "a" * 60}, {"watch_id": "_a"}),
    "source": (_source(id=NAME, preset=NAME), _source(id=NAME, preset=NAME + "a")),
    "zone of three": ({"zone": [CORNER] * 3}, {"zone": [CORNER] * 2}),
    "zone of a hundred": ({"zone": [CORNER] * 100}, {"zone": [CORNER] * 101}),
    "position": (
        _position(longitude=180, latitude=-90, position_error_m=1.7e308),
        _position(longitude=180.1, latitude=-90),
    ),
    "position without an error": (_position(position_error_m=0), _position(position_error_m=-0.1)),
    "asset": ({"asset_id": SHORT}, {"asset_id": SHORT + "a"}),
    "an unseen character": ({"asset_id": "\x01"}, {"asset_id": "\x00"}),
    "times": (
        {"first_seen_at": "0001-01-01T00:00:00Z", "occurred_at": "9999-12-31T23:59:59Z", "sent_at": MOMENT},
        {"first_seen_at": "0001-01-01T00:00:00+14:00"},
    ),
    "clock": ({"clock_offset_ms": -(10**18)}, {"clock_offset_ms": 0.5}),
    "dwell": ({"dwell_s": 1.7e308}, {"dwell_s": -1}),
    "scores": ({"score": 1} | _finding(score=0), {"score": 1.01}),
    "findings": ({"findings": [{"label": "stall"}] * 100}, {"findings": [{"label": "stall"}] * 101}),
    "label": (_finding(label=SHORT), _finding(label=SHORT + "a")),
    "box": (_finding(box=[0, 0, 1, 1]), _finding(box=[0, 0, 1, 1.01])),
    "polygon of three": (_finding(polygon=[CORNER] * 3), _finding(polygon=[CORNER] * 2)),
    "polygon of two hundred": (_finding(polygon=[CORNER] * 200), _finding(polygon=[CORNER] * 201)),
    "reading": (
        {"reading": {"value": -1.7e308, "unit": SHORT, "threshold": 1.7e308}},
        {"reading": {"value": 1, "unit": SHORT + "a"}},
    ),
    "evidence": (
        {"evidence": [_item(sha256=f"{n:064x}")["evidence"][0] for n in range(50)]},
        {"evidence": _item()["evidence"] * 51},
    ),
    "media type": (_item(media_type=MEDIA_TYPE), _item(media_type="a" + MEDIA_TYPE)),
    "media type's rest": (_item(media_type="a/.+-"), _item(media_type=MEDIA_TYPE + "z")),
    "size": (_item(size_bytes=EVIDENCE_MAX_BYTES, plate_kept=True), _item(size_bytes=EVIDENCE_MAX_BYTES + 1)),
    "sacrifice": (_item(state="sacrificed", reason=TEXT), _item(state="sacrificed", reason=TEXT + "a")),
    "detector": (
        {"detector": {"name": SHORT, "version": SHORT, "weights_sha256": "f" * 64}},
        {"detector": {"name": SHORT + "a"}},
    ),
    **{f"source {word}": (_source(type=word), None) for word in SourceType},
    **{f"datum {word}": (_position(datum=word), None) for word in Datum},
    **{f"role {word}": (_item(role=word), None) for word in EvidenceRole},
    **{f"state {word}": (_item(state=word, reason="full"), None) for word in EvidenceState},
    **{f"cleared {word}": ({"phase": "cleared", "clear_reason": word}, None) for word in ClearReason},
    "updated": ({"phase": "updated"}, {"phase": "forgotten"}),
}


def _entry(event: dict[str, Any]) -> StreamEntry:
    body = json.dumps(event).encode()
    return StreamEntry("18446744073709551615-18446744073709551615", body, event["edge_id"], MOMENT, "r" * 64)


@pytest.mark.parametrize(("at_the_limit", "beyond"), LIMITS.values(), ids=list(LIMITS))
def test_an_event_at_a_limit_of_the_contract_becomes_a_case(
    *, shared_place: Place, at_the_limit: dict[str, Any], beyond: dict[str, Any] | None
) -> None:
    if beyond is not None:
        with pytest.raises(ValidationError):
            Event.model_validate_json(json.dumps(_event(**beyond)))
    [answer] = shared_place.report(report_of(_entry(_event(**at_the_limit))))
    assert (answer.outcome, answer.reason) == (ReportOutcome.NEW_CASE, None)


def test_no_field_of_the_contract_is_lost_on_the_way() -> None:
    said = _fields(Event) - {"schema_version", "event_id", "clock_offset_ms"}
    renamed = {"source", "source.type", "source.id", "source.preset"}
    assert said - _fields(Report) == renamed
    assert {"source_type", "source_id", "preset"} <= _fields(Report)


def _fields(model: type[BaseModel], prefix: str = "") -> set[str]:
    """The names of all fields, those of models inside under their field's name and a dot."""
    names: set[str] = set()
    for name, field in model.model_fields.items():
        names.add(prefix + name)
        for inner in _models_in(field.annotation):
            names |= _fields(inner, f"{prefix}{name}.")
    return names


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models_in(part)]
