"""Draws what cameras tell about their incidents: each in its order, interleaved, repeated, or in no order at all."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from hypothesis import strategies as st

from api.schemas import Report, ReportedPosition

NOON = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
JOINS_BY_WATCH, JOINS_BY_INCIDENT = "street-encroachment", "manhole-open"
FAR_APART_DEG = 0.1
GIVEN_UP = "disk budget"
FORGOTTEN = UUID(int=99)
"""An incident that nobody tells of."""


@st.composite
def a_life(draw: st.DrawFn, *, number: int, source: int) -> list[Report]:
    """One incident as its edge tells it, in order: raised, updated, cleared, perhaps seen again and cleared again."""
    watch = draw(st.integers(0, 1))
    kind = (JOINS_BY_WATCH, JOINS_BY_INCIDENT)[draw(st.integers(0, 1))]
    first = 10 * source
    recurs = None if number == first else draw(st.sampled_from([None, _incident_id(first), FORGOTTEN]))
    phases = ["raised", *["updated"] * draw(st.integers(0, 2))]
    phases += draw(st.sampled_from([[], ["cleared"], ["cleared", "updated"], ["cleared", "cleared"]]))
    minutes = sorted(draw(st.lists(st.integers(0, 30), min_size=len(phases), max_size=len(phases))))
    told: list[Report] = []
    for step, (phase, minute) in enumerate(zip(phases, minutes, strict=True)):
        occurred_at = NOON + timedelta(minutes=minute)
        told.append(
            Report(
                report_id=UUID(int=1000 * number + step),
                incident_id=_incident_id(number),
                recurs=recurs,
                phase=phase,
                clear_reason=draw(st.sampled_from(["gone", "lost", "out_of_hours"])) if phase == "cleared" else None,
                edge_id=f"edge-{source % 2}",
                source_type="camera",
                source_id=f"camera-{source}",
                kind=kind,
                watch_id=f"camera-{source}-watch-{watch}",
                position={"longitude": 100 + source * FAR_APART_DEG, "latitude": 30},
                first_seen_at=NOON - timedelta(minutes=draw(st.integers(0, 3))),
                occurred_at=occurred_at,
                received_at=occurred_at,
                dwell_s=draw(st.none() | st.integers(0, 900)),
                score=draw(st.none() | st.sampled_from([0.25, 0.5, 0.75])),
                evidence=_some_evidence(draw, number),
            )
        )
    return told


def _incident_id(number: int) -> UUID:
    return UUID(int=10**6 + number)


def _some_evidence(draw: st.DrawFn, number: int) -> list[dict[str, Any]]:
    """Some of an incident's three pictures, as an event names them: waiting, sent, or given up."""
    named = []
    for picture, role in enumerate(("start", "crop", "after")):
        if draw(st.booleans()):
            state = draw(st.sampled_from(["pending", "present", "sacrificed"]))
            named.append(
                {
                    "sha256": f"{number * 3 + picture:064x}",
                    "media_type": "image/jpeg",
                    "size_bytes": 7000,
                    "role": role,
                    "taken_at": NOON,
                    "state": state,
                    "reason": GIVEN_UP if state == "sacrificed" else None,
                    "plate_kept": draw(st.booleans()),
                }
            )
    return named


@st.composite
def sources(draw: st.DrawFn) -> list[list[Report]]:
    """What each of up to four cameras tells, in its order; they are kilometres from each other."""
    count = draw(st.integers(1, 4))
    told: list[list[Report]] = []
    for source in range(count):
        lives = [draw(a_life(number=source * 10 + n, source=source)) for n in range(draw(st.integers(1, 3)))]
        told.append(_merged(lives, draw))
    return told


def _merged(orders: Sequence[Sequence[Report]], draw: st.DrawFn) -> list[Report]:
    """Interleaves, keeping each one's order."""
    turns = draw(st.permutations([number for number, order in enumerate(orders) for _ in order]))
    left = [iter(order) for order in orders]
    return [next(left[turn]) for turn in turns]


@st.composite
def neighbours(draw: st.DrawFn) -> list[Report]:
    """What up to four cameras tell of one thing, each from one watch and at one place, in no order at all."""
    told = [report for source in draw(sources()) for report in source]
    of_one_thing = [
        report.model_copy(
            update={
                "kind": JOINS_BY_WATCH,
                "watch_id": f"{report.source_id}-watch",
                "position": ReportedPosition(longitude=100, latitude=30),
            }
        )
        for report in told
    ]
    return draw(st.permutations(_with_repetitions(of_one_thing, draw)))


@st.composite
def interleaved(draw: st.DrawFn) -> list[Report]:
    """The sources' reports, each source in its order, the sources in any; some come again, right then or later."""
    told = [_with_repetitions(source, draw) for source in draw(sources())]
    return _merged(told, draw)


@st.composite
def shuffled(draw: st.DrawFn) -> list[Report]:
    """The same in no order at all: `cleared` before `raised`, and what comes back before it went."""
    told = [report for source in draw(sources()) for report in source]
    return draw(st.permutations(_with_repetitions(told, draw)))


def _with_repetitions(told: Sequence[Report], draw: st.DrawFn) -> list[Report]:
    """Adds reports that were delivered before: by another way, received later."""
    again = list(told)
    for at in draw(st.lists(st.integers(0, len(told) - 1), max_size=4)):
        late = {"received_at": told[at].received_at + timedelta(minutes=1), "stream_entry": f"again-{at}"}
        again.insert(draw(st.integers(again.index(told[at]) + 1, len(again))), told[at].model_copy(update=late))
    return again
