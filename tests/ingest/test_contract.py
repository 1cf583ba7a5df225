"""The contract between edge and centre: what was once sent must be read for ever."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from ingest.configuration import EdgeConfiguration, Watch
from ingest.contract import Event, EventAnswer, EvidenceItem, PostAnswer, without_envelope
from ingest.edge_messages import EdgeRequest, EdgeStatus, RequestResult

GOLDEN = Path(__file__).parents[1] / "golden"
MODELS: dict[str, type[BaseModel]] = {
    "event": Event,
    "cloudevent": Event,
    "edge-status": EdgeStatus,
    "edge-request": EdgeRequest,
    "request-result": RequestResult,
    "post-answer": PostAnswer,
    "configuration": EdgeConfiguration,
}
FILES = sorted(GOLDEN.glob("*.json"))

# design.md's words: every field of the contract must be in the schema under this very name.
FIELDS_OF_AN_EVENT = {
    "schema_version", "event_id", "incident_id", "phase", "clear_reason", "edge_id", "source", "kind", "watch_id",
    "zone", "position", "asset_id", "first_seen_at", "occurred_at", "sent_at", "clock_offset_ms", "score", "findings",
    "reading", "evidence", "detector",
}  # fmt: skip
FIELDS_OF_PARTS = {
    "Source": {"type", "id", "preset"},
    "Position": {"longitude", "latitude", "datum", "position_error_m"},
    "EventReading": {"value", "unit", "threshold"},
    "EvidenceItem": {
        "sha256",
        "media_type",
        "size_bytes",
        "role",
        "taken_at",
        "state",
        "reason",
        "plate_kept",
        "stream",
    },
    "DetectorMark": {"name", "version", "weights_sha256"},
}
WORDS = {
    "Phase": {"raised", "updated", "cleared"},
    "ClearReason": {"gone", "withdrawn", "out_of_hours", "permitted", "lost"},
    "SourceType": {"camera", "sensor", "edge"},
    "Datum": {"WGS84", "GCJ02"},
    "EvidenceRole": {"start", "confirm", "crop", "wide", "timelapse", "after", "chart"},
    "EvidenceState": {"pending", "present", "sacrificed"},
}


def golden(name: str) -> Any:
    return json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))


def model_of(path: Path) -> type[BaseModel]:
    return MODELS[path.name.partition("-v")[0]]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_golden_file_loads_for_ever_and_survives_a_round_trip(path: Path) -> None:
    model = model_of(path)
    first = model.model_validate(without_envelope(json.loads(path.read_text(encoding="utf-8"))))
    assert model.model_validate_json(first.model_dump_json()) == first


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_nothing_known_in_a_golden_file_gets_lost(path: Path) -> None:
    sent = without_envelope(json.loads(path.read_text(encoding="utf-8")))
    read = json.loads(model_of(path).model_validate(sent).model_dump_json())
    unknown = {"weather"} if "unknown" in path.name else set()
    assert set(sent) - set(read) == unknown


def test_there_is_a_golden_file_of_every_message() -> None:
    assert {path.name.partition("-v")[0] for path in FILES} == set(MODELS)


def test_the_schema_of_an_event_names_all_fields_of_the_design() -> None:
    assert set(Event.model_json_schema()["properties"]) >= FIELDS_OF_AN_EVENT


@pytest.mark.parametrize(("part", "fields"), FIELDS_OF_PARTS.items())
def test_the_schema_of_a_part_names_all_fields_of_the_design(part: str, fields: set[str]) -> None:
    assert set(Event.model_json_schema()["$defs"][part]["properties"]) == fields


@pytest.mark.parametrize(("name", "words"), WORDS.items())
def test_the_words_are_those_of_the_design(name: str, words: set[str]) -> None:
    assert set(Event.model_json_schema()["$defs"][name]["enum"]) == words


def test_the_answers_are_those_of_the_design() -> None:
    answers = PostAnswer.model_json_schema()["$defs"]["Answer"]["enum"]
    assert set(answers) == {"accepted", "duplicate", "held", "refused"}


def test_an_event_in_an_envelope_is_the_event() -> None:
    event = Event.model_validate(golden("event-v1-sensor-raised"))
    enveloped = json.loads(json.dumps(event.as_cloudevent()))
    assert Event.model_validate(without_envelope(enveloped)) == event
    assert enveloped["type"] == "streetcase.incident.raised.v1"


def test_times_are_kept_in_utc() -> None:
    event = Event.model_validate(golden("event-v1-sensor-raised"))
    assert event.occurred_at.isoformat() == "2026-03-14T06:01:00+00:00"


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"phase": "cleared"}, "clear_reason"),
        ({"clear_reason": "gone"}, "clear_reason"),
        ({"occurred_at": "2026-03-14T01:05:00"}, "timezone"),
        ({"score": 1.2}, "less than or equal to 1"),
        ({"zone": [[0, 0], [1, 1]]}, "at least 3"),
        ({"event_id": "7"}, "UUID"),
        ({"edge_id": "../etc"}, "match pattern"),
        ({"dwell_s": -1}, "greater than or equal to 0"),
    ],
)
def test_a_malformed_event_is_refused_with_its_reason(change: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        Event.model_validate(golden("event-v1-camera-raised") | change)


def test_sacrificed_evidence_needs_a_reason() -> None:
    item = golden("event-v1-camera-updated")["evidence"][1]
    with pytest.raises(ValidationError, match="reason"):
        EvidenceItem.model_validate(item | {"reason": None})


def test_an_answer_about_a_hopeless_message_has_no_event_id() -> None:
    assert PostAnswer.model_validate(golden("post-answer-v1")).answers[3] == EventAnswer(
        position=3, answer="refused", reason="event: Input should be an object"
    )


def test_a_misspelt_key_is_an_error_in_configuration() -> None:
    with pytest.raises(ValidationError, match="dwel_s"):
        EdgeConfiguration.model_validate(golden("configuration-v1") | {"dwel_s": 3})


def test_the_draft_in_a_request_is_a_watch() -> None:
    request = EdgeRequest.model_validate(golden("edge-request-v1-try-watch"))
    assert Watch.model_validate(request.watch).kind == "shop-overflow"
