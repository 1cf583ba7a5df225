"""What the gateway does with a message: into the stream, parked at the edge, or refused with a reason."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import pytest
from fastapi import HTTPException
from pydantic import StringConstraints

from api.schemas import Report
from ingest.contract import Event, EventAnswer, without_envelope
from ingest.entries import StreamEntry
from ingest.raw_reports import raw_report_of
from ingest.reports import EntryUnreadable, report_of
from ingest.sorting import Sound, messages_of, sort_message
from ingest.wording import REASON_MAX

GOLDEN = Path(__file__).parents[1] / "golden"
KINDS = frozenset({"street-encroachment", "manhole-open"})


def golden(name: str) -> Any:
    return json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))


def sort(message: Any) -> Sound | EventAnswer:
    return sort_message(message, position=0, edge_id="laian-01", kinds=KINDS)


def entry(event: bytes, edge_id: str = "laian-01") -> StreamEntry:
    return StreamEntry("1-0", event, edge_id, "2026-03-14T06:01:00+00:00", "request-1")


def nested(depth: int) -> Any:
    deep: Any = 1
    for _ in range(depth):
        deep = [deep]
    return deep


@pytest.mark.parametrize("name", [path.stem for path in GOLDEN.glob("*event-v1-*raised.json")])
def test_a_sound_event_becomes_a_report_without_loss(name: str) -> None:
    sound = sort(golden(name))
    assert isinstance(sound, Sound)
    report, event = report_of(entry(sound.event_json)), Event.model_validate_json(sound.event_json)
    assert sound.event_id == event.event_id
    assert sound.source == f"{event.source.type}/{event.source.id}"
    assert (report.report_id, report.source_id) == (event.event_id, event.source.id)
    lost = set(event.model_dump()) - set(report.model_dump())
    assert lost == {"schema_version", "event_id", "source", "clock_offset_ms"}
    assert report.model_dump()["evidence"] == event.model_dump()["evidence"]
    assert report.model_dump()["position"] == event.model_dump()["position"]


@pytest.mark.parametrize("name", [path.stem for path in GOLDEN.glob("*event-v1-*.json")])
def test_what_a_worker_sends_unchecked_is_the_report_that_the_gateway_checked(name: str) -> None:
    lying = entry(json.dumps(without_envelope(golden(name))).encode())
    assert Report.model_validate(json.loads(raw_report_of(lying))) == report_of(lying)


def test_unknown_fields_go_on_for_a_reader_that_knows_them() -> None:
    sound = sort(golden("event-v1-unknown-fields"))
    assert isinstance(sound, Sound)
    assert json.loads(sound.event_json)["weather"] == {"rain": True, "lux": [120, 80]}
    assert report_of(entry(sound.event_json))


@pytest.mark.parametrize(
    ("change", "answer", "reason"),
    [
        ({"schema_version": 2}, "held", "the centre reads schema_version 1, this is 2"),
        ({"schema_version": 2, "phase": "vanished", "zone": 7}, "held", "the centre reads"),
        ({"schema_version": "2"}, "held", "the centre reads"),
        ({"schema_version": 10**4000}, "held", "the centre reads"),
        ({"kind": "snow-on-roof"}, "held", "does not know the kind snow-on-roof"),
        ({"schema_version": 0}, "refused", "schema_version"),
        ({"edge_id": "dingyuan-02"}, "refused", "posted with the key of laian-01"),
        ({"phase": "vanished"}, "refused", "phase"),
        ({"occurred_at": "yesterday"}, "refused", "occurred_at"),
        ({"score": 10**4000}, "refused", "score"),
        ({"score": float("inf")}, "refused", "JSON does not carry"),
        ({"unknown": float("inf")}, "refused", "JSON does not carry"),
        ({"unknown": "half a pair \ud800"}, "refused", "JSON does not carry"),
        ({"unknown": nested(500)}, "refused", "recursion"),
        ({"kind": "half \ud800"}, "refused", "JSON does not carry"),
        ({"findings": [{"label": "x"}] * 101}, "refused", "findings"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_does_not_fit_is_held_or_refused_with_its_reason(change: dict[str, Any], answer: str, reason: str) -> None:
    answered = sort(golden("event-v1-camera-raised") | change)
    assert isinstance(answered, EventAnswer)
    assert answered.answer == answer
    assert reason in (answered.reason or "")
    assert len(answered.reason or "") <= REASON_MAX
    assert answered.event_id == Event.model_validate(golden("event-v1-camera-raised")).event_id
    answered.model_dump_json().encode()


def test_what_fits_the_contract_but_no_report_is_refused_and_never_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    class StricterReport(Report):
        watch_id: Annotated[str, StringConstraints(max_length=3)]

    event = golden("event-v1-camera-raised")
    assert isinstance(sort(event), Sound)
    monkeypatch.setattr("ingest.reports.Report", StricterReport)
    answered = sort(event)
    assert isinstance(answered, EventAnswer)
    assert (answered.answer, answered.reason) == ("refused", "watch_id: String should have at most 3 characters")


@pytest.mark.parametrize("message", [None, 7, "event", [], {}, {"event_id": 7}, {"specversion": "1.0", "data": 3}])
def test_what_is_no_event_at_all_is_refused(message: Any) -> None:
    answered = sort(message)
    assert isinstance(answered, EventAnswer)
    assert (answered.answer, answered.event_id) == ("refused", None)


def test_many_faults_make_one_short_sentence() -> None:
    answered = sort({"event_id": "x" * 10_000, "phase": "y" * 10_000})
    assert isinstance(answered, EventAnswer)
    assert "and 6 more" in (answered.reason or "")


@pytest.mark.parametrize("body", [[1, 2], {"events": [1, 2]}])
def test_a_list_or_an_object_with_events_carries_messages(body: Any) -> None:
    assert messages_of(body) == [1, 2]


def test_one_envelope_is_one_message() -> None:
    envelope = golden("cloudevent-v1-sensor-raised")
    assert messages_of(envelope) == [envelope]
    assert isinstance(sort(envelope), Sound)


@pytest.mark.parametrize(("body", "status"), [({}, 400), (7, 400), ({"events": {}}, 400), ([0] * 501, 413)])
def test_a_body_without_a_fitting_list_is_an_error(body: Any, status: int) -> None:
    with pytest.raises(HTTPException) as caught:
        messages_of(body)
    assert caught.value.status_code == status


@pytest.mark.parametrize(
    ("event", "edge_id", "reason"),
    [
        (b"\xff\xfe", "laian-01", "JSON"),
        (b"", "laian-01", "JSON"),
        (b"{}", "laian-01", "event_id|edge_id"),
        (b"[]", "laian-01", "object"),
        (json.dumps(golden("event-v1-camera-raised")).encode(), "another-edge", "posted with the key of another-edge"),
    ],
)
@pytest.mark.parametrize("read", [report_of, raw_report_of])
def test_an_entry_that_can_be_no_report_says_why(
    event: bytes, edge_id: str, reason: str, read: Callable[[StreamEntry], object]
) -> None:
    with pytest.raises(EntryUnreadable, match=reason):
        read(entry(event, edge_id))
