"""Says what a try came to: as JSON for programs, as a table for people."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from edge.trying.clip import Clip
from edge.trying.course import Course
from edge.trying.run import Outcome
from edge.trying.watches import Tried
from ingest.configuration import Watch


def warnings_before(clip: Clip, watches: Sequence[Watch]) -> list[str]:
    """What keeps a watch from raising anything in a clip of this length."""
    return [
        f"watch {watch.id} raises nothing: it wants {watch.dwell_s:g} s of staying, the clip has {clip.seconds:.0f} s"
        for watch in watches
        if 0 < clip.seconds < watch.dwell_s
    ]


def summary_of(
    outcome: Outcome, clip: Clip, tried: Tried, *, took_s: float, warnings: Sequence[str]
) -> dict[str, object]:
    """Returns what ``summary.json`` holds; times are seconds of the clip."""
    course = outcome.course
    return {
        "clip": str(clip.file),
        "start": course.start.isoformat(),
        "clip_s": round(clip.seconds, 3),
        "tried_s": round(course.passed_s, 3),
        "took_s": round(took_s, 3),
        "clip_s_per_s": round(course.passed_s / took_s, 2) if took_s > 0 else None,
        "camera": tried.camera.id,
        "look_every_s": tried.camera.look_every_s,
        "looks": len(course.looks_s),
        "detector_runs": course.detector_runs,
        "events": course.events,
        "stopped": outcome.stopped,
        "fault": outcome.fault,
        "look_faults": course.faults,
        "warnings": list(warnings),
        "watches": [_watch(course, watch) for watch in course.watches_of(tried.camera, tried.watches)],
        "incidents": [
            {**dataclasses.asdict(incident), "incident_id": str(incident.incident_id)}
            for incident in course.incidents.values()
        ],
    }


def _watch(course: Course, watch: Watch) -> dict[str, object]:
    incidents = [i for i in course.incidents.values() if i.watch_id == watch.id]
    return {
        "id": watch.id,
        "kind": watch.kind,
        "looks_with_findings": len(course.found_s.get(watch.id, ())),
        "stays": sum(stay.watch_id == watch.id for stay in course.stays.values()),
        "incidents": len(incidents),
        "open": sum(i.cleared_s is None for i in incidents),
    }


def print_outcome(console: Console, outcome: Outcome, tried: Tried, *, took_s: float) -> None:
    """Prints the incidents of each watch and what they cost."""
    course = outcome.course
    table = Table(
        "watch", "kind", "looks with findings", "stays", "incidents", "still there", title="What the clip showed"
    )
    for watch in course.watches_of(tried.camera, tried.watches):
        row = _watch(course, watch)
        columns = ("id", "kind", "looks_with_findings", "stays", "incidents", "open")
        table.add_row(*(escape(str(row[column])) for column in columns))
    console.print(table)
    if course.incidents:
        _print_incidents(console, course)
    speed = course.passed_s / took_s if took_s > 0 else 0.0
    console.print(
        f"{course.passed_s:.0f} s of the clip, {len(course.looks_s)} looks, {course.detector_runs} detector runs, "
        f"{speed:.1f} seconds of clip per second",
        highlight=False,
    )


def _print_incidents(console: Console, course: Course) -> None:
    table = Table("watch", "no", "what", "first seen", "raised", "gone", title="Incidents, in seconds of the clip")
    for incident in course.incidents.values():
        gone = "still there" if incident.cleared_s is None else f"{incident.cleared_s:.1f}"
        table.add_row(
            escape(incident.watch_id),
            str(incident.number),
            escape(incident.label or ""),
            f"{incident.first_seen_s:.1f}",
            f"{incident.raised_s:.1f}",
            gone,
        )
    console.print(table)
